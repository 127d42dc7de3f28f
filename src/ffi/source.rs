//! `tus_source`: where the bytes of an upload come from, as the caller made it.

use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::mem::{replace, size_of};
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::panicking;

use super::callback::{UserData, tus_destroy_fn};
use super::convert::{bytes, clear, path, put};
use super::error::{Failure, tus_error};
use super::guard::{guard_call, guard_value, outside};
use super::handle::{CType, Kind, Owned, free, give, state};
use super::status::tus_status;
use super::version::TUS_SIZE_UNKNOWN;
use crate::error::{Error, ErrorKind};
use crate::source::{Ahead, Bytes, Patience, ReadError, Reader, Source};
use crate::store::FileIdentity;

/// Where the bytes of an upload come from: a file, a descriptor, memory, a reader of the caller's,
/// or what the program writes (tus_writer).
///
/// A source is used by one operation, or one tus_uploader, at a time; a second one at the same time
/// fails with TUS_E_BUSY. It is borrowed: afterwards it can be used again, for example to resume,
/// and is still to be freed. What can only be read forward (a pipe, a reader without `seek`, a
/// tus_writer's) stands where it was left, with its last MiB kept.
///
/// Ownership: single owner. It may be freed while an operation or an uploader uses it; what belongs
/// to it lasts until that is over.
/// Threads: any.
pub struct tus_source {
    _private: [u8; 0],
}

impl CType for tus_source {
    type State = Arc<Slot>;
    type Class = Owned;
    const KIND: Kind = Kind::Source;
}

/// A reader of the caller's. Set `struct_size` to sizeof(tus_reader_vtable) and the rest to
/// functions or NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tus_reader_vtable {
    /// sizeof(tus_reader_vtable), as the program was compiled.
    pub struct_size: usize,
    /// Reads on: writes up to `cap` bytes to `buf` and their number to `*out_len`; 0 is the end of
    /// the source. If the size was told, `cap` never goes beyond it: what follows on the same stream
    /// stays unread. It should block until there is at least one byte; a cancelled operation waits
    /// for it to return. Returns 0, or anything else to end the operation with TUS_E_CALLBACK. Must
    /// not be NULL.
    pub read: Option<
        unsafe extern "C-unwind" fn(user_data: *mut c_void, buf: *mut c_void, cap: usize, out_len: *mut usize) -> i32,
    >,
    /// Moves to `offset`, in bytes from the beginning, for the next read. Returns 0, or anything
    /// else to end the operation with TUS_E_CALLBACK. NULL: the reader only goes forward; then the
    /// library keeps the last MiB it read, sends automatic chunks no larger than that, and fails
    /// with TUS_E_SOURCE if older bytes are needed again, which may be after a break with
    /// TUS_CHUNK_WHOLE or a larger chunk size of your own.
    pub seek: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, offset: u64) -> i32>,
    /// Releases `user_data`, exactly once; see tus_destroy_fn. May be NULL.
    pub destroy: tus_destroy_fn,
}

/// Structures larger than this are not newer ones but uninitialised ones.
const ABSURD_STRUCT: usize = 4096;

/// The place of a source, kept alive by whoever uses it.
pub(super) struct Slot(Mutex<Content>);

enum Content {
    Free(Source),
    InUse,
    /// An operation panicked while it had the source, which may be in any state.
    Spoiled,
}

impl Slot {
    /// No lock is held while anything of the caller's runs, and nothing here panics.
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that whoever has the source panicked.
    pub(super) fn spoil(&self) {
        *self.content() = Content::Spoiled;
    }
}

/// A source in use, by an operation or by an uploader; given back when dropped.
pub(super) struct Occupied {
    /// `None` only in `drop`.
    source: Option<Source>,
    slot: Arc<Slot>,
}

