//! The final upload of a concatenation.
//!
//! Joins parts in the order given; never touches the parts themselves.

use std::io;
use std::sync::Arc;

use super::Context;
use crate::log::Level;
use crate::response::Response;
use crate::shared::Shared;
use crate::store::{Concat, Entry, Info};

/// Makes the final upload for `final;url url…`, or says why not.
pub(super) fn create(cx: &Context<'_>, sent: &str, mut info: Info) -> io::Result<Result<Arc<Entry>, Response>> {
    let mut parts = Vec::new();
    for url in sent.trim_start_matches("final;").split(' ') {
        match part(cx, url) {
            Ok(entry) => parts.push(entry),
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    let finished = parts.iter().all(|part| part.is_finished());
    if !finished && !cx.options().extensions.concatenation_unfinished {
        let text = "a part is not finished".to_owned();
        cx.violate("T-123", Level::Should, text.clone());
        return Ok(Err(Response::refusal(400, &text)));
    }
    let total: u64 = parts.iter().filter_map(|part| part.length()).sum();
    if cx.options().max_size.is_some_and(|max| total > max) {
        return Ok(Err(Response::refusal(413, "the parts are too big together")));
    }
    let ids = parts.iter().map(|part| part.id().to_owned());
    info.concat = Concat::Final(ids.collect());
    info.concat_sent = Some(sent.to_owned());
    let shared: &Shared = cx.shared;
    let entry = shared.store.create(info)?;
    shared.store.settle(&entry)?;
    Ok(Ok(entry))
}

/// The part a URL names.
fn part(cx: &Context<'_>, url: &str) -> Result<Arc<Entry>, Response> {
    let Some(id) = cx.shared.urls.part(url) else {
        let text = format!("{url:?} names no upload of this server");
        cx.violate("T-122", Level::Must, text.clone());
        return Err(Response::refusal(400, &text));
    };
    let Some(entry) = cx.shared.find(&id) else {
        let text = format!("there is no part {url:?}");
        return Err(Response::refusal(404, &text));
    };
    if entry.info().concat != Concat::Partial {
        let text = format!("{url:?} is not a partial upload");
        cx.violate("T-120", Level::Must, text.clone());
        return Err(Response::refusal(400, &text));
    }
    Ok(entry)
}
