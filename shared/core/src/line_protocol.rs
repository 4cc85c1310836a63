//! The line protocol of InfluxDB: points as text, a line each.
//!
//! Texts of fields are kept as they are, line feeds and all; only NUL becomes U+FFFD, since InfluxDB 1 repeats a line that it refuses in
//! a header of its answer, and no client reads an answer with a NUL there. In the names of measurements, tags and fields and in the values of tags,
//! control characters become spaces, and a backslash is left out at the end and before a comma, an equals sign, a space or a double
//! quote: servers do not agree there on what it hides. What has no value is left out, too; so is a tag or field that is named again. The names `time`,
//! `_field` and `_measurement` belong to the databases and get an underscore behind. Tags stay in the order that is given; servers are
//! a little faster where that is the order of their names.

use std::fmt::Write as _;
use std::ops::Range;

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

/// Names that tags and fields cannot have: databases refuse such points, leave such fields out, or mean something else by them.
const RESERVED: [&str; 3] = ["time", "_field", "_measurement"];

/// Appends a point's line. Nothing is appended, and `false` returned, when no field of it has a value, or the measurement no name: such
/// a point cannot be kept.
pub fn write_point(into: &mut String, point: &Point<'_>) -> bool {
    let start = into.len();
    // A line that begins so would be a comment.
    if !name(into, point.measurement.trim_start_matches('#'), &[',', ' ']) {
        into.truncate(start);
        return false;
    }
    let mut keys = Vec::with_capacity(point.tags.len().max(point.fields.len()));
    for (tag, value) in point.tags {
        let before = into.len();
        if !(key(into, ',', tag, &mut keys) && name(into, value, &SPECIAL)) {
            into.truncate(before);
            // The name is free again.
            keys.retain(|key: &Range<usize>| key.end <= before);
        }
    }
    keys.clear();
    for (field, value) in point.fields {
        if matches!(value, FieldValue::Float(number) if !number.is_finite()) {
            continue;
        }
        let before = into.len();
        if key(into, if keys.is_empty() { ' ' } else { ',' }, field, &mut keys) {
            put_value(into, *value);
        } else {
            into.truncate(before);
        }
    }
    if keys.is_empty() {
        into.truncate(start);
        return false;
    }
    if let Some(nanos) = point.nanos {
        write!(into, " {nanos}").expect("a text takes what is written");
    }
    into.push('\n');
    true
}

/// Where the lines of a text end, behind their line feeds: those within quotes end no line.
pub fn ends(lines: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let (mut at, mut told) = (0, 0);
    std::iter::from_fn(move || {
        let (mut place, mut hidden) = (Place::Key, false);
        while let Some(byte) = lines.get(at) {
            at += 1;
            if std::mem::take(&mut hidden) {
                continue;
            }
            place = match (place, byte) {
                (_, b'\\') => {
                    hidden = true;
                    if matches!(place, Place::Opening) { Place::Fields } else { place }
                }
                (Place::Opening, b'"') => Place::Text,
                (Place::Text, b'"') => Place::Fields,
                (Place::Text, _) => Place::Text,
                (_, b'\n') => {
                    told = at;
                    return Some(at);
                }
                (Place::Key, b' ') => Place::Fields,
                (Place::Key, _) => Place::Key,
                (_, b'=') => Place::Opening,
                _ => Place::Fields,
            };
        }
        // A last line without a line feed is one, too.
        (std::mem::replace(&mut told, lines.len()) < lines.len()).then_some(lines.len())
    })
}

/// Where to cut lines in two: behind the line that ends next to the middle. Nothing, where there are not two.
#[must_use]
pub fn middle(lines: &[u8]) -> Option<usize> {
    let half = lines.len() / 2;
    ends(lines).filter(|end| *end < lines.len()).min_by_key(|end| end.abs_diff(half))
}

/// What part of a line a character is in.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The measurement and its tags.
    Key,
    /// The fields and the time, but for texts.
    Fields,
    /// Just behind the equals sign of a field, where a text may begin.
    Opening,
    /// Between quotes.
    Text,
}

/// What needs a backslash in names and values of tags.
const SPECIAL: [char; 3] = [',', '=', ' '];

/// Appends what joins, a name that nothing has yet, and an equals sign. Otherwise answers `false`; then the text must be cut again.
fn key(into: &mut String, joint: char, text: &str, taken: &mut Vec<Range<usize>>) -> bool {
    into.push(joint);
    let start = into.len();
    if !name(into, text, &SPECIAL) {
        return false;
    }
    if RESERVED.contains(&&into[start..]) {
        into.push('_');
    }
    let key = start..into.len();
    if taken.iter().any(|other| into[other.clone()] == into[key.clone()]) {
        return false;
    }
    taken.push(key);
    into.push('=');
    true
}

