//! What every request passes before a service sees it: who calls is put among its extensions, and there is a
//! place for it; or it is refused.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::connection::Peer;
use super::identity::Identify;
use super::limits::Limits;
use crate::grpc::overloaded;

/// Health is answered to anyone who reaches the server: what asks for it has no identity, and learns nothing
/// but whether to send requests here.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Puts the gate before a service.
#[derive(Clone)]
pub(super) struct Gate {
    pub identify: Arc<Identify>,
    pub limits: Limits,
}

/// A service behind the gate.
#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.clone() }
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
        let gate = self.gate.clone();
        Box::pin(async move {
            if request.uri().path().starts_with(HEALTH) {
                return inner.call(request).await;
            }
            let nobody = Peer::default();
            let peer = request.extensions().get::<Peer>().unwrap_or(&nobody);
            let caller = match gate.identify.caller(peer, request.headers()).await {
                Ok(caller) => caller,
                Err(status) => return Ok(status.into_http()),
            };
            if !gate.limits.is_within_rate(&caller) {
                return Ok(overloaded("the caller asks too often").into_http());
            }
            // Held until the answer is there, or its stream begins.
            let Some(_place) = gate.limits.call() else {
                return Ok(overloaded("too many calls are in flight").into_http());
            };
            request.extensions_mut().insert(caller);
            inner.call(request).await
        })
    }
}
