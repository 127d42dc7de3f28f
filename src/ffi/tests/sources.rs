//! `tus_source`: kinds, refusals, and that one operation at a time uses it.

use std::ffi::{CString, c_void};
use std::os::fd::AsRawFd as _;
use std::ptr::{null, null_mut};
use std::sync::Arc;

use super::super::source::{hold_source, occupy};
use super::super::*;
use super::fixture::*;
use crate::error::ErrorKind;
use crate::source::Source;

const BUSY: tus_status = -8;
const SOURCE: tus_status = -20;

/// Makes a source by an export.
fn make(
    call: impl FnOnce(*mut *mut tus_source, *mut *mut tus_error) -> tus_status,
) -> Result<Own<tus_source>, (tus_status, String)> {
    let (mut source, mut err) = (std::ptr::dangling_mut(), null_mut());
    let status = call(&raw mut source, &raw mut err);
    if status == OK {
        return Ok(Own::new(source, tus_source_free));
    }
    assert!(source.is_null());
    let (told, message) = taken(err);
    assert_eq!(told, status);
    Err((status, message))
}

/// Does something with the engine's source.
fn inside<T>(source: &Own<tus_source>, act: impl FnOnce(&mut Source) -> T) -> T {
    // SAFETY: a living source.
    let held = unsafe { hold_source(source.pointer) }.unwrap();
    act(&mut occupy(&held).unwrap())
}

fn content(source: &mut Source) -> Result<Vec<u8>, ErrorKind> {
    source.0.seek(0).map_err(|error| error.kind())?;
    let (mut all, mut buffer) = (Vec::new(), [0; 4]);
    loop {
        match source.0.read(&mut buffer) {
            Ok(0) => return Ok(all),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => return Err(error.kind()),
        }
    }
}

#[test]
fn memory_is_used_in_place_and_released_once() {
    let destroyed = Destroyed::default();
    let bytes = b"hello world".to_vec();
    // SAFETY: the bytes outlive the source.
    let source = make(|out, err| unsafe {
        tus_source_memory(bytes.as_ptr().cast(), bytes.len(), Some(destroy), destroyed.data(), out, err)
    });
    let source = source.map_err(|(_, message)| message).unwrap();
    assert_eq!(inside(&source, content).unwrap(), bytes);
    assert_eq!(inside(&source, |source| source.size()), Some(11));
    // SAFETY: a living source.
    let held = unsafe { hold_source(source.pointer) }.unwrap();
    drop(source);
    assert_eq!(destroyed.times(), 0, "an operation still uses it");
    drop(held);
    assert_eq!(destroyed.times(), 1);
}

#[test]
fn absurd_lengths_are_refused() {
    let destroyed = Destroyed::default();
    for length in [isize::MAX as usize + 1, usize::MAX] {
        // SAFETY: refused before a byte is looked at.
        let refused = make(|out, err| unsafe {
            tus_source_memory(c"x".as_ptr().cast(), length, Some(destroy), destroyed.data(), out, err)
        });
        assert_eq!(refused.err().unwrap().0, INVALID);
    }
    assert_eq!(destroyed.times(), 2);
}

#[test]
#[cfg_attr(miri, ignore)]
fn files_and_descriptors_open_or_say_why() {
    let path = std::env::temp_dir().join(format!("tus-ffi-source-{}", std::process::id()));
    std::fs::write(&path, "0123456789").unwrap();
    let name = CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: living strings.
    let open = |name: &std::ffi::CStr| make(|out, err| unsafe { tus_source_file(name.as_ptr(), out, err) });
    let from = open(&name).map_err(|(_, message)| message).unwrap();
    assert_eq!(inside(&from, content).unwrap(), b"0123456789");

    let stretch = |start, length| {
        // SAFETY: a living string.
        let made = make(|out, err| unsafe { tus_source_file_range(name.as_ptr(), start, length, out, err) });
        made.map(|source| inside(&source, content).unwrap()).map_err(|(status, _)| status)
    };
    assert_eq!(stretch(3, 4), Ok(b"3456".to_vec()));
    assert_eq!(stretch(8, TUS_SIZE_UNKNOWN), Ok(b"89".to_vec()));
    assert_eq!(stretch(10, 0), Ok(Vec::new()));
    for (start, length) in [(8, 3), (11, 0), (11, TUS_SIZE_UNKNOWN), (u64::MAX, 2), (2, u64::MAX - 1)] {
        assert_eq!(stretch(start, length), Err(INVALID), "{start} {length}");
    }

    let file = std::fs::File::open(&path).unwrap();
    // SAFETY: an open descriptor.
    let from = make(|out, err| unsafe { tus_source_fd(file.as_raw_fd(), out, err) });
    drop(file);
    assert_eq!(inside(&from.map_err(|(_, message)| message).unwrap(), content).unwrap(), b"0123456789");
    std::fs::remove_file(&path).unwrap();

    assert_eq!(open(&name).err().unwrap().0, SOURCE);
    assert_eq!(open(c"/").err().unwrap().0, SOURCE);
    assert_eq!(open(c"").err().unwrap().0, INVALID);
    for (fd, status) in [(-1, INVALID), (i32::MIN, INVALID), (i32::MAX, SOURCE)] {
        // SAFETY: whatever it is, it is only duplicated.
        let refused = make(|out, err| unsafe { tus_source_fd(fd, out, err) });
        assert_eq!(refused.err().unwrap().0, status, "{fd}");
    }
}

/// What the reader's functions work on.
struct Tape {
    position: u64,
    answer: i32,
    destroyed: Destroyed,
}

