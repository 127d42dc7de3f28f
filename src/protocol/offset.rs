//! The offset the server has proved, as a value that only an answer can make.
//!
//! A PATCH needs a [`Proven`] offset to be formed, and a `Proven` comes from a parsed answer alone: nothing in this
//! library can send bytes at a place it merely believes in (T-021, T-025).

use super::capabilities::VERSION;
use super::headers::Headers;
use crate::error::BrokenRule;

/// An `Upload-Offset` that the server has stated for the present upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proven(u64);

/// What an answered PATCH (or creating POST with a body) says about progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledged {
    /// The server has more than before.
    Grown(Proven),
    /// It took nothing.
    Unchanged,
}

impl Proven {
    /// The offset of an upload that the server has just created without data (T-021).
    pub(super) fn created() -> Proven {
        Proven(0)
    }

    /// The offset as a number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Reads the answer to bytes sent from `self`: at most `sent` of them can have been taken (T-025).
    pub fn acknowledged(self, headers: &Headers, sent: u64, size: u64) -> Result<Acknowledged, BrokenRule> {
        let offset = headers.integer("Upload-Offset")?.ok_or(BrokenRule::MissingOffset)?;
        if offset > size {
            return Err(BrokenRule::OffsetBeyondLength);
        }
        if offset < self.0 || offset > self.0.saturating_add(sent) {
            return Err(BrokenRule::ImpossibleOffset);
        }
        Ok(if offset == self.0 { Acknowledged::Unchanged } else { Acknowledged::Grown(Proven(offset)) })
    }
}

/// What a successful HEAD says about where an upload is (T-013 to T-015).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The proven offset.
    pub at: Proven,
    /// The upload's length; `None` while it is deferred.
    pub length: Option<u64>,
}

impl Position {
    /// Reads a HEAD answer. Everything T-010 to T-015 ask for is checked here and nowhere else.
    pub fn read(headers: &Headers) -> Result<Position, BrokenRule> {
        let offset = headers.integer("Upload-Offset")?;
        let length = headers.integer("Upload-Length")?;
        let deferred = headers.single("Upload-Defer-Length")?.is_some_and(|value| value == "1");
        if length.is_none() && !deferred && !is_final(headers) {
            return Err(BrokenRule::MissingLength);
        }
        let offset = match offset {
            Some(offset) => offset,
            // T-124: a final upload that is still being put together has no offset yet.
            None if is_final(headers) => 0,
            None => return Err(BrokenRule::MissingOffset),
        };
        if length.is_some_and(|length| offset > length) {
            return Err(BrokenRule::OffsetBeyondLength);
        }
        Ok(Position { at: Proven(offset), length })
    }
}

/// Whether an answer to HEAD shows a tus upload of this length: what was read back from a token or a store may name
/// anything.
pub fn shows_upload(headers: &Headers, length: u64) -> bool {
    let tus = headers.single("Tus-Resumable").is_ok_and(|version| version == Some(VERSION));
    tus && Position::read(headers).is_ok_and(|position| position.length == Some(length))
}

/// Whether the upload is a concatenation (T-126: with or without a space after the semicolon).
pub fn is_final(headers: &Headers) -> bool {
    headers.get("Upload-Concat").is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("final"))
}

/// Whether the upload is a part of a concatenation.
pub fn is_partial(headers: &Headers) -> bool {
    headers.get("Upload-Concat").is_some_and(|value| value.trim().eq_ignore_ascii_case("partial"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect()
    }

    #[test]
    fn only_what_was_sent_can_be_acknowledged() {
        let from = Proven(10);
        for (offset, expected) in [
            ("10", Ok(Acknowledged::Unchanged)),
            ("11", Ok(Acknowledged::Grown(Proven(11)))),
            ("15", Ok(Acknowledged::Grown(Proven(15)))),
            ("16", Err(BrokenRule::ImpossibleOffset)),
            ("9", Err(BrokenRule::ImpossibleOffset)),
            ("21", Err(BrokenRule::OffsetBeyondLength)),
            ("x", Err(BrokenRule::MalformedInteger)),
        ] {
            assert_eq!(from.acknowledged(&headers(&[("upload-offset", offset)]), 5, 20), expected, "{offset}");
        }
        assert_eq!(from.acknowledged(&headers(&[]), 5, 20), Err(BrokenRule::MissingOffset));
    }

    #[test]
    fn an_upload_is_shown_by_version_offset_and_length() {
        let right = [("Tus-Resumable", "1.0.0"), ("Upload-Offset", "5"), ("Upload-Length", "11")];
        assert!(shows_upload(&headers(&right), 11) && !shows_upload(&headers(&right), 12));
        for missing in 0..3 {
            let fields: Vec<_> = right.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, f)| *f).collect();
            assert!(!shows_upload(&headers(&fields), 11), "{fields:?}");
        }
        let open = [right[0], right[1], ("Upload-Defer-Length", "1")];
        let other = [("Tus-Resumable", "2.0.0"), right[1], right[2]];
        assert!(!shows_upload(&headers(&open), 11) && !shows_upload(&headers(&other), 11));
    }

    #[test]
    fn positions_are_complete_or_refused() {
        let read = |fields: &[(&str, &str)]| Position::read(&headers(fields)).map(|p| (p.at.get(), p.length));
        assert_eq!(read(&[("Upload-Offset", "5"), ("Upload-Length", "11")]), Ok((5, Some(11))));
        assert_eq!(read(&[("Upload-Offset", "5"), ("Upload-Defer-Length", "1")]), Ok((5, None)));
        assert_eq!(read(&[("Upload-Concat", "final; /a /b"), ("Upload-Length", "9")]), Ok((0, Some(9))));
        assert_eq!(read(&[("Upload-Length", "11")]), Err(BrokenRule::MissingOffset));
        assert_eq!(read(&[("Upload-Offset", "5")]), Err(BrokenRule::MissingLength));
        assert_eq!(read(&[("Upload-Offset", "5"), ("Upload-Defer-Length", "2")]), Err(BrokenRule::MissingLength));
        assert_eq!(read(&[("Upload-Offset", "12"), ("Upload-Length", "11")]), Err(BrokenRule::OffsetBeyondLength));
        assert_eq!(read(&[("Upload-Offset", "-1"), ("Upload-Length", "11")]), Err(BrokenRule::MalformedInteger));
    }
}
