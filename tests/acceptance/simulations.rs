//! Simulations, as a user of the API sees them.

use std::time::Instant;

use serde_json::{Value, json};

use crate::server::{Home, Server};
use crate::simulations_client::{ONE, assert_whole, counting};
use crate::waiting::{seconds, wait_for};

const ALL: &str = "/v1/simulations";

fn sent(shown: &Value) -> u64 {
    shown["Statistics"]["TotalMessagesSent"].as_u64().unwrap_or_default()
}

/// Waits until devices have sent so many messages since their simulation began.
fn wait_sent(server: &Server, count: u64) -> Value {
    server.wait_simulation("messages", seconds(30), |shown| sent(shown) >= count)
}

#[test]
fn a_simulation_of_the_whole_stock_is_begun_watched_disabled_and_deleted() {
    let home = Home::new();
    let server = home.serve();
    assert_eq!(server.get(ALL).json()["Items"], json!([]));
    assert_eq!(server.get(ONE).status, 404);
    let made = server.send("POST", "/v1/simulations?template=default", &[], b"");
    assert_eq!(made.status, 200, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["Id"], &made["Enabled"], &made["DeviceModels"].as_array().map(Vec::len)), (&json!("1"), &json!(true), &Some(13)));
    let shown = wait_sent(&server, 13);
    assert_eq!((&shown["Running"], &shown["Statistics"]["ActiveDevicesCount"]), (&json!(true), &json!(13)));
    assert_eq!(server.get(ALL).json()["Items"][0]["Id"], "1");
    let programs = server.ask_stream("GET", "devices", "/programs", 200).json();
    assert_eq!(programs[0]["application"], "simulations", "the stream does not say who uses it: {programs}");
    let events = server.events("devices");
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event.headers["deviceId"].to_string()).collect();
    assert_eq!(ids.len(), 13, "{ids:?}");
    let status = server.get("/v1/status").json();
    assert_eq!((&status["Status"], &status["Properties"]["SimulationRunning"]), (&json!("OK:Alive and well"), &json!("true")));
    assert_eq!(status["Properties"]["ActiveDevicesCount"], "13");
    assert!(server.get("/metrics").text().contains("headwater_simulations_messages_total"));

    let disabled = server.enable(false);
    assert_eq!((&disabled["Enabled"], &disabled["Running"]), (&json!(false), &json!(false)));
    server.wait_simulation("the devices' end", seconds(60), |shown| shown["Statistics"]["ActiveDevicesCount"] == 0);
    let quiet = server.events("devices").len();
    std::thread::sleep(seconds(2));
    assert_eq!(server.events("devices").len(), quiet, "devices live on");
    assert_eq!(server.send("DELETE", ONE, &[], b"").status, 200);
    assert_eq!(server.get(ONE).status, 404);
    assert_eq!(server.events("devices").len(), quiet, "what was sent stays");
}

#[test]
fn devices_go_on_while_their_simulation_is_edited() {
    let home = Home::new();
    let server = home.serve();
    server.simulate(json!({"DeviceModels": [counting("custom", 3)]}));
    wait_sent(&server, 6);
    server.simulate(json!({"Name": "more", "DeviceModels": [counting("custom", 5), counting("truck-01", 1)]}));
    server.wait_simulation("six devices", seconds(60), |shown| shown["Statistics"]["ActiveDevicesCount"] == 6);
    wait_sent(&server, 20);
    let renamed = server.simulate(json!({"Name": "fewer", "DeviceModels": [counting("custom", 1)]}));
    assert_eq!(renamed["Name"], "fewer");
    server.wait_simulation("one device", seconds(60), |shown| shown["Statistics"]["ActiveDevicesCount"] == 1);
    let before = server.messages();
    // However quick the one that stays is, the others have time in which they could go on.
    std::thread::sleep(seconds(2));
    let messages = wait_for("more of the device that stays", seconds(30), || {
        Some(server.messages()).filter(|messages| messages["custom.0"].len() >= before["custom.0"].len() + 2)
    });
    for (device, messages) in &messages {
        assert_whole(device, messages);
        assert_eq!(messages[0].1["n"].as_f64(), Some(0.0), "{device}");
        assert!(device == "custom.0" || messages.len() == before[device].len(), "{device} goes on");
    }
    assert_eq!(messages.len(), 6);
}

#[test]
fn messages_go_into_a_file_instead_of_the_hub() {
    let home = Home::new();
    let server = home.serve();
    server.simulate(json!({"DeviceModels": [counting("custom", 2)], "Target": {"type": "file", "path": "fleet.json"}}));
    wait_sent(&server, 6);
    let records = server.records("fleet.json");
    assert!(records.len() >= 6);
    assert_eq!(records[0]["deviceModel"], "custom");
    assert_eq!(records[0]["body"]["n"].as_f64(), Some(0.0));
    server.simulate(json!({"DeviceModels": [counting("custom", 2)], "Target": {"type": "file", "path": "other.json"}}));
    let other = wait_for("records elsewhere", seconds(20), || {
        let answer = server.get("/file/other.json");
        Some(answer).filter(|answer| answer.status == 200 && answer.body.len() > 500)
    });
    assert_eq!(other.status, 200);
    assert_eq!(server.simulation()["Running"], true);
}

