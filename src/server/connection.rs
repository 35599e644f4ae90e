//! Connections: taken, bounded, and made safe before anything is read from them as a request.
//!
//! A connection has a place among those that are allowed, finishes its TLS handshake, and begins to speak
//! HTTP/2, each in time; then it is handed on with who its certificate names. What goes on after that, the
//! protocol's own pings watch.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::identity::certificate;
use super::tls::Certificates;
use crate::domain::Caller;

/// How long a client may take for its handshake, and again for its first words: on a slow line some hundred
/// milliseconds.
const BEGIN: Duration = Duration::from_secs(10);
/// The bytes that every HTTP/2 connection begins with.
const PREFACE: usize = 24;
/// Connections that are ready and wait to be served: that takes no time.
const READY: usize = 16;
/// How long to wait where the system gives no connection: it is out of file handles, say.
const RETRY: Duration = Duration::from_millis(100);

/// Who a connection's certificate names; nobody, where there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer(Option<Arc<Caller>>);

impl Peer {
    /// The caller by the certificate.
    pub fn caller(&self) -> Option<&Caller> {
        self.0.as_deref()
    }
}

/// A connection that is ready to be served.
pub(super) struct Connection {
    io: Io,
    peer: Peer,
    begin: Option<Begin>,
    _place: OwnedSemaphorePermit,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What a connection still owes before it has begun.
struct Begin {
    bytes: usize,
    until: Pin<Box<Sleep>>,
}

/// Takes connections, at most so many at once, until what it gives is dropped.
pub(super) fn incoming(
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    most: usize,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, ready) = mpsc::channel(READY);
    tokio::spawn(take(listener, certificates, Arc::new(Semaphore::new(most)), sender));
    ReceiverStream::new(ready)
}

async fn take(
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    places: Arc<Semaphore>,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    // Dropped with this task, and so with the server. Each holds a place, so there are no more than those.
    let mut beginning = JoinSet::new();
    loop {
        let socket = tokio::select! {
            () = sender.closed() => return,
            Some(_done) = beginning.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((socket, _address)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be taken");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            },
        };
        // One too many is closed at once, rather than left to wait for it knows not what.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("there are as many connections as are allowed; one more is closed");
            continue;
        };
        let acceptor = certificates.as_ref().map(|certificates| TlsAcceptor::from(certificates.current()));
        let sender = sender.clone();
        beginning.spawn(async move {
            match tokio::time::timeout(BEGIN, Connection::begin(socket, acceptor, place)).await {
                Ok(Ok(connection)) => drop(sender.send(Ok(connection)).await),
                Ok(Err(error)) => tracing::debug!(%error, "a connection did not begin"),
                Err(_late) => tracing::debug!("a connection did not begin in time"),
            }
        });
    }
}

// === impl Connection ===

impl Connection {
    async fn begin(
        socket: TcpStream,
        acceptor: Option<TlsAcceptor>,
        place: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
        // An answer is one small write: it must not wait for an acknowledgement of the one before.
        socket.set_nodelay(true)?;
        let (io, peer) = match acceptor {
            None => (Io::Plain(socket), Peer::default()),
            Some(acceptor) => {
                let stream = acceptor.accept(socket).await?;
                let peer = named(&stream);
                (Io::Tls(Box::new(stream)), peer)
            }
        };
        let until = Box::pin(tokio::time::sleep_until(Instant::now() + BEGIN));
        Ok(Self { io, peer, begin: Some(Begin { bytes: PREFACE, until }), _place: place })
    }

    /// Whether it has begun in time; `read` bytes have come since it was last asked.
    fn has_begun(&mut self, read: usize, context: &mut Context<'_>) -> io::Result<()> {
        let Some(begin) = &mut self.begin else { return Ok(()) };
        begin.bytes = begin.bytes.saturating_sub(read);
        if begin.bytes == 0 {
            self.begin = None;
            return Ok(());
        }
        match begin.until.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Who the certificate of a handshake that was verified names.
fn named(stream: &TlsStream<TcpStream>) -> Peer {
    let (_, session) = stream.get_ref();
    let Some(leaf) = session.peer_certificates().and_then(|chain| chain.first()) else {
        return Peer::default();
    };
    match certificate::caller(leaf) {
        Ok(caller) => Peer(Some(Arc::new(caller))),
        Err(error) => {
            tracing::warn!(%error, "a client is not known by its certificate");
            Peer::default()
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let polled = match &mut this.io {
            Io::Plain(io) => Pin::new(io).poll_read(context, buffer),
            Io::Tls(io) => Pin::new(io.as_mut()).poll_read(context, buffer),
        };
        this.has_begun(buffer.filled().len().saturating_sub(before), context)?;
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write(context, bytes),
            Io::Tls(io) => Pin::new(io.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_flush(context),
            Io::Tls(io) => Pin::new(io.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_shutdown(context),
            Io::Tls(io) => Pin::new(io.as_mut()).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write_vectored(context, buffers),
            Io::Tls(io) => Pin::new(io.as_mut()).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }
}
