//! A bad road to a server: a relay on loopback that cuts, stalls, throttles, delays and goes away when a test says so.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What the road does to each connection, those that are open included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Road {
    /// Everything goes through.
    Open,
    /// Nobody listens: a new connection is closed at once, an open one too.
    Down,
    /// A connection breaks after so many bytes, both directions together.
    CutAfter(u64),
    /// The same, and the server never hears that it did: its end stays open.
    HalfOpenAfter(u64),
    /// Nothing moves and nothing breaks.
    Stalled,
    /// So many bytes a second each way.
    Throttled(u64),
    /// Every piece takes so long each way.
    Delayed(Duration),
}

/// A relay to the server at a port of this computer.
#[derive(Debug)]
pub(crate) struct Line {
    port: u16,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    server: u16,
    road: Mutex<Road>,
    ends: AtomicBool,
    connections: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
}

impl Line {
    /// A relay to `server`, a port; the road is open.
    pub(crate) fn to(server: u16) -> Line {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            server,
            road: Mutex::new(Road::Open),
            ends: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&inner);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if of_thread.ends.load(Ordering::Relaxed) {
                    break;
                }
                of_thread.accept(client);
            }
        });
        Line { port, inner }
    }

    /// The port to connect to instead of the server's.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on the road is so.
    pub(crate) fn set(&self, road: Road) {
        *self.inner.road.lock().unwrap_or_else(PoisonError::into_inner) = road;
    }

    /// How many connections were made since the last time this was asked.
    pub(crate) fn take_connections(&self) -> u64 {
        self.inner.connections.swap(0, Ordering::Relaxed)
    }

    /// How many bytes went to the server since the last time this was asked.
    pub(crate) fn take_sent_bytes(&self) -> u64 {
        self.inner.sent_bytes.swap(0, Ordering::Relaxed)
    }

    /// How many bytes came from the server since the last time this was asked.
    pub(crate) fn take_received_bytes(&self) -> u64 {
        self.inner.received_bytes.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.inner.ends.store(true, Ordering::Relaxed);
        self.set(Road::Down);
        // Wakes the one that listens.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Inner {
    fn road(&self) -> Road {
        *self.road.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, client: TcpStream) {
        if self.road() == Road::Down {
            return;
        }
        self.connections.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.server));
        // A server that is down looks here as it looks without a relay: closed at once.
        let Ok(server) = TcpStream::connect(address) else { return };
        let passed = Arc::new(AtomicU64::new(0));
        for (from, to, is_up) in
            [(client.try_clone().unwrap(), server.try_clone().unwrap(), true), (server, client, false)]
        {
            let (inner, passed) = (Arc::clone(self), Arc::clone(&passed));
            thread::spawn(move || inner.relay(from, to, is_up, &passed));
        }
    }

    /// Moves bytes until one end is closed or the road breaks.
    fn relay(&self, mut from: TcpStream, mut to: TcpStream, is_up: bool, passed: &AtomicU64) {
        let pause = Duration::from_millis(20);
        from.set_read_timeout(Some(pause)).unwrap();
        to.set_nodelay(true).unwrap();
        let mut piece = [0; 16 << 10];
        loop {
            let road = self.road();
            let room = match road {
                Road::Down => 0,
                Road::CutAfter(bytes) | Road::HalfOpenAfter(bytes) => {
                    bytes.saturating_sub(passed.load(Ordering::Relaxed))
                }
                Road::Throttled(bytes) => (bytes / 20).max(1),
                Road::Stalled | Road::Open | Road::Delayed(_) => u64::MAX,
            };
            match road {
                Road::Stalled => {
                    thread::sleep(pause);
                    continue;
                }
                Road::HalfOpenAfter(_) if room == 0 => {
                    // The server's end is kept, and nothing comes from it any more.
                    if is_up {
                        let _ = from.shutdown(Shutdown::Both);
                    } else {
                        let _ = to.shutdown(Shutdown::Both);
                    }
                    while self.road() == road {
                        thread::sleep(pause);
                    }
                    break;
                }
                Road::Open
                | Road::Down
                | Road::CutAfter(_)
                | Road::HalfOpenAfter(_)
                | Road::Throttled(_)
                | Road::Delayed(_) => {
                    if room == 0 {
                        break;
                    }
                }
            }
            let length = piece.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let read = match from.read(&mut piece[..length]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    continue;
                }
                Err(_) => break,
            };
            match road {
                Road::Delayed(time) => thread::sleep(time),
                Road::Throttled(_) => thread::sleep(Duration::from_millis(50)),
                Road::Open | Road::Down | Road::CutAfter(_) | Road::HalfOpenAfter(_) | Road::Stalled => {}
            }
            passed.fetch_add(read as u64, Ordering::Relaxed);
            let count = if is_up { &self.sent_bytes } else { &self.received_bytes };
            count.fetch_add(read as u64, Ordering::Relaxed);
            if to.write_all(&piece[..read]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
