//! Callbacks: what they see, what their answers do, and that `destroy` runs exactly once on every way.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::time::Duration;

use super::super::handle::state;
use super::super::*;
use super::fixture::*;
use crate::engine::config::Config;
use crate::engine::hooks::{NewHeaders, OutgoingRequest, Progress, RetryVerdict, WaitReason};
use crate::engine::log::Level;
use crate::fingerprint::Fingerprinter;

fn inside(config: &Own<tus_config>) -> Config {
    // SAFETY: a living configuration.
    unsafe { state(config.pointer.cast_const(), "c") }.unwrap().copy().unwrap()
}

/// What a callback writes down, and the code it returns.
#[derive(Default)]
struct Seen {
    lines: RefCell<Vec<String>>,
    code: i32,
}

impl Seen {
    fn returning(code: i32) -> Self {
        Seen { code, ..Seen::default() }
    }

    fn data(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    unsafe fn at<'a>(user_data: *mut c_void) -> &'a Seen {
        // SAFETY: the tests register a `Seen` that outlives the callback.
        unsafe { &*user_data.cast() }
    }

    fn write(&self, line: String) -> i32 {
        self.lines.borrow_mut().push(line);
        self.code
    }
}

unsafe extern "C-unwind" fn before(user_data: *mut c_void, r: *mut tus_request) -> i32 {
    // SAFETY: the library's request, strings of ours.
    unsafe {
        let (method, url) = (tus_request_method(r), tus_request_url(r));
        let old = tus_request_header(r, c"authorization".as_ptr());
        let set = tus_request_set_header(r, c"Authorization".as_ptr(), c"Bearer new".as_ptr());
        let removed = tus_request_set_header(r, c"X-Gone".as_ptr(), null());
        let reserved = tus_request_set_header(r, c"Upload-Offset".as_ptr(), c"1".as_ptr());
        assert_eq!(tus_request_method(r), method, "the same text is kept once");
        Seen::at(user_data).write(format!(
            "{} {} {:?} {set} {removed} {reserved} trusted={} now {:?}",
            string(method).unwrap(),
            string(url).unwrap(),
            // Handed out before the header was changed, and still there.
            string(old),
            tus_request_is_trusted_origin(r),
            string(tus_request_header(r, c"AUTHORIZATION".as_ptr())),
        ))
    }
}

unsafe extern "C-unwind" fn after(user_data: *mut c_void, q: *const tus_request, r: *const tus_response) -> i32 {
    let mut length = 0;
    // SAFETY: the library's request and answer, strings of ours.
    unsafe {
        let body = tus_response_body(r, &raw mut length);
        let body = std::slice::from_raw_parts(body.cast::<u8>(), length);
        let late = tus_request_set_header(q.cast_mut(), c"X-A".as_ptr(), c"a".as_ptr());
        Seen::at(user_data).write(format!(
            "{} {} {:?} {:?} {} late={late}",
            string(tus_request_method(q)).unwrap(),
            tus_response_status(r),
            string(tus_response_header(r, c"x-reason".as_ptr())),
            string(tus_response_header(r, c"x-none".as_ptr())),
            String::from_utf8_lossy(body),
        ))
    }
}

fn request(trusted: bool) -> OutgoingRequest {
    let headers = [("Authorization", "Bearer old"), ("X-Gone", "1")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned().into())).to_vec();
    OutgoingRequest::new("PATCH".into(), url("http://h/1?q"), trusted, headers)
}

#[test]
fn before_request_sees_and_changes_the_request() {
    for (trusted, line) in [
        (true, "PATCH http://h/1?q Some(\"Bearer old\") 0 0 -1 trusted=1 now Some(\"Bearer new\")"),
        (false, "PATCH http://h/1?q Some(\"Bearer old\") -3 0 -1 trusted=0 now Some(\"Bearer old\")"),
    ] {
        let (config, seen) = (config(), Seen::returning(if trusted { 0 } else { -9 }));
        // SAFETY: living objects.
        unsafe { tus_config_set_before_request(config.pointer, Some(before), seen.data(), None) };
        let mut request = request(trusted);
        let verdict = inside(&config).hooks_mut().before_request.as_ref().unwrap()(&mut request);
        assert_eq!(verdict, if trusted { Ok(()) } else { Err(-9) });
        assert_eq!(*seen.lines.borrow(), [line]);
        assert_eq!(request.header("x-gone"), None);
        assert_eq!(request.header("authorization"), Some(if trusted { "Bearer new" } else { "Bearer old" }));
    }
}

