//! An answer as a person reads it: the verdict, what was asked, why, what to do, and the lawful ways on.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::text::{Line, Printer, Style};
use crate::law::{Facts, IdSet};

/// An answer, as far as it is shown. It is read from words, so that one decided here and one from a server,
/// which may know more than this program, are shown alike.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    decision: String,
    disposition: String,
    next_step: String,
    reasons: Vec<Reason>,
    category_verdicts: Vec<CategoryVerdict>,
    obligations: Vec<Obligation>,
    routes: Vec<Route>,
    regimes: Vec<String>,
    policy_version: String,
    facts_version: String,
    catalog_revision: u64,
    as_of: String,
    hypothetical: bool,
    valid_until: String,
    decision_id: String,
    receipt: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    policy_id: String,
    effect: String,
    code: String,
    regime: String,
    relations: Vec<String>,
    citation: String,
    message: String,
    confidence: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CategoryVerdict {
    category: String,
    decision: String,
    disposition: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Obligation {
    kind: String,
    due: String,
    detail: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Route {
    kind: String,
    relation: String,
    detail: String,
    citation: String,
}

/// What is known of how an answer came about.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    /// The question, in words.
    pub question: &'a Value,
    /// What was decided about, where that is known.
    pub action: Option<&'a str>,
    /// Facts that have sentences for duties and steps; absent: the words stand alone.
    pub facts: Option<&'a Facts>,
    /// Whether it was decided in this process.
    pub local: bool,
}

/// The answer as text.
///
/// # Errors
/// The answer is not one that this program can read.
pub(super) fn text(printer: &Printer, told: Told<'_>, answer: &Value) -> Result<String, serde_json::Error> {
    let answer = Answer::deserialize(answer)?;
    let gloss = |set: IdSet, id: &str| told.facts.map_or("", |facts| facts.message(set, id)).to_owned();
    let mut text = format!("{}\n", head(printer, &answer));
    let mut part = |label: &str, lines: Vec<Line>| {
        if !lines.is_empty() {
            text.push('\n');
            text.push_str(&printer.block(label, &lines));
        }
    };
    part("asked", vec![Line::of(asked(&told)).hanging(), Line::of(law_of(&answer))]);
    part("why", why(&answer.reasons));
    let next = gloss(IdSet::NextStep, &answer.next_step);
    let next = (!next.is_empty()).then(|| Line::of(next));
    let duties = answer.obligations.iter().map(|duty| to_do(duty, &gloss(IdSet::Obligation, &duty.kind)));
    part("do", next.into_iter().chain(duties).collect());
    part("ways on", answer.routes.iter().flat_map(way).collect());
    part("by part", parts(&answer));
    part("regimes", list(&answer.regimes));
    part("decided", decided(&answer, told.local));
    Ok(text)
}

/// The answer in brief: the verdict, each reason's code and sentence, and the ways on by what carries them.
///
/// # Errors
/// The answer is not one that this program can read.
pub(super) fn brief(printer: &Printer, told: Told<'_>, answer: &Value) -> Result<String, serde_json::Error> {
    let answer = Answer::deserialize(answer)?;
    let mut text = format!("{}\n", head(printer, &answer));
    let mut part = |label: &str, lines: Vec<Line>| {
        if !lines.is_empty() {
            text.push_str(&printer.block(label, &lines));
        }
    };
    part("asked", vec![Line::of(format!("{}, {}", asked(&told), law_of(&answer))).hanging()]);
    let reasons = answer
        .reasons
        .iter()
        .map(|reason| Line::of(format!("{}: {}", reason.code, reason.message)).hanging());
    part("why", reasons.collect());
    let ways = answer.routes.iter().map(|route| match route.relation.as_str() {
        "" => route.kind.clone(),
        relation => format!("{} by {relation}", route.kind),
    });
    let ways = ways.collect::<Vec<_>>().join(", ");
    part("ways on", if ways.is_empty() { Vec::new() } else { vec![Line::of(ways)] });
    Ok(text)
}

fn head(printer: &Printer, answer: &Answer) -> String {
    // Whatever is not an allow is a deny.
    let allowed = answer.decision == "allow";
    let (word, style) = if allowed { ("ALLOW", Style::Good) } else { ("DENY", Style::Bad) };
    let mut head = printer.paint(style, word);
    head.push_str(&format!("  {}", printer.paint(Style::Strong, &answer.disposition)));
    if !answer.next_step.is_empty() {
        head.push_str(&format!("  next: {}", printer.paint(Style::Strong, &answer.next_step)));
    }
    head
}

fn asked(told: &Told<'_>) -> String {
    let question = told.question;
    let text = |field: &str| question.get(field).and_then(Value::as_str).unwrap_or_default();
    let action = told.action.unwrap_or_else(|| text("action"));
    let mut asked = String::new();
    if !action.is_empty() {
        asked.push_str(&format!("{action} "));
    }
    asked.push_str(text("data_ref"));
    let categories = words(question.get("data_categories"));
    if !categories.is_empty() {
        asked.push_str(&format!(" ({categories})"));
    }
    let parts = [
        ("requester", words(question.get("requester"))),
        ("jurisdiction", text("jurisdiction").to_owned()),
        ("process", words(question.get("process"))),
        ("transfer", words(question.get("transfer"))),
        ("holding", words(question.get("holding"))),
        ("tenant", words(question.get("tenant"))),
    ];
    for (name, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
        asked.push_str(&format!("; {name} {value}"));
    }
    asked
}

/// Words on one line: an id alone, or the fields.
fn words(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(elements)) => {
            let elements: Vec<_> = elements.iter().map(|element| words(Some(element))).collect();
            elements.join("+")
        }
        Some(Value::Object(fields)) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| match (name.as_str(), value) {
                    ("id", value) => words(Some(value)),
                    (_, Value::Object(_)) => format!("{name}=({})", words(Some(value))),
                    _ => format!("{name}={}", words(Some(value))),
                })
                .collect();
            fields.join(", ")
        }
        Some(other) => other.to_string(),
    }
}

