//! URL-encoded forms whose keys say where in an object their values belong: `measurement[fields][clients]=3`.

use std::borrow::Cow;

use headwater_core::limits;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

/// Why a body is no form, and which of its keys is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub(crate) struct BadForm {
    /// The key as far as it can be read, cut if it is long.
    pub(crate) key: String,
    /// What is wrong with it.
    pub(crate) problem: &'static str,
}

/// Most of a key that an answer repeats.
const SHOWN: usize = 200;

/// Reads a form as an object in which all values are texts.
///
/// `a[b][c]=x` is the member `c` of the object `b` of the object `a`. `a[]=x` adds to the list `a`; an object whose members are called
/// `0`, `1` and so on is a list, too, for clients that number what they put into one. The brackets may be percent-encoded. A key
/// without `=` has the empty text.
///
/// # Errors
/// A key that has not this form, stands twice, or is a value in one place and an object in another; what is not UTF-8 in
/// percent-encoding.
pub(crate) fn parse(body: &[u8]) -> Result<Value, BadForm> {
    let mut top = Map::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let bad = |key: &str, problem| BadForm { key: key.chars().take(SHOWN).collect(), problem };
        let key = decoded(&pair[..end]).map_err(|rough| bad(&rough, "is not percent-encoded UTF-8"))?;
        let value =
            decoded(pair.get(end + 1..).unwrap_or_default()).map_err(|_| bad(&key, "has a value that is not percent-encoded UTF-8"))?;
        let parts = parts(&key).map_err(|problem| bad(&key, problem))?;
        put(&mut top, &parts, value).map_err(|problem| bad(&key, problem))?;
    }
    Ok(Value::Object(top.into_iter().map(|(key, value)| (key, with_lists(value))).collect()))
}

/// The text that is meant; where it is not UTF-8, what can be read of it.
fn decoded(raw: &[u8]) -> Result<String, String> {
    let spaced: Cow<'_, [u8]> = match raw.contains(&b'+') {
        true => raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect(),
        false => raw.into(),
    };
    let bytes: Cow<'_, [u8]> = percent_decode(&spaced).into();
    String::from_utf8(bytes.into_owned()).map_err(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned())
}

/// The names in a key, from the outside in: `a[b][]` has `a`, `b` and the empty one.
fn parts(key: &str) -> Result<Vec<&str>, &'static str> {
    let bracket = key.find(['[', ']']).unwrap_or(key.len());
    let (name, mut rest) = key.split_at(bracket);
    if name.is_empty() {
        return Err("is a key without a name");
    }
    let mut parts = vec![name];
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).filter(|(inner, _)| !inner.contains('['));
        let Some((inner, behind)) = inner else { return Err("has brackets that do not match") };
        if inner.is_empty() && !behind.is_empty() {
            return Err("has empty brackets before others; only the last may be empty");
        }
        if parts.len() == limits::NESTING {
            return Err("is nested too deeply");
        }
        parts.push(inner);
        rest = behind;
    }
    Ok(parts)
}

/// Puts a value where its key says.
fn put(object: &mut Map<String, Value>, parts: &[&str], text: String) -> Result<(), &'static str> {
    const BOTH: &str = "is a value in one place and has members in another";
    match parts {
        [] => Ok(()),
        [name] => match object.get(*name) {
            None => {
                object.insert((*name).to_owned(), text.into());
                Ok(())
            }
            Some(Value::String(_)) => Err("is given twice"),
            Some(_) => Err(BOTH),
        },
        [name, ""] => match object.entry(*name).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(list) => {
                list.push(text.into());
                Ok(())
            }
            _ => Err(BOTH),
        },
        [name, rest @ ..] => match object.entry(*name).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => put(inner, rest, text),
            _ => Err(BOTH),
        },
    }
}

/// The value with a list for every object whose members are numbered.
fn with_lists(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_numbered = !members.is_empty() && members.keys().enumerate().all(|(i, key)| *key == i.to_string());
            let inner = members.into_iter().map(|(key, value)| (key, with_lists(value)));
            if is_numbered { Value::Array(inner.map(|(_, value)| value).collect()) } else { Value::Object(inner.collect()) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(body: &str) -> Value {
        parse(body.as_bytes()).unwrap_or_else(|wrong| panic!("{body}: {wrong}"))
    }

    #[test]
    fn brackets_nest_and_all_values_are_texts() {
        let form = "hostname=h1&measurement[fields][clients]=3&measurement%5Bfields%5D%5BhatchRate%5D=0.1&measurement[tags][mode]=a+b%26c";
        let wanted = json!({
            "hostname": "h1",
            "measurement": {"fields": {"clients": "3", "hatchRate": "0.1"}, "tags": {"mode": "a b&c"}},
        });
        assert_eq!(read(form), wanted);
    }

    #[test]
    fn lists_are_made_of_empty_brackets_or_of_numbers() {
        assert_eq!(read("tags[]=a&tags[]=b"), json!({"tags": ["a", "b"]}));
        assert_eq!(read("s[0][name]=%2F&s[0][n]=1&s[1][name]=x"), json!({"s": [{"name": "/", "n": "1"}, {"name": "x"}]}));
        assert_eq!(read("s[1]=x&s[0]=y"), json!({"s": {"1": "x", "0": "y"}}));
        assert_eq!(read("0=x"), json!({"0": "x"}), "the whole is an object whatever it is called");
    }

    #[test]
    fn what_is_between_and_behind_does_not_matter() {
        assert_eq!(read("&&a=1&&b&c==&"), json!({"a": "1", "b": "", "c": "="}));
    }

    #[test]
    fn malformed_keys_are_refused_by_name() {
        let deep = format!("a{}=1", "[b]".repeat(limits::NESTING));
        for (form, key) in [
            ("=x", ""),
            ("[a]=x", "[a]"),
            ("ok=1&a[b=x", "a[b"),
            ("a]b=x", "a]b"),
            ("a[b]c=x", "a[b]c"),
            ("a[b[c]]=x", "a[b[c]]"),
            ("a[][b]=x", "a[][b]"),
            ("a=1&a=2", "a"),
            ("a=1&a[b]=2", "a[b]"),
            ("a[b]=1&a=2", "a"),
            ("a[]=1&a[b]=2", "a[b]"),
            ("a[b]=1&a[]=2", "a[]"),
            ("a=1&a[]=2", "a[]"),
            ("a%5Bb=1", "a[b"),
            ("%FF=1", "\u{FFFD}"),
            ("a=%FF", "a"),
            (&deep, &deep[..deep.len() - 2]),
        ] {
            assert_eq!(parse(form.as_bytes()).map_err(|wrong| wrong.key), Err(key.to_owned()), "{form}");
        }
        assert!(parse("x".repeat(1000).as_bytes()).is_ok());
        let long = format!("{}[", "x".repeat(1000));
        assert_eq!(parse(long.as_bytes()).unwrap_err().key.len(), SHOWN);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(body in proptest::collection::vec(proptest::sample::select(b"ab0=&[]%+\xFF5BD".to_vec()), 0..60)) {
            let _ = parse(&body);
        }

        #[test]
        fn texts_come_back_as_they_were(name in "[^\\[\\]]{1,10}", member in "[^\\[\\]]{1,10}", value in ".{0,20}") {
            prop_assume!(member != "0");
            let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
            let form = format!("{}%5B{}%5D={}", encode(&name), encode(&member), encode(&value));
            prop_assert_eq!(parse(form.as_bytes()), Ok(json!({name: {member: value}})));
        }
    }
}
