//! Message templates: text with `${key}` for values of the state.

use std::sync::Arc;

use super::device::Device;
use super::plan::Layout;
use crate::simulations::StateValue;

/// A template, taken apart once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// Text as it is.
    Text(Box<str>),
    /// The value at this place of the state.
    Place(usize),
    /// The value of a key that only some devices have. Where there is none, the place holder stays.
    Key(Arc<str>),
}

impl Template {
    /// Takes a template apart. What follows `${` up to the next `}` is a key, whatever it is.
    pub(super) fn parse(text: &str, layout: &Layout) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let Some(length) = rest[at + 2..].find('}') else { break };
            // The innermost opening counts: in `${a${b}` the key is `b`.
            let key_at = rest[at + 2..at + 2 + length].rfind("${").map_or(at + 2, |inner| at + 4 + inner);
            let (key, end) = (&rest[key_at..at + 2 + length], at + 3 + length);
            plain.push_str(&rest[..key_at - 2]);
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
            }
            pieces.push(layout.place(key).map_or_else(|| Piece::Key(key.into()), Piece::Place));
            rest = &rest[end..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into()));
        }
        Self(pieces)
    }

    /// The text for a device.
    pub(super) fn render(&self, device: &Device, output: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => output.extend_from_slice(text.as_bytes()),
                Piece::Place(place) => write(&device.state[*place], output),
                Piece::Key(key) => match device.another(key) {
                    Some(value) => write(value, output),
                    None => {
                        output.extend_from_slice(b"${");
                        output.extend_from_slice(key.as_bytes());
                        output.push(b'}');
                    }
                },
            }
        }
    }
}

/// A value as text: texts as they are, all else as JSON. A whole number has no fraction; one that JSON cannot say is `null`.
fn write(value: &StateValue, output: &mut Vec<u8>) {
    match value {
        StateValue::Null => output.extend_from_slice(b"null"),
        StateValue::Bool(true) => output.extend_from_slice(b"true"),
        StateValue::Bool(false) => output.extend_from_slice(b"false"),
        StateValue::Integer(whole) => output.extend_from_slice(itoa::Buffer::new().format(*whole).as_bytes()),
        StateValue::Number(number) if number.is_finite() => {
            let mut buffer = zmij::Buffer::new();
            let text = buffer.format_finite(*number);
            output.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        }
        StateValue::Number(_) => output.extend_from_slice(b"null"),
        StateValue::Text(text) => output.extend_from_slice(text.as_bytes()),
        StateValue::Json(json) => output.extend_from_slice(json.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, state: &[(&str, StateValue)], more: &[(&str, StateValue)]) -> String {
        let layout = Layout::of(state.iter().map(|(key, _)| *key));
        let mut device = Device::new(0, 0, state.iter().map(|(_, value)| value.clone()).collect());
        for (key, value) in more {
            device.set(&layout, key, value.clone());
        }
        let mut output = Vec::new();
        Template::parse(template, &layout).render(&device, &mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn every_place_holder_is_replaced_and_one_without_a_value_stays() {
        let state = [("n", StateValue::Number(3.5)), ("label", StateValue::Text("Cold \"store\"".into()))];
        assert_eq!(rendered(r#"{"n":${n},"m":${n},"t":"${label}"}"#, &state, &[]), r#"{"n":3.5,"m":3.5,"t":"Cold "store""}"#);
        assert_eq!(rendered("${missing} ${N} ${ n}", &state, &[]), "${missing} ${N} ${ n}");
        assert_eq!(rendered("${late}", &state, &[("late", StateValue::Bool(true))]), "true");
        assert_eq!(rendered("$ {n} ${ ${n", &state, &[]), "$ {n} ${ ${n");
        assert_eq!(rendered("${a${n}b}", &state, &[]), "${a3.5b}");
        assert_eq!(rendered("", &state, &[]), "");
    }

    #[test]
    fn values_are_not_expanded_again() {
        let state = [("a", StateValue::Text("${b}".into())), ("b", StateValue::Text("no".into()))];
        assert_eq!(rendered("${a}", &state, &[]), "${b}");
    }

    #[test]
    fn values_are_written_as_json_writes_them_but_texts_without_quotes() {
        for (value, text) in [
            (StateValue::Number(75.0), "75"),
            (StateValue::Number(-0.5), "-0.5"),
            (StateValue::Number(0.1 + 0.2), "0.30000000000000004"),
            (StateValue::Number(f64::NAN), "null"),
            (StateValue::Number(f64::INFINITY), "null"),
            (StateValue::Integer(i64::MIN), "-9223372036854775808"),
            (StateValue::Bool(false), "false"),
            (StateValue::Null, "null"),
            (StateValue::Json("[1,{}]".into()), "[1,{}]"),
        ] {
            assert_eq!(rendered("${v}", &[("v", value)], &[]), text);
        }
        let large = rendered("${v}", &[("v", StateValue::Number(1e300))], &[]);
        assert_eq!(serde_json::from_str::<f64>(&large).unwrap(), 1e300);
    }
}
