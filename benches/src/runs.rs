//! The contenders take turns, each run in a process of its own, and every run is checked against what the server got.

use std::process::Stdio;

use crate::Result;
use crate::cases::{Case, Measure};
use crate::contenders::{Contender, Field};
use crate::options::Options;
use crate::server::Server;

/// What one run measured of itself.
pub(crate) struct Run {
    /// Seconds from the first call to the last.
    pub(crate) wall: f64,
    /// Seconds of processor time in between, of all threads, the kernel's work for them included.
    pub(crate) cpu: f64,
    /// Resident memory at its peak, less what there was before the first call, in MiB.
    pub(crate) memory: f64,
}

/// The runs of one contender in one case.
pub(crate) struct Runs<'a> {
    pub(crate) contender: &'a Contender,
    pub(crate) runs: Vec<Run>,
}

/// One case, done by all.
pub(crate) struct Comparison<'a> {
    pub(crate) case: &'a Case,
    pub(crate) results: Vec<Runs<'a>>,
}

/// Lets every contender do the case as often as asked. Whoever begins a round is last in the next, and a first round
/// that warms caches is not counted where speed is measured.
pub(crate) fn take_turns<'a>(
    options: &Options,
    sink: &Server,
    field: &'a Field,
    case: &'a Case,
) -> Result<Comparison<'a>> {
    eprintln!("... {}", case.title);
    let contenders = field.contenders.iter().filter(|contender| contender.takes_part(case));
    let mut results: Vec<_> = contenders.map(|contender| Runs { contender, runs: Vec::new() }).collect();
    if case.measure == Measure::Speed {
        for result in &results {
            run(sink, result.contender, case)?;
        }
    }
    for round in 0..case.rounds(options) {
        for turn in 0..results.len() {
            let index = (turn + round) % results.len();
            let measured = run(sink, results[index].contender, case)?;
            results[index].runs.push(measured);
        }
    }
    Ok(Comparison { case, results })
}

/// One run, believed only if the server has got all of it.
fn run(sink: &Server, contender: &Contender, case: &Case) -> Result<Run> {
    let told = |error: String| format!("{}, {}: {error}", contender.name, case.title);
    let before = sink.received()?;
    let mut command = contender.command(case, &sink.url());
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| told(error.to_string()))?;
    if !output.status.success() {
        return Err(told(output.status.to_string()));
    }
    let after = sink.received()?;
    let received = (after.0 - before.0, after.1 - before.1);
    if received != case.expected() {
        return Err(told(format!("the server got (bytes, uploads) {received:?} instead of {:?}", case.expected())));
    }
    Run::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| told("it measured nothing".into()))
}

impl Run {
    /// Reads the line that a contender prints, see `contender.h`.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| -> Option<f64> {
            let word = text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
            word.parse().ok()
        };
        Some(Self {
            wall: field("wall_ns")? / 1e9,
            cpu: field("cpu_ns")? / 1e9,
            memory: (field("peak_kib")? - field("idle_kib")?).max(0.0) / 1024.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contenders_line_is_read() {
        let run = Run::parse("wall_ns=1500000000 cpu_ns=250000000 idle_kib=1024 peak_kib=3072\n").unwrap();
        assert_eq!((run.wall, run.cpu, run.memory), (1.5, 0.25, 2.0));
        assert!(Run::parse("wall_ns=1 cpu_ns=2").is_none());
    }
}