/// The place behind a pointer.
///
/// # Safety
///
/// - `s` is NULL or a source of the caller's.
pub(super) unsafe fn hold_source(s: *mut tus_source) -> crate::error::Result<Arc<Slot>> {
    // SAFETY: the same condition; the reference is not kept.
    Ok(Arc::clone(unsafe { state(s.cast_const(), "s") }?))
}

/// Takes a source for one operation.
pub(super) fn occupy(slot: &Arc<Slot>) -> Result<Occupied, Failure> {
    let mut content = slot.content();
    match replace(&mut *content, Content::InUse) {
        Content::Free(source) => Ok(Occupied { source: Some(source), slot: Arc::clone(slot) }),
        Content::InUse => Err(Error::new(
            ErrorKind::Busy,
            "the source is in use by another operation: wait until that is over, or make another source",
        )
        .into()),
        Content::Spoiled => {
            *content = Content::Spoiled;
            let message = "an earlier operation on this source panicked; make a new one";
            Err(Error::new(ErrorKind::InvalidState, message).into())
        }
    }
}

impl Occupied {
    /// As a source of its own.
    pub(super) fn into_source(self) -> Source {
        Source(Box::new(self))
    }

    fn bytes(&self) -> &dyn Bytes {
        self.source.as_ref().expect("there until it is dropped").0.as_ref()
    }

    fn bytes_mut(&mut self) -> &mut dyn Bytes {
        self.deref_mut().0.as_mut()
    }
}

impl Deref for Occupied {
    type Target = Source;
    fn deref(&self) -> &Source {
        self.source.as_ref().expect("there until it is dropped")
    }
}

impl DerefMut for Occupied {
    fn deref_mut(&mut self) -> &mut Source {
        self.source.as_mut().expect("there until it is dropped")
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        let Some(mut source) = self.source.take() else { return };
        if panicking() {
            return self.slot.spoil();
        }
        // The next operation has its own idea of when to stop waiting.
        source.0.attach(None);
        let mut content = self.slot.content();
        if matches!(*content, Content::InUse) {
            *content = Content::Free(source);
        }
    }
}

/// Passes everything on, also what has a default: the source inside knows better.
impl Bytes for Occupied {
    fn size(&self) -> Option<u64> {
        self.bytes().size()
    }

    fn replay_limit(&self) -> Option<u64> {
        self.bytes().replay_limit()
    }

    fn prepare(&mut self) -> crate::error::Result<()> {
        self.bytes_mut().prepare()
    }

    fn seek(&mut self, offset: u64) -> crate::error::Result<()> {
        self.bytes_mut().seek(offset)
    }

    fn read(&mut self, buffer: &mut [u8]) -> crate::error::Result<usize> {
        self.bytes_mut().read(buffer)
    }

    fn memory_need(&self, chunk: u64) -> u64 {
        self.bytes().memory_need(chunk)
    }

    fn memory_kept(&self) -> u64 {
        self.bytes().memory_kept()
    }

    fn rest(&mut self, at: u64, replay: bool) {
        self.bytes_mut().rest(at, replay);
    }

    fn look_ahead(&mut self, start: u64, want: u64) -> crate::error::Result<Ahead> {
        self.bytes_mut().look_ahead(start, want)
    }

    fn share(&self) -> Option<Box<dyn Bytes>> {
        self.bytes().share()
    }

    fn runs_callers_code(&self) -> bool {
        self.bytes().runs_callers_code()
    }

    fn identity(&self) -> Option<FileIdentity> {
        self.bytes().identity()
    }

    fn identity_is_settled(&self) -> bool {
        self.bytes().identity_is_settled()
    }

    fn name(&self) -> Option<String> {
        self.bytes().name()
    }

    fn attach(&mut self, patience: Option<&Patience>) {
        self.bytes_mut().attach(patience);
    }

    fn file(&self) -> Option<(&File, u64)> {
        self.bytes().file()
    }

    fn skip(&mut self, n: u64) {
        self.bytes_mut().skip(n);
    }

