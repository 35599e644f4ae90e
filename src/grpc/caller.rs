//! Who calls: the listener puts it among a request's extensions, and the services take it from there.

use tonic::metadata::MetadataMap;
use tonic::{Extensions, Status};

use super::status::unauthenticated;
use crate::domain::Caller;

/// The caller of a request, with the trace that the request says it belongs to.
///
/// # Errors
/// UNAUTHENTICATED where the listener did not say who calls: nobody is never somebody.
pub(super) fn of(extensions: &Extensions, metadata: &MetadataMap) -> Result<Caller, Status> {
    let mut caller = extensions.get::<Caller>().cloned().ok_or_else(|| {
        tracing::error!("a request came without a caller: the listener does not say who calls");
        unauthenticated("the listener does not say")
    })?;
    if caller.trace_id.is_empty() {
        caller.trace_id = trace_id(metadata).unwrap_or_default();
    }
    Ok(caller)
}

/// The trace id of a W3C `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
fn trace_id(metadata: &MetadataMap) -> Option<String> {
    let trace_id = metadata.get("traceparent")?.to_str().ok()?.split('-').nth(1)?;
    let is_hex = trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && trace_id.bytes().any(|byte| byte != b'0')).then(|| trace_id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::domain::Method;
    use crate::grpc::proto::FILE_DESCRIPTOR_SET;

    #[test]
    fn every_call_is_a_right_that_rules_can_name() {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
        let services = pool.services().filter(|service| service.package_name() == "situs.v1");
        let calls: BTreeSet<String> = services
            .flat_map(|service| {
                let name = service.name().to_owned();
                service.methods().map(|method| format!("{name}/{}", method.name())).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(calls, Method::ALL.iter().map(ToString::to_string).collect());
    }

    fn trace_id_of(header: &str) -> Option<String> {
        let mut metadata = MetadataMap::new();
        metadata.insert("traceparent", header.parse().unwrap());
        trace_id(&metadata)
    }

    #[test]
    fn a_trace_is_taken_from_a_well_formed_header_only() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id_of(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(), Some(id));
        assert_eq!(trace_id_of("00-zz-00f067aa0ba902b7-01"), None);
        assert_eq!(trace_id_of(&format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32))), None);
        assert_eq!(trace_id_of("nonsense"), None);
    }

    #[test]
    fn no_caller_is_unauthenticated() {
        let status = of(&Extensions::new(), &MetadataMap::new()).unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
    }
}
