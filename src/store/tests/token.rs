//! Records as one word.

use super::fixture::*;
use super::record::mutate;
use crate::store::{BadRecord, Record};

#[test]
fn what_is_written_is_read() {
    for record in [full(), small(1, 5)] {
        let token = record.to_token();
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");
        assert_eq!(Record::from_token(&format!(" {token}\r\n")), Ok(record));
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
    assert_eq!(record.to_token(), token);
    assert_eq!(Record::from_token(token), Ok(record));
}

#[test]
fn a_change_anywhere_is_found_out() {
    let token = full().to_token();
    for at in 0..token.len() {
        for replacement in "aA0._- =é".chars() {
            let mangled = format!("{}{replacement}{}", &token[..at], &token[at + 1..]);
            assert!(mangled == token || Record::from_token(&mangled).is_err(), "{at} {replacement}");
        }
        assert!(Record::from_token(&token[..at]).is_err(), "cut at {at}");
        assert!(Record::from_token(&token[at + 1..]).is_err(), "begun at {at}");
        assert!(Record::from_token(&format!("{}{}", &token[..at], &token[at + 1..])).is_err(), "without {at}");
    }
    assert!(Record::from_token(&format!("{token}A")).is_err());
}

#[test]
fn a_later_format_is_told_apart() {
    assert_eq!(Record::from_token("tus2.whatever"), Err(BadRecord::Newer(2)));
    for never in ["tus0.a.b", "tus01.a.b", "tus+1.a.b", "tus.a.b", "tus1", "tus1.", "tus1..", "", "tus-1.a.b"] {
        assert_eq!(Record::from_token(never), Err(BadRecord::Garbage), "{never}");
    }
    for never in ["tus01.", "tus+1.", "tus02.", "TUS1."] {
        let token = small(1, 0).to_token().replacen("tus1.", never, 1);
        assert_eq!(Record::from_token(&token), Err(BadRecord::Garbage), "{never}");
    }
}

#[test]
fn no_length_is_too_much() {
    let huge = format!("tus1.00000000.{}", "A".repeat(10 << 20));
    assert_eq!(Record::from_token(&huge), Err(BadRecord::Garbage));
    let large = Record { fingerprint: Some("x".repeat((1 << 20) - 1000)), ..small(1, 0) };
    assert_eq!(Record::from_token(&large.to_token()), Ok(large));
}

#[test]
fn mutations_never_panic() {
    let mut random = fastrand::Rng::with_seed(82);
    let token = full().to_token();
    for _ in 0..5_000 {
        let mut bytes = token.clone().into_bytes();
        mutate(&mut bytes, &mut random);
        let mangled = String::from_utf8_lossy(&bytes);
        assert!(mangled.trim() == token || Record::from_token(&mangled).is_err(), "{mangled}");
    }
}
