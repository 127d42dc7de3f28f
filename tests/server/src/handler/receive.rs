//! The bytes of a POST or PATCH on their way into the store.
//!
//! Decides what counts: all, nothing (a bad checksum, too much), or what came before a cut. The
//! body is streamed; no more than one piece is in memory.

use std::io;
use std::sync::Arc;

use super::Context;
use crate::body::{Body, Piece, Progress};
use crate::checksum::{self, Expected, Hasher};
use crate::head::Framing;
use crate::log::Level;
use crate::options::CutPatch;
use crate::response::Response;
use crate::store::{Append, Entry, How};

/// What became of the bytes.
pub(super) enum Received {
    /// They count (or those the script let through).
    Stored,
    /// The request broke off; what counts depends on the options.
    Cut,
    /// None counts.
    Refused(Response),
}

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// Takes the body of a request for an upload that the caller has taken.
pub(super) fn receive(cx: &Context<'_>, body: &mut Body<'_>, entry: &Arc<Entry>) -> io::Result<Received> {
    let limit = Limit::of(cx, entry);
    if let Ok(Framing::Length(length)) = cx.head.framing()
        && let Some(refusal) = limit.refuse(cx, length)
    {
        return Ok(Received::Refused(refusal));
    }
    let mut sums = Sums::of(cx);
    let mut append = Append::begin(&cx.shared.store, entry, how(cx, &sums))?;
    let mut piece = vec![0; PIECE];
    let end = loop {
        match body.next(&mut piece) {
            Piece::Data(n) => {
                if let Some(refusal) = limit.refuse(cx, append.written() + n as u64) {
                    append.discard()?;
                    return Ok(Received::Refused(refusal));
                }
                sums.update(&piece[..n]);
                append.write(&piece[..n])?;
            }
            end => break end,
        }
    };
    match end {
        Piece::Malformed(what) => {
            append.discard()?;
            cx.violate("T-022", Level::Must, what.clone());
            Ok(Received::Refused(Response::refusal(400, &what)))
        }
        Piece::Cut => {
            cut(cx, append, sums.wanted())?;
            Ok(Received::Cut)
        }
        Piece::Data(_) | Piece::End => complete(cx, body, append, sums),
    }
}

/// The body is there; now its checksum decides.
fn complete(cx: &Context<'_>, body: &Body<'_>, append: Append, sums: Sums) -> io::Result<Received> {
    // A script that lets only a part through means it to count.
    if body.progress == Progress::Complete
        && let Err(refusal) = sums.verify(cx, &body.trailers)
    {
        append.discard()?;
        return Ok(Received::Refused(refusal));
    }
    if let Some(after) = cx.fault.commit_late {
        cx.shared.commit_later(append.postpone()?, after);
        return Ok(Received::Cut);
    }
    append.commit()?;
    Ok(Received::Stored)
}

/// What a request that broke off leaves behind (T-030, T-095).
fn cut(cx: &Context<'_>, append: Append, checksum: bool) -> io::Result<()> {
    let late = match cx.options().cut_patch {
        CutPatch::Late(after) => Some(after),
        _ => None,
    };
    match cx.fault.commit_late.or(late) {
        _ if checksum => append.discard(),
        Some(after) => {
            cx.shared.commit_later(append.postpone()?, after);
            Ok(())
        }
        None if cx.options().cut_patch == CutPatch::Drop => append.discard(),
        None => append.commit(),
    }
}

fn how(cx: &Context<'_>, sums: &Sums) -> How {
    let keep = cx.options().cut_patch == CutPatch::Keep;
    if keep && cx.fault.commit_late.is_none() && !sums.wanted() { How::Direct } else { How::Aside }
}

/// How many bytes a request may bring.
struct Limit {
    /// Up to the length of the upload.
    length: Option<u64>,
    /// Up to `Tus-Max-Size`, for a deferred length.
    max_size: Option<u64>,
    max_body: Option<u64>,
}

impl Limit {
    fn of(cx: &Context<'_>, entry: &Entry) -> Self {
        let left = |end: u64| end.saturating_sub(entry.offset());
        Self {
            length: entry.length().map(left),
            max_size: cx.options().max_size.map(left),
            max_body: cx.options().max_body,
        }
    }

    fn refuse(&self, cx: &Context<'_>, bytes: u64) -> Option<Response> {
        let beyond = |limit: Option<u64>| limit.is_some_and(|limit| bytes > limit);
        if beyond(self.length) {
            let text = "the body goes beyond Upload-Length";
            cx.violate("T-022", Level::Must, text.into());
            return Some(Response::refusal(400, text));
        }
        if beyond(self.max_size) {
            let text = "the body goes beyond Tus-Max-Size";
            cx.violate("T-008", Level::Should, text.into());
            return Some(Response::refusal(413, text));
        }
        beyond(self.max_body).then(|| Response::refusal(413, "the request body is too big"))
    }
}

/// The digests a request asks for.
enum Sums {
    Nothing,
    Field(Expected, Hasher),
    /// Which one is known only at the end.
    Trailer(Vec<(&'static str, Hasher)>),
}

impl Sums {
    fn of(cx: &Context<'_>) -> Self {
        let on = cx.options().extensions;
        let offered = &cx.options().algorithms;
        let field = cx.head.first("Upload-Checksum").filter(|_| on.checksum);
        if let Some(expected) = field.and_then(|text| checksum::parse(text, offered).ok()) {
            let hasher = Hasher::new(expected.algorithm);
            return Self::Field(expected, hasher);
        }
        if on.checksum_trailer && cx.head.lists("Trailer", "Upload-Checksum") {
            let all = offered.iter().map(|a| (a.name(), Hasher::new(*a)));
            return Self::Trailer(all.collect());
        }
        Self::Nothing
    }

    fn wanted(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Nothing => {}
            Self::Field(_, hasher) => hasher.update(bytes),
            Self::Trailer(all) => all.iter_mut().for_each(|(_, h)| h.update(bytes)),
        }
    }

    fn verify(self, cx: &Context<'_>, trailers: &[(String, String)]) -> Result<(), Response> {
        let named = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("Upload-Checksum");
        let trailer = trailers.iter().find(named).map(|(_, value)| value);
        let (expected, digest) = match self {
            Self::Nothing => {
                if trailer.is_some() {
                    let text = "a trailer that was not announced".into();
                    cx.violate("T-100", Level::Must, text);
                }
                return Ok(());
            }
            Self::Field(expected, hasher) => (expected, hasher.finish()),
            Self::Trailer(all) => {
                let parsed = trailer
                    .ok_or("the announced trailer did not come".to_owned())
                    .and_then(|text| checksum::parse(text, &cx.options().algorithms));
                let expected = parsed.map_err(|text| {
                    cx.violate("T-100", Level::Must, text.clone());
                    Response::refusal(400, &text)
                })?;
                let name = expected.algorithm.name();
                let hasher = all.into_iter().find(|(n, _)| *n == name);
                let digest = hasher.map(|(_, h)| h.finish()).unwrap_or_default();
                (expected, digest)
            }
        };
        if digest == expected.digest {
            return Ok(());
        }
        Err(Response::refusal(cx.options().mismatch_status, "the checksum does not match"))
    }
}
