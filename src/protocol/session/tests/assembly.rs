//! Random servers that put uploads together, honest ones with faults and liars.
//!
//! The promises: one whole of all the parts in their order, done only if the server has all bytes of all of them; no
//! part is put together before it was seen to be complete, unless the caller knows or does not care; every run ends;
//! credentials to trusted origins only.

use tus_test_peers::times;

use super::model::{integer, number, pick, play_all};
use super::*;
use fastrand::Rng;

const SERVERS: u64 = 10_000;
const MAX_STEPS: usize = 3_000;

struct Server {
    random: Rng,
    faults: u32,
    lies: u32,
    /// How many bytes each part has, and of how many; its length may be open.
    parts: Vec<(u64, Option<u64>)>,
    /// How far each whole has come, and what its size will be.
    wholes: Vec<(u64, u64)>,
    /// Assembling is that slow; 0 is never.
    pace: u64,
}

impl Server {
    fn chance(&mut self, of_100: u32) -> bool {
        self.random.u32(0..100) < of_100
    }

    fn state(&mut self, truth: u64) -> u64 {
        if self.chance(self.lies) { self.random.u64(0..60) } else { truth }
    }

    fn serve(&mut self, exchange: &Exchange) -> Reply {
        if exchange.meaning() == HttpMethod::Options {
            return ok(204, &[("Tus-Extension", "concatenation,concatenation-unfinished")]);
        }
        let number = number(&exchange.url);
        if exchange.meaning() == HttpMethod::Head && exchange.url.as_str().contains("whole") {
            let Some((offset, size)) = number.and_then(|number| self.wholes.get_mut(number)) else {
                return ok(404, &[]);
            };
            *offset = (*offset + self.pace).min(*size);
            let (offset, size) = (*offset, *size);
            let (stated, length) = (self.state(offset), self.state(size));
            return match self.random.u8(0..3) {
                0 if offset < size => ok(200, &[("Upload-Concat", "final; /files/0")]),
                1 if offset < size => ok(200, &[("Upload-Length", &length.to_string())]),
                _ => head(stated, length),
            };
        }
        if exchange.meaning() == HttpMethod::Head {
            let Some((offset, size)) = number.and_then(|number| self.parts.get(number)).copied() else {
                return ok(404, &[]);
            };
            let offset = self.state(offset);
            let mut reply = size.map_or_else(|| open(offset), |size| head(offset, size));
            if let Reply::Answer(_, fields) = &mut reply {
                fields.push(("Upload-Concat", "partial".to_owned()));
            }
            return reply;
        }
        if self.parts.iter().any(|(offset, size)| Some(*offset) != *size) && self.random.bool() {
            return ok(400, &[]);
        }
        let size = self.parts.iter().map(|(offset, size)| size.unwrap_or(*offset)).sum();
        self.wholes.push((0, size));
        let origin = if self.chance(5) { "http://other" } else { "" };
        Reply::Answer(201, vec![("Location", format!("{origin}/whole/{}", self.wholes.len() - 1))])
    }

    fn answer(&mut self, exchange: &Exchange) -> Reply {
        if !self.chance(self.faults) {
            return self.serve(exchange);
        }
        match self.random.u32(0..if self.lies > 0 { 9 } else { 7 }) {
            0 => Reply::Break(BrokenKind::Connect, 0),
            1 => Reply::Stale,
            2 => {
                self.serve(exchange);
                NO_ANSWER
            }
            // Put together, and refused all the same: its hook at the end fails.
            3 if exchange.meaning() == HttpMethod::Post && self.random.bool() => {
                self.serve(exchange);
                ok(pick(&mut self.random, &[500, 503, 408, 429]), &[("Tus-Resumable", "1.0.0")])
            }
            3 => foreign(pick(&mut self.random, &[500, 503, 408, 429]), &[]),
            4 => ok(423, &[]),
            5 => ok(401, &[]),
            6 => ok(pick(&mut self.random, &[400, 403, 404, 409, 410, 412, 413, 501]), &[]),
            7 => ok(307, &[("Location", pick(&mut self.random, &["/files/0", "http://other/whole/0", "/x"]))]),
            _ => ok(200, &[("Upload-Offset", pick(&mut self.random, &["", "-1", "7"])), ("Upload-Length", "7")]),
        }
    }
}

fn random_plan(random: &mut Rng, server: &Server) -> Plan {
    let sum = server.parts.iter().map(|(_, size)| *size).sum::<Option<u64>>();
    let complete = server.parts.iter().all(|(offset, size)| Some(*offset) == *size);
    let goal = Goal::Concatenate {
        endpoint: url("http://h/files/"),
        parts: (0..server.parts.len()).map(|number| url(&format!("http://h/files/{number}"))).collect(),
        total: sum.filter(|_| complete && random.bool()),
        unfinished: random.u8(0..3) == 0,
    };
    Plan {
        discover: random.bool(),
        can_authenticate: random.bool(),
        seed: random.u64(..),
        retry: RetryPolicy { max_retries: random.u32(0..6), ..RetryPolicy::default() },
        deadline: (random.u8(0..10) == 0).then(|| Instant(random.u64(0..100_000_000))),
        ..Plan::new(goal)
    }
}

