//! Readers among writes, with no disk to slow the writes down.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::domain::Tenant;

/// What group `n` leaves: a tenant, a parent and a party that say `n`, and a child that does too, but is
/// absent after each third group. Five or six changes; of some keys two, the first of which is never visible.
fn mk_group(n: u64, revision: &mut Revision) -> Vec<Change> {
    let facts = |n: u64| Some(Arc::new(Holding { subject_count: Some(n), ..Holding::default() }));
    let data_ref = |text| DataRef::parse(text).unwrap();
    let labels = vec![(String::from("n"), n.to_string())];
    let tenant = Arc::new(Tenant { id: String::from("a"), labels: labels.clone(), ..Tenant::default() });
    let process =
        LegalProcess { id: String::from("w"), instrument: n.to_string(), ..LegalProcess::default() };
    let mut edits = vec![
        Edit::Holding(data_ref("a/b/c"), facts(n)),
        Edit::Holding(data_ref("a/b"), facts(u64::MAX)),
        Edit::Process(Arc::from("w"), Some(Arc::new(process))),
        Edit::Tenant(Arc::from("a"), Some(TenantRecord { tenant, defaults: None })),
        Edit::Holding(data_ref("a/b"), facts(n)),
    ];
    if n.is_multiple_of(3) {
        edits.push(Edit::Holding(data_ref("a/b/c"), None));
    }
    let change = |edit| {
        *revision += 1;
        Change { revision: *revision, edit }
    };
    edits.into_iter().map(change).collect()
}

/// The group that ended at a revision, of groups of five changes and each third of six.
fn group_at(revision: Revision) -> u64 {
    let (whole, rest) = (revision / 16, revision % 16);
    assert!([0, 5, 10].contains(&rest), "revision {revision} is inside a group");
    whole * 3 + rest / 5
}

#[test]
fn a_reader_among_writes_sees_one_revision() {
    const GROUPS: u64 = 20_000;
    let memory = Memory::new(16);
    let done = AtomicBool::new(false);
    let question = DataRef::parse("a/b/c/d").unwrap();
    let read = |view: &View<'_>| {
        let resolved = view.resolve(&question);
        (resolved, view.tenant("a"), view.process("w"))
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = std::collections::BTreeSet::new();
                    while !done.load(Ordering::SeqCst) {
                        let (resolved, tenant, process) = memory.read(read);
                        let n = group_at(resolved.revision);
                        seen.insert(n);
                        if n == 0 {
                            continue;
                        }
                        let matched = if n.is_multiple_of(3) { "a/b" } else { "a/b/c" };
                        assert_eq!(resolved.matched.unwrap().as_str(), matched, "at group {n}");
                        assert_eq!(resolved.holding.unwrap().subject_count, Some(n));
                        assert_eq!(resolved.tenant, tenant);
                        assert_eq!(tenant.unwrap().labels[0].1, n.to_string());
                        assert_eq!(process.unwrap().instrument, n.to_string());
                    }
                    seen.len()
                })
            })
            .collect();
        let mut revision = 0;
        for n in 1..=GROUPS {
            memory.apply(mk_group(n, &mut revision));
            assert_eq!(group_at(memory.revision()), n);
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            assert!(reader.join().unwrap() > 10, "a reader must have met many groups");
        }
    });
    assert_eq!(memory.order().len(EntryKind::Holding), 2);
}

#[test]
fn a_view_keeps_its_revision_while_the_next_is_made_and_is_refused_after_that() {
    let memory = Memory::new(16);
    let mut revision = 0;
    memory.apply(mk_group(1, &mut revision));
    let question = DataRef::parse("a/b/c").unwrap();
    let view = View::new(&memory, memory.revision());
    let before = view.resolve(&question);
    memory.apply(mk_group(2, &mut revision));
    assert_eq!(view.resolve(&question), before, "one group later");
    assert!(memory.pruned.load(Ordering::SeqCst) <= view.revision());
    memory.apply(mk_group(3, &mut revision));
    assert!(memory.pruned.load(Ordering::SeqCst) > view.revision(), "two groups later it would look again");

    let calls = AtomicU64::new(0);
    let seen = memory.read(|view| {
        if calls.fetch_add(1, Ordering::SeqCst) == 0 {
            let mut revision = memory.revision();
            memory.apply(mk_group(4, &mut revision));
            memory.apply(mk_group(5, &mut revision));
        }
        view.resolve(&question).revision
    });
    assert_eq!((seen, calls.into_inner()), (memory.revision(), 2));
}

#[test]
fn what_is_deleted_leaves_no_slot_behind() {
    let memory = Memory::new(16);
    let mut revision = 0;
    for n in 1..=3 {
        memory.apply(mk_group(n, &mut revision));
    }
    assert_eq!(memory.holdings.slots(), 2, "the child's slot serves readers of the revision before");
    let key: Arc<str> = Arc::from("w");
    memory.apply(vec![Change { revision: revision + 1, edit: Edit::Process(key, None) }]);
    assert_eq!((memory.holdings.slots(), memory.processes.slots()), (1, 1));
    let party = Party {
        id: String::from("p"),
        kind: crate::domain::RequesterKind::Operator,
        jurisdiction: String::new(),
        authority_type: None,
        certifications: Vec::new(),
        labels: Vec::new(),
    };
    let edit = Edit::Party(Arc::from("p"), Some(Arc::new(party)));
    memory.apply(vec![Change { revision: revision + 2, edit }]);
    assert_eq!((memory.processes.slots(), memory.parties.slots()), (0, 1));
}
