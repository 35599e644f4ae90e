//! The arithmetic against RFC 6962 as it is written.

use proptest::prelude::*;

use super::*;

/// Leaf hashes, of which any whole subtree is computed.
struct Leaves(Vec<Hash>);

impl Hashes for Leaves {
    type Error = std::convert::Infallible;

    fn subtree(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let first = (index << level) as usize;
        Ok(naive(&self.0[first..first + (1 << level)]))
    }
}

fn mk_leaves(count: usize) -> Leaves {
    Leaves((0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect())
}

/// MTH of RFC 6962, 2.1.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let middle = leaves.len().next_power_of_two() / 2;
            node_hash(&naive(&leaves[..middle]), &naive(&leaves[middle..]))
        }
    }
}

#[test]
fn hashes_are_those_of_rfc_6962() {
    let hex = |hash: Hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(hex(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    // Inputs and roots of the reference implementation's own tests.
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let leaves = Leaves(inputs.iter().map(|input| leaf_hash(input)).collect());
    let Ok(three) = root(3, &leaves);
    let Ok(eight) = root(8, &leaves);
    assert_eq!(hex(three), "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    assert_eq!(hex(eight), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

#[test]
fn every_small_tree_proves_each_leaf_and_each_former_tree() {
    let leaves = mk_leaves(40);
    for size in 0..=40_u64 {
        let whole = naive(&leaves.0[..size as usize]);
        assert_eq!(root(size, &leaves), Ok(whole));
        for index in 0..size {
            let Ok(proof) = prove_inclusion(index, size, &leaves);
            for other in 0..size {
                let holds = check_inclusion(other, &leaves.0[index as usize], size, &whole, &proof);
                assert_eq!(holds, other == index, "{index} as {other} of {size}");
            }
        }
        for old in 0..=size {
            let Ok(proof) = prove_consistency(old, size, &leaves);
            let former = naive(&leaves.0[..old as usize]);
            assert!(check_consistency(old, &former, size, &whole, &proof), "{old} to {size}");
        }
    }
}

proptest! {
    #[test]
    fn a_changed_proof_proves_nothing(
        size in 2_u64..700,
        pick in any::<prop::sample::Index>(),
        change in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let leaves = mk_leaves(size as usize);
        let Ok(whole) = root(size, &leaves);
        let index = pick.index(size as usize) as u64;
        let leaf = leaves.0[index as usize];
        let Ok(proof) = prove_inclusion(index, size, &leaves);
        prop_assert!(check_inclusion(index, &leaf, size, &whole, &proof));
        let mut changed = proof.clone();
        let at = change.index(changed.len() * 32);
        changed[at / 32][at % 32] ^= 1 << bit;
        prop_assert!(!check_inclusion(index, &leaf, size, &whole, &changed));
        prop_assert!(!check_inclusion(index, &leaf, size, &whole, &proof[1..]));

        let old = index + 1;
        let Ok(former) = root(old, &leaves);
        let Ok(proof) = prove_consistency(old, size, &leaves);
        prop_assert!(check_consistency(old, &former, size, &whole, &proof));
        let mut other = former;
        other[at % 32] ^= 1 << bit;
        prop_assert!(!check_consistency(old, &other, size, &whole, &proof));
        if !proof.is_empty() {
            let mut changed = proof.clone();
            let at = change.index(changed.len() * 32);
            changed[at / 32][at % 32] ^= 1 << bit;
            prop_assert!(!check_consistency(old, &former, size, &whole, &changed));
        }
    }
}
