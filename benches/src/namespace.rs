//! A network namespace of the benchmark's own, with a congestion control of its own.
//!
//! What a client sends is governed by the congestion control of the client's side, and no contender sets one. Changing
//! the machine's would touch everybody; a namespace touches this program and what it starts.

use std::fs;
use std::io;
use std::mem;

use crate::Result;
use crate::options::Congestion;

const IN_FORCE: &str = "/proc/sys/net/ipv4/tcp_congestion_control";

/// The congestion control that is in force and where it came from.
pub(crate) struct Network {
    pub(crate) congestion: String,
    pub(crate) remark: String,
}

/// Moves this process into a namespace if a congestion control is asked for. Where that is not permitted the machine's
/// network stays, and the remark says so. To be called while there is only one thread.
pub(crate) fn enter(wanted: &Congestion) -> Network {
    let remark = match wanted {
        Congestion::Named(name) if *name != in_force() => match separate(name) {
            Ok(()) => "in a network namespace of the benchmark's own".to_owned(),
            Err(error) => format!("because {name} could not be set ({error})"),
        },
        _ => "as the machine has it".to_owned(),
    };
    Network { congestion: in_force(), remark }
}

/// The congestion control that new connections get.
fn in_force() -> String {
    fs::read_to_string(IN_FORCE).map_or_else(|_| "unknown".into(), |text| text.trim().to_owned())
}

fn separate(congestion: &str) -> Result<()> {
    leave_network().map_err(|error| format!("no namespace: {error}"))?;
    raise_loopback().map_err(|error| format!("no loopback: {error}"))?;
    fs::write(IN_FORCE, congestion).map_err(|error| format!("{IN_FORCE}: {error}"))
}

/// As root directly; else by way of a user namespace, in which everybody may.
fn leave_network() -> io::Result<()> {
    let unshare = |flags| {
        // SAFETY: no pointers; the process has one thread.
        let result = unsafe { libc::unshare(flags) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    unshare(libc::CLONE_NEWNET).or_else(|_| unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET))
}

/// A new namespace has a loopback device, but it is down.
fn raise_loopback() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
    // SAFETY: all zeros is a valid value of this plain C structure.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is what this call reads, and lives through it.
    let result = unsafe { libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw const request) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
