//! Rules that a run must not break when it is compared with another: `p95>10%`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::measure::Measure;

/// A rule: the candidate of a comparison fails where it applies.
///
/// `MEASURE [of total|of any] >|< BOUND`, with or without spaces. The bound is `10%` (so much more, or with `<` and `-10%` so much less, than the
/// base), `1pp` (percentage points between two failure ratios), or a number, which the candidate's own value is held against. A rule is for
/// the total and each endpoint (`of any`) unless it says `of total`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rule {
    pub(super) measure: Measure,
    pub(super) scope: Scope,
    pub(super) side: Side,
    pub(super) bound: Bound,
}

/// What a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All endpoints together.
    Total,
    /// All together, and each.
    Any,
}

/// On which side of its bound a rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    Below,
}

/// What is held against what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    /// The difference in percent of the base.
    Percent(f64),
    /// The difference in percentage points.
    Points(f64),
    /// The candidate's own value.
    Value(f64),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// There is no comparison in it.
    #[error("the rule {0:?} has no > and no <; p95>10% would be one")]
    NoSide(String),
    /// What is compared is not known.
    #[error("the rule {rule:?} is about {measure:?}, which is not measured; known are {}", Measure::ALL.map(Measure::name).join(", "))]
    Measure {
        /// The rule.
        rule: String,
        /// What stands where a measure should.
        measure: String,
    },
    /// What it is for is not known.
    #[error("the rule {rule:?} is for {scope:?}; known are total and any")]
    Scope {
        /// The rule.
        rule: String,
        /// What stands behind `of`.
        scope: String,
    },
    /// The bound is no number.
    #[error("the bound {bound:?} of the rule {rule:?} is no number, with % or pp behind it or without")]
    Bound {
        /// The rule.
        rule: String,
        /// What stands where a number should.
        bound: String,
    },
    /// Percentage points are of ratios only.
    #[error("the rule {0:?} has percentage points, which only failureRatio has")]
    Points(String),
    /// No value is below nothing, so the rule could never apply, or always.
    #[error("the rule {0:?} holds a value against a number below zero, which none is; a change in percent has a % behind it")]
    Negative(String),
}

/// The rules of those who give none: 95 of a hundred requests take more than 10 % longer, or 1 percentage point more of them fail.
pub(super) const DEFAULT: [Rule; 2] = [
    Rule { measure: Measure::P95, scope: Scope::Total, side: Side::Above, bound: Bound::Percent(10.0) },
    Rule { measure: Measure::FailureRatio, scope: Scope::Total, side: Side::Above, bound: Bound::Points(1.0) },
];

impl Rule {
    /// Most rules that one comparison is asked to judge.
    pub const MOST: usize = 100;

    /// The measure that it is about.
    #[must_use]
    pub const fn measure(&self) -> Measure {
        self.measure
    }

    /// Whether it needs a base to hold the candidate against.
    pub(super) const fn is_relative(&self) -> bool {
        matches!(self.bound, Bound::Percent(_) | Bound::Points(_))
    }

    /// Whether it applies to these values.
    pub(super) fn applies(&self, base: f64, candidate: f64) -> bool {
        let (value, bound) = match self.bound {
            Bound::Percent(bound) => (percent(base, candidate), bound),
            Bound::Points(bound) => ((candidate - base) * 100.0, bound),
            Bound::Value(bound) => (candidate, bound),
        };
        // What is exactly on the bound does not pass it, whatever the last binary digit says.
        let slack = 1e-9 * bound.abs().max(1.0);
        match self.side {
            Side::Above => value > bound + slack,
            Side::Below => value < bound - slack,
        }
    }
}

/// The change from a base in percent; without end where there was nothing and now is something.
fn percent(base: f64, candidate: f64) -> f64 {
    let difference = candidate - base;
    if difference == 0.0 { 0.0 } else { difference * 100.0 / base }
}

impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let rule = || text.trim().to_owned();
        let at = text.find(['>', '<']).ok_or_else(|| BadRule::NoSide(rule()))?;
        let (subject, bound) = (text[..at].trim(), text[at + 1..].trim());
        let side = if text[at..].starts_with('>') { Side::Above } else { Side::Below };
        let mut words = subject.split_whitespace();
        let name = words.next().unwrap_or_default();
        let measure = Measure::named(name).ok_or_else(|| BadRule::Measure { rule: rule(), measure: name.to_owned() })?;
        let scope = match words.collect::<Vec<_>>().as_slice() {
            [] | ["of", "any"] => Scope::Any,
            ["of", "total"] => Scope::Total,
            [first, rest @ ..] => {
                let scope = if *first == "of" { rest.join(" ") } else { [&[*first], rest].concat().join(" ") };
                return Err(BadRule::Scope { rule: rule(), scope });
            }
        };
        let number = |text: &str| {
            let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| BadRule::Bound { rule: rule(), bound: bound.to_owned() })
        };
        let bound = match (bound.strip_suffix('%'), bound.strip_suffix("pp")) {
            (Some(percent), _) => Bound::Percent(number(percent)?),
            (None, Some(points)) if measure == Measure::FailureRatio => Bound::Points(number(points)?),
            (None, Some(_)) => return Err(BadRule::Points(rule())),
            (None, None) => match number(bound)? {
                below if below < 0.0 => return Err(BadRule::Negative(rule())),
                value => Bound::Value(value),
            },
        };
        Ok(Self { measure, scope, side, bound })
    }
}

impl TryFrom<String> for Rule {
    type Error = BadRule;

    fn try_from(text: String) -> Result<Self, BadRule> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Above => '>',
            Side::Below => '<',
        };
        f.write_str(self.measure.name())?;
        if self.scope == Scope::Total {
            f.write_str(" of total")?;
        }
        match self.bound {
            Bound::Percent(bound) => write!(f, "{side}{bound}%"),
            Bound::Points(bound) => write!(f, "{side}{bound}pp"),
            Bound::Value(bound) => write!(f, "{side}{bound}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_written() {
        for (text, written) in [
            ("p95>10%", "p95>10%"),
            (" p95 of any > 10 % ", "p95>10%"),
            ("failureRatio of total>0.01", "failureRatio of total>0.01"),
            ("failureRatio > 1pp", "failureRatio>1pp"),
            ("requestsPerSecond<-5%", "requestsPerSecond<-5%"),
            ("requests < 1e3", "requests<1000"),
            ("p99>+2.5%", "p99>2.5%"),
        ] {
            let rule: Rule = text.parse().unwrap();
            assert_eq!(rule.to_string(), written);
            assert_eq!(written.parse(), Ok(rule));
        }
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_named() {
        for (text, named) in [
            ("", "no > and no <"),
            ("p95=10%", "no > and no <"),
            ("p96>10%", "\"p96\", which is not measured; known are requests, failures, failureRatio"),
            (">10%", "\"\", which is not measured"),
            ("p95 of GET / > 1", "is for \"GET /\"; known are total and any"),
            ("p95 total > 1", "is for \"total\""),
            ("p95>", "\"\" of the rule \"p95>\" is no number"),
            ("p95>>1", "no number"),
            ("p95>ten%", "\"ten%\""),
            ("p95>nan", "no number"),
            ("p95>inf%", "no number"),
            ("p95>5pp", "only failureRatio has"),
            ("requestsPerSecond<-5", "below zero"),
            ("p95>10ms", "\"10ms\""),
        ] {
            let said = text.parse::<Rule>().unwrap_err().to_string();
            assert!(said.contains(named), "{text}: {said}");
        }
    }

    #[test]
    fn a_bound_is_not_passed_by_what_is_on_it() {
        for (text, base, candidate, wanted) in [
            ("p95>10%", 100.0, 110.0, false),
            ("p95>10%", 100.0, 110.1, true),
            ("p95>10%", 3.0, 3.3, false),
            ("failureRatio>1pp", 0.04, 0.05, false),
            ("failureRatio>1pp", 0.04, 0.0501, true),
            ("failureRatio>0.01", 0.5, 0.01, false),
            ("failureRatio>0.01", 0.0, 0.011, true),
            ("requestsPerSecond<-5%", 100.0, 95.0, false),
            ("requestsPerSecond<-5%", 100.0, 94.0, true),
            ("requestsPerSecond<50", 10.0, 49.0, true),
            // More than nothing is more by any percentage; nothing is as much as nothing.
            ("failures>1000%", 0.0, 1.0, true),
            ("failures>0%", 0.0, 0.0, false),
            ("failures<-1%", 0.0, 1.0, false),
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().applies(base, candidate), wanted, "{text} {base} {candidate}");
        }
    }
}
