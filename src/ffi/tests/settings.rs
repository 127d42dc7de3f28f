//! Setters of `tus_config` and `tus_upload_options`: what they refuse, what they remember, what they set.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};
use std::time::Duration;

use super::super::handle::state;
use super::super::*;
use super::fixture::*;
use crate::engine::config::Config;
use crate::engine::info::ServerInfo;
use crate::engine::options::UploadOptions;
use crate::protocol::checksum::{Algorithm, Policy};
use crate::protocol::chunk::ChunkSize;
use crate::protocol::session::CreationData;
use crate::transport::Locations;

const UNSUPPORTED: tus_status = -3;

/// The engine's settings, as far as none was refused.
fn inside(config: &Own<tus_config>) -> Config {
    // SAFETY: a living configuration.
    unsafe { state(config.pointer.cast_const(), "c") }.unwrap().copy().unwrap()
}

fn inside_options(options: &Own<tus_upload_options>) -> UploadOptions {
    // SAFETY: living options.
    unsafe { state(options.pointer.cast_const(), "o") }.unwrap().copy().unwrap()
}

#[test]
fn a_refusal_can_be_looked_at_where_it_happens() {
    let (config, options) = (config(), options());
    let (c, o) = (config.pointer, options.pointer);
    // SAFETY: living objects and strings.
    unsafe {
        assert!(tus_config_last_error(c).is_null() && tus_upload_options_last_error(o).is_null());
        assert_eq!(tus_config_set_url(c, c"ftp://h/".as_ptr()), INVALID);
        let message = string(tus_error_message(tus_config_last_error(c))).unwrap();
        assert!(message.starts_with("tus_config_set_url: ") && message.contains("neither http nor https"), "{message}");
        // It is the settings' own, and the last one; what is returned by the call that uses them is the first.
        tus_error_free(tus_config_last_error(c).cast_mut());
        assert_eq!(tus_config_set_chunk_size(c, 0), INVALID);
        let last = tus_config_last_error(c);
        assert!(string(tus_error_message(last)).unwrap().contains("chunk"), "{:?}", string(tus_error_message(last)));
        assert_eq!(tus_error_status(last), INVALID);
        let (mut client, mut error) = (null_mut(), null_mut());
        assert_eq!(tus_client_new(c, &raw mut client, &raw mut error), INVALID);
        let error = Own::new(error, tus_error_free);
        assert!(string(tus_error_message(error.pointer)).unwrap().contains("neither http nor https"));
        assert_eq!(tus_upload_options_set_header(o, c"Upload-Offset".as_ptr(), c"1".as_ptr()), INVALID);
        let message = string(tus_error_message(tus_upload_options_last_error(o))).unwrap();
        assert!(message.starts_with("tus_upload_options_set_header: header \"Upload-Offset\" "), "{message}");
    }
}

