//! The digest of what a source begins with: taken while it is uploaded, compared when that goes on another day.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::walk::{self, STEP, piece};
use crate::cancel::Cancel;
use crate::digest::Digest;
use crate::error::Result;
use crate::protocol::checksum::Algorithm;
use crate::source::Bytes;
use crate::store::Prefix;
use crate::sys::thread::{join_within, spawn};

/// How often what is hashed so far is published: by bytes or by time, whichever comes first.
const PUBLISH_BYTES: u64 = 8 << 20;
const PUBLISH_TIME: Duration = Duration::from_millis(250);

/// How long the end of an operation waits for a read of a file that is under way, whatever time there is. Mostly that takes
/// less than a millisecond, but on a busy machine many; and with what is hashed the upload can be found again.
pub(crate) const READ_PATIENCE: Duration = Duration::from_secs(1);

/// Waits for a thread that was told to stop reading. The system may take any time for a file (a network file system whose
/// server is gone): if the file is the thread's own, it ends by itself then, and nobody waits for it. What is the caller's,
/// memory or code, must not be used any more when the operation is over.
pub(crate) fn end_reading(thread: JoinHandle<()>, may_stay: bool, patience: Duration) {
    // A caller's reader that panics has been told of where the upload uses it.
    let _ = if may_stay { join_within(thread, patience) } else { thread.join().is_ok() };
}

/// Whether a source begins with these bytes. One that is shorter does not, nor does one that could not be read again
/// afterwards.
pub(crate) fn prefix_matches(
    source: &mut dyn Bytes,
    prefix: &Prefix,
    cancel: &Cancel,
    tick: &dyn Fn() -> ControlFlow<()>,
) -> Result<bool> {
    let matches = prefix_matches_now(source, prefix, cancel, tick)?;
    source.check_unchanged()?;
    Ok(matches)
}

/// The same without a look at whether the source is still what was opened.
pub(crate) fn prefix_matches_now(
    source: &mut dyn Bytes,
    prefix: &Prefix,
    cancel: &Cancel,
    tick: &dyn Fn() -> ControlFlow<()>,
) -> Result<bool> {
    if source.replay_limit().is_some() || source.size().is_some_and(|size| size < prefix.length) {
        return Ok(false);
    }
    let mut digest = Digest::new(Algorithm::Sha256);
    let read = walk::first(source, prefix.length, cancel, tick, |bytes| digest.update(bytes))?;
    Ok(read == prefix.length && digest.finish_hex().eq_ignore_ascii_case(&prefix.sha256))
}

/// Hashes a source from its beginning on a thread of its own while it is being uploaded.
///
/// The bytes are read a second time, mostly from the system's cache; that both reads saw the same is what the source's
/// own check vouches for, which is made before anything is published. It is never in the way of the upload: on any
/// error it just stops, and there is a shorter prefix.
pub(crate) struct PrefixHasher {
    common: Arc<Common>,
    thread: Option<JoinHandle<()>>,
    /// Whether the thread has all it needs for itself, so that nothing suffers if it goes on longer.
    may_stay: bool,
}

/// What both threads see.
#[derive(Default)]
struct Common {
    stop: AtomicBool,
    /// What is hashed so far, and how many bytes that is.
    published: Mutex<Option<(Digest, u64)>>,
}

impl PrefixHasher {
    /// Starts the thread; `shared` is a cursor of its own ([`Bytes::share`]).
    pub(crate) fn start(mut shared: Box<dyn Bytes>) -> io::Result<PrefixHasher> {
        let (common, may_stay) = (Arc::new(Common::default()), shared.file().is_some());
        let theirs = Arc::clone(&common);
        let thread = std::thread::Builder::new().name("tus-prefix".to_owned());
        let thread = spawn(thread, move || {
            // A source that fails is the upload's to tell of.
            let _ = theirs.hash(shared.as_mut());
        })?;
        Ok(PrefixHasher { common, thread: Some(thread), may_stay })
    }

