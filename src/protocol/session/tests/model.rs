//! Random servers, honest ones with faults and liars, a hundred thousand of them.
//!
//! Whatever the server does, the session keeps its promises: done only if the server has acknowledged every byte; a
//! range only ever sent at the offset the server last proved; every run ends; credentials to trusted origins only.
//! With a server that never lies, done also means that the bytes are there.

use super::*;
use crate::protocol::chunk::ChunkSize;
use crate::protocol::retry::RetryPolicy;
use fastrand::Rng;
use std::num::NonZeroU64;

const SERVERS: u64 = 100_000;
/// More steps than any run with these budgets can need.
const MAX_STEPS: usize = 3_000;

/// A server with a will of its own.
struct Server {
    random: Rng,
    /// How often something goes wrong, of 100.
    faults: u32,
    /// How often it states a wrong offset, of 100; an honest one never does, and never loses what it has stated.
    lies: u32,
    uploads: Vec<Upload>,
}

struct Upload {
    size: u64,
    offset: u64,
    alive: bool,
}

fn number(url: &AbsoluteUrl) -> Option<usize> {
    url.as_str().rsplit('/').next()?.parse().ok()
}

fn field<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    exchange.headers.iter().find(|(have, _)| *have == name).map(|(_, value)| value.as_str())
}

fn data(exchange: &Exchange) -> u64 {
    match exchange.body {
        Body::Range { length, .. } => length,
        Body::None | Body::Empty => 0,
    }
}

impl Server {
    fn chance(&mut self, of_100: u32) -> bool {
        self.random.u32(0..100) < of_100
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(0..from.len())]
    }

    fn answer(&mut self, exchange: &Exchange) -> Reply {
        if self.chance(self.faults) { self.fault(exchange) } else { self.serve(exchange) }
    }

    /// What a faultless server would do.
    fn serve(&mut self, exchange: &Exchange) -> Reply {
        let sent = data(exchange);
        let method = exchange.meaning();
        if method == HttpMethod::Options {
            let extensions = "creation,creation-with-upload,termination";
            return ok(204, &[("Tus-Version", "1.0.0"), ("Tus-Extension", extensions)]);
        }
        if method == HttpMethod::Post {
            return self.create(exchange, sent);
        }
        let Some(number) = number(&exchange.url).filter(|n| self.uploads.get(*n).is_some_and(|upload| upload.alive))
        else {
            return ok(404, &[]);
        };
        match method {
            HttpMethod::Head => {
                let Upload { offset, size, .. } = self.uploads[number];
                head(self.state(offset), size)
            }
            _ => self.patch(number, field(exchange, "Upload-Offset").unwrap().parse().unwrap(), sent),
        }
    }

    fn create(&mut self, exchange: &Exchange, sent: u64) -> Reply {
        let size = field(exchange, "Upload-Length").unwrap().parse().unwrap();
        let number = self.uploads.len();
        self.uploads.push(Upload { size, offset: sent, alive: true });
        let origin = if self.chance(5) { "http://other" } else { "" };
        let mut fields = vec![("Location", format!("{origin}/files/{number}"))];
        if sent > 0 && !self.chance(10) {
            fields.push(("Upload-Offset", self.state(sent).to_string()));
        }
        Reply::Answer(201, fields)
    }

    fn patch(&mut self, number: usize, from: u64, sent: u64) -> Reply {
        if from != self.uploads[number].offset {
            return ok(409, &[]);
        }
        let taken = if self.chance(15) { self.random.u64(0..=sent) } else { sent };
        self.uploads[number].offset += taken;
        at(self.state(from + taken))
    }

    fn state(&mut self, truth: u64) -> u64 {
        if self.chance(self.lies) { self.random.u64(0..200) } else { truth }
    }

    /// The first bytes of a PATCH arrived and were kept.
    fn keep(&mut self, exchange: &Exchange, part: u64) {
        if let (HttpMethod::Patch, Body::Range { start, .. }, Some(number)) =
            (exchange.meaning(), exchange.body, number(&exchange.url))
            && let Some(upload) = self.uploads.get_mut(number)
            && upload.offset == start
        {
            upload.offset += part;
        }
    }

    fn fault(&mut self, exchange: &Exchange) -> Reply {
        let sent = data(exchange);
        // The last three take back or contradict what was stated, which honest servers do not do.
        match self.random.u32(0..if self.lies > 0 { 18 } else { 15 }) {
            0 => Reply::Break(BrokenKind::Connect, 0),
            1 => Reply::Stale,
            2 => Reply::Break(BrokenKind::Closed, self.random.u64(0..=sent)),
            // Served, and the answer lost.
            3 | 4 => {
                self.serve(exchange);
                NO_ANSWER
            }
            // Part of the body arrived and was kept.
            5 | 6 => {
                let part = self.random.u64(0..=sent);
                self.keep(exchange, part);
                Reply::Break(BrokenKind::Closed, sent)
            }
            7 => ok(self.pick(&[500, 502, 503, 504, 408, 425, 429]), &[]),
            8 => ok(423, &[]),
            9 => ok(409, &[]),
            10 => ok(503, &[("Retry-After", self.pick(&["0", "1", "30", "x"]))]),
            11 => ok(self.pick(&[400, 401, 403, 404, 410, 412, 413, 415, 417, 460, 501, 999]), &[]),
            12 => ok(204, &[]),
            13 => ok(200, &[("Upload-Offset", self.pick(&["", "-1", "x", "9999999999999999999"]))]),
            // An answer before the whole body was sent, some of which was kept.
            14 => {
                let part = self.random.u64(0..=sent);
                self.keep(exchange, part);
                Reply::Early(part, self.pick(&[409, 413, 423, 500, 503]), vec![])
            }
            15 => {
                let fields: &[(&'static str, &str)] = self.pick(&[
                    &[("Upload-Concat", "final;/a /b"), ("Upload-Length", "11")][..],
                    &[("Upload-Offset", "3"), ("Upload-Defer-Length", "1")],
                    &[("Upload-Offset", "3"), ("Upload-Length", "7")],
                    &[("Upload-Offset", "1"), ("Upload-Length", "9"), ("Age", "5")],
                ]);
                ok(200, fields)
            }
            16 => {
                let location = self.pick(&["/files/0", "http://other/files/1", "", "https://h/f", "ftp://h/"]);
                ok(self.pick(&[301, 302, 303, 307, 308]), &[("Location", location)])
            }
            // The upload is dropped, or loses its tail.
            _ => {
                if let Some(upload) = number(&exchange.url).and_then(|number| self.uploads.get_mut(number)) {
                    upload.alive &= self.random.bool();
                    upload.offset = self.random.u64(0..=upload.offset);
                }
                self.serve(exchange)
            }
        }
    }
}

