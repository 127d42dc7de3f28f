//! What the platform knows of a file beside its content: extended attributes, who may read it.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The kernel takes no more than this for a list of names, nor for a value.
const MOST: usize = 64 * 1024;

/// All that can be seen of them, in bytes that differ when one of them does; nothing where there are none, or the file
/// system does not tell.
pub(crate) fn attributes(file: &File) -> Vec<u8> {
    let mut all = list(file).unwrap_or_default();
    let names = all.clone();
    for name in names.split_inclusive(|byte| *byte == 0) {
        if let Ok(name) = CStr::from_bytes_with_nul(name)
            && let Ok(value) = value(file, name)
        {
            all.extend_from_slice(&value);
            all.push(0);
        }
    }
    all
}

fn list(file: &File) -> io::Result<Vec<u8>> {
    read(|buffer, size| {
        // SAFETY: `buffer` is NULL with a size of 0, or has `size` writable bytes; the descriptor is borrowed.
        unsafe { libc::flistxattr(file.as_raw_fd(), buffer.cast(), size) }
    })
}

fn value(file: &File, name: &CStr) -> io::Result<Vec<u8>> {
    read(|buffer, size| {
        // SAFETY: as in `list`, and `name` is a string of C.
        unsafe { libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), buffer.cast(), size) }
    })
}

/// Asks first how much there is: mostly nothing.
fn read(call: impl Fn(*mut u8, usize) -> libc::ssize_t) -> io::Result<Vec<u8>> {
    if super::counted(call(std::ptr::null_mut(), 0))? == 0 {
        return Ok(Vec::new());
    }
    let mut buffer = vec![0; MOST];
    let length = super::counted(call(buffer.as_mut_ptr(), buffer.len()))?;
    buffer.truncate(length);
    Ok(buffer)
}

/// Whether every user of the machine may read a file.
pub(crate) fn is_readable_by_all(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Sets one; whether the file system has any.
#[cfg(test)]
pub(crate) fn set_attribute(file: &File, value: u8) -> bool {
    let (name, value) = (c"user.tus.test", [value]);
    // SAFETY: a string of C and a value of one byte; the descriptor is borrowed.
    unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), 1, 0) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_show() {
        let path = std::env::temp_dir().join(format!("tus-attributes-{}", std::process::id()));
        std::fs::write(&path, "data").unwrap();
        let file = File::open(&path).unwrap();
        let none = attributes(&file);
        let able = set_attribute(&file, 1);
        let one = attributes(&file);
        set_attribute(&file, 2);
        let two = attributes(&file);
        std::fs::remove_file(&path).unwrap();
        assert!(if able { none != one && one != two } else { none == one && one == two });
        assert_eq!(attributes(&File::open("/dev/null").unwrap()), b"");
    }
}