#[test]
fn after_response_sees_the_answer() {
    let (config, seen) = (config(), Seen::returning(5));
    // SAFETY: living objects.
    unsafe { tus_config_set_after_response(config.pointer, Some(after), seen.data(), None) };
    let hook = inside(&config).hooks_mut().after_response.take().unwrap();
    assert_eq!(hook(&request(true), &answer(507)), Err(5));
    assert_eq!(*seen.lines.borrow(), ["PATCH 507 Some(\"full\") None no space left late=-2"]);
}

unsafe extern "C-unwind" fn retry(user_data: *mut c_void, e: *const tus_error, attempt: u32, delay: *mut u64) -> i32 {
    // SAFETY: the library's error and number.
    unsafe {
        let line = format!("{} {attempt} {}", tus_error_http_status(e), *delay);
        if attempt == 2 {
            *delay = 77;
        }
        // A mistake that must not matter: the error is only lent.
        tus_error_free(e.cast_mut());
        Seen::at(user_data).write(line)
    }
}

#[test]
fn should_retry_decides() {
    let delay = Duration::from_micros(1500);
    for (code, attempt, verdict) in [
        (0, 1, RetryVerdict::After(delay)),
        (0, 2, RetryVerdict::After(Duration::from_millis(77))),
        (42, 2, RetryVerdict::GiveUp(42)),
    ] {
        let (config, seen) = (config(), Seen::returning(code));
        // SAFETY: living objects.
        unsafe { tus_config_set_should_retry(config.pointer, Some(retry), seen.data(), None) };
        let hook = inside(&config).hooks_mut().should_retry.take().unwrap();
        assert_eq!(hook(&full_error(), attempt, delay), verdict);
        assert_eq!(*seen.lines.borrow(), [format!("507 {attempt} 2")]);
    }
}

unsafe extern "C-unwind" fn on_url(user_data: *mut c_void, url: *const c_char) -> i32 {
    // SAFETY: a `Seen`.
    unsafe { Seen::at(user_data) }.write(string(url).unwrap())
}

unsafe extern "C-unwind" fn on_progress(user_data: *mut c_void, progress: *const tus_progress) -> i32 {
    // SAFETY: a `Seen` and the library's record.
    unsafe { Seen::at(user_data).write(format!("{:?}", *progress)) }
}

#[test]
fn options_have_callbacks_of_their_own() {
    let (options, seen) = (options(), Seen::returning(3));
    // SAFETY: living objects.
    unsafe {
        tus_upload_options_set_on_upload_url_available(options.pointer, Some(on_url), seen.data(), None);
        tus_upload_options_set_progress(options.pointer, Some(on_progress), seen.data(), None);
    }
    // SAFETY: living options.
    let set = unsafe { state(options.pointer.cast_const(), "o") }.unwrap().copy().unwrap();
    assert_eq!(set.on_upload_url.as_ref().unwrap()(&url("http://h/1?secret")), Err(3));
    let progress = set.progress.as_ref().unwrap();
    assert_eq!(
        progress(&Progress {
            sent: 2,
            confirmed: 1,
            total: Some(3),
            resumed: 0,
            speed: 0.5,
            eta: Some(Duration::from_micros(7001)),
            retries: 4,
            waiting: Some(WaitReason::Lock),
        }),
        Err(3)
    );
    assert_eq!(progress(&Progress { sent: 2, confirmed: 1, total: None, resumed: 0, ..Progress::default() }), Err(3));
    let size = size_of::<tus_progress>();
    assert_eq!(
        *seen.lines.borrow(),
        [
            "http://h/1?secret".to_owned(),
            format!(
                "tus_progress {{ struct_size: {size}, sent: 2, confirmed: 1, total: 3, resumed: 0, speed: 0.5, eta_ms: 8, retries: 4, waiting: 3 }}"
            ),
            format!(
                "tus_progress {{ struct_size: {size}, sent: 2, confirmed: 1, total: {0}, resumed: 0, speed: 0.0, eta_ms: {0}, retries: 0, waiting: 0 }}",
                u64::MAX
            ),
        ]
    );
}

unsafe extern "C-unwind" fn renew(
    user_data: *mut c_void,
    refusal: *const tus_response,
    out: *mut tus_credentials,
) -> i32 {
    // SAFETY: the library's answer and credentials, strings of ours.
    unsafe {
        let set = tus_credentials_set_header(out, c"Authorization".as_ptr(), c"Bearer new".as_ptr());
        let removed = tus_credentials_set_header(out, c"X-Old".as_ptr(), null());
        let reserved = tus_credentials_set_header(out, c"Upload-Offset".as_ptr(), c"1".as_ptr());
        Seen::at(user_data).write(format!("{} {set} {removed} {reserved}", tus_response_status(refusal)))
    }
}

