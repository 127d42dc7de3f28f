//! Panics: none leaves an export, and none is written to the host's stderr.

use std::ffi::{c_char, c_void};
use std::panic;
use std::process::Command;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::guard::{PANIC_NEXT, guard_call, guard_status, guard_value};
use super::super::handle::state;
use super::super::*;
use super::fixture::*;

const PANIC: tus_status = -99;

/// Makes the next export panic.
fn forced<T>(call: impl FnOnce() -> T) -> T {
    PANIC_NEXT.set(true);
    let value = call();
    assert!(!PANIC_NEXT.get(), "it did not go through the door");
    value
}

#[test]
fn each_shape_of_export_survives_a_panic() {
    let (config, client, error, info) = (config(), client(), error(), info());
    let mut err = null_mut();
    // SAFETY: living objects and strings.
    unsafe {
        assert_eq!(forced(|| tus_config_set_tls_verify(config.pointer, 1)), PANIC);
        assert_eq!(forced(|| tus_info_get_stats(info.pointer, null_mut())), PANIC);
        assert_eq!(forced(|| tus_error_status(error.pointer)), PANIC);
        assert_eq!(forced(|| tus_info_size(info.pointer)), u64::MAX);
        assert!(forced(|| tus_info_url(info.pointer)).is_null());
        assert!(forced(|| tus_client_ref(client.pointer)).is_null());
        assert!(forced(|| tus_config_new()).is_null());
        assert!(!forced(|| tus_error_message(error.pointer)).is_null());
        assert!(!forced(|| tus_status_name(0)).is_null());
        forced(|| tus_client_unref(client.pointer));
        let status = forced(|| tus_client_get_server_info(client.pointer, null_mut(), &raw mut err));
        assert_eq!(status, PANIC);
    }
    let (status, message) = taken(err);
    assert_eq!(status, PANIC);
    assert!(message.starts_with("libtus has a bug, please report it: panicked at src/ffi/guard.rs:"), "{message}");
    assert!(message.ends_with(": forced by a test"), "{message}");
}

#[test]
#[cfg_attr(miri, ignore)]
fn nothing_is_written_to_stderr() {
    let test = "ffi::tests::panics::each_shape_of_export_survives_a_panic";
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--exact", test, "--nocapture"]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn the_hook_of_the_host_hears_only_its_own_panics() {
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    const MARK: &str = "a panic of the host's";
    // Ours is in place from the first export on; this is one that a host sets later, and ours is put before it by
    // asking the one below first.
    tus_version_number();
    let below = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() == Some(&MARK) {
            HEARD.fetch_add(1, Ordering::SeqCst);
        } else {
            below(info);
        }
    }));
    assert_eq!(forced(|| guard_value(1, || 2)), 1);
    assert!(panic::catch_unwind(|| panic!("{}", MARK)).is_err());
    assert_eq!(HEARD.load(Ordering::SeqCst), 0, "formatted payloads are strings");
    assert!(panic::catch_unwind(|| panic::panic_any(MARK)).is_err());
    assert_eq!(HEARD.load(Ordering::SeqCst), 1);
}

#[test]
fn payloads_that_are_no_text_are_survived() {
    struct Nasty;
    impl Drop for Nasty {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    // What is left of the second panic is not freed, which Miri would report.
    if cfg!(not(miri)) {
        assert_eq!(guard_value(1, || panic::panic_any(Nasty)), 1);
    }
    assert_eq!(guard_status(|| panic::panic_any(7)), PANIC);
    let mut err = null_mut();
    // SAFETY: memory for a pointer.
    assert_eq!(unsafe { guard_call(&raw mut err, || panic::panic_any(7)) }, PANIC);
    assert!(taken(err).1.ends_with("for a reason that is not text"));
}

#[test]
fn doors_within_doors_are_told_apart() {
    let mut err = null_mut();
    // SAFETY: memory for a pointer.
    let status = unsafe {
        guard_call(&raw mut err, || {
            assert_eq!(guard_status(|| panic!("inner")), PANIC);
            panic!("outer")
        })
    };
    assert_eq!(status, PANIC);
    assert!(taken(err).1.ends_with("outer"));
}

unsafe extern "C-unwind" fn panics(_: *mut c_void, _: i32, _: *const c_char) {
    panic!("in a callback");
}

#[test]
fn a_panic_in_a_callback_is_caught() {
    let (config, destroyed) = (config(), Destroyed::default());
    // SAFETY: living objects.
    unsafe { tus_config_set_log(config.pointer, 4, Some(panics), destroyed.data(), Some(destroy)) };
    // SAFETY: a living configuration.
    let log = unsafe { state(config.pointer.cast_const(), "c") }.unwrap().copy().unwrap().log;
    let status = guard_status(|| {
        log.write(crate::engine::log::Level::Info, || "line".to_owned());
        Ok(())
    });
    assert_eq!(status, PANIC);
    drop((log, config));
    assert_eq!(destroyed.times(), 1);
}

#[test]
fn objects_of_a_call_that_panicked_are_marked() {
    let (config, source) = (config(), source());
    // SAFETY: a living configuration.
    let settings = unsafe { state(config.pointer.cast_const(), "c") }.unwrap();
    assert_eq!(guard_status(|| settings.change::<(), _>(|_| panic!("here"))), PANIC);
    let mut client = null_mut();
    // SAFETY: living objects.
    unsafe {
        assert_eq!(tus_config_set_tls_verify(config.pointer, 1), -2);
        assert_eq!(tus_client_new(config.pointer, &raw mut client, null_mut()), -2);
    }
    // SAFETY: a living source.
    let held = unsafe { super::super::source::hold_source(source.pointer) }.unwrap();
    let status = guard_status(|| {
        let _used = super::super::source::occupy(&held)?;
        panic!("here")
    });
    assert_eq!(status, PANIC);
    let client = super::fixture::client();
    // SAFETY: living objects.
    let status = unsafe { tus_client_upload(client.pointer, source.pointer, null(), null_mut(), null_mut()) };
    assert_eq!(status, -2);
}