#[test]
fn bad_values_are_refused_at_once() {
    let config = config();
    let c = config.pointer;
    let text = |text: &'static CStr| text.as_ptr();
    // SAFETY: living objects and strings.
    unsafe {
        for (what, status) in [
            ("no URL", tus_config_set_url(c, text(c"files"))),
            ("ftp", tus_config_set_url(c, text(c"ftp://h/"))),
            ("URL not UTF-8", tus_config_set_url(c, text(NOT_UTF8))),
            ("reserved header", tus_config_set_header(c, text(c"Upload-Offset"), text(c"0"))),
            ("injection", tus_config_set_header(c, text(c"X-A"), text(c"a\r\nX-B: b"))),
            ("header not UTF-8", tus_config_set_header(c, text(c"X-A"), text(NOT_UTF8))),
            ("name not UTF-8", tus_config_set_header(c, text(NOT_UTF8), text(c"a"))),
            ("origin", tus_config_allow_origin(c, text(c"example.org"))),
            ("chunk of 0", tus_config_set_chunk_size(c, 0)),
            ("chunk of 2^63", tus_config_set_chunk_size(c, 1 << 63)),
            ("almost whole", tus_config_set_chunk_size(c, u64::MAX - 2)),
            ("no such chunk", tus_config_set_chunk_rules(c, 5, 7, 4)),
            ("TLS 1.1", tus_config_set_tls_min_version(c, 0x0302)),
            ("no pin", tus_config_pin_tls_key(c, text(c"sha256//AAAA"))),
            ("pin not base64", tus_config_pin_tls_key(c, text(c"!"))),
            ("connect 0", tus_config_set_timeouts_ms(c, 0, 1, 1, 0)),
            ("response 0", tus_config_set_timeouts_ms(c, 1, 0, 1, 0)),
            ("stall 0", tus_config_set_timeouts_ms(c, 1, 1, 0, 0)),
            ("no path", tus_config_set_tls_ca_file(c, text(c""))),
            ("no key", tus_config_set_tls_client_certificate(c, text(c"a.pem"), text(c""))),
            ("proxy not UTF-8", tus_config_set_proxy(c, text(NOT_UTF8))),
            ("user agent", tus_config_set_user_agent(c, text(c"a\nb"))),
            ("checksum -1", tus_config_set_checksum(c, -1, 1)),
            ("checksum 6", tus_config_set_checksum(c, 6, 1)),
            ("policy 3", tus_config_set_checksum(c, 1, 3)),
            ("policy -1", tus_config_set_checksum(c, 1, -1)),
            ("required nothing", tus_config_set_checksum(c, 0, 2)),
            ("fingerprint 3", tus_config_set_fingerprint(c, 3)),
            ("fingerprint -1", tus_config_set_fingerprint(c, -1)),
            ("no folder", tus_config_set_store_dir(c, text(c""))),
            ("key", tus_config_set_metadata_for_partial_uploads(c, text(c"a,b"), null(), 0)),
            ("level 0", tus_config_set_log(c, 0, None, null_mut(), None)),
            ("level 5", tus_config_set_log(c, 5, None, null_mut(), None)),
            ("level -1", tus_config_set_log(c, -1, None, null_mut(), None)),
        ] {
            assert_eq!(status, INVALID, "{what}");
        }
        assert_eq!(tus_config_set_metadata_encoding(c, text(c"utf-16le")), UNSUPPORTED);
        let unknown = if cfg!(feature = "encodings") { INVALID } else { UNSUPPORTED };
        assert_eq!(tus_config_set_metadata_encoding(c, text(c"klingon")), unknown);
    }
}

#[test]
fn the_first_refusal_is_remembered_and_told() {
    let config = config();
    let (mut client, mut err) = (std::ptr::dangling_mut(), null_mut());
    // SAFETY: living objects and strings.
    let status = unsafe {
        tus_config_set_url(config.pointer, c"http://h/".as_ptr());
        tus_config_set_metadata_encoding(config.pointer, c"utf-16le".as_ptr());
        tus_config_set_chunk_size(config.pointer, 0);
        tus_config_set_chunk_size(config.pointer, 5);
        tus_client_new(config.pointer, &raw mut client, &raw mut err)
    };
    assert_eq!(status, UNSUPPORTED);
    assert!(client.is_null());
    let (status, message) = taken(err);
    assert_eq!(status, UNSUPPORTED);
    assert!(message.to_lowercase().contains("utf-16le"), "{message}");
}

#[test]
fn options_remember_too() {
    let (client, source, options) = (client(), source(), options());
    let (mut info, mut err) = (std::ptr::dangling_mut(), null_mut());
    // SAFETY: living objects and strings.
    let status = unsafe {
        assert_eq!(tus_upload_options_set_metadata(options.pointer, c"a b".as_ptr(), null(), 0), INVALID);
        assert_eq!(
            tus_upload_options_set_metadata(options.pointer, c"k".as_ptr(), c"x".as_ptr().cast(), usize::MAX),
            INVALID
        );
        assert_eq!(tus_upload_options_set_metadata_text(options.pointer, c"k".as_ptr(), NOT_UTF8.as_ptr()), INVALID);
        assert_eq!(tus_upload_options_set_chunk_size(options.pointer, 0), INVALID);
        tus_client_upload(client.pointer, source.pointer, options.pointer, &raw mut info, &raw mut err)
    };
    assert_eq!(status, INVALID);
    assert!(info.is_null());
    assert!(taken(err).1.contains("metadata key \"a b\""));
}