    /// What is hashed so far; `None` before the first time. All of it was read from the source while that was what it
    /// had been from the start.
    pub(crate) fn so_far(&self) -> Option<Prefix> {
        let published = self.common.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        published.map(|(digest, length)| Prefix { length, sha256: digest.finish_hex() })
    }

    /// Stops it within one step: what is hashed by then. The read of a file that takes longer than `patience`, and than
    /// [`READ_PATIENCE`], is left to itself.
    pub(crate) fn stop(mut self, patience: Duration) -> Option<Prefix> {
        self.end(patience.max(READ_PATIENCE));
        self.so_far()
    }

    /// Whether nothing more will come: all is hashed, or it had to stop.
    pub(crate) fn is_done(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl PrefixHasher {
    /// Stops the thread within one step, and waits for that.
    fn end(&mut self, patience: Duration) {
        self.common.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            end_reading(thread, self.may_stay, patience);
        }
    }
}

impl Drop for PrefixHasher {
    fn drop(&mut self) {
        self.end(READ_PATIENCE);
    }
}

impl Common {
    /// The thread's work.
    fn hash(&self, source: &mut dyn Bytes) -> Result<()> {
        let size = source.size().unwrap_or(u64::MAX);
        let mut digest = Digest::new(Algorithm::Sha256);
        let mut buffer = vec![0; STEP];
        let (mut length, mut published, mut published_at) = (0, 0, Instant::now());
        while !self.stop.load(Ordering::Relaxed) {
            let n = source.read(&mut buffer[..piece(size - length, STEP)])?;
            if n == 0 {
                return self.publish(source, &digest, length);
            }
            digest.update(&buffer[..n]);
            length += n as u64;
            if is_due(length - published, published_at.elapsed()) {
                self.publish(source, &digest, length)?;
                (published, published_at) = (length, Instant::now());
            }
        }
        self.publish(source, &digest, length)
    }

