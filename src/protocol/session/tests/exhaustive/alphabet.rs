//! What may happen to a request: the letters of which the exhaustive model makes all words.

use super::*;

/// How much of a request's data; of a request without data, whether the server got to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Nothing,
    Half,
    All,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The tus server: with `Tus-Resumable`.
    Server,
    /// What stands before it.
    Proxy,
}

/// What else an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    Nothing,
    RetryAfter(&'static str),
    Text(&'static str),
    /// The URL of the upload that was created all the same.
    Location,
}

/// Where a redirect leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// To another path of the same upload or endpoint.
    Moved,
    /// The same on another origin.
    OtherOrigin,
    /// To a page about something else.
    Login,
}

/// What is wrong in an answer that looks like a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    OffsetOneMore,
    OffsetOneLess,
    OffsetBeyondLength,
    OffsetAll,
    OffsetZero,
    /// The data was taken, and the old offset is stated.
    OffsetUnmoved,
    NoOffset,
    OffsetMalformed,
    OffsetTwice,
    /// A success without a word of tus, though the server got the request.
    Bare,
    OtherVersion,
    OtherLength,
    NoLength,
    /// Out of a cache, and from before the upload had any data.
    Cached,
    /// It is a final upload, says HEAD.
    Final,
    NoLocation,
    BadLocation,
    OtherOrigin,
}

/// One thing that may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letter {
    /// All goes well, and the answer says what is.
    Serve,
    /// So much of the data is taken, and the answer says so.
    Take(Amount),
    /// The request breaks after so much was sent, of which so much was kept.
    Break {
        kind: BrokenKind,
        sent: Amount,
        kept: Amount,
    },
    /// An old connection was dead before it took a byte.
    Unsent,
    /// An old connection broke without a word; the server got to it or not.
    Stale {
        kept: Amount,
    },
    /// It breaks with all its data under way: that may still arrive.
    Late,
    /// The data under way arrives, then all goes well.
    Land,
    /// An answer with this status.
    Say {
        status: u16,
        by: By,
        sent: Amount,
        kept: Amount,
        with: With,
    },
    /// An answer that is wrong in one thing; so much was kept.
    Flawed {
        flaw: Flaw,
        kept: Amount,
    },
    Redirect {
        status: u16,
        to: Where,
    },
    /// The server has dropped the upload, and says so.
    Vanish,
    /// The server has lost the upload's last byte, then all goes well.
    Lose,
    /// The request is not made: another session was told to wait.
    HeldBack,
    /// What the server can do is known from another session.
    Learned,
    /// From now on there is hardly any time left.
    Deadline,
    /// From now on chunks have one byte.
    SmallChunks,
    /// The caller cancels, or the source fails.
    Stop,
}

impl Letter {
    /// Whether the caller does it, as often as it likes.
    pub(super) fn is_the_callers(self) -> bool {
        match self {
            Letter::HeldBack | Letter::Deadline | Letter::SmallChunks | Letter::Stop => true,
            Letter::Break { kind, .. } => kind == BrokenKind::Paused,
            _ => false,
        }
    }

    /// Whether the request may be made again just as it was, without any wait: nobody is to blame.
    pub(super) fn may_be_repeated_at_once(self) -> bool {
        self.is_the_callers() || matches!(self, Letter::Unsent | Letter::Stale { .. })
    }
}

use Amount::{All, Half, Nothing};
use By::{Proxy, Server};

fn say(status: u16, by: By, kept: Amount) -> Letter {
    Letter::Say { status, by, sent: All, kept, with: With::Nothing }
}

fn said_with(status: u16, with: With) -> Letter {
    Letter::Say { status, by: Server, sent: All, kept: Nothing, with }
}

fn breaks(kind: BrokenKind, sent: Amount, kept: Amount) -> Letter {
    Letter::Break { kind, sent, kept }
}

fn flawed(flaw: Flaw, kept: Amount) -> Letter {
    Letter::Flawed { flaw, kept }
}

const RESPONSE: BrokenKind = BrokenKind::Timeout(TimeLimit::Response);

