//! Messages in Protocol Buffers: the JSON that a template gives, encoded by the fields of its schema.
//!
//! A field's number is its place in the schema, from 1. The rules are those of proto3: fields that have their default value are left
//! out. See <https://protobuf.dev/programming-guides/encoding/>.

use serde_json::{Map, Value};

use crate::simulations::model::{FieldType, MessageSchema};

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;

/// Encodes a JSON object. Members that the schema does not have are left out.
pub(super) fn encode(schema: &MessageSchema, json: &[u8]) -> Result<Vec<u8>, String> {
    let members: Map<String, Value> = serde_json::from_slice(json).map_err(|error| format!("the message is no JSON object: {error}"))?;
    let mut output = Vec::with_capacity(json.len());
    for (number, (name, kind)) in (1u64..).zip(&schema.fields) {
        let Some(value) = members.get(name).filter(|value| !value.is_null()) else { continue };
        let misfit = || format!("the member {name} does not fit its field");
        match kind {
            FieldType::Double => {
                let double = value.as_f64().ok_or_else(misfit)?;
                if double != 0.0 || double.is_sign_negative() {
                    varint(number << 3 | FIXED64, &mut output);
                    output.extend_from_slice(&double.to_le_bytes());
                }
            }
            FieldType::Integer => {
                let whole = value.as_i64().or_else(|| whole(value.as_f64()?)).ok_or_else(misfit)?;
                number_field(number, whole.cast_unsigned(), &mut output);
            }
            FieldType::Boolean => number_field(number, u64::from(value.as_bool().ok_or_else(misfit)?), &mut output),
            FieldType::Text | FieldType::DateTime | FieldType::Binary => {
                text(number, value.as_str().ok_or_else(misfit)?, &mut output);
            }
            FieldType::Object => text(number, &value.to_string(), &mut output),
        }
    }
    Ok(output)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn whole(double: f64) -> Option<i64> {
    (double.fract() == 0.0 && double.abs() < 9e15).then_some(double as i64)
}

fn number_field(number: u64, value: u64, output: &mut Vec<u8>) {
    if value != 0 {
        varint(number << 3 | VARINT, output);
        varint(value, output);
    }
}

fn text(number: u64, text: &str, output: &mut Vec<u8>) {
    if !text.is_empty() {
        varint(number << 3 | LENGTH, output);
        varint(text.len() as u64, output);
        output.extend_from_slice(text.as_bytes());
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn varint(mut value: u64, output: &mut Vec<u8>) {
    while value >= 0x80 {
        output.push(value as u8 | 0x80);
        value >>= 7;
    }
    output.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: &[(&str, FieldType)]) -> MessageSchema {
        let fields = fields.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        MessageSchema { name: "Truck;v1".to_owned(), fields, ..MessageSchema::default() }
    }

    #[test]
    fn fields_are_numbered_by_their_place_and_encoded_by_their_type() {
        let fields = [
            ("latitude", FieldType::Double),
            ("unit", FieldType::Text),
            ("floor", FieldType::Integer),
            ("on", FieldType::Boolean),
            ("more", FieldType::Object),
        ];
        let encoded = encode(&schema(&fields), br#"{"unit":"mph","other":1,"latitude":47.5,"floor":-1,"on":true,"more":[1]}"#).unwrap();
        let mut expected = vec![0x09];
        expected.extend_from_slice(&47.5f64.to_le_bytes());
        expected.extend_from_slice(b"\x12\x03mph\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\x01\x2a\x03[1]");
        assert_eq!(encoded, expected);
    }

    #[test]
    fn defaults_are_left_out_and_misfits_refused() {
        let fields = schema(&[("a", FieldType::Double), ("b", FieldType::Text), ("c", FieldType::Boolean), ("d", FieldType::Integer)]);
        assert_eq!(encode(&fields, br#"{"a":0,"b":"","c":false,"d":0.0}"#).unwrap(), b"");
        assert_eq!(encode(&fields, br#"{"a":null}"#).unwrap(), b"");
        for bad in [r#"{"a":"x"}"#, r#"{"b":1}"#, r#"{"c":1}"#, r#"{"d":0.5}"#, "[]", "${a}"] {
            assert!(encode(&fields, bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
