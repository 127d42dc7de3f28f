//! What a pointer from C must be before it is used: not NULL, of the right kind, not freed.
//!
//! The C types are empty; behind each pointer is an [`Object`], which begins with a magic number and the kind of the
//! object. Freeing overwrites the magic number, so that a stale pointer is told apart for as long as its memory has
//! not been given to somebody else. That is a help for finding mistakes, not a promise to survive them.
//!
//! Who frees an object is in the type: [`Owned`] by its single owner, [`Shared`] by counting, [`Borrowed`] not by the
//! caller at all. An owned type may also be lent ([`lend`]); a lent object cannot be freed through its pointer.
//!
//! States are only ever reached through `&`: whatever changes in them is behind a lock, so that a caller who breaks
//! the rules on threads gets a wait or a refusal, not undefined behaviour.

use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A C type: what is behind its pointers and who frees it.
pub(super) trait CType: Sized {
    /// What is behind a pointer.
    type State;
    /// [`Owned`], [`Shared`] or [`Borrowed`].
    type Class;
    /// Tells it from the other types.
    const KIND: Kind;
}

/// One owner, who frees it.
pub(super) enum Owned {}
/// Counted; the last to let go frees it.
pub(super) enum Shared {}
/// Lives as long as a callback runs.
pub(super) enum Borrowed {}

/// The kinds of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Kind {
    Error = 1,
    Config,
    Client,
    Source,
    UploadOptions,
    Info,
    Metadata,
    ServerInfo,
    Request,
    Response,
    Credentials,
    Sink,
    PreviousList,
    Uploader,
    Task,
    Writer,
}

impl Kind {
    const ALL: [Kind; 16] = [
        Kind::Error,
        Kind::Config,
        Kind::Client,
        Kind::Source,
        Kind::UploadOptions,
        Kind::Info,
        Kind::Metadata,
        Kind::ServerInfo,
        Kind::Request,
        Kind::Response,
        Kind::Credentials,
        Kind::Sink,
        Kind::PreviousList,
        Kind::Uploader,
        Kind::Task,
        Kind::Writer,
    ];

    fn c_name(self) -> &'static str {
        match self {
            Kind::Error => "tus_error",
            Kind::Config => "tus_config",
            Kind::Client => "tus_client",
            Kind::Source => "tus_source",
            Kind::UploadOptions => "tus_upload_options",
            Kind::Info => "tus_info",
            Kind::Metadata => "tus_metadata",
            Kind::ServerInfo => "tus_server_info",
            Kind::Request => "tus_request",
            Kind::Response => "tus_response",
            Kind::Credentials => "tus_credentials",
            Kind::Sink => "tus_sink",
            Kind::PreviousList => "tus_previous_list",
            Kind::Uploader => "tus_uploader",
            Kind::Task => "tus_task",
            Kind::Writer => "tus_writer",
        }
    }
}

/// Arbitrary, but no text, no small number and no pointer of a user process.
const ALIVE: u32 = 0xD7C5_1A5E;
/// What remains of an object that was freed.
const FREED: u32 = 0xF4EE_D0BE;

/// The beginning of every object.
#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    magic: u32,
    kind: u16,
    /// 1 if the library frees it and not the caller.
    lent: u16,
}

/// What is behind a pointer to a `C`.
#[repr(C)]
pub(super) struct Object<C: CType> {
    head: Head,
    state: C::State,
}

impl<C: CType> Object<C> {
    fn new(state: C::State, lent: bool) -> Self {
        Object { head: Head { magic: ALIVE, kind: C::KIND as u16, lent: lent.into() }, state }
    }

    /// The pointer to hand out. Valid as long as `self` stays where it is.
    pub(super) fn as_c(&self) -> *const C {
        ptr::from_ref(self).cast()
    }
}

impl<C: CType> Deref for Object<C> {
    type Target = C::State;
    fn deref(&self) -> &C::State {
        &self.state
    }
}

impl<C: CType> Drop for Object<C> {
    fn drop(&mut self) {
        // SAFETY: a field of `self`. Volatile, because to the compiler a store to memory about to be freed is useless.
        unsafe { ptr::write_volatile(&raw mut self.head.magic, FREED) };
    }
}

/// Makes an object for the caller to free.
pub(super) fn give<C: CType<Class = Owned>>(state: C::State) -> *mut C {
    Box::into_raw(Box::new(Object::<C>::new(state, false))).cast()
}

