//! Random servers, honest ones with faults and liars, 20,000 of them (`TUS_TEST_TIMES` multiplies that).
//!
//! Whatever the server does, the session keeps its promises: done only if the server has acknowledged every byte; a
//! range only ever sent at the offset the server last proved; a length declared only where none is known; no data
//! without the checksum that is required; data with a creation on wish alone, and at most once; every run ends; credentials
//! to trusted origins only. With a server that never lies, done also means that the bytes are there, that they are all of
//! this source, that the server has not refused the upload at its end, and that no other complete one was made beside it.

use super::*;
use crate::protocol::checksum::{Algorithm, Policy, Wish};
use fastrand::Rng;
use tus_test_peers::times;

const SERVERS: u64 = 20_000;
/// More steps than any run with these budgets can need.
const MAX_STEPS: usize = 3_000;

/// A server with a will of its own.
struct Server {
    random: Rng,
    /// How often something goes wrong, of 100.
    faults: u32,
    /// How often it states a wrong offset, of 100; an honest one never does, and never loses what it has stated.
    lies: u32,
    offer: Capabilities,
    /// A method it always refuses, with this status.
    grudge: Option<(HttpMethod, u16)>,
    /// Trailers reach it; else something on the way drops them without a word.
    keeps_trailers: bool,
    uploads: Vec<Upload>,
}

struct Upload {
    /// `None` while it is deferred.
    size: Option<u64>,
    offset: u64,
    /// Bytes up to here were not sent by this session, and only so many of them are those of the source.
    found: u64,
    right: u64,
    /// Bytes, none of them right, that an earlier run has under way.
    pending: u64,
    alive: bool,
    /// It was made by this session.
    new: bool,
    /// The server has answered the request with its last byte with a refusal.
    refused: bool,
}

impl Upload {
    fn is_complete(&self) -> bool {
        self.size == Some(self.offset)
    }
}

/// One of these. The same on every target, whatever the size of its `usize`.
pub(super) fn pick<T: Copy>(random: &mut Rng, from: &[T]) -> T {
    from[random.u32(0..u32::try_from(from.len()).unwrap()) as usize]
}

pub(super) fn number(url: &AbsoluteUrl) -> Option<usize> {
    url.as_str().rsplit('/').next()?.parse().ok()
}

pub(super) fn data(exchange: &Exchange) -> u64 {
    match exchange.body {
        Body::Range { length, .. } => length,
        Body::None | Body::Empty => 0,
    }
}

fn tries_trailers(exchange: &Exchange) -> bool {
    exchange.checksum.is_some_and(|sum| sum.form == Form::WrongTrailer)
}

pub(super) fn integer(exchange: &Exchange, name: &str) -> Option<u64> {
    field(exchange, name).map(|value| value.parse().unwrap())
}

impl Server {
    fn chance(&mut self, of_100: u32) -> bool {
        self.random.u32(0..100) < of_100
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        pick(&mut self.random, from)
    }

    fn answer(&mut self, exchange: &Exchange) -> Reply {
        if let Some((method, status)) = self.grudge
            && method == exchange.meaning()
        {
            return ok(status, &[]);
        }
        if self.chance(self.faults) { self.fault(exchange) } else { self.serve(exchange, true) }
    }

