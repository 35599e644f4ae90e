//! From an error to a status, in one place. The log gets the cause; the client gets a sentence, and the
//! fields of `google.rpc` that a program can act on.

use std::collections::HashMap;
use std::error::Error;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};

use super::convert::BadFields;
use super::ports::{AnswerError, AuditError, CatalogError, PolicyError};
use super::proto::BadField;

/// The domain of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "situs.v1";
/// Most bytes of paths in the sentence: the details name them all.
const MAX_PATHS: usize = 200;

impl From<BadFields> for Status {
    fn from(bad: BadFields) -> Self {
        let mut paths = String::new();
        let mut named = 0;
        for field in bad.fields() {
            if paths.len() + field.path.len() > MAX_PATHS {
                break;
            }
            paths = format!("{paths}{}`{}`", if named == 0 { "" } else { ", " }, field.path);
            named += 1;
        }
        let more = bad.count() - named;
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let message = match bad.count() {
            1 => format!("1 field is not valid: {paths}{more}"),
            count => format!("{count} fields are not valid: {paths}{more}"),
        };
        let violations: Vec<_> =
            bad.fields().iter().map(|field| FieldViolation::new(&field.path, &field.problem)).collect();
        tracing::debug!(%bad, "request refused");
        Self::with_error_details(Code::InvalidArgument, message, ErrorDetails::with_bad_request(violations))
    }
}

impl From<AnswerError> for Status {
    fn from(error: AnswerError) -> Self {
        match &error {
            AnswerError::NotReady => not_ready(&error),
            AnswerError::Behind { what, here, wanted } => {
                let message = format!("the {what} here is not the one asked for");
                let info = [("here", here.clone()), ("wanted", wanted.clone())];
                explained(&error, Code::Unavailable, &message, "BEHIND", info)
            }
            AnswerError::NotRecorded(_) => {
                explained(&error, Code::Unavailable, "the decision could not be recorded", "NOT_RECORDED", [])
            }
            AnswerError::Forbidden => forbidden(&error),
            AnswerError::FieldForbidden { field } => {
                let message = format!("the caller may not give `{field}`");
                let info = [("field", field.clone())];
                explained(&error, Code::PermissionDenied, &message, "FIELD_FORBIDDEN", info)
            }
            AnswerError::Overloaded => {
                explained(&error, Code::ResourceExhausted, "too many questions wait", "OVERLOADED", [])
            }
        }
    }
}

impl From<CatalogError> for Status {
    fn from(error: CatalogError) -> Self {
        match &error {
            CatalogError::Conflict { actual } => {
                let info = [("actual_revision", actual.to_string())];
                let message = format!("the entry is not as expected: it is at revision {actual}");
                explained(&error, Code::Aborted, &message, "CONFLICT", info)
            }
            CatalogError::NotFound => {
                explained(&error, Code::NotFound, "there is no such entry", "NOT_FOUND", [])
            }
            CatalogError::Refused(why) => explained(&error, Code::FailedPrecondition, why, "REFUSED", []),
            CatalogError::Compacted { oldest } => {
                let info = [("oldest_revision", oldest.to_string())];
                let message = format!("changes are kept after revision {oldest} only: begin with a snapshot");
                explained(&error, Code::OutOfRange, &message, "COMPACTED", info)
            }
            CatalogError::Lagged { last } => {
                let info = [("last_revision", last.to_string())];
                let message = format!("the watcher is too slow: resume after revision {last}");
                explained(&error, Code::Aborted, &message, "LAGGED", info)
            }
            CatalogError::PageToken => bad_field("page_token", "is not a token of this list"),
            CatalogError::Forbidden => forbidden(&error),
            CatalogError::Overloaded => explained(
                &error,
                Code::ResourceExhausted,
                "the catalogue has too much to do",
                "OVERLOADED",
                [],
            ),
            CatalogError::Store(_) => {
                explained(&error, Code::Unavailable, "the catalogue's store does not work now", "STORE", [])
            }
        }
    }
}