#[test]
fn other_credentials_are_handed_over() {
    for code in [0, 9] {
        let (config, seen) = (config(), Seen::returning(code));
        // SAFETY: living objects.
        unsafe { tus_config_set_credentials(config.pointer, Some(renew), seen.data(), None) };
        let hook = inside(&config).hooks_mut().credentials.take().unwrap();
        let mut new = NewHeaders::default();
        assert_eq!(hook(&answer(401), &mut new), if code == 0 { Ok(()) } else { Err(9) });
        assert_eq!(*seen.lines.borrow(), ["401 0 0 -1"]);
        let set = [("Authorization".to_owned(), Some("Bearer new".to_owned().into())), ("X-Old".to_owned(), None)];
        assert_eq!(new.0, if code == 0 { &set[..] } else { &[] });
    }
}

unsafe extern "C-unwind" fn on_expiring(user_data: *mut c_void, url: *const c_char, at: u64) -> i32 {
    // SAFETY: a `Seen`.
    unsafe { Seen::at(user_data) }.write(format!("{} {at}", string(url).unwrap()))
}

unsafe extern "C-unwind" fn fingerprint(
    user_data: *mut c_void,
    name: *const c_char,
    size: u64,
    out: *mut tus_sink,
) -> i32 {
    // SAFETY: a `Seen` and the library's sink.
    unsafe {
        tus_sink_write(out, c"my ".as_ptr().cast(), 3);
        tus_sink_write(out, c"\xc3".as_ptr().cast(), 1);
        if size != 5 {
            tus_sink_write(out, c"\xbc".as_ptr().cast(), 1);
        }
        Seen::at(user_data).write(format!("{:?} {size}", string(name)))
    }
}

#[test]
fn expiry_tokens_and_fingerprints_arrive() {
    let (config, options, seen) = (config(), options(), Seen::returning(4));
    // SAFETY: living objects.
    unsafe {
        tus_config_set_on_expiring(config.pointer, Some(on_expiring), seen.data(), None);
        tus_config_set_fingerprint_callback(config.pointer, Some(fingerprint), seen.data(), None);
        tus_upload_options_set_on_resume_token(options.pointer, Some(on_url), seen.data(), None);
    }
    let mut set = inside(&config);
    assert_eq!(set.hooks_mut().on_expiring.as_ref().unwrap()(&url("http://h/1?secret"), 77), Err(4));
    let Fingerprinter::Custom(custom) = &set.fingerprinter else { panic!("{:?}", set.fingerprinter) };
    assert_eq!(custom(Some("/a"), 9), Err(4));
    // SAFETY: living options.
    let set = unsafe { state(options.pointer.cast_const(), "o") }.unwrap().copy().unwrap();
    assert_eq!(set.on_resume_token.as_ref().unwrap()("tus1.x"), Err(4));
    assert_eq!(*seen.lines.borrow(), ["http://h/1?secret 77", "Some(\"/a\") 9", "tus1.x"]);
}

#[test]
fn a_fingerprint_is_put_together_and_must_be_text() {
    let (config, seen) = (config(), Seen::default());
    // SAFETY: living objects.
    unsafe { tus_config_set_fingerprint_callback(config.pointer, Some(fingerprint), seen.data(), None) };
    let Fingerprinter::Custom(custom) = inside(&config).fingerprinter else { panic!() };
    assert_eq!(custom(None, 6), Ok("my ü".to_owned()));
    assert_eq!(custom(None, 5), Ok("\0".to_owned()), "which the engine refuses");
}

unsafe extern "C-unwind" fn on_log(user_data: *mut c_void, level: i32, line: *const c_char) {
    // SAFETY: a `Seen`.
    unsafe { Seen::at(user_data) }.write(format!("{level} {}", string(line).unwrap()));
}

#[test]
fn log_lines_arrive_by_level() {
    let (config, seen) = (config(), Seen::default());
    // SAFETY: living objects.
    unsafe { tus_config_set_log(config.pointer, 3, Some(on_log), seen.data(), None) };
    let log = inside(&config).log;
    for level in [Level::Error, Level::Warn, Level::Info, Level::Debug] {
        log.write(level, || format!("{level:?}\0"));
    }
    assert_eq!(*seen.lines.borrow(), ["1 Error\u{fffd}", "2 Warn\u{fffd}", "3 Info\u{fffd}"]);
}

type Set = unsafe extern "C" fn(*mut tus_config, tus_upload_url_fn, *mut c_void, tus_destroy_fn) -> tus_status;
const SET: Set = tus_config_set_on_upload_url_available;