fn law_of(answer: &Answer) -> String {
    let instant = instant(&answer.as_of);
    let note = if answer.hypothetical { ": an enquiry, which licenses nothing" } else { "" };
    format!("under the law of {instant}{note}")
}

/// What the rules say, each with where it stands. What several rules say is said once, and so is a rule that
/// says it of several categories.
fn why(reasons: &[Reason]) -> Vec<Line> {
    let mut said: Vec<(Line, Vec<Line>)> = Vec::new();
    for reason in reasons {
        let (message, source) = (message(reason), source(reason));
        match said.iter_mut().find(|(known, _)| *known == message) {
            Some((_, sources)) => sources.push(source),
            None => said.push((message, vec![source])),
        }
    }
    let mut lines = Vec::new();
    let mut said = said.into_iter().peekable();
    while let Some((message, sources)) = said.next() {
        lines.push(message);
        if said.peek().is_none_or(|(_, next)| *next != sources) {
            lines.extend(sources);
        }
    }
    lines
}

fn message(reason: &Reason) -> Line {
    let message = Line::of(if reason.message.is_empty() { &reason.code } else { &reason.message }).hanging();
    if reason.effect == "advice" { message } else { message.standing_out() }
}

fn source(reason: &Reason) -> Line {
    let mut source = Vec::new();
    let rule = if reason.policy_id.is_empty() { &reason.code } else { &reason.policy_id };
    match reason.regime.as_str() {
        "" => source.push(rule.clone()),
        regime => source.push(format!("{rule} ({regime})")),
    }
    if !reason.relations.is_empty() {
        source.push(format!("turns on {}", reason.relations.join(", ")));
    }
    if !reason.citation.is_empty() {
        source.push(reason.citation.clone());
    }
    if !["", "verified", "high"].contains(&reason.confidence.as_str()) {
        source.push(format!("confidence {}", reason.confidence));
    }
    Line::detail(source.join(" · "))
}

fn to_do(duty: &Obligation, gloss: &str) -> Line {
    let detail = if duty.detail.is_empty() { String::new() } else { format!(" {}", duty.detail) };
    let due = if duty.due.is_empty() { String::new() } else { format!(" by {}", instant(&duty.due)) };
    let gloss = if gloss.is_empty() { String::new() } else { format!(": {gloss}") };
    Line::of(format!("{}{detail}{due}{gloss}", duty.kind)).hanging()
}

