//! `headwater validate`, as typed; and the schemas that a server serves.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ran, run, run_with_input};
use crate::server::Home;

fn specification() -> Value {
    json!({
        "$schema": "http://127.0.0.1:9999/schemas/datagen-specification.json",
        "interarrival": {"type": "exponential", "mean": 20},
        "emitters": [{"name": "call", "dimensions": [{"type": "int", "name": "floor", "distribution": {"type": "uniform", "min": -2, "max": 12}}]}],
        "states": [{"name": "called", "emitter": "call", "delay": {"type": "constant", "value": 1}, "transitions": [{"next": "stop", "probability": 1}]}],
    })
}

/// A file in a folder; its path.
fn file(folder: &TempDir, name: &str, document: &Value) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, document.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn validate(arguments: &[&str]) -> Ran {
    run(&[&["validate"][..], arguments].concat())
}

#[track_caller]
fn lines(ran: Ran, code: i32) -> Vec<String> {
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""));
    String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn what_is_right_is_ok_whatever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let spec = file(&folder, "spec.json", &specification());
    let inline = file(&folder, "inline.json", &json!({"name": "a", "target": {"type": "stdout"}, "config": specification()}));
    let named = json!({"name": "a", "target": {"type": "stdout"}, "config_file": "shop/orders.json"});
    let named = file(&folder, "named.json", &named);
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../devicemodels");
    let model = format!("{models}/truck-01.json");
    let all = ["shop/orders.json", "iot/iot_twin.json", &spec, &inline, &named, &model];
    assert_eq!(lines(validate(&all), 0), all.map(|name| format!("{name}: ok")));
    let piped = run_with_input(&["validate", "-"], specification().to_string().as_bytes());
    assert_eq!(lines(piped, 0), ["-: ok"]);
}

#[test]
fn all_mistakes_are_printed_with_their_paths() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = specification();
    wrong["states"][0]["emitter"] = "cal".into();
    wrong["emitters"][0]["dimensions"][0]["distribution"]["max"] = json!(-3);
    let spec = file(&folder, "spec.json", &wrong);
    let inline = file(&folder, "inline.json", &json!({"name": "", "target": {"type": "file"}, "config": wrong}));
    let model = file(&folder, "model.json", &json!({"Protocol": "MQTT", "Telemetry": [{"Interval": "10"}]}));
    let (right, other) = (file(&folder, "right.json", &specification()), file(&folder, "other.json", &json!({"name": "x"})));
    let text = folder.path().join("text.json");
    std::fs::write(&text, "{\"states\": ").unwrap();
    let text = text.to_str().unwrap();
    let said = lines(validate(&[&spec, &inline, &model, &right, &other, text]), 1);
    for wanted in [
        format!("{spec}: states[0].emitter: no emitter is called \"cal\""),
        format!("{spec}: emitters[0].dimensions[0].distribution.min: "),
        format!("{inline}: name: must not be empty"),
        format!("{inline}: target.path: is required"),
        format!("{inline}: config.states[0].emitter: no emitter is called \"cal\""),
        format!("{model}: Simulation: is required"),
        format!("{model}: Telemetry[0].Interval: is a bare number"),
        format!("{right}: ok"),
        format!("{other}: is neither a specification"),
        format!("{text}: is not JSON"),
    ] {
        assert!(said.iter().any(|line| line.starts_with(&wanted)), "{wanted}\n{said:#?}");
    }
    // What they are can be said.
    let model = lines(validate(&["--kind", "device-model", &other]), 1);
    assert!(model.contains(&format!("{other}: Protocol: is required")), "{model:?}");
    let printed = validate(&["--format", "json", &spec, &right]);
    assert_eq!(printed.code, Some(1));
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed[1], json!({"name": right, "kind": "specification", "ok": true, "mistakes": []}));
    assert!(printed[0]["mistakes"].as_array().unwrap().iter().any(|mistake| mistake["path"] == "states[0].emitter"), "{printed:#}");
}

#[test]
fn what_cannot_be_read_ends_with_two_and_the_rest_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let right = file(&folder, "right.json", &specification());
    let ran = validate(&["missing.json", &right]);
    assert_eq!((ran.code, ran.stdout.as_slice()), (Some(2), format!("{right}: ok\n").as_bytes()));
    assert!(ran.stderr.contains("missing.json"), "{ran:?}");
    ran.says_one_line();
    validate(&[]).fails_naming(2, &["SPEC"]);
}

#[test]
fn a_server_serves_the_schemas() {
    let home = Home::new();
    let server = home.serve();
    for (path, title) in [
        ("/schemas/datagen-specification.json", "Headwater datagen specification"),
        ("/schemas/device-model.json", "Headwater device model"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/schema+json")), "{path}");
        assert_eq!(answer.header("cache-control"), Some("max-age=3600"));
        let schema = answer.json();
        assert_eq!((&schema["title"], &schema["$schema"]), (&json!(title), &json!("https://json-schema.org/draft/2020-12/schema")));
        assert!(path.ends_with(schema["$id"].as_str().unwrap()));
        assert_eq!(server.send("HEAD", path, &[], b"").status, 200);
    }
}
