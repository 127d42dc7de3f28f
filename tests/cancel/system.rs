//! What only the C library can do: a resolver that does not answer, and a queue of connections that is full.

#![allow(unsafe_code, reason = "the C library is called, and one of its functions takes the place of another")]

use std::ffi::{CStr, c_char, c_int};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Names in this domain are looked up in vain until they are let go; then they are those of this machine.
pub(crate) const SILENT: &str = "silent.test";

#[derive(Default)]
struct Lookups {
    asked: Vec<String>,
    let_go: Vec<String>,
}

static LOOKUPS: Mutex<Lookups> = Mutex::new(Lookups { asked: Vec::new(), let_go: Vec::new() });
static CHANGED: Condvar = Condvar::new();

/// Whether the resolver has been asked for a name.
pub(crate) fn is_asked(name: &str) -> bool {
    LOOKUPS.lock().unwrap().asked.iter().any(|asked| asked == name)
}

/// Has the resolver answer.
pub(crate) fn let_go(name: &str) {
    LOOKUPS.lock().unwrap().let_go.push(name.to_owned());
    CHANGED.notify_all();
}

type GetAddrInfo =
    unsafe extern "C" fn(*const c_char, *const c_char, *const libc::addrinfo, *mut *mut libc::addrinfo) -> c_int;

/// Takes the place of the C library's function in this program: that of a system whose name server is not reached.
///
/// # Safety
///
/// As that of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    results: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the name ends with a NUL, and dlsym gives the function of this name and type that comes next.
    unsafe {
        let real = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!real.is_null());
        let real: GetAddrInfo = std::mem::transmute(real);
        let silent = !node.is_null() && CStr::from_ptr(node).to_bytes().ends_with(SILENT.as_bytes());
        if silent {
            let name = CStr::from_ptr(node).to_string_lossy().into_owned();
            let mut lookups = LOOKUPS.lock().unwrap_or_else(PoisonError::into_inner);
            lookups.asked.push(name.clone());
            while !lookups.let_go.contains(&name) {
                lookups = CHANGED.wait(lookups).unwrap_or_else(PoisonError::into_inner);
            }
        }
        real(if silent { c"127.0.0.1".as_ptr() } else { node }, service, hints, results)
    }
}

/// A listener whose queue is full: who connects gets no answer.
pub(crate) struct FullBacklog {
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
    address: SocketAddr,
}

impl FullBacklog {
    pub(crate) fn new() -> FullBacklog {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // SAFETY: the descriptor is open; a second call only changes the length of the queue.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let mut waiting = Vec::new();
        while let Ok(one) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(one);
            assert!(waiting.len() < 10, "the queue is never full");
        }
        FullBacklog { _listener: listener, _waiting: waiting, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/files/a", self.address)
    }

    /// Whether somebody waits for the answer to his first packet.
    pub(crate) fn is_tried(&self) -> bool {
        sockets_to(self.address.port(), SYN_SENT).next().is_some()
    }
}

/// How many bytes wait to be sent to a port of this machine.
pub(crate) fn waiting_to(port: u16) -> u64 {
    let queues = sockets_to(port, ESTABLISHED);
    queues.map(|queues| u64::from_str_radix(queues.split(':').next().unwrap(), 16).unwrap()).sum()
}

const ESTABLISHED: &str = "01";
const SYN_SENT: &str = "02";

/// The queues of the sockets in this state whose other end is a port of this machine: what waits to be sent, and read.
fn sockets_to(port: u16, state: &str) -> impl Iterator<Item = String> {
    let to = format!("0100007F:{port:04X}");
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let of = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields[2] == to && fields[3] == state).then(|| fields[4].to_owned())
    };
    let such: Vec<String> = sockets.lines().filter(|line| line.contains(&to)).filter_map(of).collect();
    such.into_iter()
}
