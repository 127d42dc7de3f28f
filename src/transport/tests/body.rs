//! Where bodies come from: exact bytes, sources that fail, files that change.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use super::peer::*;
use crate::transport::{BodyReader, BreakKind, FileSending, Settings};

#[test]
fn every_byte_arrives_from_a_file_and_from_memory() {
    let bytes = noise(5_000_011);
    for files in [FileSending::Kernel, FileSending::Copy] {
        let expected = bytes.clone();
        let ranges = [(0, 5_000_011), (1, 4_000_000), (4_999_999, 12), (77, 1_048_577), (13, 65_536), (13, 65_535)];
        let peer = Peer::once(move |mut connection| {
            for (offset, length) in ranges {
                for _ in 0..2 {
                    let (_, body) = connection.read_request();
                    assert!(body == expected[offset..offset + length], "{offset} + {length}");
                    connection.write("HTTP/1.1 204 \r\n\r\n");
                }
            }
        });
        let client = Client::new(Settings { files, ..settings() });
        let mut file = OnDisk::with(&bytes);
        for (offset, length) in ranges {
            file.1 = offset as u64;
            let received = client.patch_from(&peer.url(), &mut file, length as u64).unwrap();
            assert_eq!(received.body_sent, length as u64);
            assert_eq!(file.1, (offset + length) as u64, "the source was moved on by what was sent");
            client.patch_from(&peer.url(), &mut Memory(bytes.clone(), offset), length as u64).unwrap();
        }
    }
}

/// Gives `good` bytes in pieces of `piece`, then ends as told.
struct Failing {
    good: usize,
    piece: usize,
    end: fn() -> io::Result<usize>,
}

impl BodyReader for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.good == 0 {
            return (self.end)();
        }
        let count = self.piece.min(self.good).min(buffer.len());
        buffer[..count].fill(b'x');
        self.good -= count;
        Ok(count)
    }

    fn file(&self) -> Option<(&File, u64)> {
        None
    }

    fn skip(&mut self, _: u64) {
        unreachable!()
    }
}

#[test]
fn a_source_that_fails_or_ends_aborts_the_connection() {
    patiently(|| {
        for good in [0, 10, 3_000_000] {
            for end in [|| Ok(0), || Err(io::Error::from_raw_os_error(libc::EIO)), || Ok(usize::MAX)] {
                let peer = Peer::once(move |mut connection| {
                    if let Some(head) = connection.try_read_head() {
                        assert!(head.contains("Content-Length: 4000000"));
                    }
                    let body = connection.read_to_end();
                    assert!(body.len() <= good, "the body was padded: {}", body.len());
                    assert!(body.iter().all(|byte| *byte == b'x'));
                });
                let start = Instant::now();
                let mut source = Failing { good, piece: 1000, end };
                let broken = client().patch_from(&peer.url(), &mut source, 4_000_000).unwrap_err();
                assert_eq!(broken.kind, BreakKind::Body, "{broken:?}");
                assert!(broken.cause.is_some() && broken.body_sent <= good as u64);
                assert!(start.elapsed() < Duration::from_secs(2));
            }
        }
    });
}

#[test]
fn the_cause_of_a_failing_source_is_kept() {
    let peer = Peer::once(|mut connection| {
        connection.try_read_head();
    });
    let mut source = Failing { good: 0, piece: 1, end: || Err(io::Error::from_raw_os_error(libc::EIO)) };
    let broken = client().patch_from(&peer.url(), &mut source, 10).unwrap_err();
    assert_eq!(broken.os_code, Some(libc::EIO));
    assert!(broken.never_sent, "the head waits for the first bytes");
}

#[test]
fn small_pieces_are_joined_and_interruptions_overlooked() {
    struct Hesitant(usize, bool);
    impl BodyReader for Hesitant {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            buffer[0] = self.0 as u8;
            self.0 += 1;
            Ok(1)
        }

        fn file(&self) -> Option<(&File, u64)> {
            None
        }

        fn skip(&mut self, _: u64) {}
    }
    let peer = Peer::once(|mut connection| {
        let (_, body) = connection.read_request();
        assert!(body.iter().enumerate().all(|(index, byte)| *byte == index as u8));
        connection.write("HTTP/1.1 204 \r\n\r\n");
    });
    client().patch_from(&peer.url(), &mut Hesitant(0, false), 50_000).unwrap();
}

#[test]
fn a_file_that_shrinks_aborts_the_connection() {
    for files in [FileSending::Kernel, FileSending::Copy] {
        for actual in [0, 10, 2_000_000] {
            let peer = Peer::once(move |mut connection| {
                connection.try_read_head();
                assert!(connection.read_to_end().len() <= actual);
            });
            let client = Client::new(Settings { files, ..settings() });
            let mut file = OnDisk::with(&noise(actual));
            let broken = client.patch_from(&peer.url(), &mut file, 3_000_000).unwrap_err();
            assert_eq!(broken.kind, BreakKind::Body, "{files:?} {actual}: {broken:?}");
            assert!(broken.body_sent <= actual as u64);
        }
    }
}

#[test]
fn a_kind_of_file_the_kernel_cannot_send_is_copied() {
    // A pipe is no regular file: sendfile refuses it, and reading it at a position fails, too.
    // A directory cannot be read at all. Both must end, and not spin.
    let peer = Peer::once(|mut connection| {
        connection.try_read_head();
        connection.read_to_end();
    });
    let mut directory = OnDisk(File::open("/").unwrap(), 0);
    let broken = client().patch_from(&peer.url(), &mut directory, 1 << 20).unwrap_err();
    assert_eq!((broken.kind, broken.os_code), (BreakKind::Body, Some(libc::EISDIR)));
}

#[test]
fn a_proc_file_is_sent_although_the_kernel_cannot() {
    let expected = std::fs::read("/proc/kallsyms").unwrap_or_default();
    if expected.len() < 200_000 {
        return;
    }
    let length = 200_000;
    let peer = Peer::once(move |mut connection| {
        let (_, body) = connection.read_request();
        assert!(body == expected[..length]);
        connection.write("HTTP/1.1 204 \r\n\r\n");
    });
    let mut file = OnDisk(File::open("/proc/kallsyms").unwrap(), 0);
    client().patch_from(&peer.url(), &mut file, length as u64).unwrap();
}

#[test]
fn what_the_source_lent_is_settled_when_the_request_breaks() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.read(100_000);
    });
    let mut file = OnDisk::with(b"");
    file.0.set_len(1 << 30).unwrap();
    let broken = client().patch_from(&peer.url(), &mut file, 1 << 30).unwrap_err();
    assert_eq!(file.1, broken.body_sent);
}

/// A file opened for writing only: the kernel says EBADF, whichever way the bytes were to go.
#[test]
fn a_file_that_cannot_be_read_is_told_with_its_errno() {
    for files in [FileSending::Kernel, FileSending::Copy] {
        let peer = Peer::once(|mut connection| {
            connection.read_to_end();
        });
        let length = 1_000_000;
        let readable = OnDisk::with(&noise(length));
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&readable.0));
        let mut file = OnDisk(std::fs::File::options().write(true).open(path).unwrap(), 0);
        let client = Client::new(Settings { files, ..settings() });
        let broken = client.patch_from(&peer.url(), &mut file, length as u64).unwrap_err();
        assert_eq!((broken.kind, broken.os_code), (BreakKind::Body, Some(libc::EBADF)), "{files:?} {broken:?}");
    }
}
