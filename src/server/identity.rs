//! Who calls: by the listener, by the certificate of the connection, or by the token of the request.
//!
//! It says who somebody is, and nothing of what they may do: that is `access/`. A token that is given must be
//! good, and then it is the token that counts; without one the certificate does. Nobody is never somebody: a
//! caller that gives neither, where there is something to give, is UNAUTHENTICATED, and is not told why.

pub(super) mod certificate;
mod fetch;
mod keys;
mod signature;
mod token;

use std::sync::Arc;

use http::{HeaderMap, header};
use tonic::Status;

pub(super) use self::keys::Keys;
pub use self::keys::KeysError;
use self::token::{TokenError, TokenReader};
use super::connection::Peer;
use crate::config::Config;
use crate::domain::Caller;
use crate::engine::Clock;
use crate::grpc::{unauthenticated, unknown_for_now};

/// How the callers of a listener are known.
pub(super) enum Identify {
    /// Everybody is local.
    Local(Caller),
    /// There is nothing to be known by.
    Anonymous(Caller),
    /// By a token, where there are any, or a certificate.
    Known(Option<Box<TokenReader>>),
}

// === impl Identify ===

impl Identify {
    /// As the configuration has it, with the keys of tokens to watch.
    ///
    /// # Errors
    /// [`KeysError`]: the keys are configured, and cannot be used.
    pub async fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Option<Arc<Keys>>), KeysError> {
        let security = &config.security;
        let by_certificate = security.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let Some(tokens) = &security.tokens else {
            let identify = match (config.is_local(), by_certificate) {
                (true, _) => Self::Local(Caller::local()),
                (false, true) => Self::Known(None),
                (false, false) => Self::Anonymous(Caller::anonymous()),
            };
            return Ok((identify, None));
        };
        let keys = Arc::new(Keys::open(&tokens.keys).await?);
        let reader = TokenReader::new(tokens.clone(), Arc::clone(&keys), clock);
        Ok((Self::Known(Some(Box::new(reader))), Some(keys)))
    }

    /// Who calls.
    ///
    /// # Errors
    /// UNAUTHENTICATED; or UNAVAILABLE, where there are no keys to know anybody by.
    pub async fn caller(&self, peer: &Peer, headers: &HeaderMap) -> Result<Caller, Status> {
        let reader = match self {
            Self::Local(caller) | Self::Anonymous(caller) => return Ok(caller.clone()),
            Self::Known(reader) => reader.as_deref(),
        };
        // Where no tokens are configured, the header is not for this server.
        if let Some(reader) = reader
            && headers.contains_key(header::AUTHORIZATION)
        {
            let Some(token) = bearer(headers) else { return Err(unauthenticated("the token is malformed")) };
            return reader.caller(token).await.map_err(|error| match error {
                TokenError::NoKeys => unknown_for_now(),
                error => unauthenticated(&error.to_string()),
            });
        }
        peer.caller().cloned().ok_or_else(|| unauthenticated("it gives no credential"))
    }
}

/// The token of `authorization: Bearer TOKEN`, if that is what there is, once.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