#[test]
fn destroy_runs_once_when_the_last_user_is_gone() {
    let (first, second) = (Destroyed::default(), Destroyed::default());
    let config = config();
    // SAFETY: living objects.
    unsafe {
        tus_config_set_url(config.pointer, c"http://127.0.0.1:1/".as_ptr());
        assert_eq!(SET(config.pointer, Some(on_url), first.data(), Some(destroy)), OK);
        assert_eq!(first.times(), 0);
        assert_eq!(SET(config.pointer, Some(on_url), second.data(), Some(destroy)), OK);
        assert_eq!(first.times(), 1, "replaced");
    }
    let client = client_of(&config);
    drop(config);
    assert_eq!(second.times(), 0, "the client still has it");
    // SAFETY: a living client.
    let other = Own::new(unsafe { tus_client_ref(client.pointer) }, tus_client_unref);
    drop(client);
    assert_eq!(second.times(), 0, "another owner still has it");
    drop(other);
    assert_eq!((first.times(), second.times()), (1, 1));
}

#[test]
fn destroy_runs_once_when_registering_fails() {
    let (config, options) = (config(), options());
    let wrong = info();
    type Try<'a> = Box<dyn Fn(*mut c_void) -> tus_status + 'a>;
    let (c, o): (*mut tus_config, *mut tus_upload_options) = (wrong.pointer.cast(), wrong.pointer.cast());
    let none = null_mut();
    // SAFETY: living objects, though of another kind.
    let tries: Vec<Try<'_>> = unsafe {
        vec![
            Box::new(move |d| tus_config_set_before_request(c, Some(before), d, Some(destroy))),
            Box::new(move |d| tus_config_set_after_response(c, Some(after), d, Some(destroy))),
            Box::new(move |d| tus_config_set_should_retry(c, Some(retry), d, Some(destroy))),
            Box::new(move |d| tus_config_set_on_upload_url_available(c, Some(on_url), d, Some(destroy))),
            Box::new(move |d| tus_config_set_log(c, 1, Some(on_log), d, Some(destroy))),
            Box::new(|d| tus_config_set_log(config.pointer, 99, Some(on_log), d, Some(destroy))),
            Box::new(move |d| tus_upload_options_set_progress(o, Some(on_progress), d, Some(destroy))),
            Box::new(move |d| tus_upload_options_set_on_upload_url_available(o, Some(on_url), d, Some(destroy))),
            Box::new(move |d| tus_config_set_credentials(c, Some(renew), d, Some(destroy))),
            Box::new(move |d| tus_config_set_on_expiring(c, Some(on_expiring), d, Some(destroy))),
            Box::new(move |d| tus_config_set_fingerprint_callback(c, Some(fingerprint), d, Some(destroy))),
            Box::new(move |d| tus_upload_options_set_on_resume_token(o, Some(on_url), d, Some(destroy))),
            Box::new(move |d| tus_source_memory(null(), 9, Some(destroy), d, none, none.cast())),
        ]
    };
    for (number, attempt) in tries.iter().enumerate() {
        let destroyed = Destroyed::default();
        assert_eq!(attempt(destroyed.data()), INVALID, "{number}");
        assert_eq!(destroyed.times(), 1, "{number}");
    }
    drop(tries);
    // No function: the data is released at once, and the old one goes too.
    let (old, new) = (Destroyed::default(), Destroyed::default());
    // SAFETY: living objects.
    unsafe {
        tus_upload_options_set_progress(options.pointer, Some(on_progress), old.data(), Some(destroy));
        assert_eq!(tus_upload_options_set_progress(options.pointer, None, new.data(), Some(destroy)), OK);
    }
    assert_eq!((old.times(), new.times()), (1, 1));
}

/// The configuration that [`reenter`] uses, and what it got.
struct Reentry {
    config: *mut tus_config,
    status: RefCell<Vec<tus_status>>,
}

unsafe extern "C-unwind" fn reenter(user_data: *mut c_void) {
    // SAFETY: registered with a `Reentry` that outlives the registration; its configuration is alive.
    unsafe {
        let reentry = &*user_data.cast::<Reentry>();
        reentry.status.borrow_mut().push(tus_config_set_tls_verify(reentry.config, 1));
    }
}

#[test]
fn destroy_may_use_the_same_configuration() {
    let config = config();
    let reentry = Reentry { config: config.pointer, status: RefCell::default() };
    let data = (&raw const reentry).cast_mut().cast();
    // SAFETY: living objects.
    unsafe {
        SET(config.pointer, Some(on_url), data, Some(reenter));
        SET(config.pointer, None, null_mut(), None);
        assert_eq!(*reentry.status.borrow(), [OK]);
        // Refused: released before the settings are locked.
        assert_eq!(tus_config_set_log(config.pointer, 0, Some(on_log), data, Some(reenter)), INVALID);
    }
    assert_eq!(*reentry.status.borrow(), [OK, OK]);
}
