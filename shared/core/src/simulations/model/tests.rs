use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::mistakes::{Findings, Node};

fn overridden(value: &Value) -> Result<Option<Override>, String> {
    let findings = Findings::default();
    let read = Override::read(&Node::top(value, "Override", &findings));
    findings.conclude(read).map_err(|mistakes| mistakes.to_string())
}

fn truck() -> &'static DeviceModel {
    stock().iter().find(|model| model.id == "truck-01").unwrap()
}

fn applied(value: &Value, model: &DeviceModel) -> DeviceModel {
    overridden(value).unwrap().unwrap().apply(model)
}

/// A right model, with some members changed; `null` removes one.
fn document(changes: &Value) -> Value {
    let mut document = json!({
        "Name": "Counter", "Version": "1.2.3", "Description": "counts", "Protocol": "mqtt",
        "Simulation": {"InitialState": {"n": 0}, "Interval": "00:00:01", "Scripts": [{"Type": "javascript", "Path": "a.js"}]},
        "Properties": {"Type": "Counter"},
        "Telemetry": [{"Interval": "00:10", "MessageTemplate": "${n}", "MessageSchema": {"Name": "c;v1", "Fields": {"n": "double"}}}],
        "CloudToDeviceMethods": {"Reset": {"Type": "javascript", "Path": "Storage", "Id": "7"}},
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

#[test]
fn a_model_is_shown_in_one_spelling_and_in_the_order_of_the_original() {
    let model = DeviceModel::parse(&document(&json!({"Id": "ignored", "type": "custom"})), "c").unwrap();
    let shown = Value::Object(model.shown("Custom"));
    let names: Vec<&String> = shown.as_object().unwrap().keys().collect();
    let wanted = ["Id", "Version", "Name", "Description", "Protocol", "Type", "Simulation", "Properties", "Telemetry"];
    assert_eq!(names, [&wanted[..], &["CloudToDeviceMethods"]].concat());
    assert_eq!((&shown["Id"], &shown["Protocol"], &shown["Type"]), (&json!("c"), &json!("MQTT"), &json!("Custom")));
    let sent = json!([{"Interval": "00:10:00", "MessageTemplate": "${n}", "MessageSchema": {"Name": "c;v1", "Format": "JSON", "Fields": {"n": "Double"}}}]);
    assert_eq!(shown["Telemetry"], sent);
    assert_eq!(shown["CloudToDeviceMethods"], json!({"Reset": {"Type": "javascript", "Path": "Storage", "Id": "7"}}));
    assert_eq!(DeviceModel::parse(&shown, "c").unwrap(), model, "what is shown is read as the same");
}

#[test]
fn a_model_that_lacks_something_is_refused_with_the_path_of_it() {
    let telemetry = |changes: Value| {
        let mut sent = document(&json!({}))["Telemetry"][0].clone();
        changes.as_object().unwrap().iter().for_each(|(name, value)| sent[name] = value.clone());
        json!({"Telemetry": [sent]})
    };
    let simulation = |changes: Value| {
        let mut simulation = document(&json!({}))["Simulation"].clone();
        changes.as_object().unwrap().iter().for_each(|(name, value)| simulation[name] = value.clone());
        json!({"Simulation": simulation})
    };
    for (changes, path) in [
        (json!({"Type": "Stock"}), "Type: "),
        (json!({"Protocol": null}), "Protocol: is required"),
        (json!({"Protocol": ""}), "Protocol: "),
        (json!({"Protocol": "COAP"}), "Protocol: "),
        (json!({"Telemetry": null}), "Telemetry: is required"),
        (json!({"Telemetry": []}), "Telemetry: must have"),
        (telemetry(json!({"Interval": null})), "Telemetry[0].Interval: is required"),
        (telemetry(json!({"Interval": "00:00:00"})), "Telemetry[0].Interval: must be above zero"),
        (telemetry(json!({"Interval": "-00:00:01"})), "Telemetry[0].Interval: must be above zero"),
        (telemetry(json!({"Interval": "24:00:00"})), "Telemetry[0].Interval: has more than 23 hours"),
        (telemetry(json!({"MessageTemplate": ""})), "Telemetry[0].MessageTemplate: must not be empty"),
        (telemetry(json!({"MessageSchema": null})), "Telemetry[0].MessageSchema: is required"),
        (telemetry(json!({"MessageSchema": {"Fields": {"n": "double"}}})), "Telemetry[0].MessageSchema.Name: is required"),
        (telemetry(json!({"MessageSchema": {"Name": "x", "Fields": {}}})), "Telemetry[0].MessageSchema.Fields: must have"),
        (telemetry(json!({"MessageSchema": {"Name": "x", "Fields": {"n": "number"}}})), "Telemetry[0].MessageSchema.Fields.n: must be"),
        (
            telemetry(json!({"MessageSchema": {"Name": "x", "Format": "XML", "Fields": {"n": "text"}}})),
            "Telemetry[0].MessageSchema.Format: must be",
        ),
        (json!({"Simulation": null}), "Simulation: is required"),
        (simulation(json!({"Interval": null})), "Simulation.Interval: is required"),
        (simulation(json!({"Scripts": []})), "Simulation.Scripts: must have"),
        (simulation(json!({"Scripts": [{"Path": "a.js"}]})), "Simulation.Scripts[0].Type: is required"),
        (simulation(json!({"Scripts": [{"Type": "javascript", "Path": ""}]})), "Simulation.Scripts[0].Path: must not"),
        (simulation(json!({"Scripts": [{"Type": "internal", "Path": "Math.Increasing"}]})), "Simulation.Scripts[0].Params: is required"),
        (
            simulation(json!({"Scripts": [{"Type": "internal", "Path": "Math.Increasing", "Params": 1}]})),
            "Simulation.Scripts[0].Params: must be an object",
        ),
        (json!({"Properties": []}), "Properties: must be an object"),
        (json!({"CloudToDeviceMethods": {"Reset": {"Type": "javascript"}}}), "CloudToDeviceMethods.Reset.Path: is required"),
    ] {
        let said = DeviceModel::parse(&document(&changes), "c").unwrap_err().to_string();
        assert!(said.starts_with(path), "{changes}: {said}");
    }
    let all = DeviceModel::parse(&json!({}), "c").unwrap_err().to_string();
    assert_eq!(all, "Protocol: is required; Telemetry: is required; Simulation: is required");
}

#[test]
fn messages_are_overridden_by_position_and_an_empty_object_leaves_one_as_it_is() {
    let model = applied(&json!({"Telemetry": [{}, {"Interval": "00:00:20"}, null]}), truck());
    let ticks: Vec<i64> = model.telemetry.iter().map(|sent| sent.interval.as_micros() / 1_000_000).collect();
    assert_eq!(ticks, [3, 20, 5]);
    assert!(model.telemetry.iter().zip(&truck().telemetry).all(|(new, old)| (&new.template, &new.schema) == (&old.template, &old.schema)));
    let cut = applied(&json!({"telemetry": [{"messagetemplate": "x"}]}), truck());
    assert_eq!(cut.telemetry.len(), 1);
    assert_eq!((cut.telemetry[0].template.as_str(), cut.telemetry[0].interval), ("x", truck().telemetry[0].interval));
    let longer = applied(&json!({"Telemetry": [{}, {}, {}, {"MessageTemplate": "new"}]}), truck());
    assert_eq!(longer.telemetry[3], Telemetry { template: "new".to_owned(), ..Telemetry::default() });
}

#[test]
fn a_schema_is_merged_but_its_fields_are_replaced_as_a_whole() {
    let change = json!({"Telemetry": [{"MessageSchema": {"Name": "n;v2", "Format": "nonsense"}}, {"MessageSchema": {"Fields": {"a": "DOUBLE", "b": "what"}}}, {}]});
    let model = applied(&change, truck());
    assert_eq!(model.telemetry[0].schema, MessageSchema { name: "n;v2".to_owned(), ..truck().telemetry[0].schema.clone() });
    assert_eq!(model.telemetry[1].schema.name, truck().telemetry[1].schema.name);
    assert_eq!(model.telemetry[1].schema.fields, [("a".to_owned(), FieldType::Double), ("b".to_owned(), FieldType::Object)]);
}

#[test]
fn scripts_lose_their_parameters_unless_they_are_given_again() {
    let proto = stock().iter().find(|model| model.id == "truck-01-proto").unwrap();
    assert!(proto.simulation.scripts[0].params.is_some());
    let same = applied(&json!({"Simulation": {"Interval": "00:01", "Scripts": [{}]}}), proto);
    assert_eq!((same.simulation.interval.as_micros(), &same.simulation.scripts), (60_000_000, &proto.simulation.scripts));
    let changed = applied(&json!({"Simulation": {"Scripts": [{"Path": "b.js", "Type": ""}, {"Params": {"a": 70}}]}}), proto);
    let wanted = [
        ScriptEntry { path: "b.js".to_owned(), params: None, ..proto.simulation.scripts[0].clone() },
        ScriptEntry { kind: "javascript".to_owned(), params: Some(json!({"a": 70})), ..ScriptEntry::default() },
    ];
    assert_eq!(changed.simulation.scripts, wanted);
}

#[test]
fn an_initial_state_alone_is_honoured_and_replaces_the_whole_state() {
    let model = applied(&json!({"Simulation": {"InitialState": {"floor": 9}}}), truck());
    assert_eq!(Value::Object(model.simulation.initial_state), json!({"floor": 9}));
    assert_eq!(model.simulation.scripts, truck().simulation.scripts);
}

#[test]
fn an_override_that_says_nothing_is_none() {
    for nothing in [
        json!({}),
        json!({"Simulation": null, "Telemetry": null, "Other": 1}),
        json!({"Simulation": {"Scripts": [], "InitialState": {}}, "Telemetry": []}),
    ] {
        assert_eq!(overridden(&nothing), Ok(None), "{nothing}");
    }
    assert!(overridden(&json!({"Telemetry": [{}]})).unwrap().is_some(), "a list of one leaves one message");
}

#[test]
fn an_override_is_shown_in_one_spelling() {
    let given = json!({
        "Simulation": {"InitialState": {"a": 70, "b": null}, "Interval": "0:10", "Scripts": [{}, {"Type": "Internal", "Path": "x", "Params": [1, 2.5]}]},
        "Telemetry": [{"MessageSchema": {"Format": "json"}}, {"MessageSchema": {}}],
    });
    let wanted = json!({
        "Simulation": {"InitialState": {"a": 70, "b": null}, "Interval": "00:10:00", "Scripts": [{}, {"Type": "Internal", "Path": "x", "Params": [1, 2.5]}]},
        "Telemetry": [{"MessageSchema": {"Name": null, "Format": "JSON", "Fields": null}}, {}],
    });
    let read = overridden(&given).unwrap().unwrap();
    assert_eq!(read.shown(), wanted);
    assert_eq!(overridden(&wanted).unwrap(), Some(read), "what is shown is read as the same");
}

#[test]
fn mistakes_in_an_override_are_told_with_their_path() {
    for (given, wanted) in [
        (json!([]), "Override: must be an object, not an array"),
        (json!({"Simulation": {"Interval": "10"}}), "Override.Simulation.Interval: is a bare number"),
        (json!({"Telemetry": [{}, {"Interval": "00:60:00"}]}), "Override.Telemetry[1].Interval: has more than 59"),
        (json!({"Telemetry": ["x"]}), "Override.Telemetry[0]: must be an object"),
        (json!({"Telemetry": [{"MessageSchema": {"Fields": []}}]}), "Override.Telemetry[0].MessageSchema.Fields: must be an object"),
        (json!({"Simulation": {"InitialState": 1}}), "Override.Simulation.InitialState: must be an object"),
    ] {
        let said = overridden(&given).unwrap_err();
        assert!(said.starts_with(wanted), "{said}");
    }
}

#[test]
fn the_blank_model_becomes_what_its_override_says() {
    let blank = DeviceModel::custom();
    assert_eq!((blank.id.as_str(), blank.simulation.interval, blank.telemetry.len()), (CUSTOM, Interval(0), 0));
    let model = applied(&json!({"Telemetry": [{"Interval": "00:00:01", "MessageTemplate": "x", "MessageSchema": {"Name": "s"}}]}), &blank);
    assert_eq!((model.telemetry[0].schema.name.as_str(), model.telemetry[0].schema.format), ("s", MessageFormat::Json));
}

prop_compose! {
    fn an_override()(scripts in 0..4_usize, sent in 0..6_usize, state in proptest::option::of(0..9_i64), gaps in any::<u8>()) -> Override {
        let script = |at: usize| match gaps >> at & 1 {
            0 => ScriptOverride::default(),
            _ => ScriptOverride { path: Some(format!("{at}.js")), ..ScriptOverride::default() },
        };
        let message = |at: usize| TelemetryOverride { interval: (gaps >> at & 2 == 0).then_some(Interval(10_000_000)), ..Default::default() };
        let state = StateOverride {
            initial_state: state.map(|value| [("s".to_owned(), json!(value))].into_iter().collect()),
            interval: None,
            scripts: (0..scripts).map(script).collect(),
        };
        Override { simulation: Some(state).filter(|state| *state != StateOverride::default()), telemetry: (0..sent).map(message).collect() }
    }
}

proptest! {
    #[test]
    fn overriding_twice_is_overriding_once(change in an_override(), which in 0..13_usize) {
        let once = change.apply(&stock()[which]);
        prop_assert_eq!(change.apply(&once), once);
    }

    #[test]
    fn lists_get_as_long_as_the_override_says(change in an_override(), which in 0..13_usize) {
        let model = &stock()[which];
        let wanted = if change.telemetry.is_empty() { model.telemetry.len() } else { change.telemetry.len() };
        prop_assert_eq!(change.apply(model).telemetry.len(), wanted);
    }

    #[test]
    fn what_is_shown_of_an_override_is_read_as_the_same(change in an_override()) {
        prop_assert_eq!(overridden(&change.shown()), Ok((change != Override::default()).then_some(change)));
    }
}