#[test]
fn a_device_model_and_its_script_are_uploaded_and_live() {
    let home = Home::new();
    let server = home.serve();
    let script = server.upload_script(
        "count.js",
        "function main(context, previousState, previousProperties, params) {\n  updateState({ n: previousState.n + params.step });\n}\n",
    );
    let model = json!({
        "Name": "Counter", "Version": "1.0", "Description": "counts", "Protocol": "MQTT",
        "Simulation": {"InitialState": {"n": 0}, "Interval": "00:00:01", "Scripts": [
            {"Type": "javascript", "Path": "Storage", "Id": script, "Params": {"step": 3}}]},
        "Properties": {"Type": "Counter"},
        "Telemetry": [{"Interval": "00:00:01", "MessageTemplate": "{\"n\":${n}}",
            "MessageSchema": {"Name": "c;v1", "Format": "JSON", "Fields": {"n": "double"}}}],
        "CloudToDeviceMethods": {},
    });
    let made = server.post("/v1/devicemodels", &model);
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["Id"].as_str().expect("a model has an id").to_owned();
    server.simulate(json!({"DeviceModels": [{"Id": id, "Count": 2}]}));
    wait_sent(&server, 8);
    for (device, messages) in server.messages() {
        assert!(device.starts_with(&id));
        assert_whole(&device, &messages);
        for (slot, (_, body)) in (0u32..).zip(&messages) {
            assert_eq!(body["n"].as_f64(), Some(f64::from(3 * slot)), "{device}");
        }
    }
    assert_eq!(server.simulation()["Statistics"]["FailedScriptsCount"], 0);
}

