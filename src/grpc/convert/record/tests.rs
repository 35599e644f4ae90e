//! What is recorded comes back as it was, and what is hidden does not until its plain text is given.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::{Category, DataRef, Decision, Digest, LogEntry, Personal, Recorded, Requester};
use crate::grpc::testing::{self, Dice};

/// What the log keeps of a draft: the entry as it stands there, and the contents by digest.
struct Kept {
    entry: Vec<u8>,
    private: Vec<u8>,
    contents: HashMap<Digest, Vec<u8>>,
}

impl Kept {
    fn of(draft: Draft) -> Self {
        let named = draft.contents.iter().zip(0..);
        let refs: Vec<_> =
            named.map(|(content, index)| ContentRef { sha256: content.sha256, index }).collect();
        let entry = [draft.body, content_refs(&refs)].concat();
        let contents = draft.contents.into_iter().map(|content| (content.sha256, content.bytes)).collect();
        Self { entry, private: draft.private, contents }
    }

    fn read(&self, private: &[u8]) -> Recorded {
        recorded(&self.entry, private, |at| self.contents.get(&at.sha256).cloned()).unwrap().unwrap()
    }

    /// Everything that an auditor without plain texts can see.
    fn public(&self) -> Vec<u8> {
        self.contents.values().fold(self.entry.clone(), |all, bytes| [all, bytes.clone()].concat())
    }
}

