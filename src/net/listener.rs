//! Listening sockets, and accepting from them: a few per turn and after all others had theirs, so that a storm of new
//! connections does not keep those that are established waiting.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketAddrAny, SocketFlags, acceptfrom_with, send};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use super::turn::Sockets;
use crate::engine::config::Config;
use crate::engine::session::Peer;
use crate::exec::Exec;

/// All that listen.
pub(super) struct Listeners {
    epoll: Rc<OwnedFd>,
    open: Vec<Listener>,
    /// Of all that ever listened.
    count: u64,
}

/// A socket to accept from.
struct Listener {
    /// What it listens on.
    name: String,
    socket: Socket,
    /// As the poll names it.
    id: u64,
    /// It is not watched until this moment, ms of Unix time.
    rests_until_ms: Option<i64>,
}

/// Marks a listener's events; those of connections bear the client's slot.
const LISTENER: u64 = 1 << 63;
/// Pause after the system refused a connection (no more file descriptors): it will go on refusing for a while.
const REFUSED_PAUSE_MS: i64 = 100;

impl Listeners {
    /// None yet; `epoll` is to watch them.
    pub fn new(epoll: Rc<OwnedFd>) -> Listeners {
        Listeners { epoll, open: Vec::new(), count: 0 }
    }

    /// Listens no more.
    pub fn close(&mut self) {
        self.open.clear();
    }

    /// Whether an event is a listener's.
    #[inline]
    pub fn own(event: EventData) -> bool {
        event.u64() & LISTENER != 0
    }

    /// Listens as the configuration says. Sockets that stay are kept; when one that is new cannot be had, everything
    /// stays as it was.
    pub fn update(&mut self, config: &Config) -> Result<(), String> {
        let mut wanted: Vec<(String, bool)> = Vec::new();
        if config.port != 0 {
            for address in &config.bind {
                let (optional, address) = match address.strip_prefix('-') {
                    Some(rest) => (true, rest),
                    None => (false, address.as_str()),
                };
                wanted.push((format!("{address} {}", config.port), optional));
            }
        }
        let mut new = Vec::new();
        for (name, optional) in &wanted {
            if self.open.iter().any(|l| l.name == *name) {
                continue;
            }
            let address = name.split(' ').next().unwrap_or_default();
            match tcp(address, config.port, config.tcp_backlog) {
                Ok(socket) => new.push((name.clone(), socket)),
                Err(e) => {
                    tracing::warn!(
                        "Warning: Could not create server TCP listening socket {address}:{}: {}",
                        config.port,
                        text(&e)
                    );
                    if !(*optional && e.kind() == io::ErrorKind::AddrNotAvailable || unsupported(&e)) {
                        return Err(format!("Failed listening on port {} (tcp), aborting.", config.port));
                    }
                }
            }
        }
        let unix = format!("unix {}", config.unixsocket);
        if !config.unixsocket.is_empty() {
            wanted.push((unix.clone(), false));
            if !self.open.iter().any(|l| l.name == unix) {
                let socket = unix_socket(config)
                    .map_err(|e| format!("Failed opening Unix socket: bind: {}", text(&e)))?;
                new.push((unix, socket));
            }
        }
        let mut opened = Vec::new();
        for (name, socket) in new {
            self.count += 1;
            let listener = Listener { name, socket, id: self.count | LISTENER, rests_until_ms: None };
            listener.watch(&self.epoll).map_err(|e| format!("Cannot wait for connections: {e}"))?;
            opened.push(listener);
        }
        // Closing them ends the watch.
        self.open.retain(|l| wanted.iter().any(|(name, _)| *name == l.name));
        self.open.append(&mut opened);
        Ok(())
    }

    /// Whether no socket listens.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Watches those again that have rested.
    pub fn rested(&mut self, now_ms: i64) {
        for l in &mut self.open {
            if l.rests_until_ms.is_some_and(|t| t <= now_ms) && l.watch(&self.epoll).is_ok() {
                l.rests_until_ms = None;
            }
        }
    }

    /// A connection of the listener that this event is of, if there is one.
    fn accept(&mut self, event: EventData, now_ms: i64) -> Option<(OwnedFd, Option<SocketAddrAny>)> {
        let listener = self.open.iter_mut().find(|l| l.id == event.u64())?;
        match acceptfrom_with(&listener.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok(connection) => return Some(connection),
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => {}
            Err(e) => {
                tracing::warn!("Accepting client connection: {}", text(&e.into()));
                if epoll::delete(&self.epoll, &listener.socket).is_ok() {
                    listener.rests_until_ms = Some(now_ms + REFUSED_PAUSE_MS);
                }
            }
        }
        None
    }
}

impl Listener {
    /// Has its connections told of, again in every turn while there are any.
    fn watch(&self, epoll: &OwnedFd) -> rustix::io::Result<()> {
        epoll::add(epoll, &self.socket, EventData::new_u64(self.id), EventFlags::IN)
    }
}

/// The system's word for an error, without Rust's code behind it.
fn text(e: &io::Error) -> String {
    crate::sys::process::os_text(e)
}

