//! Writes: what they expect, what they need, what is refused.

use super::*;

fn refusal(error: &WriteError) -> &Refusal {
    let WriteError::Refused(refusal) = error else { panic!("{error}") };
    refusal
}

#[tokio::test]
async fn a_write_is_made_only_over_what_it_expects() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    let put = |place: &str, expected| catalog.put(mk_party("ann", place), expected);
    assert_eq!(put("IE", Expected::Absent).await.unwrap(), 1);
    assert_eq!(put("DE", Expected::Revision(1)).await.unwrap(), 2);
    assert_eq!(put("FR", Expected::Any).await.unwrap(), 3);

    for expected in [Expected::Absent, Expected::Revision(1), Expected::Revision(4)] {
        let error = put("US", expected).await.unwrap_err();
        assert!(matches!(refusal(&error), Refusal::Conflict { found: Some(3), .. }), "{error}");
        let error = catalog.delete(EntryKind::Party, "ann", expected).await.unwrap_err();
        assert!(matches!(refusal(&error), Refusal::Conflict { found: Some(3), .. }), "{error}");
    }
    let (entry, revision) = catalog.get(EntryKind::Party, "ann").unwrap();
    assert_eq!((entry, revision), (mk_party("ann", "FR"), 3), "what was refused left nothing");
    assert_eq!(catalog.revision(), 3);

    assert_eq!(catalog.delete(EntryKind::Party, "ann", Expected::Revision(3)).await.unwrap(), 4);
    assert_eq!(catalog.get(EntryKind::Party, "ann"), None);
    assert_eq!(catalog.party("ann"), None);
    let error = catalog.delete(EntryKind::Party, "ann", Expected::Any).await.unwrap_err();
    assert!(matches!(refusal(&error), Refusal::NotFound { .. }), "{error}");
    let error = put("US", Expected::Revision(3)).await.unwrap_err();
    assert!(matches!(refusal(&error), Refusal::Conflict { found: None, .. }), "{error}");
    assert_eq!(put("US", Expected::Absent).await.unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost_among_writers_that_expect_revisions() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    catalog.put(mk_process("count", "0"), Expected::Absent).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let catalog = catalog.clone();
        writers.spawn(async move {
            let (mut made, mut conflicts) = (0, 0);
            while made < 10 {
                let (entry, revision) = catalog.get(EntryKind::Process, "count").unwrap();
                let Entry::Process(process) = entry else { panic!("{entry:?}") };
                let next = process.instrument.parse::<u64>().unwrap() + 1;
                match catalog.put(mk_process("count", &next.to_string()), Expected::Revision(revision)).await
                {
                    Ok(_) => made += 1,
                    Err(error) => {
                        assert!(matches!(refusal(&error), Refusal::Conflict { .. }), "{error}");
                        conflicts += 1;
                    }
                }
            }
            conflicts
        });
    }
    let conflicts: u32 = writers.join_all().await.into_iter().sum();
    assert!(conflicts > 0, "eight writers of one entry must have met");
    assert_eq!(catalog.get(EntryKind::Process, "count"), Some((mk_process("count", "80"), 81)));
    assert_eq!(catalog.revision(), 81, "what was refused took no revision");
}

#[tokio::test]
async fn a_transaction_is_made_whole_or_not_at_all() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    let any = |entry| (entry, Expected::Any);
    let first = vec![any(mk_tenant("acme")), any(mk_holding("acme/mail", "IE")), any(mk_party("ann", "IE"))];
    assert_eq!(catalog.put_many(first).await.unwrap(), 3);
    assert_eq!(catalog.get(EntryKind::Holding, "acme/mail").unwrap().1, 2);

    let second = vec![
        any(mk_holding("acme/mail", "US")),
        any(mk_holding("acme/new", "US")),
        (mk_party("ann", "US"), Expected::Absent),
    ];
    let error = catalog.put_many(second).await.unwrap_err();
    assert_eq!(error.to_string(), "party `ann` is not as expected: none was expected, it is at revision 3");
    assert_eq!(catalog.get(EntryKind::Holding, "acme/mail"), Some((mk_holding("acme/mail", "IE"), 2)));
    assert_eq!(catalog.count(EntryKind::Holding), 1);
    assert_eq!(catalog.put_many(Vec::new()).await.unwrap(), 3);
    assert_eq!(catalog.put(mk_party("bob", "IE"), Expected::Any).await.unwrap(), 4);
}