    /// What a faultless server would do; `alone` if an earlier run may come between.
    fn serve(&mut self, exchange: &Exchange, alone: bool) -> Reply {
        let sent = data(exchange);
        let method = exchange.meaning();
        if method == HttpMethod::Options {
            let max = self.offer.max_size.map_or("none".to_owned(), |max| max.to_string());
            return Reply::Answer(
                204,
                vec![
                    ("Tus-Version", "1.0.0".to_owned()),
                    ("Tus-Extension", self.offer.extensions.join(",")),
                    ("Tus-Checksum-Algorithm", self.offer.checksum_algorithms.join(",")),
                    ("Tus-Max-Size", max),
                ],
            );
        }
        if method == HttpMethod::Post {
            return self.create(exchange, sent);
        }
        let Some(number) = number(&exchange.url).filter(|n| self.uploads.get(*n).is_some_and(|upload| upload.alive))
        else {
            return if exchange.url.as_str().ends_with("/sorry") { foreign(404, &[]) } else { ok(404, &[]) };
        };
        match method {
            HttpMethod::Head => {
                let Upload { offset, size, .. } = self.uploads[number];
                let offset = self.state(offset);
                size.map_or_else(|| open(offset), |size| head(offset, size))
            }
            _ => {
                let upload = &mut self.uploads[number];
                let pending = if alone { std::mem::take(&mut upload.pending) } else { 0 };
                upload.offset += pending;
                upload.found = upload.found.max(if pending > 0 { upload.offset } else { 0 });
                self.patch(number, exchange, sent)
            }
        }
    }

    fn create(&mut self, exchange: &Exchange, sent: u64) -> Reply {
        let size = integer(exchange, "Upload-Length");
        let number = self.uploads.len();
        self.uploads.push(Upload {
            size,
            offset: sent,
            found: 0,
            right: 0,
            pending: 0,
            alive: true,
            new: true,
            refused: false,
        });
        let origin = if self.chance(5) { "http://other" } else { "" };
        let mut fields = vec![("Location", format!("{origin}/files/{number}"))];
        if sent > 0 && !self.chance(10) {
            fields.push(("Upload-Offset", self.state(sent).to_string()));
        }
        Reply::Answer(201, fields)
    }

    fn patch(&mut self, number: usize, exchange: &Exchange, sent: u64) -> Reply {
        let from = integer(exchange, "Upload-Offset").unwrap();
        if from != self.uploads[number].offset {
            return ok(409, &[]);
        }
        if tries_trailers(exchange) && self.keeps_trailers {
            return ok(460, &[]);
        }
        if let Some(size) = integer(exchange, "Upload-Length") {
            // tusd refuses it, and no honest server has made anybody say it twice.
            assert!(self.uploads[number].size.is_none() || self.lies > 0, "a second Upload-Length: {exchange:?}");
            self.uploads[number].size.get_or_insert(size);
        }
        let taken = if self.chance(15) { self.random.u64(0..=sent) } else { sent };
        self.uploads[number].offset += taken;
        at(self.state(from + taken))
    }

    fn state(&mut self, truth: u64) -> u64 {
        if self.chance(self.lies) { self.random.u64(0..200) } else { truth }
    }

    /// The first bytes of a PATCH arrived and were kept, and the length it declared perhaps.
    fn keep(&mut self, exchange: &Exchange, part: u64) {
        let notes = self.chance(50);
        if let (HttpMethod::Patch, Some(number)) = (exchange.meaning(), number(&exchange.url))
            && let Some(upload) = self.uploads.get_mut(number)
            && Some(upload.offset) == integer(exchange, "Upload-Offset")
        {
            upload.offset += part;
            upload.size = upload.size.or(integer(exchange, "Upload-Length").filter(|_| notes));
        }
    }

    /// Refuses the request that this was the answer to, if it has completed an upload.
    fn refuse_finish(&mut self, exchange: &Exchange, reply: Reply) -> Reply {
        let number = match exchange.meaning() {
            HttpMethod::Post => self.uploads.len().checked_sub(1),
            HttpMethod::Patch => number(&exchange.url),
            _ => None,
        };
        let tells = self.chance(50);
        let status = self.pick(&[422, 429, 500, 503]);
        let (Some(number), Reply::Answer(200..=299, _)) = (number, &reply) else { return reply };
        let Some(upload) = self.uploads.get_mut(number).filter(|upload| upload.is_complete()) else { return reply };
        upload.refused = true;
        let mut fields = vec![("Tus-Resumable", "1.0.0".to_owned())];
        if exchange.meaning() == HttpMethod::Post && tells {
            fields.push(("Location", format!("/files/{number}")));
        }
        Reply::Answer(status, fields)
    }

