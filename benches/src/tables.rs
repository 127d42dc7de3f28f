//! The results as text.

use crate::cases::{Measure, Work};
use crate::contenders::{Contender, Role};
use crate::runs::{Comparison, Run, Runs};
use crate::statistics::Spread;

/// How fast and at what cost, in the unit of a case.
pub(crate) struct Figures {
    pub(crate) speed: Spread,
    pub(crate) cost: Spread,
    pub(crate) memory: Spread,
}

/// What a case counts.
struct Unit {
    speed: &'static str,
    cost: &'static str,
    /// How many of what is counted one run is.
    amount: f64,
    /// What seconds are multiplied with for the unit of the cost.
    cost_scale: f64,
    decimals: (usize, usize),
}

impl Unit {
    fn of(comparison: &Comparison<'_>) -> Self {
        let (bytes, uploads) = comparison.case.expected();
        match comparison.case.work {
            Work::File { .. } => {
                Self { speed: "GB/s", cost: "CPU s/GB", amount: bytes as f64 / 1e9, cost_scale: 1.0, decimals: (2, 3) }
            }
            Work::Files { .. } => Self {
                speed: "files/s",
                cost: "CPU us/file",
                amount: uploads as f64,
                cost_scale: 1e6,
                decimals: (0, 1),
            },
        }
    }
}

impl Figures {
    pub(crate) fn of(comparison: &Comparison<'_>, runs: &[Run]) -> Self {
        let unit = Unit::of(comparison);
        Self {
            speed: Spread::of(runs.iter().map(|run| unit.amount / run.wall)),
            cost: Spread::of(runs.iter().map(|run| run.cpu / unit.amount * unit.cost_scale)),
            memory: Spread::of(runs.iter().map(|run| run.memory)),
        }
    }
}

/// The libcurl that the ratios are to: the first with default buffers.
pub(crate) fn reference<'a>(comparison: &'a Comparison<'_>) -> Option<&'a Runs<'a>> {
    comparison.results.iter().find(|runs| runs.contender.role == Role::Libcurl)
}

/// One table for a case about speed.
pub(crate) fn print_speed(comparison: &Comparison<'_>) {
    let unit = Unit::of(comparison);
    let reference = reference(comparison).map(|runs| (runs.contender, Figures::of(comparison, &runs.runs)));
    let ratio_to = reference.as_ref().map_or("nothing", |(contender, _)| &contender.name);
    let width = name_width(comparison.results.iter().map(|runs| runs.contender));

    println!("\n{}  (ratios to {ratio_to})", comparison.case.title);
    println!(
        "  {:width$}  {:>20}  {:>8}  {:>22}  {:>8}  {:>18}",
        "", unit.speed, "ratio", unit.cost, "ratio", "memory MiB"
    );
    for runs in &comparison.results {
        let figures = Figures::of(comparison, &runs.runs);
        let ratio = |own: f64, of: fn(&Figures) -> f64| match &reference {
            Some((_, reference)) => format!("{:.2}", own / of(reference)),
            None => "-".into(),
        };
        println!(
            "  {:width$}  {:>20}  {:>8}  {:>22}  {:>8}  {:>18}",
            runs.contender.name,
            figures.speed.shown(unit.decimals.0),
            ratio(figures.speed.median, |other| other.speed.median),
            figures.cost.shown(unit.decimals.1),
            ratio(figures.cost.median, |other| other.cost.median),
            figures.memory.shown(2),
        );
    }
}

/// One table for all cases about memory, a line each.
pub(crate) fn print_memory(comparisons: &[Comparison<'_>]) {
    let rows = || comparisons.iter().filter(|comparison| comparison.case.measure == Measure::Memory);
    let Some(first) = rows().next() else { return };
    let width = rows().map(|comparison| comparison.case.title.len()).max().unwrap_or(0);
    let column = name_width(first.results.iter().map(|runs| runs.contender)).max(18);

    println!("\nmemory over the idle process, MiB");
    let names: Vec<_> = first.results.iter().map(|runs| format!("{:>column$}", runs.contender.name)).collect();
    println!("  {:width$}  {}", "", names.join("  "));
    for comparison in rows() {
        let memory = |runs: &Runs<'_>| Figures::of(comparison, &runs.runs).memory.shown(2);
        let cells: Vec<_> = comparison.results.iter().map(|runs| format!("{:>column$}", memory(runs))).collect();
        println!("  {:width$}  {}", comparison.case.title, cells.join("  "));
    }
}

fn name_width<'a>(contenders: impl Iterator<Item = &'a Contender>) -> usize {
    contenders.map(|contender| contender.name.len()).max().unwrap_or(0)
}
