//! Closed sets of words: what no legislature can change. Each prints as the lower-case word that case
//! files, the command line and logs use, and parses back from it.

use std::fmt;
use std::str::FromStr;

/// A word that its set does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {}", known.join(", "))]
pub struct UnknownWord {
    /// The word that was given.
    pub word: String,
    /// The words that are known.
    pub known: Vec<&'static str>,
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word that files, the command line and logs use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|value| value.as_str().eq_ignore_ascii_case(word)).ok_or_else(|| {
                    UnknownWord {
                        word: word.to_owned(),
                        known: Self::ALL.iter().map(|value| value.as_str()).collect(),
                    }
                })
            }
        }
    };
}

words! {
    /// What would happen to the data.
    Action {
        /// Storing, replicating or sharing it in another place.
        Transfer = "transfer",
        /// Reaching it, where it is, from another place.
        Access = "access",
        /// Handing it to an authority.
        Disclose = "disclose",
        /// Keeping a copy from deletion, without handing it over.
        Preserve = "preserve",
        /// Handing over a key that opens it.
        SurrenderKey = "surrender_key",
    }
}

words! {
    /// Who asks for the data, as the law sees them.
    RequesterKind {
        /// A program: a replication job, a storage service.
        Workload = "workload",
        /// A person who works for the provider.
        Operator = "operator",
        /// The customer whose data it is.
        Customer = "customer",
        /// A third party that would receive it.
        Recipient = "recipient",
        /// A public authority, or one that acts for it.
        Authority = "authority",
    }
}

words! {
    /// How a caller of Situs itself was established.
    Credential {
        /// By the listener: it is bound to loopback, has no TLS, and asks for no identity.
        Local = "local",
        /// By the certificate of its connection.
        Certificate = "certificate",
        /// By the token of its request.
        Token = "token",
        /// Not at all.
        None = "none",
    }
}

words! {
    /// A call of Situs itself, by service and name.
    #[expect(missing_docs, reason = "each is the call of the same name")]
    Method {
        Authorize = "AuthorizationService/Authorize",
        AuthorizeBatch = "AuthorizationService/AuthorizeBatch",
        AuthorizeStream = "AuthorizationService/AuthorizeStream",
        CatalogPut = "CatalogService/Put",
        CatalogGet = "CatalogService/Get",
        CatalogDelete = "CatalogService/Delete",
        CatalogList = "CatalogService/List",
        CatalogWatch = "CatalogService/Watch",
        PolicyStatus = "PolicyService/GetStatus",
        ListPolicies = "PolicyService/ListPolicies",
        GetPolicy = "PolicyService/GetPolicy",
        ReloadPolicies = "PolicyService/Reload",
        GetRecord = "AuditService/GetRecord",
        ListRecords = "AuditService/ListRecords",
        GetCheckpoint = "AuditService/GetCheckpoint",
        GetProof = "AuditService/GetProof",
        RecordOutcome = "AuditService/RecordOutcome",
        ListObligations = "AuditService/ListObligations",
    }
}

impl Method {
    /// The service that it belongs to.
    #[must_use]
    pub fn service(self) -> &'static str {
        self.as_str().split('/').next().unwrap_or_default()
    }
}

words! {
    /// What kind of public authority asks.
    AuthorityType {
        /// A court or judge.
        Court = "court",
        /// A prosecutor.
        Prosecutor = "prosecutor",
        /// A police or other criminal-investigation body.
        Police = "police",
        /// An intelligence service.
        Intelligence = "intelligence",
        /// A supervisory or regulatory agency.
        Regulator = "regulator",
    }
}

words! {
    /// What part of the data is meant.
    Category {
        /// Who the subscriber is: identity, contact, billing, type of service.
        Subscriber = "subscriber",
        /// An address and time, asked only to identify a user.
        Identification = "identification",
        /// Source, destination, time, size, route, location, logs.
        Traffic = "traffic",
        /// The substance of messages and files.
        Content = "content",
        /// A key that opens encrypted data.
        Key = "key",
    }
}

words! {
    /// The verdict.
    Verdict {
        /// It may happen.
        Allow = "allow",
        /// It must not.
        Deny = "deny",
    }
}

words! {
    /// Why, in one word; strongest first, so that the smallest of several is the one to report.
    Disposition {
        /// An evaluation error. Denied, and alarmed.
        Fault = "fault",
        /// Nothing is known of the data, or a fact that a rule needs is missing.
        UnknownData = "unknown_data",
        /// Nothing is known of who asks.
        UnknownRequester = "unknown_requester",
        /// Keys, back doors, direct or bulk access: never.
        Never = "never",
        /// One law compels what another forbids.
        ConflictOfLaws = "conflict_of_laws",
        /// A law that governs the data forbids it.
        ProhibitedByLaw = "prohibited_by_law",
        /// The customer chose where the data lives.
        ResidencyCommitment = "residency_commitment",
        /// A valid demand that does not reach this data or this person.
        OutOfReach = "out_of_reach",
        /// The process is not enough for what it asks.
        InsufficientProcess = "insufficient_process",
        /// Nothing permits it.
        NoGrant = "no_grant",
        /// It is permitted.
        Permitted = "permitted",
    }
}

words! {
    /// The role in which the provider holds the data.
    ProviderRole {
        /// Decides why and how data is processed.
        Controller = "controller",
        /// Acts on the customer's instructions.
        Processor = "processor",
    }
}

words! {
    /// Who controls the keys of encrypted data.
    KeyControl {
        /// The provider can decrypt.
        Provider = "provider",
        /// Only the customer can decrypt.
        Customer = "customer",
    }
}

words! {
    /// What kind of customer a tenant is.
    TenantType {
        /// A natural person.
        Consumer = "consumer",
        /// A company or other organisation.
        Enterprise = "enterprise",
        /// A public body.
        PublicBody = "public_body",
    }
}

words! {
    /// A field of records that can be kept out of the log's entries, since it can tell of a person.
    Personal {
        /// The caller's identity.
        Caller = "caller",
        /// The reference to the data, but for its tenant.
        DataRef = "data_ref",
        /// The requester's id.
        Requester = "requester",
        /// The recipient's id.
        Recipient = "recipient",
        /// The legal process's id.
        Process = "process",
        /// Labels of the requester, the recipient, the tenant and the holding.
        Labels = "labels",
        /// The purpose of a transfer, in the caller's words.
        Purpose = "purpose",
        /// The caller's own id of the question.
        RequestId = "request_id",
        /// The caller's trace id.
        TraceId = "trace_id",
        /// What an outcome has to say more.
        Detail = "detail",
    }
}

impl From<Verdict> for bool {
    fn from(verdict: Verdict) -> Self {
        verdict == Verdict::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_parses_back() {
        fn check<T: Copy + fmt::Display + FromStr + PartialEq + fmt::Debug>(all: &[T]) {
            for value in all {
                assert_eq!(value.to_string().parse().ok(), Some(*value));
            }
        }
        check(Action::ALL);
        check(RequesterKind::ALL);
        check(AuthorityType::ALL);
        check(Category::ALL);
        check(Verdict::ALL);
        check(Disposition::ALL);
        check(ProviderRole::ALL);
        check(KeyControl::ALL);
        check(TenantType::ALL);
        check(Personal::ALL);
    }

    #[test]
    fn the_strongest_disposition_is_the_smallest() {
        assert_eq!(
            [Disposition::NoGrant, Disposition::Never, Disposition::OutOfReach].iter().min(),
            Some(&Disposition::Never)
        );
    }
}
