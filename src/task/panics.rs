//! A panic in the caller's code must not end a thread that others count on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs foreign code; the text of a panic is the error.
pub(super) fn caught<R>(code: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        let text = text_of(&*payload).to_owned();
        // It may be of any type, and panic again when it is dropped.
        quietly(|| drop(payload));
        text
    })
}

/// Runs foreign code whose panic there is nobody to tell of but the process's panic hook.
pub(super) fn quietly(code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(code))
        && let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload)))
    {
        // A third time is not tried.
        std::mem::forget(again);
    }
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("a panic without a text", String::as_str),
    }
}
