//! Host names to addresses.
//!
//! The system's resolver blocks for as long as it likes and cannot be interrupted, so it runs on a helper thread
//! that is abandoned when the request is cancelled or too late. Requests that ask for the same name meanwhile wait
//! for the same helper. Results are kept for a minute, failures not at all. Addresses need no helper.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::BreakKind;
use super::context::Context;
use super::failure::Failure;
use super::wait::Until;
use crate::sys::poll::Entry;
use crate::sys::thread::spawn;
use crate::sys::wake::Wake;

/// How long addresses are kept: short enough to follow a server that moves, long enough for the chunks of an upload.
const KEPT: Duration = Duration::from_secs(60);

/// How many names are kept; beyond that the cache starts anew. A client talks to a handful of hosts.
const MAX_NAMES: usize = 256;

/// How many helpers of a client may be at work, hanging ones included.
const MAX_HELPERS: usize = 32;

/// Stack of a helper: name service modules are C code of unknown appetite. Only touched pages cost anything.
const HELPER_STACK: usize = 512 * 1024;

/// The names known to a client.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    names: Mutex<HashMap<String, Arc<Lookup>>>,
    /// Counts the helpers at work: each holds a clone.
    helpers: Arc<()>,
}

/// One lookup, finished or not.
#[derive(Debug)]
struct Lookup {
    result: OnceLock<Found>,
    done: Wake,
    /// The helper, until somebody has seen it end.
    helper: Mutex<Option<JoinHandle<()>>>,
    /// When a helper without a result counts as one that will never have any.
    until: Instant,
}

#[derive(Debug)]
struct Found {
    addresses: Result<Vec<IpAddr>, Arc<io::Error>>,
    at: Instant,
}

impl Resolver {
    /// The addresses of a host, at least one.
    pub(super) fn resolve(&self, context: &Context, host: &str, until: Until) -> Result<Vec<IpAddr>, Failure> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let lookup = self.lookup(host, until.at).map_err(|error| Failure::io(BreakKind::Resources, error))?;
        loop {
            if let Some(found) = lookup.result.get() {
                lookup.join();
                return match &found.addresses {
                    Ok(addresses) => Ok(addresses.clone()),
                    Err(error) => {
                        self.forget(host);
                        let failure = Failure {
                            os_code: error.raw_os_error(),
                            cause: Some(Arc::clone(error) as _),
                            ..Failure::new(BreakKind::Resolve)
                        };
                        Err(failure.explained(format!("the host name {host} could not be resolved")))
                    }
                };
            }
            context.wait(&mut [Entry::readable(lookup.done.as_fd())], Some(until), None)?;
        }
    }

    /// Makes a name known, or its lookup hang if there are no addresses, for tests.
    #[cfg(test)]
    pub(super) fn preset(&self, host: &str, addresses: Option<Vec<IpAddr>>) {
        self.preset_until(host, addresses, Instant::now() + KEPT);
    }

    /// The same with a lookup that counts as hanging from `until` on.
    #[cfg(test)]
    pub(super) fn preset_until(&self, host: &str, addresses: Option<Vec<IpAddr>>, until: Instant) {
        let lookup = Lookup::new(until).expect("a descriptor");
        if let Some(addresses) = addresses {
            let _ = lookup.result.set(Found { addresses: Ok(addresses), at: Instant::now() });
        }
        self.names().insert(host.to_owned(), Arc::new(lookup));
    }

    /// Forgets a host.
    pub(super) fn forget(&self, host: &str) {
        self.names().remove(host);
    }

    /// The lookup of this name that is still good or still running; a new one if there is none.
    fn lookup(&self, host: &str, until: Instant) -> io::Result<Arc<Lookup>> {
        let mut names = self.names();
        if let Some(lookup) = names.get(host).filter(|lookup| lookup.is_good()) {
            return Ok(Arc::clone(lookup));
        }
        if names.len() >= MAX_NAMES {
            names.clear();
        }
        let lookup = Lookup::begin(host.to_owned(), until, &self.helpers)?;
        names.insert(host.to_owned(), Arc::clone(&lookup));
        Ok(lookup)
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Arc<Lookup>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // Those that were answered after their request had ended.
        self.names().values().filter(|lookup| lookup.result.get().is_some()).for_each(|lookup| lookup.join());
    }
}

impl Lookup {
    fn new(until: Instant) -> io::Result<Lookup> {
        Ok(Lookup { result: OnceLock::new(), done: Wake::new()?, helper: Mutex::default(), until })
    }

    /// Starts the helper.
    fn begin(host: String, until: Instant, helpers: &Arc<()>) -> io::Result<Arc<Lookup>> {
        // The resolver's own hold is one of them.
        if Arc::strong_count(helpers) > MAX_HELPERS {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "too many look-ups of names have not been answered"));
        }
        let lookup = Arc::new(Lookup::new(until)?);
        let (theirs, counted) = (Arc::clone(&lookup), Arc::clone(helpers));
        let helper = std::thread::Builder::new().name("tus-resolve".to_owned()).stack_size(HELPER_STACK);
        let helper = spawn(helper, move || {
            let found = Found { addresses: look_up(&host), at: Instant::now() };
            drop(counted);
            let _ = theirs.result.set(found);
            theirs.done.raise();
        })?;
        *lookup.helper.lock().unwrap_or_else(PoisonError::into_inner) = Some(helper);
        Ok(lookup)
    }

    fn is_good(&self) -> bool {
        match self.result.get() {
            Some(found) => found.addresses.is_ok() && found.at.elapsed() < KEPT,
            None => Instant::now() < self.until,
        }
    }

    /// Waits for the end of the helper, which has nothing left to do: no thread of ours outlives the call that made it.
    fn join(&self) {
        let helper = self.helper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(helper) = helper {
            let _ = helper.join();
        }
    }
}

fn look_up(host: &str) -> Result<Vec<IpAddr>, Arc<io::Error>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in (host, 0).to_socket_addrs().map_err(Arc::new)? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    if addresses.is_empty() {
        return Err(Arc::new(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    }
    Ok(addresses)
}
