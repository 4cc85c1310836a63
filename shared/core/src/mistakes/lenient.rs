//! Reading as forgiving clients expect it: names in letters of either case, and numbers and truth values in texts.

use super::{Node, kind_of, shown};

impl<'a> Node<'a> {
    /// The member of this name, or else of this name in other letters, if it is there and not `null`. Its path has the name as given here.
    #[must_use]
    pub fn in_any_case(&self, member: &str) -> Option<Node<'a>> {
        let members = self.members()?;
        let alike = || members.iter().find(|(name, _)| name.eq_ignore_ascii_case(member)).map(|(_, value)| value);
        let value = members.get(member).or_else(alike).filter(|value| !value.is_null())?;
        Some(Node { value, path: self.at(member), findings: self.findings })
    }

    /// Notes that a member of this value is missing; answers `None`, so that a reader can return it.
    pub fn lacks<T>(&self, member: &str) -> Option<T> {
        self.findings.note(self.at(member), "is required");
        None
    }

    /// The members of this value, which must be an object, in order.
    pub fn entries(&self) -> Option<Vec<(&'a str, Node<'a>)>> {
        self.expect_object()?;
        let node = |(name, value): (&'a String, &'a serde_json::Value)| {
            (name.as_str(), Node { value, path: self.at(name), findings: self.findings })
        };
        Some(self.members()?.iter().map(node).collect())
    }

    /// This value as a truth value: one, or a text that says one.
    pub fn truth(&self) -> Option<bool> {
        match self.value.as_str() {
            Some(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Some(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            Some(text) => self.wrong(format!("must be true or false, not {text:?}")),
            None => self.value.as_bool().or_else(|| self.wrong(format!("must be true or false, not {}", kind_of(self.value)))),
        }
    }

    /// This value as an integer within bounds, both inclusive: one, or a text that says one.
    pub fn whole_within(&self, least: i64, most: i64) -> Option<i64> {
        let integer = match self.value.as_str() {
            Some(text) => text.trim().parse().ok().or_else(|| self.wrong(format!("must be an integer, not {text:?}")))?,
            None => self.integer()?,
        };
        if (least..=most).contains(&integer) {
            return Some(integer);
        }
        self.wrong(format!("must be from {least} to {most}, not {}", shown(&integer.into())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Findings, Node};

    #[test]
    fn a_name_is_matched_exactly_and_then_in_any_case() {
        let document = json!({"count": 1, "Count": 2, "ENABLED": true, "name": null});
        let findings = Findings::default();
        let top = Node::top(&document, "", &findings);
        assert_eq!(top.in_any_case("Count").unwrap().value(), 2);
        assert_eq!(top.in_any_case("COUNT").unwrap().value(), 1);
        let enabled = top.in_any_case("Enabled").unwrap();
        assert_eq!((enabled.path(), enabled.truth()), ("Enabled", Some(true)));
        assert!(top.in_any_case("Name").is_none() && top.in_any_case("other").is_none());
    }

    #[test]
    fn texts_that_say_a_number_or_a_truth_value_convert_and_others_are_noted() {
        let document = json!({"a": "3", "b": " False ", "c": "maybe", "d": "1.5", "e": 1.5, "f": [], "g": 11, "h": "-4"});
        let findings = Findings::default();
        let top = Node::top(&document, "", &findings);
        let get = |name| top.in_any_case(name).unwrap();
        assert_eq!((get("a").whole_within(0, 9), get("b").truth(), get("h").whole_within(-9, 9)), (Some(3), Some(false), Some(-4)));
        for name in ["c", "f"] {
            assert_eq!(get(name).truth(), None, "{name}");
        }
        for name in ["d", "e", "f", "g"] {
            assert_eq!(get(name).whole_within(0, 9), None, "{name}");
        }
        let said = findings.conclude(Some(())).unwrap_err().to_string();
        assert!(said.contains("c: must be true or false, not \"maybe\"") && said.contains("g: must be from 0 to 9, not 11"), "{said}");
    }
}