#[test]
fn values_arrive() {
    let config = config();
    let c = config.pointer;
    // SAFETY: living objects and strings.
    unsafe {
        tus_config_set_url(c, c"http://al:pw@h/files/".as_ptr());
        tus_config_set_header(c, c"X-A".as_ptr(), c"ü".as_ptr());
        tus_config_set_header(c, c"X-B".as_ptr(), c"b".as_ptr());
        tus_config_set_header(c, c"x-b".as_ptr(), null());
        tus_config_allow_origin(c, c"https://other:8443/x".as_ptr());
        tus_config_set_chunk_size(c, i64::MAX as u64);
        tus_config_set_retry(c, 7, 8, 9);
        tus_config_set_lock_budget_ms(c, 10);
        tus_config_set_max_retry_after_ms(c, u64::MAX);
        tus_config_set_timeouts_ms(c, 1, 2, u64::MAX, 4);
        tus_config_set_tls_verify(c, 0);
        tus_config_set_tls_ca_file(c, NOT_UTF8.as_ptr());
        tus_config_set_user_agent(c, c"me/1".as_ptr());
        tus_config_set_upload_with_creation(c, 2);
        tus_config_set_query_server(c, 0);
        tus_config_set_locations(c, 2);
        tus_config_set_override_patch_method(c, -5);
        tus_config_set_add_request_id(c, 2);
    }
    let set = inside(&config);
    assert_eq!(set.endpoint.unwrap().as_str(), "http://h/files/");
    assert_eq!(set.user.unwrap().password.as_str(), "pw");
    assert_eq!(set.headers, [("X-A".to_owned(), "ü".to_owned().into())]);
    assert_eq!(set.allowed_origins[0].to_string(), "https://other:8443");
    assert!(matches!(set.chunk_size, ChunkSize::Fixed(bytes) if bytes.get() == i64::MAX as u64));
    assert_eq!((set.retry.max_retries, set.retry.base_delay, set.retry.max_delay), (7, ms(8), ms(9)));
    assert_eq!((set.retry.lock_budget, set.retry.max_retry_after), (ms(10), ms(u64::MAX)));
    assert_eq!((set.timeouts.connect, set.timeouts.response, set.timeouts.stall), (ms(1), ms(2), ms(u64::MAX)));
    assert_eq!(set.total_timeout, Some(ms(4)));
    assert!(!set.tls.verify);
    assert_eq!(set.tls.ca_file.unwrap().as_os_str().as_encoded_bytes(), NOT_UTF8.to_bytes());
    assert_eq!(set.user_agent, "me/1");
    assert_eq!((set.creation_data, set.query_server), (CreationData::Repeat, false));
    assert_eq!(set.locations, Locations::Allowed);
    assert!(set.override_patch_method && set.add_request_id);
}

#[test]
fn locations_that_are_none_are_refused() {
    for number in [-1, 3, i32::MAX] {
        let config = config();
        // SAFETY: a living object.
        assert_eq!(unsafe { tus_config_set_locations(config.pointer, number) }, INVALID);
    }
}

#[test]
fn checksums_arrive() {
    let number = |algorithm: i32, policy: i32| {
        let config = config();
        // SAFETY: a living object.
        assert_eq!(unsafe { tus_config_set_checksum(config.pointer, algorithm, policy) }, OK);
        let wish = inside(&config).checksum.unwrap();
        (wish.policy, wish.algorithm)
    };
    let (required, if_available) = (Policy::Required, Policy::IfAvailable);
    assert_eq!(number(1, 2), (required, Some(Algorithm::Sha1)));
    assert_eq!(number(2, 2), (required, Some(Algorithm::Sha256)));
    assert_eq!(number(3, 1), (if_available, Some(Algorithm::Sha512)));
    assert_eq!(number(4, 1), (if_available, Some(Algorithm::Md5)));
    assert_eq!(number(5, 2), (required, None));
    assert_eq!(number(0, 1), (Policy::Off, None));
    assert_eq!(number(1, 0).0, Policy::Off);
}

