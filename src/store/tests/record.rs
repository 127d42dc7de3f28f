//! Records as bytes.

use super::fixture::*;
use crate::store::{BadRecord, PartRecord, Prefix, Record, key};

/// A record's bytes with some text replaced, which must be there.
#[track_caller]
fn with(record: &Record, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(record.to_bytes()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn what_is_written_is_read() {
    for record in [full(), small(1, 0), Record { url: "x".to_owned(), ..Record::default() }] {
        assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
    }
}

/// The format is a promise to later versions: this text must stay readable and what is written.
#[test]
fn the_format_stays() {
    let text = concat!(
        r#"{"format":1,"url":"https://example.com/files/1","endpoint":"https://example.com/files/","#,
        r#""size":1099511627776,"offset":5,"created":1,"expires":null,"clock_skew":0,"fingerprint":null,"#,
        r#""identity":null,"identity_trusted":false,"content":null,"parts":[]}"#
    );
    assert_eq!(String::from_utf8(small(1, 5).to_bytes()).unwrap(), text);
    assert_eq!(Record::from_bytes(text.replace("{\"format", "{\"later\":[1],\"format").as_bytes()), Ok(small(1, 5)));
}

#[test]
fn every_cut_is_refused() {
    let bytes = full().to_bytes();
    for length in 0..bytes.len() {
        assert_eq!(Record::from_bytes(&bytes[..length]), Err(BadRecord::Garbage), "{length}");
    }
}

#[test]
fn a_later_format_is_told_apart() {
    assert_eq!(Record::from_bytes(&with(&full(), "\"format\":1", "\"format\":2")), Err(BadRecord::Newer(2)));
    // Whatever else it holds.
    assert_eq!(
        Record::from_bytes(b"{\"uploads\":[],\"format\":18446744073709551615}"),
        Err(BadRecord::Newer(u64::MAX))
    );
    for never in ["0", "-1", "1.5", "\"2\"", "null", "18446744073709551616"] {
        let bytes = with(&full(), "\"format\":1", &format!("\"format\":{never}"));
        assert_eq!(Record::from_bytes(&bytes), Err(BadRecord::Garbage), "{never}");
    }
}

#[test]
fn garbage_is_refused() {
    let long = [small(1, 0).to_bytes(), vec![b' '; 1 << 20]].concat();
    let deep = [b"{\"format\":1,\"url\":".to_vec(), vec![b'['; 500_000]].concat();
    let twice = with(&small(1, 0), "\"url\"", "\"url\":\"https://other/\",\"url\"");
    let more = [small(1, 0).to_bytes(), b"{}".to_vec()].concat();
    for garbage in [&b""[..], b"null", b"[]", b"{}", b"\0\0\0\0", b"\xff\xfe", &long, &deep, &twice, &more] {
        assert_eq!(Record::from_bytes(garbage), Err(BadRecord::Garbage));
    }
}

#[test]
fn contradictions_are_refused() {
    type Spoil = fn(&mut Record);
    let spoils: [(&str, Spoil); 26] = [
        ("no url", |r| r.url.clear()),
        ("a line end in the url", |r| r.url.push('\n')),
        ("a blank in the url", |r| r.url.push(' ')),
        ("beyond the end", |r| r.offset = SIZE + 1),
        ("too large", |r| (r.size, r.parts) = (1 << 63, vec![])),
        ("prefix longer than the source", |r| r.content.as_mut().unwrap().length = SIZE + 1),
        ("short digest", |r| r.content.as_mut().unwrap().sha256.truncate(63)),
        ("upper-case digest", |r| r.content.as_mut().unwrap().sha256.make_ascii_uppercase()),
        ("not a digest", |r| r.content = Some(Prefix { length: 1, sha256: "g".repeat(64) })),
        ("a whole whose url is none", |r| r.whole = Some(String::new())),
        ("a part whose url is none", |r| r.parts[1].url = "a b".to_owned()),
        ("a gap before the first part", |r| r.parts[0].start = 1),
        ("a gap between parts", |r| r.parts[0].length -= 1),
        ("overlapping parts", |r| r.parts[0].length += 1),
        ("parts end early", |r| r.parts[1].length -= 1),
        ("parts end late", |r| r.parts[1].length += 1),
        ("metadata that is no digest", |r| r.metadata = Some("album A".to_owned())),
        ("an empty fingerprint", |r| r.fingerprint = Some(String::new())),
        ("a fingerprint with a control character", |r| r.fingerprint = Some("size:1\n".to_owned())),
        ("a long fingerprint", |r| r.fingerprint = Some("x".repeat(4097))),
        ("an empty part before the first", |r| r.parts.insert(0, PartRecord { url: url(3), start: 0, length: 0 })),
        ("an empty part after the last", |r| r.parts.push(PartRecord { url: String::new(), start: SIZE, length: 0 })),
        ("an empty part", |r| r.parts.insert(1, PartRecord { url: url(3), start: 7, length: 0 })),
        ("the same part twice", |r| r.parts[1].url = url(1)),
        ("more parts than threads", |r| {
            r.parts = (0..49).map(|at| PartRecord { url: String::new(), start: at, length: 1 }).collect();
            r.parts[48].length = SIZE - 48;
        }),
        ("parts wrap round", |r| {
            r.parts[1].length = u64::MAX - 6;
            r.parts.push(PartRecord { url: url(3), start: 0, length: SIZE });
        }),
    ];
    assert!(Record::from_bytes(&full().to_bytes()).is_ok());
    for (what, spoil) in spoils {
        let mut record = full();
        spoil(&mut record);
        assert_eq!(Record::from_bytes(&record.to_bytes()), Err(BadRecord::Garbage), "{what}");
    }
}

#[test]
fn mutations_never_panic() {
    let mut random = fastrand::Rng::with_seed(81);
    let originals = [full().to_bytes(), small(1, 5).to_bytes()];
    for round in 0..20_000 {
        let mut bytes = originals[round % 2].clone();
        for _ in 0..random.usize(1..4) {
            mutate(&mut bytes, &mut random);
        }
        if let Ok(record) = Record::from_bytes(&bytes) {
            assert!(!record.url.is_empty() && record.offset <= record.size);
            assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
        }
    }
}

/// Changes, inserts, removes or repeats something.
pub(super) fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let at = random.usize(0..=bytes.len().saturating_sub(1));
    let end = (at + random.usize(0..20)).min(bytes.len());
    match random.u8(0..6) {
        0 if at < bytes.len() => bytes[at] = random.u8(..),
        1 if at < bytes.len() => bytes[at] ^= 1 << random.u8(0..8),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at.min(end)..end)),
        4 => {
            let again = bytes[at.min(end)..end].to_vec();
            bytes.splice(at..at, again);
        }
        _ => bytes.insert(at.min(bytes.len()), *random.choice(b"{}[]\",:0123456789-.eE\\").unwrap()),
    }
}