    fn check_unchanged(&self) -> crate::error::Result<()> {
        self.bytes().check_unchanged()
    }

    fn check_unless(
        &self,
        is_same: &mut dyn FnMut(&mut dyn Bytes) -> crate::error::Result<bool>,
    ) -> crate::error::Result<()> {
        self.bytes().check_unless(is_same)
    }

    fn is_cut(&self) -> bool {
        self.bytes().is_cut()
    }
}

/// Opens a regular file. From now on the open file is the source: renamed, removed or replaced by
/// another of its name, it is uploaded all the same.
///
/// An upload ends with TUS_E_SOURCE_CHANGED when the file's content may have changed since: its size
/// or time of modification is another, or the time of its last change has moved and nothing but a
/// write explains that (a new mode, owner or name, a link and extended attributes do). Where the
/// client notes digests for later runs (tus_config_set_store_dir,
/// tus_upload_options_set_on_resume_token), a file that still has the bytes that were sent of it has
/// not changed, whatever its times say. The upload stays on the server (see tus_error_upload_url),
/// unless the file is now shorter than it was, or its digest another, so that nothing can complete
/// it. Bytes appended meanwhile change the size; a stretch of a file that grows is no exception.
///
/// A file with other than as many bytes as it says, as under /proc, is read to its end like a pipe:
/// its size is unknown.
///
/// - `path`: the file. Raw bytes on Unix, UTF-8 on Windows.
/// - `out`: receives the source; NULL on failure. May not be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `path` or `out` is NULL, or the path is empty;
/// TUS_E_SOURCE if the file is missing, not readable, leased by another process, a directory or no
/// regular file (see tus_error_os_code). It never waits.
/// Ownership: the caller frees the source with tus_source_free.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_source_file(
    path: *const c_char,
    out: *mut *mut tus_source,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let path = self::path(path, "path")?;
            hand_out(out, || Source::file(&path))
        })
    }
}

/// Opens a stretch of a regular file, as a source of its own: its first byte is byte 0 of the
/// upload. All else is as with tus_source_file; a later run goes on with the upload of the same
/// stretch only.
///
/// - `path`: the file. Raw bytes on Unix, UTF-8 on Windows.
/// - `offset`: the first byte of the file that is uploaded.
/// - `length`: how many bytes, which may be 0; TUS_SIZE_UNKNOWN: all from `offset` to the present
///   end of the file.
/// - `out`: receives the source; NULL on failure. May not be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `path` or `out` is NULL, the path is empty, or the
/// file has not all of these bytes; TUS_E_SOURCE as for tus_source_file, or if the file does not
/// tell its size.
/// Ownership: the caller frees the source with tus_source_free.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_source_file_range(
    path: *const c_char,
    offset: u64,
    length: u64,
    out: *mut *mut tus_source,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let path = self::path(path, "path")?;
            let length = if length == TUS_SIZE_UNKNOWN { None } else { Some(length) };
            hand_out(out, || Source::file_range(&path, offset, length))
        })
    }
}

/// Takes what the program has opened. A regular file is read from its beginning, wherever its
/// position is, which is neither used nor moved; it is the source as with tus_source_file. A pipe, a
/// socket or a character device (a terminal) is read on from where it stands and has a size only at
/// its end: see TUS_SIZE_UNKNOWN at tus_source_reader.
///
/// - `fd`: a descriptor open for reading. It is duplicated: the caller may close it at once.
/// - `out`: receives the source; NULL on failure. May not be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `fd` is negative or `out` is NULL; TUS_E_SOURCE if it
/// is no open descriptor or none of these (see tus_error_os_code); TUS_E_UNSUPPORTED on systems
/// without descriptors.
/// Ownership: the caller frees the source with tus_source_free.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_source_fd(fd: c_int, out: *mut *mut tus_source, err: *mut *mut tus_error) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            hand_out(out, || duplicate(fd))
        })
    }
}