/// The offset and the length an answer states.
fn statement(reply: &Reply) -> (Option<u64>, Option<u64>) {
    let Reply::Answer(200..=299, fields) = reply else { return (None, None) };
    let integer =
        |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).and_then(|(_, value)| value.parse::<u64>().ok());
    (integer("Upload-Offset"), integer("Upload-Length"))
}

fn play_random(seed: u64) -> bool {
    let mut random = Rng::with_seed(seed);
    let honest = random.bool();
    let parts = (0..random.u32(1..5)).map(|_| {
        let size = random.u64(0..15);
        match random.u8(0..12) {
            0 => (random.u64(0..=size), Some(size)),
            1 => (size, None),
            _ => (size, Some(size)),
        }
    });
    let parts = parts.collect();
    let mut server = Server {
        faults: pick(&mut random, &[0, 5, 20, 50]),
        lies: if honest { 0 } else { 20 },
        random: random.fork(),
        parts,
        wholes: vec![],
        pace: random.u64(0..20),
    };
    let plan = random_plan(&mut random, &server);
    let Goal::Concatenate { parts, total, unfinished, .. } = plan.goal.clone() else { panic!() };
    let mut seen: Vec<Option<u64>> = vec![None; parts.len()];
    let mut last = (None, None);
    let (mut posted, mut asked, mut redirected) = (false, None, false);

    let endless = random.bool();
    let mut now = Instant(0);
    let mut session = Session::start(plan.clone(), now);
    for _ in 0..MAX_STEPS {
        assert!(server.wholes.len() <= 1, "the parts were put together twice");
        let event = match session.next() {
            Action::Decide(question) => Event::Decided(Ok(question.delay)),
            Action::Authenticate(_) => {
                assert!(plan.can_authenticate);
                Event::Authenticated(Ok(endless || random.bool()))
            }
            Action::LookAhead { .. } => panic!("there is no source"),
            Action::Sleep { until, .. } => {
                assert!(until > now && plan.deadline.is_none_or(|deadline| until < deadline));
                now = until;
                Event::Woke
            }
            Action::Send(exchange) => {
                assert_eq!(exchange.trusted, plan.trusted.contains(exchange.url.origin()), "{exchange:?}");
                assert!(
                    integer(exchange, "Upload-Length").is_none() && field(exchange, "Upload-Defer-Length").is_none()
                );
                let reply = server.answer(exchange);
                match exchange.meaning() {
                    HttpMethod::Post => {
                        let names: Vec<&str> = parts.iter().map(|part| part.path_and_query()).collect();
                        let whole: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
                        let elsewhere = !exchange.trusted;
                        let expected = format!("final;{}", if elsewhere { whole } else { names }.join(" "));
                        assert_eq!(field(exchange, "Upload-Concat"), Some(expected.as_str()));
                        assert_eq!(exchange.body, Body::Empty);
                        assert!(total.is_some() || unfinished || seen.iter().all(Option::is_some), "{seen:?}");
                        posted = true;
                    }
                    HttpMethod::Head => {
                        last = statement(&reply);
                        // A redirected request still asks for the same part.
                        if !redirected {
                            asked = parts.iter().position(|part| *part == exchange.url).filter(|_| !posted);
                        }
                        if let (Some(part), (Some(offset), Some(length))) = (asked, last)
                            && offset == length
                        {
                            seen[part] = Some(length);
                        }
                    }
                    other => assert_eq!(other, HttpMethod::Options),
                }
                redirected = matches!(reply, Reply::Answer(307, _));
                now = now + Duration::from_millis(1);
                reply_event(reply, 0)
            }
            Action::Finished(Err(_)) => return false,
            Action::Finished(Ok(outcome)) => {
                let Outcome::Uploaded { offset, size, url, .. } = outcome else { panic!("{outcome:?}") };
                let whole = number(url).and_then(|number| server.wholes.get(number));
                // Where parts may be missing, being made is all there is to it.
                let known = total.or_else(|| seen.iter().copied().sum());
                if let Some(known) = known {
                    assert!(last == (Some(known), Some(known)), "{outcome:?}, stated {last:?}");
                    assert_eq!((*offset, *size), (known, Some(known)));
                    assert!(!honest || whole == Some(&(known, known)), "{whole:?}");
                } else {
                    assert!(unfinished && (!honest || whole.is_some()));
                }
                return true;
            }
        };
        session = session.happened(event, now);
    }
    panic!("the session does not end");
}

#[test]
fn promises_hold_against_random_servers_that_put_together() {
    let servers = times(SERVERS);
    let done = play_all(servers, play_random);
    assert!((servers / 4..servers * 9 / 10).contains(&done), "{done} of {servers} done");
}
