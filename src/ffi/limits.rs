//! What all uploads of a client may use together: bandwidth and memory, set before and changed while they run.

use std::num::NonZeroU64;

use super::client::{Use, tus_client};
use super::config::{change, tus_config};
use super::guard::guard_status;
use super::status::tus_status;

/// Limits the bytes per second that all uploads of a client send together, blocking ones too. Only
/// the data of requests counts, not their heads and not what TLS adds. What the system's buffers
/// have taken before cannot be held back.
///
/// - `c`: the configuration.
/// - `bytes_per_second`: the limit; 0: none, which is the default.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_bandwidth_limit(c: *mut tus_config, bytes_per_second: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_bandwidth_limit(NonZeroU64::new(bytes_per_second));
            Ok(())
        })
    })
}

/// Limits the memory for data that all uploads of a client may need together, blocking ones too:
/// chunks with a checksum in their head, sources whose size is unknown, and 256 KiB for each
/// request. An upload reserves the most it may come to need and begins when there is so much; one
/// always runs. A paused task and a tus_uploader between two calls keep what they have read and
/// cannot read again: that counts too, but nobody waits for it; where it leaves too little, less is
/// read ahead, 64 KiB at least. Sources in memory and tus_writer buffers are the program's own and
/// do not count.
///
/// - `c`: the configuration.
/// - `bytes`: the limit; 0: none, which is the default.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
/// Threads: one at a time for each configuration.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_config_set_memory_limit(c: *mut tus_config, bytes: u64) -> tus_status {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_status(|| unsafe {
        change(c, |config| {
            config.set_memory_limit(NonZeroU64::new(bytes));
            Ok(())
        })
    })
}

/// Changes the limit of tus_config_set_bandwidth_limit, for uploads under way too: within a tenth of
/// a second.
///
/// - `c`: the client.
/// - `bytes_per_second`: the limit; 0: none.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid; TUS_E_FORKED.
/// Threads: any, also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_set_bandwidth_limit(c: *mut tus_client, bytes_per_second: u64) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { Use::begin(c) }?.client().set_bandwidth_limit(NonZeroU64::new(bytes_per_second));
        Ok(())
    })
}

/// Changes the limit of tus_config_set_memory_limit, for uploads that have not begun.
///
/// - `c`: the client.
/// - `bytes`: the limit; 0: none.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid; TUS_E_FORKED.
/// Threads: any, also from inside a callback of the same client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_client_set_memory_limit(c: *mut tus_client, bytes: u64) -> tus_status {
    guard_status(|| {
        // SAFETY: the caller's pointer, as the header asks for.
        unsafe { Use::begin(c) }?.client().set_memory_limit(NonZeroU64::new(bytes));
        Ok(())
    })
}
