//! The model of a server, with what is really there.

use super::alphabet::{Amount, By, Flaw, Letter, Where, With};
use super::*;

/// What there is on a server, and whether it has ever said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Server {
    /// Those whose URL was told, by number.
    pub(super) uploads: Vec<Upload>,
    /// Complete uploads of which nobody knows the URL.
    pub(super) unseen: u8,
    /// Data of a request that broke: for which upload, from where, how much, and whether it was an earlier run's.
    pub(super) pending: Option<(usize, u64, u64, bool)>,
    /// It has stated what is not.
    pub(super) lied: bool,
    /// What the session asked of it that no client may.
    pub(super) offended: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Upload {
    /// `None` while it is deferred.
    pub(super) size: Option<u64>,
    pub(super) offset: u64,
    pub(super) alive: bool,
    /// This session made it.
    pub(super) own: bool,
    /// The server itself has refused the request with its last byte, all of which it has kept.
    pub(super) refused: bool,
    /// Data whose fate no answer has told: a refusal may mean that the upload is finished already.
    pub(super) doubtful: bool,
    /// There are bytes of another source in it.
    pub(super) wrong: bool,
    /// What `Upload-Concat` says of it.
    pub(super) concat: Option<&'static str>,
}

impl Upload {
    pub(super) fn is_complete(&self) -> bool {
        self.size == Some(self.offset)
    }
}

