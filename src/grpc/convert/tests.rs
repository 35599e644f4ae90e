//! Nothing is lost between the wire and the domain, and nothing bad comes through.

use proptest::prelude::*;
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage, Value};

use super::*;
use crate::domain::{DataRef, Entry, EntryKind};
use crate::grpc::testing::{self, Dice, Known};
use proto::entry::Entry as Wire;

/// The paths of fields, at any depth, that a message does not set.
fn unset<M: Message + Name>(message: &M) -> Vec<String> {
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut dynamic = DynamicMessage::new(pool.get_message_by_name(&M::full_name()).unwrap());
    dynamic.transcode_from(message).unwrap();
    let mut paths = Vec::new();
    collect_unset(&dynamic, "", &mut paths);
    paths
}

fn collect_unset(message: &DynamicMessage, at: &str, paths: &mut Vec<String>) {
    for field in message.descriptor().fields() {
        let at = format!("{at}.{}", field.name());
        if !message.has_field(&field) {
            paths.push(at);
            continue;
        }
        match message.get_field(&field).as_ref() {
            Value::Message(inner) => collect_unset(inner, &at, paths),
            Value::List(elements) => {
                elements
                    .iter()
                    .filter_map(Value::as_message)
                    .for_each(|inner| collect_unset(inner, &at, paths));
            }
            _ => {}
        }
    }
}

/// Fields of an instant at the first or last of a second, which are no fields of ours.
fn ours(paths: Vec<String>) -> Vec<String> {
    paths.into_iter().filter(|path| !path.ends_with(".nanos") && !path.ends_with(".seconds")).collect()
}

fn entries(dice: &mut Dice) -> [Entry; 4] {
    [
        Entry::Tenant(testing::tenant(dice)),
        Entry::Holding(testing::holding(dice, Some(testing::data_ref()))),
        Entry::Party(testing::party(dice)),
        Entry::Process(testing::process(dice)),
    ]
}

fn wire_question() -> proto::AuthorizeRequest {
    to_request(&testing::question(&mut Dice::full()))
}

/// The faults of a question that is good but for one change.
fn faults(change: impl FnOnce(&mut proto::AuthorizeRequest)) -> Vec<(String, String)> {
    let mut wire = wire_question();
    change(&mut wire);
    let bad = request(wire, &Known).expect_err("the change is a fault");
    bad.fields().iter().map(|field| (field.path.clone(), field.problem.clone())).collect()
}

/// That a change makes one fault, at this path, that says this.
fn check(path: &str, says: &str, change: impl FnOnce(&mut proto::AuthorizeRequest)) {
    let found = faults(change);
    assert!(
        matches!(found.as_slice(), [(at, problem)] if at == path && problem.contains(says)),
        "want {path:?} with {says:?}, found {found:?}"
    );
}

fn process(wire: &mut proto::AuthorizeRequest) -> &mut proto::LegalProcess {
    wire.process.as_mut().unwrap()
}

fn holding(wire: &mut proto::AuthorizeRequest) -> &mut proto::Holding {
    wire.holding.as_mut().unwrap()
}

fn tenant(wire: &mut proto::AuthorizeRequest) -> &mut proto::Tenant {
    wire.tenant.as_mut().unwrap()
}

fn requester(wire: &mut proto::AuthorizeRequest) -> &mut proto::Requester {
    wire.requester.as_mut().unwrap()
}

#[test]
fn a_question_that_states_everything_sets_every_field_and_comes_back() {
    let question = testing::question(&mut Dice::full());
    let wire = to_request(&question);
    // Defaults of a tenant are for every holding, so they have no reference.
    assert_eq!(ours(unset(&wire)), [".tenant.holding_defaults.data_ref"]);
    assert_eq!(request(wire, &Known), Ok(question));
}

#[test]
fn entries_that_state_everything_set_every_field_and_come_back() {
    for (index, full) in entries(&mut Dice::full()).into_iter().enumerate() {
        let wire = to_entry(&full);
        let unset = match wire.entry.as_ref().unwrap() {
            Wire::Tenant(tenant) => unset(tenant),
            Wire::Holding(holding) => unset(holding),
            Wire::Party(party) => unset(party),
            Wire::Process(process) => unset(process),
        };
        let expected: &[&str] = if index == 0 { &[".holding_defaults.data_ref"] } else { &[] };
        assert_eq!(ours(unset), expected);
        assert_eq!(entry(wire, &Known), Ok(full));
    }
}