impl From<PolicyError> for Status {
    fn from(error: PolicyError) -> Self {
        match &error {
            PolicyError::NotReady => not_ready(&error),
            PolicyError::NotFound => {
                explained(&error, Code::NotFound, "there is no such policy", "NOT_FOUND", [])
            }
            PolicyError::Rejected(faults) => {
                // Bounded as bad fields are; `GetStatus` has more of them.
                let mut named = BadFields::default();
                faults.iter().for_each(|fault| named.add(&fault.file, || fault.to_string()));
                let violations: Vec<_> = named
                    .fields()
                    .iter()
                    .map(|fault| PreconditionViolation::new("BUNDLE", &fault.path, &fault.problem))
                    .collect();
                tracing::warn!(error = &error as &dyn Error, "bundle refused");
                let message = format!(
                    "the bundle has {} faults and was not loaded; the last good one answers",
                    faults.len()
                );
                let details = ErrorDetails::with_precondition_failure(violations);
                Self::with_error_details(Code::FailedPrecondition, message, details)
            }
            PolicyError::Forbidden => forbidden(&error),
            PolicyError::Unreadable(_) => explained(
                &error,
                Code::Unavailable,
                "the bundle's files cannot be read now",
                "UNREADABLE",
                [],
            ),
        }
    }
}

impl From<AuditError> for Status {
    fn from(error: AuditError) -> Self {
        match &error {
            AuditError::NotFound => {
                explained(&error, Code::NotFound, "there is no such record", "NOT_FOUND", [])
            }
            AuditError::Forbidden => forbidden(&error),
            AuditError::PageToken => bad_field("page_token", "is not a token of this list"),
            AuditError::NotReady => not_ready(&error),
            AuditError::NotCovered { tree_size, .. } => {
                let info = [("tree_size", tree_size.to_string())];
                let message = "it is recorded, and no checkpoint covers it yet: ask again";
                explained(&error, Code::FailedPrecondition, message, "NOT_COVERED", info)
            }
            AuditError::Smaller { tree_size, .. } => {
                let info = [("tree_size", tree_size.to_string())];
                let message = format!("the newest checkpoint covers {tree_size} entries");
                explained(&error, Code::OutOfRange, &message, "SMALLER", info)
            }
            AuditError::Unreadable(_) => {
                explained(&error, Code::Unavailable, "the log cannot be read now", "UNREADABLE", [])
            }
            AuditError::NotRecorded(_) => {
                explained(&error, Code::Unavailable, "the outcome could not be recorded", "NOT_RECORDED", [])
            }
            AuditError::Damaged(_) => {
                tracing::error!(error = &error as &dyn Error, "the log is damaged");
                explained(&error, Code::DataLoss, "the record is damaged", "DAMAGED", [])
            }
        }
    }
}

/// One bad field.
pub(super) fn bad_field(path: &'static str, problem: &str) -> Status {
    let mut bad = BadFields::default();
    bad.add(&path, || problem.to_owned());
    bad.into()
}

