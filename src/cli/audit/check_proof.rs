//! `situs audit check-proof`: offline, is an entry in the log, and did the log keep its receipt?

use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::source::{keys, read, wrong};
use crate::audit::merkle::{self, Hash};
use crate::audit::{LogDir, Proof, Verifier, leaf_hash, receipt_text};
use crate::cli::output::line;
use crate::domain::LogEntry;
use crate::grpc::DECODE;

/// Check a proof, or a receipt, with the log's public key alone.
///
/// A proof (`situs audit proof`) shows that an entry is in the log. A receipt comes with the answer to a durable
/// decision: by it the log promises an entry at a place. With --proof or --dir it is told whether the log kept
/// that promise. Ends with 0 where it holds, 1 where nothing is proved, and 3 where the log broke its receipt:
/// keep both files then, they prove it to anyone.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A proof, or an answer in JSON with its receipt.
    file: PathBuf,
    /// The log's public key, or a file that has it.
    #[arg(long, required = true, value_name = "KEY")]
    key: Vec<String>,
    /// For a proof: the bytes of the entry, where the proof does not bring them.
    #[arg(long, value_name = "FILE", conflicts_with = "leaf_hash")]
    entry: Option<PathBuf>,
    /// For a proof: the entry's hash, in hexadecimal or base64.
    #[arg(long, value_name = "HASH")]
    leaf_hash: Option<String>,
    /// For a receipt: a proof of the entry at its place.
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    proof: Option<PathBuf>,
    /// For a receipt: the log, a data directory.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The exit code of a receipt that was broken: apart from 1, where nothing is proved.
const BROKEN: u8 = 3;

/// What the log promised.
struct Promise {
    index: u64,
    leaf_hash: Hash,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, ExitCode> {
    let keys = keys(&args.key)?;
    let text = read(&args.file)?;
    if text.trim_start().starts_with('{') {
        return receipt(args, &text, &keys);
    }
    let proof: Proof = text.parse().map_err(wrong)?;
    let key = key(&keys, &proof.checkpoint.origin)?;
    let leaf_hash = wanted(args, &proof)?;
    proof.check(key, &leaf_hash).map_err(wrong)?;
    line(format!(
        "entry {} is in the log `{}` as its checkpoint of {} entries has it",
        proof.index, proof.checkpoint.origin, proof.checkpoint.size
    ));
    if let Some(entry) = proof.entry.as_deref().filter(|entry| merkle::leaf_hash(entry) == leaf_hash) {
        line(said(entry));
    }
    Ok(ExitCode::SUCCESS)
}

/// The key of that log; where there is none, the first, whose check then says what is wrong.
fn key<'a>(keys: &'a [Verifier], origin: &str) -> Result<&'a Verifier, ExitCode> {
    keys.iter().find(|key| key.name() == origin).or(keys.first()).ok_or_else(|| wrong("no key is given"))
}

/// The hash of the entry that is to be proved.
fn wanted(args: &Args, proof: &Proof) -> Result<Hash, ExitCode> {
    if let Some(path) = &args.entry {
        let bytes = std::fs::read(path)
            .map_err(|error| wrong(format!("`{}` cannot be read: {error}", path.display())))?;
        return Ok(leaf_hash(&bytes));
    }
    if let Some(text) = &args.leaf_hash {
        return hash(text).ok_or_else(|| wrong(format!("`{text}` is no SHA-256 hash")));
    }
    proof.leaf_hash().ok_or_else(|| wrong("the proof does not bring its entry: give --entry or --leaf-hash"))
}

