//! `AuditService`: shows and proves what is in the log, which stands behind [`AuditLog`].

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::caller;
use super::convert;
use super::ports::{AuditError, AuditLog, AuditPage, Vocabularies, WholeItem};
use super::proto::audit_service_server::AuditService;
use super::proto::{
    GetCheckpointRequest, GetCheckpointResponse, GetProofRequest, GetProofResponse, GetRecordRequest,
    GetRecordResponse, ListObligationsRequest, ListObligationsResponse, ListRecordsRequest,
    ListRecordsResponse, RecordOutcomeRequest, RecordOutcomeResponse,
};

/// Serves the log.
pub struct Audit<L> {
    log: Arc<L>,
    vocabularies: Arc<dyn Vocabularies>,
}

// === impl Audit ===

impl<L: AuditLog> Audit<L> {
    /// Serves `log`.
    pub fn new(log: Arc<L>, vocabularies: Arc<dyn Vocabularies>) -> Self {
        Self { log, vocabularies }
    }
}

impl<L> std::fmt::Debug for Audit<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl<L: AuditLog> AuditService for Audit<L> {
    async fn get_record(
        &self,
        request: Request<GetRecordRequest>,
    ) -> Result<Response<GetRecordResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let key = convert::get_record(request)?;
        let whole = self.log.item(key, &caller).await?;
        let origin = whole.origin.clone();
        let record = Some(convert::to_record(whole).map_err(damaged)?);
        Ok(Response::new(GetRecordResponse { record, origin }))
    }

    async fn list_records(
        &self,
        request: Request<ListRecordsRequest>,
    ) -> Result<Response<ListRecordsResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let vocabulary = self.vocabularies.vocabulary().ok_or(AuditError::NotReady)?;
        let list = convert::list_records(request, &*vocabulary)?;
        drop(vocabulary);
        let AuditPage { items, next_page_token } =
            self.log.items(list.filter, list.page_size, &list.page_token, &caller).await?;
        let records =
            items.into_iter().map(|item| convert::to_record(WholeItem { item, ..WholeItem::default() }));
        let records = records.collect::<Result<_, _>>().map_err(damaged)?;
        Ok(Response::new(ListRecordsResponse { records, next_page_token }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let caller = caller::of(request.extensions(), request.metadata())?;
        Ok(Response::new(convert::to_checkpoint(self.log.checkpoint(&caller).await?)))
    }

    async fn get_proof(
        &self,
        request: Request<GetProofRequest>,
    ) -> Result<Response<GetProofResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let subject = convert::proof_subject(request)?;
        Ok(Response::new(convert::to_proof(self.log.proof(subject, &caller).await?)))
    }

    async fn record_outcome(
        &self,
        request: Request<RecordOutcomeRequest>,
    ) -> Result<Response<RecordOutcomeResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let vocabulary = self.vocabularies.vocabulary().ok_or(AuditError::NotReady)?;
        let outcome = convert::new_outcome(request, &*vocabulary)?;
        drop(vocabulary);
        let (id, receipt) = self.log.record_outcome(outcome, &caller).await?;
        Ok(Response::new(RecordOutcomeResponse {
            outcome_id: id.to_string(),
            receipt: Some(convert::to_receipt(receipt)),
        }))
    }

    async fn list_obligations(
        &self,
        request: Request<ListObligationsRequest>,
    ) -> Result<Response<ListObligationsResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let list = convert::list_obligations(request)?;
        let AuditPage { items, next_page_token } =
            self.log.duties(list.filter, list.page_size, &list.page_token, &caller).await?;
        let duties = items.into_iter().map(convert::to_duty).collect();
        Ok(Response::new(ListObligationsResponse { duties, next_page_token }))
    }
}

fn damaged(error: convert::ReadError) -> AuditError {
    AuditError::Damaged(error.to_string())
}