/// That no bundle is loaded.
pub(super) fn not_ready(error: &(dyn Error + 'static)) -> Status {
    explained(error, Code::Unavailable, "no bundle of policies is loaded", "NOT_READY", [])
}

/// That an entry is there which must not be.
pub(super) fn exists(actual: u64) -> Status {
    let error = CatalogError::Conflict { actual };
    let info = [("actual_revision", actual.to_string())];
    explained(&error, Code::AlreadyExists, &format!("the entry exists, at revision {actual}"), "EXISTS", info)
}

/// That nobody knows who calls. Why is for the log alone.
pub(crate) fn unauthenticated(cause: &str) -> Status {
    tracing::info!(cause, "a caller is not known; refused");
    Status::unauthenticated("nobody knows who calls")
}

/// That nobody can be known now.
pub(crate) fn unknown_for_now() -> Status {
    tracing::error!("there are no keys to know a caller by; refused");
    Status::unavailable("nobody can be known now")
}

/// That there is too much to do.
pub(crate) fn overloaded(message: &'static str) -> Status {
    tracing::debug!(message, "shed");
    let details = ErrorDetails::with_error_info("OVERLOADED", DOMAIN, HashMap::<String, String>::new());
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// That a task ended without its answer.
pub(super) fn lost() -> Status {
    Status::internal("the answer was lost")
}

/// That the server is about to end.
pub(super) fn closing() -> Status {
    Status::unavailable("the server is closing")
}

/// The form that a status has inside a message, with the bad fields beside it.
///
/// It has no details: they would be `google.protobuf.Any`, which a client made from reflection alone may
/// not be able to show.
pub(super) fn to_rpc_status(status: &Status) -> (tonic_types::Status, Vec<BadField>) {
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    let bad_fields = violations
        .into_iter()
        .map(|violation| BadField { field: violation.field, description: violation.description })
        .collect();
    let (code, message) = (status.code() as i32, status.message().to_owned());
    (tonic_types::Status { code, message, details: Vec::new() }, bad_fields)
}

fn forbidden(error: &(dyn Error + 'static)) -> Status {
    explained(error, Code::PermissionDenied, "the caller may not do this", "FORBIDDEN", [])
}

fn explained<const N: usize>(
    error: &(dyn Error + 'static),
    code: Code,
    message: &str,
    reason: &str,
    info: [(&str, String); N],
) -> Status {
    match code {
        Code::Unavailable | Code::ResourceExhausted => tracing::warn!(error, ?code, "request failed"),
        _ => tracing::debug!(error, ?code, "request refused"),
    }
    let info: HashMap<_, _> = info.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, info))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the trailers of a status: what gRPC clients count, with 32 for each.
    fn trailers(status: &Status) -> usize {
        let headers = status.clone().into_http::<()>().into_parts().0.headers;
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
    }

    #[test]
    fn the_worst_request_still_fits_into_trailers() {
        let mut bad = BadFields::default();
        for index in 0..1000 {
            let path = format!("holding.labels[`{}`]\u{1}{index}", "é`%".repeat(60));
            bad.add(&path, || "ß%`".repeat(400));
        }
        assert!(bad.fields().len() > 10);
        let status = Status::from(bad);
        assert!(status.message().starts_with("1000 fields are not valid: "), "{}", status.message());
        assert!(trailers(&status) < 8192, "{}", trailers(&status));
    }

    #[test]
    fn the_worst_bundle_still_fits_into_trailers() {
        let fault = crate::domain::Fault::of_file(&"é".repeat(300), "ß".repeat(5000));
        let status = Status::from(PolicyError::Rejected(vec![fault; 500]));
        assert!(status.message().contains("500 faults"));
        assert!(trailers(&status) < 8192, "{}", trailers(&status));
    }

    #[test]
    fn thirty_two_plain_faults_are_all_named() {
        let mut bad = BadFields::default();
        for index in 0..40 {
            let problem = "`ZZ` is no known jurisdiction or cloud region; did you mean `AZ`, `BZ`, `CZ`?";
            bad.add(&format!("holding.provider_established_in[{index}]"), || problem.to_owned());
        }
        let status = Status::from(bad);
        assert_eq!(status.get_details_bad_request().unwrap().field_violations.len(), 32);
        assert!(trailers(&status) < 8192, "{}", trailers(&status));
    }

    #[test]
    fn a_status_inside_a_message_has_its_bad_fields_beside_it() {
        let (inner, bad_fields) = to_rpc_status(&bad_field("requests", "has 300 elements"));
        assert_eq!((inner.code, inner.details.len()), (3, 0));
        assert_eq!(inner.message, "1 field is not valid: `requests`");
        let (field, description) = (String::from("requests"), String::from("has 300 elements"));
        assert_eq!(bad_fields, [BadField { field, description }]);
        assert!(to_rpc_status(&Status::internal("x")).1.is_empty());
    }
}
