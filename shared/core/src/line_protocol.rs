//! The line protocol of InfluxDB: points as text, a line each.
//!
//! A name or a tag may hold anything but line feeds, which become spaces, and a backslash at its end, which is left out: there it would
//! hide the character that ends the name. What has no value is left out, too.

use std::fmt::Write as _;

/// The value of a field. A field of a measurement keeps the type that was written first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// A number.
    Float(f64),
    /// A whole number.
    Integer(i64),
    /// A truth value.
    Boolean(bool),
    /// A text.
    Text(&'a str),
}

/// A point: what was measured, about what, when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point<'a> {
    /// What was measured; not empty.
    pub measurement: &'a str,
    /// What it is about. Points of one time whose tags are the same are one point.
    pub tags: &'a [(&'a str, &'a str)],
    /// What the values are.
    pub fields: &'a [(&'a str, FieldValue<'a>)],
    /// When, in nanoseconds since 1970; the server's time when there is none.
    pub nanos: Option<i64>,
}

/// Appends a point's line. Nothing is appended, and `false` returned, when no field of it has a value: such a point cannot be kept.
pub fn write_point(into: &mut String, point: &Point<'_>) -> bool {
    let start = into.len();
    // A line that begins so would be a comment.
    name(into, point.measurement.trim_start_matches('#'), &[',', ' ']);
    for (tag, value) in point.tags {
        let before = into.len();
        into.push(',');
        let named = name(into, tag, &[',', '=', ' ']);
        into.push('=');
        if !(name(into, value, &[',', '=', ' ']) && named) {
            into.truncate(before);
        }
    }
    let mut joint = ' ';
    for (field, value) in point.fields {
        if matches!(value, FieldValue::Float(number) if !number.is_finite()) {
            continue;
        }
        let before = into.len();
        into.push(joint);
        if !name(into, field, &[',', '=', ' ']) {
            into.truncate(before);
            continue;
        }
        into.push('=');
        put_value(into, *value);
        joint = ',';
    }
    if joint == ' ' {
        into.truncate(start);
        return false;
    }
    if let Some(nanos) = point.nanos {
        write!(into, " {nanos}").expect("a text takes what is written");
    }
    into.push('\n');
    true
}

/// Whether anything was left to write.
fn name(into: &mut String, text: &str, special: &[char]) -> bool {
    let text = text.trim_end_matches('\\');
    for character in text.chars() {
        let character = if matches!(character, '\n' | '\r') { ' ' } else { character };
        if special.contains(&character) {
            into.push('\\');
        }
        into.push(character);
    }
    !text.is_empty()
}