    fn fault(&mut self, exchange: &Exchange) -> Reply {
        let sent = data(exchange);
        // The last three take back or contradict what was stated, which honest servers do not do.
        match self.random.u32(0..if self.lies > 0 { 22 } else { 19 }) {
            0 => Reply::Break(BrokenKind::Connect, 0),
            1 => Reply::Stale,
            // A pause in the middle of it: any part of the body may have arrived.
            2 if exchange.meaning() == HttpMethod::Patch && self.chance(50) => {
                let part = self.random.u64(0..=sent);
                self.keep(exchange, part);
                Reply::Break(BrokenKind::Paused, sent)
            }
            2 => Reply::Break(BrokenKind::Closed, self.random.u64(0..=sent)),
            // Served, and the answer lost.
            3 | 4 => {
                self.serve(exchange, false);
                NO_ANSWER
            }
            // Part of the body arrived and was kept.
            5 | 6 => {
                let part = self.random.u64(0..=sent);
                self.keep(exchange, part);
                Reply::Break(BrokenKind::Closed, sent)
            }
            7 => ok(self.pick(&[500, 502, 503, 504, 408, 425, 429]), &[]),
            8 => ok(self.pick(&[423, 460, 401]), &[]),
            9 => ok(409, &[]),
            10 => ok(503, &[("Retry-After", self.pick(&["0", "1", "30", "x"]))]),
            11 => ok(self.pick(&[400, 401, 403, 404, 410, 412, 413, 415, 417, 460, 501, 999]), &[]),
            12 => ok(204, &[]),
            13 => ok(200, &[("Upload-Offset", self.pick(&["", "-1", "x", "9999999999999999999"]))]),
            // An answer before the whole body was sent, some of which was kept.
            14 => {
                let part = self.random.u64(0..=sent);
                self.keep(exchange, part);
                Reply::Early(part, self.pick(&[409, 413, 423, 401, 500, 503]), vec![])
            }
            // What stands before the server has its say: a balancer, a maintenance page, a login.
            15 => foreign(self.pick(&[404, 410]), &[]),
            16 => foreign(self.pick(&[200, 204]), &[]),
            17 => foreign(self.pick(&[301, 302, 303, 307, 308]), &[("Location", "/sorry")]),
            // Done, and refused all the same: what runs at its end has failed.
            18 => {
                let reply = self.serve(exchange, true);
                self.refuse_finish(exchange, reply)
            }
            19 => {
                let fields: &[(&'static str, &str)] = self.pick(&[
                    &[("Upload-Concat", "final;/a /b"), ("Upload-Length", "11")][..],
                    &[("Upload-Offset", "3"), ("Upload-Defer-Length", "1")],
                    &[("Upload-Offset", "3"), ("Upload-Length", "7")],
                    &[("Upload-Offset", "1"), ("Upload-Length", "9"), ("Age", "5")],
                ]);
                ok(200, fields)
            }
            20 => {
                let location = self.pick(&["/files/0", "http://other/files/1", "", "https://h/f", "ftp://h/"]);
                ok(self.pick(&[301, 302, 303, 307, 308]), &[("Location", location)])
            }
            // The upload is dropped, or loses its tail.
            _ => {
                if let Some(upload) = number(&exchange.url).and_then(|number| self.uploads.get_mut(number)) {
                    upload.alive &= self.random.bool();
                    upload.offset = self.random.u64(0..=upload.offset);
                }
                self.serve(exchange, false)
            }
        }
    }
}

