//! How a source is recognised when it is uploaded again, and whether it still begins with what the server has.
//!
//! A fingerprint finds the upload of an interrupted program in the store; its formats are those other tus clients
//! use. It is no proof: two files may share one, by accident or because only a part of them was looked at. What is
//! resumed is therefore held against the digest of what was sent before, which is taken while it is sent
//! ([`PrefixHasher`], [`prefix_matches`]).

mod prefix;
mod walk;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::cancel::Cancel;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::checksum::Algorithm;
use crate::source::Bytes;
use crate::store::MAX_FINGERPRINT;

pub(crate) use prefix::{PrefixHasher, READ_PATIENCE, end_reading, prefix_matches, prefix_matches_now};

/// How much of a source [`Fingerprinter::PartialMd5`] looks at; other clients do the same.
const PARTIAL: u64 = 64 * 1024;

/// A fingerprint callback: gets the source's name, if it has one, and its size. An error is the caller's own code: it
/// ends the operation.
pub type CustomFingerprint = Arc<dyn Fn(Option<&str>, u64) -> std::result::Result<String, i32> + Send + Sync>;

/// How a source is recognised when it is uploaded again.
#[derive(Clone, Default)]
pub enum Fingerprinter {
    /// By its size and the SHA-256 of all its bytes.
    #[default]
    Content,
    /// By its size and the MD5 of its first 64 KiB: quick, and blind to what comes after.
    PartialMd5,
    /// By what the file system says of it: at once, for files that are neither copied nor changed.
    FileIdentity,
    /// By what the caller says.
    Custom(CustomFingerprint),
}

impl Fingerprinter {
    /// The fingerprint of a source, which then stands at its beginning or where it stood. `None` for one that cannot be
    /// recognised: its size is unknown, it cannot be read again, or it is no file where one is needed.
    pub(crate) fn of(
        &self,
        source: &mut dyn Bytes,
        cancel: &Cancel,
        tick: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<Option<String>> {
        let (Some(size), None) = (source.size(), source.replay_limit()) else { return Ok(None) };
        let rest = match self {
            Fingerprinter::Content => {
                let digest = digest(source, Algorithm::Sha256, size, cancel, tick)?;
                format!("sha256:{digest}")
            }
            Fingerprinter::PartialMd5 => {
                let digest = digest(source, Algorithm::Md5, size.min(PARTIAL), cancel, tick)?;
                format!("md5:{digest}")
            }
            Fingerprinter::FileIdentity => {
                let Some(identity) = source.identity() else { return Ok(None) };
                let (seconds, nanoseconds) = identity.modified;
                // The text of a whole file is that of other clients.
                let from = if identity.start > 0 { format!("@{}", identity.start) } else { String::new() };
                format!("file:{}:{}:{seconds}.{nanoseconds:09}{from}", identity.device, identity.inode)
            }
            Fingerprinter::Custom(callback) => {
                return checked(callback(source.name().as_deref(), size)).map(Some);
            }
        };
        Ok(Some(format!("size:{size}--{rest}")))
    }
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fingerprinter::Content => "Content",
            Fingerprinter::PartialMd5 => "PartialMd5",
            Fingerprinter::FileIdentity => "FileIdentity",
            Fingerprinter::Custom(_) => "Custom",
        })
    }
}

/// The digest of the first `length` bytes, of a source that has them all and has not changed meanwhile.
fn digest(
    source: &mut dyn Bytes,
    algorithm: Algorithm,
    length: u64,
    cancel: &Cancel,
    tick: &dyn Fn() -> ControlFlow<()>,
) -> Result<String> {
    let mut digest = Digest::new(algorithm);
    let read = walk::first(source, length, cancel, tick, |bytes| digest.update(bytes))?;
    source.check_unchanged()?;
    if read < length {
        return Err(Error::new(ErrorKind::Source, format!("the source ended after {read} of at least {length} bytes")));
    }
    Ok(digest.finish_hex())
}

