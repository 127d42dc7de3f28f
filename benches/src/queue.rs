//! What uploads cost that wait for their turn, and those that run: libtus only, see `tus_queue.c`.

use std::process::Stdio;

use crate::Result;
use crate::contenders::Program;
use crate::data::Data;
use crate::options::Options;
use crate::server::Server;
use crate::statistics::Spread;

/// How many uploads run at once where those that run are measured.
const RUNNING: u32 = 50;

/// What one run measured of itself.
struct Run {
    /// Resident memory of one upload, in KiB.
    memory: f64,
    /// Threads of the process, the program's own one included.
    threads: f64,
    /// Milliseconds to submit all.
    submit: f64,
    /// Milliseconds to cancel all, until the last one is over.
    cancel: f64,
}

/// Runs each kind as often as asked and prints the table.
pub(crate) fn measure(options: &Options, sink: &Server, program: &Program, data: &Data) -> Result<()> {
    let queued = options.queued;
    let kinds = [
        ("queued-files", queued, format!("{queued} files waiting behind one upload")),
        ("queued-memory", queued, format!("{queued} memory sources waiting behind one upload")),
        ("running", RUNNING, format!("{RUNNING} files held in the middle of their PATCH")),
    ];
    let width = kinds.iter().map(|(_, _, title)| title.len()).max().unwrap_or(0);
    println!("\nlibtus, uploads that wait and uploads that run");
    println!(
        "  {:width$}  {:>24}  {:>7}  {:>22}  {:>22}",
        "", "KiB of memory each", "threads", "ms to submit all", "ms to cancel all"
    );
    for (kind, count, title) in kinds {
        eprintln!("... {title}");
        let run = |_| run(sink, program, data, kind, count);
        let runs = (0..options.rounds).map(run).collect::<Result<Vec<_>>>()?;
        let of = |value: fn(&Run) -> f64| Spread::of(runs.iter().map(value));
        println!(
            "  {title:width$}  {:>24}  {:>7.0}  {:>22}  {:>22}",
            of(|run| run.memory).shown(2),
            of(|run| run.threads).most,
            of(|run| run.submit).shown(1),
            of(|run| run.cancel).shown(1),
        );
    }
    Ok(())
}

/// One run in a process of its own.
fn run(sink: &Server, program: &Program, data: &Data, kind: &str, count: u32) -> Result<Run> {
    let mut command = program.command();
    command.args([kind, &sink.holding_url()]).arg(&data.small).arg(&data.medium).arg(count.to_string());
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("{kind}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{kind}: {}", output.status));
    }
    Run::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| format!("{kind}: it measured nothing"))
}

impl Run {
    /// Reads the line that the program prints.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| -> Option<f64> {
            let word = text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
            word.parse().ok()
        };
        Some(Self {
            memory: field("each_bytes")? / 1024.0,
            threads: field("threads")?,
            submit: field("submit_ns")? / 1e6,
            cancel: field("cancel_ns")? / 1e6,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_line_is_read() {
        let run = Run::parse("each_bytes=1536 threads=3 submit_ns=2500000 cancel_ns=1000000\n").unwrap();
        assert_eq!((run.memory, run.threads, run.submit, run.cancel), (1.5, 3.0, 2.5, 1.0));
        assert!(Run::parse("each_bytes=1536").is_none());
    }
}
