//! `tus_error`: everything that is known comes out, and nothing secret.

use std::ptr;

use super::super::error::{Failure, lend_error};
use super::super::*;
use super::fixture::*;
use crate::error::{Error, ErrorKind};
use crate::protocol::foreign::Secrets;

#[test]
fn everything_known_comes_out() {
    let error = error();
    let e = error.pointer;
    let mut length = 99;
    // SAFETY: a living error, and memory for a number.
    unsafe {
        assert_eq!(tus_error_status(e), -60);
        let message = string(tus_error_message(e)).unwrap();
        assert!(message.starts_with("the server refused the chunk (PATCH http://h/files/...?... answered 507): "));
        assert!(!message.contains("secret"), "{message}");
        assert_eq!(tus_error_http_status(e), 507);
        assert_eq!(tus_error_os_code(e), 104);
        assert_eq!(tus_error_callback_code(e), 0);
        assert_eq!(tus_error_is_retryable(e), 1);
        assert_eq!(string(tus_error_upload_url(e)).unwrap(), "http://h/files/1?sig=secret");
        assert_eq!(string(tus_error_resume_token(e)).unwrap(), "tus1.0.x");
        assert_eq!(string(tus_error_request_method(e)).unwrap(), "PATCH");
        assert_eq!(string(tus_error_request_url(e)).unwrap(), "http://h/files/1?sig=secret");
        assert_eq!(string(tus_error_response_header(e, c"x-REASON".as_ptr())).unwrap(), "full");
        assert!(tus_error_response_header(e, c"x-other".as_ptr()).is_null());
        assert_eq!(tus_error_response_header_count(e, c"X-reason".as_ptr()), 2);
        assert_eq!(string(tus_error_response_header_at(e, c"x-reason".as_ptr(), 1)).unwrap(), "second");
        assert!(tus_error_response_header_at(e, c"x-reason".as_ptr(), 2).is_null());
        assert_eq!(tus_error_response_header_count(e, c"x-other".as_ptr()), 0);
        assert!(tus_error_request_id(e).is_null());
        assert!(tus_error_response_header(e, NOT_UTF8.as_ptr()).is_null());
        let body = tus_error_response_body(e, &raw mut length);
        assert_eq!(std::slice::from_raw_parts(body.cast::<u8>(), length), b"no space left");
        assert_eq!(tus_error_response_body(e, ptr::null_mut()), body);
    }
}

#[test]
fn what_is_not_known_is_null_or_zero() {
    let error =
        Own::new(Failure::from(Error::new(ErrorKind::Callback(-3), "stop\0here")).into_object(), tus_error_free);
    let e = error.pointer;
    let mut length = 99;
    // SAFETY: a living error, and memory for a number.
    unsafe {
        assert_eq!(tus_error_callback_code(e), -3);
        assert_eq!(string(tus_error_message(e)).unwrap(), "stop\u{fffd}here");
        assert_eq!((tus_error_http_status(e), tus_error_os_code(e), tus_error_is_retryable(e)), (0, 0, 0));
        assert!(tus_error_upload_url(e).is_null());
        assert!(tus_error_resume_token(e).is_null());
        assert!(tus_error_request_method(e).is_null());
        assert!(tus_error_request_url(e).is_null());
        assert!(tus_error_response_header(e, c"a".as_ptr()).is_null());
        assert!(tus_error_response_body(e, &raw mut length).is_null());
    }
    assert_eq!(length, 0);
}

#[test]
fn the_id_of_a_request_is_told_and_stands_in_the_message() {
    let id = || Some("7f3a".to_owned());
    let answered = full_error().with_answer(answer(500).to_request(Secrets::none(), id()));
    let broken =
        Error::new(ErrorKind::Io, "broke").with_request("PATCH", url("http://h/files/1")).with_request_id(id());
    let mut of_server = answer(500);
    of_server.headers.push("x-request-id", "7f3a");
    for error in [answered, broken, full_error().with_answer(of_server)] {
        let error = Own::new(Failure::from(error).into_object(), tus_error_free);
        // SAFETY: a living error.
        unsafe {
            assert_eq!(string(tus_error_request_id(error.pointer)).unwrap(), "7f3a");
            let message = string(tus_error_message(error.pointer)).unwrap();
            assert!(message.contains(", request id 7f3a)"), "{message}");
        }
    }
}

#[test]
fn messages_name_uploads_in_full_only_when_asked() {
    let message = full_error().with_urls_shown(true).full_message();
    assert!(message.contains("(PATCH http://h/files/1?sig=secret answered 507)"), "{message}");
    let creating = Error::new(ErrorKind::Io, "broke").with_request("POST", url("http://h/files/?sig=secret"));
    assert_eq!(creating.full_message(), "broke (POST http://h/files/?...)", "the endpoint is no upload");
}

#[test]
fn what_was_warned_of_before_it_failed_is_told() {
    let error = full_error().with_warnings(upload_info().warnings);
    let error = Own::new(Failure::from(error).into_object(), tus_error_free);
    let e = error.pointer;
    // SAFETY: a living error.
    unsafe {
        assert_eq!(tus_error_warning_count(e), 2);
        assert_eq!((string(tus_error_warning(e, 0)).unwrap(), tus_error_warning_code(e, 0)), ("odd".to_owned(), 1));
        assert_eq!(string(tus_error_warning_url(e, 1)).unwrap(), "http://h/files/2");
        assert!(tus_error_warning(e, 2).is_null() && tus_error_warning_url(e, 0).is_null());
        assert_eq!(tus_error_warning_code(e, 2), 0);
    }
}

#[test]
fn strings_stay_where_they_are() {
    let error = error();
    // SAFETY: a living error.
    unsafe {
        let message = tus_error_message(error.pointer);
        let header = tus_error_response_header(error.pointer, c"x-reason".as_ptr());
        let other = super::fixture::error();
        drop(other);
        assert_eq!(tus_error_message(error.pointer), message);
        assert_eq!(tus_error_response_header(error.pointer, c"X-Reason".as_ptr()), header);
    }
}

#[test]
fn a_lent_error_is_not_the_callers_to_free() {
    let lent = lend_error(&full_error());
    // SAFETY: a living error.
    unsafe {
        tus_error_free(lent.as_c().cast_mut());
        assert_eq!(tus_error_http_status(lent.as_c()), 507);
    }
}

#[test]
fn success_leaves_err_alone() {
    let client = client();
    let mark = ptr::dangling_mut();
    let mut err = mark;
    // SAFETY: valid arguments.
    let status = unsafe { tus_client_set_header(client.pointer, c"Host".as_ptr(), ptr::null(), ptr::null_mut()) };
    // Only a client that works can be asked for success; either way NULL for `err` is allowed.
    assert!(status <= OK);
    let mut source = ptr::null_mut();
    // SAFETY: valid arguments.
    let status = unsafe { tus_source_memory(ptr::null(), 0, None, ptr::null_mut(), &raw mut source, &raw mut err) };
    assert_eq!(status, OK);
    assert_eq!(err, mark);
    drop(Own::new(source, tus_source_free));
}