fn random_server(random: &mut Rng, honest: bool) -> Server {
    let mut extensions = vec!["creation".to_owned(), "termination".to_owned()];
    let optional = ["creation-with-upload", "creation-defer-length", "checksum", "checksum-trailer", "concatenation"];
    extensions.extend(optional.into_iter().filter(|_| random.u8(0..8) > 0).map(str::to_owned));
    let algorithms = ["sha1", "sha256", "sha512", "md5"].into_iter().filter(|_| random.bool());
    let offer = Capabilities {
        versions: vec!["1.0.0".to_owned()],
        extensions,
        checksum_algorithms: algorithms.map(str::to_owned).collect(),
        max_size: (random.u8(0..20) == 0).then(|| random.u64(0..150)),
    };
    let methods = [HttpMethod::Post, HttpMethod::Head, HttpMethod::Patch, HttpMethod::Patch, HttpMethod::Options];
    let statuses = [400, 401, 401, 403, 404, 409, 413, 417, 423, 460, 500, 501, 503];
    let grudge = (random.u8(0..20) == 0).then(|| (pick(random, &methods), pick(random, &statuses)));
    Server {
        faults: pick(random, &[0, 5, 20, 50]),
        lies: if honest { 0 } else { 20 },
        keeps_trailers: true,
        random: random.fork(),
        offer,
        grudge,
        uploads: vec![],
    }
}

/// What it is to do with a source of `total` bytes; what that needs there already is put on the server.
fn random_goal(random: &mut Rng, server: &mut Server, total: u64) -> Goal {
    let endpoint = url("http://h/files/");
    let size = (random.u8(0..3) > 0).then_some(total);
    if random.bool() {
        return Goal::Upload { endpoint, size, previous: None };
    }
    let offset = random.u64(0..=total);
    let known = if random.u8(0..10) == 0 { random.u64(offset..=total) } else { total };
    let mut there = Upload {
        size: (random.u8(0..3) > 0).then_some(known),
        offset,
        found: offset,
        right: total,
        pending: 0,
        alive: random.u8(0..10) > 0,
        new: false,
        refused: false,
    };
    let origin = if random.u8(0..8) == 0 { "http://other" } else { "http://h" };
    let place = url(&format!("{origin}/files/0"));
    if random.bool() {
        server.uploads.push(there);
        return Goal::Resume { url: place, size, endpoint: random.bool().then_some(endpoint) };
    }
    let proven = random.bool().then(|| random.u64(0..=total));
    if let Some(proven) = proven {
        there.right = proven;
        there.pending = if random.u8(0..4) == 0 { random.u64(0..=total - offset) } else { 0 };
    }
    server.uploads.push(there);
    Goal::Upload { endpoint, size, previous: Some(Previous { url: place, proven }) }
}

fn random_plan(random: &mut Rng, server: &mut Server, total: u64) -> Plan {
    let chunk_size = match random.u8(0..3) {
        0 => ChunkSize::Auto,
        1 => ChunkSize::Whole,
        _ => fixed(random.u64(1..60)),
    };
    let policy = pick(random, &[Policy::Off, Policy::IfAvailable, Policy::Required]);
    let algorithm = random.bool().then(|| pick(random, &Algorithm::ALL));
    let goal = random_goal(random, server, total);
    Plan {
        discover: random.u8(0..4) > 0,
        capabilities: (random.u8(0..4) == 0).then(|| server.offer.clone()),
        trusted: vec![url("http://h/").origin().clone()],
        partial: random.u8(0..8) == 0,
        checksum: Wish { policy, algorithm },
        checksum_trailers: random.bool(),
        creation_data: [CreationData::Off, CreationData::On, CreationData::Repeat][random.usize(0..3)],
        can_authenticate: random.bool(),
        chunk_size,
        override_method: random.u8(0..8) == 0,
        stop_at: (random.u8(0..8) == 0).then(|| random.u64(0..200)),
        seed: random.u64(..),
        retry: RetryPolicy { max_retries: random.u32(0..6), ..RetryPolicy::default() },
        deadline: (random.u8(0..10) == 0).then(|| Instant(random.u64(0..100_000_000))),
        ..Plan::new(goal)
    }
}

/// What the session has been told, and is held to.
struct Witness<'a> {
    plan: &'a Plan,
    offer: Capabilities,
    total: u64,
    /// The offset the server last stated.
    stated: Option<u64>,
    /// The server has no length for the upload, as far as it said.
    open: bool,
    /// 404s and 410s in a row that no tus server has said.
    missing: u32,
    /// What was answered last, and whether a tus server did.
    last: (u16, bool),
    /// A wrong trailer was refused.
    shown: bool,
    /// The previous upload that would be gone on with, and how much of it is proven.
    limit: Option<(AbsoluteUrl, u64)>,
    /// Data has gone out with the creation under way.
    carried: bool,
    /// An upload was given up, so that another complete one may be beside it.
    gave_up: bool,
}

