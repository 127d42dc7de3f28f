//! Records as one word.

use super::fixture::*;
use super::record::mutate;
use crate::store::{BadRecord, Record, TokenKey};

#[test]
fn what_is_written_is_read() {
    for record in [full(), small(1, 5)] {
        let token = record.to_token(None);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");
        assert_eq!(Record::from_token(&format!(" {token}\r\n"), None), Ok(record));
    }
}

/// The format is a promise to later versions.
#[test]
fn the_format_stays() {
    let record = Record { url: "x".to_owned(), ..Record::default() };
    let token = concat!(
        "tus1.73af6a39.eyJmb3JtYXQiOjEsInVybCI6IngiLCJlbmRwb2ludCI6IiIsInNpemUiOjAsIm9mZnNldCI6MCwi",
        "Y3JlYXRlZCI6MCwiZXhwaXJlcyI6bnVsbCwiY2xvY2tfc2tldyI6MCwiZmluZ2VycHJpbnQiOm51bGwsImlkZW50aXR5",
        "IjpudWxsLCJpZGVudGl0eV90cnVzdGVkIjpmYWxzZSwiY29udGVudCI6bnVsbCwicGFydHMiOltdfQ"
    );
    assert_eq!(record.to_token(None), token);
    assert_eq!(Record::from_token(token, None), Ok(record));
}

#[test]
fn a_change_anywhere_is_found_out() {
    let token = full().to_token(None);
    for at in 0..token.len() {
        for replacement in "aA0._- =é".chars() {
            let mangled = format!("{}{replacement}{}", &token[..at], &token[at + 1..]);
            assert!(mangled == token || Record::from_token(&mangled, None).is_err(), "{at} {replacement}");
        }
        assert!(Record::from_token(&token[..at], None).is_err(), "cut at {at}");
        assert!(Record::from_token(&token[at + 1..], None).is_err(), "begun at {at}");
        assert!(Record::from_token(&format!("{}{}", &token[..at], &token[at + 1..]), None).is_err(), "without {at}");
    }
    assert!(Record::from_token(&format!("{token}A"), None).is_err());
}

#[test]
fn a_later_format_is_told_apart() {
    assert_eq!(Record::from_token("tus2.whatever", None), Err(BadRecord::Newer(2)));
    for never in ["tus0.a.b", "tus01.a.b", "tus+1.a.b", "tus.a.b", "tus1", "tus1.", "tus1..", "", "tus-1.a.b"] {
        assert_eq!(Record::from_token(never, None), Err(BadRecord::Garbage), "{never}");
    }
    for never in ["tus01.", "tus+1.", "tus02.", "TUS1."] {
        let token = small(1, 0).to_token(None).replacen("tus1.", never, 1);
        assert_eq!(Record::from_token(&token, None), Err(BadRecord::Garbage), "{never}");
    }
}

#[test]
fn no_length_is_too_much() {
    let huge = format!("tus1.00000000.{}", "A".repeat(10 << 20));
    assert_eq!(Record::from_token(&huge, None), Err(BadRecord::Garbage));
    let large = Record { url: format!("https://example.com/{}", "x".repeat((1 << 20) - 1000)), ..small(1, 0) };
    assert_eq!(Record::from_token(&large.to_token(None), None), Ok(large));
}

#[test]
fn mutations_never_panic() {
    let mut random = fastrand::Rng::with_seed(82);
    let token = full().to_token(None);
    for _ in 0..5_000 {
        let mut bytes = token.clone().into_bytes();
        mutate(&mut bytes, &mut random);
        let mangled = String::from_utf8_lossy(&bytes);
        assert!(mangled.trim() == token || Record::from_token(&mangled, None).is_err(), "{mangled}");
    }
}

fn a_key(byte: u8) -> TokenKey {
    TokenKey::new(&[byte; 32]).unwrap()
}

#[test]
fn a_signed_token_counts_only_with_its_key() {
    let (ours, other) = (a_key(1), a_key(2));
    for record in [small(1, 5), full()] {
        let (signed, plain) = (record.to_token(Some(&ours)), record.to_token(None));
        assert_eq!(Record::from_token(&format!(" {signed}\n"), Some(&ours)), Ok(record));
        assert_eq!(Record::from_token(&signed, Some(&other)), Err(BadRecord::Forged));
        assert_eq!(Record::from_token(&signed, None), Err(BadRecord::Signed));
        assert_eq!(Record::from_token(&plain, Some(&ours)), Err(BadRecord::Unsigned));
    }
    assert!(TokenKey::new(&[0; 15]).is_none() && TokenKey::new(&[0; 16]).is_some());
    assert_eq!(format!("{ours:?}"), "TokenKey(...)");
}

/// The form of a signed token is a promise too: computed with Python's hmac module.
#[test]
fn the_signature_is_hmac_sha_256() {
    let key = TokenKey::new(b"0123456789abcdef").unwrap();
    let token = small(1, 5).to_token(Some(&key));
    let (seal, _) = token.strip_prefix("tus1.").unwrap().split_once('.').unwrap();
    assert_eq!(seal, "vMLsWh1qjDGJrq6jPchcoWoDUajzTuo40BSyp__hNHE");
}

#[test]
fn a_signature_binds_every_character() {
    let key = a_key(1);
    let token = full().to_token(Some(&key));
    for at in 0..token.len() {
        for replacement in ["A", "B", "_", ".", "0"] {
            let mangled = format!("{}{replacement}{}", &token[..at], &token[at + 1..]);
            assert!(mangled == token || Record::from_token(&mangled, Some(&key)).is_err(), "{at} {replacement}");
        }
        assert!(Record::from_token(&token[..at], Some(&key)).is_err(), "cut at {at}");
        assert!(Record::from_token(&format!("{}{}", &token[..at], &token[at + 1..]), Some(&key)).is_err(), "{at}");
    }
    let (one, two) = (small(1, 0).to_token(Some(&key)), small(2, 0).to_token(Some(&key)));
    let swapped = format!("{}.{}", &one[..one.rfind('.').unwrap()], &two[two.rfind('.').unwrap() + 1..]);
    assert_eq!(Record::from_token(&swapped, Some(&key)), Err(BadRecord::Forged));
}
