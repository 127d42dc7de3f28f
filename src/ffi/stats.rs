//! `tus_stats`: what an operation took, as a record that the caller provides and the library fills.

use std::mem::offset_of;

use super::convert::to_milliseconds;
use super::guard::guard_status;
use super::handle::state;
use super::info::tus_info;
use super::record::{self, Record};
use super::status::tus_status;
use super::version::TUS_SIZE_UNKNOWN;
use crate::engine::info::Stats;
use crate::error::Result;

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
    /// Chunks (requests with bytes of the source) that were acknowledged.
    pub chunks_completed: u64,
    /// Chunks that were given up for good: 1 once the operation has ended because of one, else 0,
    /// but for parts and for an uploader that went on.
    pub chunks_failed: u64,
    /// From the start of the operation to its end, in milliseconds.
    pub elapsed_ms: u64,
    /// The size of the upload in bytes; TUS_SIZE_UNKNOWN while it is unknown.
    pub bytes_total: u64,
    /// Bytes the server has acknowledged, those of earlier runs included.
    pub bytes_confirmed: u64,
    /// Chunks that were sent more than once, however often.
    pub chunks_retried: u64,
    /// Requests with bytes of the source that there are in all: those completed, and the rest at the
    /// present chunk size.
    pub chunks_total: u64,
    /// When the operation began, in milliseconds since 1970-01-01 00:00 UTC.
    pub started_ms: u64,
    /// Bytes sent per second, over the last seconds.
    pub speed: f64,
    /// How long the rest will take at this speed, in milliseconds; UINT64_MAX while nothing moves or
    /// the total is unknown.
    pub eta_ms: u64,
    /// How much of the total is acknowledged, from 0 to 100; 0 while the total is unknown.
    pub progress_percent: f64,
}

// SAFETY: `repr(C)`, and `struct_size` comes first.
unsafe impl Record for tus_stats {
    const NAMES: (&'static str, &'static str) = ("tus_stats", "stats");
    const FIRST_SIZE: usize = offset_of!(tus_stats, bytes_total);
}

/// Tells what the operation took that had this result.
///
/// - `i`: the result.
/// - `stats`: the record to fill; set its `struct_size` first. Members that this version of the
///   library does not know are set to 0.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or `struct_size` is
/// smaller than the first record of this name was (its members up to `elapsed_ms`) or absurdly
/// large.
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
pub(super) unsafe fn fill(record: *mut tus_stats, stats: &Stats) -> Result<()> {
    let known = |struct_size| tus_stats {
        struct_size,
        bytes_resumed: stats.bytes_resumed,
        bytes_sent: stats.bytes_sent,
        requests: stats.requests,
        retries: stats.retries,
        chunks_completed: stats.chunks_completed,
        chunks_failed: stats.chunks_failed,
        elapsed_ms: to_milliseconds(stats.elapsed),
        bytes_total: stats.bytes_total.unwrap_or(TUS_SIZE_UNKNOWN),
        bytes_confirmed: stats.bytes_confirmed,
        chunks_retried: stats.chunks_retried,
        chunks_total: stats.chunks_total,
        started_ms: stats.started_ms,
        speed: stats.speed,
        eta_ms: stats.eta.map_or(u64::MAX, to_milliseconds),
        progress_percent: percent(stats),
    };
    // SAFETY: the same condition.
    unsafe { record::fill(record, known) }
}

fn percent(stats: &Stats) -> f64 {
    match stats.bytes_total {
        None => 0.0,
        Some(0) => 100.0,
        Some(total) => 100.0 * stats.bytes_confirmed as f64 / total as f64,
    }
}
