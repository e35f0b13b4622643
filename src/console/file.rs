//! A file as an answer: sent piece by piece, however large it is.

use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::console::trouble::Trouble;

/// Answers with a file that a browser is to keep under this name. The name is one of ours: letters, digits, `.` and `-`.
pub(super) fn attachment(mut file: File, name: &str) -> Result<Response, Trouble> {
    const PIECE_BYTES: usize = 64 << 10;
    let length = file.metadata()?.len();
    // A browser that reads slowly keeps two pieces in memory, not the file.
    let (send, pieces) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = match file.read(&mut piece) {
                Ok(0) => return,
                Ok(read) => {
                    piece.truncate(read);
                    Ok(Bytes::from(piece))
                }
                Err(error) => Err(error),
            };
            let is_over = read.is_err();
            // Nobody listens any more: the browser has gone.
            if send.blocking_send(read).is_err() || is_over {
                return;
            }
        }
    });
    let kind = HeaderValue::from_static("application/octet-stream");
    let place = format!("attachment; filename=\"{name}\"");
    let place =
        HeaderValue::from_str(&place).map_err(|_| Trouble::NotFound { what: "such file".to_owned() })?;
    let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, place), (CONTENT_LENGTH, length.into())];
    Ok((headers, Body::new(Pieces { pieces })).into_response())
}

struct Pieces {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.pieces.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