#[cfg(unix)]
fn duplicate(fd: c_int) -> crate::error::Result<Source> {
    use std::fs::File;
    use std::mem::ManuallyDrop;
    use std::os::fd::FromRawFd as _;
    if fd < 0 {
        return Err(Error::invalid(format!("{fd} is no descriptor")));
    }
    // SAFETY: never closed through this `File`, only duplicated at once; duplicating a number that is no open
    // descriptor fails.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    Source::descriptor(&file)
}

#[cfg(not(unix))]
fn duplicate(_: c_int) -> crate::error::Result<Source> {
    Err(Error::new(ErrorKind::Unsupported, "this system has no descriptors"))
}

/// Takes bytes in memory, which are not copied: they must stay as they are until `release` has run.
///
/// - `data`: the bytes; may be NULL if `len` is 0.
/// - `len`: how many.
/// - `release`: called with `user_data`, exactly once, when the bytes are no longer needed, also if
///   this call fails. May be NULL: then the bytes must outlive the source and every operation that
///   uses it.
/// - `user_data`: handed to `release`; may be NULL.
/// - `out`: receives the source; NULL on failure. May not be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `out` is NULL, `data` is NULL but `len` is not 0, or
/// `len` is larger than any object in memory can be.
/// Ownership: the caller frees the source with tus_source_free.
/// Threads: any.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_source_memory(
    data: *const c_void,
    len: usize,
    release: tus_destroy_fn,
    user_data: *mut c_void,
    out: *mut *mut tus_source,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            let release = UserData::new(user_data, release);
            clear(out);
            let bytes = bytes(data, len, "data")?;
            let memory = Memory { data: bytes.as_ptr(), length: bytes.len(), _release: release };
            hand_out(out, || Ok(Source::memory(memory)))
        })
    }
}

/// Takes a reader of the caller's.
///
/// - `vtable`: its functions, which are copied.
/// - `user_data`: handed to each of them; may be NULL.
/// - `size`: how many bytes it gives; TUS_SIZE_UNKNOWN if that is only known at the end. Then each
///   chunk, of at most 8 MiB, is read before it is sent, with one byte more to know whether it is
///   the last; unless all fits into the first one, the server needs the extension
///   creation-defer-length. Such an upload cannot be found again by a later run.
/// - `out`: receives the source; NULL on failure. May not be NULL.
/// - `err`: receives the details of a failure. May be NULL.
///
/// If this call fails, `destroy` runs at once, provided that `vtable` is not NULL and `struct_size`
/// covers it.
///
/// Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `vtable` or `out` is NULL, `struct_size` is smaller
/// than the structure or absurdly large, `read` is NULL, or `size` is beyond 2^63-1 and not
/// TUS_SIZE_UNKNOWN.
/// Ownership: the caller frees the source with tus_source_free. `user_data` is the source's until
/// `destroy` has run.
/// Threads: any. The functions run on a thread of the operation, never two at once, and not while
/// another callback of the operation runs.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tus_source_reader(
    vtable: *const tus_reader_vtable,
    user_data: *mut c_void,
    size: u64,
    out: *mut *mut tus_source,
    err: *mut *mut tus_error,
) -> tus_status {
    // SAFETY: the caller's pointers, as the header asks for.
    unsafe {
        guard_call(err, || {
            clear(out);
            let vtable = copy_vtable(vtable)?;
            let data = UserData::new(user_data, vtable.destroy);
            let Some(read) = vtable.read else {
                return Err(Error::invalid("vtable->read is NULL: there is no source without it").into());
            };
            let size = known_size(size)?;
            hand_out(out, || Ok(Source::reader(CallersReader { read, seek: vtable.seek, data }, size)))
        })
    }
}

/// Frees a source. If an operation still uses it, what belongs to it is released when that returns.
///
/// - `s`: the source, or NULL, which does nothing.
///
/// Threads: any; no other thread may be about to start an operation with it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tus_source_free(s: *mut tus_source) {
    // SAFETY: the caller's pointer, as the header asks for.
    guard_value((), || unsafe { free(s) })
}

