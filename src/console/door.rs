//! Where lines come in: so many at a time, each with time limits, so that slow or idle ones keep nobody out.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::console::app::lock;

/// Where a line comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// How many lines each address has open, so that one cannot take them all.
#[derive(Clone, Default)]
struct Callers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A line that counts for its address until it is dropped.
struct Call(Callers, IpAddr);

impl Callers {
    /// `None`: this address has enough of them.
    fn take(&self, address: IpAddr) -> Option<Call> {
        let mut open = lock(&self.0);
        let own = open.entry(address).or_default();
        (*own < LINES_OF_ONE).then(|| {
            *own += 1;
            Call(self.clone(), address)
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut open = lock(&self.0.0);
        if let Some(own) = open.get_mut(&self.1) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.1);
            }
        }
    }
}

/// Takes lines until `stop` is true, then lets those that are at work finish. Behind a web server all lines have its address.
pub(super) async fn keep(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    is_proxied: bool,
    stop: Arc<AtomicBool>,
) {
    let callers = Callers::default();
    let lines = Arc::new(Semaphore::new(LINES_MAX));
    while !stop.load(Ordering::Relaxed) {
        let Ok(permit) = Arc::clone(&lines).acquire_owned().await else {
            break;
        };
        let accepted = match tokio::time::timeout(LOOK_EVERY, listener.accept()).await {
            Ok(Ok(accepted)) => accepted,
            // No file left, or a line that broke at once: a moment later it may be better.
            Ok(Err(_)) => {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            Err(_) => continue,
        };
        let (stream, peer) = accepted;
        let call = callers.take(peer.ip());
        // Closed at once: whoever has so many lines open needs no more words.
        if call.is_none() && !is_proxied {
            continue;
        }
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            let _call = call;
            let whole = tokio::time::timeout(LINE_MAX, take(stream, peer, acceptor, router));
            let _ = whole.await;
            drop(permit);
        });
    }
    drop(listener);
    // What is at work ends by itself; an idle line does not, and is not waited for.
    let all = lines.acquire_many(u32::try_from(LINES_MAX).unwrap_or(u32::MAX));
    let _ = tokio::time::timeout(Duration::from_secs(3), all).await;
}

async fn take(stream: TcpStream, peer: SocketAddr, acceptor: Option<TlsAcceptor>, router: Router) {
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => converse(stream, peer, router).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_MAX, acceptor.accept(stream)).await {
                converse(stream, peer, router).await;
            }
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let mut server = http1::Builder::new();
    // A request must begin soon after the one before it, too: this is also how long an idle line is kept.
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(HEAD_BYTES_MAX);
    // Broken lines are the browser's business.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

const LINES_MAX: usize = 256;
const LINES_OF_ONE: usize = 64;
const LOOK_EVERY: Duration = Duration::from_millis(200);
const HEAD_MAX: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 32 << 10;
/// An upload or download of gigabytes over a slow line may take that long.
const LINE_MAX: Duration = Duration::from_secs(4 * 3600);
