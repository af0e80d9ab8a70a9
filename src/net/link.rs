//! Connections that this server makes: to its primary. Names are looked up by tokio's threads, so that a name server
//! that does not answer holds nobody up.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use rustix::event::epoll::{self, EventData, EventFlags};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::Shared;
use super::conn::Conn;
use super::turn::{Sockets, Turns};
use crate::engine::session::Closing;
use crate::exec::Exec;
use crate::sys::process::os_text;

/// A connection to be made.
pub(super) struct Dial {
    slot: usize,
    /// The client's, in whose slot meanwhile another one may be.
    id: u64,
    host: String,
    port: u16,
}

impl Sockets {
    /// Makes a connection for the link in this slot; where a name must be looked up first, later.
    pub(super) fn dial(&mut self, exec: &mut Exec, slot: usize, host: String, port: u16) {
        let id = exec.server.client(slot).id;
        match host.parse::<IpAddr>() {
            Ok(ip) => self.connect(exec, slot, SocketAddr::new(ip, port)),
            Err(_) => self.names.push(Dial { slot, id, host, port }),
        }
    }

    fn connect(&mut self, exec: &mut Exec, slot: usize, at: SocketAddr) {
        let source = exec.server.config.bind_source_addr.clone();
        match open(at, &source).and_then(|socket| self.watch_link(exec, slot, socket)) {
            Ok(()) => {}
            Err(e) => {
                exec.link_failed(slot, &os_text(&e));
                exec.disconnect(slot);
            }
        }
    }

    fn watch_link(&mut self, exec: &mut Exec, slot: usize, socket: OwnedFd) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(self.epoll(), &socket, EventData::new_u64(slot as u64), flags)?;
        let session = exec.server.client(slot);
        session.peer.fd = socket.as_raw_fd();
        if let Ok(Some(own)) = SockRef::from(&socket).local_addr().map(|a| a.as_socket()) {
            session.peer.laddr = own.to_string();
        }
        self.put(slot, Conn::dialing(socket, slot));
        Ok(())
    }
}

impl Turns {
    /// A name was looked up.
    fn found(&mut self, dial: &Dial, found: io::Result<Option<SocketAddr>>) {
        let alive = |s: &crate::engine::session::Session| s.id == dial.id && s.closing == Closing::No;
        if !self.exec.server.clients.get(dial.slot).is_some_and(alive) {
            return;
        }
        match found {
            Ok(Some(at)) => self.sockets.borrow_mut().connect(&mut self.exec, dial.slot, at),
            Ok(None) => self.not_found(dial, "no address of this name"),
            Err(e) => self.not_found(dial, &e.to_string()),
        }
    }

    fn not_found(&mut self, dial: &Dial, why: &str) {
        self.exec.link_failed(dial.slot, why);
        self.exec.disconnect(dial.slot);
    }
}

/// A socket that is being connected.
fn open(at: SocketAddr, source: &str) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Ok(ip) = source.parse::<IpAddr>() {
        socket.bind(&SocketAddr::new(ip, 0).into())?;
    }
    match socket.connect(&at.into()) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(e) => return Err(e),
    }
    // Without either it works, too.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_keepalive(true);
    Ok(socket.into())
}

/// Looks up names for those who call by them.
pub(super) async fn look_up(shared: Rc<Shared>) {
    loop {
        shared.names.notified().await;
        let dials = shared.turns.borrow().take_names();
        for dial in dials {
            let shared = shared.clone();
            tokio::task::spawn_local(async move {
                let found = tokio::net::lookup_host((dial.host.as_str(), dial.port)).await;
                let found = found.map(|mut all| all.next());
                shared.turns.borrow_mut().found(&dial, found);
                shared.finish();
            });
        }
    }
}
