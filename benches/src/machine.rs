//! What of the machine matters to the figures.

use std::fs;
use std::thread;

use crate::contenders::Field;
use crate::namespace::Network;
use crate::options::Options;

/// A load that disturbs the measuring.
const BUSY: f64 = 0.5;

/// Prints the facts, and who takes part.
pub(crate) fn print(options: &Options, network: &Network, field: &Field) {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    println!("linux {}, {cores} cores, {}", read("/proc/sys/kernel/osrelease"), processor());
    println!("congestion control {}, {}; the sink: {}", network.congestion, network.remark, options.sink.word());
    println!("taking part: {}", field.versions.join("; "));
    for line in &field.left_out {
        println!("left out: {line}");
    }
    let load = read("/proc/loadavg").split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    let advice = if load > BUSY { ": too much to measure, wait until the machine is quiet" } else { "" };
    println!("{} rounds, median [least-most]; load at the start {load:.2}{advice}", options.rounds);
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown processor".into(), |(_, name)| name.trim().into())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}