/// Makes a source and writes it to `*out`.
///
/// # Safety
///
/// - `out` is NULL or points to memory for a pointer.
unsafe fn hand_out(
    out: *mut *mut tus_source,
    make: impl FnOnce() -> crate::error::Result<Source>,
) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Error::invalid("out is NULL: there is no other way to get the source").into());
    }
    let source = give_source(make()?);
    // SAFETY: the same condition.
    unsafe { put(out, source) };
    Ok(())
}

/// Makes the object of a source.
pub(super) fn give_source(source: Source) -> *mut tus_source {
    give(Arc::new(Slot(Mutex::new(Content::Free(source)))))
}

/// A size that may be TUS_SIZE_UNKNOWN.
pub(super) fn known_size(size: u64) -> crate::error::Result<Option<u64>> {
    match size {
        TUS_SIZE_UNKNOWN => Ok(None),
        _ if i64::try_from(size).is_ok() => Ok(Some(size)),
        _ => Err(Error::invalid(format!("a size of {size} bytes is beyond 2^63-1"))),
    }
}

/// The caller's structure, as far as both sides know it.
///
/// # Safety
///
/// - `vtable` is NULL or points to a structure that is as large as its first member says.
unsafe fn copy_vtable(vtable: *const tus_reader_vtable) -> Result<tus_reader_vtable, Failure> {
    if vtable.is_null() {
        return Err(Error::invalid("vtable is NULL").into());
    }
    // SAFETY: not NULL, and it has at least its first member.
    let size = unsafe { ptr::read_unaligned(vtable.cast::<usize>()) };
    if !(size_of::<tus_reader_vtable>()..=ABSURD_STRUCT).contains(&size) {
        let message = format!("vtable->struct_size is {size}; it must be sizeof(tus_reader_vtable)");
        return Err(Error::invalid(message).into());
    }
    // SAFETY: as large as the structure of this version, or larger with members that it does not know.
    Ok(unsafe { ptr::read_unaligned(vtable) })
}

/// The caller's bytes.
struct Memory {
    data: *const u8,
    length: usize,
    _release: UserData,
}

// SAFETY: the header asks that nobody changes the bytes, so any thread may read them.
unsafe impl Send for Memory {}
// SAFETY: the same, at once too: nothing here changes.
unsafe impl Sync for Memory {}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `bytes` made a slice of them when this was made, and by the contract of `tus_source_memory` they stay
        // as they are until `_release` is dropped.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }
}

/// The caller's reader.
struct CallersReader {
    read: unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, usize, *mut usize) -> i32,
    seek: Option<unsafe extern "C-unwind" fn(*mut c_void, u64) -> i32>,
    data: UserData,
}

impl Reader for CallersReader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut length = 0;
        // Taken apart here: the closure must not hold the slice while the caller writes through the pointer.
        let (data, capacity, start) = (self.data.pointer(), buffer.len(), buffer.as_mut_ptr().cast());
        // SAFETY: the caller registered this function to be called with this data, a buffer and a number to set.
        let code = outside(|| unsafe { (self.read)(data, start, capacity, &raw mut length) });
        // A length beyond the buffer is told by the source, which knows how to say it.
        if code == 0 { Ok(length) } else { Err(ReadError::Code(code)) }
    }

    fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
        let Some(seek) = self.seek else {
            return Err(ReadError::Failed(Error::new(ErrorKind::Source, "the reader cannot seek")));
        };
        let data = self.data.pointer();
        // SAFETY: the caller registered this function to be called with this data.
        match outside(|| unsafe { seek(data, offset) }) {
            0 => Ok(()),
            code => Err(ReadError::Code(code)),
        }
    }

    fn can_seek(&self) -> bool {
        self.seek.is_some()
    }
}