/// T-081: by the server's clock.
#[test]
fn expiry_is_by_the_servers_clock() {
    let expiring = |expires, clock_skew| Record { expires, clock_skew, ..small(1, 0) };
    for (expires, skew, now, expired) in [
        (None, i64::MAX, u64::MAX, false),
        (Some(100), 0, 99, false),
        (Some(100), 0, 100, true),
        (Some(100), 10, 89, false),
        (Some(100), 10, 90, true),
        (Some(100), -10, 109, false),
        (Some(100), -10, 110, true),
        (Some(1), i64::MIN, 5, false),
        (Some(0), i64::MIN, 5, true),
        (Some(u64::MAX), i64::MAX, u64::MAX, true),
    ] {
        assert_eq!(expiring(expires, skew).is_expired(now), expired, "{expires:?} {skew} {now}");
    }
}

#[test]
fn the_key_is_size_and_endpoint() {
    assert_eq!(key("https://example.com/files/", 5), "size:5 https://example.com/files/");
    for with_token in
        ["https://example.com/files/?token=1", "https://example.com/files/#x?y", "https://example.com/files/?a#b"]
    {
        assert_eq!(key(with_token, 5), "size:5 https://example.com/files/");
    }
    assert_ne!(key("https://example.com/files", 5), key("https://example.com/files/", 5));
}