unsafe extern "C-unwind" fn read(user_data: *mut c_void, buf: *mut c_void, cap: usize, length: *mut usize) -> i32 {
    // SAFETY: a `Tape` that outlives the source, and the library's buffer and number.
    unsafe {
        let tape = &mut *user_data.cast::<Tape>();
        let n = cap.min(3).min(10 - tape.position as usize);
        for at in 0..n {
            buf.cast::<u8>().add(at).write(b'0' + tape.position as u8);
            tape.position += 1;
        }
        length.write(if tape.answer == -100 { cap + 1 } else { n });
        if tape.answer == -100 { 0 } else { tape.answer }
    }
}

unsafe extern "C-unwind" fn seek(user_data: *mut c_void, offset: u64) -> i32 {
    // SAFETY: a `Tape` that outlives the source.
    let tape = unsafe { &mut *user_data.cast::<Tape>() };
    tape.position = offset;
    tape.answer
}

unsafe extern "C-unwind" fn end(user_data: *mut c_void) {
    // SAFETY: a `Tape` that outlives the source.
    unsafe { destroy(std::ptr::from_ref(&(*user_data.cast::<Tape>()).destroyed).cast_mut().cast()) };
}

const VTABLE: tus_reader_vtable = tus_reader_vtable {
    struct_size: size_of::<tus_reader_vtable>(),
    read: Some(read),
    seek: Some(seek),
    destroy: Some(end),
};

fn tape(answer: i32) -> Box<Tape> {
    Box::new(Tape { position: 0, answer, destroyed: Destroyed::default() })
}

#[test]
fn a_reader_reads_seeks_and_ends() {
    let mut tape = tape(0);
    let data: *mut Tape = &raw mut *tape;
    let mut vtable = VTABLE;
    // SAFETY: the tape outlives the source.
    let source = make(|out, err| unsafe { tus_source_reader(&raw const vtable, data.cast(), 10, out, err) });
    // Copied: what happens to the caller's structure no longer matters.
    vtable.read = None;
    let _ = vtable;
    let source = source.map_err(|(_, message)| message).unwrap();
    for _ in 0..2 {
        assert_eq!(inside(&source, content).unwrap(), b"0123456789");
        assert!(inside(&source, |source| source.0.seek(4)).is_ok());
    }
    assert_eq!(inside(&source, |source| source.size()), Some(10));
    drop(source);
    assert_eq!(tape.destroyed.times(), 1);
}

#[test]
fn a_readers_code_is_kept_and_its_lies_are_seen_through() {
    for (answer, kind) in [(-7, ErrorKind::Callback(-7)), (-100, ErrorKind::Source)] {
        let mut tape = tape(answer);
        let data: *mut Tape = &raw mut *tape;
        let vtable = tus_reader_vtable { seek: None, ..VTABLE };
        // SAFETY: the tape outlives the source.
        let source = make(|out, err| unsafe { tus_source_reader(&raw const vtable, data.cast(), u64::MAX, out, err) });
        let source = source.map_err(|(_, message)| message).unwrap();
        assert_eq!(inside(&source, |source| source.size()), None);
        assert_eq!(inside(&source, content).unwrap_err(), kind);
    }
}

#[test]
fn bad_vtables_are_refused() {
    let full = size_of::<tus_reader_vtable>();
    for (what, vtable, size, destroyed) in [
        ("size 0", tus_reader_vtable { struct_size: 0, ..VTABLE }, 1, 0),
        ("too small", tus_reader_vtable { struct_size: full - 1, ..VTABLE }, 1, 0),
        ("absurd", tus_reader_vtable { struct_size: usize::MAX, ..VTABLE }, 1, 0),
        ("no read", tus_reader_vtable { read: None, ..VTABLE }, 1, 1),
        ("2^63 bytes", VTABLE, 1 << 63, 1),
        ("almost unknown", VTABLE, u64::MAX - 1, 1),
    ] {
        let mut tape = tape(0);
        let data: *mut Tape = &raw mut *tape;
        // SAFETY: the tape outlives the call.
        let refused = make(|out, err| unsafe { tus_source_reader(&raw const vtable, data.cast(), size, out, err) });
        assert_eq!(refused.err().unwrap().0, INVALID, "{what}");
        assert_eq!(tape.destroyed.times(), destroyed, "{what}");
    }
    // A newer program's structure, with a member we do not know, is fine.
    #[repr(C)]
    struct Newer(tus_reader_vtable, usize);
    let newer = Newer(tus_reader_vtable { struct_size: size_of::<Newer>(), destroy: None, ..VTABLE }, 1);
    // SAFETY: as large as it says; nothing reads.
    let made = make(|out, err| unsafe { tus_source_reader((&raw const newer).cast(), null_mut(), 1, out, err) });
    assert!(made.is_ok());
}

#[test]
fn a_second_use_at_once_is_busy() {
    let (client, source) = (client(), source());
    // SAFETY: a living source.
    let held = unsafe { hold_source(source.pointer) }.unwrap();
    let used = occupy(&held).unwrap();
    let mut err = null_mut();
    // SAFETY: living objects.
    unsafe {
        let status = tus_client_upload(client.pointer, source.pointer, null(), null_mut(), &raw mut err);
        assert_eq!(status, BUSY);
        assert!(taken(err).1.contains("in use by another operation"));
        let url = c"http://127.0.0.1:1/1".as_ptr();
        let status = tus_client_resume_upload(client.pointer, source.pointer, url, null(), null_mut(), null_mut());
        assert_eq!(status, BUSY);
    }
    drop(used);
    assert!(occupy(&held).is_ok());
    assert_eq!(Arc::strong_count(&held), 2);
}
