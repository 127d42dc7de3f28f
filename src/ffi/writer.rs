//! `tus_writer`: a source that the program writes, as it has the bytes.

use std::ffi::c_void;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use super::convert::{EventHandle, bytes, clear, put, wait_limit};
use super::error::{Failure, tus_error};
use super::guard::{guard_call, guard_value};
use super::handle::{CType, Kind, Owned, free, give, state};
use super::source::{give_source, known_size, tus_source};
use super::status::tus_status;
use crate::error::Error;
use crate::source::{Source, Writer};

/// The end for writing of a source whose bytes the program writes as it has them, while an operation
/// on another thread reads them. Between the two is a buffer: while it is full writing waits, while
/// it is empty the operation does, and a cancel ends that at once.
///
/// The data ends with tus_writer_finish and with nothing else, unless its size was told: then it
/// ends with the last byte. A writer that is freed before, as by a program that gives up, ends the
/// upload with TUS_E_CALLBACK instead, and what is on the server stays there unfinished.
///
/// Ownership: single owner. It keeps nothing of the source alive, and both may be freed in any
/// order.
/// Threads: tus_writer_write by one thread at a time, or pieces of two writes mix;
/// tus_writer_finish, tus_writer_abort and tus_writer_event_handle by any at any time. In a child
/// process after fork() it must not be used (TUS_E_FORKED).
pub struct tus_writer {
    _private: [u8; 0],
}

impl CType for tus_writer {
    /// Counted, so that a call that waits keeps it.
    type State = Arc<Writer>;
    type Class = Owned;
    const KIND: Kind = Kind::Writer;
}

/// Makes a writer, and the source that has what is written to it. The source goes forward only, with
/// its last MiB kept, as one of tus_source_reader without `seek`.
///
/// - `size`: how many bytes will be written; TUS_SIZE_UNKNOWN if that is only known at the end,
///   which costs what it does at tus_source_reader.
/// - `capacity`: how many bytes the buffer has room for. Memory is only taken as it is used.
/// - `out`: receives the writer; NULL on failure. May not be NULL.
/// - `out_source`: receives the source; NULL on failure. May not be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `out` or `out_source` is NULL, `size` is beyond 2^63-1
/// and not TUS_SIZE_UNKNOWN, or `capacity` is 0 or larger than any object in memory can be;
/// TUS_E_SOURCE if the process has no descriptor left.
/// Ownership: the caller frees the writer with tus_writer_free and the source with tus_source_free.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_writer_new(
    size: u64,
    capacity: usize,
    out: *mut *mut tus_writer,
    out_source: *mut *mut tus_source,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            clear(out_source);
            if out.is_null() {
                return Err(Error::invalid("out is NULL: there is no other way to get the writer").into());
            }
            if out_source.is_null() {
                return Err(Error::invalid("out_source is NULL: there is no other way to get the source").into());
            }
            let (writer, source) = Source::push(known_size(size)?, capacity)?;
            put(out_source, give_source(source));
            put(out, give(Arc::new(writer)));
            Ok(())
        })
    }
}

/// Writes bytes, and waits while the buffer is full. Before an operation with the source has begun,
/// what fits is taken and the rest waits for it.
///
/// - `w`: the writer.
/// - `data`: the bytes; may be NULL if `len` is 0.
/// - `len`: how many; may be more than the capacity.
/// - `timeout_ms`: how long to wait at most, in milliseconds; 0: takes what fits now;
///   TUS_WAIT_FOREVER, as any negative number, waits without end.
/// - `written`: receives how many bytes were taken: `len` after a success, perhaps fewer after a
///   failure. May be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// From inside a callback of the operation that reads, nobody empties the buffer meanwhile: a write
/// that does not fit waits until its time is over, or for ever.
///
/// Returns: TUS_OK, everything was taken; TUS_E_TIMEOUT if not all of it fitted in time: write the
/// rest, after the first `*written` bytes, again; TUS_E_INVALID_STATE after tus_writer_finish or
/// tus_writer_abort, or if nobody reads any more: the operation that read it is over, or the source
/// was freed (with another operation on the same source, writing goes on behind the bytes taken so
/// far); TUS_E_INVALID_ARGUMENT if `w` is NULL or invalid, `data` is NULL but `len` is not 0, `len`
/// is larger than any object in memory can be, or these are more bytes than the size that was told,
/// of which then none is taken; TUS_E_FORKED.
/// Ownership: the bytes are copied.
/// Threads: any, one at a time.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_writer_write(
    w: *mut tus_writer,
    data: *const c_void,
    len: usize,
    timeout_ms: i64,
    written: *mut usize,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            put(written, 0);
            let writer = hold_writer(w)?;
            let (taken, result) = writer.write(bytes(data, len, "data")?, wait_limit(timeout_ms));
            put(written, taken);
            Ok(result?)
        })
    }
}

