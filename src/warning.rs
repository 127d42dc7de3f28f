//! What an operation wants its caller to know although it goes on.

use crate::protocol::url::AbsoluteUrl;

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// Something that has no kind of its own.
    Other,
    /// The upload could not be noted in the store, or not be taken out of it: a later run may not find it, or find what
    /// is of no use.
    NotStored,
    /// The store could not be read: uploads of earlier runs were not looked for, or not all.
    StoreUnreadable,
    /// An upload that had been begun is gone from the server, and another one was begun from the first byte.
    BegunAnew,
    /// The upload of an earlier run could not be continued and is still on the server; another one was begun beside it.
    BegunBeside,
    /// Something that nobody needs is left on the server, or may be.
    LeftOnServer,
    /// The server will drop the upload before it can be complete at this speed.
    ExpiresSoon,
    /// The upload was not sent in parts although that was asked for.
    NotInParts,
    /// The data is sent without checksums although they were asked for, or they are not checked.
    ChecksumsNotChecked,
    /// The server's answers carry no `Tus-Resumable`.
    NoTusResumable,
    /// The server named the upload by http although it was asked by https: https is used.
    LocationReadAsHttps,
    /// The upload lies on another origin, where the caller's headers are not sent.
    OtherOrigin,
    /// Others may read the file with the private key.
    KeyFileReadable,
}

/// Something that is no failure but that the caller may have to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// A sentence in English, without a full stop.
    pub text: String,
    /// The upload it is about, where that is not the operation's own.
    pub url: Option<AbsoluteUrl>,
}

impl Warning {
    /// A warning about the operation itself.
    pub fn new(kind: WarningKind, text: impl Into<String>) -> Warning {
        Warning { kind, text: text.into(), url: None }
    }

    /// Names the upload it is about.
    #[must_use]
    pub fn about(mut self, url: &AbsoluteUrl) -> Warning {
        self.url = Some(url.clone());
        self
    }
}

/// A text alone is a warning without a kind of its own.
impl<T: Into<String>> From<T> for Warning {
    fn from(text: T) -> Warning {
        Warning::new(WarningKind::Other, text)
    }
}
