//! The decisions and enquiries of a log, or some of them.

use jiff::Timestamp;

use crate::audit::{LogDir, Logged, ReadError, Records, RecordsError};
use crate::domain::{Decided, Recorded};
use crate::grpc;

/// Which records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Decided at or after this instant.
    pub from: Option<Timestamp>,
    /// Decided before this instant.
    pub until: Option<Timestamp>,
    /// Of this tenant.
    pub tenant: Option<String>,
}

/// Reads the records of a log, from its first kept entry on.
///
/// # Errors
/// The log cannot be read; what is wrong with later files comes as items, and is the last of them.
pub fn past(
    log: &LogDir,
    select: Select,
) -> Result<impl Iterator<Item = Result<Recorded, RecordsError>> + use<>, ReadError> {
    let records = Records::open(log, 0..u64::MAX, grpc::DECODE)?;
    let decisions = records.filter_map(move |record| match record.map(|record| record.what) {
        Ok(Logged::Decision(recorded)) => select.takes(&recorded.decided).then_some(Ok(*recorded)),
        Ok(Logged::Outcome(..)) => None,
        Err(error) => Some(Err(error)),
    });
    Ok(decisions)
}

impl Select {
    fn takes(&self, decided: &Decided) -> bool {
        self.from.is_none_or(|from| decided.decided_at >= from)
            && self.until.is_none_or(|until| decided.decided_at < until)
            && self.tenant.as_ref().is_none_or(|tenant| decided.tenant == *tenant)
    }
}
