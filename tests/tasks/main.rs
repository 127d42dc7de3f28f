//! Operations beside the caller: tasks with the real engine and real servers, pausing, cancelling for good, and what
//! uploads of one client have in common.

#[allow(dead_code, unused_imports, unused_macros, reason = "shared with the scenarios, which use all of it")]
#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, unused_imports, reason = "shared with the tests of resuming, which use all of it")]
#[path = "../resume/fixture.rs"]
mod fixture;

mod site;

mod callbacks;
mod holds;
mod limits;
mod many;
mod pausing;
mod peers;
mod removal;
mod steering;
