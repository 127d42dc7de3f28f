//! `tus_request` and `tus_response`: what a callback sees of one exchange with the server.
//!
//! Both are on loan for as long as the callback runs, and so are the strings taken from them.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::rc::Rc;

use super::convert::{c_string, optional_text, put, text, truth};
use super::guard::{guard_status, guard_value};
use super::handle::{Borrowed, CType, Kind, Object, lend, state};
use super::status::tus_status;
use crate::engine::hooks::OutgoingRequest;
use crate::error::{Error, ErrorKind};
use crate::protocol::answer::Answer;

/// A request about to be sent, or the one an answer belongs to.
///
/// Ownership: borrowed; it and all strings from it are valid until the callback that got it returns.
/// Threads: the one the callback runs on.
pub struct tus_request {
    _private: [u8; 0],
}

/// A server's answer.
///
/// Ownership: borrowed; it and all strings from it are valid until the callback that got it returns.
/// Threads: the one the callback runs on.
pub struct tus_response {
    _private: [u8; 0],
}

impl CType for tus_request {
    type State = RequestState;
    type Class = Borrowed;
    const KIND: Kind = Kind::Request;
}

impl CType for tus_response {
    type State = ResponseState;
    type Class = Borrowed;
    const KIND: Kind = Kind::Response;
}

/// A request on loan. The pointer is good for as long as the callback runs, which is as long as this
/// exists.
pub(super) struct RequestState {
    request: NonNull<OutgoingRequest>,
    /// Before it is sent; afterwards there is only a `&` to it.
    changeable: bool,
    strings: Strings,
}

/// An answer on loan, as [`RequestState`].
pub(super) struct ResponseState {
    answer: NonNull<Answer>,
    strings: Strings,
}

impl RequestState {
    fn request(&self) -> &OutgoingRequest {
        // SAFETY: valid while this exists, and changed only in `tus_request_set_header`, on this same thread.
        unsafe { self.request.as_ref() }
    }
}

impl ResponseState {
    fn answer(&self) -> &Answer {
        // SAFETY: valid while this exists, and nobody changes it.
        unsafe { self.answer.as_ref() }
    }
}

/// Strings handed out, kept until the callback returns. The same text is kept once, so that asking
/// in a loop does not fill the memory. Counted strings, because moving a `CString` (a box) into the
/// list would make pointers to it invalid.
#[derive(Default)]
struct Strings(RefCell<Vec<Rc<CStr>>>);

impl Strings {
    fn lend(&self, text: &str) -> *const c_char {
        let mut kept = self.0.borrow_mut();
        if let Some(same) = kept.iter().find(|have| have.to_bytes() == text.as_bytes()) {
            return same.as_ptr();
        }
        let string: Rc<CStr> = c_string(text).into();
        let pointer = string.as_ptr();
        kept.push(string);
        pointer
    }
}

/// A request about to be sent, on loan.
pub(super) fn lend_request(request: &mut OutgoingRequest) -> Object<tus_request> {
    lend(RequestState { request: NonNull::from(request), changeable: true, strings: Strings::default() })
}

/// A request that was sent, on loan.
pub(super) fn lend_sent_request(request: &OutgoingRequest) -> Object<tus_request> {
    lend(RequestState { request: NonNull::from(request), changeable: false, strings: Strings::default() })
}

/// An answer on loan.
pub(super) fn lend_response(answer: &Answer) -> Object<tus_response> {
    lend(ResponseState { answer: NonNull::from(answer), strings: Strings::default() })
}

/// The method as it will be sent.
///
/// - `r`: the request.
///
/// Returns: for example "PATCH"; NULL if `r` is NULL or no request.
/// Ownership: borrowed; valid until the callback returns.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_request_method(r: *const tus_request) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { state(r, "r") }.map_or(ptr::null(), |request| request.strings.lend(request.request().method()))
    })
}

/// Where the request goes, in full: the query may carry secrets.
///
/// - `r`: the request.
///
/// Returns: the absolute URL; NULL if `r` is NULL or no request.
/// Ownership: borrowed; valid until the callback returns.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_request_url(r: *const tus_request) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { state(r, "r") }.map_or(ptr::null(), |request| request.strings.lend(request.request().url().as_str()))
    })
}

/// A header of the request, the library's own included.
///
/// - `r`: the request.
/// - `name`: the header's name, in any case.
///
/// Returns: its first value; NULL if it has none, or if an argument is NULL or invalid.
/// Ownership: borrowed; valid until the callback returns, also if the header is changed meanwhile.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_request_header(r: *const tus_request, name: *const c_char) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        let (Ok(request), Ok(name)) = (unsafe { state(r, "r") }, unsafe { text(name, "name") }) else {
            return ptr::null();
        };
        request.request().header(name).map_or(ptr::null(), |value| request.strings.lend(value))
    })
}

