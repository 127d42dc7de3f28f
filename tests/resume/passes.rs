//! A source is not read before it has to be.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tus::engine::client::Client;
use tus::source::{ReadError, Reader, Source};

use crate::fixture::*;

/// Bytes in memory that count how many of them are read.
struct Counting {
    bytes: Vec<u8>,
    at: usize,
    read: Arc<AtomicU64>,
}

impl Reader for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let n = buffer.len().min(self.bytes.len() - self.at);
        buffer[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        self.read.fetch_add(n as u64, Ordering::SeqCst);
        Ok(n)
    }

    fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
        self.at = offset as usize;
        Ok(())
    }

    fn can_seek(&self) -> bool {
        true
    }
}

/// A file that takes minutes to be read; nothing of it is before the first request.
#[test]
fn a_first_upload_reads_nothing_of_a_file_before_its_first_request() {
    let size = 1 << 40;
    for others in [0, 2] {
        let (server, folder) = (server_with(|options| options.sink = true), Folder::new());
        let mut config = stored(&server, &folder);
        config.set_chunk_size(chunk(100_000)).unwrap();
        for other in 0..others {
            let path = settled(&folder, "other", &noise(299_999 + 2 * other, 51));
            run(&config, &path, &stop_at(100_000)).unwrap();
        }
        server.clear_log();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(size).unwrap();
        let (began, before) = (Instant::now(), Arc::new(Mutex::new(None)));
        let note = Arc::clone(&before);
        config.hooks_mut().before_request = Some(Arc::new(move |_| {
            note.lock().unwrap().get_or_insert_with(|| began.elapsed());
            Ok(())
        }));
        let mut stopping = options();
        stopping.set_progress(Some(stops_after(300_000)));
        run(&config, &path, &stopping).unwrap_err();
        let before = before.lock().unwrap().unwrap();
        assert!(before < Duration::from_secs(1), "{before:?}");
    }
}

/// The first few bytes tell whether it can be read at all; without a store no more is read before the first request.
#[test]
fn a_reader_without_a_store_is_read_once() {
    for parts in [1, 3] {
        let (server, bytes) = (server(), noise(300_000, 50));
        let mut config = config_to(&server.endpoint());
        config.set_chunk_size(chunk(100_000)).unwrap();
        let read = Arc::new(AtomicU64::new(0));
        let (so_far, before) = (Arc::clone(&read), Arc::new(AtomicU64::new(u64::MAX)));
        let note = Arc::clone(&before);
        config.hooks_mut().before_request = Some(Arc::new(move |_| {
            let read = so_far.load(Ordering::SeqCst);
            let _first = note.compare_exchange(u64::MAX, read, Ordering::SeqCst, Ordering::SeqCst);
            Ok(())
        }));
        let reader = Counting { bytes: bytes.clone(), at: 0, read: Arc::clone(&read) };
        let mut source = Source::reader(reader, Some(300_000));
        let done = Client::new(config).unwrap().upload(&mut source, &in_parts(parts)).unwrap();
        assert_stored(&server, &done, &bytes);
        assert!(before.load(Ordering::SeqCst) <= 4096, "{before:?} bytes");
        assert!(read.load(Ordering::SeqCst) <= 300_000 + 4096 * u64::from(parts), "{read:?} bytes");
    }
}

/// Only what was sent is compared.
#[test]
fn a_resumed_upload_reads_what_was_sent_and_no_more() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(300_000, 52));
    let mut config = stored(&server, &folder);
    config.set_chunk_size(chunk(100_000)).unwrap();
    let source = |read: &Arc<AtomicU64>| {
        Source::reader(Counting { bytes: bytes.clone(), at: 0, read: Arc::clone(read) }, Some(300_000))
    };
    let read = Arc::new(AtomicU64::new(0));
    Client::new(config.clone()).unwrap().upload(&mut source(&read), &stop_at(100_000)).unwrap();
    let read = Arc::new(AtomicU64::new(0));
    let done = Client::new(config).unwrap().upload(&mut source(&read), &options()).unwrap();
    assert_eq!(done.stats.bytes_resumed, 100_000);
    assert_stored(&server, &done, &bytes);
}
