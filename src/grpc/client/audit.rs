//! What a client asks of the log.

use serde_json::Value;

use super::{Client, ClientError, refused};
use crate::grpc::proto;
use crate::grpc::proto::audit_service_client::AuditServiceClient;
use crate::grpc::proto::get_proof_request::Subject;
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

    /// The proof of an entry as a text: by the id of its decision, or by its index in the log.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn proof(&self, what: &str) -> Result<String, ClientError> {
        let subject = match what.parse() {
            Ok(index) => Subject::LogIndex(index),
            Err(_) => Subject::DecisionId(what.to_owned()),
        };
        let mut client = AuditServiceClient::new(self.channel.clone());
        let request = self.request(proto::GetProofRequest { subject: Some(subject) });
        Ok(client.get_proof(request).await.map_err(refused)?.into_inner().proof)
    }

    /// The newest checkpoint as a text.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn checkpoint(&self) -> Result<String, ClientError> {
        let mut client = AuditServiceClient::new(self.channel.clone());
        let request = self.request(proto::GetCheckpointRequest {});
        Ok(client.get_checkpoint(request).await.map_err(refused)?.into_inner().checkpoint)
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
