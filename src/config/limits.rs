//! How much the server takes on at once: the settings, and what they come to.

use std::num::NonZeroU32;

use serde::Deserialize;

/// Where they are given: each flag, its environment variable, and its key of the file.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(default)]
pub struct LimitSettings {
    /// Connections at once; one more is closed [default: 1000].
    #[arg(long, env = "SITUS_MAX_CONNECTIONS", value_name = "NUMBER", help_heading = "Limits")]
    pub max_connections: Option<usize>,
    /// Calls at once, and questions at once; one more is refused with RESOURCE_EXHAUSTED [default: 256].
    #[arg(long, env = "SITUS_MAX_IN_FLIGHT", value_name = "NUMBER", help_heading = "Limits")]
    pub max_in_flight: Option<usize>,
    /// Calls and questions of one caller in a second, and in a burst [default: no limit].
    #[arg(long, env = "SITUS_RATE_LIMIT", value_name = "PER_SECOND", help_heading = "Limits")]
    pub rate_limit: Option<u32>,
}

/// The keys of the file that these settings have.
pub(super) const KEYS: &[&str] = &["max_connections", "max_in_flight", "rate_limit"];

/// What the settings come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Calls at once, and questions at once.
    pub in_flight: usize,
    /// Calls and questions of one caller in a second; absent: no limit.
    pub rate: Option<NonZeroU32>,
}

/// A replica behind a balancer has some tens. Each may hold a window of 1 MiB that nobody reads.
const DEFAULT_CONNECTIONS: usize = 1000;
/// More wait longer than they would elsewhere: a decision takes less than a millisecond, a record some. Each may
/// hold a message of 4 MiB.
const DEFAULT_IN_FLIGHT: usize = 256;
/// What a semaphore can count is more; what a machine can hold is less.
const MOST: usize = 1_000_000;

// === impl LimitSettings ===

impl LimitSettings {
    /// What is given here, else there.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            max_connections: self.max_connections.or(other.max_connections),
            max_in_flight: self.max_in_flight.or(other.max_in_flight),
            rate_limit: self.rate_limit.or(other.rate_limit),
        }
    }

    /// What they come to, with every fault.
    pub(super) fn check(self, faults: &mut Vec<String>) -> Limits {
        let mut number = |name: &str, given: Option<usize>, default: usize| {
            if given.is_some_and(|given| given == 0 || given > MOST) {
                faults.push(format!("{name}: it is between 1 and {MOST}"));
            }
            given.unwrap_or(default)
        };
        let connections = number("max_connections", self.max_connections, DEFAULT_CONNECTIONS);
        let in_flight = number("max_in_flight", self.max_in_flight, DEFAULT_IN_FLIGHT);
        let rate = self.rate_limit.and_then(|rate| {
            if rate == 0 {
                faults.push("rate_limit: 0 lets nobody in; leave it out for no limit".to_owned());
            }
            NonZeroU32::new(rate)
        });
        Limits { connections, in_flight, rate }
    }
}
