//! Only policies that can match are evaluated, and that changes nothing: what the cells of a bundle say is what
//! plain Cedar says of the whole set. Held over random bundles of every form of scope, and random questions.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Effect, Entities, Entity, EntityUid, Policy, PolicyId, PolicySet, Request,
    RestrictedExpression, SlotId,
};
use common::dice::Dice;
use common::place::small;
use common::{files, load, with};
use proptest::prelude::*;
use situs::domain::Files;
use situs::policy::{Ask, EntityValue, Uid, Value};

const REGIMES: &[&str] = &["eu-gdpr-ch5", "us-sca", "policy-residency"];
const TENANTS: &[&str] = &["acme", "contoso"];
const PRINCIPALS: &[&str] = &["Workload", "Operator", "Authority"];
const ACTIONS: &[&str] = &["transfer", "access", "disclose", "preserve"];

/// A policy or a template, without its annotations.
struct Drawn {
    id: String,
    text: String,
    is_template: bool,
    /// The slots of its links, by their ids.
    links: Vec<(String, BTreeMap<&'static str, String>)>,
}

fn uid(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}::\"{id}\"")
}

fn principal(dice: &mut Dice) -> String {
    let kind = *dice.one(PRINCIPALS);
    match dice.roll(5) {
        0 => "principal".to_owned(),
        1 => format!("principal == {}", uid(kind, "somebody")),
        2 => format!("principal is {kind}"),
        3 => format!("principal is {kind} in {}", uid(kind, "somebody")),
        _ => format!("principal in {}", uid(kind, dice.one(&["somebody", "nobody"]))),
    }
}

fn action(dice: &mut Dice) -> String {
    let one = uid("Action", dice.one(ACTIONS));
    match dice.roll(4) {
        0 => {
            "action in [Action::\"transfer\", Action::\"access\", Action::\"disclose\", Action::\"preserve\"]"
                .to_owned()
        }
        1 => format!("action in {one}"),
        2 => format!("action in [{one}, {}]", uid("Action", dice.one(ACTIONS))),
        _ => format!("action == {one}"),
    }
}

fn place(dice: &mut Dice) -> String {
    match dice.roll(3) {
        0 => uid("Regime", dice.one(REGIMES)),
        1 => uid("Tenant", dice.one(TENANTS)),
        _ => uid("Holding", dice.one(&["acme/mail", "acme/mail/2020", "contoso/mail"])),
    }
}

fn resource(dice: &mut Dice) -> String {
    match dice.roll(6) {
        0 => "resource".to_owned(),
        1 => "resource is Holding".to_owned(),
        2 => format!("resource == {}", uid("Holding", dice.one(&["acme/mail", "acme/mail/2020"]))),
        3 => format!("resource is Holding in {}", place(dice)),
        _ => format!("resource in {}", place(dice)),
    }
}

/// True of some questions, and an error for others: a number that is too large overflows.
fn condition(dice: &mut Dice) -> String {
    let conditions = [
        "true",
        "resource.controller",
        "context.recorded",
        "resource.subject_count + 1 > 10",
        "resource.tenant.is_suspect",
        "resource has residency && context.place.containsAny(resource.residency)",
        "resource in Regime::\"us-sca\"",
        "principal.jurisdiction.contains(Jurisdiction::\"US\") || resource.subject_count * 2 > 100",
    ];
    let word = *dice.one(&["when", "unless"]);
    format!("{word} {{ {} }}", dice.one(&conditions))
}

fn draw(dice: &mut Dice, number: usize) -> Drawn {
    let effect = *dice.one(&["permit", "forbid"]);
    let (id, is_template) = (format!("test.{number:02}"), dice.now_and_then(3));
    let (mut principal, mut resource) = (principal(dice), resource(dice));
    let mut links = Vec::new();
    if is_template {
        let fill = dice.roll(3);
        if fill != 0 {
            principal = (*dice.one(&["principal == ?principal", "principal in ?principal"])).to_owned();
        }
        if fill != 1 {
            resource = (*dice.one(&["resource in ?resource", "resource is Holding in ?resource"])).to_owned();
        }
        for link in 0..1 + dice.roll(2) {
            let mut slots = BTreeMap::new();
            if fill != 0 {
                let kind = *dice.one(PRINCIPALS);
                slots.insert("principal", uid(kind, "somebody"));
            }
            if fill != 1 {
                slots.insert("resource", place(dice));
            }
            links.push((format!("{id}.link-{link}"), slots));
        }
    }
    // A scope without an action is of every action whose resource it can be.
    let every = resource.contains("is Holding") && dice.now_and_then(4);
    let action = if every { "action".to_owned() } else { action(dice) };
    let text = format!("{effect} ({principal}, {action}, {resource})\n{};", condition(dice));
    Drawn { id, text, is_template, links }
}

