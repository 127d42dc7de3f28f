//! The ways to use the library behind one: every scenario runs through the Rust engine and through the C API, where its calls
//! block, as tasks, and chunk by chunk.

use std::path::Path;

use super::c_api::{self, CSource, Calls};
use super::failure::Failure;
use super::input::Input;
use super::result::{Done, Metadata, Offer};
use super::rust_api;
use super::setup::{Job, Setup};

/// A face of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// The engine's own.
    Rust,
    /// What the shared library exports: calls that block.
    C,
    /// The same as tasks, each waited for.
    Tasks,
    /// The same where a `tus_uploader` sends what is sent, a chunk with each call.
    Chunkwise,
}

/// What a client can do, whichever face it has.
pub(crate) trait Operations: Send + Sync {
    fn upload(&self, source: &mut Source, job: &Job) -> Result<Done, Failure>;
    fn resume(&self, source: &mut Source, url: &str, job: &Job) -> Result<Done, Failure>;
    /// A file by its name, which goes along.
    fn upload_file(&self, path: &Path, job: &Job) -> Result<Done, Failure>;
    fn info(&self, url: &str) -> Result<Done, Failure>;
    /// The metadata alone.
    fn metadata(&self, url: &str) -> Result<Metadata, Failure>;
    fn server_info(&self) -> Result<Offer, Failure>;
    fn delete(&self, url: &str) -> Result<(), Failure>;
    fn set_header(&self, name: &str, value: Option<&str>) -> Result<(), Failure>;
}

/// A client of one face.
pub(crate) struct Client {
    api: Api,
    operations: Box<dyn Operations>,
}

/// An open source of one face.
pub(crate) enum Source {
    Rust(tus::source::Source),
    C(CSource),
}

impl Api {
    /// A client; what its settings refuse is the error.
    pub(crate) fn client(self, setup: &Setup) -> Result<Client, Failure> {
        let operations = match self {
            Api::Rust => rust_api::client(setup)?,
            Api::C => c_api::client(setup, Calls::Blocking)?,
            Api::Tasks => c_api::client(setup, Calls::Tasks)?,
            Api::Chunkwise => c_api::client(setup, Calls::Chunkwise)?,
        };
        Ok(Client { api: self, operations })
    }

    /// A source, to be used more than once.
    pub(crate) fn open(self, input: impl Into<Input>) -> Result<Source, Failure> {
        match self {
            Api::Rust => rust_api::open(input.into()).map(Source::Rust),
            Api::C | Api::Tasks | Api::Chunkwise => c_api::open(input.into()).map(Source::C),
        }
    }

    /// A client of its own for one upload.
    pub(crate) fn upload(self, setup: &Setup, input: impl Into<Input>) -> Result<Done, Failure> {
        self.client(setup)?.upload(input, &Job::default())
    }

    /// A client of its own for going on with one upload.
    pub(crate) fn resume(self, setup: &Setup, input: impl Into<Input>, url: &str) -> Result<Done, Failure> {
        self.client(setup)?.resume(input, url, &Job::default())
    }
}

impl Client {
    pub(crate) fn upload(&self, input: impl Into<Input>, job: &Job) -> Result<Done, Failure> {
        self.upload_from(&mut self.api.open(input)?, job)
    }

    pub(crate) fn upload_from(&self, source: &mut Source, job: &Job) -> Result<Done, Failure> {
        self.operations.upload(source, job)
    }

    pub(crate) fn resume(&self, input: impl Into<Input>, url: &str, job: &Job) -> Result<Done, Failure> {
        self.resume_from(&mut self.api.open(input)?, url, job)
    }

    pub(crate) fn resume_from(&self, source: &mut Source, url: &str, job: &Job) -> Result<Done, Failure> {
        self.operations.resume(source, url, job)
    }

    pub(crate) fn upload_file(&self, path: &Path, job: &Job) -> Result<Done, Failure> {
        self.operations.upload_file(path, job)
    }

    pub(crate) fn metadata(&self, url: &str) -> Result<Metadata, Failure> {
        self.operations.metadata(url)
    }

    pub(crate) fn info(&self, url: &str) -> Result<Done, Failure> {
        self.operations.info(url)
    }

    pub(crate) fn server_info(&self) -> Result<Offer, Failure> {
        self.operations.server_info()
    }

    pub(crate) fn delete(&self, url: &str) -> Result<(), Failure> {
        self.operations.delete(url)
    }

    pub(crate) fn set_header(&self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        self.operations.set_header(name, value)
    }
}

/// Makes tests of functions that take an [`Api`], for each way to use the library. What holds for all but one way is listed
/// apart; why is said beside it. `calls that block`: for Rust and C alone, where each way would only tell the same again.
macro_rules! every_way {
    (@ $module:ident $api:ident $($name:ident)+) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$name($crate::support::Api::$api);
            })+
        }
    };
    (calls that block: $($name:ident),+ $(,)?) => {
        $crate::support::api::every_way!(@ rust Rust $($name)+);
        $crate::support::api::every_way!(@ c C $($name)+);
    };
    (
        $($name:ident),+ $(,)?
        $(; not chunkwise: $($called:ident),+ $(,)?)?
        $(; not as tasks: $($blocking:ident),+ $(,)?)?
    ) => {
        $crate::support::api::every_way!(@ rust Rust $($name)+);
        $crate::support::api::every_way!(@ c C $($name)+);
        $crate::support::api::every_way!(@ tasks Tasks $($name)+);
        $crate::support::api::every_way!(@ chunkwise Chunkwise $($name)+);
        $(mod not_chunkwise {
            use super::{$($called),+};
            $crate::support::api::every_way!(@ rust Rust $($called)+);
            $crate::support::api::every_way!(@ c C $($called)+);
            $crate::support::api::every_way!(@ tasks Tasks $($called)+);
        })?
        $(mod not_as_tasks {
            use super::{$($blocking),+};
            $crate::support::api::every_way!(@ rust Rust $($blocking)+);
            $crate::support::api::every_way!(@ c C $($blocking)+);
            $crate::support::api::every_way!(@ chunkwise Chunkwise $($blocking)+);
        })?
    };
}
pub(crate) use every_way;