impl Witness<'_> {
    /// Holds one request to the promises.
    fn check(&mut self, exchange: &Exchange) {
        let plan = self.plan;
        assert_eq!(exchange.trusted, plan.trusted.contains(exchange.url.origin()), "{exchange:?}");
        let length = integer(exchange, "Upload-Length");
        assert!(length.is_none_or(|length| length == self.total), "{exchange:?}");
        match exchange.meaning() {
            HttpMethod::Post => {
                let deferred = field(exchange, "Upload-Defer-Length");
                assert!(
                    deferred.is_some() != length.is_some() && deferred.is_none_or(|one| one == "1"),
                    "{exchange:?}"
                );
                assert_eq!(field(exchange, "Upload-Concat"), plan.partial.then_some("partial"), "{exchange:?}");
                self.open = deferred.is_some();
                if let Body::Range { start, length } = exchange.body {
                    assert!(plan.creation_data != CreationData::Off && !self.carried, "{exchange:?}");
                    assert!(start == 0 && length <= self.total.min(plan.stop_at.unwrap_or(u64::MAX)), "{exchange:?}");
                    assert!(self.offer.has("creation-with-upload"), "{exchange:?}");
                }
            }
            HttpMethod::Patch => self.check_data(exchange, length),
            _ => assert!(length.is_none(), "{exchange:?}"),
        }
        let sum = exchange.checksum.map(|sum| (sum.algorithm, sum.form));
        if data(exchange) > 0 && plan.checksum.policy == Policy::Required {
            assert!(sum.is_some(), "{exchange:?}");
        }
        if let Some((algorithm, form)) = sum {
            let named = plan.checksum.algorithm;
            assert!(plan.checksum.policy != Policy::Off && self.offer.has("checksum"));
            assert_eq!(data(exchange) > 0, form != Form::WrongTrailer, "{exchange:?}");
            assert!(form == Form::Header || (self.offer.has("checksum-trailer") && plan.checksum_trailers));
            assert!(form != Form::Trailer || self.shown, "a trailer is believed unseen: {exchange:?}");
            assert!(plan.checksum.policy == Policy::IfAvailable || named.is_none_or(|named| named == algorithm));
            let offered = &self.offer.checksum_algorithms;
            assert!(
                offered.iter().any(|name| name == algorithm.name())
                    || offered.is_empty() && algorithm == Algorithm::Sha1
            );
            assert!(algorithm != Algorithm::Md5 || named == Some(algorithm));
        }
    }

    fn check_data(&mut self, exchange: &Exchange, length: Option<u64>) {
        let offset = integer(exchange, "Upload-Offset");
        assert_eq!(offset, self.stated, "{exchange:?}");
        if let Some((previous, proven)) = &self.limit
            && exchange.url == *previous
        {
            assert!(offset <= Some(*proven), "{exchange:?}");
            if data(exchange) > 0 {
                // From here on there may be bytes of ours.
                self.limit = None;
            }
        }
        if length.is_some() {
            assert!(std::mem::take(&mut self.open), "the length is known: {exchange:?}");
        }
        match exchange.body {
            Body::Range { start, length: sent } => {
                assert!(Some(start) == offset && sent > 0 && start + sent <= self.total, "{exchange:?}");
                if let (None, Some(known)) = (self.plan.goal.size(), &self.plan.capabilities) {
                    assert!(known.max_size.is_none_or(|max| start + sent <= max), "{exchange:?}");
                }
            }
            // T-073.
            Body::Empty if tries_trailers(exchange) => assert!(length.is_none(), "{exchange:?}"),
            Body::Empty => assert!(length.is_some() && length == offset, "{exchange:?}"),
            Body::None => panic!("{exchange:?}"),
        }
    }

    /// An upload is given up, which is so much sent for nothing: not for what only something before the server says, nor
    /// for a refusal that may be over tomorrow (T-019, T-083).
    fn check_loss(&mut self, notices: &[Notice]) {
        if !notices.iter().any(|notice| matches!(notice, Notice::Gone(_) | Notice::Abandoned(_))) {
            return;
        }
        let (status, from_tus) = self.last;
        if matches!(status, 404 | 410) {
            assert!(from_tus || self.missing > 2, "given up after {} answers", self.missing);
            self.missing = 0;
        }
        let refused = [400, 401, 405, 412, 413, 415, 417, 460, 501, 999];
        assert!(!refused.contains(&status), "given up for {status}");
    }

    /// Takes down what an answer states, as far as a client may believe it.
    fn hear(&mut self, exchange: &Exchange, reply: &Reply) {
        self.shown |= tries_trailers(exchange) && matches!(reply, Reply::Answer(417 | 460, _));
        self.last = (0, true);
        if let Reply::Answer(status, fields) = reply {
            let from_tus = fields.iter().any(|(name, _)| *name == "Tus-Resumable" || name.starts_with("Upload-"));
            self.last = (*status, from_tus);
            match status {
                404 | 410 if !from_tus => self.missing += 1,
                200..=299 if from_tus => self.missing = 0,
                _ => {}
            }
        }
        if exchange.meaning() == HttpMethod::Post {
            let made = matches!(reply, Reply::Answer(200..=299, _));
            // What did not go out may be brought again; where a redirect leads it goes along.
            let kept = data(exchange) == 0
                || matches!(reply, Reply::Answer(300..=399, _) | Reply::Early(0, ..))
                || matches!(reply, Reply::Break(BrokenKind::Connect, _));
            let once = self.plan.creation_data != CreationData::Repeat;
            self.carried = !made && once && (self.carried || !kept);
        }
        if let Reply::Answer(300..=399, fields) = reply {
            // A server that leads another upload to the earlier one, for good even, has its data there.
            if fields.iter().any(|(name, value)| *name == "Location" && value == "/files/0") {
                self.limit = None;
            }
            // The same request goes elsewhere.
            self.open |= exchange.meaning() == HttpMethod::Patch && field(exchange, "Upload-Length").is_some();
        }
        let Reply::Answer(200..=299, fields) = reply else { return };
        let integer = |wanted: &str| {
            fields.iter().find(|(name, _)| *name == wanted).and_then(|(_, value)| value.parse::<u64>().ok())
        };
        let offset = integer("Upload-Offset");
        let stated = match (exchange.meaning(), exchange.body) {
            (HttpMethod::Post, Body::Range { length, .. }) => offset.filter(|offset| *offset <= length),
            (HttpMethod::Post, _) => Some(0),
            (HttpMethod::Patch, Body::Range { start, length }) => {
                offset.filter(|offset| (start..=start + length).contains(offset))
            }
            (HttpMethod::Head, _) => {
                self.open = integer("Upload-Length").is_none();
                offset
            }
            _ => None,
        };
        self.stated = stated.or(self.stated);
    }
}

