//! Fields that are kept out of the log's entries: taken out of every message that has them, and put back.

use std::collections::BTreeMap;
use std::mem;

use prost::Message;
use sha2::{Digest as _, Sha256};

use super::NoSalt;
use crate::domain::{Masking, Personal};
use crate::grpc::proto::{AuthorizeResponse, MaskedField, MaskedText, MaskedTexts, PlainFields, Tenant};

/// What stands in an answer's sentences for a value that is hidden.
const PLACEHOLDER: &str = "[hidden]";
/// The name of an answer whose sentences named a value that is masked.
const ANSWER: &str = "answer";
const SALT_BYTES: usize = 16;

/// What an entry has of hidden fields, and their plain texts.
#[derive(Default)]
pub(super) struct Commitments {
    pub masked: Vec<MaskedField>,
    pub erased: Vec<String>,
    /// A `MaskedTexts`; empty: none.
    pub private: Vec<u8>,
}

/// Takes out of an entry what is configured to be hidden.
pub(super) fn hide(fields: &mut PlainFields, masking: &Masking) -> Result<Commitments, NoSalt> {
    let mut hidden = Commitments::default();
    let mut values = Vec::new();
    for field in &masking.erase {
        if let Some(taken) = take(*field, fields) {
            hidden.erased.push(field.as_str().to_owned());
            values.extend(taken.values);
        }
    }
    scrub(fields.answer.as_mut(), &values);
    values.clear();
    let mut plain = Vec::new();
    for field in &masking.mask {
        if let Some(taken) = take(*field, fields) {
            plain.push((field.as_str(), taken.fields.encode_to_vec()));
            values.extend(taken.values);
        }
    }
    let answer = fields.answer.clone().filter(|_| !values.is_empty());
    if scrub(fields.answer.as_mut(), &values) {
        plain.push((ANSWER, PlainFields { answer, ..PlainFields::default() }.encode_to_vec()));
    }
    commit(&mut hidden, plain)?;
    Ok(hidden)
}

fn commit(hidden: &mut Commitments, plain: Vec<(&str, Vec<u8>)>) -> Result<(), NoSalt> {
    if plain.is_empty() {
        return Ok(());
    }
    let mut texts = Vec::with_capacity(plain.len());
    for (name, text) in plain {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| NoSalt)?;
        let name = name.to_owned();
        hidden.masked.push(MaskedField { name: name.clone(), commitment: commitment(&salt, &text) });
        texts.push(MaskedText { name, salt: salt.to_vec(), text });
    }
    hidden.private = MaskedTexts { texts }.encode_to_vec();
    Ok(())
}

fn commitment(salt: &[u8], text: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(text).finalize().to_vec()
}

/// Puts back what the plain texts give, and names what they do not. A text that does not fit its commitment
/// gives nothing.
pub(super) fn show(
    fields: &mut PlainFields,
    masked: &[MaskedField],
    erased: &[String],
    texts: &[MaskedText],
) -> Vec<String> {
    let mut withheld = erased.to_vec();
    for field in masked {
        let text = texts
            .iter()
            .find(|text| text.name == field.name && commitment(&text.salt, &text.text) == field.commitment);
        // The answer as it was takes the place of the other: merged, its lists would stand there twice.
        let other = fields.answer.take_if(|_| field.name == ANSWER);
        if text.is_none_or(|text| fields.merge(text.text.as_slice()).is_err()) {
            fields.answer = fields.answer.take().or(other);
            withheld.push(field.name.clone());
        }
    }
    withheld
}

/// What was taken out of an entry.
#[derive(Default)]
struct Taken {
    fields: PlainFields,
    /// Each text that was taken.
    values: Vec<String>,
}

