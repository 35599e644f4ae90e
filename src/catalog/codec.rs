//! How entries become stored bytes and come back. The wire's module brings the functions; here are only the
//! rules about them.

use crate::domain::{DataRef, Entry, EntryKind};

/// Makes stored bytes of entries, and entries of stored bytes.
///
/// A holding is encoded without its `data_ref`, which is its key, so that equal facts have equal bytes: `decode`
/// must accept one. Equal entries should make equal bytes; where they do not, memory is shared less, and nothing
/// else changes.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// Makes bytes.
    pub encode: fn(&Entry) -> Vec<u8>,
    /// Makes an entry of that kind, or says in a sentence what is wrong with the bytes.
    pub decode: fn(EntryKind, &[u8]) -> Result<Entry, String>,
}

impl Codec {
    /// The bytes that are stored under the entry's key.
    pub(super) fn encode_stored(self, mut entry: Entry) -> Vec<u8> {
        if let Entry::Holding(holding) = &mut entry {
            holding.data_ref = None;
        }
        (self.encode)(&entry)
    }

    /// The entry that is stored under a key.
    pub(super) fn decode_stored(self, kind: EntryKind, key: &str, bytes: &[u8]) -> Result<Entry, String> {
        let mut entry = (self.decode)(kind, bytes)?;
        if let Entry::Holding(holding) = &mut entry {
            holding.data_ref = Some(DataRef::parse(key).map_err(|error| error.to_string())?);
        }
        if entry.kind() != kind || entry.key() != key {
            return Err(format!("it is {} `{}`", entry.kind().as_str(), entry.key()));
        }
        Ok(entry)
    }
}
