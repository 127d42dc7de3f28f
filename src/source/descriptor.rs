//! What the caller has already opened.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;

use super::Bytes;
use super::file::{self, examine, source_error};
use super::stream::Stream;
use super::windowed::Windowed;
use crate::error::{Error, ErrorKind, Result};

/// Duplicates the handle, so that the caller may close its own at once.
pub(super) fn open(given: &File) -> Result<Box<dyn Bytes>> {
    let own = given.try_clone().map_err(|error| source_error("cannot duplicate the descriptor", error))?;
    let metadata = examine(&own, "the descriptor")?;
    let kind = metadata.file_type();
    if kind.is_file() {
        return file::take(own, metadata);
    }
    if kind.is_fifo() {
        // The end for writing never becomes readable: without this it would be waited for for ever. A FIFO answers a
        // read of nothing at once.
        (&own).read(&mut []).map_err(|error| source_error("cannot read the descriptor", error))?;
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() {
        return Ok(Box::new(Windowed::new(Stream::new(own), None)));
    }
    let what = match kind {
        _ if kind.is_dir() => "a directory",
        _ if kind.is_block_device() => "a block device",
        _ => "neither a file nor a stream",
    };
    Err(Error::new(ErrorKind::Source, format!("the descriptor is {what}")))
}

#[cfg(test)]
mod tests {
    use super::super::samples::all_of;
    use super::*;
    use std::os::fd::OwnedFd;

    #[test]
    fn what_gives_no_bytes_is_refused() {
        let directory = File::open("/").unwrap();
        let error = open(&directory).err().unwrap();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Source, "the descriptor is a directory"));
        let (_reader, writer) = std::io::pipe().unwrap();
        let error = open(&File::from(OwnedFd::from(writer))).err().unwrap();
        assert_eq!((error.kind(), error.os_code()), (ErrorKind::Source, Some(libc::EBADF)));
    }

    #[test]
    fn devices_of_characters_are_streams() {
        let mut source = open(&File::open("/dev/null").unwrap()).unwrap();
        assert_eq!((source.size(), source.replay_limit().is_some()), (None, true));
        source.prepare().unwrap();
        assert_eq!(all_of(source.as_mut()), b"");
        let mut source = open(&File::open("/dev/zero").unwrap()).unwrap();
        let ahead = source.look_ahead(0, 100_000).unwrap();
        assert_eq!((ahead.available, ahead.end), (100_000, false));
    }
}