/// Frees an object made by [`give`]. NULL, and whatever is no such object, is left alone.
///
/// # Safety
///
/// - `pointer` is NULL or points to at least eight readable bytes; if these are those of a living
///   `C`, no other thread uses it.
pub(super) unsafe fn free<C: CType<Class = Owned>>(pointer: *mut C) {
    // SAFETY: the same condition.
    if let Ok(head) = unsafe { check(pointer.cast_const(), "") }
        && head.lent == 0
    {
        // SAFETY: alive, of this kind and not lent, so `give` made it, and it has not been freed.
        drop(unsafe { Box::from_raw(pointer.cast::<Object<C>>()) });
    }
}

/// Makes an object that is counted, with a count of one.
pub(super) fn share<C: CType<Class = Shared>>(state: C::State) -> *mut C {
    hand_out(counted(state))
}

/// Makes an object that is counted, and holds it.
pub(super) fn counted<C: CType<Class = Shared>>(state: C::State) -> Arc<Object<C>> {
    Arc::new(Object::new(state, false))
}

/// Makes a count of ours the caller's.
pub(super) fn hand_out<C: CType<Class = Shared>>(object: Arc<Object<C>>) -> *mut C {
    Arc::into_raw(object).cast_mut().cast()
}

/// Counts one up and returns the new holder.
///
/// # Safety
///
/// - `pointer` is NULL or points to at least eight readable bytes; if these are those of a living
///   `C`, the caller holds one count of it.
pub(super) unsafe fn hold<C: CType<Class = Shared>>(pointer: *const C, argument: &str) -> Result<Arc<Object<C>>> {
    // SAFETY: the same condition.
    unsafe { check(pointer, argument) }?;
    let object = pointer.cast::<Object<C>>();
    // SAFETY: alive and of this kind, so `hand_out` made it by `Arc::into_raw`, and the caller's count keeps it alive.
    unsafe {
        Arc::increment_strong_count(object);
        Ok(Arc::from_raw(object))
    }
}

/// Takes one count of the caller's back.
///
/// # Safety
///
/// - as for [`hold`]; the caller gives up the count it holds.
pub(super) unsafe fn let_go<C: CType<Class = Shared>>(pointer: *mut C) -> Result<Arc<Object<C>>> {
    // SAFETY: the same condition.
    unsafe { check(pointer.cast_const(), "the argument") }?;
    // SAFETY: alive and of this kind, so `hand_out` made it by `Arc::into_raw`; the count is the one given up.
    Ok(unsafe { Arc::from_raw(pointer.cast_const().cast::<Object<C>>()) })
}

/// Makes an object that stays ours: for the time of a callback, or inside another object.
pub(super) fn lend<C: CType>(state: C::State) -> Object<C> {
    Object::new(state, true)
}

/// The state behind a pointer.
///
/// # Safety
///
/// - `pointer` is NULL or points to at least eight readable bytes; if these are those of a living
///   `C`, it stays alive for `'a`.
pub(super) unsafe fn state<'a, C: CType>(pointer: *const C, argument: &str) -> Result<&'a C::State> {
    // SAFETY: the same condition.
    unsafe { check(pointer, argument) }?;
    // SAFETY: alive and of this kind, so it is an `Object<C>`, and it stays alive for `'a`.
    Ok(&unsafe { &*pointer.cast::<Object<C>>() }.state)
}

/// Whether a pointer is to a living object of its type.
///
/// # Safety
///
/// - `pointer` is NULL or points to at least eight readable bytes.
unsafe fn check<C: CType>(pointer: *const C, argument: &str) -> Result<Head> {
    let name = C::KIND.c_name();
    if pointer.is_null() {
        return Err(Error::invalid(format!("{argument} is NULL where a {name} is needed")));
    }
    let pointer = pointer.cast::<Object<C>>();
    if !pointer.is_aligned() {
        return Err(Error::invalid(format!("{argument} does not point to a {name}")));
    }
    // SAFETY: not NULL, so it points to at least eight readable bytes; aligned more strictly than a `Head`. Volatile,
    // because it may have been freed, which the compiler must not conclude anything from.
    let head = unsafe { ptr::read_volatile(pointer.cast::<Head>()) };
    match head.magic {
        ALIVE if head.kind == C::KIND as u16 => Ok(head),
        ALIVE => {
            let other = Kind::ALL.into_iter().find(|kind| *kind as u16 == head.kind);
            let other = other.map_or("something else", Kind::c_name);
            Err(Error::invalid(format!("{argument} points to a {other} where a {name} is needed")))
        }
        FREED => Err(Error::invalid(format!("{argument} points to a {name} that was freed"))),
        _ => Err(Error::invalid(format!("{argument} does not point to a {name}"))),
    }
}
