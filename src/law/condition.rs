//! What must hold of a recipient or an order for a relation to help. Each word that a relation uses is
//! mapped in `facts/conditions.toml` to a fact of the request and a test.

use super::rows::ConditionRow;

/// The facts of a request that conditions can ask about.
pub trait RequestFacts {
    /// The words of a list fact, such as `transfer.safeguards`; `None` where there is no such fact.
    fn list(&self, fact: &str) -> Option<Vec<String>>;
    /// A yes-or-no fact; `None` where it is not stated.
    fn truth(&self, fact: &str) -> Option<bool>;
    /// A number; `None` where it is not stated.
    fn number(&self, fact: &str) -> Option<u64>;
}

/// The facts that the tests of conditions may name, with their form.
pub(super) const FACTS: &[(&str, Form)] = &[
    ("transfer.safeguards", Form::List),
    ("transfer.purpose", Form::List),
    ("transfer.automated", Form::Truth),
    ("process.flags", Form::List),
    ("process.authorities", Form::List),
    ("process.names_accounts", Form::Truth),
    ("process.bulk", Form::Truth),
    ("process.via_designated_authority", Form::Truth),
    ("process.offence_max_penalty_years", Form::Number),
    ("holding.addressee_in", Form::List),
    ("holding.not_persons_of", Form::List),
    ("holding.subject_locations", Form::List),
];

/// What form a fact has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    List,
    Truth,
    Number,
}

#[derive(Clone, Debug)]
enum Test {
    Contains(String, String),
    Is(String, bool),
    AtLeast(String, u32),
    LacksOtherParty(String),
    NamesOtherParty(String),
    Present(String),
    ByRule,
}

/// One condition of a relation, ready to be asked.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// The word, as policies know it.
    pub word: String,
    test: Test,
    absent: bool,
    negated: bool,
    when: Option<Box<Condition>>,
}

impl Condition {
    /// Reads `word`, `!word` or `word implies word` of a relation.
    ///
    /// # Errors
    /// A sentence: the word is not mapped, or its test cannot be read.
    pub fn read(text: &str, rows: &[ConditionRow], serious_crime_years: Option<u32>) -> Result<Self, String> {
        if let Some((when, then)) = text.split_once(" implies ") {
            let mut condition = Self::read(then.trim(), rows, serious_crime_years)?;
            condition.when = Some(Box::new(Self::read(when.trim(), rows, serious_crime_years)?));
            return Ok(condition);
        }
        let (negated, word) = text.strip_prefix('!').map_or((false, text), |word| (true, word));
        let row = rows.iter().find(|row| row.id.get_ref() == word).ok_or_else(|| {
            let near = crate::domain::near(word, rows.iter().map(|row| row.id.get_ref().as_str()));
            format!(
                "condition `{word}` is mapped to nothing in conditions.toml{}",
                crate::domain::did_you_mean(&near)
            )
        })?;
        let fact = row.fact.clone().unwrap_or_default();
        let needs = |form: Form| match FACTS.iter().find(|(name, _)| *name == fact) {
            Some((_, known)) if *known == form => Ok(fact.clone()),
            Some(_) => Err(format!("condition `{word}` tests `{fact}` as what it is not")),
            None => Err(format!("condition `{word}` names `{fact}`, which is no fact of a request")),
        };
        let test = match row {
            ConditionRow { by_rule: Some(_), .. } => Test::ByRule,
            ConditionRow { contains: Some(value), .. } => Test::Contains(needs(Form::List)?, value.clone()),
            ConditionRow { is: Some(value), .. } => Test::Is(needs(Form::Truth)?, *value),
            ConditionRow { lacks_other_party: Some(true), .. } => Test::LacksOtherParty(needs(Form::List)?),
            ConditionRow { names_other_party: Some(true), .. } => Test::NamesOtherParty(needs(Form::List)?),
            ConditionRow { present: Some(true), .. } => Test::Present(needs(Form::List)?),
            ConditionRow { at_least_relation: Some(_), .. } => {
                let years = serious_crime_years.ok_or_else(|| {
                    format!("condition `{word}` needs `serious_crime_years` on the relation")
                })?;
                Test::AtLeast(needs(Form::Number)?, years)
            }
            _ => return Err(format!("condition `{word}` has no test")),
        };
        let absent = match row.absent.as_deref() {
            Some("met") => true,
            Some("unmet") | None => false,
            Some(other) => return Err(format!("condition `{word}`: absent is `{other}`, not met or unmet")),
        };
        Ok(Self { word: word.to_owned(), test, absent, negated, when: None })
    }

    /// Whether it holds of a request towards the other party of the relation.
    pub fn holds(&self, facts: &dyn RequestFacts, other_party: &[String]) -> bool {
        if self.when.as_ref().is_some_and(|when| !when.holds(facts, other_party)) {
            return true;
        }
        let found = match &self.test {
            Test::Contains(fact, value) => {
                facts.list(fact).filter(|words| !words.is_empty()).map(|words| words.contains(value))
            }
            Test::Is(fact, value) => facts.truth(fact).map(|truth| truth == *value),
            Test::AtLeast(fact, least) => facts.number(fact).map(|number| number >= u64::from(*least)),
            Test::LacksOtherParty(fact) => {
                facts.list(fact).map(|words| !other_party.iter().any(|party| words.contains(party)))
            }
            Test::NamesOtherParty(fact) => facts
                .list(fact)
                .filter(|words| !words.is_empty())
                .map(|words| other_party.iter().any(|party| words.contains(party))),
            Test::Present(fact) => Some(facts.list(fact).is_some_and(|words| !words.is_empty())),
            Test::ByRule => Some(true),
        };
        found.unwrap_or(self.absent) != self.negated
    }
}