/// Says that the data ends here. Does not wait: the operation's own result tells whether the upload
/// succeeds. Once more does nothing.
///
/// If fewer bytes were written than the size that was told, the upload fails with TUS_E_SOURCE.
///
/// - `w`: the writer.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_STATE after tus_writer_abort; TUS_E_INVALID_ARGUMENT if `w` is
/// NULL or invalid; TUS_E_FORKED.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_writer_finish(w: *mut tus_writer, err: *mut *mut tus_error) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            hold_writer(w)?.finish()?;
            Ok(())
        })
    }
}

/// Gives up: the operation that reads ends with TUS_E_CALLBACK and this code, as if a reader's
/// `read` had returned it, and so does every later one with this source. What is on the server stays
/// there. The buffer is emptied, and a write that waits ends with TUS_E_INVALID_STATE. After
/// tus_writer_finish it still counts as long as the operation reads; a second abort does nothing.
///
/// - `w`: the writer, or NULL, which does nothing.
/// - `code`: for tus_error_callback_code; 0 stands for 1, because there 0 is no failure.
///
/// Threads: any, also from inside a callback of the operation. In a child process after fork() it
/// does nothing.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_writer_abort(w: *mut tus_writer, code: i32) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        if let Ok(writer) = unsafe { hold_writer(w) } {
            writer.abort(code);
        }
    })
}

/// A descriptor to wait for with poll() and its like beside others of the program's: readable while
/// tus_writer_write would take at least one byte, or fail at once. It is not to be read, written or
/// closed.
///
/// - `w`: the writer.
///
/// Returns: the descriptor, always the same; -1 if `w` is NULL or invalid, the process has no
/// descriptor left, or this is a child process after fork().
/// Ownership: the writer's; not to be used after tus_writer_free.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_writer_event_handle(w: *mut tus_writer) -> EventHandle {
    guard_value(-1, || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(writer) = (unsafe { hold_writer(w) }) else { return -1 };
        writer.event_handle().map_or(-1, |descriptor| descriptor.as_raw_fd() as EventHandle)
    })
}

/// Frees a writer. Without a tus_writer_finish before, and unless all bytes of a size that was told
/// were written, this is tus_writer_abort with the code 1: an upload never ends where the program
/// happened to stop. In a child process after fork() it does nothing.
///
/// - `w`: the writer, or NULL, which does nothing.
///
/// Threads: any; a write that waits on another thread ends with TUS_E_INVALID_STATE, and none may be
/// about to begin.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_writer_free(w: *mut tus_writer) {
    guard_value((), || {
        // SAFETY: the caller's pointer, as the header asks for.
        let Ok(writer) = (unsafe { hold_writer(w) }) else { return };
        // Now, and not when a call that waits lets go of it.
        writer.abandon();
        // SAFETY: the same.
        unsafe { free(w) };
    })
}

/// The writer behind a pointer, kept alive by the call itself. Fails in any process but the one that
/// made it.
///
/// # Safety
///
/// - `w` is NULL or a writer of the caller's.
unsafe fn hold_writer(w: *mut tus_writer) -> Result<Arc<Writer>, Failure> {
    // SAFETY: the same condition; the reference is not kept.
    let writer = Arc::clone(unsafe { state(w.cast_const(), "w") }?);
    match writer.foreign() {
        Some(made_by) => Err(Failure::of_fork("writer", made_by)),
        None => Ok(writer),
    }
}
