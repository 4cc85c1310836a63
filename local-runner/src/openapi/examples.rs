//! The examples of the description: whatever is sent as text has one, and each is what it is an example of.

use serde_json::{Value, json};

use super::document;

/// Bodies that are no text, which an example in JSON cannot show.
const BINARY: [&str; 4] = ["application/gzip", "application/octet-stream", "audio/wav", "avro/binary"];

/// What a value refers to, or itself where it is no reference.
fn meant<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str();
    target.map_or(value, |target| document.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target} leads nowhere")))
}

/// The examples that a schema or a body has itself: one, a list, or several by their names.
fn examples(value: &Value) -> Vec<&Value> {
    let several = match &value["examples"] {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().map(|example| &example["value"]).collect(),
        _ => Vec::new(),
    };
    value.get("example").into_iter().chain(several).collect()
}

/// Every body that a request or an answer has: where it is described, its type, and what is said of it.
fn bodies(document: &Value) -> Vec<(String, &str, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().iter();
            let answers = answers.map(|(status, response)| (status.as_str(), meant(document, response)));
            let request = operation.get("requestBody").map(|body| ("request", meant(document, body)));
            for (which, described) in answers.chain(request) {
                for (kind, body) in described["content"].as_object().into_iter().flatten() {
                    found.push((format!("{method} {path}, {which}, {kind}"), kind.as_str(), body));
                }
            }
        }
    }
    assert!(found.len() > 400, "only {} bodies", found.len());
    found
}

#[test]
fn every_body_that_is_text_has_an_example() {
    let document = document();
    let bare: Vec<String> = bodies(&document)
        .into_iter()
        .filter(|(_, kind, _)| !BINARY.contains(kind))
        .filter(|(_, _, body)| examples(body).is_empty() && examples(meant(&document, &body["schema"])).is_empty())
        .map(|(place, ..)| place)
        .collect();
    assert!(bare.is_empty(), "without an example: {bare:#?}");
}

#[test]
fn every_example_fits_its_schema() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let of_schemas = schemas.iter().map(|(name, schema)| (name.clone(), schema, examples(schema)));
    let of_bodies = bodies(&document).into_iter().map(|(place, _, body)| (place, &body["schema"], examples(body)));
    let mut mistakes = Vec::new();
    for (place, schema, examples) in of_schemas.chain(of_bodies).filter(|(_, _, examples)| !examples.is_empty()) {
        let whole = json!({"allOf": [schema], "components": {"schemas": schemas}});
        let validator = jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("{place}: {error}"));
        for error in examples.iter().flat_map(|example| validator.iter_errors(example)) {
            mistakes.push(format!("{place}: {}: {error}", error.instance_path()));
        }
    }
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}
