//! Resolving references, against a slow and obvious model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Registered facts by reference, and the defaults of tenants by id.
#[derive(Clone, Debug, Default)]
struct Model {
    holdings: BTreeMap<String, Holding>,
    defaults: BTreeMap<String, Option<Holding>>,
}

impl Model {
    /// Looks at every holding there is, longest reference first.
    fn resolve(&self, data_ref: &str) -> (Option<String>, Option<Holding>) {
        let mut above: Vec<_> = self
            .holdings
            .iter()
            .filter(|(prefix, _)| data_ref == *prefix || data_ref.starts_with(&format!("{prefix}/")))
            .collect();
        above.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let tenant = data_ref.split('/').next().unwrap();
        let defaults = self.defaults.get(tenant).cloned().flatten();
        let facts = above.iter().map(|(_, facts)| (*facts).clone()).chain(defaults);
        let merged = facts.reduce(|mut nearer, further| {
            nearer.inherit(&further);
            nearer
        });
        let matched = above.first().map(|(prefix, _)| (*prefix).clone());
        (matched.clone(), merged.filter(|_| matched.is_some()))
    }
}

fn references() -> impl Strategy<Value = String> {
    // Few names, some of them prefixes of others as text, so that trees are deep and near misses are many.
    let segment = || prop::sample::select(vec!["a", "ab", "b", "a.b"]);
    prop::collection::vec(segment(), 2..6).prop_map(|segments| segments.join("/"))
}

fn holdings() -> impl Strategy<Value = Holding> {
    let places = || prop::collection::vec(prop::sample::select(vec!["IE", "US", "DE"]), 0..2);
    let owned = |places: Vec<&str>| places.into_iter().map(String::from).collect::<Vec<_>>();
    let cleared = prop::sample::subsequence(
        vec![HoldingField::Residency, HoldingField::Sectors, HoldingField::Labels],
        0..2,
    );
    let labels = prop::collection::vec(("[xy]", "[12]"), 0..2);
    let count = prop::option::of(0_u64..3);
    (places(), places(), places(), cleared, labels, count, "[a-c]?").prop_map(
        move |(stored_in, residency, sectors, cleared, labels, subject_count, headquarters)| Holding {
            stored_in: owned(stored_in),
            residency: owned(residency),
            sectors: owned(sectors),
            cleared,
            labels,
            subject_count,
            provider_headquarters: headquarters,
            ..Holding::default()
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Put(String, Box<Holding>),
    Delete(String),
    Defaults(String, Option<Box<Holding>>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tenant = || prop::sample::select(vec!["a", "ab", "b", "a.b"]).prop_map(String::from);
    prop::collection::vec(
        prop_oneof![
            6 => (references(), holdings()).prop_map(|(at, facts)| Step::Put(at, Box::new(facts))),
            2 => references().prop_map(Step::Delete),
            1 => (tenant(), prop::option::of(holdings().prop_map(Box::new)))
                .prop_map(|(tenant, facts)| Step::Defaults(tenant, facts)),
        ],
        1..40,
    )
}

fn mk_tenant_with(id: &str, defaults: Option<Box<Holding>>) -> Entry {
    Entry::Tenant(Tenant { id: id.to_owned(), holding_defaults: defaults, ..Tenant::default() })
}

async fn take(catalog: &Catalog, model: &mut Model, step: Step) {
    match step {
        Step::Put(at, facts) => {
            let entry = Holding { data_ref: DataRef::parse(&at).ok(), ..(*facts).clone() };
            catalog.put(Entry::Holding(entry), Expected::Any).await.unwrap();
            model.holdings.insert(at, *facts);
        }
        Step::Delete(at) => {
            let deleted = catalog.delete(EntryKind::Holding, &at, Expected::Any).await;
            assert_eq!(deleted.is_ok(), model.holdings.remove(&at).is_some());
        }
        Step::Defaults(tenant, facts) => {
            catalog.put(mk_tenant_with(&tenant, facts.clone()), Expected::Any).await.unwrap();
            model.defaults.insert(tenant, facts.map(|facts| *facts));
        }
    }
}

fn check(catalog: &Catalog, model: &Model, question: &str) {
    let resolved = catalog.resolve(&DataRef::parse(question).unwrap());
    let (matched, facts) = model.resolve(question);
    assert_eq!(resolved.matched.as_ref().map(DataRef::as_str), matched.as_deref(), "{question}");
    assert_eq!(resolved.holding.as_deref(), facts.as_ref(), "{question}");
    let whole = resolved.to_holding();
    assert_eq!(whole.and_then(|holding| holding.data_ref), resolved.matched);
    let tenant = question.split('/').next().unwrap();
    assert_eq!(resolved.tenant.map(|tenant| tenant.id.clone()).as_deref(), Some(tenant));
    assert_eq!(resolved.revision, catalog.revision());
}

proptest! {
    // Each case makes a store on disk and some forty commits.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_reference_resolves_to_what_its_prefixes_add_up_to(
        steps in steps(),
        questions in prop::collection::vec(references(), 20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new();
            let mut model = Model::default();
            for tenant in ["a", "ab", "b", "a.b"] {
                fixture.catalog.put(mk_tenant(tenant), Expected::Any).await.unwrap();
            }
            for step in steps {
                take(&fixture.catalog, &mut model, step).await;
                questions.iter().take(3).for_each(|question| check(&fixture.catalog, &model, question));
            }
            let registered: Vec<String> = model.holdings.keys().cloned().collect();
            questions.iter().chain(&registered).for_each(|question| check(&fixture.catalog, &model, question));
            let fixture = fixture.reopened();
            questions.iter().chain(&registered).for_each(|question| check(&fixture.catalog, &model, question));
        });
    }
}

#[tokio::test]
async fn what_is_not_registered_resolves_to_nothing() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    let question = DataRef::parse("acme/mail").unwrap();
    let nothing = Resolved { tenant: None, holding: None, matched: None, revision: 0 };
    assert_eq!(catalog.resolve(&question), nothing);
    let defaults = Holding { stored_in: vec![String::from("IE")], ..Holding::default() };
    catalog.put(mk_tenant_with("acme", Some(Box::new(defaults))), Expected::Any).await.unwrap();
    let resolved = catalog.resolve(&question);
    assert!(resolved.tenant.is_some());
    assert_eq!((resolved.holding, resolved.matched), (None, None), "defaults alone register no data");
}

