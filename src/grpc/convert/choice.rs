//! Closed sets of words, between the wire and the domain. Both directions are spelt out, so that a value
//! added on either side does not compile until the other has it.

use crate::domain::{
    Action, AuthorityType, Category, Confidence, Disposition, DutyState, Effect, EntryKind, KeyControl,
    ProviderRole, RequesterKind, TenantType, Verdict,
};
use crate::grpc::proto;

/// A closed set that the wire has as an enum.
pub(in crate::grpc) trait Choice: Copy + 'static {
    /// The value of the wire's number; absent: the number is unspecified or unknown.
    fn from_wire(number: i32) -> Option<Self>;

    /// The wire's number.
    fn to_wire(self) -> i32;

    /// Every value, as the words of files and logs.
    fn words() -> Vec<&'static str>;
}

macro_rules! choice {
    ($domain:ident = $wire:ident { $($variant:ident),+ $(,)? }) => {
        impl Choice for $domain {
            fn from_wire(number: i32) -> Option<Self> {
                match proto::$wire::try_from(number).ok()? {
                    proto::$wire::Unspecified => None,
                    $(proto::$wire::$variant => Some(Self::$variant),)+
                }
            }

            fn to_wire(self) -> i32 {
                match self {
                    $(Self::$variant => proto::$wire::$variant as i32,)+
                }
            }

            fn words() -> Vec<&'static str> {
                vec![$(Self::$variant.as_str()),+]
            }
        }
    };
}

choice!(Action = Action { Transfer, Access, Disclose, Preserve, SurrenderKey });
choice!(RequesterKind = RequesterKind { Workload, Operator, Customer, Recipient, Authority });
choice!(AuthorityType = AuthorityType { Court, Prosecutor, Police, Intelligence, Regulator });
choice!(Category = DataCategory { Subscriber, Identification, Traffic, Content, Key });
choice!(ProviderRole = ProviderRole { Controller, Processor });
choice!(KeyControl = KeyControl { Provider, Customer });
choice!(TenantType = TenantType { Consumer, Enterprise, PublicBody });
choice!(Verdict = Decision { Allow, Deny });
choice!(Effect = Effect { Forbid, Permit, Advice });
choice!(Confidence = Confidence { Low, Medium, High, Verified });
choice!(DutyState = DutyState { Open, Due, Overdue, Done });
choice!(EntryKind = EntryKind { Tenant, Holding, Party, Process });
choice!(
    Disposition = Disposition {
        Fault,
        UnknownData,
        UnknownRequester,
        Never,
        ConflictOfLaws,
        ProhibitedByLaw,
        ResidencyCommitment,
        OutOfReach,
        InsufficientProcess,
        NoGrant,
        Permitted,
    }
);

/// The wire's number of a value that may be left out.
pub(super) fn to_optional<T: Choice>(value: Option<T>) -> Option<i32> {
    value.map(Choice::to_wire)
}

/// The wire's numbers of several values.
pub(super) fn to_numbers<T: Choice>(values: &[T]) -> Vec<i32> {
    values.iter().map(|value| value.to_wire()).collect()
}
