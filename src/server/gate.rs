//! What every request passes before a service sees it: who calls is put among its extensions, or it is refused.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::connection::Peer;
use super::identity::Identify;

/// Health is answered to anyone who reaches the server: what asks for it has no identity, and learns nothing
/// but whether to send requests here.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Puts the gate before a service.
#[derive(Clone)]
pub(super) struct Gate(pub Arc<Identify>);

/// A service behind the gate.
#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    identify: Arc<Identify>,
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, identify: Arc::clone(&self.0) }
    }
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The clone waits to be ready; the one that is ready is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let identify = Arc::clone(&self.identify);
        Box::pin(async move {
            if !request.uri().path().starts_with(HEALTH) {
                let nobody = Peer::default();
                let peer = request.extensions().get::<Peer>().unwrap_or(&nobody);
                match identify.caller(peer, request.headers()).await {
                    Ok(caller) => drop(request.extensions_mut().insert(caller)),
                    Err(status) => return Ok(status.into_http()),
                }
            }
            inner.call(request).await
        })
    }
}
