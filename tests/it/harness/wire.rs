//! A line to a server that breaks at one statement, counted: on its way there, or when the server has done it and says so. Or a
//! statement waits on it, while something else happens.
//!
//! The relay reads the protocol just so far that it can tell one statement from the next.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How the line breaks at a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never hears of it, and nobody reaches the server any more until the line is mended.
    Unheard,
    /// The server does it, and its answer is lost with the connection. Other connections, and new ones, are good.
    Unanswered,
}

/// A relay to the server at a port of this computer.
#[derive(Debug)]
pub(crate) struct Wire {
    port: u16,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    server: u16,
    ends: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What was sent since the line was mended, a few words of each.
    heard: Vec<String>,
    /// Which of them the line breaks at, counted from 1.
    cut: Option<(usize, Cut)>,
    struck: Option<String>,
    /// The next statement with these words waits.
    hold: Option<String>,
    is_held: bool,
    is_down: bool,
    open: Vec<TcpStream>,
}

impl Wire {
    /// A relay to `server`, a port, which lets everything through.
    pub(crate) fn to(server: u16) -> Wire {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner { server, ends: AtomicBool::new(false), state: Mutex::default() });
        let of_thread = Arc::clone(&inner);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if of_thread.ends.load(Ordering::Relaxed) {
                    break;
                }
                of_thread.accept(client);
            }
        });
        Wire { port, inner }
    }

    /// The port to connect to instead of the server's.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Mends the line and counts anew. It breaks at the statement of this number, if it is given one.
    pub(crate) fn mend(&self, cut: Option<(usize, Cut)>) {
        *self.inner.state() = State { cut, ..State::default() };
    }

    /// Lets the next statement with these words wait until it is let go.
    pub(crate) fn hold(&self, words: &str) {
        self.inner.state().hold = Some(words.to_owned());
    }

    /// Waits until that statement is there. Returns `false` where the command has ended without one.
    pub(crate) fn wait_until_held(&self, command: &mut Child) -> bool {
        loop {
            if self.inner.state().is_held {
                return true;
            }
            if command.try_wait().unwrap().is_some() {
                return false;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Lets it go on.
    pub(crate) fn let_go(&self) {
        let mut state = self.inner.state();
        (state.hold, state.is_held) = (None, false);
    }

    /// What was sent since the line was mended, a few words of each.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.inner.state().heard.clone()
    }

    /// The statement at which the line broke.
    pub(crate) fn struck(&self) -> Option<String> {
        self.inner.state().struck.clone()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.inner.ends.store(true, Ordering::Relaxed);
        self.inner.state().is_down = true;
        // Wakes the one that listens.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, client: TcpStream) {
        if self.state().is_down {
            return;
        }
        let Ok(server) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.server))) else {
            return;
        };
        for end in [&client, &server] {
            end.set_nodelay(true).unwrap();
            self.state().open.push(end.try_clone().unwrap());
        }
        let is_mute = Arc::new(AtomicBool::new(false));
        let (inner, mute) = (Arc::clone(self), Arc::clone(&is_mute));
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || {
            let _ = inner.up(&from, &to, &mute);
            hang_up(&from, &to);
        });
        thread::spawn(move || {
            let _ = down(&server, &client, &is_mute);
            hang_up(&server, &client);
        });
    }

    /// Passes on what the program sends, one packet after the other.
    fn up(&self, mut from: &TcpStream, mut to: &TcpStream, is_mute: &AtomicBool) -> io::Result<()> {
        let mut is_signed_in = false;
        loop {
            let mut packet = vec![0; 4];
            from.read_exact(&mut packet)?;
            let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]) as usize;
            packet.resize(4 + length, 0);
            from.read_exact(&mut packet[4..])?;
            // An answer to the server's greeting is number 1 of its exchange; each statement begins an exchange of its own.
            let words = match packet[3] {
                0 => words(&packet[4..]),
                _ if !is_signed_in => Some("sign in".to_owned()),
                _ => None,
            };
            is_signed_in = true;
            if let Some(words) = words {
                match self.hear(words) {
                    Some(Cut::Unheard) => return Ok(()),
                    Some(Cut::Unanswered) => is_mute.store(true, Ordering::SeqCst),
                    None => {}
                }
            }
            to.write_all(&packet)?;
        }
    }

    /// Counts a statement, lets it wait where it is to, and says whether the line breaks at it.
    fn hear(&self, words: String) -> Option<Cut> {
        let mut state = self.state();
        if state.hold.take_if(|wanted| words.contains(wanted.as_str())).is_some() {
            state.is_held = true;
            while state.is_held {
                drop(state);
                thread::sleep(PAUSE);
                state = self.state();
            }
        }
        state.heard.push(words.clone());
        let (_, how) = state.cut.filter(|(number, _)| *number == state.heard.len())?;
        state.struck = Some(words);
        if how == Cut::Unheard {
            state.is_down = true;
            for end in state.open.drain(..) {
                let _ = end.shutdown(Shutdown::Both);
            }
        }
        Some(how)
    }
}

/// How often a thread that waits looks again.
const PAUSE: Duration = Duration::from_millis(5);

/// Passes on what the server answers, until an answer is to be lost.
fn down(mut from: &TcpStream, mut to: &TcpStream, is_mute: &AtomicBool) -> io::Result<()> {
    let mut piece = [0; 16 << 10];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 || is_mute.load(Ordering::SeqCst) {
            return Ok(());
        }
        to.write_all(&piece[..read])?;
    }
}

fn hang_up(one: &TcpStream, other: &TcpStream) {
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}

/// A few words of a statement; `None` for what is never answered.
fn words(packet: &[u8]) -> Option<String> {
    const QUERY: u8 = 3;
    const PREPARE: u8 = 22;
    const EXECUTE: u8 = 23;
    const NEVER_ANSWERED: [u8; 3] = [1, 24, 25];
    let (kind, text) = packet.split_first()?;
    let text: String = String::from_utf8_lossy(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match *kind {
        QUERY | PREPARE => Some(text.chars().take(600).collect()),
        EXECUTE => Some("what was prepared".to_owned()),
        kind if NEVER_ANSWERED.contains(&kind) => None,
        kind => Some(format!("command {kind}")),
    }
}
