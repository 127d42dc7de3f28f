//! `tus_sink`: where the caller's functions put bytes that the library is to keep.

use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use super::convert::bytes;
use super::guard::guard_status;
use super::handle::{Borrowed, CType, Kind, Object, lend, state};
use super::status::tus_status;

/// Takes bytes from a function of the program's, which so hands back any number of them without
/// anybody having to free anything.
///
/// Ownership: borrowed; valid until the function that got it returns.
/// Threads: the one the function runs on.
pub struct tus_sink {
    _private: [u8; 0],
}

impl CType for tus_sink {
    type State = Pieces;
    type Class = Borrowed;
    const KIND: Kind = Kind::Sink;
}

/// What was written, each call by itself.
#[derive(Default)]
pub(super) struct Pieces(Mutex<Vec<Vec<u8>>>);

impl Pieces {
    /// Takes everything out.
    pub(super) fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An empty sink, on loan.
pub(super) fn lend_sink() -> Object<tus_sink> {
    lend(Pieces::default())
}

/// Writes bytes to a sink. Whether the calls make up one text (tus_fingerprint_fn) or each is a
/// record of its own (tus_store_vtable) is said where the sink comes from.
///
/// - `s`: the sink.
/// - `data`: the bytes; may be NULL if `len` is 0.
/// - `len`: how many.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `s` is NULL or invalid, `data` is NULL but `len` is
/// not 0, or `len` is larger than any object in memory can be.
/// Ownership: the bytes are copied.
/// Threads: the function's that got the sink.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_sink_write(s: *mut tus_sink, data: *const c_void, len: usize) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        let (sink, piece) = unsafe { (state(s.cast_const(), "s")?, bytes(data, len, "data")?) };
        sink.0.lock().unwrap_or_else(PoisonError::into_inner).push(piece.to_vec());
        Ok(())
    })
}
