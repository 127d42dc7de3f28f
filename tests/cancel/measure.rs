//! Rounds at a place, and what they add up to.

use std::collections::HashMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tus::engine::control::Control;
use tus::error::{Error, ErrorKind};

/// The most a cancel may take.
const PROMISED: Duration = Duration::from_millis(50);
/// How long the cancel comes after the operation has arrived, at most.
const LATEST: f64 = 0.03;
/// An operation that has not arrived by then never will.
pub(crate) const LOST: Duration = Duration::from_secs(20);
/// After which rounds what is left is looked at: every so many.
const LOOK: usize = 40;

/// How many places are measured at the same time where rounds do nothing but wait.
const SIDE_BY_SIDE: usize = 4;

/// A place where an operation may be when it is cancelled.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    name: &'static str,
    rounds: fn() -> Rounds,
    /// Whether its rounds need the machine for themselves.
    busy: bool,
}

impl Place {
    /// One where nothing is to be done but to wait.
    pub(crate) fn quiet(name: &'static str, rounds: fn() -> Rounds) -> Place {
        Place { name, rounds, busy: false }
    }

    /// One where bytes are on their way or are digested.
    pub(crate) fn busy(name: &'static str, rounds: fn() -> Rounds) -> Place {
        Place { name, rounds, busy: true }
    }
}

/// What makes a round there.
pub(crate) type Rounds = Box<dyn FnMut(&Round)>;

/// One round.
pub(crate) struct Round {
    pub(crate) number: usize,
    delay: Duration,
    took: Mutex<Option<Took>>,
}

impl Round {
    /// Whether what is left after it is to be looked at.
    pub(crate) fn looks(&self) -> bool {
        self.number % LOOK == LOOK - 1
    }

    /// Runs an operation and cancels it a moment after `reached` has returned, which waits on another thread until the
    /// operation is at its place; what it returns is kept until the operation is over.
    pub(crate) fn run<T, K: Send>(
        &self,
        control: &Control,
        reached: impl FnOnce() -> K + Send,
        operation: impl FnOnce() -> Result<T, Error>,
    ) -> Error {
        self.run_beside(|| control.cancel(), reached, operation, || None)
    }

    /// The same with another way to cancel, and with a moment before which the operation could not return: when the
    /// caller's function that it was in had returned.
    pub(crate) fn run_beside<T, K: Send>(
        &self,
        cancel: impl FnOnce() + Send,
        reached: impl FnOnce() -> K + Send,
        operation: impl FnOnce() -> Result<T, Error>,
        freed: impl FnOnce() -> Option<Instant>,
    ) -> Error {
        let operating = Queueing::mine();
        let (result, cancelled, ended, queued) = std::thread::scope(|scope| {
            let canceller = scope.spawn(|| {
                // Without a cancel the operation would never end.
                let kept = catch_unwind(AssertUnwindSafe(reached));
                std::thread::sleep(self.delay);
                let canceller = Queueing::mine();
                let (own, others) = (canceller.so_far(), operating.with_the_librarys());
                let at = Instant::now();
                cancel();
                (kept, at, canceller.so_far().saturating_sub(own), others)
            });
            let result = operation();
            let ended = Instant::now();
            let after = operating.with_the_librarys();
            let (kept, at, own, before) = canceller.join().unwrap();
            kept.unwrap_or_else(|panic| resume_unwind(panic));
            (result, at, ended, own + grown(&before, &after))
        });
        let error = result.map(drop).expect_err("it was over before it was cancelled");
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
        let since = freed().map_or(cancelled, |freed| freed.max(cancelled));
        let took = ended.checked_duration_since(since).expect("it ended before it was cancelled");
        *self.took.lock().unwrap() = Some(Took { whole: took, queued: queued.min(took) });
        error
    }
}

/// How long a cancel took.
#[derive(Clone, Copy)]
struct Took {
    whole: Duration,
    /// For so long of it those who had something to do waited for a processor, which is no fault of theirs.
    queued: Duration,
}

/// How long a thread has waited for a processor since it began, as the system counts it; where it does not, the promise
/// is held against the whole time.
struct Queueing(PathBuf);

impl Queueing {
    fn mine() -> Queueing {
        let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
        Queueing(Path::new("/proc").join(thread))
    }

    fn so_far(&self) -> Duration {
        let text = fs::read_to_string(self.0.join("schedstat")).unwrap_or_default();
        let waited = text.split_whitespace().nth(1).and_then(|text| text.parse().ok());
        Duration::from_nanos(waited.unwrap_or(0))
    }

    /// This one, and the library's threads, which may have to end something for it.
    fn with_the_librarys(&self) -> HashMap<PathBuf, Duration> {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten().map(|entry| entry.path());
        let named =
            threads.filter(|path| fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("tus-")));
        let all = named.map(Queueing).chain([Queueing(self.0.clone())]);
        all.map(|thread| (thread.0.clone(), thread.so_far())).collect()
    }
}

