//! What can be made to go wrong with one exchange, as plain data.
//!
//! Tests do not fill these fields by hand: the builder methods of [`Rule`](crate::Rule) do. The
//! `exchange` module reads them; nothing here acts.

use std::time::Duration;

/// How a connection ends. Only the announced end of [`Rule::close`](crate::Rule::close) and that
/// of a correct server send a TLS close_notify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A FIN goes out, and whatever the client still sends is read and dropped.
    Fin,
    /// A RST.
    Rst,
    /// A plain `close`, as when a process dies: the kernel sends RST if unread bytes are there.
    Close,
    /// `shutdown` of both directions, the socket stays.
    ShutdownBoth,
    /// The socket stays open, nothing is read or written any more.
    Hang,
}

/// Where an interim answer goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// After the head, before the first body byte is read.
    BeforeBody,
    /// When this many body bytes were read.
    Body(u64),
    /// Right before the final answer.
    BeforeAnswer,
}

/// An informational (1xx) answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interim {
    /// Status, 100 to 199 (not checked).
    pub status: u32,
    /// Fields sent with it.
    pub headers: Vec<(String, String)>,
    /// Where it goes out.
    pub at: At,
    /// How many times.
    pub count: u32,
}

/// The form of `Location` in a 201.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LocationForm {
    /// `http://host:port/files/id`
    #[default]
    Absolute,
    /// `/files/id`
    PathAbsolute,
    /// `id`, relative to the creation URL
    Relative,
    /// `../files/id`
    DotDot,
    /// `//host:port/files/id`
    SchemeRelative,
    /// `?id=…`
    Query,
    /// absolute with `#frag` behind
    Fragment,
    /// absolute with blanks before and behind
    Spaced,
    /// no Location at all
    Missing,
    /// an empty one
    Empty,
    /// the same one in two fields
    Twice,
    /// two fields that disagree
    TwoDifferent,
    /// any text; `{id}`, `{path}` and `{origin}` are filled in
    Other(String),
}

/// How the body of an answer is delimited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BodyFraming {
    /// Content-Length
    #[default]
    Length,
    /// Transfer-Encoding: chunked
    Chunked(Chunks),
    /// until the connection closes
    UntilClose,
}

/// The look of a chunked answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    /// Bytes in a chunk.
    pub size: usize,
    /// Text behind each chunk size, e.g. `;a=b`.
    pub extension: String,
    /// Fields after the last chunk.
    pub trailers: Vec<(String, String)>,
    /// Sent instead of the first chunk size.
    pub bad_size: Option<String>,
}

impl Default for Chunks {
    fn default() -> Self {
        Self { size: 8, extension: String::new(), trailers: Vec::new(), bad_size: None }
    }
}

/// A change to an answer before it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replaces all fields of that name by one.
    Set(String, String),
    /// Adds a field even if the name is already there.
    Add(String, String),
    /// Removes all fields of that name.
    Remove(String),
    /// Another status.
    Status(u32),
    /// Another reason phrase, possibly empty.
    Reason(String),
    /// Another body.
    Body(Vec<u8>),
    /// Another body framing.
    Framing(BodyFraming),
    /// Adds to the number in `Upload-Offset`.
    OffsetBy(i64),
    /// Another form of `Location`, in a 201.
    Location(LocationForm),
    /// LF instead of CR LF in the head.
    BareLf,
    /// An HTTP/1.0 status line, no keep-alive, body until close.
    Http10,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Answer {
    /// What a correct server says.
    #[default]
    Normal,
    /// This status with an empty body.
    Reply(u32),
    /// These bytes, no HTTP added.
    Raw(Vec<u8>),
}

/// Bytes without end behind the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endless {
    /// Header lines, the blank line never comes.
    Headers,
    /// Body bytes, no length said.
    Body,
}

/// What happens when the counted bytes of a request have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtStop {
    /// The connection ends that way, unanswered.
    Cut(Ending),
    /// The answer goes out although the body is not read to its end.
    Answer,
    /// The rest of the body is read and dropped, then the answer goes out.
    Drop,
}

/// A place in the request where the server stops taking bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyStop {
    /// How many bytes.
    pub at: u64,
    /// Counted on the wire over head and body (true), or over body content only (false).
    pub wire: bool,
    /// What happens then.
    pub then: AtStop,
}

/// Everything that goes wrong with one exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    /// Answer without doing anything.
    pub unprocessed: bool,
    /// What is answered.
    pub answer: Answer,
    /// Changes to the answer.
    pub edits: Vec<Edit>,
    /// Pause after the head, before the body is read.
    pub delay_reading: Option<Duration>,
    /// Pause before the final answer.
    pub delay_answer: Option<Duration>,
    /// The final answer waits until so many requests of this method have come.
    pub answer_once: Option<(String, usize)>,
    /// Nothing is read or sent after the head.
    pub hang_after_head: bool,
    /// The body is read and stored, and no answer comes.
    pub hang_after_body: bool,
    /// 1xx answers.
    pub interims: Vec<Interim>,
    /// `Expect: 100-continue` gets no 100.
    pub no_continue: bool,
    /// Where reading stops.
    pub stop: Option<BodyStop>,
    /// The body is stored that much later, the request never answered.
    pub commit_late: Option<Duration>,
    /// The answer ends after so many bytes of its wire form.
    pub cut_response: Option<(u64, Ending)>,
    /// The answer goes out in pieces of so many bytes, one each pause.
    pub drip: Option<(usize, Duration)>,
    /// Bytes without end behind the answer.
    pub endless: Option<Endless>,
    /// How the connection ends after the answer.
    pub ending: Option<Ending>,
    /// Whether `Connection: close` announces that end.
    pub announce: bool,
}
