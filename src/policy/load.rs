//! From files to a bundle: parsed, annotated, validated against the schema, checked; whole or not at all.

use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Effect as CedarEffect, Policy, PolicyId, PolicySet, ResourceConstraint, ValidationMode,
    Validator,
};
use miette::Diagnostic;

use super::annotations;
use super::bundle::Bundle;
use super::rule::Rule;
use super::{check, links, schema};
use crate::domain::{Disposition, Effect, Fault, Files};
use crate::law::Facts;

/// Why a bundle was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bundle has {} fault(s), the first: {}", faults.len(), faults.first().map_or_else(String::new, ToString::to_string))]
pub struct LoadError {
    /// Every fault found.
    pub faults: Vec<Fault>,
}

/// What a load has to say beside the bundle.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What deserves a look, and is no fault: a policy that can never fire, say.
    pub warnings: Vec<Fault>,
}

/// A policy with where it stands.
struct Parsed {
    file: String,
    line: usize,
    policy: Policy,
}

impl Bundle {
    /// Loads a bundle from its files.
    ///
    /// # Errors
    /// [`LoadError`] with every fault: its file, its line, and what to do.
    pub fn load(files: &Files) -> Result<(Self, Report), LoadError> {
        let facts = Arc::new(Facts::load(files).map_err(|faults| LoadError { faults })?);
        let Some(schema_file) = files.get(schema::PATH) else {
            let fault = Fault::of_file(schema::PATH, "the bundle has no schema")
                .help("copy it from the default bundle");
            return Err(LoadError { faults: vec![fault] });
        };
        let (deciding, advising) =
            schema::pair(schema_file, &facts).map_err(|faults| LoadError { faults })?;

        let lists = schema::closed_lists(&facts);
        let mut faults = Vec::new();
        let policies = parse(files, &mut faults);
        let mut rules = Vec::new();
        let (mut decide, mut advise) = (PolicySet::new(), PolicySet::new());
        for parsed in policies {
            let Some((rule, policy)) = rule(&parsed, files, &facts, &lists, &mut faults) else { continue };
            let set = if rule.effect == Effect::Advice { &mut advise } else { &mut decide };
            if rules.iter().any(|known: &Rule| known.id == rule.id) {
                faults.push(fault_of(&rule, format!("policy id `{}` is taken", rule.id)));
                continue;
            }
            if let Err(error) = set.add(policy) {
                faults.push(fault_of(&rule, error.to_string()));
            }
            rules.push(rule);
        }
        if rules.is_empty() && faults.is_empty() {
            faults
                .push(Fault::of_file("core", "the bundle has no policies, so nothing would ever be allowed"));
        }
        let mut report = Report::default();
        for (set, schema) in [(&decide, &deciding), (&advise, &advising)] {
            validate(set, schema.clone(), &rules, &mut faults, &mut report);
        }
        if !faults.is_empty() {
            faults.sort();
            return Err(LoadError { faults });
        }
        let bundle = Bundle::assemble(files, facts, (deciding, advising), rules, &decide, &advise, lists);
        Ok((bundle, report))
    }
}

fn fault_of(rule: &Rule, message: String) -> Fault {
    Fault { file: rule.file.clone(), line: rule.line, message, help: String::new() }
}

/// The fault of a Cedar error, at its first label.
pub(super) fn cedar_fault(file: &str, text: &str, error: &dyn Diagnostic) -> Fault {
    let label = error.labels().and_then(|mut labels| labels.next());
    let offset = label.as_ref().map_or(0, |label| label.offset());
    let mut message = error.to_string();
    if let Some(text) = label.as_ref().and_then(|label| label.label()) {
        message = format!("{message} ({text})");
    }
    let fault = Fault::at(file, text, offset, message);
    match error.help() {
        Some(help) => fault.help(help.to_string()),
        None => fault,
    }
}

fn parse(files: &Files, faults: &mut Vec<Fault>) -> Vec<Parsed> {
    let mut parsed = Vec::new();
    let mut templates = PolicySet::new();
    let mut template_places = std::collections::HashMap::new();
    let sources =
        files.iter().filter(|(path, _)| path.ends_with(".cedar") && !path.starts_with("guarantees/"));
    for (path, text) in sources {
        let set = match PolicySet::from_str(text) {
            Ok(set) => set,
            Err(errors) => {
                faults.extend(errors.iter().map(|error| cedar_fault(path, text, error)));
                continue;
            }
        };
        // Ids are policy0, policy1, ... in the order of the text.
        for policy in set.policies() {
            let source = policy.to_cedar().unwrap_or_default();
            let line = line_of_policy(text, policy.annotation("id"), &source);
            match policy.annotation("id") {
                Some(id) if !id.is_empty() => {
                    let policy = policy.new_id(PolicyId::new(id));
                    parsed.push(Parsed { file: path.clone(), line, policy });
                }
                _ => faults.push(
                    Fault {
                        file: path.clone(),
                        line,
                        message: "a policy has no id".to_owned(),
                        help: String::new(),
                    }
                    .help("add @id(\"...\") in front of it"),
                ),
            }
        }
        for template in set.templates() {
            let line = line_of_policy(text, template.annotation("id"), &template.to_cedar());
            let Some(id) = template.annotation("id").filter(|id| !id.is_empty()) else {
                let message = "a template has no id".to_owned();
                faults.push(Fault { file: path.clone(), line, message, help: "add @id(\"...\")".to_owned() });
                continue;
            };
            template_places.insert(id.to_owned(), path.clone());
            if let Err(error) = templates.add_template(template.new_id(PolicyId::new(id))) {
                faults.push(Fault {
                    file: path.clone(),
                    line,
                    message: error.to_string(),
                    help: String::new(),
                });
            }
        }
    }
    let places = links::add(files, &mut templates, faults);
    for policy in templates.policies() {
        let id = policy.id().to_string();
        let (file, line) = places.get(&id).cloned().unwrap_or_default();
        match links::alone(policy) {
            Ok(policy) => parsed.push(Parsed { file, line, policy }),
            Err(error) => faults.push(Fault {
                file,
                line,
                message: format!("link `{id}`: {error}"),
                help: String::new(),
            }),
        }
    }
    parsed.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    parsed
}

