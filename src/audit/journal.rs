//! The write-ahead part of the log: what was accepted, made durable in groups by one sync each.
//!
//! It owns the files below `journal/`. Entries leave it for the log's tiles, and its first segments are
//! removed once a durable checkpoint covers them.

mod files;
mod format;
mod read;
mod scan;
#[cfg(test)]
mod tests;

pub use files::{Recovery, Torn};
pub use format::MAX_DRAFT_BYTES;

pub(super) use files::{Journal, is_written, lock, trim};
pub(super) use format::{FRAME_HEAD_BYTES, GROUP_TARGET_BYTES, Leaf};
pub(super) use read::{Ragged, Reader, ragged, read};