fn checked(answer: std::result::Result<String, i32>) -> Result<String> {
    let text = answer
        .map_err(|code| Error::new(ErrorKind::Callback(code), format!("the fingerprint callback returned {code}")))?;
    let no = |what: &str| Err(Error::new(ErrorKind::Fingerprint, format!("the fingerprint callback's text {what}")));
    if text.is_empty() {
        return no("is empty");
    }
    if text.len() > MAX_FINGERPRINT {
        return no(&format!("has {} bytes, {MAX_FINGERPRINT} at most are allowed", text.len()));
    }
    if text.chars().any(char::is_control) {
        return no("has a control character");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use crate::source::samples::{Scratch, Tape, numbers, old, pipe};
    use std::cell::Cell;

    fn go_on() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn of(fingerprinter: &Fingerprinter, source: &mut Source) -> Result<Option<String>> {
        fingerprinter.of(source.0.as_mut(), &Cancel::new(), &go_on)
    }

    fn text(fingerprinter: &Fingerprinter, source: &mut Source) -> String {
        of(fingerprinter, source).unwrap().unwrap()
    }

    const EMPTY: &str = "size:0--sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const HELLO: &str = "size:11--sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    /// 65536 bytes `a` and one `b`.
    const LONG: &str = "size:65537--sha256:935bf57d7f52181f095c3a3484b68e542037e287f7cde4ffe8a32896d428a1b1";

    fn long(last: &str) -> String {
        "a".repeat(65536) + last
    }

    #[test]
    fn known_values() {
        let memory = |bytes: &'static str| Source::memory(bytes);
        assert_eq!(text(&Fingerprinter::Content, &mut memory("")), EMPTY);
        assert_eq!(text(&Fingerprinter::default(), &mut memory("hello world")), HELLO);
        assert_eq!(text(&Fingerprinter::Content, &mut Source::memory(long("b"))), LONG);
        let md5 = |bytes: String| text(&Fingerprinter::PartialMd5, &mut Source::memory(bytes));
        assert_eq!(md5(String::new()), "size:0--md5:d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5("hello world".to_owned()), "size:11--md5:5eb63bbbe01eeed093cb22bb8f5acdc3");
        // Only the first 64 KiB, and the size.
        assert_eq!(md5(long("")), "size:65536--md5:2d61aa54b58c2e94403fb092c3dbc027");
        assert_eq!(md5(long("b")), "size:65537--md5:2d61aa54b58c2e94403fb092c3dbc027");
        assert_eq!(md5(long("c")), md5(long("b")));
        assert_ne!(md5(long("")[1..].to_owned() + "b"), md5(long("")));
    }

    #[test]
    fn all_kinds_of_sources_have_the_same() {
        let bytes = numbers(0, 600_001);
        let scratch = Scratch::new(&bytes);
        let sources = || {
            [
                Source::file(scratch.path()).unwrap(),
                Source::descriptor(&std::fs::File::open(scratch.path()).unwrap()).unwrap(),
                Source::memory(bytes.clone()),
                Source::reader(Tape::new(600_001, true), Some(600_001)),
                Source::reader(Tape::new(700_000, true), Some(600_001)),
            ]
        };
        for fingerprinter in [Fingerprinter::Content, Fingerprinter::PartialMd5] {
            let mut seen: Vec<String> = sources().iter_mut().map(|source| text(&fingerprinter, source)).collect();
            seen.dedup();
            assert_eq!(seen.len(), 1, "{seen:?}");
            for mut source in sources() {
                text(&fingerprinter, &mut source);
                let mut buffer = [0; 3];
                assert_eq!(source.0.read(&mut buffer).unwrap(), 3);
                assert_eq!(buffer, numbers(0, 3)[..], "from the beginning");
            }
        }
    }

    #[test]
    fn what_cannot_be_recognised_has_none() {
        let custom = Fingerprinter::Custom(Arc::new(|_, _| panic!("not asked")));
        for fingerprinter in [Fingerprinter::Content, Fingerprinter::PartialMd5, Fingerprinter::FileIdentity, custom] {
            let (stream, _writer) = pipe();
            let mut sources = [
                Source(stream),
                Source::reader(Tape::new(9, true), None),
                Source::reader(Tape::new(9, false), Some(9)),
            ];
            for source in &mut sources {
                assert_eq!(of(&fingerprinter, source).unwrap(), None, "{fingerprinter:?}");
            }
        }
        assert_eq!(of(&Fingerprinter::FileIdentity, &mut Source::memory("x")).unwrap(), None);
    }

    #[test]
    fn files_by_their_identity() {
        use std::os::unix::fs::MetadataExt as _;
        let scratch = Scratch::new(b"hello");
        old(scratch.path());
        let metadata = std::fs::metadata(scratch.path()).unwrap();
        let wanted = format!("size:5--file:{}:{}:1000000000.000000005", metadata.dev(), metadata.ino());
        assert_eq!(text(&Fingerprinter::FileIdentity, &mut Source::file(scratch.path()).unwrap()), wanted);
    }

    #[test]
    fn the_callers_own() {
        let scratch = Scratch::new(b"hello");
        let path = scratch.path().to_str().unwrap();
        let own = Fingerprinter::Custom(Arc::new(|name, size| Ok(format!("{name:?}/{size}"))));
        assert_eq!(text(&own, &mut Source::file(scratch.path()).unwrap()), format!("Some({path:?})/5"));
        assert_eq!(text(&own, &mut Source::memory("hi")), "None/2");

        let answer = |answer: std::result::Result<String, i32>| {
            let own = Fingerprinter::Custom(Arc::new(move |_, _| answer.clone()));
            of(&own, &mut Source::memory("hi")).map(Option::unwrap)
        };
        assert_eq!(answer(Ok("é".repeat(2048))).unwrap(), "é".repeat(2048));
        for text in [String::new(), "a".repeat(4097), "a\nb".to_owned(), "\0".to_owned(), "a\u{85}".to_owned()] {
            assert_eq!(answer(Ok(text.clone())).unwrap_err().kind(), ErrorKind::Fingerprint, "{text:?}");
        }
        assert_eq!(answer(Err(-7)).unwrap_err().kind(), ErrorKind::Callback(-7));
    }

    #[test]
    fn a_cancel_or_a_tick_ends_it() {
        let bytes = vec![7; 3 << 20];
        let ticks = Cell::new(0);
        let tick = |last: u32, cancel: Option<&Cancel>| {
            ticks.set(ticks.get() + 1);
            match cancel {
                Some(cancel) if ticks.get() == last => cancel.cancel(),
                None if ticks.get() == last => return ControlFlow::Break(()),
                _ => {}
            }
            ControlFlow::Continue(())
        };
        let mut source = Source::memory(bytes);
        let cancel = Cancel::new();
        let of = |source: &mut Source, tick: &dyn Fn() -> ControlFlow<()>| {
            ticks.set(0);
            let result = Fingerprinter::Content.of(source.0.as_mut(), &cancel, tick);
            (result.map_err(|error| error.kind()).map(drop), ticks.get())
        };
        assert_eq!(of(&mut source, &|| tick(0, None)), (Ok(()), 12));
        assert_eq!(of(&mut source, &|| tick(3, None)), (Err(ErrorKind::Cancelled), 3));
        assert_eq!(of(&mut source, &|| tick(4, Some(&cancel))), (Err(ErrorKind::Cancelled), 4));
        assert_eq!(of(&mut source, &|| tick(0, None)), (Err(ErrorKind::Cancelled), 0));
    }

    #[test]
    fn a_change_on_the_way_is_an_error() {
        for length in [1_000_000, 3_000_001] {
            let scratch = Scratch::new(&numbers(0, 3_000_000));
            old(scratch.path());
            let changed = Cell::new(false);
            let change = || {
                if !changed.replace(true) {
                    std::fs::write(scratch.path(), numbers(1, length)).unwrap();
                }
                ControlFlow::Continue(())
            };
            let mut source = Source::file(scratch.path()).unwrap();
            let error = Fingerprinter::Content.of(source.0.as_mut(), &Cancel::new(), &change).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SourceChanged);
        }
        let mut source = Source::reader(Tape::new(1000, true), Some(1001));
        assert_eq!(of(&Fingerprinter::Content, &mut source).unwrap_err().kind(), ErrorKind::Source);
    }
}
