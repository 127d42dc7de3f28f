//! Records that the caller provides and the library fills: each side may be newer than the other.

use std::mem::size_of;
use std::ptr;

use crate::error::{Error, Result};

/// Structures larger than this are not newer ones but uninitialised ones.
const ABSURD_STRUCT: usize = 4096;

/// A record whose first member is its size, `struct_size`.
///
/// # Safety
///
/// - The type is `repr(C)` and begins with a `usize`.
pub(super) unsafe trait Record: Copy {
    /// Its name, and that of the parameter that is one.
    const NAMES: (&'static str, &'static str);
    /// The size of the smallest there is: that with which the API began.
    const FIRST_SIZE: usize;
}

/// Fills the caller's record as far as both sides know it; `known` makes ours for a given size.
///
/// # Safety
///
/// - `record` is NULL or points to a record that is as large as its first member says.
pub(super) unsafe fn fill<R: Record>(record: *mut R, known: impl FnOnce(usize) -> R) -> Result<()> {
    let (name, parameter) = R::NAMES;
    if record.is_null() {
        return Err(Error::invalid(format!("{parameter} is NULL")));
    }
    // SAFETY: not NULL, and it has at least its first member.
    let struct_size = unsafe { ptr::read_unaligned(record.cast::<usize>()) };
    if !(R::FIRST_SIZE..=ABSURD_STRUCT).contains(&struct_size) {
        return Err(Error::invalid(format!("{parameter}->struct_size is {struct_size}; it must be sizeof({name})")));
    }
    let known = known(struct_size);
    let both = struct_size.min(size_of::<R>());
    let record = record.cast::<u8>();
    // SAFETY: the caller's record has `struct_size` bytes, of which both sides know the first ones; the rest is cleared.
    unsafe {
        ptr::copy_nonoverlapping((&raw const known).cast::<u8>(), record, both);
        ptr::write_bytes(record.add(both), 0, struct_size - both);
    }
    Ok(())
}