/// All that may happen to this request.
pub(super) fn letters(exchange: &Exchange, server: &super::server::Server, changes: bool) -> Vec<Letter> {
    let data = data(exchange);
    let mut letters = vec![Letter::Serve, Letter::Unsent, Letter::HeldBack, Letter::Stop];
    letters.extend([breaks(BrokenKind::Connect, Nothing, Nothing), breaks(BrokenKind::Paused, Nothing, Nothing)]);
    letters.extend([breaks(BrokenKind::Closed, All, Nothing), Letter::Stale { kept: Nothing }]);
    letters.push(breaks(BrokenKind::NotHttp, All, Nothing));
    // Statuses that mean the same everywhere, and those that say what they say in one place only.
    letters.extend([401, 403, 404, 409, 412, 423, 429, 500, 501].map(|status| say(status, Server, Nothing)));
    letters.extend([200, 404, 502].map(|status| say(status, Proxy, Nothing)));
    letters.push(said_with(503, With::RetryAfter("1")));
    letters.push(said_with(503, With::RetryAfter("99999")));
    letters.push(flawed(Flaw::OtherVersion, Nothing));
    for (status, to) in [(307, Where::Moved), (308, Where::Moved), (307, Where::OtherOrigin), (302, Where::Login)] {
        letters.push(Letter::Redirect { status, to });
    }
    letters.push(Letter::Redirect { status: 303, to: Where::Moved });
    if changes {
        letters.push(Letter::Deadline);
    }
    match exchange.meaning() {
        HttpMethod::Options => {
            letters.extend([Letter::Learned, say(405, Proxy, Nothing), say(204, Server, Nothing)]);
        }
        HttpMethod::Head => {
            letters.extend([say(400, Server, Nothing), say(410, Server, Nothing), say(410, Proxy, Nothing)]);
            let flaws = [
                Flaw::OffsetOneMore,
                Flaw::OffsetOneLess,
                Flaw::OffsetBeyondLength,
                Flaw::OffsetAll,
                Flaw::OffsetZero,
                Flaw::NoOffset,
                Flaw::OffsetMalformed,
                Flaw::OffsetTwice,
                Flaw::OtherLength,
                Flaw::NoLength,
                Flaw::Cached,
                Flaw::Final,
            ];
            letters.extend(flaws.map(|flaw| flawed(flaw, Nothing)));
            letters.extend([Letter::Vanish, Letter::Lose]);
        }
        HttpMethod::Post => {
            letters.extend([breaks(BrokenKind::Closed, All, All), Letter::Stale { kept: All }]);
            letters.extend([breaks(BrokenKind::NotHttp, All, All), breaks(RESPONSE, All, All)]);
            letters.extend([400, 413, 415, 417, 460].map(|status| say(status, Server, Nothing)));
            letters.extend([say(500, Server, All), say(503, Server, All), say(502, Proxy, All), say(422, Server, All)]);
            letters.push(Letter::Say { status: 500, by: Server, sent: All, kept: All, with: With::Location });
            letters.push(Letter::Say { status: 422, by: Server, sent: All, kept: All, with: With::Location });
            letters.push(Letter::Say { status: 502, by: Proxy, sent: All, kept: All, with: With::Location });
            letters.extend([flawed(Flaw::NoLocation, All), flawed(Flaw::BadLocation, All)]);
            letters.extend([flawed(Flaw::OtherOrigin, All), flawed(Flaw::Bare, All)]);
            if data > 0 {
                letters.extend([Letter::Take(Nothing), Letter::Take(Half)]);
                letters.extend([breaks(BrokenKind::Closed, Half, Half), breaks(BrokenKind::Closed, Half, Nothing)]);
                letters.push(breaks(BrokenKind::Paused, Half, Half));
                letters.push(Letter::Say { status: 413, by: Server, sent: Half, kept: Nothing, with: With::Nothing });
                letters.push(Letter::Say { status: 500, by: Proxy, sent: Half, kept: Half, with: With::Nothing });
                letters.extend([flawed(Flaw::NoOffset, All), flawed(Flaw::NoOffset, Nothing)]);
                letters.extend([flawed(Flaw::OffsetOneMore, All), flawed(Flaw::OffsetBeyondLength, All)]);
                letters.extend([flawed(Flaw::OffsetUnmoved, All), flawed(Flaw::OffsetAll, Half)]);
                letters.push(flawed(Flaw::OffsetMalformed, All));
            }
        }
        HttpMethod::Patch => {
            letters.extend([breaks(RESPONSE, All, Nothing), breaks(RESPONSE, All, All)]);
            letters.extend([breaks(BrokenKind::Closed, All, All), breaks(BrokenKind::NotHttp, All, All)]);
            letters.extend([Letter::Stale { kept: All }, Letter::Late, Letter::Vanish, Letter::Lose]);
            letters.extend([400, 413, 415, 417, 460, 410].map(|status| say(status, Server, Nothing)));
            letters.extend([say(410, Proxy, Nothing), said_with(400, With::Text("ERR_UPLOAD_INTERRUPTED"))]);
            letters.push(said_with(500, With::Text("ERR_LOCK_TIMEOUT")));
            letters.extend([400, 403, 422, 500, 503, 501].map(|status| say(status, Server, All)));
            letters.extend([200, 400, 403, 502, 503].map(|status| say(status, Proxy, All)));
            letters.extend([flawed(Flaw::NoOffset, All), flawed(Flaw::NoOffset, Nothing), flawed(Flaw::Bare, All)]);
            letters.extend([flawed(Flaw::OffsetOneMore, All), flawed(Flaw::OffsetOneLess, All)]);
            letters.extend([flawed(Flaw::OffsetBeyondLength, All), flawed(Flaw::OffsetUnmoved, All)]);
            letters.extend([flawed(Flaw::OffsetMalformed, All), flawed(Flaw::OffsetTwice, All)]);
            letters.push(flawed(Flaw::OffsetAll, Nothing));
            letters.push(Letter::Take(Nothing));
            if data > 1 {
                letters.push(Letter::Take(Half));
                letters.extend([breaks(BrokenKind::Closed, Half, Half), breaks(BrokenKind::Closed, Half, Nothing)]);
                letters.extend([breaks(BrokenKind::Paused, Half, Half), breaks(BrokenKind::Paused, All, All)]);
                for (status, kept) in [(413, Nothing), (500, Half), (409, Nothing)] {
                    letters.push(Letter::Say { status, by: Server, sent: Half, kept, with: With::Nothing });
                }
            }
            if changes {
                letters.push(Letter::SmallChunks);
            }
        }
        HttpMethod::Delete => {
            letters.extend([breaks(BrokenKind::Closed, All, All), Letter::Vanish, say(410, Proxy, Nothing)]);
            letters.extend([say(200, Server, Nothing), say(200, Server, All), say(204, Server, Nothing)]);
            letters.extend([say(204, Proxy, All), say(500, Server, All), say(405, Server, Nothing)]);
        }
    }
    if server.has_pending() {
        letters.push(Letter::Land);
    }
    letters
}
