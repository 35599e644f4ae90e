//! What a reference lies in: a rule can name its tenant and each prefix of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use situs::policy::{self, Bundle};
use situs::scenario::{self, CaseFile};

const NOW: &str = "2026-11-01T12:00:00Z";

/// A move inside one country, which every law allows.
const MOVE: &str = r#"
[[case]]
id = "move"
as_of = "2026-11-01"
[case.request]
data_ref = "DATA_REF"
action = "transfer"
jurisdiction = "DE"
requester = { kind = "workload", jurisdiction = "DE" }
holding = { stored_in = ["DE"], data_kinds = ["personal"], subject_count = 1, provider_role = "processor", provider_established_in = ["DE"] }
[case.expect]
decision = "allow"
"#;

const TEMPLATE: &str = r#"
@id("tenants.frozen")
@reason("customer_residency_commitment")
@disposition("residency_commitment")
@next_step("refuse_policy")
@citation("contract")
forbid (principal, action == Action::"transfer", resource in ?resource);
"#;

fn bundle(link: &str) -> Bundle {
    let mut files = policy::default_files();
    if !link.is_empty() {
        files.insert("tenants/frozen.cedar".to_owned(), Arc::from(TEMPLATE));
        let row = format!(
            "[[link]]\nid = \"tenants.frozen.one\"\ntemplate = \"tenants.frozen\"\nresource = '{link}'\n"
        );
        files.insert("tenants/links.toml".to_owned(), Arc::from(row));
    }
    Bundle::load(&files).map_err(|error| error.to_string()).unwrap().0
}

/// The ids of the rules that decided, with the disposition in front.
fn decided(bundle: &Bundle, data_ref: &str) -> (String, Vec<String>) {
    let text = MOVE.replace("DATA_REF", data_ref);
    let file = CaseFile::read("move.toml", &text, bundle.facts()).unwrap();
    let outcome = scenario::run_all(bundle, std::slice::from_ref(&file), NOW.parse().unwrap()).remove(0);
    (outcome.answer.disposition.to_string(), outcome.comparison.decided)
}

#[test]
fn a_long_reference_is_decided_like_a_short_one() {
    let bundle = bundle("");
    let short = decided(&bundle, "acme/mail");
    assert_eq!(short.0, "permitted");
    assert_eq!(decided(&bundle, "acme/mail/2026/q1/inbox"), short);
}

#[test]
fn a_link_reaches_what_lies_in_its_tenant_or_prefix_and_nothing_else() {
    for (link, inside, outside) in [
        ("Tenant::\"acme\"", ["acme/mail", "acme/mail/2026"], "acme2/mail"),
        ("Holding::\"acme/mail\"", ["acme/mail", "acme/mail/2026/q1"], "acme/mail2"),
    ] {
        let bundle = bundle(link);
        for data_ref in inside {
            let rules = vec!["tenants.frozen.one (customer_residency_commitment)".to_owned()];
            assert_eq!(decided(&bundle, data_ref), ("residency_commitment".to_owned(), rules), "{data_ref}");
        }
        assert_eq!(decided(&bundle, outside).0, "permitted", "{outside}");
    }
}

#[test]
fn a_linked_rule_is_shown_under_its_own_id_with_its_slots_filled() {
    let bundle = bundle("Tenant::\"acme\"");
    let rule = bundle.rule("tenants.frozen.one").unwrap();
    assert_eq!((rule.file.as_str(), rule.line), ("tenants/links.toml", 2));
    assert!(rule.source.contains("Tenant::\"acme\""), "{}", rule.source);
    assert!(bundle.rule("tenants.frozen").is_none());
}

/// The faults of the bundle with two links, its template and links changed.
fn faults(from: &str, to: &str) -> Vec<String> {
    let links = ["one", "two"].map(|name| {
        format!("[[link]]\nid = \"tenants.frozen.{name}\"\ntemplate = \"tenants.frozen\"\nresource = 'Tenant::\"{name}\"'\n")
    });
    let mut files = policy::default_files();
    files.insert("tenants/frozen.cedar".to_owned(), Arc::from(TEMPLATE.replace(from, to)));
    files.insert("tenants/links.toml".to_owned(), Arc::from(links.concat().replace(from, to)));
    let error = Bundle::load(&files).map(|_| ()).unwrap_err();
    error.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_fault_of_a_template_is_told_once_and_at_the_template() {
    let found = faults("forbid (principal", "forbid (principal is Operater");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("tenants/frozen.cedar:2: for policy `tenants.frozen`"), "{found:?}");
    let found = faults("@reason(\"customer_residency_commitment\")", "@reason(\"customer_residency\")");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("did you mean `customer_residency_commitment`"), "{found:?}");
}

#[test]
fn a_fault_of_a_slot_is_told_at_its_link() {
    let found = faults("'Tenant::\"two\"'", "'Tennant::\"two\"'");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("tenants/links.toml:6: link `tenants.frozen.two`"), "{found:?}");
    assert!(found[0].contains("did you mean `Tenant`"), "{found:?}");
}

#[test]
fn a_rule_cannot_say_that_a_denial_is_permitted() {
    let found = faults("residency_commitment\")\n@next", "permitted\")\n@next");
    assert!(found.iter().any(|fault| fault.contains("`permitted` is not for a rule to say")), "{found:?}");
}
