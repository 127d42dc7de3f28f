//! What the caller keeps secret is wiped from memory when the client is gone.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::TcpListener;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::protocol::retry::RetryPolicy;
use tus::transport::ProxySetting;

/// Only ever compared in this form, so that the search does not find itself.
const MASK: u8 = 0x5a;

/// A secret of 32 letters, masked.
fn masked(seed: u8) -> Vec<u8> {
    (0..32_u8).map(|index| (b'a' + (index.wrapping_mul(7).wrapping_add(seed) % 26)) ^ MASK).collect()
}

/// Hands over the secret, and overwrites it afterwards.
fn with_secret<T>(masked: &[u8], before: &str, after: &str, work: impl FnOnce(&str) -> T) -> T {
    let mut text = String::with_capacity(256);
    text.push_str(before);
    text.extend(masked.iter().map(|byte| char::from(byte ^ MASK)));
    text.push_str(after);
    let result = work(&text);
    // Looked at afterwards, so that the compiler cannot leave the write out.
    let mut bytes = text.into_bytes();
    bytes.fill(0);
    assert_eq!(std::hint::black_box(&bytes).iter().map(|byte| u32::from(*byte)).sum::<u32>(), 0);
    result
}

/// How often the secret lies in the memory of this process.
fn copies(masked: &[u8]) -> usize {
    const STEP: usize = 1 << 16;
    let mut block = vec![0; STEP + masked.len()];
    let zeros = block.clone();
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut found = 0;
    for line in BufReader::new(File::open("/proc/self/maps").unwrap()).lines().map(Result::unwrap) {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut at = start;
        while at < end {
            let length = ((end - at) as usize).min(block.len());
            let read = memory.seek(SeekFrom::Start(at)).and_then(|_| memory.read_exact(&mut block[..length]));
            // Most of it has never been touched.
            if read.is_ok() && block[..length] != zeros[..length] {
                let fits = |window: &[u8]| window.iter().zip(masked).all(|(byte, masked)| byte ^ MASK == *masked);
                found += block[..length].windows(masked.len()).filter(|window| fits(window)).count();
            }
            block.fill(0);
            at += STEP as u64;
        }
    }
    found
}

#[test]
fn secrets_are_wiped_when_the_client_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut buffer, mut length, mut seen) = (vec![0; 1 << 16], 0, 0);
        while !buffer[..length].ends_with(b"\r\n\r\n") {
            length += stream.read(&mut buffer[length..]).unwrap();
        }
        seen += usize::from(buffer.windows(6).any(|window| window == b"Bearer"));
        buffer.fill(0);
        std::hint::black_box(&buffer);
        stream.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        seen
    });
    let (header, password) = (masked(3), masked(11));
    let mut config = Config::new();
    with_secret(&password, "http://user:", &format!("@127.0.0.1:{port}/files"), |url| config.set_url(url).unwrap());
    with_secret(&header, "Bearer ", "", |value| config.set_header("X-Token", Some(value)).unwrap());
    config.set_proxy(ProxySetting::None);
    config.set_retry(RetryPolicy { max_retries: 0, ..RetryPolicy::default() });
    let client = Client::new(config).unwrap();
    assert!(copies(&header) > 0 && copies(&password) > 0, "the search finds nothing");
    client.server_info().unwrap_err();
    assert_eq!(server.join().unwrap(), 1);
    drop(client);
    assert_eq!((copies(&header), copies(&password)), (0, 0));
}