#[tokio::test]
async fn equal_facts_are_shared() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    catalog.put(mk_tenant("a"), Expected::Any).await.unwrap();
    for at in ["a/1", "a/2", "a/1/x", "a/2/x"] {
        catalog
            .put(mk_holding(at, if at.ends_with('x') { "IE" } else { "US" }), Expected::Any)
            .await
            .unwrap();
    }
    let facts = |at: &str| catalog.resolve(&DataRef::parse(at).unwrap()).holding.unwrap();
    assert!(Arc::ptr_eq(&facts("a/1"), &facts("a/2")));
    assert!(Arc::ptr_eq(&facts("a/1/x"), &facts("a/2/x/y")), "merged facts too");
    assert!(!Arc::ptr_eq(&facts("a/1"), &facts("a/1/x")));
}

#[tokio::test]
async fn a_view_belongs_together() {
    let Fixture { catalog, folder: _folder } = Fixture::new();
    let entries =
        [mk_tenant("acme"), mk_holding("acme/mail", "IE"), mk_party("p", "FR"), mk_process("w", "x")];
    let entries = entries.into_iter().map(|entry| (entry, Expected::Any)).collect();
    let revision = catalog.put_many(entries).await.unwrap();
    let question = DataRef::parse("acme/mail").unwrap();
    let seen = catalog.read(|view| {
        let holding = view.resolve(&question).holding.map(|holding| holding.stored_in.join(","));
        let party = view.party("p").map(|party| party.jurisdiction.clone());
        let process = view.process("w").map(|process| process.instrument.clone());
        (view.revision(), holding, party, process, view.tenant("acme").is_some())
    });
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(seen, (revision, some("IE"), some("FR"), some("x"), true));
}