fn line_of_policy(text: &str, id: Option<&str>, source: &str) -> usize {
    let by_id = id.and_then(|id| text.find(&format!("@id(\"{id}\")")));
    crate::domain::line_of(text, by_id.or_else(|| text.find(source)).unwrap_or(0))
}

fn rule(
    parsed: &Parsed,
    files: &Files,
    facts: &Facts,
    lists: &schema::ClosedLists,
    faults: &mut Vec<Fault>,
) -> Option<(Rule, Policy)> {
    let policy = &parsed.policy;
    let mut fault = |message: String, help: &str| {
        faults.push(Fault { file: parsed.file.clone(), line: parsed.line, message, help: help.to_owned() });
    };
    let (read, all, errors) = annotations::read(policy.annotations(), facts);
    let id = policy.id().to_string();
    errors.into_iter().for_each(|error| fault(format!("policy `{id}`: {error}"), ""));
    let access = parsed.file.starts_with("access/");
    let advises =
        read.advice && !(read.obligations.is_empty() && read.routes.is_empty() && read.next_step.is_empty());
    if read.reason.is_empty() && !access && !advises {
        fault(
            format!("policy `{id}` has no reason"),
            "add @reason(\"...\") with a code of facts/reasons.toml",
        );
    }
    let forbids = policy.effect() == CedarEffect::Forbid;
    if read.advice && forbids {
        fault(format!("advice `{id}` is written as a forbid"), "write `permit`: advice only explains");
    }
    let effect = match (read.advice, forbids) {
        (true, _) => Effect::Advice,
        (false, true) => Effect::Forbid,
        (false, false) => Effect::Permit,
    };
    if effect != Effect::Advice && read.next_step.is_empty() && !access {
        fault(
            format!("policy `{id}` has no next step"),
            "add @next_step(\"...\") with one of facts/next_steps.toml",
        );
    }
    if effect == Effect::Forbid && read.disposition.is_none() && !access {
        fault(format!("forbid `{id}` has no disposition"), "add @disposition(\"prohibited_by_law\"), say");
    }
    match policy.to_json() {
        Ok(json) => check::check(&json, facts, lists, forbids, read.advice)
            .into_iter()
            .for_each(|error| fault(format!("policy `{id}`: {error}"), "")),
        Err(error) => fault(format!("policy `{id}`: {error}"), ""),
    }
    let actions = match policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::Eq(uid) => vec![uid.id().unescaped().to_owned()],
        ActionConstraint::In(uids) => uids.iter().map(|uid| uid.id().unescaped().to_owned()).collect(),
    };
    let scope_regime = match policy.resource_constraint() {
        ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid)
            if uid.type_name().to_string() == "Regime" =>
        {
            Some(uid.id().unescaped().to_owned())
        }
        _ => None,
    };
    let regime = if read.regime.is_empty() { scope_regime.clone().unwrap_or_default() } else { read.regime };
    let source =
        policy.to_cedar().or_else(|| files.get(&parsed.file).map(ToString::to_string)).unwrap_or_default();
    let rule = Rule {
        id,
        effect,
        reason: read.reason,
        citation: read.citation,
        regime,
        disposition: read.disposition.unwrap_or(Disposition::ProhibitedByLaw),
        next_step: read.next_step,
        compels: read.compels,
        blocks: read.blocks,
        obligations: read.obligations,
        routes: read.routes,
        relations: read.relations,
        annotations: all,
        source,
        file: parsed.file.clone(),
        line: parsed.line,
        actions,
        scope_regime,
    };
    Some((rule, policy.clone()))
}

fn validate(
    set: &PolicySet,
    schema: cedar_policy::Schema,
    rules: &[Rule],
    faults: &mut Vec<Fault>,
    report: &mut Report,
) {
    let result = Validator::new(schema).validate(set, ValidationMode::Strict);
    let place = |id: &PolicyId, message: String| {
        let rule = rules.iter().find(|rule| rule.id == id.to_string());
        let (file, line) = rule.map_or((String::new(), 0), |rule| (rule.file.clone(), rule.line));
        Fault { file, line, message, help: String::new() }
    };
    for error in result.validation_errors() {
        let fault = place(error.policy_id(), error.to_string());
        faults.push(match error.help() {
            Some(help) => fault.help(help.to_string()),
            None => fault,
        });
    }
    for warning in result.validation_warnings() {
        report.warnings.push(place(warning.policy_id(), warning.to_string()));
    }
}
