//! `curl_loop.c` inside this program, with the libcurl that is built with it.

use std::ffi::{CString, c_char, c_int};
use std::process::ExitCode;

// Brings the libcurl in that the C file needs.
use curl_sys as _;

unsafe extern "C" {
    /// The `main` of `curl_loop.c`.
    fn curl_loop(argc: c_int, argv: *mut *mut c_char) -> c_int;
}

/// Runs it with these arguments.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let words = std::iter::once("curl-loop").chain(arguments.iter().map(String::as_str));
    let Ok(words) = words.map(CString::new).collect::<Result<Vec<_>, _>>() else { return ExitCode::FAILURE };
    let Ok(count) = c_int::try_from(words.len()) else { return ExitCode::FAILURE };
    let mut pointers: Vec<*mut c_char> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    pointers.push(std::ptr::null_mut());
    // SAFETY: `pointers` has `count` C strings, which outlive the call and are not written to, and ends with NULL.
    let status = unsafe { curl_loop(count, pointers.as_mut_ptr()) };
    if status == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
