//! `@uploadx/core` with its disk storage, from the npm registry at the version and hashes of `uploadx/package-lock.json`,
//! started by the few lines of `uploadx/server.mjs`.

use crate::recipe::Recipe;
use crate::{Peer, node};

static UPLOADX: Recipe = Recipe {
    name: "uploadx",
    version: "7.0.3",
    files: &[
        ("package.json", include_str!("../uploadx/package.json")),
        ("package-lock.json", include_str!("../uploadx/package-lock.json")),
        ("server.mjs", include_str!("../uploadx/server.mjs")),
    ],
    install: node::npm_ci,
    command: node::command,
    path: "/files",
};

/// A fresh `@uploadx/core`, or `None` where it cannot be had.
#[must_use]
pub fn uploadx() -> Option<Peer> {
    uploadx_with(&[])
}

/// A fresh `@uploadx/core` with more arguments: `--max-size BYTES`.
#[must_use]
pub fn uploadx_with(extra: &[&str]) -> Option<Peer> {
    Peer::start_or_leave_out(&UPLOADX, extra)
}

pub(crate) fn recipe() -> &'static Recipe {
    &UPLOADX
}
