//! Notes and keys: those that others made, and what any change of a byte does to them.

use proptest::prelude::*;

use super::*;
use crate::audit::{Checkpoint, Witness, WitnessError};

/// A witness's key, with what signs for it.
fn mk_witness() -> (Verifier, SigningKey) {
    let key = SigningKey::from_bytes(&[7; 32]);
    (Verifier::of("witness.example/one", COSIGNATURE, key.verifying_key()), key)
}

fn cosign(key: &SigningKey, verifier: &Verifier, text: &str, time: u64) -> NoteSignature {
    let message = format!("cosignature/v1\ntime {time}\n{text}");
    let mut bytes = time.to_be_bytes().to_vec();
    bytes.extend(key.sign(message.as_bytes()).to_bytes());
    NoteSignature { name: verifier.name.clone(), id: verifier.id, bytes }
}

#[test]
fn a_note_of_the_reference_implementation_is_the_same_here() {
    let key: Verifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let signer: Signer =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz".parse().unwrap();
    let text = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n";
    let note = format!(
        "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ\
         SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
    assert_eq!(signer.verifier(), key);
    assert_eq!(signer.note(text.to_owned()).to_string(), note);
    let read: Note = note.parse().unwrap();
    assert_eq!((read.text.as_str(), read.to_string()), (text, note));
    assert_eq!(key.check(&read), Ok(None));
    let other = Note { text: text.replace("answer", "question"), ..read };
    assert!(matches!(key.check(&other), Err(NoteError::Forged { .. })));
}

#[test]
fn keys_are_read_back_and_never_shown() {
    let signer = Signer::generate("example.com/log").unwrap();
    let again: Signer = format!("{}\n", signer.secret()).parse().unwrap();
    assert_eq!(again.verifier(), signer.verifier());
    assert_eq!(signer.verifier().to_string().parse(), Ok(signer.verifier()));
    assert!(!format!("{signer:?}").contains(signer.secret().rsplit('+').next().unwrap()));
    let other = Signer::generate("example.com/log").unwrap();
    let swapped = signer.secret().replace(&hex(&signer.verifier().id), &hex(&other.verifier().id));
    assert!(swapped.parse::<Signer>().is_err());
    for bad in ["", "a+b", "example.com/log+00000000+AAAA", "two words+00000000+AAAA"] {
        assert!(bad.parse::<Verifier>().is_err() && bad.parse::<Signer>().is_err(), "{bad}");
    }
}

#[test]
fn a_checkpoint_is_the_log_s_own() {
    let signer = Signer::generate("example.com/log").unwrap();
    let checkpoint = Checkpoint::sign(&signer, 7, [1; 32]);
    let again: Checkpoint = checkpoint.to_string().parse().unwrap();
    assert_eq!(again, checkpoint);
    again.check(&signer.verifier()).unwrap();
    let other = Signer::generate("example.com/log").unwrap();
    assert!(again.check(&other.verifier()).is_err());
    let foreign = Signer::generate("example.com/other").unwrap();
    let foreign = Checkpoint { note: foreign.note(checkpoint.note.text.clone()), ..checkpoint.clone() };
    assert!(foreign.check(&signer.verifier()).is_err());
    for text in ["example.com/log\n07\nAQ==\n", "example.com/log\n7\n", "\n7\nAQ==\n"] {
        assert!(signer.note(text.to_owned()).to_string().parse::<Checkpoint>().is_err(), "{text:?}");
    }
}

#[test]
fn a_witness_signs_with_its_time() {
    let (verifier, key) = mk_witness();
    let witness: Witness = format!("{verifier} https://witness.example/prefix/").parse().unwrap();
    assert_eq!((&witness.key, witness.url.as_str()), (&verifier, "https://witness.example/prefix"));
    let log = Signer::generate("example.com/log").unwrap();
    let mut checkpoint = Checkpoint::sign(&log, 7, [1; 32]);
    let signature = cosign(&key, &verifier, &checkpoint.note.text, 1_700_000_000);
    // Others may sign, too.
    let answer = format!("{}\n{signature}\n", checkpoint.note.signatures[0]);
    assert_eq!(witness.cosignature(&checkpoint, &answer), Ok(signature.clone()));
    checkpoint.note.signatures.push(signature);
    let again: Checkpoint = checkpoint.to_string().parse().unwrap();
    again.check(&log.verifier()).unwrap();
    assert_eq!(verifier.check(&again.note), Ok(Some(1_700_000_000)));
    // Neither another time nor another checkpoint.
    let mut late = again.note.clone();
    late.signatures[1].bytes[7] ^= 1;
    assert!(matches!(verifier.check(&late), Err(NoteError::Forged { .. })));
    let other = Checkpoint::sign(&log, 8, [1; 32]);
    assert!(witness.cosignature(&other, &answer).is_err());
    assert!(witness.cosignature(&other, "").is_err());
    let log_key = format!("{} https://witness.example", log.verifier());
    assert_eq!(log_key.parse::<Witness>(), Err(WitnessError::Kind));
    assert_eq!(format!("{verifier} witness.example").parse::<Witness>(), Err(WitnessError::Form));
}

proptest! {
    #[test]
    fn a_note_with_any_byte_changed_is_no_longer_signed(
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let signer: Signer = {
            let key = SigningKey::from_bytes(&[9; 32]);
            Signer { name: String::from("example.com/log"), key }
        };
        let (witness, key) = mk_witness();
        let mut note = signer.note(String::from("example.com/log\n7\nAAAA\n"));
        note.signatures.push(cosign(&key, &witness, &note.text, 1));
        let mut bytes = note.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Some(changed) = String::from_utf8(bytes).ok().and_then(|text| text.parse::<Note>().ok()) {
            prop_assert!(signer.verifier().check(&changed).is_err() || witness.check(&changed).is_err());
        }
    }
}
