//! Listening sockets and accepting from them: a few per turn, so that a storm of new connections does not keep those
//! that are established waiting.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::Shared;
use super::conn;
use crate::engine::session::Peer;

/// Opens all listening sockets of the configuration and accepts from them.
pub fn listen(shared: &Rc<Shared>) -> Result<(), String> {
    let (bind, port, backlog) = {
        let exec = shared.exec.borrow();
        let c = &exec.server.config;
        (c.bind.clone(), c.port, c.tcp_backlog as i32)
    };
    if port == 0 {
        return Ok(());
    }
    for address in &bind {
        let (optional, address) = match address.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, address.as_str()),
        };
        match tcp(address, port, backlog) {
            Ok(l) => {
                tokio::task::spawn_local(accept(shared.clone(), l));
            }
            Err(_) if optional => {}
            Err(e) => {
                return Err(format!("Could not create server TCP listening socket {address}:{port}: {e}"));
            }
        }
    }
    tracing::info!("Ready to accept connections tcp");
    Ok(())
}

fn tcp(address: &str, port: u16, backlog: i32) -> std::io::Result<TcpListener> {
    let ip: IpAddr = match address {
        "*" => IpAddr::from([0, 0, 0, 0]),
        "::*" => IpAddr::from([0u16; 8]),
        a => a.parse().map_err(std::io::Error::other)?,
    };
    let at = SocketAddr::new(ip, port);
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(backlog)?;
    TcpListener::from_std(socket.into())
}

async fn accept(shared: Rc<Shared>, listener: TcpListener) {
    loop {
        let Ok((stream, addr)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let peer = Peer {
            addr: addr.to_string(),
            laddr: stream.local_addr().map(|a| a.to_string()).unwrap_or_default(),
            fd: std::os::fd::AsRawFd::as_raw_fd(&stream),
            unix: false,
            local: addr.ip().is_loopback(),
        };
        conn::spawn(&shared, stream, peer);
    }
}