#[tokio::test]
async fn a_holding_has_a_tenant_for_as_long_as_it_is_registered() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    let error = catalog.put(mk_holding("acme/mail", "IE"), Expected::Any).await.unwrap_err();
    assert_eq!(error.to_string(), "holding `acme/mail` needs tenant `acme`, which is not registered");

    for entry in [mk_tenant("acme"), mk_tenant("acm"), mk_tenant("acme2"), mk_holding("acme/mail", "IE")] {
        catalog.put(entry, Expected::Any).await.unwrap();
    }
    let error = catalog.delete(EntryKind::Tenant, "acme", Expected::Any).await.unwrap_err();
    assert_eq!(error.to_string(), "tenant `acme` still has holding `acme/mail`");
    // Names that only begin alike have no holdings.
    catalog.delete(EntryKind::Tenant, "acm", Expected::Any).await.unwrap();
    catalog.delete(EntryKind::Tenant, "acme2", Expected::Any).await.unwrap();

    catalog.delete(EntryKind::Holding, "acme/mail", Expected::Any).await.unwrap();
    catalog.delete(EntryKind::Tenant, "acme", Expected::Any).await.unwrap();
    assert!(everything(&catalog).is_empty());
}

#[tokio::test]
async fn what_cannot_be_registered_names_its_field() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    let defaults = Holding { data_ref: Some(DataRef::parse("acme/x").unwrap()), ..Holding::default() };
    let with_place =
        Tenant { id: String::from("acme"), holding_defaults: Some(Box::new(defaults)), ..Tenant::default() };
    let long = "x".repeat(257);
    for (entry, field) in [
        (mk_tenant(""), "id"),
        (mk_tenant("a/b"), "id"),
        (mk_tenant("a b"), "id"),
        (mk_tenant(".."), "id"),
        (Entry::Tenant(with_place), "holding_defaults.data_ref"),
        (Entry::Holding(Holding::default()), "data_ref"),
        (mk_party("", "IE"), "id"),
        (mk_party(&long, "IE"), "id"),
        (mk_party("a\0b", "IE"), "id"),
        (mk_process("", "warrant"), "id"),
        (mk_process(" a", "warrant"), "id"),
    ] {
        let error = catalog.put(entry.clone(), Expected::Any).await.unwrap_err();
        assert!(matches!(&error, WriteError::Invalid { field: found, .. } if *found == field), "{error}");
        assert!(catalog.put_many(vec![(entry, Expected::Any)]).await.is_err());
    }
    assert_eq!(catalog.revision(), 0);
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let limits = Limits { entry_bytes: 200, transaction_writes: 2, waiting_bytes: 1024, ..Limits::default() };
    let Fixture { catalog, folder: _folder } = Fixture::with(limits);
    let large = mk_process("p", &"x".repeat(300));
    let error = catalog.put(large, Expected::Any).await.unwrap_err();
    assert!(matches!(error, WriteError::TooLarge { limit: 200, .. }), "{error}");
    let many = |n: usize| (0..n).map(|n| (mk_party(&n.to_string(), "IE"), Expected::Any)).collect();
    let error = catalog.put_many(many(3)).await.unwrap_err();
    assert!(matches!(error, WriteError::TooMany { unit: "writes", found: 3, limit: 2 }), "{error}");
    assert_eq!(catalog.put_many(many(2)).await.unwrap(), 2);

    let wide = Limits { waiting_bytes: 1024, ..Limits::default() };
    let Fixture { catalog, folder: _folder } = Fixture::with(wide);
    let error = catalog.put_many(many(100)).await.unwrap_err();
    assert!(matches!(error, WriteError::TooMany { unit: "bytes", limit: 1024, .. }), "{error}");
}

#[tokio::test]
async fn a_restart_gives_back_everything_and_no_revision_twice() {
    let fixture = Fixture::new();
    let defaults = Holding { sectors: vec![String::from("bank")], ..Holding::default() };
    let tenant =
        Tenant { id: String::from("acme"), holding_defaults: Some(Box::new(defaults)), ..Tenant::default() };
    for entry in [
        Entry::Tenant(tenant),
        mk_holding("acme/mail", "IE"),
        mk_holding("acme/mail/old", "US"),
        mk_party("ann", "IE"),
        mk_process("w1", "warrant"),
        mk_process("w2", "warrant"),
    ] {
        fixture.catalog.put(entry, Expected::Absent).await.unwrap();
    }
    fixture.catalog.delete(EntryKind::Process, "w2", Expected::Any).await.unwrap();
    let before = everything(&fixture.catalog);
    let question = DataRef::parse("acme/mail/old/x").unwrap();
    let resolved = fixture.catalog.resolve(&question);

    let fixture = fixture.reopened();
    assert_eq!(everything(&fixture.catalog), before);
    assert_eq!(fixture.catalog.resolve(&question), resolved);
    assert_eq!(fixture.catalog.revision(), 7, "the deletion was the last, and counts");
    assert_eq!(fixture.catalog.put(mk_party("bob", "IE"), Expected::Absent).await.unwrap(), 8);
}
