//! All words of the alphabet, each state once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::alphabet::{Letter, letters};
use super::promises::{Kept, Witness, promise};
use super::server::Server;
use super::*;

/// The time at which every state begins.
const NOW: Instant = Instant(1_000_000_000_000);

/// Of each kind of broken promise so many are shown.
const MOST_OF_A_KIND: usize = 2;

/// Everything beside the session on which it depends how things go on.
#[derive(Clone, Hash)]
struct World {
    server: Server,
    witness: Witness,
}

/// A state: the session has a request to make.
struct Node {
    id: u32,
    session: Session,
    world: World,
}

/// How a step came about.
#[derive(Clone, Copy, Default)]
struct Step {
    from: u32,
    /// It was the caller's doing.
    callers: bool,
    /// Time has passed.
    waited: bool,
    /// The upload has come nearer to its end, or has begun.
    progress: bool,
    /// The same request may come at once.
    repeats: bool,
    /// What the caller may do on the way is looked at.
    thorough: bool,
}

/// A step from one state to another.
struct Edge {
    from: u32,
    to: u32,
    fault: bool,
    callers: bool,
    immediate: bool,
}

/// What there is to say of a state once it has been seen.
struct Seen {
    /// How many letters but `Serve` lead to it, at least.
    faults: usize,
    expanded: bool,
    /// From where, and what happened.
    by: Option<(u32, String)>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) states: usize,
    pub(super) transitions: usize,
    /// Requests in the longest word, by the number of faults in it.
    pub(super) longest: Vec<usize>,
    /// Requests in a row without a wait or progress, at most.
    pub(super) hottest: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
}

struct Explorer<'a> {
    setting: &'a Setting,
    ids: HashMap<u64, u32>,
    seen: Vec<Seen>,
    edges: Vec<Edge>,
    /// States to look at, by the number of faults that lead there.
    levels: Vec<Vec<Node>>,
    report: Report,
    /// Promises that were broken, and how; the first ones of each kind.
    broken: Vec<(String, String)>,
    /// For telling states apart.
    text: String,
}

/// Goes through all words with at most so many letters beside `Serve`, which is free.
pub(super) fn explore(setting: &Setting, depth: usize) -> Report {
    let mut explorer = Explorer {
        setting,
        ids: HashMap::new(),
        seen: Vec::new(),
        edges: Vec::new(),
        levels: (0..=depth).map(|_| Vec::new()).collect(),
        report: Report::default(),
        broken: Vec::new(),
        text: String::new(),
    };
    let world = World { server: setting.server.clone(), witness: Witness::of(setting) };
    let session = Session::start(setting.plan.clone(), NOW);
    explorer.follow(session, world, NOW, None, Step::default(), 0).unwrap_or_else(|words| panic!("{words}"));
    for level in 0..=depth {
        while let Some(node) = explorer.levels[level].pop() {
            let seen = &mut explorer.seen[node.id as usize];
            if !std::mem::replace(&mut seen.expanded, true) {
                explorer.expand(&node, level);
            }
        }
    }
    if !explorer.broken.is_empty() {
        let words: Vec<_> = explorer.broken.into_iter().map(|(_, words)| words).collect();
        panic!("{}: promises are broken by\n{}", setting.name, words.join("\n\n"));
    }
    explorer.report.states = explorer.seen.iter().filter(|seen| seen.expanded).count();
    explorer.measure(depth);
    explorer.report
}

fn words(exchange: &Exchange, letter: Letter) -> String {
    format!("{} <- {letter:?}", describe(exchange))
}

