//! Bodies that come piece by piece, pulled by the connection, so that a client that reads slowly
//! slows whoever makes the pieces. Must not know what the pieces say.

use crate::backend::Pending;
use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// What makes a body piece by piece.
pub trait Pieces: Send + 'static {
    /// The next piece; none at the end. An error breaks the connection off, so that the client
    /// does not take what it has for the whole.
    fn next(&mut self) -> Pending<'_, Option<io::Result<Bytes>>>;
}

/// The pieces of an answer until its connection takes them.
#[derive(Clone, Default)]
pub struct Stream(Arc<Mutex<Option<Box<dyn Pieces>>>>);

impl Stream {
    /// A stream of these pieces.
    pub fn new(pieces: impl Pieces) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(pieces)))))
    }

    /// Takes the pieces; none where somebody has them.
    #[must_use]
    pub fn take(&self) -> Option<Box<dyn Pieces>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

type Step = Pin<Box<dyn Future<Output = (Box<dyn Pieces>, Option<io::Result<Bytes>>)> + Send>>;

/// A body as hyper wants it.
pub(super) enum Content {
    Whole(Full<Bytes>),
    Pieces(Option<Step>),
}

impl Content {
    pub(super) fn of(whole: Bytes, stream: Option<&Stream>) -> Self {
        match stream.and_then(Stream::take) {
            Some(pieces) => Self::Pieces(Some(step(pieces))),
            None => Self::Whole(Full::new(whole)),
        }
    }
}

fn step(mut pieces: Box<dyn Pieces>) -> Step {
    Box::pin(async move {
        let piece = pieces.next().await;
        (pieces, piece)
    })
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Self::Pieces(next) => {
                let Some(making) = next else {
                    return Poll::Ready(None);
                };
                let (pieces, piece) = ready!(making.as_mut().poll(context));
                *next = match &piece {
                    Some(Ok(_)) => Some(step(pieces)),
                    _ => None,
                };
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Pieces(next) => next.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