/// Plays one server to the end; whether the upload was done.
fn play_random(seed: u64) -> bool {
    let mut random = Rng::with_seed(seed);
    let honest = random.bool();
    let total = if random.u8(0..10) == 0 { 0 } else { random.u64(1..150) };
    let mut server = random_server(&mut random, honest);
    server.keeps_trailers = seed.is_multiple_of(2);
    let plan = random_plan(&mut random, &mut server, total);
    let end = plan.stop_at.unwrap_or(u64::MAX).min(total);
    let limit = match &plan.goal {
        Goal::Upload { previous: Some(Previous { url, proven }), .. } => {
            Some((url.clone(), proven.unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    let mut witness = Witness {
        plan: &plan,
        offer: server.offer.clone(),
        total,
        stated: None,
        open: false,
        shown: false,
        missing: 0,
        last: (0, true),
        limit,
        carried: false,
        gave_up: false,
    };

    let endless = random.bool();
    let mut now = Instant(0);
    let mut session = Session::start(plan.clone(), now);
    for _ in 0..MAX_STEPS {
        let event = match session.next() {
            Action::Decide(question) => match random.u8(0..200) {
                0 => Event::Decided(Err(1)),
                1 => Event::Decided(Ok(Duration::MAX)),
                _ => Event::Decided(Ok(question.delay)),
            },
            Action::Authenticate(_) => {
                assert!(plan.can_authenticate);
                // An endless supply must not make an endless run.
                Event::Authenticated(if endless { Ok(true) } else { pick(&mut random, &[Ok(true), Ok(false), Err(1)]) })
            }
            Action::LookAhead { start, length } => {
                assert!(plan.goal.size().is_none() && start == witness.stated.unwrap_or(0) || start == 0);
                assert!(length > 0 && start < plan.stop_at.unwrap_or(u64::MAX));
                match total.checked_sub(start) {
                    Some(left) => Event::Ahead { available: left.min(length), end: left <= length },
                    None => Event::Stopped(Error::new(ErrorKind::SourceChanged, "the source is shorter")),
                }
            }
            Action::Sleep { until, .. } => {
                assert!(plan.deadline.is_none_or(|deadline| until < deadline));
                now = until;
                Event::Woke
            }
            // Another upload was told to wait.
            Action::Send(_) if random.u8(0..40) == 0 => {
                Event::HeldBack { until: now + Duration::from_millis(random.u64(0..2_000)) }
            }
            Action::Send(exchange) => {
                witness.check(exchange);
                let reply = server.answer(exchange);
                witness.hear(exchange, &reply);
                now = now + Duration::from_millis(1);
                reply_event(reply, data(exchange))
            }
            Action::Finished(Err(_)) => return false,
            Action::Finished(Ok(outcome)) => {
                let Outcome::Uploaded { offset, url, size, .. } = outcome else { panic!("{outcome:?}") };
                assert!(*offset >= end && Some(*offset) == witness.stated, "{outcome:?}, {:?}", witness.stated);
                assert!(plan.stop_at.is_some() || *size == Some(*offset), "{outcome:?}");
                if honest {
                    let upload = &server.uploads[number(url).unwrap()];
                    assert!(upload.offset >= end, "{outcome:?}");
                    assert!(upload.found <= upload.right, "bytes of another source: {outcome:?}");
                    assert!(!upload.refused, "the server has not confirmed it: {outcome:?}");
                    let complete = server.uploads.iter().filter(|upload| upload.new && upload.is_complete()).count();
                    let may_double = witness.gave_up || total == 0 || plan.creation_data == CreationData::Repeat;
                    assert!(complete <= 1 || may_double, "{complete} complete uploads");
                    assert!(plan.stop_at.is_some() || upload.size == Some(total), "{outcome:?}");
                }
                return true;
            }
        };
        session = session.happened(event, now);
        let notices = session.take_notices();
        let given_up = |notice: &Notice| matches!(notice, Notice::Gone(_) | Notice::Abandoned(_));
        witness.gave_up |= notices.iter().any(given_up);
        witness.check_loss(&notices);
    }
    panic!("the session does not end");
}

/// Plays all servers; how many ended well.
pub(super) fn play_all(servers: u64, play: impl Fn(u64) -> bool + std::panic::RefUnwindSafe) -> u64 {
    let mut done = 0;
    for seed in 0..servers {
        match std::panic::catch_unwind(|| play(seed)) {
            Ok(true) => done += 1,
            Ok(false) => {}
            Err(panic) => {
                eprintln!("the server was number {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    done
}

#[test]
fn promises_hold_against_random_servers() {
    let servers = times(SERVERS);
    let done = play_all(servers, play_random);
    // The servers are neither all hopeless nor all harmless, or this would test nothing.
    assert!((servers / 4..servers * 9 / 10).contains(&done), "{done} of {servers} done");
}