proptest! {
    #[test]
    fn any_question_comes_back(seed: u64) {
        let question = testing::question(&mut Dice::seeded(seed));
        let bytes = to_request(&question).encode_to_vec();
        let wire = proto::AuthorizeRequest::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(request(wire, &Known), Ok(question));
    }

    #[test]
    fn any_entry_comes_back_from_the_store(seed: u64) {
        for entry in entries(&mut Dice::seeded(seed)) {
            let bytes = encode_entry(&entry);
            prop_assert_eq!(decode_entry(entry.kind(), &bytes), Ok(entry));
        }
    }

    #[test]
    fn no_bytes_make_the_checks_panic(seed: u64, cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8)) {
        let mut bytes = to_request(&testing::question(&mut Dice::seeded(seed))).encode_to_vec();
        for (index, byte) in cuts {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(wire) = proto::AuthorizeRequest::decode(bytes.as_slice()) {
            // Whatever comes through is whole: it goes out and comes back the same.
            if let Ok(question) = request(wire, &Known) {
                prop_assert_eq!(request(to_request(&question), &Known), Ok(question));
            }
        }
        for kind in EntryKind::ALL {
            let _whole = decode_entry(*kind, &bytes);
        }
    }
}

#[test]
fn a_place_becomes_its_canonical_code() {
    let mut wire = wire_question();
    wire.jurisdiction = String::from("UK");
    holding(&mut wire).stored_in = vec![String::from("UK")];
    let question = request(wire, &Known).unwrap();
    assert_eq!(question.jurisdiction, "GB");
    assert_eq!(question.holding.unwrap().stored_in, ["GB"]);
}

#[test]
fn what_is_repeated_of_a_closed_set_counts_once() {
    let mut wire = wire_question();
    wire.data_categories = vec![4, 4, 1];
    let words: Vec<_> = request(wire, &Known).unwrap().data_categories.iter().map(|c| c.as_str()).collect();
    assert_eq!(words, ["content", "subscriber"]);
}

#[test]
fn text_that_is_empty_is_not_stated() {
    let mut wire = wire_question();
    process(&mut wire).instrument = Some(String::new());
    requester(&mut wire).jurisdiction = Some(String::new());
    let question = request(wire, &Known).unwrap();
    assert!(question.process.unwrap().instrument.is_empty() && question.requester.jurisdiction.is_empty());
}

#[test]
fn each_kind_of_bad_field_is_named() {
    check("data_ref", "it is empty", |wire| wire.data_ref.clear());
    check("data_ref", "a tenant only", |wire| {
        wire.data_ref = String::from("acme");
        holding(wire).data_ref.clear();
    });
    check("jurisdiction", "is empty", |wire| wire.jurisdiction.clear());
    check("jurisdiction", "`IRL` is no known jurisdiction", |wire| wire.jurisdiction = String::from("IRL"));
    check("jurisdiction", "control character", |wire| wire.jurisdiction = String::from("I\0E"));
    check("holding.stored_in[2]", "did you mean `IE`", |wire| {
        holding(wire).stored_in[2] = String::from("IEE")
    });
    check("holding.stored_in", "at most 256", |wire| holding(wire).stored_in = vec![String::from("IE"); 257]);
    check("holding.data_kinds[0]", "did you mean `personal`", |wire| {
        holding(wire).data_kinds[0] = String::from("personel");
    });
    check("transfer.safeguards", "at most 64", |wire| {
        wire.transfer.as_mut().unwrap().safeguards = vec![String::from("encrypted"); 65];
    });
    check("transfer.mode", "not a declared transfer mode", |wire| {
        wire.transfer.as_mut().unwrap().mode = Some(String::from("teleport"));
    });
    check("process.instrument", "did you mean `search_warrant`", |wire| {
        process(wire).instrument = Some(String::from("search-warrant"));
    });
    check("process.statute", "at most 1024", |wire| process(wire).statute = Some("x".repeat(1025)));
    check("process.expires_at", "is before `issued_at`", |wire| {
        process(wire).expires_at = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    });
    check("process.nondisclosure_until", "is before `issued_at`", |wire| {
        process(wire).nondisclosure_until = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    });
    check("as_of", "no instant", |wire| {
        wire.as_of = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    });
    check("as_of", "no instant", |wire| wire.as_of = Some(prost_types::Timestamp { seconds: 0, nanos: -1 }));
    check("action", "is unspecified; one of transfer", |wire| wire.action = Some(0));
    check("action", "has no value 99", |wire| wire.action = Some(99));
    check("data_categories[1]", "is unspecified", |wire| wire.data_categories = vec![1, 0]);
    check("requester", "neither", |wire| wire.requester = None);
    check("requester", "neither", |wire| {
        requester(wire).id.clear();
        requester(wire).kind = None;
    });
    check("tenant.id", "not the tenant", |wire| tenant(wire).id = String::from("other"));
    check("tenant.type", "is unspecified", |wire| tenant(wire).r#type = Some(0));
    check("tenant.approval[1].destination[0]", "no known", |wire| {
        tenant(wire).approval[1].destination[0] = String::from("XX");
    });
    check("tenant.approval[0].scope[0]", "is empty", |wire| tenant(wire).approval[0].scope[0].clear());
    check("tenant.holding_defaults.data_ref", "for every holding", |wire| {
        tenant(wire).holding_defaults.as_mut().unwrap().data_ref = String::from("acme/mail");
    });
    check("holding.data_ref", "no prefix", |wire| holding(wire).data_ref = String::from("acme/other"));
    check("holding.cleared[0]", "did you mean `residency`", |wire| {
        holding(wire).cleared[0] = String::from("residence");
    });
    check("holding.labels", "at most 64", |wire| {
        holding(wire).labels = (0..65).map(|n| (n.to_string(), String::new())).collect();
    });
    check("holding.labels[`tier`]", "at most 1024", |wire| {
        holding(wire).labels.insert(String::from("tier"), "x".repeat(1025));
    });
    check("holding.labels[`a\\nb`]", "control character", |wire| {
        holding(wire).labels.insert(String::from("a\nb"), String::new());
    });
    check("request_id", "at most 256", |wire| wire.request_id = "x".repeat(257));
}

#[test]
fn every_fault_is_found_at_once() {
    let found = faults(|wire| {
        wire.data_ref.clear();
        wire.action = Some(99);
        process(wire).flags[1] = String::from("nonsense");
    });
    let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["data_ref", "action", "process.flags[1]"]);
}