/// The protocol family is not there: as on a machine without IPv6.
fn unsupported(e: &io::Error) -> bool {
    matches!(
        e.raw_os_error(),
        Some(
            libc::ENOPROTOOPT
                | libc::EPROTONOSUPPORT
                | libc::ESOCKTNOSUPPORT
                | libc::EPFNOSUPPORT
                | libc::EAFNOSUPPORT
        )
    )
}

fn tcp(address: &str, port: u16, backlog: u32) -> io::Result<Socket> {
    let ip: IpAddr = match address {
        "*" => IpAddr::from([0, 0, 0, 0]),
        "::*" => IpAddr::from([0u16; 8]),
        a => match a.parse() {
            Ok(ip) => ip,
            Err(_) => {
                let found = (a, port).to_socket_addrs()?.next();
                found.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?.ip()
            }
        },
    };
    let at = SocketAddr::new(ip, port);
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket)
}

fn unix_socket(config: &Config) -> io::Result<Socket> {
    let path = Path::new(&config.unixsocket);
    // Left behind by a server that ended badly; if one still listens on it, it loses its name, as with the reference.
    let _ = std::fs::remove_file(path);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    if config.unixsocketperm != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(config.unixsocketperm))?;
    }
    socket.listen(i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX))?;
    Ok(socket)
}

impl Sockets {
    /// Accepts some of the connections that a listener's event tells of.
    pub(super) fn accept(&mut self, exec: &mut Exec, event: EventData) {
        let now_ms = exec.server.clock.now_ms() as i64;
        for _ in 0..exec.server.config.max_new_connections_per_cycle {
            let accepted = self.listeners().borrow_mut().accept(event, now_ms);
            match accepted {
                Some((socket, from)) => welcome(self, exec, socket, from),
                None => return,
            }
        }
    }
}

fn welcome(sockets: &mut Sockets, exec: &mut Exec, socket: OwnedFd, from: Option<SocketAddrAny>) {
    match from.and_then(|a| SocketAddr::try_from(a).ok()) {
        Some(addr) => welcome_tcp(sockets, exec, socket, addr),
        None => welcome_unix(sockets, exec, socket),
    }
}

fn welcome_tcp(sockets: &mut Sockets, exec: &mut Exec, socket: OwnedFd, addr: SocketAddr) {
    let options = SockRef::from(&socket);
    let _ = options.set_tcp_nodelay(true);
    let seconds = exec.server.config.tcp_keepalive;
    if seconds > 0 {
        let third = Duration::from_secs((seconds / 3).max(1));
        let keepalive =
            TcpKeepalive::new().with_time(Duration::from_secs(seconds)).with_interval(third).with_retries(3);
        // A connection without keepalive is as good as one with, but for how soon its death is seen.
        let _ = options.set_tcp_keepalive(&keepalive);
    }
    let local = options.local_addr().ok().and_then(|a| a.as_socket());
    let peer = Peer {
        addr: addr.to_string(),
        laddr: local.map(|a| a.to_string()).unwrap_or_default(),
        fd: socket.as_raw_fd(),
        unix: false,
        local: addr.ip().to_canonical().is_loopback(),
    };
    tracing::debug!("Accepted {addr}");
    admit(sockets, exec, socket, peer);
}

fn welcome_unix(sockets: &mut Sockets, exec: &mut Exec, socket: OwnedFd) {
    let path = exec.server.config.unixsocket.clone();
    let fd = socket.as_raw_fd();
    let peer = Peer { addr: format!("{path}:0"), laddr: format!("{path}:0"), fd, unix: true, local: true };
    tracing::debug!("Accepted connection to {path}");
    admit(sockets, exec, socket, peer);
}

/// The answer to strangers in protected mode: the reference's, to the byte.
const PROTECTED: &[u8] = b"-DENIED Running in protected mode because protected mode is enabled and no password is set \
for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect \
from external computers, you may adopt one of the following solutions: 1) Just disable protected mode sending the command \
'CONFIG SET protected-mode no' from the loopback interface by connecting from the same host the server is running, however \
MAKE SURE it's not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) \
Alternatively you can just disable the protected mode by editing the configuration file, and setting the protected mode \
option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the \
'--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of \
the above things in order for the server to start accepting connections from the outside.\r\n";

/// Makes a client of a connection, unless there are too many or it comes from outside in protected mode.
fn admit(sockets: &mut Sockets, exec: &mut Exec, socket: OwnedFd, peer: Peer) {
    let server = &mut exec.server;
    let stranger = server.config.protected_mode && server.open_to_all() && !peer.local;
    let refusal: &[u8] = match server.clients.len() >= server.config.maxclients {
        true => b"-ERR max number of clients reached\r\n",
        false if stranger => PROTECTED,
        false => return sockets.add(exec, socket, peer),
    };
    server.stats.rejected_connections += 1;
    // One attempt: whoever cannot even take this line finds the connection closed.
    let _ = send(&socket, refusal, SendFlags::NOSIGNAL);
}