fn put_value(into: &mut String, value: FieldValue<'_>) {
    match value {
        FieldValue::Float(number) => into.push_str(zmij::Buffer::new().format_finite(number)),
        FieldValue::Integer(number) => write!(into, "{number}i").expect("a text takes what is written"),
        FieldValue::Boolean(truth) => into.push_str(if truth { "true" } else { "false" }),
        FieldValue::Text(text) => {
            into.push('"');
            for character in text.chars() {
                if matches!(character, '"' | '\\') {
                    into.push('\\');
                }
                into.push(character);
            }
            into.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(measurement: &str, tags: &[(&str, &str)], fields: &[(&str, FieldValue<'_>)], nanos: Option<i64>) -> String {
        let mut text = String::new();
        assert_eq!(write_point(&mut text, &Point { measurement, tags, fields, nanos }), !text.is_empty());
        text
    }

    #[test]
    fn a_point_is_a_line() {
        let fields =
            [("f", FieldValue::Float(1.5)), ("i", FieldValue::Integer(-7)), ("b", FieldValue::Boolean(true)), ("t", FieldValue::Text("x"))];
        assert_eq!(line("m", &[("a", "1"), ("b", "2")], &fields, Some(-5)), "m,a=1,b=2 f=1.5,i=-7i,b=true,t=\"x\" -5\n");
        assert_eq!(line("m", &[], &[("f", FieldValue::Float(1e300))], None), "m f=1e+300\n");
    }

    #[test]
    fn what_would_end_a_name_is_escaped() {
        let text = FieldValue::Text("say \"a\\b\"\nc, d=e");
        assert_eq!(
            line("my m,=", &[("a b", "c,d=e f"), ("back\\", "s\\lash\\")], &[("g=h i", text)], None),
            "my\\ m\\,=,a\\ b=c\\,d\\=e\\ f,back=s\\lash g\\=h\\ i=\"say \\\"a\\\\b\\\"\nc, d=e\"\n"
        );
        assert_eq!(line("#m", &[("t", "a\nb\r")], &[("f", FieldValue::Boolean(false))], None), "m,t=a\\ b\\  f=false\n");
    }

    #[test]
    fn what_has_no_value_is_left_out() {
        let nothing = FieldValue::Float(f64::NAN);
        assert_eq!(line("m", &[("", "x"), ("y", ""), ("z", "1")], &[("n", nothing), ("f", FieldValue::Integer(0))], None), "m,z=1 f=0i\n");
        assert_eq!(line("m", &[], &[("n", nothing), ("", FieldValue::Integer(0))], Some(1)), "");
    }

    /// Splits at a character that no backslash stands before, as servers do, outside of quotes.
    fn split(text: &str, at: char) -> Vec<String> {
        let (mut parts, mut escaped, mut quoted) = (vec![String::new()], false, false);
        for character in text.chars() {
            if character == at && !escaped && !quoted {
                parts.push(String::new());
            } else {
                parts.last_mut().unwrap().push(character);
            }
            quoted ^= character == '"' && !escaped;
            escaped = character == '\\' && !(quoted && escaped);
        }
        parts
    }

    /// Takes the backslash from before the characters that need one.
    fn plain(text: &str) -> String {
        text.replace("\\,", ",").replace("\\=", "=").replace("\\ ", " ")
    }

    /// The text between quotes.
    fn unquoted(value: &str) -> String {
        let (mut text, mut escaped) = (String::new(), false);
        for character in value.strip_prefix('"').unwrap().strip_suffix('"').unwrap().chars() {
            escaped = character == '\\' && !escaped;
            if !escaped {
                text.push(character);
            }
        }
        text
    }

    proptest! {
        #[test]
        fn a_reader_finds_what_was_written(
            measurement in r#"[a-z ,=\\é"]{0,8}[a-z]"#, tag in r#"[a-z ,=\\]{0,6}[a-z]"#, value in r#"[a-zé ,=\\]{0,8}[a-z]"#,
            field in r#"[a-z ,=\\]{0,6}[a-z]"#, text in r#"[a-z ,=\\"\n]{0,12}"#, number in any::<f64>(), nanos in any::<i64>(),
        ) {
            // Quotes mean nothing in a name, but would confuse the reader of this test.
            let measurement = measurement.replace('"', "'");
            let fields = [("number", FieldValue::Float(number)), (field.as_str(), FieldValue::Text(&text))];
            let line = line(&measurement, &[(&tag, &value)], &fields, Some(nanos));
            let parts = split(line.strip_suffix('\n').unwrap(), ' ');
            prop_assert_eq!(parts.len(), 3);
            let head = split(&parts[0], ',');
            prop_assert_eq!(head[0].replace("\\,", ",").replace("\\ ", " "), measurement);
            prop_assert_eq!(split(&head[1], '=').iter().map(|part| plain(part)).collect::<Vec<_>>(), vec![tag, value]);
            let members = split(&parts[1], ',');
            prop_assert_eq!(members.len(), 1 + usize::from(number.is_finite()));
            let last = split(members.last().unwrap(), '=');
            prop_assert_eq!(plain(&last[0]), field);
            prop_assert_eq!(unquoted(&last[1]), text);
            prop_assert_eq!(&parts[2], &nanos.to_string());
            if number.is_finite() {
                prop_assert_eq!(split(&members[0], '=')[1].parse::<f64>().unwrap(), number);
            }
        }
    }
}
