//! OPTIONS: what this server can do.
//!
//! Says the same for every target; asks for no `Tus-Resumable`.

use super::Context;
use crate::response::Response;

pub(super) fn handle(cx: &Context<'_>) -> Response {
    let options = cx.options();
    let mut names = options.extensions.names();
    if options.expires_after.is_some() {
        names.push("expiration");
    }
    let mut response = Response::new(204).with("Tus-Version", "1.0.0");
    if !names.is_empty() {
        response = response.with("Tus-Extension", names.join(","));
    }
    if let Some(max) = options.max_size {
        response = response.with("Tus-Max-Size", max);
    }
    if options.extensions.checksum {
        let names: Vec<_> = options.algorithms.iter().map(|a| a.name()).collect();
        response = response.with("Tus-Checksum-Algorithm", names.join(","));
    }
    response
}
