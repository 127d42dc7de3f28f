//! Uploads and resumes by a `tus_uploader`, a chunk with each call.

use std::ffi::CStr;
use std::ptr;

use tus::ffi::{self, tus_client, tus_source, tus_upload_options, tus_uploader};

use super::client::info;
use super::failure::checked;
use crate::support::failure::Failure;
use crate::support::result::Done;

/// An uploader, freed when dropped.
struct Own(*mut tus_uploader);

impl Drop for Own {
    fn drop(&mut self) {
        // SAFETY: ours, freed once.
        unsafe { ffi::tus_uploader_free(self.0) };
    }
}

/// # Safety
///
/// - All three are alive; `options` may be changed by nobody else meanwhile.
pub(super) unsafe fn upload(
    client: *mut tus_client,
    source: *mut tus_source,
    options: *mut tus_upload_options,
) -> Result<Done, Failure> {
    let mut uploader = ptr::null_mut();
    // SAFETY: the same conditions; `uploader` and `err` have room for a pointer.
    checked(|err| unsafe { ffi::tus_client_create_uploader(client, source, options, &raw mut uploader, err) })?;
    assert!(!uploader.is_null());
    let (uploader, mut more) = (Own(uploader), 1);
    while more != 0 {
        // SAFETY: the uploader is alive; `more` and `err` have room.
        checked(|err| unsafe { ffi::tus_uploader_upload_chunk(uploader.0, &raw mut more, err) })?;
    }
    // SAFETY: the uploader is alive; `out` and `err` have room for a pointer.
    info(|out, err| unsafe { ffi::tus_uploader_upload(uploader.0, out, err) })
}

/// The same for an upload that is named by its URL.
///
/// # Safety
///
/// - As for [`upload`].
pub(super) unsafe fn resume(
    client: *mut tus_client,
    source: *mut tus_source,
    url: &CStr,
    options: *mut tus_upload_options,
) -> Result<Done, Failure> {
    // SAFETY: the same conditions; the URL is copied.
    unsafe {
        checked(|_| ffi::tus_upload_options_set_upload_url(options, url.as_ptr()))?;
        upload(client, source, options)
    }
}
