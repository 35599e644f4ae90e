//! A client of a server, in the words of the command line: what it is asked and what it answers are words,
//! and every error says what to do.

mod audit;

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::convert::{self, BadFields};
use super::proto;
use super::proto::authorization_service_client::AuthorizationServiceClient;
use super::proto::catalog_service_client::CatalogServiceClient;
use super::words::{self, WordsError};
use crate::domain::EntryKind;

/// How long a connection may take: a server that is there takes milliseconds, one on another continent less
/// than a second.
const CONNECT: Duration = Duration::from_secs(5);
/// Entries of a page of a list: the most that a server gives.
const PAGE: u32 = 1000;

/// Why a server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none. Mend it.
    #[error("`{server}` is no address of a server: {problem}")]
    Address {
        /// What was given.
        server: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The certificates or the key are none. Mend them.
    #[error("the certificates or the key cannot be used")]
    Credentials(#[source] tonic::transport::Error),
    /// The token is none. Mend it.
    #[error("the token cannot be sent: it has other characters than a token has")]
    Token,
    /// There is no connection. Start the server, or name another.
    #[error("failed to reach a server at `{server}`")]
    Connect {
        /// Its address.
        server: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The words are wrong, as found here or by the server. The caller can mend them.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// The server refused. [`Refusal::help`] says what to do.
    #[error("{0}")]
    Refused(Refusal),
}

/// A refusal of the server, with what a program can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the server said.
    pub message: String,
    /// Its kind.
    code: Code,
    /// The reason of its `google.rpc.ErrorInfo`; empty: none.
    reason: String,
}

/// How a client and a server know each other. Its parts are secrets, and are not shown.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The authorities of the server's certificate, as PEM; absent: the system's.
    pub ca: Option<Vec<u8>>,
    /// The client's own certificate with its chain, and its key, as PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The token to send with each call.
    pub token: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Entries in words, each with the revision that wrote it.
    pub entries: Vec<(Value, u64)>,
    /// Asks for the next page; empty: this is the last.
    pub next_page_token: String,
}

/// A connection to a server. Cheap to clone; calls on it run side by side.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    token: Option<AsciiMetadataValue>,
    timeout: Duration,
}

// === impl Client ===

impl Client {
    /// Connects to `HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT`, with these credentials. No call then
    /// takes longer than `timeout`.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::Credentials`] or [`ClientError::Connect`].
    pub async fn connect(
        server: &str,
        credentials: Credentials,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        let uri = address(server, &credentials)?;
        let is_tls = uri.scheme_str() == Some("https");
        let mut endpoint = Endpoint::from(uri).connect_timeout(CONNECT).timeout(timeout);
        let token = credentials.token()?;
        if is_tls {
            endpoint = endpoint.tls_config(credentials.tls()).map_err(ClientError::Credentials)?;
        }
        let channel = endpoint
            .connect()
            .await
            .map_err(|source| ClientError::Connect { server: server.to_owned(), source })?;
        Ok(Self { channel, token, timeout })
    }

    /// Asks a question; gives the answer.
    ///
    /// # Errors
    /// [`ClientError`]; no verdict was reached, which is never an allow.
    pub async fn authorize(&self, question: &Value) -> Result<Value, ClientError> {
        let request: proto::AuthorizeRequest = words::read(question)?;
        let mut client = AuthorizationServiceClient::new(self.channel.clone());
        let answer = client.authorize(self.request(request)).await.map_err(refused)?.into_inner();
        Ok(words::write(&answer)?)
    }

    /// Registers an entry, over the revision that is expected; 0: over none; absent: over whatever there is.
    /// Gives the revision that wrote it.
    ///
    /// # Errors
    /// [`ClientError`]; as a rule nothing was written, see [`Refusal::is_passing`].
    pub async fn put(
        &self,
        kind: EntryKind,
        entry: &Value,
        expected_revision: Option<u64>,
    ) -> Result<u64, ClientError> {
        let entry = Some(words::wire_entry(kind, entry)?);
        let request = self.request(proto::PutRequest { entry, expected_revision });
        match self.catalog().put(request).await.map_err(refused) {
            Ok(response) => Ok(response.into_inner().revision),
            Err(ClientError::Words(WordsError::Bad(bad))) => {
                Err(WordsError::Bad(bad.below(&words::entry_path(kind))).into())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads an entry, with the revision that wrote it.
    ///
    /// # Errors
    /// [`ClientError`], where there is none too.
    pub async fn get(&self, kind: EntryKind, key: &str) -> Result<(Value, u64), ClientError> {
        let request = proto::GetRequest { kind: convert::to_kind(kind), key: key.to_owned() };
        let response = self.catalog().get(self.request(request)).await.map_err(refused)?.into_inner();
        Ok((words::from_wire_entry(&response.entry.unwrap_or_default())?, response.revision))
    }

    /// Removes an entry; gives the revision that did.
    ///
    /// # Errors
    /// [`ClientError`], where there is none too.
    pub async fn delete(
        &self,
        kind: EntryKind,
        key: &str,
        expected_revision: Option<u64>,
    ) -> Result<u64, ClientError> {
        let kind = convert::to_kind(kind);
        let request = proto::DeleteRequest { kind, key: key.to_owned(), expected_revision };
        let response = self.catalog().delete(self.request(request)).await.map_err(refused)?;
        Ok(response.into_inner().revision)
    }

    /// One page of the entries of a kind whose keys begin with `prefix`; an empty token asks for the first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list(&self, kind: EntryKind, prefix: &str, page_token: &str) -> Result<Page, ClientError> {
        let request = proto::ListRequest {
            kind: convert::to_kind(kind),
            prefix: prefix.to_owned(),
            page_size: PAGE,
            page_token: page_token.to_owned(),
        };
        let response = self.catalog().list(self.request(request)).await.map_err(refused)?.into_inner();
        let mut page = Page { entries: Vec::new(), next_page_token: response.next_page_token };
        for stored in response.entries {
            page.entries.push((words::from_wire_entry(&stored.entry.unwrap_or_default())?, stored.revision));
        }
        Ok(page)
    }

    fn catalog(&self) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.channel.clone())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        request
    }
}

