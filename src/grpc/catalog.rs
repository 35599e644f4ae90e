//! `CatalogService`: reads, writes and follows the catalogue, which stands behind [`CatalogAdmin`].

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::caller;
use super::closing::Closing;
use super::convert;
use super::ports::{
    AnswerError, CatalogAdmin, CatalogError, CatalogWatch, Expected, Vocabularies, WatchEvent,
};
use super::proto::catalog_service_server::CatalogService;
use super::proto::watch_response::Event;
use super::proto::{
    Bookmark, DeleteRequest, DeleteResponse, DeletedEntry, GetRequest, GetResponse, ListRequest,
    ListResponse, PutRequest, PutResponse, SnapshotEnd, StoredEntry, WatchRequest, WatchResponse,
};
use super::status::{bad_field, closing, exists};
use crate::domain::EntryKind;

/// Bytes after which a page ends: with one more portion of entries it stays below the 4 MiB that clients
/// take.
const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;
/// Entries that are taken from the catalogue at once; an entry has at most some 200 KB.
const PORTION: usize = 8;
/// Events that wait to be sent. A watcher that does not read stops being fed, and then lags.
const EVENTS: usize = 64;

/// Serves the catalogue.
pub struct Catalog<C> {
    catalog: Arc<C>,
    vocabularies: Arc<dyn Vocabularies>,
    closing: Closing,
}

// === impl Catalog ===

impl<C: CatalogAdmin> Catalog<C> {
    /// Serves `catalog`, until `closing` says that the server ends.
    pub fn new(catalog: Arc<C>, vocabularies: Arc<dyn Vocabularies>, closing: Closing) -> Self {
        Self { catalog, vocabularies, closing }
    }
}

impl<C> std::fmt::Debug for Catalog<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl<C: CatalogAdmin> CatalogService for Catalog<C> {
    type WatchStream = ReceiverStream<Result<WatchResponse, Status>>;

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let vocabulary = self.vocabularies.vocabulary().ok_or(AnswerError::NotReady)?;
        let entry = convert::entry(request.entry.unwrap_or_default(), &*vocabulary)?;
        drop(vocabulary);
        let expected = match request.expected_revision {
            None => Expected::Any,
            Some(0) => Expected::Absent,
            Some(revision) => Expected::Revision(revision),
        };
        let revision = match self.catalog.put(entry, expected, &caller).await {
            Err(CatalogError::Conflict { actual }) if expected == Expected::Absent => {
                return Err(exists(actual));
            }
            other => other?,
        };
        Ok(Response::new(PutResponse { revision }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let (kind, key) = convert::key(request.kind, request.key)?;
        let (entry, revision) = self.catalog.get(kind, &key, &caller)?;
        Ok(Response::new(GetResponse { entry: Some(convert::to_entry(&entry)), revision }))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let (kind, key) = convert::key(request.kind, request.key)?;
        let expected = match request.expected_revision {
            None => Expected::Any,
            Some(0) => return Err(bad_field("expected_revision", "is 0, which no entry has")),
            Some(revision) => Expected::Revision(revision),
        };
        let revision = self.catalog.delete(kind, &key, expected, &caller).await?;
        Ok(Response::new(DeleteResponse { revision }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let list = convert::list(request)?;
        let mut response = ListResponse { entries: Vec::new(), next_page_token: list.page_token };
        let mut bytes = 0;
        loop {
            let portion = PORTION.min(list.page_size - response.entries.len());
            let page =
                self.catalog.list(list.kind, &list.prefix, portion, &response.next_page_token, &caller)?;
            for (entry, revision) in &page.entries {
                let entry = convert::to_entry(entry);
                bytes += prost::Message::encoded_len(&entry);
                response.entries.push(StoredEntry { entry: Some(entry), revision: *revision });
            }
            response.next_page_token = page.next_page_token;
            let is_full = response.entries.len() >= list.page_size || bytes >= MAX_PAGE_BYTES;
            if is_full || response.next_page_token.is_empty() || page.entries.is_empty() {
                return Ok(Response::new(response));
            }
        }
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let kinds = convert::kinds(request.kinds)?;
        let kinds = if kinds.is_empty() { EntryKind::ALL } else { kinds.as_slice() };
        let watch = self.catalog.watch(kinds, request.from_revision, &caller)?;
        let (sender, receiver) = mpsc::channel(EVENTS);
        tokio::spawn(follow(watch, sender, self.closing.clone()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Sends what happens, until the client, the watch or the server ends.
async fn follow(
    mut watch: impl CatalogWatch,
    sender: mpsc::Sender<Result<WatchResponse, Status>>,
    mut server: Closing,
) {
    loop {
        let message = tokio::select! {
            () = sender.closed() => return,
            () = server.wait() => Err(closing()),
            event = watch.next() => match event {
                Some(Ok(event)) => Ok(to_response(event)),
                Some(Err(error)) => Err(error.into()),
                None => return,
            },
        };
        let is_end = message.is_err();
        if sender.send(message).await.is_err() || is_end {
            return;
        }
    }
}

fn to_response(event: WatchEvent) -> WatchResponse {
    let (revision, event) = match event {
        WatchEvent::Put { entry, revision } => (revision, Event::Put(convert::to_entry(&entry))),
        WatchEvent::Delete { kind, key, revision } => {
            (revision, Event::Delete(DeletedEntry { kind: convert::to_kind(kind), key }))
        }
        WatchEvent::SnapshotEnd { revision } => (revision, Event::SnapshotEnd(SnapshotEnd {})),
        WatchEvent::Bookmark { revision } => (revision, Event::Bookmark(Bookmark {})),
    };
    WatchResponse { revision, event: Some(event) }
}
