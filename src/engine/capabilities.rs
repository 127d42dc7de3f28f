//! What the servers of a client can do: asked once by however many operations begin at a time, kept for an hour, and
//! forgotten when an operation failed because of it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::info::ServerInfo;
use crate::bell::Bell;
use crate::cancel::{Cancel, Slept};
use crate::protocol::url::Origin;

/// How long an answer counts: servers are reconfigured, and a client may live for months.
const KEPT: Duration = Duration::from_secs(3600);

/// How long a question is waited for that has not been sent: a function of the program's may hold it up for ever.
const UNSENT: Duration = Duration::from_secs(1);

/// What is known of each server.
#[derive(Debug, Default)]
pub(super) struct Capabilities {
    servers: Mutex<HashMap<Origin, Server>>,
    answered: Bell,
}

#[derive(Debug, Default)]
struct Server {
    known: Option<(ServerInfo, Instant)>,
    /// Who asks at the moment.
    asking: Option<ThreadId>,
    /// Its request is on the way: no function of the program's holds it up any more.
    sent: bool,
    /// How many questions have come to an end, with an answer or without.
    ended: u64,
}

/// What an operation that wants to know does.
pub(super) enum Turn {
    /// It asks, and the others wait until this is dropped.
    Ask(Asking),
    /// It asks for itself: another's question came to nothing.
    AskAlone,
    /// Another has asked.
    Known(ServerInfo),
}

/// A question under way.
pub(super) struct Asking {
    of: Arc<Capabilities>,
    origin: Origin,
}

impl Capabilities {
    pub(super) fn known(&self, origin: &Origin) -> Option<ServerInfo> {
        let mut servers = self.servers();
        servers.get_mut(origin)?.known(Instant::now())
    }

    pub(super) fn keep(&self, origin: &Origin, info: ServerInfo) {
        self.servers().entry(origin.clone()).or_default().known = Some((info, Instant::now()));
    }

    /// The next operation asks again.
    pub(super) fn forget(&self, origin: &Origin) {
        if let Some(server) = self.servers().get_mut(origin) {
            server.known = None;
        }
    }

    /// Waits while another operation asks the same server; ends without a turn as [`Cancel::sleep`] does. `tick` is
    /// called every `interval`.
    pub(super) fn turn(
        self: &Arc<Self>,
        origin: &Origin,
        cancel: &Cancel,
        interval: Option<Duration>,
        mut tick: impl FnMut() -> ControlFlow<()>,
    ) -> Result<Turn, Slept> {
        let (me, since) = (std::thread::current().id(), Instant::now());
        let tick = || match self.is_on_its_way(origin) || since.elapsed() < UNSENT {
            true => tick(),
            false => ControlFlow::Break(()),
        };
        let mut seen = None;
        let look = || {
            let mut servers = self.servers();
            let server = servers.entry(origin.clone()).or_default();
            if let Some(known) = server.known(Instant::now()) {
                return Some(Turn::Known(known));
            }
            let ended = *seen.get_or_insert(server.ended);
            match server.asking {
                _ if ended != server.ended => Some(Turn::AskAlone),
                // A callback of the operation that asks waits for this one.
                Some(asking) if asking == me => Some(Turn::AskAlone),
                Some(_) => None,
                None => {
                    server.asking = Some(me);
                    Some(Turn::Ask(Asking { of: Arc::clone(self), origin: origin.clone() }))
                }
            }
        };
        self.answered.wait(cancel, interval, tick, look)
    }

