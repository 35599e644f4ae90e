//! Signed notes and their keys, in the forms of C2SP signed-note and tlog-cosignature.
//!
//! It owns what a note's bytes are and whether a signature holds. What the text says is the checkpoint's.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// A plain Ed25519 signature over the note's text.
const ED25519: u8 = 0x01;
/// A witness's Ed25519 signature over the time and the note's text.
const COSIGNATURE: u8 = 0x04;
/// Most signatures of a note: those of a log and of many witnesses.
const MAX_SIGNATURES: usize = 64;
/// Longest note, in bytes.
const MAX_NOTE_BYTES: usize = 64 << 10;

/// Why text is not a note or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has not the form of a signed note.
    #[error("it is not a signed note: {0}")]
    Note(&'static str),
    /// It has not the form of a key. The text is not shown: it may be a secret.
    #[error("it is not a key of the form `{form}`: {fault}")]
    Key {
        /// The form.
        form: &'static str,
        /// What is wrong.
        fault: &'static str,
    },
    /// No signature of this key is on the note.
    #[error("no signature of `{name}` is on it")]
    Unsigned {
        /// The key's name.
        name: String,
    },
    /// A signature of this key is on the note and does not hold.
    #[error("the signature of `{name}` does not hold")]
    Forged {
        /// The key's name.
        name: String,
    },
}

/// A key that signs. Never shown by `Debug`.
#[derive(Clone)]
pub struct Signer {
    name: String,
    key: SigningKey,
}

/// A key that checks signatures: `name+hash+base64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    kind: u8,
    key: VerifyingKey,
}

/// A text with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, which ends in a line feed.
    pub text: String,
    /// The signatures, in their order.
    pub signatures: Vec<NoteSignature>,
}

/// A line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// Id of the key.
    pub id: [u8; 4],
    /// The signature, in the form of its kind.
    pub bytes: Vec<u8>,
}

/// Whether a name can stand in a note and in a key.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn key_id(name: &str, kind: u8, key: &VerifyingKey) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(key.as_bytes());
    let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
    [a, b, c, d]
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Standard base64, as notes have it.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of standard base64.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

// === impl Signer ===

impl Signer {
    const FORM: &'static str = "PRIVATE+KEY+name+hash+base64";

    /// A new key of that name, from the system's randomness.
    ///
    /// # Errors
    /// The system gives none, as text.
    pub fn generate(name: &str) -> Result<Self, String> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| error.to_string())?;
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&seed) })
    }

    /// Its name: the origin of a log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that checks what it signs.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier::of(&self.name, ED25519, self.key.verifying_key())
    }

    /// Signs bytes: 64 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).to_bytes().to_vec()
    }

    /// Signs a text, which must end in a line feed.
    #[must_use]
    pub fn note(&self, text: String) -> Note {
        let verifier = self.verifier();
        let bytes = self.sign(text.as_bytes());
        Note { text, signatures: vec![NoteSignature { name: self.name.clone(), id: verifier.id, bytes }] }
    }

    /// The text that [`Signer::from_str`] reads. A secret.
    #[must_use]
    pub fn secret(&self) -> String {
        let mut bytes = vec![ED25519];
        bytes.extend(self.key.to_bytes());
        format!("PRIVATE+KEY+{}+{}+{}", self.name, hex(&self.verifier().id), base64(&bytes))
    }
}

impl FromStr for Signer {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let wrong = |fault| NoteError::Key { form: Self::FORM, fault };
        let rest = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(wrong("it begins otherwise"))?;
        let (name, rest) = rest.split_once('+').ok_or(wrong("a part is missing"))?;
        let (id, bytes) = rest.split_once('+').ok_or(wrong("a part is missing"))?;
        let bytes = unbase64(bytes).ok_or(wrong("its last part is not base64"))?;
        let [ED25519, seed @ ..] = bytes.as_slice() else { return Err(wrong("it is not of Ed25519")) };
        let seed = <&[u8; 32]>::try_from(seed).map_err(|_| wrong("it has not 32 bytes"))?;
        let signer = Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) };
        if !is_name(name) {
            return Err(wrong("its name is empty, or has a space in it"));
        }
        if hex(&signer.verifier().id) != id {
            return Err(wrong("its hash is another key's"));
        }
        Ok(signer)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("name", &self.name).finish_non_exhaustive()
    }
}

