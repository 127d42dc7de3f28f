//! Whether libtus keeps what it promises against libcurl with default buffers.

use crate::Result;
use crate::cases::Measure;
use crate::contenders::Role;
use crate::runs::Comparison;
use crate::tables::Figures;

/// The memory that an upload must stay below, in MiB over the idle process.
const MEMORY_LIMIT: f64 = 4.0;

/// Prints what was found. A broken promise is an error if it was to be checked, and so is a comparison without libtus
/// or without libcurl.
pub(crate) fn give(comparisons: &[Comparison<'_>], check: bool) -> Result<()> {
    let found = |role| comparisons.iter().flat_map(|case| &case.results).any(|runs| runs.contender.role == role);
    if !found(Role::Libtus) || !found(Role::Libcurl) {
        let missing = "nothing to judge: libtus and libcurl did not both take part";
        println!("\n{missing}");
        return if check { Err(missing.into()) } else { Ok(()) };
    }
    let broken: Vec<String> = comparisons.iter().flat_map(broken).collect();
    println!();
    match broken.as_slice() {
        [] => println!(
            "libtus is as fast, uses no more processor time, and stays below {MEMORY_LIMIT} MiB: in every case"
        ),
        broken => broken.iter().for_each(|line| println!("not kept: {line}")),
    }
    if check && !broken.is_empty() { Err(format!("{} promises not kept", broken.len())) } else { Ok(()) }
}

/// What libtus does not keep in one case.
fn broken(comparison: &Comparison<'_>) -> Vec<String> {
    let title = &comparison.case.title;
    let of = |role| comparison.results.iter().filter(move |runs| runs.contender.role == role);
    let Some(libtus) = of(Role::Libtus).next() else { return Vec::new() };
    let libtus = Figures::of(comparison, &libtus.runs);
    let mut lines = Vec::new();
    if libtus.memory.most >= MEMORY_LIMIT {
        lines.push(format!("{title}: {:.2} MiB of memory", libtus.memory.most));
    }
    if comparison.case.measure == Measure::Memory {
        return lines;
    }
    for libcurl in of(Role::Libcurl) {
        let name = &libcurl.contender.name;
        let libcurl = Figures::of(comparison, &libcurl.runs);
        if libtus.speed.median < libcurl.speed.median {
            lines.push(format!("{title}: slower than {name}"));
        }
        if libtus.cost.median > libcurl.cost.median {
            lines.push(format!("{title}: more processor time than {name}"));
        }
    }
    lines
}
