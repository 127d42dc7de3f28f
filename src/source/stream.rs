//! A pipe, a socket, a character device, or a file that does not tell its size: bytes that come when they come, and only
//! once.

use std::fs::File;
use std::io::{ErrorKind as IoErrorKind, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;

use super::file::source_error;
use super::patience::Pace;
use super::windowed::Supply;
use crate::error::{Error, ErrorKind, Result};

/// A descriptor that is read on from where it stands.
///
/// Every read is preceded by a wait that a cancel ends. Whether the descriptor blocks is left as it is, because that
/// belongs to the open file, which is the caller's too.
pub(super) struct Stream {
    file: File,
    /// Where it is read on, if not where the descriptor stands, which is the caller's too.
    at: Option<u64>,
}

impl Stream {
    pub(super) fn new(file: File) -> Stream {
        Stream { file, at: None }
    }

    /// Reads a file that has positions from its beginning, wherever the descriptor stands.
    pub(super) fn from_start(file: File) -> Stream {
        Stream { file, at: Some(0) }
    }

    fn read_after(&mut self, buffer: &mut [u8], mut wait: impl FnMut(&File) -> Result<()>) -> Result<usize> {
        loop {
            wait(&self.file)?;
            let read = match self.at {
                Some(at) => self.file.read_at(buffer, at),
                None => self.file.read(buffer),
            };
            match read {
                Ok(n) => {
                    self.at = self.at.map(|at| at + n as u64);
                    return Ok(n);
                }
                // Somebody else has taken the bytes meanwhile, or a signal came.
                Err(error) if matches!(error.kind(), IoErrorKind::WouldBlock | IoErrorKind::Interrupted) => {}
                Err(error) => return Err(source_error("cannot read the descriptor", error)),
            }
        }
    }
}

impl Supply for Stream {
    fn read(&mut self, buffer: &mut [u8], pace: &mut Pace) -> Result<usize> {
        self.read_after(buffer, |file| pace.wait_readable(file.as_fd()))
    }

    fn seek(&mut self, _: u64) -> Result<()> {
        Err(Error::new(ErrorKind::Internal, "a stream cannot seek"))
    }

    fn can_seek(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{all_of, numbers, pipe, waits};
    use super::super::{Ahead, Patience, Source};
    use super::*;
    use crate::cancel::Cancel;
    use std::io::Write as _;
    use std::ops::ControlFlow;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn odd_pieces_make_one_whole() {
        let bytes = numbers(0, 400_000);
        let (mut source, mut writer) = pipe();
        let given = bytes.clone();
        let giver = std::thread::spawn(move || {
            let mut rest = &given[..];
            for length in [1, 2, 3, 5, 4095, 4097, 65_535, 65_537, 99_991].into_iter().cycle() {
                let (piece, after) = rest.split_at(rest.len().min(length));
                writer.write_all(piece).unwrap();
                rest = after;
                if rest.is_empty() {
                    return;
                }
                std::thread::yield_now();
            }
        });
        let (mut at, mut got) = (0, Vec::new());
        loop {
            let ahead = source.look_ahead(at, 70_000).unwrap();
            for _ in 0..2 {
                source.seek(at).unwrap();
                let mut chunk = vec![0; ahead.available as usize];
                let mut filled = 0;
                while filled < chunk.len() {
                    filled += source.read(&mut chunk[filled..]).unwrap();
                }
                got.truncate(at as usize);
                got.extend_from_slice(&chunk);
            }
            at += ahead.available;
            if ahead.end {
                break;
            }
            assert_eq!(ahead.available, 70_000);
        }
        giver.join().unwrap();
        assert!(got == bytes);
    }

    #[test]
    fn an_empty_one_is_an_upload_of_nothing() {
        let (mut source, writer) = pipe();
        // This must not wait for the writer.
        source.prepare().unwrap();
        drop(writer);
        source.prepare().unwrap();
        for _ in 0..2 {
            assert_eq!(source.look_ahead(0, 1000).unwrap(), Ahead { available: 0, end: true });
        }
        assert_eq!(all_of(source.as_mut()), b"");
    }

    #[test]
    fn a_cancel_ends_the_wait_at_once() {
        for read in [false, true] {
            waits(50, || {
                let (mut source, _writer) = pipe();
                let patience = Patience::default();
                source.attach(Some(&patience));
                let cancel = patience.cancel.clone();
                let canceller = std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(30));
                    let at = Instant::now();
                    cancel.cancel();
                    at
                });
                let failed = if read { source.read(&mut [0]).err() } else { source.look_ahead(0, 5).err() };
                let returned = Instant::now();
                assert_eq!(failed.unwrap().kind(), ErrorKind::Cancelled);
                returned - canceller.join().unwrap()
            });
        }
    }

    #[test]
    fn a_cancel_ends_a_stream_that_never_does() {
        let mut source = Source::descriptor(&File::open("/dev/zero").unwrap()).unwrap().0;
        let patience = Patience::default();
        source.attach(Some(&patience));
        let cancel = patience.cancel;
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            cancel.cancel();
        });
        assert_eq!(source.seek(u64::MAX).unwrap_err().kind(), ErrorKind::Cancelled);
        canceller.join().unwrap();
    }

    /// A patience whose ticks are counted, and which breaks at the last of them.
    fn counting(interval: u64, last: u32) -> (Patience, Arc<AtomicU32>) {
        let count = Arc::new(AtomicU32::new(0));
        let ticks = Arc::clone(&count);
        let tick = move || match ticks.fetch_add(1, Ordering::SeqCst) + 1 {
            n if n == last => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let interval = Some(Duration::from_millis(interval));
        (Patience { cancel: Cancel::new(), interval, tick: Arc::new(tick), ..Patience::default() }, count)
    }

    #[test]
    fn ticks_go_on_and_may_end_it() {
        let (mut source, _writer) = pipe();
        let (patience, count) = counting(2, 5);
        source.attach(Some(&patience));
        let error = source.look_ahead(0, 5).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Cancelled, "cancelled"));
        assert_eq!(count.load(Ordering::SeqCst), 5);
    }

    /// No wait is as long as the interval, and the whole is many times as long.
    #[test]
    fn ticks_go_on_while_bytes_trickle() {
        let (mut source, mut writer) = pipe();
        let (patience, count) = counting(40, u32::MAX);
        source.attach(Some(&patience));
        let giver = std::thread::spawn(move || {
            for n in 0..60 {
                writer.write_all(&[n]).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        assert_eq!(source.look_ahead(0, 100).unwrap(), Ahead { available: 60, end: true });
        giver.join().unwrap();
        assert!(count.load(Ordering::SeqCst) >= 3, "{count:?}");
    }

    /// The caller's flag is neither needed nor changed: a read of the caller's own would still not wait.
    #[test]
    fn descriptors_that_do_not_block_are_waited_for_too() {
        let (mine, mut theirs) = UnixStream::pair().unwrap();
        mine.set_nonblocking(true).unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(mine.try_clone().unwrap()));
        let mut source = Source::descriptor(&file).unwrap().0;
        drop(file);
        let giver = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            theirs.write_all(b"hello").unwrap();
        });
        assert_eq!(source.look_ahead(0, 10).unwrap(), Ahead { available: 5, end: true });
        giver.join().unwrap();
        assert_eq!(all_of(source.as_mut()), b"hello");

        let (mine, _theirs) = UnixStream::pair().unwrap();
        mine.set_nonblocking(true).unwrap();
        let _source = Source::descriptor(&File::from(std::os::fd::OwnedFd::from(mine.try_clone().unwrap()))).unwrap();
        assert_eq!((&mine).read(&mut [0]).unwrap_err().kind(), IoErrorKind::WouldBlock);
    }

    /// Somebody else may empty it between the wait and the read.
    #[test]
    fn bytes_taken_by_another_are_waited_for_again() {
        let (mine, mut theirs) = UnixStream::pair().unwrap();
        mine.set_nonblocking(true).unwrap();
        let mut stream = Stream::new(File::from(std::os::fd::OwnedFd::from(mine)));
        let (mut waits, mut buffer) = (0, [0; 9]);
        let read = stream.read_after(&mut buffer, |_| {
            waits += 1;
            if waits == 3 {
                theirs.write_all(b"hello").unwrap();
            }
            Ok(())
        });
        assert_eq!((read.unwrap(), waits, &buffer[..5]), (5, 3, &b"hello"[..]));
    }

    #[test]
    fn what_was_dropped_cannot_be_had_again() {
        let (mut source, mut writer) = pipe();
        let giver = std::thread::spawn(move || writer.write_all(&numbers(0, 3 << 20)).unwrap());
        assert!(!source.look_ahead(0, 1 << 20).unwrap().end);
        source.look_ahead(1 << 20, 1 << 20).unwrap();
        // T-028: the server wants again what it had acknowledged.
        assert_eq!(source.seek(0).unwrap_err().kind(), ErrorKind::Source);
        assert_eq!(source.look_ahead(0, 1).unwrap_err().kind(), ErrorKind::Source);
        assert_eq!(source.look_ahead(2 << 20, 1 << 20).unwrap(), Ahead { available: 1 << 20, end: true });
        giver.join().unwrap();
    }

    #[test]
    fn its_own_errors_are_told() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(socket));
        let mut source = Source::descriptor(&file).unwrap().0;
        let patience = Patience::default();
        source.attach(Some(&patience));
        let cancel = patience.cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(5));
            cancel.cancel();
        });
        let _connection = std::net::TcpStream::connect(("127.0.0.1", port_of(&file))).unwrap();
        let error = source.look_ahead(0, 1).unwrap_err();
        assert_eq!((error.kind(), error.os_code()), (ErrorKind::Source, Some(libc::ENOTCONN)));
    }

    fn port_of(file: &File) -> u16 {
        let listener = std::net::TcpListener::from(std::os::fd::OwnedFd::from(file.try_clone().unwrap()));
        listener.local_addr().unwrap().port()
    }
}