// === impl Verifier ===

impl Verifier {
    const FORM: &'static str = "name+hash+base64";

    fn of(name: &str, kind: u8, key: VerifyingKey) -> Self {
        Self { name: name.to_owned(), id: key_id(name, kind, &key), kind, key }
    }

    /// The key's name: the origin of a log, or that of a witness.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a witness's, whose signatures carry a time.
    #[must_use]
    pub const fn is_witness(&self) -> bool {
        self.kind == COSIGNATURE
    }

    /// Whether a signature line is of this key.
    #[must_use]
    pub fn made(&self, signature: &NoteSignature) -> bool {
        signature.name == self.name && signature.id == self.id
    }

    /// Checks 64 bytes of signature over a message.
    #[must_use]
    pub fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }

    /// Checks this key's signatures of a note. Gives the time that a witness signed at, in seconds since the
    /// epoch; `None` for a log's key.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] and [`NoteError::Forged`].
    pub fn check(&self, note: &Note) -> Result<Option<u64>, NoteError> {
        let mut found = Err(NoteError::Unsigned { name: self.name.clone() });
        for signature in note.signatures.iter().filter(|signature| self.made(signature)) {
            let time = self.time(&note.text, &signature.bytes);
            found = Ok(time.ok_or_else(|| NoteError::Forged { name: self.name.clone() })?);
        }
        found
    }

    /// The time of a signature that holds; `Some(None)` where its kind has none.
    fn time(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        if self.kind == ED25519 {
            return self.holds(text.as_bytes(), signature).then_some(None);
        }
        let (time, signature) = signature.split_at_checked(8)?;
        let time = u64::from_be_bytes(time.try_into().ok()?);
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        self.holds(message.as_bytes(), signature).then_some(Some(time))
    }
}

impl FromStr for Verifier {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let wrong = |fault| NoteError::Key { form: Self::FORM, fault };
        let (name, rest) = text.trim().split_once('+').ok_or(wrong("a part is missing"))?;
        let (id, bytes) = rest.split_once('+').ok_or(wrong("a part is missing"))?;
        let bytes = unbase64(bytes).ok_or(wrong("its last part is not base64"))?;
        let [kind @ (ED25519 | COSIGNATURE), key @ ..] = bytes.as_slice() else {
            return Err(wrong("it is not of Ed25519"));
        };
        let key = <&[u8; 32]>::try_from(key).map_err(|_| wrong("it has not 32 bytes"))?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| wrong("it is no point of the curve"))?;
        if !is_name(name) {
            return Err(wrong("its name is empty, or has a space in it"));
        }
        let verifier = Self::of(name, *kind, key);
        if hex(&verifier.id) == id { Ok(verifier) } else { Err(wrong("its hash is another key's")) }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.kind];
        bytes.extend(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex(&self.id), base64(&bytes))
    }
}

// === impl Note ===

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::Note("it is too long"));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Note("it has control characters"));
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Note("no empty line ends its text"))? + 1;
        let (text, lines) = note.split_at_checked(end).unwrap_or_default();
        let lines = lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Note("it has no signature, or no end of line"))?;
        let signatures = lines.split('\n').map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Note("it has too many signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

// === impl NoteSignature ===

impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let parse = || {
            let (name, bytes) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            let bytes = unbase64(bytes).filter(|_| is_name(name))?;
            let (id, bytes) = bytes.split_first_chunk::<4>()?;
            (!bytes.is_empty()).then(|| Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
        };
        parse().ok_or(NoteError::Note("a line is not a signature"))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_vec();
        bytes.extend(&self.bytes);
        write!(f, "\u{2014} {} {}", self.name, base64(&bytes))
    }
}