impl Explorer<'_> {
    fn expand(&mut self, node: &Node, level: usize) {
        let Action::Send(exchange) = node.session.next() else { unreachable!() };
        for letter in letters(exchange, &node.world.server, self.setting.changes) {
            let kept =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.step(node, exchange, letter, level)));
            let broken = match kept {
                Ok(Ok(())) => continue,
                Ok(Err(broken)) => broken,
                Err(_) => "it panics".to_owned(),
            };
            let kind = broken.split(':').next().unwrap_or_default().to_owned();
            if self.broken.iter().filter(|(have, _)| *have == kind).count() < MOST_OF_A_KIND {
                self.broken
                    .push((kind, format!("{}\n  {}\n    {broken}", self.path(node.id), words(exchange, letter))));
            }
        }
    }

    /// What has led to a state.
    fn path(&self, id: u32) -> String {
        let mut lines = Vec::new();
        let mut at = id;
        while let Some((from, words)) = &self.seen[at as usize].by {
            lines.push(format!("  {words}"));
            at = *from;
        }
        lines.reverse();
        lines.join("\n")
    }

    /// One letter, twice where it leads to what was not seen before: the second time all that the caller may do on the way
    /// is looked at as well.
    fn step(&mut self, node: &Node, exchange: &Exchange, letter: Letter, level: usize) -> Kept {
        self.report.transitions += 1;
        let seen = self.seen.len();
        self.once(node, exchange, letter, level, false)?;
        if self.seen.len() > seen { self.once(node, exchange, letter, level, true) } else { Ok(()) }
    }

    fn once(&mut self, node: &Node, exchange: &Exchange, letter: Letter, level: usize, thorough: bool) -> Kept {
        let mut world = node.world.clone();
        let mut session = node.session.clone();
        match world.server.act(letter, exchange, self.setting.total, NOW) {
            Some(event) => {
                world.witness.hear(self.setting, exchange, &event);
                session = session.happened(event, NOW);
            }
            None if letter == Letter::Deadline => session.set_deadline(Some(NOW + Duration::from_millis(1200))),
            None => session = session.set_chunk_size(fixed(1)),
        }
        if let Some(offence) = world.server.offended
            && !world.server.lied
        {
            return Err(offence.to_owned());
        }
        let faults = level + usize::from(letter != Letter::Serve);
        let step = Step {
            from: node.id,
            callers: letter.is_the_callers(),
            repeats: letter.may_be_repeated_at_once(),
            thorough,
            ..Step::default()
        };
        self.follow(session, world, NOW, Some((exchange, letter)), step, faults)
    }

    /// Goes on until the next request, or the end.
    fn follow(
        &mut self,
        mut session: Session,
        mut world: World,
        mut now: Instant,
        last: Option<(&Exchange, Letter)>,
        mut step: Step,
        faults: usize,
    ) -> Kept {
        let setting = self.setting;
        loop {
            for notice in session.take_notices() {
                step.progress |= matches!(
                    notice,
                    Notice::Acknowledged(_) | Notice::UploadUrl(_) | Notice::Gone(_) | Notice::Abandoned(_)
                );
                world.witness.told(setting, &world.server, &notice)?;
            }
            let event = match session.next() {
                Action::Finished(result) => {
                    match result {
                        Ok(_) => self.report.done += 1,
                        Err(_) => self.report.failed += 1,
                    }
                    return world.witness.check_end(setting, &world.server, result);
                }
                Action::Decide(question) => {
                    let delay = question.delay;
                    if step.thorough {
                        self.ends(&session, &world, Event::Decided(Err(7)), now, ErrorKind::Callback(7))?;
                    }
                    Event::Decided(Ok(delay))
                }
                Action::Sleep { until, .. } => {
                    promise!(until > now, "T-141: a wait that is none");
                    let deadline = session.core.plan.deadline;
                    promise!(deadline.is_none_or(|deadline| until < deadline), "T-140: a wait beyond the deadline");
                    let stop = Event::Stopped(Error::new(ErrorKind::Cancelled, "cancelled"));
                    if step.thorough {
                        self.ends(&session, &world, stop, now, ErrorKind::Cancelled)?;
                    }
                    (now, step.waited) = (until, true);
                    Event::Woke
                }
                Action::Authenticate(_) => {
                    promise!(setting.plan.can_authenticate, "there is nobody to ask for credentials");
                    if step.thorough {
                        self.ends(&session, &world, Event::Authenticated(Err(7)), now, ErrorKind::HttpStatus)?;
                    }
                    let refused = session.clone().happened(Event::Authenticated(Ok(false)), now);
                    self.follow(refused, world.clone(), now, last, step, faults)?;
                    step.repeats = true;
                    Event::Authenticated(Ok(true))
                }
                Action::LookAhead { start, length } => {
                    world.witness.check_look(start, length)?;
                    let stop = Event::Stopped(Error::new(ErrorKind::Source, "no more"));
                    if step.thorough {
                        self.ends(&session, &world, stop, now, ErrorKind::Source)?;
                    }
                    match setting.total.checked_sub(start) {
                        Some(left) => Event::Ahead { available: left.min(length), end: left <= length },
                        None => Event::Stopped(Error::new(ErrorKind::SourceChanged, "it is shorter")),
                    }
                }
                Action::Send(exchange) => {
                    world.witness.check(setting, exchange)?;
                    if let Some((last, _)) = last {
                        let again = last == exchange && !step.waited && !step.progress && !step.repeats;
                        promise!(!again, "T-034: the same request again at once");
                    }
                    break;
                }
            };
            session = session.happened(event, now);
        }
        session.core.settle(NOW);
        if let State::Transfer(transfer) = &mut session.state {
            transfer.began = NOW;
        }
        self.arrive(session, world, last, step, faults);
        Ok(())
    }

    /// Checks the end that the caller brings about here.
    fn ends(&mut self, session: &Session, world: &World, event: Event, now: Instant, kind: ErrorKind) -> Kept {
        let mut session = session.clone().happened(event, now);
        let mut world = world.clone();
        for notice in session.take_notices() {
            world.witness.told(self.setting, &world.server, &notice)?;
        }
        let Action::Finished(result) = session.next() else { return Err("the caller's end is none".to_owned()) };
        let ended = result.as_ref().is_err_and(|error| error.kind() == kind || error.callback_code() == Some(7));
        promise!(ended, "the caller ended it, and it ended with {result:?}");
        world.witness.check_end(self.setting, &world.server, result)
    }

    fn arrive(&mut self, session: Session, world: World, last: Option<(&Exchange, Letter)>, step: Step, faults: usize) {
        self.text.clear();
        write!(self.text, "{:?}{:?}", session.state, session.core.changing()).unwrap();
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        world.hash(&mut hasher);
        let next = u32::try_from(self.seen.len()).unwrap();
        let first = next == 0;
        let id = match self.ids.entry(hasher.finish()) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let by = last.map(|(exchange, letter)| (step.from, words(exchange, letter)));
                self.seen.push(Seen { faults: usize::MAX, expanded: false, by });
                *entry.insert(next)
            }
        };
        if !first {
            let immediate = !step.waited && !step.progress && !step.callers;
            let fault = last.is_some_and(|(_, letter)| letter != Letter::Serve);
            self.edges.push(Edge { from: step.from, to: id, fault, callers: step.callers, immediate });
        }
        let seen = &mut self.seen[id as usize];
        if faults < seen.faults {
            seen.faults = faults;
            if id != next {
                seen.by = last.map(|(exchange, letter)| (step.from, words(exchange, letter)));
            }
            if !seen.expanded && faults < self.levels.len() {
                self.levels[faults].push(Node { id, session, world });
            }
        }
    }

    /// The longest words, which are finite: no step but the caller's leads back.
    fn measure(&mut self, depth: usize) {
        let endless = |id| panic!("{}\n{}\nfrom here it can go on for ever", self.setting.name, self.path(id));
        let longest = self.longest(depth, |edge| !edge.callers).unwrap_or_else(endless);
        // Time passes in none of these, so that all of them together are what a server can make us do at once.
        let hottest = self.longest(depth, |edge| edge.immediate).unwrap_or_else(endless);
        self.report.hottest = hottest.into_iter().max().unwrap_or(0);
        self.report.longest = longest;
    }

    /// The requests of the longest way along such edges, by the faults on it; a state on a circle if there is one.
    fn longest(&self, depth: usize, wanted: impl Fn(&Edge) -> bool) -> Result<Vec<usize>, u32> {
        let mut into = vec![0u32; self.seen.len()];
        let mut out: Vec<Vec<(u32, bool)>> = vec![Vec::new(); self.seen.len()];
        for edge in self.edges.iter().filter(|edge| wanted(edge)) {
            into[edge.to as usize] += 1;
            out[edge.from as usize].push((edge.to, edge.fault));
        }
        // From anywhere: what comes before is not of interest.
        let mut lengths = vec![vec![1usize; depth + 1]; self.seen.len()];
        let mut ready: Vec<u32> = (0..).zip(&into).filter(|(_, into)| **into == 0).map(|(id, _)| id).collect();
        let mut longest = vec![0; depth + 1];
        let mut left = self.seen.len();
        while let Some(id) = ready.pop() {
            left -= 1;
            let here = lengths[id as usize].clone();
            for (longest, here) in longest.iter_mut().zip(&here) {
                *longest = (*longest).max(*here);
            }
            for (to, fault) in std::mem::take(&mut out[id as usize]) {
                let there = &mut lengths[to as usize];
                let before = usize::from(fault);
                for faults in before..=depth {
                    there[faults] = there[faults].max(here[faults - before] + 1);
                }
                into[to as usize] -= 1;
                if into[to as usize] == 0 {
                    ready.push(to);
                }
            }
        }
        let circle = (0..).zip(&into).find(|(_, into)| **into > 0).map(|(id, _)| id);
        if left == 0 { Ok(longest) } else { Err(circle.unwrap_or(0)) }
    }
}