/// The default facts and schema with these policies alone.
fn bundle_files(drawn: &[Drawn]) -> Files {
    // Without its own rules, and with a reason why its regimes have none.
    let mut files = small();
    files.retain(|path, _| path.starts_with("facts/") || path == "situs.cedarschema");
    let annotated = drawn.iter().map(|policy| {
        let disposition = if policy.text.starts_with("forbid") { "@disposition(\"never\")\n" } else { "" };
        let (id, text) = (&policy.id, &policy.text);
        format!("@id(\"{id}\")\n@reason(\"nothing_permits\")\n@next_step(\"refer_counsel\")\n{disposition}{text}\n")
    });
    let links = drawn.iter().flat_map(|policy| policy.links.iter().map(move |link| (&policy.id, link)));
    let links = links.map(|(template, (id, slots))| {
        let slots: String = slots.iter().map(|(slot, uid)| format!("{slot} = '{uid}'\n")).collect();
        format!("[[link]]\nid = \"{id}\"\ntemplate = \"{template}\"\n{slots}\n")
    });
    let links: String = links.collect();
    let files = with(files, "core/test.cedar", &annotated.collect::<String>());
    with(files, "tenants/links.toml", &links)
}

/// The same policies in one set, as Cedar reads them.
fn whole(drawn: &[Drawn]) -> PolicySet {
    let mut set = PolicySet::new();
    for policy in drawn {
        let id = PolicyId::new(&policy.id);
        if !policy.is_template {
            set.add(Policy::parse(Some(id), &policy.text).unwrap()).unwrap();
            continue;
        }
        set.add_template(cedar_policy::Template::parse(Some(id.clone()), &policy.text).unwrap()).unwrap();
        for (link, slots) in &policy.links {
            let slots: HashMap<SlotId, EntityUid> = slots
                .iter()
                .map(|(slot, uid)| {
                    let slot = if *slot == "principal" { SlotId::principal() } else { SlotId::resource() };
                    (slot, EntityUid::from_str(uid).unwrap())
                })
                .collect();
            set.link(id.clone(), PolicyId::new(link), slots).unwrap();
        }
    }
    set
}

// ---- questions, and their form in Cedar

fn expression(value: &Value) -> RestrictedExpression {
    match value {
        Value::Bool(value) => RestrictedExpression::new_bool(*value),
        Value::Long(value) => RestrictedExpression::new_long(*value),
        Value::Text(value) => RestrictedExpression::new_string(value.clone()),
        Value::Entity(uid) => RestrictedExpression::new_entity_uid(cedar(uid)),
        Value::Set(values) => RestrictedExpression::new_set(values.iter().map(expression)),
        Value::Record(fields) => {
            let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), expression(value)));
            RestrictedExpression::new_record(fields).unwrap()
        }
        Value::Shared(_) => expression(value.plain()),
    }
}

fn cedar(of: &Uid) -> EntityUid {
    EntityUid::from_str(&uid(of.kind, &of.id)).unwrap()
}

fn entity(value: &EntityValue) -> Entity {
    let attributes = value.attributes.iter().map(|(name, value)| ((*name).to_owned(), expression(value)));
    Entity::new(cedar(&value.uid), attributes.collect(), value.parents.iter().map(cedar).collect()).unwrap()
}

type Said = (BTreeSet<String>, BTreeSet<String>, BTreeSet<String>);

