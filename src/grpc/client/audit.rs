//! What a client asks of the log.

use serde_json::Value;

use super::{Client, ClientError, refused};
use crate::grpc::proto;
use crate::grpc::proto::audit_service_client::AuditServiceClient;
use crate::grpc::words;

impl Client {
    /// One page of the duties that a `ListObligationsRequest` in words asks for, and the token of the next;
    /// empty: this is the last.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn duties(&self, request: &Value) -> Result<(Vec<Value>, String), ClientError> {
        let request: proto::ListObligationsRequest = words::read(request)?;
        let mut client = AuditServiceClient::new(self.channel.clone());
        let page = client.list_obligations(self.request(request)).await.map_err(refused)?.into_inner();
        let duties = page.duties.iter().map(words::write).collect::<Result<_, _>>()?;
        Ok((duties, page.next_page_token))
    }

    /// Records an outcome, a `RecordOutcomeRequest` in words; gives the answer.
    ///
    /// # Errors
    /// [`ClientError`]; the outcome may be recorded all the same where the call was cut.
    pub async fn record_outcome(&self, outcome: &Value) -> Result<Value, ClientError> {
        let request: proto::RecordOutcomeRequest = words::read(outcome)?;
        let mut client = AuditServiceClient::new(self.channel.clone());
        let response = client.record_outcome(self.request(request)).await.map_err(refused)?.into_inner();
        Ok(words::write(&response)?)
    }
}