/// Whether the request goes to the server that the client was configured for, or to an origin
/// allowed with tus_config_allow_origin. Requests elsewhere carry none of the caller's headers
/// (T-150), and none can be set.
///
/// - `r`: the request.
///
/// Returns: 1 if so; 0 if not, or if `r` is NULL or no request.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_request_is_trusted_origin(r: *const tus_request) -> c_int {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(r, "r") }.map_or(0, |request| truth(request.request().is_trusted())))
}

/// Sets, replaces or removes a header of this one request.
///
/// - `r`: the request, in a tus_before_request_fn.
/// - `name`: the header's name. Those that the protocol or the message needs are the library's own:
///   Tus-Resumable, Upload-Offset and their kind, Host, Content-Type, Content-Length and the like.
/// - `value`: UTF-8 without control characters (a tab inside is allowed) and without blanks at its
///   ends; NULL removes the header.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `r` or `name` is NULL or invalid, the header is the
/// library's own, or the value cannot be sent; TUS_E_UNSUPPORTED if the request goes to an origin
/// that is not trusted (T-150); TUS_E_INVALID_STATE if it was sent already. On failure the request
/// is unchanged.
/// Ownership: the strings are copied.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_request_set_header(
    r: *mut tus_request,
    name: *const c_char,
    value: *const c_char,
) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        let request = unsafe { state(r.cast_const(), "r") }?;
        // SAFETY: the caller's pointers, as the header asks for.
        let (name, value) = unsafe { (text(name, "name")?, optional_text(value, "value")?) };
        if !request.changeable {
            return Err(Error::new(
                ErrorKind::InvalidState,
                "the request was sent already: its headers can be set before that, in a tus_before_request_fn",
            )
            .into());
        }
        let mut request = request.request;
        // SAFETY: it came from a `&mut` that is lent for as long as the callback runs, and the `&` of other functions
        // of this file end before they return.
        unsafe { request.as_mut() }.set_header(name, value)?;
        Ok(())
    })
}

/// The HTTP status of an answer.
///
/// - `r`: the answer.
///
/// Returns: for example 204; 0 if `r` is NULL or no answer.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_response_status(r: *const tus_response) -> i32 {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value(0, || unsafe { state(r, "r") }.map_or(0, |response| response.answer().status.into()))
}

/// A header of an answer.
///
/// - `r`: the answer.
/// - `name`: the header's name, in any case.
///
/// Returns: its first value (tus_response_header_at has the others); NULL if it has none, or if an
/// argument is NULL or invalid.
/// Ownership: borrowed; valid until the callback returns.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_response_header(r: *const tus_response, name: *const c_char) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        let (Ok(response), Ok(name)) = (unsafe { state(r, "r") }, unsafe { text(name, "name") }) else {
            return ptr::null();
        };
        response.answer().headers.get(name).map_or(ptr::null(), |value| response.strings.lend(value))
    })
}

/// How many values a header of an answer has, which may come more than once (Set-Cookie).
///
/// - `r`: the answer.
/// - `name`: the header's name, in any case.
///
/// Returns: the number; 0 if it has none, or if an argument is NULL or invalid.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_response_header_count(r: *const tus_response, name: *const c_char) -> usize {
    guard_value(0, || {
        // SAFETY: the caller's pointers, as the header asks for.
        let (Ok(response), Ok(name)) = (unsafe { state(r, "r") }, unsafe { text(name, "name") }) else { return 0 };
        response.answer().headers.all(name).count()
    })
}

/// One of the values of a header of an answer.
///
/// - `r`: the answer.
/// - `name`: the header's name, in any case.
/// - `index`: which one, from 0, in the order they came.
///
/// Returns: the value; NULL if there are not so many, or if an argument is NULL or invalid.
/// Ownership: borrowed; valid until the callback returns.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_response_header_at(
    r: *const tus_response,
    name: *const c_char,
    index: usize,
) -> *const c_char {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointers, as the header asks for.
        let (Ok(response), Ok(name)) = (unsafe { state(r, "r") }, unsafe { text(name, "name") }) else {
            return ptr::null();
        };
        response.answer().headers.all(name).nth(index).map_or(ptr::null(), |value| response.strings.lend(value))
    })
}

/// The body of an answer, as the server sent it, cut after 64 KiB.
///
/// - `r`: the answer.
/// - `len`: receives the number of bytes; 0 if there is no body. May be NULL.
///
/// Returns: the bytes, not NUL-terminated; NULL if there is no body, or if `r` is NULL or no answer.
/// Ownership: borrowed; valid until the callback returns.
/// Threads: the callback's.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_response_body(r: *const tus_response, len: *mut usize) -> *const c_void {
    guard_value(ptr::null(), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let body = unsafe { state(r, "r") }.map_or(&[][..], |response| &response.answer().body);
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { put(len, body.len()) };
        if body.is_empty() { ptr::null() } else { body.as_ptr().cast() }
    })
}