/// What plain Cedar says of each policy of the whole set: the permits and the forbids that hold, and those
/// that err. In a set of one effect every policy that holds is determining.
fn plainly(set: &PolicySet, ask: &Ask) -> Said {
    let action = EntityUid::from_str(&uid("Action", ask.action)).unwrap();
    let context = ask.context.iter().map(|(name, value)| ((*name).to_owned(), expression(value)));
    let context = Context::from_pairs(context).unwrap();
    let request =
        Request::new(cedar(&ask.principal.uid), action, cedar(&ask.resource.uid), context, None).unwrap();
    let all = [&ask.principal, &ask.resource].into_iter().chain(&ask.others).map(entity);
    let entities = Entities::from_entities(all, None).unwrap();
    let mut said = [BTreeSet::new(), BTreeSet::new()];
    let mut errors = BTreeSet::new();
    for (effect, holding) in [Effect::Permit, Effect::Forbid].into_iter().zip(&mut said) {
        let mut of_effect = set.clone();
        for policy in set.policies().filter(|policy| policy.effect() != effect) {
            match policy.template_id() {
                None => drop(of_effect.remove_static(policy.id().clone()).unwrap()),
                Some(_) => drop(of_effect.unlink(policy.id().clone()).unwrap()),
            }
        }
        let response = Authorizer::new().is_authorized(&request, &of_effect, &entities);
        holding.extend(response.diagnostics().reason().map(ToString::to_string));
        errors.extend(response.diagnostics().errors().map(|error| {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            error.policy_id().to_string()
        }));
    }
    let [permits, forbids] = said;
    (permits, forbids, errors)
}

fn codes(ids: &[&str]) -> Value {
    Value::entities("Jurisdiction", ids.iter().copied())
}

/// A question of which each part that scopes and conditions look at is thrown.
fn question(dice: &mut Dice) -> Ask {
    let action = *dice.one(ACTIONS);
    let none = |kind: &'static str| Value::entities(kind, Vec::<String>::new());
    let kind: &&'static str = dice.one(PRINCIPALS);
    let id: &&str = dice.one(&["somebody", "else"]);
    let mut principal = EntityValue::bare(Uid::new(kind, *id));
    let of = if dice.now_and_then(2) { codes(&["US"]) } else { codes(&["IE", "EU"]) };
    principal.attributes.insert("jurisdiction", of);
    principal.attributes.insert("certifications", none("Safeguard"));
    if principal.uid.kind == "Authority" {
        principal.attributes.insert("authority_type", Value::entity("AuthorityType", "police"));
    }
    let mut tenant = EntityValue::bare(Uid::new("Tenant", *dice.one(TENANTS)));
    tenant.attributes.insert("is_suspect", Value::Bool(dice.now_and_then(2)));
    let mut resource =
        EntityValue::bare(Uid::new("Holding", *dice.one(&["acme/mail", "acme/mail/2020", "contoso/x/y"])));
    resource.parents.insert(tenant.uid.clone());
    resource.attributes.insert("tenant", Value::Entity(tenant.uid.clone()));
    let mut others = vec![tenant];
    if let Some((above, _)) = resource.uid.id.rsplit_once('/').filter(|(above, _)| above.contains('/')) {
        let mut above = EntityValue::bare(Uid::new("Holding", above));
        // What the data lies below may itself lie in a regime.
        if dice.now_and_then(4) {
            above.parents.insert(Uid::new("Regime", *dice.one(REGIMES)));
        }
        resource.parents.insert(above.uid.clone());
        others.push(above);
    }
    for regime in REGIMES {
        if dice.now_and_then(2) {
            resource.parents.insert(Uid::new("Regime", *regime));
        }
    }
    let count = *dice.one(&[1_i64, 9, 60, i64::MAX]);
    resource.attributes.insert("controller", Value::Bool(dice.now_and_then(2)));
    resource.attributes.insert("subject_count", Value::Long(count));
    if dice.now_and_then(2) {
        resource.attributes.insert("residency", codes(&["IE"]));
    }
    let mut context = shared(dice);
    if ["transfer", "access"].contains(&action) {
        moving(&mut context)
    } else {
        demanding(&mut context)
    }
    Ask { action, principal, resource, others, context }
}

fn shared(dice: &mut Dice) -> BTreeMap<&'static str, Value> {
    let place = if dice.now_and_then(2) { codes(&["IE", "EU"]) } else { codes(&["US"]) };
    BTreeMap::from([
        ("place", place),
        ("recorded", Value::Bool(dice.now_and_then(2))),
        ("leaves", Value::Set(BTreeSet::new())),
        ("lapsed", Value::Set(BTreeSet::new())),
    ])
}

