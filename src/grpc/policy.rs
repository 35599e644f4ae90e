//! `PolicyService`: shows the policies and reloads them. They stand behind [`PolicyAdmin`].

use std::sync::Arc;

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert;
use super::ports::{BundleInfo, PolicyAdmin, PolicyInfo};
use super::proto::policy_service_server::PolicyService;
use super::proto::{
    Bundle, GetPolicyRequest, GetPolicyResponse, GetStatusRequest, GetStatusResponse, ListPoliciesRequest,
    ListPoliciesResponse, LoadError, LoadFailure, PolicySummary, ReloadRequest, ReloadResponse,
};
use crate::domain::Fault;

/// Most faults of a bundle in an answer: what a person reads at once.
const MAX_FAULTS: usize = 100;

/// Serves the policies.
pub struct Policies<P>(Arc<P>);

// === impl Policies ===

impl<P: PolicyAdmin> Policies<P> {
    /// Serves what `policies` shows.
    pub fn new(policies: Arc<P>) -> Self {
        Self(policies)
    }
}

impl<P> std::fmt::Debug for Policies<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policies").finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl<P: PolicyAdmin> PolicyService for Policies<P> {
    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let caller = caller::of(request.extensions(), request.metadata())?;
        let status = self.0.status(&caller)?;
        Ok(Response::new(GetStatusResponse {
            active: status.active.map(to_bundle),
            last_failure: status.last_failure.map(|(failed_at, faults)| to_failure(failed_at, faults)),
        }))
    }

    async fn list_policies(
        &self,
        request: Request<ListPoliciesRequest>,
    ) -> Result<Response<ListPoliciesResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let (prefix, after, page_size) = convert::list_policies(request)?;
        let after = (!after.is_empty()).then_some(after.as_str());
        let page = self.0.policies(&prefix, after, page_size, &caller)?;
        let last = page.policies.last().filter(|_| page.more);
        Ok(Response::new(ListPoliciesResponse {
            next_page_token: last.map(|policy| policy.policy_id.clone()).unwrap_or_default(),
            policies: page.policies.into_iter().map(to_summary).collect(),
            policy_version: page.policy_version,
        }))
    }

    async fn get_policy(
        &self,
        request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let caller = caller::of(&extensions, &metadata)?;
        let policy_id = convert::policy_id(request.policy_id)?;
        let policy = self.0.policy(&policy_id, &caller)?;
        Ok(Response::new(GetPolicyResponse {
            policy: Some(to_summary(policy.info)),
            source: policy.source,
            policy_version: policy.policy_version,
        }))
    }

    async fn reload(&self, request: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        let caller = caller::of(request.extensions(), request.metadata())?;
        let reloaded = self.0.reload(&caller).await?;
        let active = Some(to_bundle(reloaded.active));
        Ok(Response::new(ReloadResponse { active, changed: reloaded.changed }))
    }
}

fn to_bundle(bundle: BundleInfo) -> Bundle {
    Bundle {
        policy_version: bundle.policy_version,
        facts_version: bundle.facts_version,
        loaded_at: Some(convert::to_instant(bundle.loaded_at)),
        source: bundle.source,
        policy_count: bundle.policy_count,
    }
}

fn to_failure(failed_at: Timestamp, faults: Vec<Fault>) -> LoadFailure {
    let more_errors = u64::try_from(faults.len().saturating_sub(MAX_FAULTS)).unwrap_or(u64::MAX);
    LoadFailure {
        failed_at: Some(convert::to_instant(failed_at)),
        errors: faults.into_iter().take(MAX_FAULTS).map(to_error).collect(),
        more_errors,
    }
}

fn to_error(fault: Fault) -> LoadError {
    LoadError {
        line: (fault.line > 0).then(|| to_line(fault.line)),
        file: fault.file,
        message: fault.message,
        help: fault.help,
    }
}

/// To the wire.
fn to_line(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

fn to_summary(policy: PolicyInfo) -> PolicySummary {
    PolicySummary {
        policy_id: policy.policy_id,
        effect: convert::to_effect(policy.effect),
        file: policy.file,
        line: to_line(policy.line),
        annotations: policy.annotations.into_iter().collect(),
    }
}