fn random_plan(random: &mut Rng) -> Plan {
    let size = if random.u8(0..10) == 0 { 0 } else { random.u64(1..150) };
    let chunk_size = match random.u8(0..3) {
        0 => ChunkSize::Auto,
        1 => ChunkSize::Whole,
        _ => ChunkSize::Fixed(NonZeroU64::new(random.u64(1..60)).unwrap()),
    };
    Plan {
        discover: random.bool(),
        chunk_size,
        override_method: random.u8(0..8) == 0,
        stop_at: (random.u8(0..8) == 0).then(|| random.u64(0..200)),
        seed: random.u64(..),
        retry: RetryPolicy { max_retries: random.u32(0..6), ..RetryPolicy::default() },
        deadline: (random.u8(0..10) == 0).then(|| Instant(random.u64(0..100_000_000))),
        ..upload(size)
    }
}

/// Holds one request to the promises. `stated` is the offset the server last stated.
fn check(exchange: &Exchange, plan: &Plan, stated: Option<u64>) {
    assert_eq!(exchange.trusted, plan.trusted.contains(exchange.url.origin()), "{exchange:?}");
    if exchange.meaning() == HttpMethod::Patch {
        let offset: u64 = field(exchange, "Upload-Offset").unwrap().parse().unwrap();
        assert_eq!(Some(offset), stated, "{exchange:?}");
        if let Body::Range { start, length } = exchange.body {
            assert!(start == offset && length > 0 && start + length <= plan.goal.size().unwrap(), "{exchange:?}");
        }
    }
}

/// What an answer states, as far as a client may believe it.
fn statement(exchange: &Exchange, reply: &Reply) -> Option<u64> {
    let Reply::Answer(200..=299, fields) = reply else { return None };
    let offset = fields.iter().find(|(name, _)| *name == "Upload-Offset").and_then(|(_, value)| value.parse().ok());
    match (exchange.meaning(), exchange.body) {
        (HttpMethod::Post, Body::Range { length, .. }) => offset.filter(|offset| *offset <= length),
        (HttpMethod::Post, _) => Some(0),
        (HttpMethod::Patch, Body::Range { start, length }) => {
            offset.filter(|offset| (start..=start + length).contains(offset))
        }
        (HttpMethod::Head, _) => offset,
        _ => None,
    }
}

/// Plays one server to the end; whether the upload was done.
fn play_random(seed: u64) -> bool {
    let mut random = Rng::with_seed(seed);
    let plan = random_plan(&mut random);
    let honest = random.bool();
    let faults = [0, 5, 20, 50][random.usize(0..4)];
    let mut server = Server { faults, lies: if honest { 0 } else { 20 }, random: random.fork(), uploads: vec![] };
    let end = plan.stop_at.unwrap_or(u64::MAX).min(plan.goal.size().unwrap());

    let mut now = Instant(0);
    let mut session = Session::start(plan.clone(), now);
    let mut stated = None;
    for _ in 0..MAX_STEPS {
        let event = match session.next() {
            Action::Decide(question) => match random.u8(0..200) {
                0 => Event::Decided(Err(1)),
                1 => Event::Decided(Ok(Duration::MAX)),
                _ => Event::Decided(Ok(question.delay)),
            },
            Action::Authenticate(_) | Action::LookAhead { .. } => panic!("nobody asked for that"),
            Action::Sleep { until, .. } => {
                assert!(plan.deadline.is_none_or(|deadline| until < deadline));
                now = until;
                Event::Woke
            }
            Action::Send(exchange) => {
                check(exchange, &plan, stated);
                let reply = server.answer(exchange);
                stated = statement(exchange, &reply).or(stated);
                now = now + Duration::from_millis(1);
                reply_event(reply, data(exchange))
            }
            Action::Finished(Err(_)) => return false,
            Action::Finished(Ok(outcome)) => {
                let Outcome::Uploaded { offset, url, .. } = outcome else { panic!("{outcome:?}") };
                assert!(*offset >= end && Some(*offset) == stated, "{outcome:?}, stated {stated:?}");
                if honest {
                    assert!(server.uploads[number(url).unwrap()].offset >= end, "{outcome:?}");
                }
                return true;
            }
        };
        session = session.happened(event, now);
    }
    panic!("the session does not end");
}

#[test]
fn promises_hold_against_random_servers() {
    let mut done = 0;
    for seed in 0..SERVERS {
        match std::panic::catch_unwind(|| play_random(seed)) {
            Ok(true) => done += 1,
            Ok(false) => {}
            Err(panic) => {
                eprintln!("the server was number {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    // The servers are neither all hopeless nor all harmless, or this would test nothing.
    assert!((SERVERS / 4..SERVERS * 9 / 10).contains(&done), "{done} of {SERVERS} done");
}
