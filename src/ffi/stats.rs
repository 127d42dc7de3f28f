//! `tus_stats`: what an operation took, as a record that the caller provides and the library fills.

use std::mem::size_of;
use std::ptr;

use super::convert::to_milliseconds;
use super::guard::guard_status;
use super::handle::state;
use super::info::tus_info;
use super::status::tus_status;
use crate::engine::info::Stats;
use crate::error::{Error, Result};

/// What an operation took. Set `struct_size` to sizeof(tus_stats) before it is filled.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct tus_stats {
    /// sizeof(tus_stats), as the program was compiled.
    pub struct_size: usize,
    /// Bytes that were on the server before this operation.
    pub bytes_resumed: u64,
    /// Bytes of the source handed to the network, repeated ones included.
    pub bytes_sent: u64,
    /// Requests on the wire.
    pub requests: u64,
    /// Tries that failed and were repeated.
    pub retries: u64,
    /// Requests with bytes of the source that were acknowledged.
    pub chunks_completed: u64,
    /// Requests with bytes of the source that failed.
    pub chunks_failed: u64,
    /// From the start of the operation to its end, in milliseconds.
    pub elapsed_ms: u64,
}

/// Structures larger than this are not newer ones but uninitialised ones.
const ABSURD_STRUCT: usize = 4096;

/// Tells what the operation took that had this result.
///
/// - `i`: the result.
/// - `stats`: the record to fill; set its `struct_size` first. Members that this version of the library does not know are
///   set to 0.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or `struct_size` is smaller than the record
/// of version 0.1 or absurdly large.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_info_get_stats(i: *const tus_info, stats: *mut tus_stats) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header asks for.
        unsafe { fill(stats, &state(i, "i")?.stats) }?;
        Ok(())
    })
}

/// Fills the caller's record as far as both sides know it.
///
/// # Safety
///
/// - `record` is NULL or points to a record that is as large as its first member says.
unsafe fn fill(record: *mut tus_stats, stats: &Stats) -> Result<()> {
    if record.is_null() {
        return Err(Error::invalid("stats is NULL"));
    }
    // SAFETY: not NULL, and it has at least its first member.
    let struct_size = unsafe { ptr::read_unaligned(record.cast::<usize>()) };
    if !(size_of::<tus_stats>()..=ABSURD_STRUCT).contains(&struct_size) {
        return Err(Error::invalid(format!("stats->struct_size is {struct_size}; it must be sizeof(tus_stats)")));
    }
    let known = tus_stats {
        struct_size,
        bytes_resumed: stats.bytes_resumed,
        bytes_sent: stats.bytes_sent,
        requests: stats.requests,
        retries: stats.retries,
        chunks_completed: stats.chunks_completed,
        chunks_failed: stats.chunks_failed,
        elapsed_ms: to_milliseconds(stats.elapsed),
    };
    // SAFETY: as large as the record of this version, or larger by the rest that is cleared.
    unsafe {
        ptr::write_unaligned(record, known);
        ptr::write_bytes(record.add(1).cast::<u8>(), 0, struct_size - size_of::<tus_stats>());
    }
    Ok(())
}
