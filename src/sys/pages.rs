//! Page-aligned memory whose pages exist only once they are touched.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// A buffer straight from `mmap`.
///
/// Not a `Vec`: allocators return large blocks 16 bytes behind a page boundary, and copying to that offset is two to
/// four times slower on some processors (measured on AMD Zen 3). And a buffer that is only ever lent to a request
/// whose body the kernel sends by itself then costs no memory at all.
pub(crate) struct Pages {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is private to this value, which owns it alone: `&mut` is exclusive and `&` only reads.
unsafe impl Send for Pages {}
// SAFETY: as above; nothing is written through a shared reference.
unsafe impl Sync for Pages {}

impl Pages {
    /// `length` zero bytes.
    pub(crate) fn new(length: usize) -> io::Result<Pages> {
        assert!(length > 0, "an empty mapping is refused by the kernel");
        // SAFETY: a fresh anonymous private mapping at an address of the kernel's choice touches nothing of ours.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(start.cast()).map(|start| Pages { start, length }).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the mapping is `length` readable, initialised (zero) bytes and lives until `self` is dropped.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, writable too, and `&mut self` makes this the only access.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping made in `new`; no slice of it can outlive `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_aligned_zero_and_writable() {
        let mut pages = Pages::new(1 << 20).unwrap();
        assert_eq!(pages.as_ptr() as usize % 4096, 0);
        assert!(pages.iter().all(|byte| *byte == 0));
        pages[(1 << 20) - 1] = 7;
        assert_eq!(pages.last(), Some(&7));
    }
}
