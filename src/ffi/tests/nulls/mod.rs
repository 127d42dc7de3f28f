//! NULL for every pointer parameter of every function, one at a time.

mod operations;
mod results;
mod settings;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{c_char, c_void};
use std::ptr::null;

use super::super::*;
use super::fixture::*;
use super::header::pointer_parameters;

/// What a call with NULL did, beside the parameter's name.
struct Call {
    parameter: &'static str,
    as_told: bool,
}

/// NULL is an invalid argument.
fn refused(parameter: &'static str, status: tus_status) -> Call {
    Call { parameter, as_told: status == INVALID }
}

/// NULL is allowed; what else happens is up to the call.
fn taken_as_none(parameter: &'static str, status: tus_status) -> Call {
    Call { parameter, as_told: status != INVALID }
}

/// NULL gives the value that the function's comment names.
fn gives<T: PartialEq>(parameter: &'static str, value: T, told: T) -> Call {
    Call { parameter, as_told: value == told }
}

/// NULL does nothing.
fn nothing(parameter: &'static str, call: impl FnOnce()) -> Vec<Call> {
    call();
    vec![Call { parameter, as_told: true }]
}

const TEXT: *const c_char = c"x".as_ptr();
const URL: *const c_char = c"http://127.0.0.1:1/files/1".as_ptr();
const NO_TEXT: *const c_char = null();
const NO_BYTES: *const c_void = null();

#[test]
// Tries to connect.
#[cfg_attr(miri, ignore)]
fn every_function_survives_null() {
    let mut done: BTreeMap<&str, Vec<Call>> = BTreeMap::new();
    done.extend(results::library_and_errors());
    done.extend(results::exchange());
    done.extend(results::results());
    done.extend(settings::configuration());
    done.extend(settings::sources());
    done.extend(settings::writers());
    done.extend(settings::upload_options());
    done.extend(operations::clients());
    done.extend(operations::operations());
    done.extend(operations::creations());
    done.extend(operations::uploaders());
    done.extend(tasks::beginnings());
    done.extend(tasks::tasks());
    let wanted = pointer_parameters();
    for (function, parameters) in &wanted {
        let calls = done.get(function.as_str()).map(Vec::as_slice).unwrap_or_default();
        let tried: BTreeSet<&str> = calls.iter().map(|call| call.parameter).collect();
        assert_eq!(tried, parameters.iter().map(String::as_str).collect(), "{function}");
        for call in calls {
            assert!(call.as_told, "{function} with NULL for {} did what it does not say", call.parameter);
        }
    }
    assert!(done.keys().all(|function| wanted.contains_key(*function)));
}

type Calls = Vec<(&'static str, Vec<Call>)>;
