//! The JSON Schemas beside validation: they describe the stock and the examples of the guides, and whatever they refuse, validation refuses.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use headwater_core::datagen::{JobRequest, Plan, SCHEMA, source_of};
use headwater_core::simulations::{DeviceModel, MODEL_SCHEMA};
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).expect("a schema is one")
}

static SPECIFICATION: LazyLock<Validator> = LazyLock::new(|| validator(&schema(SCHEMA)));
static MODEL: LazyLock<Validator> = LazyLock::new(|| validator(&schema(MODEL_SCHEMA)));
static REQUEST: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema = schema(SCHEMA);
    schema["$ref"] = json!("#/$defs/StartRequest");
    validator(&schema)
});

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All JSON files below a folder of the repository.
fn documents(folder: &str) -> Vec<(String, Value)> {
    let (mut folders, mut found) = (vec![repository().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let document = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                found.push((path.file_name().unwrap().to_str().unwrap().to_owned(), document));
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(!found.is_empty(), "{folder}");
    found
}

fn compiles(specification: &Value) -> bool {
    let source = source_of(specification).and_then(|name| std::fs::read(repository().join("specs").join(name.as_str())).ok());
    Plan::compile(specification, 1, source.as_deref()).is_ok()
}

#[track_caller]
fn accepts(validator: &Validator, name: &str, document: &Value) {
    let mistakes: Vec<String> = validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(mistakes.is_empty(), "{name}: {mistakes:?}");
}

#[test]
fn the_stock_is_as_the_schemas_say() {
    for (name, specification) in documents("specs") {
        accepts(&SPECIFICATION, &name, &specification);
        assert!(compiles(&specification), "{name}");
    }
    for (name, model) in documents("devicemodels") {
        accepts(&MODEL, &name, &model);
    }
}

/// Pieces of JSON in a guide: blocks of JSON and bodies of requests.
fn examples(guide: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(repository().join(guide)).unwrap();
    let mut found = Vec::new();
    let blocks = text.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').map_or("", |(_, block)| block));
    for block in blocks {
        let bodies = block.split('\'').skip(1).step_by(2);
        found.extend(std::iter::once(block).chain(bodies).filter_map(|text| serde_json::from_str::<Value>(text).ok()));
    }
    found
}

#[test]
fn the_examples_of_the_guides_are_as_the_schemas_say() {
    let (mut specifications, mut requests, mut models) = (0, 0, 0);
    for guide in ["README.md", "docs/datagen.md", "docs/simulations.md", "docs/streams.md", "docs/tables.md", "docs/deploy.md"] {
        for example in examples(guide) {
            if example.get("states").is_some() {
                accepts(&SPECIFICATION, guide, &example);
                specifications += 1;
            } else if example.get("target").is_some()
                && example.get("status").is_none()
                && (example.get("config").is_some() || example.get("config_file").is_some())
            {
                accepts(&REQUEST, guide, &example);
                assert!(JobRequest::parse(&example).is_ok(), "{guide}: {example}");
                requests += 1;
            } else if example.get("Telemetry").is_some() && example.get("Simulation").is_some() {
                accepts(&MODEL, guide, &example);
                models += 1;
            }
        }
    }
    assert!(specifications > 0 && requests > 1 && models > 0, "{specifications} {requests} {models}");
}

#[test]
fn the_examples_in_the_schemas_are_as_they_say() {
    for (text, parent) in [(SCHEMA, &schema(SCHEMA)), (MODEL_SCHEMA, &schema(MODEL_SCHEMA))] {
        for (name, definition) in schema(text)["$defs"].as_object().unwrap() {
            let mut alone = parent.clone();
            alone["$ref"] = json!(format!("#/$defs/{name}"));
            let alone = validator(&alone);
            for example in definition.get("examples").and_then(Value::as_array).into_iter().flatten() {
                accepts(&alone, name, example);
            }
            assert!(definition["title"].is_string() && definition["description"].is_string(), "{name}");
            assert!(name.starts_with(|first: char| first.is_ascii_uppercase()) && name.chars().all(char::is_alphanumeric), "{name}");
            for (member, described) in definition.get("properties").and_then(Value::as_object).into_iter().flatten() {
                assert!(described["description"].is_string(), "{name}.{member} is not described");
            }
        }
    }
    let (one, other) = (schema(SCHEMA), schema(MODEL_SCHEMA));
    let both = one["$defs"].as_object().unwrap().keys().filter(|name| other["$defs"].get(name).is_some()).collect::<Vec<_>>();
    assert!(both.is_empty(), "defined twice: {both:?}");
}

fn small() -> Value {
    schema(SCHEMA)["$defs"]["Specification"]["examples"][0].clone()
}

/// A document with a value put at a JSON pointer; `Null` at one whose last part begins with `-` removes that member.
fn changed(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"));
    match (parent, member.strip_prefix('-')) {
        (Value::Object(parent), Some(member)) => drop(parent.shift_remove(member).unwrap_or_else(|| panic!("{pointer}"))),
        (Value::Object(parent), None) => drop(parent.insert(member.to_owned(), value)),
        (Value::Array(parent), _) => parent[member.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
    document
}

#[test]
fn mistakes_in_specifications_are_refused_by_both() {
    accepts(&SPECIFICATION, "small", &small());
    assert!(compiles(&small()));
    let dimension = "/emitters/0/dimensions/0";
    for (pointer, value) in [
        ("/-states", Value::Null),
        ("/-emitters", Value::Null),
        ("/-interarrival", Value::Null),
        ("/states", json!([])),
        ("/states", json!({})),
        ("/type", json!("machine")),
        ("/interarrival", json!(5)),
        ("/interarrival/type", json!("gamma")),
        ("/interarrival/mean", json!(-1)),
        ("/interarrival/mean", json!("20")),
        ("/states/0/name", json!("Stop")),
        ("/states/0/-emitter", Value::Null),
        ("/states/0/delay", json!({"type": "uniform", "min": 1})),
        ("/states/0/transitions", json!([])),
        ("/states/0/transitions/0/probability", json!(-0.5)),
        ("/states/0/transitions/0/next", json!(1)),
        ("/states/0/variables", json!([{"type": "counter"}])),
        ("/emitters/0/dimensions/0/name", json!("time")),
        (dimension, json!({"type": "number", "name": "x"})),
        (dimension, json!({"type": "int", "name": "x"})),
        (dimension, json!({"type": "enum", "name": "x", "values": [], "cardinality_distribution": {"type": "constant", "value": 0}})),
        (dimension, json!({"type": "enum", "name": "x", "values": ["a"]})),
        (dimension, json!({"type": "string", "name": "x", "length_distribution": {"type": "constant", "value": 3}, "chars": ""})),
        (dimension, json!({"type": "string", "name": "x", "length_distribution": {"type": "uniform", "min": 1, "max": 1e6}})),
        (dimension, json!({"type": "float", "name": "x", "distribution": {"type": "constant", "value": 3}, "precision": 31})),
        (dimension, json!({"type": "timestamp", "name": "x", "distribution": {"type": "exponential", "mean": 3}})),
        (dimension, json!({"type": "ipaddress", "name": "x", "distribution": {"type": "uniform", "min": -1, "max": 3}})),
        (dimension, json!({"type": "int", "name": "x", "distribution": {"type": "uniform", "min": 0, "max": 9}, "cardinality": 3})),
        (dimension, json!({"type": "int", "name": "x", "distribution": {"type": "uniform", "min": 0, "max": 9}, "percent_nulls": 101})),
        (dimension, json!({"type": "variable", "name": "x"})),
        (dimension, json!({"type": "object", "name": "x", "dimensions": [{"type": "counter"}]})),
        (
            dimension,
            json!({"type": "list", "name": "x", "elements": [], "length_distribution": {"type": "constant", "value": 3},
            "selection_distribution": {"type": "constant", "value": 3}}),
        ),
    ] {
        let wrong = changed(small(), pointer, value.clone());
        assert!(!compiles(&wrong), "validation takes {pointer} = {value}");
        assert!(!SPECIFICATION.is_valid(&wrong), "the schema takes {pointer} = {value}");
    }
}

#[test]
fn what_validation_takes_in_other_letters_the_schemas_take_too() {
    for (pointer, value) in [
        ("/$schema", json!("http://127.0.0.1:9999/schemas/datagen-specification.json")),
        ("/type", json!("Generator")),
        ("/type", Value::Null),
        ("/target", json!({"anything": true})),
        ("/interarrival", json!({"type": "EXPONENTIAL", "mean": 1, "min": "of no account"})),
        ("/states/0/variables", Value::Null),
        ("/states/0/transitions/0/next", json!("STOP")),
        ("/emitters/0/dimensions/0", json!({"type": "Counter", "name": "", "cardinality": "of no account", "start": null})),
    ] {
        let right = changed(small(), pointer, value);
        assert!(compiles(&right), "{pointer}");
        accepts(&SPECIFICATION, pointer, &right);
    }
    let model = schema(MODEL_SCHEMA)["$defs"]["DeviceModel"]["examples"][0].clone();
    let lower = |value: &Value| serde_json::from_str::<Value>(&value.to_string().to_lowercase()).unwrap();
    for model in [lower(&model), changed(model.clone(), "/$schema", json!("x")), changed(model.clone(), "/Type", json!("CUSTOM")), model] {
        assert!(DeviceModel::parse(&model, "").is_ok(), "{model}");
        accepts(&MODEL, "a model", &model);
    }
}

#[test]
fn mistakes_in_requests_and_models_are_refused_by_both() {
    let request = json!({"name": "a", "target": {"type": "kafka", "endpoint": "h", "topic": "t"}, "config": small(), "time": "90s"});
    accepts(&REQUEST, "a request", &request);
    assert!(JobRequest::parse(&request).is_ok());
    for (pointer, value) in [
        ("/-name", Value::Null),
        ("/name", json!("")),
        ("/-target", Value::Null),
        ("/target/type", json!("kafak")),
        ("/target/-topic", Value::Null),
        ("/target/topic", json!("a b")),
        ("/target", json!({"type": "http", "url": "ftp://h"})),
        ("/target", json!({"type": "stream", "stream": "a/b"})),
        ("/-config", Value::Null),
        ("/config", json!("a.json")),
        ("/config_file", json!("a.txt")),
        ("/concurrency", json!(0)),
        ("/total_events", json!(1.5)),
        ("/time", json!("90")),
        ("/time_type", json!(5)),
        ("/seed", json!("7")),
    ] {
        let wrong = changed(request.clone(), pointer, value.clone());
        assert!(JobRequest::parse(&wrong).is_err(), "validation takes {pointer} = {value}");
        assert!(!REQUEST.is_valid(&wrong), "the schema takes {pointer} = {value}");
    }
    let model = schema(MODEL_SCHEMA)["$defs"]["DeviceModel"]["examples"][0].clone();
    for (pointer, value) in [
        ("/-Protocol", Value::Null),
        ("/Protocol", json!("CoAP")),
        ("/Type", json!("Stock")),
        ("/-Telemetry", Value::Null),
        ("/Telemetry", json!([])),
        ("/Telemetry/0/Interval", json!("10")),
        ("/Telemetry/0/Interval", json!("00:00:00")),
        ("/Telemetry/0/Interval", json!("-00:00:10")),
        ("/Telemetry/0/Interval", json!("24:00:00")),
        ("/Telemetry/0/Interval", json!("00:60:00")),
        ("/Telemetry/0/MessageTemplate", json!("")),
        ("/Telemetry/0/MessageSchema/Fields", json!({})),
        ("/Telemetry/0/MessageSchema/Fields/temperature", json!("Number")),
        ("/Telemetry/0/MessageSchema/Format", json!("XML")),
        ("/Simulation/-Interval", Value::Null),
        ("/Simulation/Scripts", json!([])),
        ("/Simulation/Scripts/0/-Path", Value::Null),
        ("/Simulation/Scripts/0/Params", json!("x")),
        ("/Simulation/InitialState", json!([])),
        ("/CloudToDeviceMethods", json!({"Reboot": "x.js"})),
    ] {
        let wrong = changed(model.clone(), pointer, value.clone());
        assert!(DeviceModel::parse(&wrong, "").is_err(), "validation takes {pointer} = {value}");
        assert!(!MODEL.is_valid(&wrong), "the schema takes {pointer} = {value}");
    }
}

/// All places in a document.
fn places(value: &Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(elements) => elements.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        at.push(name);
        found.push(at.clone());
        places(child, at, found);
        at.pop();
    }
}

/// What is done to a place.
#[derive(Debug, Clone)]
enum Change {
    Remove,
    Put(Value),
    /// The letters of a text, or of a member's name, turned.
    Turn,
    Rename,
}

fn change() -> impl Strategy<Value = Change> {
    let values = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(1e9),
        json!(1e19),
        json!(""),
        json!("x"),
        json!("stop"),
        json!("time"),
        json!("00:00:10"),
        json!("constant"),
        json!("counter"),
        json!("javascript"),
        json!([]),
        json!([1]),
        json!({}),
        json!({"type": "uniform"}),
    ];
    let put = prop::sample::select(values.to_vec()).prop_map(Change::Put);
    prop_oneof![2 => Just(Change::Remove), 5 => put, 1 => Just(Change::Turn), 1 => Just(Change::Rename)]
}

fn mutate(document: &mut Value, place: &Index, change: &Change) {
    let mut all = Vec::new();
    places(document, &mut Vec::new(), &mut all);
    if all.is_empty() {
        return;
    }
    let path = place.get(&all);
    let (member, above) = path.split_last().unwrap();
    let parent = above.iter().fold(document, |value, name| match value {
        Value::Array(elements) => &mut elements[name.parse::<usize>().unwrap()],
        other => &mut other[name.as_str()],
    });
    let turned = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect()
    };
    match parent {
        Value::Array(elements) => {
            let at: usize = member.parse().unwrap();
            match change {
                Change::Remove | Change::Rename => drop(elements.remove(at)),
                Change::Put(value) => elements[at] = value.clone(),
                Change::Turn => elements.reverse(),
            }
        }
        Value::Object(members) => match (change, members.get(member).cloned()) {
            (Change::Remove, _) => drop(members.shift_remove(member)),
            (Change::Put(value), _) => drop(members.insert(member.clone(), value.clone())),
            (Change::Turn, Some(Value::String(text))) => drop(members.insert(member.clone(), turned(&text).into())),
            (Change::Turn | Change::Rename, Some(value)) => {
                members.shift_remove(member);
                members.insert(if matches!(change, Change::Turn) { turned(member) } else { format!("{member}x") }, value);
            }
            (_, None) => {}
        },
        _ => {}
    }
}

/// Runs `cases` mutations of documents; answers how many validation refused, and how many of those the schema refused, too.
fn held_against(documents: &[(String, Value)], schema: &Validator, takes: impl Fn(&Value) -> bool, cases: u32) -> (usize, usize) {
    let strategy = (any::<Index>(), prop::collection::vec((any::<Index>(), change()), 1..3));
    let counts = std::cell::Cell::new((0, 0));
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let outcome = runner.run(&strategy, |(which, changes)| {
        let (name, document) = which.get(documents);
        let mut document = document.clone();
        for (place, change) in &changes {
            mutate(&mut document, place, change);
        }
        let (taken, valid) = (takes(&document), schema.is_valid(&document));
        prop_assert!(
            valid || !taken,
            "{}: the schema refuses what validation takes: {}\n{}",
            name,
            complaints(schema, &document),
            document
        );
        let (refused, both) = counts.get();
        counts.set((refused + usize::from(!taken), both + usize::from(!taken && !valid)));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    counts.get()
}

/// The greatest cardinality in a specification.
fn greatest_pool(value: &Value) -> f64 {
    let own = value.get("cardinality").and_then(Value::as_f64).unwrap_or(0.0);
    let inside: Vec<&Value> = match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(elements) => elements.iter().collect(),
        _ => Vec::new(),
    };
    inside.into_iter().map(greatest_pool).fold(own, f64::max)
}

fn complaints(schema: &Validator, document: &Value) -> String {
    schema.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_schema_of_specifications_is_never_stricter_than_validation() {
    // Large pools take long without optimisation; what they hold, the schema says nothing about.
    let mut documents = documents("specs");
    documents.retain(|(_, specification)| greatest_pool(specification) <= 1000.0);
    assert!(documents.len() > 4);
    let (refused, both) = held_against(&documents, &SPECIFICATION, compiles, 2000);
    assert!(refused > 500 && both * 10 > refused * 6, "of {refused} mistakes the schema saw {both}");
}

#[test]
fn the_schema_of_models_is_never_stricter_than_validation() {
    let (refused, both) = held_against(&documents("devicemodels"), &MODEL, |model| DeviceModel::parse(model, "").is_ok(), 4000);
    assert!(refused > 500 && both * 10 > refused * 6, "of {refused} mistakes the schema saw {both}");
}

#[test]
fn the_schema_of_requests_is_never_stricter_than_validation() {
    let targets = [
        json!({"type": "stdout"}),
        json!({"type": "file", "path": "a.json"}),
        json!({"type": "stream", "stream": "a", "namespace": "b"}),
        json!({"type": "table", "table": "a", "field": "b.c"}),
        json!({"type": "http", "url": "http://h/x", "headers": {"a": "b"}}),
        json!({"type": "kafka", "endpoint": "h", "topic": "t", "topic_key": ["a"], "compression_type": "gzip", "security_protocol": "SASL_SSL",
            "username": "u", "password": "p", "sasl_mechanism": "PLAIN", "ssl_cafile": "f"}),
        json!({"type": "confluent", "servers": "h", "topic": "t", "username": "u", "password": "p"}),
        json!({"type": "s3", "bucket": "abc", "prefix": "p/", "compression": "gzip"}),
        json!({"type": "sqs", "queue_url": "https://h/q"}),
        json!({"type": "kinesis", "stream": "s", "partition_key": ["a"]}),
        json!({"type": "mqtt", "url": "mqtt://h", "topic": "a/{b}", "ssl_cafile": "f"}),
        json!({"type": "iothub", "connection_string": "HostName=h;DeviceId=d;SharedAccessKey=a2V5"}),
        json!({"type": "influxdb", "measurement": "m", "tags": ["a"], "fields": ["b"], "time": "t"}),
    ];
    let request = |target: &Value| {
        let request = json!({"name": "a", "target": target, "config_file": "a.json", "concurrency": 5, "total_events": 7, "time": "90s",
            "time_type": "2026-01-01", "seed": 3});
        assert!(JobRequest::parse(&request).is_ok(), "{request}");
        accepts(&REQUEST, "a request", &request);
        (target["type"].to_string(), request)
    };
    let documents: Vec<_> = targets.iter().map(request).collect();
    let (refused, both) = held_against(&documents, &REQUEST, |request| JobRequest::parse(request).is_ok(), 6000);
    assert!(refused > 500 && both * 10 > refused * 7, "of {refused} mistakes the schema saw {both}");
}
