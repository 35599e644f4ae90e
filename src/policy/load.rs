//! From files to a bundle: parsed, annotated, validated against the schema, checked; whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Effect as CedarEffect, Policy, PolicyId, PolicySet, ResourceConstraint,
    ValidationError, ValidationMode, Validator,
};
use miette::Diagnostic;

use super::annotations;
use super::bundle::Bundle;
use super::rule::Rule;
use super::{check, complete, links, schema};
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
    /// Where its words stand, under which id: a link's are its template's.
    words: Words,
}

/// Where faults of a policy's words are told, so that a template is told once, however many links it has.
#[derive(Clone)]
struct Words {
    id: String,
    file: String,
    line: usize,
}

/// A policy that was taken.
struct Taken {
    rule: Rule,
    policy: Policy,
    /// The same without its places in the text: the evaluator carries them along with every value, and they are of
    /// use to a fault of the load alone.
    bare: Policy,
    /// The attributes of the context that it reads.
    reads: Vec<String>,
}

impl Words {
    fn fault(&self, message: String) -> Fault {
        Fault { file: self.file.clone(), line: self.line, message, help: String::new() }
    }
}

impl Bundle {
    /// Loads a bundle from its files.
    ///
    /// # Errors
    /// [`LoadError`] with every fault: its file, its line, and what to do.
    pub fn load(files: &Files) -> Result<(Self, Report), LoadError> {
        if !files.keys().any(|path| path == schema::PATH || path.starts_with("facts/")) {
            let fault = Fault::of_file(
                "",
                format!("this is no policy bundle: it has neither {} nor facts/", schema::PATH),
            )
            .help("`situs policies init` writes the default bundle into a folder");
            return Err(LoadError { faults: vec![fault] });
        }
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
        let policies = parse(files, &facts, &mut faults);
        let (mut rules, mut bares) = (Vec::new(), Vec::new());
        let (mut words, mut readers) = (HashMap::new(), BTreeMap::new());
        let (mut decide, mut advise) = (PolicySet::new(), PolicySet::new());
        for parsed in policies {
            let Some(taken) = rule(&parsed, files, &facts, &lists, &mut faults) else { continue };
            let Taken { rule, policy, bare, reads } = taken;
            readers.extend(reads.into_iter().map(|attribute| (attribute, rule.id.clone())));
            let set = if rule.effect == Effect::Advice { &mut advise } else { &mut decide };
            if words.insert(rule.id.clone(), parsed.words).is_some() {
                faults.push(fault_of(&rule, format!("policy id `{}` is taken", rule.id)));
                continue;
            }
            if let Err(error) = set.add(policy) {
                faults.push(fault_of(&rule, error.to_string()));
            }
            rules.push(rule);
            bares.push(bare);
        }
        if rules.is_empty() && faults.is_empty() {
            faults
                .push(Fault::of_file("core", "the bundle has no policies, so nothing would ever be allowed"));
        }
        // A rule that has a fault counts as missing: what is wrong with it was told.
        if faults.is_empty() {
            faults.extend(complete::check(files, &facts, &rules, &readers));
        }
        let mut report = Report::default();
        for (set, schema) in [(&decide, &deciding), (&advise, &advising)] {
            validate(set, schema.clone(), &words, &mut faults, &mut report);
        }
        if !faults.is_empty() {
            faults.sort();
            faults.dedup();
            return Err(LoadError { faults });
        }
        let bundle = Bundle::assemble(files, facts, (deciding, advising), rules, &bares, lists);
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

fn parse(files: &Files, facts: &Facts, faults: &mut Vec<Fault>) -> Vec<Parsed> {
    let mut parsed = Vec::new();
    let mut templates = PolicySet::new();
    let mut template_words = HashMap::new();
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
                    let words = Words { id: id.to_owned(), file: path.clone(), line };
                    let policy = policy.new_id(PolicyId::new(id));
                    parsed.push(Parsed { file: path.clone(), line, policy, words });
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
            template_words.insert(id.to_owned(), Words { id: id.to_owned(), file: path.clone(), line });
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
    let places = links::add(files, facts, &mut templates, faults);
    for policy in templates.policies() {
        let id = policy.id().to_string();
        let (file, line) = places.get(&id).cloned().unwrap_or_default();
        let own = Words { id, file: file.clone(), line };
        let template = policy.template_id().map(ToString::to_string);
        let words = template.and_then(|template| template_words.get(&template).cloned());
        match links::alone(policy) {
            Ok(policy) => parsed.push(Parsed { file, line, policy, words: words.unwrap_or(own) }),
            Err(error) => faults.push(own.fault(format!("link `{}`: {error}", own.id))),
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
) -> Option<Taken> {
    let policy = &parsed.policy;
    let mut fault = |message: String, help: &str| faults.push(parsed.words.fault(message).help(help));
    let (read, all, errors) = annotations::read(policy.annotations(), facts);
    let id = &parsed.words.id;
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
    let mut reads = Vec::new();
    let bare = policy.to_json().map_err(|error| error.to_string()).and_then(|json| {
        reads = complete::context_attributes(&json);
        check::check(&json, facts, lists, forbids, read.advice)
            .into_iter()
            .for_each(|error| fault(format!("policy `{id}`: {error}"), ""));
        Policy::from_json(Some(policy.id().clone()), json).map_err(|error| error.to_string())
    });
    let bare = bare.map_err(|error| fault(format!("policy `{id}`: {error}"), "")).ok()?;
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
        id: policy.id().to_string(),
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
    Some(Taken { rule, policy: policy.clone(), bare, reads })
}

fn validate(
    set: &PolicySet,
    schema: cedar_policy::Schema,
    words: &HashMap<String, Words>,
    faults: &mut Vec<Fault>,
    report: &mut Report,
) {
    let result = Validator::new(schema).validate(set, ValidationMode::Strict);
    let place = |id: &PolicyId, message: String| {
        let id = id.to_string();
        match words.get(&id) {
            Some(words) => words.fault(message.replace(&format!("`{id}`"), &format!("`{}`", words.id))),
            None => Fault::of_file("", message),
        }
    };
    // An entity that a closed list lacks was reported before, with the near ones instead of the whole list.
    let reported = !faults.is_empty();
    for error in result.validation_errors() {
        if reported && matches!(error, ValidationError::InvalidEnumEntity(_)) {
            continue;
        }
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
