//! Runs the parts of a whole one after the other, going on after a failure, and keeps their times.

use std::time::{Duration, Instant};

/// The steps that have run so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    time: Duration,
    error: Option<String>,
}

impl Steps {
    /// Runs one step and says whether it went well.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<(), String>) -> bool {
        println!("\n==> {name}");
        let begun = Instant::now();
        let error = step().err();
        let time = begun.elapsed();
        match &error {
            None => println!("==> {name}: ok, {}", seconds(time)),
            Some(text) => println!("==> {name}: FAILED, {}\n{text}", seconds(time)),
        }
        let well = error.is_none();
        self.done.push(Step { name, time, error });
        well
    }

    /// The names of the steps that failed.
    pub(crate) fn failed(&self) -> Vec<&'static str> {
        self.done.iter().filter(|step| step.error.is_some()).map(|step| step.name).collect()
    }

    /// One line per step: name, outcome, time.
    pub(crate) fn summary(&self) -> String {
        let width = self.done.iter().map(|step| step.name.len()).max().unwrap_or(0);
        let line = |step: &Step| {
            let outcome = if step.error.is_none() { "ok" } else { "FAILED" };
            format!("  {:width$}  {outcome:6}  {:>8}\n", step.name, seconds(step.time))
        };
        self.done.iter().map(line).collect()
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_kept_and_does_not_end_the_run() {
        let mut steps = Steps::default();
        assert!(steps.run("one", || Ok(())));
        assert!(!steps.run("two", || Err("why".into())));
        assert!(steps.run("three", || Ok(())));
        assert_eq!(steps.failed(), ["two"]);
        let summary = steps.summary();
        assert!(summary.starts_with("  one    ok"), "{summary}");
        assert_eq!(summary.lines().count(), 3);
    }
}
