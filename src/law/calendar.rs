//! Dates of law: half-open intervals of instants. A date begins at 00:00 UTC, unless its row names a zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A half-open interval, `from <= t < until`. An absent end is not tracked or not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// The first instant inside.
    pub from: Option<Timestamp>,
    /// The first instant past the end.
    pub until: Option<Timestamp>,
}

impl Interval {
    /// Whether an instant is inside.
    #[must_use]
    pub fn holds(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether an instant is before the start.
    #[must_use]
    pub fn is_future(self, at: Timestamp) -> bool {
        self.from.is_some_and(|from| at < from)
    }

    /// Whether an instant is past the end.
    #[must_use]
    pub fn is_past(self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= at)
    }

    /// Both ends, where they are known.
    pub fn boundaries(self) -> impl Iterator<Item = Timestamp> {
        self.from.into_iter().chain(self.until)
    }

    /// Whether it ends after it begins.
    #[must_use]
    pub fn is_ordered(self) -> bool {
        !matches!((self.from, self.until), (Some(from), Some(until)) if until <= from)
    }
}

/// Reads `2016-07-14` (midnight in `zone`, UTC where none is named) or an RFC 3339 instant.
///
/// # Errors
/// A sentence that says what is wrong with the text.
pub fn parse_instant(text: &str, zone: Option<&str>) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let date: Date = text.parse().map_err(|_| format!("`{text}` is not a date; write YYYY-MM-DD"))?;
    let zone = match zone {
        None => TimeZone::UTC,
        Some(name) => {
            TimeZone::get(name).map_err(|_| format!("`{name}` is not a time zone of the IANA database"))?
        }
    };
    let zoned = date.to_zoned(zone).map_err(|error| format!("`{text}` is out of range: {error}"))?;
    Ok(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        parse_instant(text, None).unwrap()
    }

    #[test]
    fn an_interval_holds_its_first_instant_and_not_its_last() {
        let interval = Interval { from: Some(day("2016-07-12")), until: Some(day("2020-07-16")) };
        assert!(!interval.holds(day("2016-07-11")));
        assert!(interval.holds(day("2016-07-12")));
        assert!(interval.holds("2020-07-15T23:59:59Z".parse().unwrap()));
        assert!(!interval.holds(day("2020-07-16")));
        assert!(interval.is_past(day("2020-07-16")) && interval.is_future(day("2016-07-11")));
    }

    #[test]
    fn a_zone_moves_midnight() {
        let brussels = parse_instant("2015-10-06", Some("Europe/Brussels")).unwrap();
        assert_eq!(brussels.to_string(), "2015-10-05T22:00:00Z");
        assert!(parse_instant("2015-10-06", Some("Mars/Olympus")).is_err());
        assert!(parse_instant("06/10/2015", None).is_err());
    }
}