#[test]
fn what_is_wrong_is_said_in_the_three_texts_and_changes_nothing() {
    let home = Home::new();
    let server = home.serve();
    let devices = json!([{"Id": "truck-01", "Count": 1}]);
    let refused = |method: &str, path: &str, body: &str, status: u16, kind: &str, says: &str| {
        let answer = server.send(method, path, &[("content-type", "application/json")], body.as_bytes());
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
        let told = answer.json();
        assert_eq!(
            (&told["Message"], &told["ExceptionType"]),
            (&json!("An error has occurred."), &json!(kind)),
            "{method} {path} {body}: {told}"
        );
        assert!(told["ExceptionMessage"].as_str().is_some_and(|text| text.contains(says)), "{method} {path} {body}: {told}");
    };
    let wrong = "InvalidInputException";
    for (body, says) in [
        (json!({}), "DeviceModels"),
        (json!({"DeviceModels": []}), "DeviceModels"),
        (json!({"DeviceModels": [{"Id": "truck-01", "Count": 0}]}), "DeviceModels"),
        (json!({"DeviceModels": [{"Id": "truck-01", "Count": -1}]}), "DeviceModels[0].Count"),
        (json!({"DeviceModels": [{"Id": "truck-01", "Count": 1.5}]}), "DeviceModels[0].Count"),
        (json!({"DeviceModels": [{"Id": "truck-01", "Count": 1_000_001}]}), "1000000"),
        (json!({"DeviceModels": devices, "Seed": "x"}), "Seed"),
        (json!({"DeviceModels": devices, "StartTime": "soon"}), "StartTime"),
        (json!({"DeviceModels": devices, "EndTime": "2001-01-01T00:00:00Z"}), "EndTime"),
        (json!({"DeviceModels": devices, "Target": {"type": "nowhere"}}), "target.type"),
        (json!({"DeviceModels": devices, "IoTHub": {"ConnectionString": "HostName=x"}}), "ConnectionString"),
    ] {
        let answer = server.post(ALL, &body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        let told = answer.json();
        assert!(told["ExceptionMessage"].as_str().is_some_and(|text| text.contains(says)), "{body}: {told}");
        assert!(!told["ExceptionType"].as_str().unwrap_or_default().is_empty(), "{told}");
    }
    refused("POST", ALL, "[]", 400, "BadRequestException", "object");
    refused("POST", ALL, "{", 400, "BadRequestException", "JSON");
    refused("POST", "/v1/simulations?template=other", "{}", 400, wrong, "other");
    refused("GET", ONE, "", 404, "ResourceNotFoundException", "1");
    refused("GET", "/v1/simulations/2", "", 404, "ResourceNotFoundException", "2");
    refused("PATCH", ONE, "{\"Enabled\":true}", 404, "ResourceNotFoundException", "1");
    refused("DELETE", ONE, "", 404, "ResourceNotFoundException", "1");
    assert_eq!(server.get(ALL).json()["Items"], json!([]), "something of this was kept");
    server.simulate(json!({"DeviceModels": devices, "Enabled": false}));
    let body = json!({"DeviceModels": devices}).to_string();
    refused("POST", ALL, &body, 409, "ConflictingResourceException", "already");
    refused("PUT", ONE, &json!({"DeviceModels": devices, "ETag": "old"}).to_string(), 409, "ResourceOutOfDateException", "changed");
    refused("PUT", "/v1/simulations/2", &body, 400, wrong, "\"2\"");
    refused("PATCH", ONE, "{\"ETag\":\"old\",\"Enabled\":true}", 409, "ConflictingResourceException", "changed");
    assert_eq!(server.simulation()["Enabled"], false);
}

/// Scripts that try what a script can to hurt those beside it.
const TORTURES: [(&str, &str); 9] = [
    ("loop", "while (true) {}"),
    ("recurse", "function deeper() { return deeper() + 1; } deeper();"),
    ("allocate", "const all = []; while (true) { all.push(new Array(10000).fill('x')); }"),
    ("double", "let text = 'x'; while (true) { text += text; }"),
    ("throw", "throw new Error('x'.repeat(1000000));"),
    ("throw-nothing", "throw undefined;"),
    (
        "poison",
        "Object.prototype.n = 'poison'; Array.prototype.push = () => { throw 1; }; JSON.stringify = () => '{'; \
         Object.prototype.toJSON = () => { throw 2; }; globalThis.updateState = 3; Math.max = null; throw 4;",
    ),
    ("giant", "updateState({ giant: 'x'.repeat(5000000) });"),
    ("search", "/^(a+)+$/.test('a'.repeat(64) + 'b'); while (true) { /(x+x+)+y/.test('x'.repeat(40)); }"),
];

#[test]
fn scripts_that_torture_the_server_hurt_only_themselves() {
    let home = Home::new();
    let server = home.serve();
    let good = server.upload_script(
        "good.js",
        "function main(context, state) { const all = []; all.push(state.n + 1); updateState({ n: Math.max(...all) }); }",
    );
    let model = |script: &str, interval: &str| {
        let model = json!({
            "Name": "m", "Version": "1", "Description": "d", "Protocol": "MQTT", "Properties": {}, "CloudToDeviceMethods": {},
            "Simulation": {"InitialState": {"n": 0}, "Interval": interval, "Scripts": [{"Type": "javascript", "Path": "Storage", "Id": script}]},
            "Telemetry": [{"Interval": "00:00:01", "MessageTemplate": "{\"n\":${n}}",
                "MessageSchema": {"Name": "c;v1", "Format": "JSON", "Fields": {"n": "double"}}}],
        });
        let answer = server.post("/v1/devicemodels", &model);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["Id"].as_str().expect("a model has an id").to_owned()
    };
    let behaved = model(&good, "00:00:01");
    let mut devices = vec![json!({"Id": behaved, "Count": 5})];
    for (name, body) in TORTURES {
        let script = server.upload_script(&format!("{name}.js"), &format!("function main(context, state) {{ {body} }}"));
        devices.push(json!({"Id": model(&script, "00:00:20"), "Count": 1}));
    }
    let tortures = TORTURES.len() as u64;
    server.simulate(json!({"DeviceModels": devices}));
    let began = Instant::now();
    let mut slowest = seconds(0);
    let failed = loop {
        let [shown, ..] = [ONE, "/v1/status", "/healthz"].map(|path| {
            let asked = Instant::now();
            let answer = server.get(path);
            slowest = slowest.max(asked.elapsed());
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer
        });
        let shown = shown.json();
        let failed = shown["Statistics"]["FailedScriptsCount"].as_u64().unwrap_or_default();
        if failed >= tortures && began.elapsed() > seconds(15) {
            break failed;
        }
        assert!(began.elapsed() < seconds(90), "only {failed} scripts have failed: {shown}\n{}", server.complaints());
        std::thread::sleep(seconds(1) / 4);
    };
    println!("{failed} scripts failed; the slowest answer took {slowest:?}");
    // Each of the endless scripts takes two seconds, one after the other: whoever had to wait for them would wait for longer than this.
    assert!(slowest < seconds(5), "an answer took {slowest:?}");
    // What was late has caught up when nothing of it is missing.
    let messages = wait_for("the well-behaved devices", seconds(30), || {
        let messages = server.messages();
        let sent = messages.iter().filter(|(device, _)| device.starts_with(&behaved)).map(|(_, messages)| messages.len()).min();
        sent.is_some_and(|sent| sent >= 12).then_some(messages)
    });
    let mut seen = 0;
    for (device, messages) in messages.iter().filter(|(device, _)| device.starts_with(&behaved)) {
        assert_whole(device, messages);
        for (slot, (_, body)) in (0u32..).zip(messages) {
            assert_eq!(body["n"].as_f64(), Some(f64::from(slot)), "{device}");
        }
        seen += 1;
    }
    assert_eq!(seen, 5);
    assert_eq!(server.simulation()["Statistics"]["ActiveDevicesCount"], 5 + tortures);
}