/// Whether anything was left to write.
fn name(into: &mut String, text: &str, special: &[char]) -> bool {
    let (start, mut backslashes) = (into.len(), 0);
    for character in text.chars() {
        if character == '\\' {
            backslashes += 1;
            continue;
        }
        let character = if character.is_control() { ' ' } else { character };
        let kept = if character == '"' || SPECIAL.contains(&character) { 0 } else { backslashes };
        into.extend(std::iter::repeat_n('\\', kept));
        backslashes = 0;
        if special.contains(&character) {
            into.push('\\');
        }
        into.push(character);
    }
    into.len() > start
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
                into.push(if character == '\0' { char::REPLACEMENT_CHARACTER } else { character });
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
        assert_eq!(line("m", &[], &[("f", FieldValue::Text("a\0b\r\u{1}"))], None), "m f=\"a\u{fffd}b\r\u{1}\"\n");
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

    #[test]
    fn a_backslash_never_stands_before_what_ends_a_name() {
        for (value, written) in
            [(r"a\ b", r"a\ b"), (r"a\\,b", r"a\,b"), (r"c:\x\=", r"c:\x\="), ("a\\\nb", r"a\ b"), (r"\\srv\", r"\\srv"), (r#"\"a"#, "\"a")]
        {
            assert_eq!(line("m", &[("t", value)], &[("f", FieldValue::Integer(1))], None), format!("m,t={written} f=1i\n"));
        }
        assert_eq!(line("a\\=\\ b", &[], &[("a\tb", FieldValue::Integer(1))], None), "a=\\ b a\\ b=1i\n");
    }

    #[test]
    fn names_are_not_taken_twice_nor_from_the_database() {
        let (one, two, nothing) = (FieldValue::Integer(1), FieldValue::Integer(2), FieldValue::Float(f64::NAN));
        let tags = [("a", ""), ("a", "1"), ("a", "2"), ("time", "3"), ("a b", "4"), ("a\nb", "5"), ("_field", "6")];
        let fields = [("f", nothing), ("f", one), ("f", two), ("time", one), ("_measurement", one), ("a", one)];
        let written = "m,a=1,time_=3,a\\ b=4,_field_=6 f=1i,time_=1i,_measurement_=1i,a=1i\n";
        assert_eq!(line("m", &tags, &fields, None), written);
        assert_eq!(line("#", &tags, &fields, None), "");
        assert_eq!(line("m", &[("\\", "x"), ("t", "\\")], &fields[1..2], None), "m f=1i\n");
    }

    #[test]
    fn lines_are_cut_between_points() {
        let text = "m,t=\"a f=\"x\ny\\\"\n\",g=1 1\nm\\ n \"k=\"\\\\\",i=2i\nm f=t";
        let all: Vec<usize> = ends(text.as_bytes()).collect();
        assert_eq!(all, [text.find("m\\ n").unwrap(), text.len() - 5, text.len()]);
        assert_eq!(middle(text.as_bytes()), Some(all[0]));
        assert_eq!(middle(&text.as_bytes()[..all[0]]), None);
        assert_eq!(middle(b""), None);
        assert_eq!(ends(b"").count(), 0);
        assert_eq!(ends(b"m f=\"open\n").collect::<Vec<_>>(), [10]);
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

    /// Leaves out the backslashes that are left out.
    fn kept(text: &str) -> String {
        let mut text = format!("{text},");
        while let Some(at) = [r"\,", r"\=", r"\ "].iter().find_map(|pair| text.find(pair)) {
            text.remove(at);
        }
        text.pop();
        text
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
            let two = line.repeat(2);
            prop_assert_eq!(ends(two.as_bytes()).collect::<Vec<_>>(), [line.len(), two.len()]);
            let parts = split(line.strip_suffix('\n').unwrap(), ' ');
            prop_assert_eq!(parts.len(), 3);
            let head = split(&parts[0], ',');
            prop_assert_eq!(head[0].replace("\\,", ",").replace("\\ ", " "), kept(&measurement));
            prop_assert_eq!(split(&head[1], '=').iter().map(|part| plain(part)).collect::<Vec<_>>(), vec![kept(&tag), kept(&value)]);
            let members = split(&parts[1], ',');
            prop_assert_eq!(members.len(), 1 + usize::from(number.is_finite()));
            let last = split(members.last().unwrap(), '=');
            prop_assert_eq!(plain(&last[0]), kept(&field));
            prop_assert_eq!(unquoted(&last[1]), text);
            prop_assert_eq!(&parts[2], &nanos.to_string());
            if number.is_finite() {
                prop_assert_eq!(split(&members[0], '=')[1].parse::<f64>().unwrap(), number);
            }
        }
    }
}
