//! A file the caller has already opened.

use std::fs::File;

use super::file::{FileSource, source_error};
use crate::error::Result;

/// Duplicates the handle, so that the caller may close its own at once.
pub(super) fn open(file: &File) -> Result<FileSource> {
    let own = file.try_clone().map_err(|error| source_error("cannot duplicate the descriptor", error))?;
    FileSource::from_open(own, "the descriptor")
}
