//! `tus_source` of each kind.

use std::ffi::c_void;
use std::os::fd::AsRawFd as _;
use std::ptr;

use tus::ffi::{self, tus_reader_vtable, tus_source};

use super::failure::checked;
use super::text::c_path;
use crate::support::failure::Failure;
use crate::support::input::{CallerReader, Input};

/// A source, freed when dropped.
pub(crate) struct CSource(pub(super) *mut tus_source);

impl Drop for CSource {
    fn drop(&mut self) {
        // SAFETY: ours, freed once.
        unsafe { ffi::tus_source_free(self.0) };
    }
}

pub(in crate::support) fn open(input: Input) -> Result<CSource, Failure> {
    let mut source = ptr::null_mut();
    let out = &raw mut source;
    // SAFETY: `out` and `err` have room for a pointer; what is handed over with a release stays until that is called,
    // everything else until the call returns.
    checked(|err| unsafe {
        match input {
            Input::Memory(bytes) => {
                let kept = Box::new(bytes);
                let (start, length) = (kept.as_ptr(), kept.len());
                let kept = Box::into_raw(kept).cast();
                ffi::tus_source_memory(start.cast(), length, Some(release::<Vec<u8>>), kept, out, err)
            }
            Input::File(path) => match c_path(&path) {
                Ok(path) => ffi::tus_source_file(path.as_ptr(), out, err),
                Err(failure) => panic!("{failure:?}"),
            },
            // The descriptor is closed at once: the library must have its own.
            Input::Descriptor(file) => ffi::tus_source_fd(file.as_raw_fd(), out, err),
            Input::Reader(reader, size) => {
                let vtable = tus_reader_vtable {
                    struct_size: size_of::<tus_reader_vtable>(),
                    read: Some(read),
                    seek: if reader.can_seek() { Some(seek) } else { None },
                    destroy: Some(release::<Box<dyn CallerReader>>),
                };
                let kept = Box::into_raw(Box::new(reader)).cast();
                ffi::tus_source_reader(&raw const vtable, kept, size, out, err)
            }
        }
    })?;
    Ok(CSource(source))
}

/// # Safety
///
/// - `user_data` is a box of a `T`, given here once.
unsafe extern "C-unwind" fn release<T>(user_data: *mut c_void) {
    // SAFETY: the same condition.
    drop(unsafe { Box::from_raw(user_data.cast::<T>()) });
}

/// # Safety
///
/// As [`tus_reader_vtable`] says.
unsafe extern "C-unwind" fn read(user_data: *mut c_void, buf: *mut c_void, cap: usize, out_len: *mut usize) -> i32 {
    // SAFETY: registered with a reader; the library reads on one thread at a time, and lends the buffer.
    let (reader, buffer) = unsafe {
        let reader = &mut *user_data.cast::<Box<dyn CallerReader>>();
        (reader, std::slice::from_raw_parts_mut(buf.cast::<u8>(), cap))
    };
    match reader.read(buffer) {
        Ok(length) => {
            // SAFETY: the library lends the number.
            unsafe { *out_len = length };
            0
        }
        Err(code) => code,
    }
}

/// # Safety
///
/// As [`tus_reader_vtable`] says.
unsafe extern "C-unwind" fn seek(user_data: *mut c_void, offset: u64) -> i32 {
    // SAFETY: registered with a reader; the library uses it on one thread at a time.
    let reader = unsafe { &mut *user_data.cast::<Box<dyn CallerReader>>() };
    reader.seek(offset).err().unwrap_or(0)
}