// === impl Credentials ===

impl Credentials {
    fn tls(&self) -> ClientTlsConfig {
        let config = match &self.ca {
            Some(ca) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        match &self.identity {
            Some((certificate, key)) => config.identity(Identity::from_pem(certificate, key)),
            None => config,
        }
    }

    fn token(&self) -> Result<Option<AsciiMetadataValue>, ClientError> {
        let Some(token) = &self.token else { return Ok(None) };
        let mut value: AsciiMetadataValue =
            format!("Bearer {}", token.trim()).parse().map_err(|_| ClientError::Token)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// The address of a server. What is secret goes by TLS, or no further than this machine.
fn address(server: &str, credentials: &Credentials) -> Result<Uri, ClientError> {
    let bad = |problem| ClientError::Address { server: server.to_owned(), problem };
    let has_tls = credentials.ca.is_some() || credentials.identity.is_some();
    let uri = match server.split_once("://") {
        Some(("https", _)) => server.to_owned(),
        Some(("http", _)) if has_tls => return Err(bad("certificates are for https://")),
        Some(("http", _)) => server.to_owned(),
        Some(_) => return Err(bad("it begins with https:// or http://, or with the host")),
        None => format!("{}://{server}", if has_tls { "https" } else { "http" }),
    };
    let uri: Uri = uri.parse().map_err(|_| bad("give HOST:PORT, such as 127.0.0.1:7171"))?;
    if uri.port().is_none() {
        return Err(bad("it has no port; give HOST:PORT, such as 127.0.0.1:7171"));
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if credentials.token.is_some() && uri.scheme_str() == Some("http") && !here {
        return Err(bad("a token is sent by https:// alone, or to this machine"));
    }
    Ok(uri)
}

// === impl ClientError ===

impl ClientError {
    /// The bad fields, where that is what is wrong.
    #[must_use]
    pub const fn bad_fields(&self) -> Option<&BadFields> {
        match self {
            Self::Words(WordsError::Bad(bad)) => Some(bad),
            _ => None,
        }
    }

    /// Whether the entry that was to be created is there already.
    #[must_use]
    pub fn is_already_there(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == Code::AlreadyExists)
    }

    /// Whether the same call may succeed later: the server is not there, or has too much to do.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            Self::Refused(refusal) => refusal.is_passing(),
            _ => false,
        }
    }

    /// What the person who asked can do; empty where the message says it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Connect { .. } => {
                "start one with `situs serve --example`, or name another with --server or SITUS_SERVER"
            }
            Self::Refused(refusal) => refusal.help(),
            _ => "",
        }
    }
}

// === impl Refusal ===

impl Refusal {
    /// Whether the same call may succeed later. A write may have been made all the same.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self.code,
            Code::Unavailable | Code::ResourceExhausted | Code::Cancelled | Code::DeadlineExceeded
        )
    }

    /// What the person who asked can do; empty where the message says it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match (self.code, self.reason.as_str()) {
            (_, "NOT_READY") => {
                "the server has no bundle that could be served: its log and GetStatus say why; \
                 `situs validate DIR` shows the faults of a bundle"
            }
            (_, "BEHIND") => {
                "ask again, or another replica; `situs authorize` without the expectation asks any"
            }
            (_, "NOT_RECORDED") => "the server's disk needs a look: what cannot be recorded is not done",
            (_, "FIELD_FORBIDDEN") => {
                "leave it out, register it in the catalogue, or let the access policy permit it to this caller"
            }
            (Code::Unauthenticated, _) => {
                "the server does not know this caller: --token-file, or --cert and --key, say who it is"
            }
            (_, "FORBIDDEN") => "the access policy of the server does not let this caller do it",
            (_, "CONFLICT" | "EXISTS") => "read it with `situs catalog get`, then decide anew",
            (Code::Cancelled | Code::DeadlineExceeded, _) => {
                "the server did not answer in time: it may be overloaded; --timeout gives it longer"
            }
            (Code::Unavailable, _) => "the server is not there, or closes: try again",
            (Code::ResourceExhausted, _) => "try again after a pause",
            (Code::Unimplemented, _) => "is that a Situs server, and no older than this program?",
            (Code::NotFound, _) => "`situs catalog list` shows what is registered",
            _ => "",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.message.as_str() {
            "" => write!(f, "the server answered {:?}", self.code),
            message => f.write_str(message),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn refused(status: Status) -> ClientError {
    if let Some(bad) = status.get_details_bad_request() {
        let mut fields = BadFields::default();
        bad.field_violations.iter().for_each(|field| fields.add(&field.field, || field.description.clone()));
        if !fields.is_empty() {
            return WordsError::Bad(fields).into();
        }
    }
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    ClientError::Refused(Refusal { message: status.message().to_owned(), code: status.code(), reason })
}