    /// Checked each time: it costs a look at the file, and what is published is never the digest of a mixture.
    fn publish(&self, source: &dyn Bytes, digest: &Digest, length: u64) -> Result<()> {
        source.check_unchanged()?;
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some((digest.clone(), length));
        Ok(())
    }
}

/// Whether it is time to publish, so much and so long after the last time.
fn is_due(bytes: u64, time: Duration) -> bool {
    bytes >= PUBLISH_BYTES || time >= PUBLISH_TIME
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::source::Source;
    use crate::source::samples::{Scratch, Tape, numbers, old, pipe};
    use std::fs::File;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    fn prefix(bytes: &[u8]) -> Prefix {
        let mut digest = Digest::new(Algorithm::Sha256);
        digest.update(bytes);
        Prefix { length: bytes.len() as u64, sha256: digest.finish_hex() }
    }

    fn matches(source: &mut Source, prefix: &Prefix) -> Result<bool> {
        prefix_matches(source.0.as_mut(), prefix, &Cancel::new(), &|| ControlFlow::Continue(()))
    }

    #[test]
    fn a_prefix_matches_what_begins_with_it() {
        let bytes = numbers(0, 700_000);
        let scratch = Scratch::new(&bytes);
        for length in [0, 1, 300_000, 699_999, 700_000] {
            let right = prefix(&bytes[..length]);
            let mut wrong = numbers(0, length + 1);
            *wrong.last_mut().unwrap() ^= 1;
            let mut sources = [
                Source::file(scratch.path()).unwrap(),
                Source::memory(bytes.clone()),
                Source::reader(Tape::new(700_000, true), Some(700_000)),
                Source::reader(Tape::new(700_000, true), None),
            ];
            for source in &mut sources {
                assert!(matches(source, &right).unwrap());
                assert!(!matches(source, &prefix(&wrong)).unwrap());
                let mut first = [0];
                source.0.read(&mut first).unwrap();
                assert_eq!(first[0], bytes[0]);
            }
        }
        // Shorter than the prefix, with the digest of all there is.
        let long = Prefix { length: 6, ..prefix(&bytes[..5]) };
        assert!(!matches(&mut Source::memory(bytes[..5].to_vec()), &long).unwrap());
        assert!(!matches(&mut Source::reader(Tape::new(5, true), None), &long).unwrap());
        let upper = Prefix { sha256: prefix(&bytes).sha256.to_uppercase(), length: 700_000 };
        assert!(matches(&mut Source::memory(bytes.clone()), &upper).unwrap());
    }

    #[test]
    fn what_cannot_be_looked_at_twice_does_not_match() {
        let (stream, mut writer) = pipe();
        std::io::Write::write_all(&mut writer, b"abc").unwrap();
        for mut source in [Source(stream), Source::reader(Tape::new(3, false), Some(3))] {
            assert!(!matches(&mut source, &prefix(b"")).unwrap());
            assert_eq!(source.0.read(&mut [0; 3]).unwrap(), 3, "nothing of it is lost");
        }
        let mut endless = Source::memory(vec![0; 1 << 20]);
        let stop = |_: &mut Source| ControlFlow::Break(());
        let tick = || stop(&mut Source::memory(""));
        let of = prefix(&[0; 5]);
        let error = prefix_matches(endless.0.as_mut(), &of, &Cancel::new(), &tick).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn a_change_while_it_is_compared_is_an_error() {
        let scratch = Scratch::new(&numbers(0, 700_000));
        old(scratch.path());
        let mut source = Source::file(scratch.path()).unwrap();
        let right = prefix(&numbers(0, 600_000));
        let change = || {
            std::fs::write(scratch.path(), numbers(5, 700_000)).unwrap();
            ControlFlow::Continue(())
        };
        let error = prefix_matches(source.0.as_mut(), &right, &Cancel::new(), &change).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceChanged);
    }

    #[track_caller]
    fn wait_for(what: impl Fn() -> bool) {
        let start = Instant::now();
        while !what() {
            assert!(start.elapsed() < Duration::from_secs(60), "in vain");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn hasher(source: &Source) -> PrefixHasher {
        PrefixHasher::start(source.0.share().unwrap()).unwrap()
    }

    #[test]
    fn the_whole_is_hashed_in_the_end() {
        for length in [0, 1, STEP, STEP + 1, 9_000_000] {
            let bytes = numbers(0, length);
            let scratch = Scratch::new(&bytes);
            for source in [
                Source::file(scratch.path()).unwrap(),
                Source::memory(bytes.clone()),
                // One with more than it says, of which no more is looked at.
                Source::reader(Tape::new(length as u64 + 5, true), Some(length as u64)),
            ] {
                let hasher = hasher(&source);
                wait_for(|| hasher.is_done());
                assert_eq!(hasher.so_far(), Some(prefix(&bytes)), "{length}");
            }
        }
    }

    /// A source whose reads go on one at a time, as the test says.
    struct Gated {
        inner: Box<dyn Bytes>,
        gate: Receiver<()>,
        /// Fails when the gate is gone.
        fails: bool,
    }

    impl Bytes for Gated {
        fn size(&self) -> Option<u64> {
            self.inner.size()
        }
        fn replay_limit(&self) -> Option<u64> {
            None
        }
        fn seek(&mut self, offset: u64) -> Result<()> {
            self.inner.seek(offset)
        }
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            if self.gate.recv().is_err() && self.fails {
                return Err(Error::new(ErrorKind::Source, "broken"));
            }
            self.inner.read(buffer)
        }
        fn file(&self) -> Option<(&File, u64)> {
            None
        }
        fn skip(&mut self, _: u64) {}
        fn check_unchanged(&self) -> Result<()> {
            self.inner.check_unchanged()
        }
    }

    fn gated(source: &Source, fails: bool) -> (PrefixHasher, SyncSender<()>) {
        let (open, gate) = sync_channel(0);
        let source = Gated { inner: source.0.share().unwrap(), gate, fails };
        (PrefixHasher::start(Box::new(source)).unwrap(), open)
    }

    #[test]
    fn it_is_published_after_enough_bytes_or_time() {
        assert!(!is_due(PUBLISH_BYTES - 1, PUBLISH_TIME - Duration::from_nanos(1)));
        assert!(is_due(PUBLISH_BYTES, Duration::ZERO) && is_due(0, PUBLISH_TIME));
    }

    #[test]
    fn what_is_so_far_is_there_after_eight_mebibytes_or_a_quarter_of_a_second() {
        let bytes = numbers(0, 20 << 20);
        let source = Source::memory(bytes.clone());
        let (hasher, open) = gated(&source, false);
        // The read after the one that counts is only begun when that is published.
        (0..33).for_each(|_| open.send(()).unwrap());
        let so_far = hasher.so_far().unwrap();
        assert!(so_far.length > 0 && so_far.length.is_multiple_of(STEP as u64), "{}", so_far.length);
        assert_eq!(so_far, prefix(&bytes[..so_far.length as usize]));
        assert!(!hasher.is_done());
        std::thread::sleep(PUBLISH_TIME);
        let before = so_far.length;
        (0..2).for_each(|_| open.send(()).unwrap());
        wait_for(|| hasher.so_far().unwrap().length > before);
        let so_far = hasher.so_far().unwrap();
        assert_eq!(so_far, prefix(&bytes[..so_far.length as usize]));
        drop(open);
        wait_for(|| hasher.is_done());
        assert_eq!(hasher.so_far(), Some(prefix(&bytes)));
    }

    #[test]
    fn a_file_that_changes_is_not_hashed_on() {
        for change in [
            |path: &std::path::Path| std::fs::write(path, numbers(1, 12 << 20)).unwrap(),
            |path: &std::path::Path| File::options().write(true).open(path).unwrap().set_len(11 << 20).unwrap(),
        ] {
            let bytes = numbers(0, 12 << 20);
            let scratch = Scratch::new(&bytes);
            old(scratch.path());
            let (hasher, open) = gated(&Source::file(scratch.path()).unwrap(), false);
            (0..33).for_each(|_| open.send(()).unwrap());
            change(scratch.path());
            drop(open);
            wait_for(|| hasher.is_done());
            // One more read than was waved through before may have been published; nothing of what came after.
            let so_far = hasher.so_far().unwrap();
            assert!(so_far.length <= 33 * STEP as u64, "{}", so_far.length);
            assert_eq!(so_far, prefix(&bytes[..so_far.length as usize]));
        }
    }

    #[test]
    fn a_failure_ends_it_with_what_it_has() {
        let bytes = numbers(0, 12 << 20);
        let (hasher, open) = gated(&Source::memory(bytes.clone()), true);
        (0..40).for_each(|_| open.send(()).unwrap());
        drop(open);
        wait_for(|| hasher.is_done());
        let so_far = hasher.so_far().unwrap();
        // Never more than the bytes between two publications are missing.
        assert!((8 * STEP as u64..=40 * STEP as u64).contains(&so_far.length), "{}", so_far.length);
        assert_eq!(so_far, prefix(&bytes[..so_far.length as usize]));
    }

    /// A sparse file that would take minutes.
    #[test]
    fn dropped_it_stops_at_once() {
        let scratch = Scratch::new(b"");
        File::options().write(true).open(scratch.path()).unwrap().set_len(10 << 30).unwrap();
        let source = Source::file(scratch.path()).unwrap();
        let hasher = hasher(&source);
        std::thread::sleep(Duration::from_millis(20));
        let at = Instant::now();
        assert!(!hasher.is_done());
        drop(hasher);
        assert!(at.elapsed() < Duration::from_secs(2), "{:?}", at.elapsed());
        assert!(source.0.share().is_some());
    }
}