#[test]
fn capabilities_arrive() {
    let config = config();
    let set = |extensions: &CStr, max_size, algorithms: *const c_char| {
        // SAFETY: a living object and strings.
        unsafe { tus_config_set_capabilities(config.pointer, extensions.as_ptr(), max_size, algorithms) }
    };
    assert_eq!(set(c"creation, checksum", 7, c"sha1,sha256".as_ptr()), OK);
    let known = inside(&config).capabilities.clone().unwrap();
    assert_eq!((known.extensions, known.max_size), (vec!["creation".to_owned(), "checksum".to_owned()], Some(7)));
    assert_eq!(known.checksum_algorithms, ["sha1", "sha256"]);
    assert_eq!(set(c"", u64::MAX, std::ptr::null()), OK);
    assert_eq!(inside(&config).capabilities.clone().unwrap(), ServerInfo::default());
    for bad in [c"a,,b", c"a b", c",", NOT_UTF8] {
        assert_eq!(set(bad, 0, std::ptr::null()), INVALID, "{bad:?}");
    }
    assert_eq!(set(c"creation", 0, c"sha1,".as_ptr()), INVALID);
}

#[test]
fn what_is_about_earlier_runs_arrives() {
    let (config, options) = (config(), options());
    let (c, o) = (config.pointer, options.pointer);
    // SAFETY: living objects and strings.
    unsafe {
        for kind in [2, 1, 0] {
            assert_eq!(tus_config_set_fingerprint(c, kind), OK);
        }
        assert_eq!(format!("{:?}", inside(&config).fingerprinter), "Content");
        tus_config_set_fingerprint(c, 1);
        assert_eq!(format!("{:?}", inside(&config).fingerprinter), "PartialMd5");
        tus_config_set_fingerprint(c, 2);
        tus_config_set_verify_resumed(c, 1);
        tus_config_set_checksum_trailers(c, 0);
        tus_config_set_store_dir(c, NOT_UTF8.as_ptr());
        let key = c"0123456789abcdef".as_ptr().cast();
        let refusing = crate::ffi::tests::fixture::config();
        for short in [0, 1, 15] {
            assert_eq!(tus_config_set_token_key(refusing.pointer, key, short), INVALID);
        }
        assert_eq!(tus_config_set_token_key(c, key, 16), OK);
        tus_config_set_metadata_for_partial_uploads(c, c"a".as_ptr(), c"1".as_ptr().cast(), 1);
        tus_config_set_metadata_for_partial_uploads(c, c"a".as_ptr(), c"12".as_ptr().cast(), 2);
        tus_upload_options_set_parallel_uploads(o, 7);
        tus_upload_options_set_min_part_size(o, 8);
        tus_upload_options_set_parallel_fallback(o, 1);
        tus_upload_options_set_remove_parts(o, 1);
        tus_upload_options_set_upload_url(o, c"1".as_ptr());
        tus_upload_options_set_resume_token(o, c"2".as_ptr());
        tus_upload_options_set_unfinished_parts(o, 1);
    }
    let set = inside(&config);
    assert_eq!(format!("{:?}", set.fingerprinter), "FileIdentity");
    assert!(set.token_key.is_some());
    assert!(set.verify_resumed && !set.checksum_trailers && set.store.is_some());
    assert_eq!(set.partial_metadata, [("a".to_owned(), b"12".to_vec())]);
    let set = inside_options(&options);
    assert_eq!((set.parallel, set.parallel_fallback, set.unfinished_parts), (7, true, true));
    assert!(set.remove_parts && set.min_part_size == Some(8));
    assert_eq!((set.upload_url.as_deref(), set.resume_token.as_deref()), (Some("1"), Some("2")));
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn chunk_sizes_have_two_names() {
    let (config, options) = (config(), options());
    // SAFETY: living objects.
    unsafe {
        tus_config_set_chunk_size(config.pointer, version::TUS_CHUNK_WHOLE);
        tus_upload_options_set_chunk_size(options.pointer, version::TUS_CHUNK_AUTO);
    }
    assert_eq!(inside(&config).chunk_size, ChunkSize::Whole);
    assert_eq!(inside_options(&options).chunk_size, Some(ChunkSize::Auto));
}

#[test]
fn no_stop_and_no_total_have_values() {
    let (config, options) = (config(), options());
    // SAFETY: living objects.
    unsafe {
        tus_config_set_timeouts_ms(config.pointer, 1, 1, 1, 9);
        tus_config_set_timeouts_ms(config.pointer, 1, 1, 1, 0);
        tus_upload_options_set_stop_at(options.pointer, 3);
    }
    assert_eq!(inside(&config).total_timeout, None);
    assert_eq!(inside_options(&options).stop_at, Some(3));
    // SAFETY: living objects.
    unsafe { tus_upload_options_set_stop_at(options.pointer, version::TUS_SIZE_UNKNOWN) };
    assert_eq!(inside_options(&options).stop_at, None);
}

#[test]
fn metadata_is_copied() {
    let options = options();
    let mut value = *b"\0\xff";
    // SAFETY: living objects, strings and bytes.
    unsafe {
        tus_upload_options_set_metadata(options.pointer, c"raw".as_ptr(), value.as_ptr().cast(), 2);
        tus_upload_options_set_metadata_text(options.pointer, c"text".as_ptr(), c"ü".as_ptr());
    }
    value.fill(7);
    let config = Config::new();
    let encoded = inside_options(&options).encoded_metadata(config.metadata_encoding).unwrap();
    assert_eq!(encoded.encode().unwrap(), "raw AP8=,text w7w=");
}

#[test]
fn rules_versions_pins_and_options_of_one_upload_arrive() {
    let (config, options) = (config(), options());
    let pin = c"sha256//ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    // SAFETY: living objects and strings.
    unsafe {
        assert_eq!(tus_config_set_chunk_rules(config.pointer, 5 << 20, 200 << 20, 256 << 10), OK);
        assert_eq!(tus_config_set_tls_min_version(config.pointer, 0x0303), OK);
        assert_eq!(tus_config_set_tls_min_version(config.pointer, 0x0304), OK);
        assert_eq!(tus_config_pin_tls_key(config.pointer, pin.as_ptr()), OK);
        assert_eq!(tus_upload_options_set_checksum(options.pointer, 2, 2), OK);
        assert_eq!(tus_upload_options_set_checksum(options.pointer, 6, 2), INVALID);
        assert_eq!(tus_upload_options_set_retry(options.pointer, 7, 2, 3), OK);
        for zero in 0..3 {
            let limit = |which| u64::from(which != zero);
            let set = tus_upload_options_set_request_timeouts_ms(options.pointer, limit(0), limit(1), limit(2));
            assert_eq!(set, INVALID);
        }
        assert_eq!(tus_upload_options_set_request_timeouts_ms(options.pointer, 1, u64::MAX, 1), OK);
        assert_eq!(tus_upload_options_set_timeout_ms(options.pointer, 0), INVALID);
        assert_eq!(tus_upload_options_set_timeout_ms(options.pointer, 9), OK);
    }
    let config = inside(&config);
    assert_eq!(config.chunk_rules.multiple.unwrap().get(), 256 << 10);
    // The SHA-256 of "abc".
    assert!(!config.tls.allow_tls12 && config.tls.pinned_keys[0].starts_with(&[0xba, 0x78, 0x16, 0xbf]));
    // SAFETY: living options; what was refused before is not asked for.
    let options = unsafe { state(options.pointer.cast_const(), "o") }.unwrap();
    assert!(options.copy().is_err(), "the first refusal is remembered");
}
