//! The C API as C programs see it: each program of `tests/c` is compiled with the system's compiler against
//! `include/tus.h` and the shared library, run against the scripted server, and what the server saw is checked here.
//!
//! A story is one run of one case of one program. It is told with the program built with `-fsanitize=address,undefined`,
//! and under valgrind too if it is about what lives how long.
#![cfg(target_os = "linux")]

#[path = "c_api/build.rs"]
mod build;
#[path = "c_api/library.rs"]
mod library;
#[path = "c_api/process.rs"]
mod process;
#[path = "c_api/story.rs"]
#[macro_use]
mod story;
#[path = "c_api/wire.rs"]
mod wire;

#[path = "c_api/bytes_in.rs"]
mod bytes_in;
#[path = "c_api/callbacks.rs"]
mod callbacks;
#[path = "c_api/checksums.rs"]
mod checksums;
#[path = "c_api/cplusplus.rs"]
mod cplusplus;
#[path = "c_api/events.rs"]
mod events;
#[path = "c_api/failures.rs"]
mod failures;
#[path = "c_api/hosts.rs"]
mod hosts;
#[path = "c_api/lifetimes.rs"]
mod lifetimes;
#[path = "c_api/manners.rs"]
mod manners;
#[path = "c_api/places.rs"]
mod places;
#[path = "c_api/pointers.rs"]
mod pointers;
#[path = "c_api/refusals.rs"]
mod refusals;
#[path = "c_api/results.rs"]
mod results;
#[path = "c_api/shapes.rs"]
mod shapes;
#[path = "c_api/steering.rs"]
mod steering;
#[path = "c_api/stores.rs"]
mod stores;
#[path = "c_api/tasks.rs"]
mod tasks;
#[path = "c_api/uploaders.rs"]
mod uploaders;
#[path = "c_api/values.rs"]
mod values;
#[path = "c_api/writers.rs"]
mod writers;
