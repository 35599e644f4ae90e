//! Listing entries in key order, a page at a time.

use std::borrow::Borrow;
use std::fmt::Write as _;
use std::ops::Bound;

use super::change::ToEntry;
use super::memory::Memory;
use super::ordered::Ordered;
use super::{Codec, Limits, ListError, Revision};
use crate::domain::{Entry, EntryKind};

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Entries in key order, each with the revision of its last change.
    pub entries: Vec<(Entry, Revision)>,
    /// Asks for the next page; empty on the last one. It names the last key of this page, so writes in between
    /// neither repeat nor skip an entry that was there all along.
    pub next_page_token: String,
    /// The revision of the catalogue that the page shows. The next page may show a later one.
    pub revision: Revision,
}

/// A list of one kind below one prefix, and how much of it one page may have.
pub(super) struct List<'a> {
    pub(super) kind: EntryKind,
    pub(super) prefix: &'a str,
    pub(super) page_size: usize,
    pub(super) codec: Codec,
    pub(super) limits: &'a Limits,
}

/// Entries of a page where the caller does not say how many.
const DEFAULT_PAGE: usize = 100;

// === impl List ===

impl List<'_> {
    /// The page that a token (empty: the first) asks for.
    pub(super) fn page(
        &self,
        memory: &Memory,
        page_token: &str,
        shown: impl FnMut(&str) -> bool,
    ) -> Result<Page, ListError> {
        let after = match page_token {
            "" => None,
            token => Some(self.key_of(token).ok_or(ListError::Token)?),
        };
        let from = after.as_deref().map_or(Bound::Included(self.prefix), Bound::Excluded);
        let order = memory.order();
        let revision = memory.revision();
        let (entries, next_page_token) = match self.kind {
            EntryKind::Tenant => self.take(&order.tenants, from, shown),
            EntryKind::Holding => self.take(&order.holdings, from, shown),
            EntryKind::Party => self.take(&order.parties, from, shown),
            EntryKind::Process => self.take(&order.processes, from, shown),
        };
        drop(order);
        Ok(Page { entries, next_page_token, revision })
    }

    fn take<K: Borrow<str> + Clone, V: ToEntry<K> + Clone>(
        &self,
        ordered: &Ordered<K, V>,
        from: Bound<&str>,
        mut shown: impl FnMut(&str) -> bool,
    ) -> (Vec<(Entry, Revision)>, String) {
        let most = self.limits.page_entries.max(1);
        let most = if self.page_size == 0 { DEFAULT_PAGE.min(most) } else { self.page_size.min(most) };
        let mut entries = Vec::new();
        let mut bytes = 0_usize;
        let mut last = None;
        let below = ordered.range(from).take_while(|item| item.key.borrow().starts_with(self.prefix));
        for item in below.filter(|item| shown(item.key.borrow())) {
            if let Some(last) = last
                && (entries.len() >= most || bytes >= self.limits.page_bytes)
            {
                return (entries, self.token_of(last));
            }
            let entry = item.value.to_entry(&item.key);
            let key: &str = item.key.borrow();
            bytes += key.len() + (self.codec.encode)(&entry).len();
            entries.push((entry, item.revision));
            last = Some(key);
        }
        (entries, String::new())
    }

    /// A token is the kind, the prefix and the last key, in hexadecimal digits: it is not for reading.
    fn token_of(&self, key: &str) -> String {
        let plain = format!("{}\n{}\n{key}", self.kind.as_str(), self.prefix);
        plain.bytes().fold(String::with_capacity(plain.len() * 2), |mut token, byte| {
            let _ = write!(token, "{byte:02x}"); // Writing to a string cannot fail.
            token
        })
    }

    fn key_of(&self, token: &str) -> Option<String> {
        let (pairs, rest) = token.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        let bytes: Option<Vec<u8>> = pairs
            .iter()
            .map(|pair| {
                let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
                u8::try_from(high? * 16 + low?).ok()
            })
            .collect();
        let plain = String::from_utf8(bytes?).ok()?;
        let key = plain
            .strip_prefix(self.kind.as_str())?
            .strip_prefix('\n')?
            .strip_prefix(self.prefix)?
            .strip_prefix('\n')?;
        key.starts_with(self.prefix).then(|| key.to_owned())
    }
}
