//! Facts that are shared: equal ones of holdings, and what a chain of prefixes adds up to.
//!
//! Owns two tables of `Arc<Holding>`: the [`Pool`] of stated facts by their stored bytes, and the [`Merged`] facts
//! by the chain that they were merged from. Facts here never have a `data_ref`: they belong to many.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash, Hasher};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Holding;

/// The pool is swept of facts that no entry states any more when it has doubled, but not below this size.
const SWEEP_FROM: usize = 1024;

/// Stated facts by their stored bytes.
#[derive(Debug)]
pub(super) struct Pool {
    known: HashMap<Box<[u8]>, Arc<Holding>>,
    sweep_at: usize,
}

/// Merged facts by chain. Bounded: shards of two generations, of which the older is dropped when the younger is
/// full, so what is asked for often stays.
pub(super) struct Merged {
    shards: Vec<Mutex<Generations>>,
    hasher: RandomState,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Box<[Link]>, Arc<Holding>>,
    old: HashMap<Box<[Link]>, Arc<Holding>>,
}

/// A link of a chain of facts, nearest first; equal only to itself.
#[derive(Clone, Debug)]
pub(super) struct Link(pub(super) Arc<Holding>);

/// Shards of the merged facts: few threads meet in one.
const SHARDS: usize = 64;
/// Chains of a generation of a shard. With two generations, 32,768 chains at most, at some 1 KiB each.
const GENERATION: usize = 256;

// === impl Pool ===

impl Pool {
    pub(super) fn new() -> Self {
        Self { known: HashMap::new(), sweep_at: SWEEP_FROM }
    }

    /// The facts of these bytes, made only if no other entry states the same.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        make: impl FnOnce() -> Result<Holding, String>,
    ) -> Result<Arc<Holding>, String> {
        if let Some(facts) = self.known.get(bytes) {
            return Ok(Arc::clone(facts));
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, facts| Arc::strong_count(facts) > 1);
            self.sweep_at = self.known.len().saturating_mul(2).max(SWEEP_FROM);
        }
        let facts = Arc::new(make()?);
        self.known.insert(bytes.into(), Arc::clone(&facts));
        Ok(facts)
    }
}

// === impl Merged ===

impl Merged {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::new() }
    }

    /// What a chain adds up to: each link takes from those after it what it does not state. Absent for an empty
    /// chain.
    pub(super) fn of(&self, chain: Vec<Link>) -> Option<Arc<Holding>> {
        let (nearest, further) = chain.split_first()?;
        if further.is_empty() {
            return Some(Arc::clone(&nearest.0));
        }
        // INVARIANT: facts in an `Arc` never change, and a chain kept as a key keeps its links alive, so their
        // addresses are not used again: the same addresses are the same facts, and no write makes a merge stale.
        let shard = self.hasher.hash_one(chain.as_slice()) % SHARDS as u64;
        let shard = self.shards.get(usize::try_from(shard).unwrap_or_default())?;
        if let Some(facts) = shard.lock().unwrap_or_else(PoisonError::into_inner).find(&chain) {
            return Some(facts);
        }
        let mut facts = (*nearest.0).clone();
        further.iter().for_each(|link| facts.inherit(&link.0));
        let facts = Arc::new(facts);
        let mut generations = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = generations.keep(chain.into_boxed_slice(), Arc::clone(&facts));
        drop(generations);
        drop(dropped); // Outside the lock: these are many small frees.
        Some(facts)
    }
}

// === impl Generations ===

impl Generations {
    fn find(&mut self, chain: &[Link]) -> Option<Arc<Holding>> {
        if let Some(facts) = self.young.get(chain) {
            return Some(Arc::clone(facts));
        }
        let (chain, facts) = self.old.remove_entry(chain)?;
        let found = Arc::clone(&facts);
        drop(self.keep(chain, facts));
        Some(found)
    }

    fn keep(&mut self, chain: Box<[Link]>, facts: Arc<Holding>) -> HashMap<Box<[Link]>, Arc<Holding>> {
        let dropped = if self.young.len() < GENERATION {
            HashMap::new()
        } else {
            mem::replace(&mut self.old, mem::take(&mut self.young))
        };
        self.young.insert(chain, facts);
        dropped
    }
}

// === impl Link ===

impl PartialEq for Link {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Link {}

impl Hash for Link {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_link(place: usize) -> Link {
        Link(Arc::new(Holding { stored_in: vec![place.to_string()], ..Holding::default() }))
    }

    #[test]
    fn a_chain_is_merged_once_and_the_cache_stays_bounded() {
        let merged = Merged::new();
        let base = Link(Arc::new(Holding { sectors: vec![String::from("bank")], ..Holding::default() }));
        let often = vec![mk_link(0), base.clone()];
        let first = merged.of(often.clone()).unwrap();
        assert_eq!(
            (first.stored_in.as_slice(), first.sectors.as_slice()),
            (&["0".into()][..], &["bank".into()][..])
        );
        for n in 0..4 * SHARDS * GENERATION {
            let facts = merged.of(vec![mk_link(n), base.clone()]).unwrap();
            assert_eq!(facts.stored_in, [n.to_string()]);
            assert!(Arc::ptr_eq(&first, &merged.of(often.clone()).unwrap()), "asked for often, so it stays");
        }
        let kept: usize = merged
            .shards
            .iter()
            .map(|shard| shard.lock().map(|both| both.young.len() + both.old.len()).unwrap())
            .sum();
        assert!(kept <= 2 * SHARDS * GENERATION, "{kept}");
    }

    #[test]
    fn the_pool_shares_equal_facts_and_forgets_unused_ones() {
        let mut pool = Pool::new();
        let mk = || Ok(Holding::default());
        let kept = pool.take(b"kept", mk).unwrap();
        for n in 0..10 * SWEEP_FROM {
            pool.take(&n.to_le_bytes(), mk).unwrap();
        }
        assert!(pool.known.len() <= SWEEP_FROM, "{}", pool.known.len());
        let again = pool.take(b"kept", || Err(String::from("made twice"))).unwrap();
        assert!(Arc::ptr_eq(&kept, &again));
    }
}