fn grown(before: &HashMap<PathBuf, Duration>, after: &HashMap<PathBuf, Duration>) -> Duration {
    let growth = |(thread, now): (&PathBuf, &Duration)| now.saturating_sub(*before.get(thread)?).into();
    after.iter().filter_map(growth).sum()
}

/// Looks until something is so.
#[track_caller]
pub(crate) fn until(so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < LOST, "the operation never came to its place");
        std::thread::sleep(Duration::from_micros(300));
    }
}

/// What a function of the caller's says when the operation has come to it, and how that is waited for.
pub(crate) fn word<T: Send + 'static>() -> (impl Fn(T) + Clone + Send + Sync + 'static, impl Fn() -> T + Send) {
    let (sender, receiver) = channel();
    let say = move |what| {
        let _nobody_waits = sender.send(what);
    };
    let hear = move || match receiver.recv_timeout(LOST) {
        Ok(what) => what,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            panic!("the operation never came to its place")
        }
    };
    (say, hear)
}

/// Measures all places and prints one table; fails with those that do not keep the promise.
pub(crate) fn all(places: &[Place], rounds: usize) {
    let began = Instant::now();
    let lines: Vec<OnceLock<Verdict>> = places.iter().map(|_| OnceLock::new()).collect();
    let of_kind = |busy: bool| places.iter().zip(&lines).filter(move |(place, _)| place.busy == busy);
    let quiet = Mutex::new(of_kind(false));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some((place, line)) = quiet.lock().unwrap().next() else { return };
                    let _first = line.set(Verdict::on(place, rounds));
                }
            });
        }
    });
    for (place, line) in of_kind(true) {
        let _first = line.set(Verdict::on(place, rounds));
    }
    let verdicts: Vec<&Verdict> = lines.iter().filter_map(OnceLock::get).collect();
    assert_eq!(verdicts.len(), places.len());
    let table: String = verdicts.iter().map(|verdict| verdict.lines.as_str()).collect();
    let head = format!(
        "{:<39} {:>6} {:>7} {:>7} {:>7} {:>7} {:>9}",
        "in ms", "rounds", "median", "90 %", "99 %", "worst", "net 99 %"
    );
    println!("\n{head}\n{table}{:.1} s in all", began.elapsed().as_secs_f64());
    let late: Vec<&str> = verdicts.iter().filter(|verdict| verdict.late).map(|verdict| verdict.name).collect();
    assert!(late.is_empty(), "more than {PROMISED:?}: {late:?}\n{head}\n{table}");
}

/// What the measurement of a place says.
struct Verdict {
    name: &'static str,
    lines: String,
    late: bool,
}

impl Verdict {
    fn on(place: &Place, rounds: usize) -> Verdict {
        let mut figures = Figures::of(place, rounds);
        let mut lines = figures.line(place.name);
        if figures.are_late() {
            figures = Figures::of(place, rounds);
            lines += &figures.line("  once more");
        }
        Verdict { name: place.name, lines, late: figures.are_late() }
    }
}

/// How long the rounds took, from the shortest to the longest, and how long without waiting for a processor.
struct Figures {
    whole: Vec<Duration>,
    net: Vec<Duration>,
}

impl Figures {
    fn of(place: &Place, rounds: usize) -> Figures {
        let mut run = (place.rounds)();
        let mut random = fastrand::Rng::new();
        let mut took = Vec::with_capacity(rounds);
        for number in 0..rounds {
            let delay = Duration::from_secs_f64(0.001 + random.f64() * (LATEST - 0.001));
            let round = Round { number, delay, took: Mutex::new(None) };
            run(&round);
            took.push(round.took.into_inner().unwrap().expect("a round measures something"));
        }
        let sorted = |of: fn(&Took) -> Duration| {
            let mut all: Vec<Duration> = took.iter().map(of).collect();
            all.sort();
            all
        };
        Figures { whole: sorted(|took| took.whole), net: sorted(|took| took.whole - took.queued) }
    }

    fn are_late(&self) -> bool {
        nearly_all(&self.net) > PROMISED
    }

    fn line(&self, name: &str) -> String {
        let mut line = format!("{name:<39} {:>6}", self.whole.len());
        let [median, most, worst] = [0.5, 0.9, 1.0].map(|part| at(&self.whole, part));
        for time in [median, most, nearly_all(&self.whole), worst] {
            line += &format!(" {:>7.2}", time.as_secs_f64() * 1000.0);
        }
        line + &format!(" {:>9.2}\n", nearly_all(&self.net).as_secs_f64() * 1000.0)
    }
}

/// What all rounds but one of a hundred did not exceed, and all but one where there are fewer.
fn nearly_all(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() - 1 - (sorted.len() / 100).max(1)]
}

/// What so large a part of the rounds did not exceed.
fn at(sorted: &[Duration], part: f64) -> Duration {
    let count = (part * sorted.len() as f64).ceil() as usize;
    sorted[count.clamp(1, sorted.len()) - 1]
}