fn says(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn everything() -> Masking {
    Masking { mask: Personal::ALL.to_vec(), erase: Vec::new() }
}

/// A random decision, whose parts need not fit each other.
fn random(seed: u64) -> Record {
    let mut dice = Dice::seeded(seed);
    let question = testing::question(&mut dice);
    let mut record = testing::record();
    let prefix = Some(question.data_ref.clone());
    record.decision = Decision {
        action: question.action.unwrap_or(record.decision.action),
        tenant: Some(testing::tenant(&mut dice).into()),
        holding: Some(testing::holding(&mut dice, prefix).into()),
        process: question.process.clone().map(Into::into),
        question,
        ..record.decision
    };
    record.decision.answer.receipt = None;
    record.decision.answer.request_id.clone_from(&record.decision.question.request_id);
    record
}

fn full() -> Record {
    let mut record = testing::record();
    record.decision.answer.receipt = None;
    record.decision.answer.request_id.clone_from(&record.decision.question.request_id);
    record
}

fn outcome() -> Outcome {
    Outcome {
        id: Uuid::from_u128(7),
        decision_id: Uuid::from_u128(6),
        tenant: String::from("acme"),
        kind: String::from("disclosed"),
        at: testing::issued_at(),
        recorded_at: testing::issued_at(),
        caller: String::from("desk@example.test"),
        categories: vec![Category::Content],
        detail: String::from("by courier to J. Doe"),
    }
}

#[test]
fn a_record_comes_back_whole() {
    let record = full();
    let draft = draft(&record, &Masking::default()).unwrap();
    assert_eq!((draft.contents.len(), draft.private.len()), (3, 0));
    let read = Kept::of(draft).read(&[]);
    assert_eq!(read.decision, Some(record.decision.clone()));
    assert_eq!(read.withheld, Vec::<String>::new());
    assert_eq!((read.decided.caller, read.decided.trace_id), (record.caller, record.trace_id));
    assert_eq!(read.decided.hypothetical, record.decision.answer.hypothetical);
}

#[test]
fn the_same_question_is_one_content_whoever_asks_and_whenever() {
    let one = full();
    let mut other = one.clone();
    other.caller = String::from("another");
    other.decision.answer.decision_id = Uuid::from_u128(1);
    other.decision.answer.decided_at = testing::issued_at();
    other.decision.answer.request_id = String::from("another");
    other.decision.question.request_id = String::from("another");
    let [one, other] = [one, other].map(|record| draft(&record, &Masking::default()).unwrap());
    assert_ne!(one.body, other.body);
    assert_eq!(one.contents, other.contents);
}

#[test]
fn what_is_masked_is_in_no_entry_and_comes_back_by_its_plain_text() {
    let mut record = full();
    let id = "agent-4711";
    record.decision.question.requester.id = id.to_owned();
    Arc::make_mut(record.decision.requester.as_mut().unwrap()).id = id.to_owned();
    record.decision.answer.reasons[0].message = format!("{id} asks, not {id}x");
    let kept = Kept::of(draft(&record, &everything()).unwrap());
    let hidden = [id, &record.caller, "2020", &record.trace_id, &record.decision.question.request_id];
    for text in hidden {
        assert!(!text.is_empty() && !says(&kept.public(), &format!("{text} ")), "{text}");
    }
    assert!(!says(&kept.entry, id), "the entry says who asked");
    let blind = kept.read(&[]);
    assert_eq!(blind.decided.data_ref, "");
    let decision = blind.decision.unwrap();
    assert_eq!(decision.question.data_ref.as_str(), "acme/~hidden");
    assert_eq!(decision.answer.reasons[0].message, format!("[hidden] asks, not {id}x"));
    assert_eq!(
        decision.question.requester,
        Requester { id: String::new(), labels: Vec::new(), ..record.decision.question.requester.clone() }
    );
    let names: Vec<_> = blind.decided.hidden.masked.iter().map(|field| field.name.as_str()).collect();
    let all = Personal::ALL.iter().filter(|field| **field != Personal::Detail).map(|field| field.as_str());
    assert_eq!(names, all.chain(["answer"]).collect::<Vec<_>>());
    assert_eq!(blind.withheld, names);

    let shown = kept.read(&kept.private);
    assert_eq!(shown.decision, Some(record.decision));
    assert_eq!(shown.withheld, Vec::<String>::new());
    assert_eq!((shown.decided.caller, shown.decided.trace_id), (record.caller, record.trace_id));
}

#[test]
fn what_is_erased_is_kept_nowhere() {
    let record = full();
    let masking = Masking { mask: vec![Personal::DataRef], erase: vec![Personal::DataRef, Personal::Caller] };
    let kept = Kept::of(draft(&record, &masking).unwrap());
    assert!(kept.private.is_empty());
    assert!(!says(&kept.public(), &record.caller) && !says(&kept.public(), "acme/mail"));
    let read = kept.read(&[]);
    assert_eq!(read.withheld, ["data_ref", "caller"]);
    assert_eq!(read.decided.hidden.erased, ["data_ref", "caller"]);
}

#[test]
fn a_plain_text_that_does_not_fit_its_commitment_shows_nothing() {
    let record = full();
    let masking = Masking { mask: vec![Personal::Caller], erase: Vec::new() };
    let [one, other] = [(); 2].map(|()| draft(&record, &masking).unwrap());
    assert_ne!(one.private, other.private, "each entry has a salt of its own");
    let read = Kept::of(one).read(&other.private);
    assert_eq!((read.withheld, read.decided.caller), (vec![String::from("caller")], String::new()));
}

#[test]
fn a_content_that_is_no_longer_kept_leaves_the_entry() {
    let record = full();
    let mut kept = Kept::of(draft(&record, &Masking::default()).unwrap());
    kept.contents.clear();
    let read = kept.read(&[]);
    assert_eq!((read.decision, read.decided.id), (None, record.decision.answer.decision_id));
}

#[test]
fn outcomes_and_contents_come_back() {
    let draft = draft_outcome(&outcome(), &Masking::default()).unwrap();
    let read = log_entry(&draft.body, &[]).unwrap();
    assert_eq!(read, LogEntry::Outcome(Box::new(outcome()), crate::domain::Hidden::default()));
    let hidden = draft_outcome(&outcome(), &everything()).unwrap();
    assert!(!says(&hidden.body, "courier") && !says(&hidden.body, "desk@"));
    let LogEntry::Outcome(read, marks) = log_entry(&hidden.body, &hidden.private).unwrap() else {
        panic!("it is an outcome")
    };
    assert_eq!((*read, marks.masked.len()), (outcome(), 2));
    let part = ContentPart { sha256: [7; 32], part: 1, parts: 2, bytes: vec![1, 2] };
    assert_eq!(log_entry(&content_entry(&part), &[]).unwrap(), LogEntry::Content(part));
}

#[test]
fn damage_is_told() {
    let draft = draft(&full(), &Masking::default()).unwrap();
    assert!(matches!(log_entry(b"\xff", &[]), Err(ReadError::Bytes(_))));
    assert_eq!(log_entry(&[], &[]), Err(ReadError::Field("entry")));
    let mut leaf = leaf(&draft.body).unwrap();
    let Some(Entry::Decision(record) | Entry::Enquiry(record)) = &mut leaf.entry else { panic!("{leaf:?}") };
    record.action = 99;
    assert_eq!(log_entry(&leaf.encode_to_vec(), &[]), Err(ReadError::Field("action")));
}

#[test]
fn an_unknown_question_has_no_facts_to_keep() {
    let mut record = full();
    let decision = &mut record.decision;
    (decision.tenant, decision.holding, decision.matched) = (None, None, None);
    (decision.requester, decision.recipient, decision.process) = (None, None, None);
    let draft = draft(&record, &Masking::default()).unwrap();
    assert_eq!(draft.contents.len(), 2);
    assert_eq!(Kept::of(draft).read(&[]).decision, Some(record.decision));
}

proptest! {
    #[test]
    fn any_record_comes_back(seed: u64) {
        let record = random(seed);
        for masking in [Masking::default(), everything()] {
            let kept = Kept::of(draft(&record, &masking).unwrap());
            let read = kept.read(&kept.private);
            prop_assert_eq!(read.decision, Some(record.decision.clone()));
            prop_assert_eq!(read.withheld, Vec::<String>::new());
        }
    }

    #[test]
    fn nothing_hidden_stops_the_rest(seed: u64) {
        let record = random(seed);
        let kept = Kept::of(draft(&record, &everything()).unwrap());
        let read = kept.read(&[]).decision.unwrap();
        prop_assert_eq!(read.answer.decision, record.decision.answer.decision);
        prop_assert_eq!(read.question.data_ref, DataRef::parse("acme/~hidden").unwrap());
    }
}
