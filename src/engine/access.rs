//! Who may call Situs itself, and who may assert which fact: `access/*.cedar` says, and nothing else does.
//!
//! What is asked names the tenant by the words of the request alone. The catalogue is not read, so a refusal
//! tells nothing of what is in it.

use std::collections::BTreeMap;

use crate::domain::{Caller, Method, Question};
use crate::policy::{Ask, Bundle, EntityValue, Uid, Value};

/// What somebody would do to Situs itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Right<'a> {
    /// Call it.
    Call(Method),
    /// Assert a fact by this field.
    Assert(&'a str),
}

/// Whether the access policy permits it. Anything but a clean permit is a refusal.
pub(super) fn permitted(bundle: &Bundle, right: Right<'_>, tenant: &str, caller: &Caller) -> bool {
    let (action, service, what) = match right {
        Right::Call(method) => {
            ("call", method.service(), ("method", Value::entity("Method", method.as_str())))
        }
        Right::Assert(field) => {
            ("assert", Method::Authorize.service(), ("field", Value::Text(field.to_owned())))
        }
    };
    let ask = Ask {
        action,
        principal: principal(caller),
        resource: EntityValue::bare(Uid::new("Service", service)),
        others: Vec::new(),
        context: BTreeMap::from([what, ("tenant", Value::Text(tenant.to_owned()))]),
    };
    bundle.grants(ask).unwrap_or_else(|error| {
        tracing::error!(%error, action, "access could not be judged; refused");
        false
    })
}

/// The first field that the caller asserts and may not.
pub(super) fn refused_field(bundle: &Bundle, question: &Question, caller: &Caller) -> Option<String> {
    let tenant = question.data_ref.tenant();
    let mut fields = question.assertions().into_iter().map(|assertion| assertion.0);
    fields.find(|field| !permitted(bundle, Right::Assert(field), tenant, caller))
}

fn principal(caller: &Caller) -> EntityValue {
    let who = &*caller.identity;
    EntityValue {
        attributes: BTreeMap::from([
            ("local", Value::Bool(caller.is_local())),
            ("credential", Value::entity("Credential", who.credential.as_str())),
            ("subject", Value::Text(who.subject.clone())),
            ("issuer", Value::Text(who.issuer.clone())),
            ("groups", Value::Set(who.groups.iter().cloned().map(Value::Text).collect())),
        ]),
        tags: who.claims.clone(),
        ..EntityValue::bare(Uid::new("Caller", who.id.clone()))
    }
}