#[test]
fn at_most_32_are_named_and_the_rest_counted() {
    let mut wire = wire_question();
    holding(&mut wire).stored_in = vec![String::from("ZZ"); 200];
    let bad = request(wire, &Known).unwrap_err();
    assert_eq!((bad.fields().len(), bad.unnamed(), bad.count()), (32, 168, 200));
    assert!(bad.to_string().ends_with("; and 168 more"));
}

#[test]
fn faults_of_an_entry_are_named() {
    let check = |change: fn(&mut Wire), kind: usize, path: &str| {
        let mut wire = to_entry(&entries(&mut Dice::full())[kind]);
        change(wire.entry.as_mut().unwrap());
        let bad = entry(wire, &Known).unwrap_err();
        assert_eq!(bad.fields().iter().map(|field| field.path.as_str()).collect::<Vec<_>>(), [path]);
    };
    macro_rules! of {
        ($variant:ident, $change:expr) => {
            |wire| match wire {
                Wire::$variant(inner) => $change(inner),
                _ => panic!("not a {}", stringify!($variant)),
            }
        };
    }
    check(of!(Tenant, |tenant: &mut proto::Tenant| tenant.id.clear()), 0, "entry.tenant.id");
    check(of!(Tenant, |tenant: &mut proto::Tenant| tenant.id = String::from("a/b")), 0, "entry.tenant.id");
    check(of!(Tenant, |tenant: &mut proto::Tenant| tenant.id = String::from("..")), 0, "entry.tenant.id");
    check(of!(Holding, |holding: &mut proto::Holding| holding.data_ref.clear()), 1, "entry.holding.data_ref");
    check(of!(Party, |party: &mut proto::Party| party.kind = 0), 2, "entry.party.kind");
    check(of!(Party, |party: &mut proto::Party| party.id.clear()), 2, "entry.party.id");
    check(of!(Party, |party: &mut proto::Party| party.jurisdiction = None), 2, "entry.party.jurisdiction");
    check(of!(Process, |process: &mut proto::LegalProcess| process.id.clear()), 3, "entry.process.id");
    let bad = entry(proto::Entry { entry: None }, &Known).unwrap_err();
    assert_eq!(bad.fields()[0].path, "entry");
}

#[test]
fn stored_entries_outlive_a_word_that_the_facts_forget() {
    let mut holding = testing::holding(&mut Dice::full(), DataRef::parse("acme/mail").ok());
    holding.sectors = vec![String::from("forgotten")];
    let stored = Entry::Holding(holding);
    assert!(entry(to_entry(&stored), &Known).is_err());
    assert_eq!(decode_entry(EntryKind::Holding, &encode_entry(&stored)), Ok(stored));
}

#[test]
fn only_the_store_may_leave_out_the_reference_of_a_holding() {
    let stored = Entry::Holding(testing::holding(&mut Dice::full(), None));
    assert_eq!(decode_entry(EntryKind::Holding, &encode_entry(&stored)), Ok(stored.clone()));
    let bad = entry(to_entry(&stored), &Known).unwrap_err();
    assert_eq!(bad.to_string(), "`entry.holding.data_ref`: is empty");
}

#[test]
fn bytes_of_another_kind_are_no_entry() {
    let stored = encode_entry(&Entry::Party(testing::party(&mut Dice::full())));
    assert_eq!(
        decode_entry(EntryKind::Tenant, &stored),
        Err(String::from("the entry is a party, not a tenant"))
    );
    assert!(decode_entry(EntryKind::Tenant, b"\xff").is_err());
}

#[test]
fn instants_count_their_nanoseconds_forward() {
    let before_1970 = Timestamp::new(-1, -500_000_000).unwrap();
    assert_eq!(to_instant(before_1970), prost_types::Timestamp { seconds: -2, nanos: 500_000_000 });
}