    fn is_on_its_way(&self, origin: &Origin) -> bool {
        self.servers().get(origin).is_some_and(|server| server.sent)
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<Origin, Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    fn known(&mut self, now: Instant) -> Option<ServerInfo> {
        self.known.take_if(|(_, since)| now.saturating_duration_since(*since) >= KEPT);
        self.known.as_ref().map(|(info, _)| info.clone())
    }
}

impl Asking {
    /// The request is about to be sent.
    pub(super) fn sent(&self) {
        if let Some(server) = self.of.servers().get_mut(&self.origin) {
            server.sent = true;
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(server) = self.of.servers().get_mut(&self.origin) {
            (server.asking, server.sent) = (None, false);
            server.ended += 1;
        }
        self.of.answered.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::url::AbsoluteUrl;
    use std::sync::mpsc;

    fn origin(text: &str) -> Origin {
        AbsoluteUrl::parse(text).unwrap().0.origin().clone()
    }

    fn info(max_size: u64) -> ServerInfo {
        ServerInfo { max_size: Some(max_size), ..ServerInfo::default() }
    }

    fn turn(of: &Arc<Capabilities>, origin: &Origin) -> Turn {
        of.turn(origin, &Cancel::new(), None, || ControlFlow::Continue(())).unwrap()
    }

    #[test]
    fn an_answer_counts_for_an_hour() {
        let now = Instant::now();
        let mut server = Server { known: Some((info(1), now)), ..Server::default() };
        assert!(server.known(now + KEPT - Duration::from_secs(1)).is_some());
        assert!(server.known(now + KEPT).is_none());
    }

    #[test]
    fn each_server_is_known_by_itself_and_forgotten_on_wish() {
        let (of, a, b) = (Capabilities::default(), origin("http://a/files"), origin("http://b/files"));
        of.keep(&a, info(1));
        assert_eq!((of.known(&a).unwrap().max_size, of.known(&b)), (Some(1), None));
        of.forget(&a);
        assert_eq!(of.known(&a), None);
    }

    #[test]
    fn those_who_come_while_one_asks_get_its_answer() {
        let (of, at) = (Arc::new(Capabilities::default()), origin("http://a/"));
        let Turn::Ask(asking) = turn(&of, &at) else { panic!("nobody asks") };
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..4).map(|_| scope.spawn(|| turn(&of, &at))).collect();
            of.keep(&at, info(7));
            drop(asking);
            for other in others {
                assert!(matches!(other.join().unwrap(), Turn::Known(known) if known.max_size == Some(7)));
            }
        });
    }

    #[test]
    fn a_question_without_an_answer_is_asked_by_each_who_waited() {
        let (of, at) = (Arc::new(Capabilities::default()), origin("http://a/"));
        let Turn::Ask(asking) = turn(&of, &at) else { panic!("nobody asks") };
        std::thread::scope(|scope| {
            let (waits, waiting) = mpsc::channel();
            let others: Vec<_> = (0..3)
                .map(|_| {
                    let (of, at, waits) = (&of, &at, waits.clone());
                    scope.spawn(move || {
                        let tick = || {
                            waits.send(()).unwrap();
                            ControlFlow::Continue(())
                        };
                        of.turn(at, &Cancel::new(), Some(Duration::from_millis(1)), tick).unwrap()
                    })
                })
                .collect();
            waiting.recv().unwrap();
            drop(asking);
            let alone = others.into_iter().map(|other| other.join().unwrap());
            // One may have come late, and asks for those who come after it.
            assert!(alone.filter(|turn| matches!(turn, Turn::AskAlone)).count() >= 1);
        });
    }

    #[test]
    fn a_question_that_is_held_up_before_it_is_sent_holds_up_nobody() {
        let (of, at) = (Arc::new(Capabilities::default()), origin("http://a/"));
        let Turn::Ask(asking) = turn(&of, &at) else { panic!("nobody asks") };
        let wait = || {
            let interval = Some(Duration::from_millis(1));
            of.turn(&at, &Cancel::new(), interval, || ControlFlow::Continue(()))
        };
        std::thread::scope(|scope| {
            assert_eq!(scope.spawn(wait).join().unwrap().err(), Some(Slept::Stopped));
            asking.sent();
            let waiter = scope.spawn(wait);
            of.keep(&at, info(1));
            drop(asking);
            assert!(matches!(waiter.join().unwrap(), Ok(Turn::Known(_))));
        });
    }

    #[test]
    fn a_callback_of_the_operation_that_asks_asks_by_itself() {
        let (of, at) = (Arc::new(Capabilities::default()), origin("http://a/"));
        let Turn::Ask(_asking) = turn(&of, &at) else { panic!("nobody asks") };
        assert!(matches!(turn(&of, &at), Turn::AskAlone));
        // Another server's question is another.
        assert!(matches!(turn(&of, &origin("http://b/")), Turn::Ask(_)));
    }

    #[test]
    fn a_cancel_ends_the_wait() {
        let (of, at, cancel) = (Arc::new(Capabilities::default()), origin("http://a/"), Cancel::new());
        let Turn::Ask(_asking) = turn(&of, &at) else { panic!("nobody asks") };
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| of.turn(&at, &cancel, None, || ControlFlow::Continue(())).err());
            cancel.cancel();
            assert_eq!(waiter.join().unwrap(), Some(Slept::Cancelled));
        });
    }
}
