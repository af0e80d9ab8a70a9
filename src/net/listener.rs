//! Listening sockets and accepting from them: a few per turn, so that a storm of new connections does not keep those
//! that are established waiting.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::stream::Stream;
use super::{Shared, conn};
use crate::engine::config::Config;
use crate::engine::session::Peer;

/// The tasks that accept; dropping them closes their sockets.
#[derive(Default)]
pub(crate) struct Listeners {
    tasks: Vec<(String, JoinHandle<()>)>,
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|(_, task)| task.abort());
    }
}

/// Sockets that are bound and wait to be accepted from, with what they listen on.
enum Bound {
    Tcp(String, TcpListener),
    Unix(String, UnixListener),
}

impl Listeners {
    /// Listens as the configuration says. Sockets that stay are kept; when one that is new cannot be had, everything
    /// stays as it was.
    pub fn update(&mut self, shared: &Rc<Shared>, config: &Config) -> Result<(), String> {
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
            if self.tasks.iter().any(|(n, _)| n == name) {
                continue;
            }
            let address = name.split(' ').next().unwrap_or_default();
            match tcp(address, config.port, config.tcp_backlog) {
                Ok(l) => new.push(Bound::Tcp(name.clone(), l)),
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
            if !self.tasks.iter().any(|(n, _)| *n == unix) {
                let l = unix_socket(config)
                    .map_err(|e| format!("Failed opening Unix socket: bind: {}", text(&e)))?;
                new.push(Bound::Unix(unix, l));
            }
        }
        self.tasks.retain(|(name, task)| {
            let keep = wanted.iter().any(|(n, _)| n == name);
            if !keep {
                task.abort();
            }
            keep
        });
        for bound in new {
            let task = match bound {
                Bound::Tcp(name, l) => (name, tokio::task::spawn_local(accept_tcp(shared.clone(), l))),
                Bound::Unix(name, l) => (name, tokio::task::spawn_local(accept_unix(shared.clone(), l))),
            };
            self.tasks.push(task);
        }
        Ok(())
    }

    /// Whether any socket listens.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
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

fn tcp(address: &str, port: u16, backlog: u32) -> io::Result<TcpListener> {
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
    TcpListener::from_std(socket.into())
}

fn unix_socket(config: &Config) -> io::Result<UnixListener> {
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
    UnixListener::from_std(OwnedFd::from(socket).into())
}

/// Pause after the system refused a connection (no more file descriptors): it will go on refusing for a while.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// Counts accepted connections of a turn; after `max-new-connections-per-cycle` the others get theirs.
struct Turn(usize);

impl Turn {
    async fn one_more(&mut self, shared: &Shared) {
        self.0 += 1;
        if self.0 >= shared.exec.borrow().server.config.max_new_connections_per_cycle {
            self.0 = 0;
            tokio::task::yield_now().await;
        }
    }
}

async fn accept_tcp(shared: Rc<Shared>, listener: TcpListener) {
    let mut turn = Turn(0);
    loop {
        match listener.accept().await {
            Ok((stream, addr)) => welcome_tcp(&shared, stream, addr),
            Err(e) => {
                tracing::warn!("Accepting client connection: {}", text(&e));
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
        }
        turn.one_more(&shared).await;
    }
}

async fn accept_unix(shared: Rc<Shared>, listener: UnixListener) {
    let mut turn = Turn(0);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => welcome_unix(&shared, stream),
            Err(e) => {
                tracing::warn!("Accepting client connection: {}", text(&e));
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
        }
        turn.one_more(&shared).await;
    }
}

fn welcome_tcp(shared: &Rc<Shared>, stream: TcpStream, addr: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let seconds = shared.exec.borrow().server.config.tcp_keepalive;
    if seconds > 0 {
        let third = Duration::from_secs((seconds / 3).max(1));
        let keepalive =
            TcpKeepalive::new().with_time(Duration::from_secs(seconds)).with_interval(third).with_retries(3);
        // A connection without keepalive is as good as one with, but for how soon its death is seen.
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    }
    let peer = Peer {
        addr: addr.to_string(),
        laddr: stream.local_addr().map(|a| a.to_string()).unwrap_or_default(),
        fd: stream.as_raw_fd(),
        unix: false,
        local: addr.ip().to_canonical().is_loopback(),
    };
    tracing::debug!("Accepted {addr}");
    admit(shared, Stream::Tcp(stream), peer);
}

fn welcome_unix(shared: &Rc<Shared>, stream: UnixStream) {
    let path = shared.exec.borrow().server.config.unixsocket.clone();
    let fd = stream.as_raw_fd();
    let peer = Peer { addr: format!("{path}:0"), laddr: format!("{path}:0"), fd, unix: true, local: true };
    tracing::debug!("Accepted connection to {path}");
    admit(shared, Stream::Unix(stream), peer);
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
fn admit(shared: &Rc<Shared>, stream: Stream, peer: Peer) {
    let refused: Option<&[u8]> = {
        let mut exec = shared.exec.borrow_mut();
        let server = &mut exec.server;
        let stranger = server.config.protected_mode && server.open_to_all() && !peer.local;
        let refused = match server.clients.len() >= server.config.maxclients {
            true => Some(&b"-ERR max number of clients reached\r\n"[..]),
            false if stranger => Some(PROTECTED),
            false => None,
        };
        server.stats.rejected_connections += refused.is_some() as u64;
        refused
    };
    match refused {
        // One attempt: whoever cannot even take this line finds the connection closed.
        Some(text) => drop(stream.try_write(text)),
        None => conn::spawn(shared, stream, peer),
    }
}