fn way(route: &Route) -> Vec<Line> {
    let by = if route.relation.is_empty() { String::new() } else { format!(" by {}", route.relation) };
    let detail = if route.detail.is_empty() { String::new() } else { format!(": {}", route.detail) };
    let mut lines = vec![Line::of(format!("{}{by}{detail}", route.kind)).hanging()];
    if !route.citation.is_empty() {
        lines.push(Line::detail(&route.citation));
    }
    lines
}

/// The categories, where they do not all have the same verdict.
fn parts(answer: &Answer) -> Vec<Line> {
    let verdicts = &answer.category_verdicts;
    let first = verdicts.first().map(|verdict| (&verdict.decision, &verdict.disposition));
    if verdicts.iter().all(|verdict| Some((&verdict.decision, &verdict.disposition)) == first) {
        return Vec::new();
    }
    let line = |verdict: &CategoryVerdict| {
        let decision = verdict.decision.to_uppercase();
        Line::of(format!("{}: {decision} {}", verdict.category, verdict.disposition))
    };
    verdicts.iter().map(line).collect()
}

fn list(words: &[String]) -> Vec<Line> {
    if words.is_empty() { Vec::new() } else { vec![Line::of(words.join(", "))] }
}

fn decided(answer: &Answer, local: bool) -> Vec<Line> {
    let short = |version: &str| version.get(..12).unwrap_or(version).to_owned();
    let versions = format!(
        "policies {}, facts {}, catalogue revision {}",
        short(&answer.policy_version),
        short(&answer.facts_version),
        answer.catalog_revision
    );
    let mut lines = vec![Line::detail(versions).flush()];
    let record = answer.receipt.as_ref().map(|receipt| {
        // The first record has index 0, which is left out where words are written.
        let index = receipt.get("log_index").and_then(Value::as_u64).unwrap_or(0);
        format!(", record {index}")
    });
    if local {
        lines.push(Line::detail("in this process, without a record: it licenses nothing").flush());
    } else {
        let record = record.unwrap_or_default();
        let until = instant(&answer.valid_until);
        lines.push(Line::detail(format!("{}{record}, valid until {until}", answer.decision_id)).flush());
    }
    lines
}

/// An instant to the second; a whole day's noon, for which a date stands, as that date.
fn instant(text: &str) -> String {
    let Ok(instant) = text.parse::<Timestamp>() else { return text.to_owned() };
    let shown = instant.strftime("%-d %B %Y, %H:%M:%S UTC").to_string();
    shown.replace(", 12:00:00 UTC", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_shown_as_one() {
        assert_eq!(instant("2016-07-14T12:00:00Z"), "14 July 2016");
        assert_eq!(instant("2016-07-14T12:00:01Z"), "14 July 2016, 12:00:01 UTC");
        assert_eq!(instant("soon"), "soon");
    }

    #[test]
    fn an_answer_that_says_nothing_is_a_denial() {
        let printer = Printer::for_stdout();
        let told = Told { question: &Value::Null, action: None, facts: None, local: false };
        let text = text(&printer, told, &serde_json::json!({})).unwrap();
        assert!(text.starts_with("DENY"), "{text}");
    }

    #[test]
    fn what_is_said_twice_is_written_once() {
        let reason = |policy_id: &str, message: &str| Reason {
            policy_id: policy_id.to_owned(),
            message: message.to_owned(),
            ..Reason::default()
        };
        let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let said = |reasons: &[Reason]| {
            Printer::plain(80)
                .block("", &why(reasons))
                .lines()
                .map(|line| line.trim().to_owned())
                .collect::<Vec<_>>()
        };
        let both = [reason("a", "one"), reason("b", "one"), reason("a", "two"), reason("b", "two")];
        assert_eq!(said(&both), lines(&["one", "two", "a", "b"]));
        let apart = [reason("a", "one"), reason("b", "two"), reason("a", "three")];
        assert_eq!(said(&apart), lines(&["one", "a", "two", "b", "three", "a"]));
    }
}
