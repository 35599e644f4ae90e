//! How much the server takes on: calls and questions at once, and of each caller in a second. What is too much
//! is refused at once, while there is still time to answer the rest.

use std::sync::Arc;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config;
use crate::domain::Caller;

/// Callers whose rates are remembered. Beyond it those who were quiet are forgotten, which costs them nothing.
const CALLERS: usize = 10_000;

/// The places there are. Cheap to clone.
#[derive(Clone)]
pub(super) struct Limits {
    calls: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    rates: Option<Arc<DefaultKeyedRateLimiter<String>>>,
}

// === impl Limits ===

impl Limits {
    pub fn new(limits: &config::Limits) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(limits.in_flight)),
            questions: Arc::new(Semaphore::new(limits.in_flight)),
            rates: limits.rate.map(|rate| Arc::new(RateLimiter::keyed(Quota::per_second(rate)))),
        }
    }

    /// A place for a call, for as long as it is kept; absent: there is none.
    pub fn call(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.calls).try_acquire_owned().ok()
    }

    /// A place for a question, for as long as it is kept; absent: there is none.
    pub fn question(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.questions).try_acquire_owned().ok()
    }

    /// Whether a caller may ask once more in this second.
    pub fn is_within_rate(&self, caller: &Caller) -> bool {
        let Some(rates) = &self.rates else { return true };
        if rates.len() > CALLERS {
            rates.retain_recent();
        }
        rates.check_key(&caller.identity.id).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::domain::{Credential, Identity};

    fn mk_limits(in_flight: usize, rate: Option<u32>) -> Limits {
        Limits::new(&config::Limits { connections: 1, in_flight, rate: rate.and_then(NonZeroU32::new) })
    }

    fn mk_caller(id: &str) -> Caller {
        Identity::bare(id, Credential::Token).into()
    }

    #[test]
    fn a_place_is_free_again_when_it_is_given_up() {
        let limits = mk_limits(2, None);
        let (first, second) = (limits.call(), limits.call());
        assert!(first.is_some() && second.is_some() && limits.call().is_none());
        // Calls take no place of questions: a question of a call would wait for itself.
        assert!(limits.question().is_some());
        drop(first);
        assert!(limits.call().is_some());
    }

    #[test]
    fn a_rate_is_of_one_caller() {
        let limits = mk_limits(1, Some(5));
        let loud = mk_caller("loud");
        let taken = (0..1000).filter(|_| limits.is_within_rate(&loud)).count();
        assert!((5..500).contains(&taken), "{taken}");
        assert!(limits.is_within_rate(&mk_caller("quiet")));
        assert!((0..1000).all(|_| mk_limits(1, None).is_within_rate(&loud)));
    }

    #[test]
    fn callers_who_were_quiet_are_forgotten() {
        let limits = mk_limits(1, Some(1_000_000));
        for n in 0..CALLERS * 3 {
            assert!(limits.is_within_rate(&mk_caller(&n.to_string())));
        }
        assert!(limits.rates.unwrap().len() <= CALLERS + 1);
    }
}
