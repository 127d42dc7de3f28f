//! How an operation ended well, in the words both faces have.

use tus::protocol::checksum::Algorithm;

/// Metadata by key: the bytes, in the order they came.
pub(crate) type Metadata = Vec<(String, Vec<u8>)>;

/// What an upload, a resume or a query says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Done {
    pub(crate) url: String,
    pub(crate) offset: u64,
    pub(crate) size: Option<u64>,
    pub(crate) complete: bool,
    /// Seconds since 1970.
    pub(crate) expires: Option<u64>,
    /// What all data was checked by.
    pub(crate) checksum: Option<Algorithm>,
    pub(crate) warnings: Vec<String>,
    pub(crate) metadata: Metadata,
    /// The same, as text where it is text.
    pub(crate) text: Vec<(String, Option<String>)>,
    pub(crate) stats: Stats,
}

/// What an operation took, apart from time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stats {
    pub(crate) resumed: u64,
    pub(crate) sent: u64,
    pub(crate) requests: u64,
    pub(crate) retries: u64,
    pub(crate) chunks_completed: u64,
    pub(crate) chunks_failed: u64,
}

/// What a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) versions: Vec<String>,
    pub(crate) extensions: Vec<String>,
    pub(crate) max_size: Option<u64>,
    pub(crate) algorithms: Vec<String>,
}

impl Done {
    /// URL aside: offset, size and completeness.
    pub(crate) fn state(&self) -> (u64, Option<u64>, bool) {
        (self.offset, self.size, self.complete)
    }

    /// The last part of the URL.
    pub(crate) fn id(&self) -> &str {
        id_of(&self.url)
    }
}

/// The id in an upload's URL.
pub(crate) fn id_of(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}