/// Status and fields of an answer.
type Words = (u16, Vec<(&'static str, String)>);

impl Server {
    pub(super) fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    fn upload(&self, exchange: &Exchange) -> Option<usize> {
        number(&exchange.url).filter(|number| self.uploads.get(*number).is_some_and(|upload| upload.alive))
    }

    /// What happens to the request; `None` if that is nothing the session is told.
    pub(super) fn act(&mut self, letter: Letter, exchange: &Exchange, total: u64, now: Instant) -> Option<Event> {
        let event = self.happen(letter, exchange, total, now);
        let sent = match &event {
            Some(Event::Answered { body_sent, .. }) => *body_sent,
            Some(Event::Broken(broken)) => broken.body_sent,
            _ => 0,
        };
        if let Some(number) = number(&exchange.url).filter(|_| sent > 0) {
            let told = matches!(&event, Some(Event::Answered { answer, .. }) if answer.is_success());
            self.uploads[number].doubtful = !told;
        }
        event
    }

    fn happen(&mut self, letter: Letter, exchange: &Exchange, total: u64, now: Instant) -> Option<Event> {
        let data = data(exchange);
        let bytes = |amount| match amount {
            Amount::Nothing => 0,
            Amount::Half => data / 2,
            Amount::All => data,
        };
        Some(match letter {
            Letter::Serve => self.serve(exchange, data).told(data),
            Letter::Take(amount) => self.serve(exchange, bytes(amount)).told(data),
            Letter::Land => {
                if let Some((number, from, length, wrong)) = self.pending.take()
                    && let Some(upload) = self.uploads.get_mut(number)
                    && upload.offset == from
                {
                    upload.offset += length;
                    upload.wrong |= wrong;
                }
                self.serve(exchange, data).told(data)
            }
            Letter::Vanish | Letter::Lose => {
                if let Some(number) = self.upload(exchange) {
                    let upload = &mut self.uploads[number];
                    upload.alive = letter != Letter::Vanish;
                    upload.offset = upload.offset.saturating_sub(1);
                    upload.refused = false;
                }
                self.serve(exchange, data).told(data)
            }
            Letter::Late => {
                let from = integer(exchange, "Upload-Offset").unwrap_or(0);
                self.pending = self.upload(exchange).map(|number| (number, from, data, false));
                broke(BrokenKind::Closed, data, false, false)
            }
            Letter::Break { kind, sent, kept } => {
                self.lose_sight(exchange, kept, bytes(kept));
                broke(kind, bytes(sent), false, false)
            }
            Letter::Unsent => broke(BrokenKind::Closed, 0, true, true),
            Letter::Stale { kept } => {
                self.lose_sight(exchange, kept, bytes(kept));
                broke(BrokenKind::Closed, data, true, false)
            }
            Letter::Say { status, by, sent, kept, with } => {
                let words = self.say(exchange, status, by, with, (kept, bytes(kept)));
                let text = if let With::Text(text) = with { text } else { "" };
                words.text(text, bytes(sent))
            }
            Letter::Flawed { flaw, kept } => self.flawed(exchange, flaw, (kept, bytes(kept)), total).told(data),
            Letter::Redirect { status, to } => {
                let number = number(&exchange.url);
                let path = exchange.url.path_and_query();
                let location = match (to, number) {
                    (Where::Login, _) => "/login".to_owned(),
                    (Where::OtherOrigin, _) => format!("http://other{path}"),
                    (Where::Moved, _) if path.starts_with("/new/moved/") => path.replacen("/new/moved/", "/files/", 1),
                    (Where::Moved, _) => path.replacen("/files/", "/new/moved/", 1),
                };
                let by = if to == Where::Login { By::Proxy } else { By::Server };
                words(status, by, vec![("Location", location)]).told(data)
            }
            Letter::HeldBack => Event::HeldBack { until: now + Duration::from_secs(1) },
            Letter::Learned => Event::Learned(offer()),
            Letter::Stop => Event::Stopped(Error::new(ErrorKind::Cancelled, "cancelled")),
            Letter::Deadline | Letter::SmallChunks => return None,
        })
    }

    /// What it is to serve the request rightly, when so many bytes of its data are taken.
    fn serve(&mut self, exchange: &Exchange, taken: u64) -> Words {
        let tus = |status, fields| words(status, By::Server, fields);
        if exchange.meaning() == HttpMethod::Options {
            let offer = offer();
            let fields = vec![
                ("Tus-Version", "1.0.0".to_owned()),
                ("Tus-Extension", offer.extensions.join(",")),
                ("Tus-Checksum-Algorithm", offer.checksum_algorithms.join(",")),
            ];
            return tus(204, fields);
        }
        if exchange.meaning() == HttpMethod::Post {
            let upload = self.created(exchange, taken);
            let mut fields = vec![("Location", format!("/files/{}/u", self.uploads.len()))];
            if data(exchange) > 0 {
                fields.push(("Upload-Offset", upload.offset.to_string()));
            }
            self.uploads.push(upload);
            return tus(201, fields);
        }
        let Some(number) = self.upload(exchange) else { return tus(404, vec![]) };
        match exchange.meaning() {
            HttpMethod::Head => tus(200, self.position(number)),
            HttpMethod::Delete => {
                self.uploads[number].alive = false;
                tus(204, vec![])
            }
            _ if integer(exchange, "Upload-Offset") != Some(self.uploads[number].offset) => tus(409, vec![]),
            _ if is_wrong(exchange) && taken == data(exchange) => tus(460, vec![]),
            _ => {
                self.keep(number, exchange, taken);
                tus(204, vec![("Upload-Offset", self.uploads[number].offset.to_string())])
            }
        }
    }

    /// What HEAD says.
    fn position(&self, number: usize) -> Vec<(&'static str, String)> {
        let upload = &self.uploads[number];
        let mut fields = vec![("Upload-Offset", upload.offset.to_string())];
        fields.push(match upload.size {
            Some(size) => ("Upload-Length", size.to_string()),
            None => ("Upload-Defer-Length", "1".to_owned()),
        });
        fields.extend(upload.concat.map(|concat| ("Upload-Concat", concat.to_owned())));
        fields
    }

    fn keep(&mut self, number: usize, exchange: &Exchange, taken: u64) {
        let upload = &mut self.uploads[number];
        if let Some(size) = integer(exchange, "Upload-Length")
            && upload.size.replace(size).is_some()
        {
            self.offended = Some("T-071: Upload-Length twice");
        }
        let upload = &mut self.uploads[number];
        if upload.size.is_some_and(|size| upload.offset + taken > size) {
            self.offended = Some("T-021: data beyond the upload's length");
        }
        upload.offset += taken;
    }

    fn created(&mut self, exchange: &Exchange, taken: u64) -> Upload {
        let mut upload = Upload {
            size: integer(exchange, "Upload-Length"),
            offset: taken,
            alive: true,
            own: true,
            refused: false,
            doubtful: false,
            wrong: false,
            concat: None,
        };
        match field(exchange, "Upload-Concat") {
            Some("partial") => upload.concat = Some("partial"),
            Some(_) => {
                let size = self.uploads.iter().filter(|upload| !upload.own).filter_map(|part| part.size).sum();
                (upload.size, upload.offset, upload.concat) = (Some(size), size, Some("final;/files/0/u /files/1/u"));
            }
            None => {}
        }
        upload
    }

    /// The server gets so far with a request whose answer does not tell where the upload is; `None` if it does not get
    /// to it.
    fn got(&mut self, exchange: &Exchange, kept: Amount, bytes: u64) -> Option<usize> {
        let number = self.upload(exchange);
        match (exchange.meaning(), kept, number) {
            (_, Amount::Nothing, _) => None,
            (HttpMethod::Post, ..) => {
                let upload = self.created(exchange, bytes);
                self.uploads.push(upload);
                Some(self.uploads.len() - 1)
            }
            (HttpMethod::Patch, _, Some(number))
                if integer(exchange, "Upload-Offset") == Some(self.uploads[number].offset) && !is_wrong(exchange) =>
            {
                self.keep(number, exchange, bytes);
                Some(number)
            }
            (HttpMethod::Delete, _, Some(number)) => {
                self.uploads[number].alive = false;
                Some(number)
            }
            _ => None,
        }
    }

    /// The same, and nobody is told.
    fn lose_sight(&mut self, exchange: &Exchange, kept: Amount, bytes: u64) {
        let got = self.got(exchange, kept, bytes);
        self.forget(exchange, got);
    }

    /// An upload whose URL nobody knows can never be asked for again.
    fn forget(&mut self, exchange: &Exchange, got: Option<usize>) {
        if exchange.meaning() == HttpMethod::Post && got.is_some() {
            let upload = self.uploads.pop();
            self.unseen += u8::from(upload.is_some_and(|upload| upload.is_complete()));
        }
    }

    fn say(&mut self, exchange: &Exchange, status: u16, by: By, with: With, (kept, bytes): (Amount, u64)) -> Words {
        let missing = matches!(status, 404 | 410) && by == By::Server;
        self.lied |= missing && self.upload(exchange).is_some();
        self.lied |= (200..300).contains(&status) && by == By::Server && kept == Amount::Nothing;
        let got = self.got(exchange, kept, bytes);
        if let Some(upload) = got.and_then(|number| self.uploads.get_mut(number))
            && upload.is_complete()
            && by == By::Server
            && !(200..300).contains(&status)
            && !(matches!(status, 400 | 403) && upload.doubtful)
        {
            upload.refused = true;
        }
        let mut fields = vec![];
        match with {
            With::RetryAfter(delay) => fields.push(("Retry-After", delay.to_owned())),
            With::Location if got.is_some() => {
                fields.push(("Location", format!("/files/{}/u", self.uploads.len() - 1)))
            }
            _ => self.forget(exchange, got),
        }
        words(status, by, fields)
    }

    fn flawed(&mut self, exchange: &Exchange, flaw: Flaw, (kept, bytes): (Amount, u64), total: u64) -> Words {
        let is_post = exchange.meaning() == HttpMethod::Post;
        let got = self.got(exchange, kept, bytes);
        let at = integer(exchange, "Upload-Offset").unwrap_or(0);
        let truth = match got.or(self.upload(exchange)).map(|number| &self.uploads[number]) {
            Some(upload) => upload.offset,
            // It makes no upload out of nothing.
            None if exchange.meaning() == HttpMethod::Head => return words(404, By::Server, vec![]),
            None => 0,
        };
        let mut fields = match exchange.meaning() {
            HttpMethod::Head => self.upload(exchange).map(|number| self.position(number)).unwrap_or_default(),
            _ => vec![("Upload-Offset", truth.to_string())],
        };
        let location = |number: usize| format!("/files/{number}/u");
        if is_post {
            fields.push(("Location", location(self.uploads.len().saturating_sub(usize::from(got.is_some())))));
        }
        let mut state = |name: &'static str, value: Option<String>| {
            fields.retain(|(have, _)| *have != name);
            fields.extend(value.map(|value| (name, value)));
        };
        let mut offset = |offset: u64| {
            state("Upload-Offset", Some(offset.to_string()));
            offset != truth
        };
        let status = if is_post { 201 } else { 200 };
        let lied = match flaw {
            Flaw::OffsetOneMore => offset(truth + 1),
            Flaw::OffsetOneLess => offset(truth.saturating_sub(1)),
            Flaw::OffsetBeyondLength => offset(total + 1),
            Flaw::OffsetAll => offset(total),
            Flaw::OffsetZero => offset(0),
            Flaw::OffsetUnmoved => offset(at),
            // It says that it has done what it has not.
            Flaw::NoOffset => {
                state("Upload-Offset", None);
                kept == Amount::Nothing && exchange.meaning() != HttpMethod::Head
            }
            Flaw::OffsetMalformed => {
                state("Upload-Offset", Some(format!("+{truth}")));
                false
            }
            Flaw::OffsetTwice => {
                state("Upload-Offset", Some(format!("{truth}, {}", truth + 1)));
                false
            }
            Flaw::Bare => {
                self.forget(exchange, got);
                return words(status, By::Proxy, vec![]);
            }
            Flaw::OtherVersion => {
                self.forget(exchange, got);
                return (status, vec![("Tus-Resumable", "2.0.0".to_owned())]);
            }
            Flaw::OtherLength => {
                state("Upload-Length", Some((total + 3).to_string()));
                true
            }
            Flaw::NoLength => {
                state("Upload-Length", None);
                state("Upload-Defer-Length", None);
                false
            }
            Flaw::Cached => {
                state("Age", Some("5".to_owned()));
                let stale = field(exchange, "Cache-Control").is_none();
                state("Upload-Offset", Some(if stale { 0 } else { truth }.to_string()));
                false
            }
            Flaw::Final => {
                state("Upload-Concat", Some("final;/a /b".to_owned()));
                true
            }
            Flaw::NoLocation => {
                state("Location", None);
                self.forget(exchange, got);
                false
            }
            Flaw::BadLocation => {
                state("Location", Some("ftp://h/files/0/u".to_owned()));
                self.forget(exchange, got);
                false
            }
            Flaw::OtherOrigin => {
                state("Location", Some(format!("http://other{}", location(self.uploads.len() - 1))));
                false
            }
        };
        // A length that it says it has noted, and has not.
        let unnoted = kept == Amount::Nothing && !is_post && integer(exchange, "Upload-Length").is_some();
        self.lied |= lied || unnoted;
        words(status, By::Server, fields)
    }
}

/// What it offers.
pub(super) fn offer() -> Capabilities {
    let extensions = "creation,creation-with-upload,creation-defer-length,checksum,checksum-trailer,concatenation,\
                      concatenation-unfinished,termination";
    offering(extensions, "sha1,sha256").unwrap()
}

/// Whether the server refuses the data for its checksum, which is wrong for a purpose.
fn is_wrong(exchange: &Exchange) -> bool {
    exchange.checksum.is_some_and(|sum| sum.form == Form::WrongTrailer)
}

fn words(status: u16, by: By, mut fields: Vec<(&'static str, String)>) -> Words {
    if by == By::Server {
        fields.push(("Tus-Resumable", "1.0.0".to_owned()));
    }
    (status, fields)
}

trait Told {
    fn told(self, body_sent: u64) -> Event;
    fn text(self, text: &str, body_sent: u64) -> Event;
}

impl Told for Words {
    fn told(self, body_sent: u64) -> Event {
        self.text("", body_sent)
    }

    fn text(self, text: &str, body_sent: u64) -> Event {
        let fields = self.1.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Event::Answered { answer: Answer::new(self.0, fields, text), body_sent, wall: 784_111_777 }
    }
}

fn broke(kind: BrokenKind, body_sent: u64, stale_connection: bool, never_sent: bool) -> Event {
    Event::Broken(Broken { kind, cause: None, os_code: None, body_sent, stale_connection, never_sent, answer: None })
}