fn receipt(args: &Args, text: &str, keys: &[Verifier]) -> Result<ExitCode, ExitCode> {
    let answer: Value = serde_json::from_str(text)
        .map_err(|error| wrong(format!("`{}` is neither a proof nor JSON: {error}", args.file.display())))?;
    let receipt = answer.get("receipt").unwrap_or(&answer);
    let field = |name: &str| receipt.get(name).ok_or_else(|| wrong(format!("the receipt has no `{name}`")));
    let index = field("log_index").map(|index| index.as_u64().or_else(|| index.as_str()?.parse().ok()))?;
    let index = index.ok_or_else(|| wrong("the receipt's `log_index` is no number"))?;
    let leaf_hash = field("leaf_hash")?.as_str().and_then(hash);
    let leaf_hash = leaf_hash.ok_or_else(|| wrong("the receipt's `leaf_hash` is no SHA-256 hash"))?;
    let signature = field("signature")?.as_str().and_then(bytes).unwrap_or_default();
    let signer =
        keys.iter().find(|key| key.holds(receipt_text(key.name(), index, &leaf_hash).as_bytes(), &signature));
    let signer = signer.ok_or_else(|| wrong("the receipt is not signed by the log of this key"))?;
    let promise = Promise { index, leaf_hash };
    line(format!("`{}` signed that its entry {index} is {}", signer.name(), hex(&leaf_hash)));
    match (&args.proof, &args.dir) {
        (Some(path), _) => {
            let proof: Proof = read(path)?.parse().map_err(wrong)?;
            by_proof(args, &promise, &proof, signer)
        }
        (None, Some(dir)) => by_log(&promise, &LogDir::open(dir), signer),
        (None, None) => {
            line("whether it kept that, a proof of that entry (--proof) or the log (--dir) shows");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn by_proof(args: &Args, promise: &Promise, proof: &Proof, key: &Verifier) -> Result<ExitCode, ExitCode> {
    if proof.index != promise.index {
        return Err(wrong(format!("the proof is of entry {}, not of {}", proof.index, promise.index)));
    }
    if proof.check(key, &promise.leaf_hash).is_ok() {
        return Ok(kept(proof.checkpoint.size));
    }
    let other = wanted(args, proof)?;
    proof.check(key, &other).map_err(wrong)?;
    Ok(broken(
        promise,
        &format!("its checkpoint of {} entries has {} there", proof.checkpoint.size, hex(&other)),
    ))
}

fn by_log(promise: &Promise, log: &LogDir, key: &Verifier) -> Result<ExitCode, ExitCode> {
    let Some(checkpoint) = log.checkpoint().map_err(wrong)? else {
        return Err(wrong("the log has no checkpoint"));
    };
    checkpoint.check(key).map_err(wrong)?;
    let Promise { index, leaf_hash } = promise;
    if *index >= checkpoint.size {
        return match log.entry(*index).map_err(wrong)? {
            Some(entry) if entry.leaf_hash == *leaf_hash => {
                line("the entry is durable, and no checkpoint covers it yet");
                Ok(ExitCode::SUCCESS)
            }
            Some(_) => Ok(broken(promise, "its journal has another entry there")),
            None => Ok(broken(promise, &format!("it ends before that, with {} entries", checkpoint.size))),
        };
    }
    let tiles = log.tiles(checkpoint.size);
    let found = tiles.tile(0, index / crate::audit::TILE_WIDTH).map_err(wrong)?;
    let found = usize::try_from(index % crate::audit::TILE_WIDTH).ok().and_then(|place| found.get(place));
    let found = *found.ok_or_else(|| wrong("the log's tiles are damaged"))?;
    let path = merkle::prove_inclusion(*index, checkpoint.size, &tiles).map_err(wrong)?;
    if !merkle::check_inclusion(*index, &found, checkpoint.size, &checkpoint.root, &path) {
        return Err(wrong("the log's tiles are damaged: `situs audit verify` says where"));
    }
    match found == *leaf_hash {
        true => Ok(kept(checkpoint.size)),
        false => Ok(broken(
            promise,
            &format!("its checkpoint of {} entries has {} there", checkpoint.size, hex(&found)),
        )),
    }
}

fn kept(size: u64) -> ExitCode {
    line(format!("it kept that: its checkpoint of {size} entries has it there"));
    ExitCode::SUCCESS
}

fn broken(promise: &Promise, instead: &str) -> ExitCode {
    line(format!("BROKEN: the log promised entry {}, and {instead}", promise.index));
    line("keep the receipt and what it was held against: both are signed, and prove it to anyone");
    ExitCode::from(BROKEN)
}

/// What an entry says, in a line.
fn said(entry: &[u8]) -> String {
    match (DECODE.entry)(entry, &[]) {
        Ok(LogEntry::Decision(decided)) => format!(
            "it says: {} {} {}, {} {} for {}, decided at {}",
            if decided.hypothetical { "enquiry" } else { "decision" },
            decided.id,
            decided.decision.as_str(),
            decided.action.as_str(),
            if decided.data_ref.is_empty() { &decided.tenant } else { &decided.data_ref },
            decided.jurisdiction,
            decided.decided_at,
        ),
        Ok(LogEntry::Outcome(outcome, _)) => {
            format!("it says: {} of decision {}, at {}", outcome.kind, outcome.decision_id, outcome.at)
        }
        Ok(LogEntry::Content(part)) => {
            format!("it says: part {} of {} of a content that decisions name", part.part + 1, part.parts)
        }
        Err(error) => format!("what it says cannot be read: {error}"),
    }
}

fn hash(text: &str) -> Option<Hash> {
    bytes(text)?.try_into().ok()
}

/// Bytes in hexadecimal, as the command line prints them, or in base64, as canonical JSON does.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let hex = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let hex: Option<Vec<u8>> = hex.collect();
    hex.filter(|_| text.len().is_multiple_of(2)).or_else(|| STANDARD.decode(text).ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
