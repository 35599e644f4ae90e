//! Requests to the catalogue and the policies, but for the entries themselves.

use super::bad::BadFields;
use super::check::AnyWord;
use super::check::{Checker, Path};
use super::choice::Choice;
use super::limits;
use crate::domain::{DataRef, Effect, EntryKind};
use crate::grpc::proto;

/// Entries or policies of a page when the caller does not say.
const DEFAULT_PAGE: u32 = 100;
/// Most entries or policies of a page.
const MAX_PAGE: u32 = 1000;
/// Bytes of a key: a reference is the longest.
const KEY_BYTES: usize = DataRef::MAX_BYTES;
/// Bytes of a page token: room for a key in base64, and more.
const TOKEN_BYTES: usize = 2 * DataRef::MAX_BYTES;

/// A list request that was checked.
pub(in crate::grpc) struct List {
    /// The kind of the entries.
    pub(in crate::grpc) kind: EntryKind,
    /// How their keys begin.
    pub(in crate::grpc) prefix: String,
    /// At most how many.
    pub(in crate::grpc) page_size: usize,
    /// Where the page begins; empty: at the beginning.
    pub(in crate::grpc) page_token: String,
}

/// Checks which entry is meant.
pub(in crate::grpc) fn key(kind: i32, key: String) -> Result<(EntryKind, String), BadFields> {
    let mut check = Checker::new(&AnyWord);
    let kind = check.required_choice(&Path::Root.field("kind"), kind);
    let key = check.required_text(&Path::Root.field("key"), key, KEY_BYTES);
    check.finish(kind.map(|kind| (kind, key)))
}

/// Checks which page of which list is meant.
pub(in crate::grpc) fn list(wire: proto::ListRequest) -> Result<List, BadFields> {
    let mut check = Checker::new(&AnyWord);
    let at = Path::Root;
    let kind = check.required_choice(&at.field("kind"), wire.kind);
    let prefix = check.text(&at.field("prefix"), Some(wire.prefix), KEY_BYTES);
    let page_size = page_size(&mut check, wire.page_size, DEFAULT_PAGE, MAX_PAGE);
    let page_token = check.text(&at.field("page_token"), Some(wire.page_token), TOKEN_BYTES);
    check.finish(kind.map(|kind| List { kind, prefix, page_size, page_token }))
}

/// Checks which kinds are meant. None: all.
pub(in crate::grpc) fn kinds(numbers: Vec<i32>) -> Result<Vec<EntryKind>, BadFields> {
    let mut check = Checker::new(&AnyWord);
    let kinds = check.choices(&Path::Root.field("kinds"), numbers);
    check.finish(Some(kinds))
}

/// Checks which page of the policies is meant: how the ids begin, after which, and how many.
pub(in crate::grpc) fn list_policies(
    wire: proto::ListPoliciesRequest,
) -> Result<(String, String, usize), BadFields> {
    let mut check = Checker::new(&AnyWord);
    let at = Path::Root;
    let prefix = check.text(&at.field("prefix"), Some(wire.prefix), limits::ID_BYTES);
    let page_size = page_size(&mut check, wire.page_size, DEFAULT_PAGE, MAX_PAGE);
    let page_token = check.text(&at.field("page_token"), Some(wire.page_token), limits::ID_BYTES);
    check.finish(Some((prefix, page_token, page_size)))
}

/// Checks which policy is meant.
pub(in crate::grpc) fn policy_id(id: String) -> Result<String, BadFields> {
    let mut check = Checker::new(&AnyWord);
    let id = check.required_text(&Path::Root.field("policy_id"), id, limits::ID_BYTES);
    check.finish(Some(id))
}

/// How many a page has.
pub(super) fn page_size(check: &mut Checker<'_>, size: u32, default: u32, most: u32) -> usize {
    if size > most {
        check.fault(&Path::Root.field("page_size"), || format!("is {size}, at most {most} are taken"));
    }
    let size = if size == 0 { default } else { size.min(most) };
    usize::try_from(size).unwrap_or(1)
}

/// To the wire.
pub(in crate::grpc) fn to_kind(kind: EntryKind) -> i32 {
    kind.to_wire()
}

/// To the wire.
pub(in crate::grpc) fn to_effect(effect: Effect) -> i32 {
    effect.to_wire()
}