/// Moves a field out of every message that has it; absent where none states it.
fn take(field: Personal, from: &mut PlainFields) -> Option<Taken> {
    let mut taken = Taken::default();
    let Taken { fields: to, values } = &mut taken;
    // What stands at the same place in both; nothing where the message is not there.
    macro_rules! each {
        ($($part:ident . $field:ident),+ $(,)?) => {
            {$(if let Some((from, to)) = both(&mut from.$part, &mut to.$part) {
                shift(&mut from.$field, &mut to.$field, values);
            })+}
        };
    }
    macro_rules! within {
        ($($part:ident . $message:ident . $field:ident),+ $(,)?) => {
            {$(if let Some((from, to)) = both(&mut from.$part, &mut to.$part)
                && let Some((from, to)) = both(&mut from.$message, &mut to.$message)
            {
                shift(&mut from.$field, &mut to.$field, values);
            })+}
        };
    }
    match field {
        Personal::Caller => each!(record.caller, outcome.caller),
        Personal::TraceId => each!(record.trace_id),
        Personal::RequestId => each!(record.request_id),
        Personal::Detail => each!(outcome.detail),
        Personal::DataRef => {
            each!(record.data_ref, question.data_ref, facts.matched);
            within!(question.holding.data_ref, facts.holding.data_ref);
        }
        Personal::Requester => within!(question.requester.id, facts.requester.id),
        Personal::Recipient => within!(question.transfer.recipient, facts.recipient.id),
        Personal::Process => within!(question.process.id, facts.process.id),
        Personal::Purpose => within!(question.transfer.purpose),
        Personal::Labels => {
            within!(
                question.requester.labels,
                question.tenant.labels,
                question.holding.labels,
                facts.tenant.labels,
                facts.holding.labels,
                facts.requester.labels,
                facts.recipient.labels,
            );
            if let Some((from, to)) = both(&mut from.question, &mut to.question) {
                defaults(&mut from.tenant, &mut to.tenant, values);
            }
            if let Some((from, to)) = both(&mut from.facts, &mut to.facts) {
                defaults(&mut from.tenant, &mut to.tenant, values);
            }
        }
    }
    (!taken.values.is_empty()).then_some(taken)
}

/// Labels of what a tenant's holdings do not state themselves.
fn defaults(from: &mut Option<Tenant>, to: &mut Option<Tenant>, values: &mut Vec<String>) {
    if let Some((from, to)) = both(from, to)
        && let Some((from, to)) = both(&mut from.holding_defaults, &mut to.holding_defaults)
    {
        shift(&mut from.labels, &mut to.labels, values);
    }
}

/// A message and its counterpart. An empty one that this adds changes nothing when it is merged back.
fn both<'a, T: Default>(from: &'a mut Option<T>, to: &'a mut Option<T>) -> Option<(&'a mut T, &'a mut T)> {
    Some((from.as_mut()?, to.get_or_insert_default()))
}

fn shift<T: Texts>(from: &mut T, to: &mut T, values: &mut Vec<String>) {
    *to = mem::take(from);
    to.texts(values);
}

/// A field of texts.
trait Texts: Default {
    /// Adds each text that is stated.
    fn texts(&self, values: &mut Vec<String>);
}

impl Texts for String {
    fn texts(&self, values: &mut Vec<String>) {
        values.extend((!self.is_empty()).then(|| self.clone()));
    }
}

impl Texts for Option<String> {
    fn texts(&self, values: &mut Vec<String>) {
        values.extend(self.clone());
    }
}

impl Texts for BTreeMap<String, String> {
    fn texts(&self, values: &mut Vec<String>) {
        values.extend(self.values().cloned());
    }
}

/// Replaces values where an answer's sentences say them as whole words; whether any did.
fn scrub(answer: Option<&mut AuthorizeResponse>, values: &[String]) -> bool {
    let Some(answer) = answer else { return false };
    let sentences = answer.reasons.iter_mut().map(|reason| &mut reason.message);
    let sentences = sentences.chain(answer.obligations.iter_mut().map(|duty| &mut duty.detail));
    let sentences = sentences.chain(answer.routes.iter_mut().map(|route| &mut route.detail));
    let mut found = false;
    for sentence in sentences {
        for value in values.iter().filter(|value| !value.is_empty()) {
            if let Some(clean) = without(sentence, value) {
                *sentence = clean;
                found = true;
            }
        }
    }
    found
}

/// The sentence with a placeholder for the value; absent where it does not say it.
fn without(sentence: &str, value: &str) -> Option<String> {
    let mut clean = String::new();
    let mut rest = 0;
    for (at, _) in sentence.match_indices(value) {
        let before = sentence.get(..at)?.chars().next_back();
        let after = sentence.get(at + value.len()..)?.chars().next();
        // A part of a longer word is another word.
        if !before.into_iter().chain(after).any(char::is_alphanumeric) {
            clean.push_str(sentence.get(rest..at)?);
            clean.push_str(PLACEHOLDER);
            rest = at + value.len();
        }
    }
    if rest == 0 {
        return None;
    }
    clean.push_str(sentence.get(rest..)?);
    Some(clean)
}