fn moving(context: &mut BTreeMap<&'static str, Value>) {
    let states = ["usable", "condition_unmet", "invalidated", "ended", "not_yet"];
    let standing = Value::Record(states.map(|state| (state, Value::Set(BTreeSet::new()))).into());
    for kind in [
        "free_flow",
        "adequacy",
        "adequacy_list",
        "restricted_list",
        "country_of_concern",
        "foreign_adversary",
        "sanctions",
    ] {
        context.insert(kind, standing.clone());
    }
    for name in ["mechanisms", "safeguards", "flags"] {
        context.insert(name, Value::Set(BTreeSet::new()));
    }
    context.insert("mode", Value::entity("Mode", "replication"));
    context.insert("systematic", Value::Bool(true));
    context.insert("purpose", Value::Text(String::new()));
    context.insert("approved", Value::Bool(false));
    context.insert("subjects_past_12_months", Value::Long(1));
    context.insert("subjects_year_to_date", Value::Long(1));
}

fn demanding(context: &mut BTreeMap<&'static str, Value>) {
    context.insert("category", Value::entity("Category", "content"));
    for name in ["restricted", "open", "lifted", "mla", "cloud_act_agreement", "eio", "e_evidence"] {
        context.insert(name, Value::Set(BTreeSet::new()));
    }
    let flags = [
        "copy_in_place",
        "only_in_place",
        "control_in_place",
        "copy_in_reach",
        "control_in_reach",
        "subjects_in_place",
        "consent",
        "transfer_ground",
        "emergency",
    ];
    flags.into_iter().for_each(|name| drop(context.insert(name, Value::Bool(false))));
    context.insert("process", process());
}

/// A process without anything, by the schema of the bundle: a new field needs nothing here.
fn process() -> Value {
    let schema = &files()["situs.cedarschema"];
    let body = schema.split_once("type Process = {").unwrap().1.split_once("};").unwrap().0;
    let fields =
        body.lines().filter_map(|line| line.split("//").next()?.trim().strip_suffix(',')?.split_once(": "));
    let value = |kind: &str| match kind {
        "Bool" => Value::Bool(false),
        "Long" => Value::Long(0),
        "String" => Value::Text(String::new()),
        "Instrument" => Value::entity("Instrument", "none"),
        "Issuer" => Value::entity("Issuer", "unknown"),
        set => {
            assert!(set.starts_with("Set<"), "the test knows no value of `{set}`");
            Value::Set(BTreeSet::new())
        }
    };
    Value::Record(
        fields.map(|(name, kind)| (&*Box::leak(name.to_owned().into_boxed_str()), value(kind))).collect(),
    )
}

proptest! {
    // Each of them loads a bundle, and asks it many questions.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cells_say_what_the_whole_set_says(seed: u64) {
        let mut dice = Dice::new(seed);
        let drawn: Vec<Drawn> = (0..24).map(|number| draw(&mut dice, number)).collect();
        let bundle = load(&bundle_files(&drawn));
        prop_assert!(bundle.is_ok(), "{:#?}", bundle.err());
        let (bundle, set) = (bundle.unwrap(), whole(&drawn));
        let links: usize = drawn.iter().map(|policy| if policy.is_template { policy.links.len() } else { 1 }).sum();
        prop_assert_eq!(bundle.rules().len(), links);
        let mut said = (0, 0, 0);
        for _ in 0..60 {
            let ask = question(&mut dice);
            let expected = plainly(&set, &ask);
            let prepared = bundle.prepare(ask.clone()).unwrap();
            let judgement = prepared.judge().unwrap();
            let ids = |rules: &[&situs::policy::Rule]| rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>();
            let (permits, forbids) = (ids(&judgement.permits), ids(&judgement.forbids));
            let errors: Vec<String> = judgement.errors.iter().map(|(id, _)| id.clone()).collect();
            // Each is judged once, whatever cells it stands in.
            let counts = (permits.len(), forbids.len(), errors.len());
            let found: Said = (permits.into_iter().collect(), forbids.into_iter().collect(), errors.into_iter().collect());
            prop_assert_eq!(counts, (found.0.len(), found.1.len(), found.2.len()), "{:?}", judgement);
            said = (said.0 + counts.0, said.1 + counts.1, said.2 + counts.2);
            prop_assert_eq!(found, expected, "{:#?}", ask);
        }
        prop_assert!(said.0 > 0 && said.1 > 0, "nothing held: {:?}", said);
    }
}
