//! Simulations whose devices speak to a hub of Azure's kind: MQTT with TLS, a registry, methods and twins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use headwater_tests::registry_service::key;
use serde_json::{Value, json};

use crate::hub::{Hub, Told};
use crate::listener::Listener;
use crate::server::{Home, Server};
use crate::simulations_client::{ONE, counting};
use crate::waiting::{seconds, wait_for};

/// Milliseconds that a message may be late: a busy machine takes some, and whatever could hold messages up does so for five seconds and
/// more.
const LATE: i64 = 4000;

/// Elevators that move and tell each second.
fn elevators(count: u32) -> Value {
    let second = json!({"Interval": "00:00:01"});
    json!({"Id": "elevator-01", "Count": count, "Override": {"Simulation": second, "Telemetry": [second]}})
}

fn simulation(hub: &str, models: Value) -> Value {
    json!({"DeviceModels": models, "IoTHub": {"ConnectionString": hub}})
}

fn ids(model: &str, numbers: std::ops::Range<u32>) -> BTreeSet<String> {
    numbers.map(|number| format!("{model}.{number}")).collect()
}

/// What a listener has heard of the devices.
struct Ear {
    listener: Listener,
    told: Vec<Told>,
    since: Instant,
}

impl Ear {
    fn at(hub: &Hub) -> Self {
        Self { listener: hub.listen(), told: Vec::new(), since: Instant::now() }
    }

    fn listen(&mut self) -> &[Told] {
        let heard = self.listener.heard();
        self.told.extend(heard.iter().filter(|heard| heard.topic.starts_with("devices/")).map(Told::of));
        &self.told
    }

    /// Waits until as much has been heard of each device from a moment on.
    #[track_caller]
    fn wait(&mut self, server: &Server, what: &str, devices: &BTreeSet<String>, wanted: impl Fn(&Told) -> bool, messages: usize) {
        let began = Instant::now();
        loop {
            let fits = |device: &str| self.told.iter().filter(|told| told.device == device && wanted(told)).count() >= messages;
            if devices.iter().all(|device| fits(device)) {
                return;
            }
            assert!(began.elapsed() < seconds(40), "waited in vain for {what}: {:#?}\n{}", self.told, server.complaints());
            std::thread::sleep(Duration::from_millis(20));
            self.listen();
        }
    }

    fn by_device(&mut self) -> BTreeMap<String, Vec<Told>> {
        let mut devices: BTreeMap<String, Vec<Told>> = BTreeMap::new();
        for told in self.listen() {
            devices.entry(told.device.clone()).or_default().push(told.clone());
        }
        devices
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Checks that a device has told each moment once, in order, and that its count has never gone back. Answers where its grid was left.
#[track_caller]
fn assert_in_order(told: &[Told]) -> Vec<i64> {
    let mut leaps = Vec::new();
    for pair in told.windows(2) {
        let [before, after] = pair else { unreachable!("windows of two") };
        assert!(after.created > before.created, "{before:?} is followed by {after:?}");
        assert!(after.number("n") >= before.number("n"), "{before:?} is followed by {after:?}");
        // Ticks have a grid of their own, so that a message may come before the first one, or between two.
        let (ticks, passed) = (after.number("n") - before.number("n"), (after.created - before.created) as f64 / 1000.0);
        assert!((ticks - passed).abs() <= 1.0, "{ticks} ticks in {passed} s: {before:?} is followed by {after:?}");
        if after.created - before.created != 1000 {
            leaps.push(before.created);
        }
    }
    leaps
}

#[track_caller]
fn count(server: &Server, name: &str) -> u64 {
    let shown = server.simulation();
    shown["Statistics"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {shown}"))
}

#[test]
fn a_fleet_lives_at_a_hub() {
    let (home, hub) = (Home::new(), Hub::new());
    let server = hub.serve(&home);
    let (mut ear, answers) = (Ear::at(&hub), Listener::new(&hub.broker, "$iothub/methods/res/#"));
    let shown = server.simulate(simulation(&hub.connection(), json!([elevators(2)])));
    assert_eq!(shown["IoTHub"]["ConnectionString"], hub.connection().replace(&key(), ""));
    let fleet = ids("elevator-01", 0..2);
    ear.wait(&server, "both elevators standing still", &fleet, |told| told.number("vibration") == 0.0, 3);
    assert_eq!(hub.devices(), fleet);
    assert!(hub.registry.held().devices.values().all(|entry| entry["tags"]["IsSimulated"] == "Y"));
    let first = ear.told[0].clone();
    let created = jiff::Timestamp::from_millisecond(first.created).unwrap().strftime("%Y-%m-%dT%H%%3A%M%%3A%S").to_string();
    for property in [
        "%24.ct=application%2Fjson".to_owned(),
        "%24.ce=utf-8".to_owned(),
        format!("%24%24CreationTimeUtc={created}%2B00%3A00"),
        "%24%24MessageSchema=elevator-sensors%3Bv1".to_owned(),
        "%24%24ContentType=JSON".to_owned(),
    ] {
        assert!(first.properties.split('&').any(|given| given == property), "{property} is not in {}", first.properties);
    }
    for told in ear.by_device().values() {
        assert!(told.windows(2).all(|pair| pair[1].created - pair[0].created == 1000), "{told:#?}");
    }
    // What was heard is counted at the end of its step.
    let shown = server.wait_simulation("its statistics", seconds(30), |shown| {
        shown["Running"] == true && shown["Statistics"]["TotalMessagesSent"].as_u64() >= Some(6)
    });
    let statistics = &shown["Statistics"];
    assert_eq!(statistics["ActiveDevicesCount"], 2, "{statistics}");
    for failures in ["FailedMessagesCount", "FailedDeviceConnectionsCount", "FailedDeviceTwinUpdatesCount", "FailedScriptsCount"] {
        assert_eq!(statistics[failures], 0, "{failures}");
    }
    assert_eq!(hub.reported("Type"), ["Elevator", "Elevator"]);

    hub.call("StartElevator", "1", "");
    for _ in &fleet {
        let answer = answers.next();
        assert_eq!((answer.topic.as_str(), answer.payload.as_str()), ("$iothub/methods/res/200/?$rid=1", ""));
    }
    let called = now();
    ear.wait(&server, "elevators that move", &fleet, |told| told.created > called && told.number("vibration") > 5.0, 3);
    hub.call("FirmwareUpdate", "2", r#"{"Firmware":"2.0"}"#);
    wait_for("the new firmware", seconds(40), || (hub.reported("Firmware") == ["2.0", "2.0"]).then_some(()));
    let steps = hub.reported("FirmwareUpdateStatus");
    assert_eq!(steps.len(), 10, "{steps:?}");
    assert_eq!((&*steps[0], &*steps[9]), ("Command received, updating firmware to 2.0", "Firmware updated to 2.0"));
    // Scripts that sleep keep nobody from telling anything.
    for told in ear.by_device().values() {
        assert!(told.windows(2).all(|pair| pair[1].created - pair[0].created == 1000), "{told:#?}");
        let late: Vec<i64> = told.iter().map(|told| told.at - told.created).collect();
        assert!(late.iter().all(|late| *late < LATE), "milliseconds late: {late:?}");
    }
    assert_eq!(count(&server, "FailedDeviceTwinUpdatesCount"), 0);
    let answers = ["/v1/simulations", ONE, "/metrics", "/v1/status"].map(|path| server.get(path).text().to_owned());
    for said in answers.iter().chain([&server.log(), &String::from_utf8_lossy(&server.stdout()).into_owned()]) {
        assert!(!said.contains(&key()), "{said}");
    }
}

#[test]
fn devices_of_a_killed_server_connect_again_and_go_on() {
    let (home, hub) = (Home::new(), Hub::new());
    let mut server = hub.serve(&home);
    let mut ear = Ear::at(&hub);
    server.simulate(simulation(&hub.connection(), json!([counting("elevator-01", 3)])));
    let fleet = ids("elevator-01", 0..3);
    ear.wait(&server, "messages", &fleet, |_| true, 3);
    hub.call("FirmwareUpdate", "1", r#"{"Firmware":"3"}"#);
    wait_for("the first report", seconds(30), || (hub.reported("FirmwareUpdateStatus").len() >= 3).then_some(()));
    let mut kills = Vec::new();
    for pause in [1500, 4000, 300] {
        std::thread::sleep(Duration::from_millis(1700));
        kills.push(now());
        server.kill();
        std::thread::sleep(Duration::from_millis(pause));
        server = hub.serve(&home);
        let back = now();
        ear.wait(&server, "devices that are back", &fleet, |told| told.created > back, 3);
    }
    let shown = server.simulation();
    assert_eq!((&shown["Statistics"]["ActiveDevicesCount"], &shown["Running"]), (&json!(3), &json!(true)), "{shown}");
    for (device, told) in ear.by_device() {
        let leaps = assert_in_order(&told);
        assert!(leaps.len() <= kills.len(), "{device}: {told:#?}");
        let near = |leap: &i64| kills.iter().any(|kill| (kill - 2500..=kill + 500).contains(leap));
        assert!(leaps.iter().all(near), "{device} leapt at {leaps:?}, and the server was killed at {kills:?}");
    }
    // A script that slept goes on, too.
    wait_for("the new firmware", seconds(40), || {
        let known: Vec<String> = hub.reported("Firmware");
        (known.len() >= 3 && known.iter().all(|version| version == "3")).then_some(())
    });
    assert_eq!(hub.devices(), fleet);
}

#[test]
fn an_edit_disturbs_only_those_it_is_about() {
    let (home, hub) = (Home::new(), Hub::new());
    let server = hub.serve(&home);
    let mut ear = Ear::at(&hub);
    let shown = server.simulate(simulation(&hub.connection(), json!([counting("custom", 2)])));
    ear.wait(&server, "messages", &ids("custom", 0..2), |_| true, 3);
    let redacted = shown["IoTHub"]["ConnectionString"].as_str().unwrap();
    assert!(redacted.ends_with("SharedAccessKey="), "{redacted}");
    server.simulate(simulation(redacted, json!([counting("custom", 4), elevators(1)])));
    let all: BTreeSet<String> = ids("custom", 0..4).into_iter().chain(ids("elevator-01", 0..1)).collect();
    ear.wait(&server, "those that are new", &all, |_| true, 3);
    assert_eq!(hub.devices(), all);
    server.simulate(simulation(redacted, json!([counting("custom", 1)])));
    wait_for("the others to be removed", seconds(30), || (hub.devices() == ids("custom", 0..1)).then_some(()));
    let edited = now();
    ear.wait(&server, "the one that stays", &ids("custom", 0..1), |told| told.created > edited, 3);
    for (device, told) in ear.by_device() {
        if device.starts_with("custom") {
            assert_eq!(assert_in_order(&told), [0; 0], "{device} was disturbed: {told:#?}");
        }
        assert_eq!(hub.connections(&device), 1, "{device}");
        assert!(device == "custom.0" || told.iter().all(|told| told.created < edited), "{device} goes on: {told:#?}");
    }
    assert_eq!(count(&server, "FailedMessagesCount"), 0);
}

#[test]
fn a_fleet_moves_to_another_hub_and_is_removed_from_the_old_one() {
    let (home, hub) = (Home::new(), Hub::new());
    let server = hub.serve(&home);
    let mut ear = Ear::at(&hub);
    let fleet = ids("custom", 0..3);
    let shown = server.simulate(simulation(&hub.connection(), json!([counting("custom", 3)])));
    ear.wait(&server, "messages", &fleet, |_| true, 4);
    server.simulate(simulation("default", json!([counting("custom", 3)])));
    wait_for("messages at the local hub", seconds(20), || {
        let messages = server.messages();
        (messages.len() == 3 && messages.values().all(|messages| messages.len() >= 3)).then_some(())
    });
    assert_eq!(hub.devices(), BTreeSet::new());
    let (there, here) = (ear.by_device(), server.messages());
    for device in &fleet {
        let (last, (created, first)) = (there[device].last().unwrap(), &here[device][0]);
        assert!(last.created < *created, "{last:?} is followed by {first} at {created}");
        assert!(last.number("n") <= first["n"].as_f64().unwrap() && first["n"] != 0, "{last:?} is followed by {first}");
        assert_in_order(&there[device]);
    }
    // The key of a hub that was left is not kept.
    let redacted = shown["IoTHub"]["ConnectionString"].as_str().unwrap();
    let mut forgotten = simulation(redacted, json!([counting("custom", 3)]));
    forgotten["ETag"] = "*".into();
    assert_eq!(server.put(ONE, &forgotten).status, 400);

    server.simulate(simulation(&hub.connection(), json!([counting("custom", 2)])));
    let moved = now();
    ear.wait(&server, "messages at the hub again", &ids("custom", 0..2), |told| told.created > moved, 2);
    assert_eq!(hub.devices(), ids("custom", 0..2));
    assert_eq!(server.send("DELETE", ONE, &[], b"").status, 200);
    wait_for("an empty registry", seconds(20), || hub.devices().is_empty().then_some(()));
    std::thread::sleep(seconds(2));
    let known = ear.listen().len();
    std::thread::sleep(seconds(2));
    assert_eq!(ear.listen().len(), known, "deleted devices tell something");
    assert_eq!(server.get(ONE).status, 404);
}

#[test]
fn a_broker_that_is_down_is_waited_for() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.broker.run("kill");
    let server = hub.serve(&home);
    server.simulate(simulation(&hub.connection(), json!([counting("custom", 5)])));
    let mut failures = 0;
    for _ in 0..3 {
        let began = Instant::now();
        let shown = server.wait_simulation("more failures", seconds(30), |shown| {
            shown["Statistics"]["FailedDeviceConnectionsCount"].as_u64() > Some(failures)
        });
        failures = shown["Statistics"]["FailedDeviceConnectionsCount"].as_u64().unwrap();
        println!("{failures} failures after {:?}", began.elapsed());
        let began = Instant::now();
        assert_eq!((server.get("/v1/simulations").status, server.get("/v1/devicemodels").status), (200, 200));
        assert!(began.elapsed() < seconds(5), "the API took {:?}", began.elapsed());
    }
    assert_eq!(hub.devices(), ids("custom", 0..5), "the registry is not down");
    hub.broker.run("start");
    let mut ear = Ear::at(&hub);
    ear.wait(&server, "devices that come", &ids("custom", 0..5), |_| true, 3);
    assert_eq!(count(&server, "FailedMessagesCount"), 0);

    // A broker that goes while devices are connected costs what is due meanwhile.
    hub.broker.run("kill");
    server.wait_simulation("messages that fail", seconds(30), |shown| shown["Statistics"]["FailedMessagesCount"].as_u64() > Some(5));
    hub.broker.run("start");
    let (back, mut ear) = (now(), Ear::at(&hub));
    ear.wait(&server, "devices that are back", &ids("custom", 0..5), |told| told.created > back, 3);
    for told in ear.by_device().values() {
        assert_eq!(assert_in_order(told), [0; 0]);
    }
    // What was on its way may fail once; nobody tries again and again while there is no connection.
    assert!(count(&server, "FailedDeviceTwinUpdatesCount") <= 10);
}

#[test]
fn reports_that_wait_hold_up_no_messages() {
    // The default is ten reports a second, and each of these devices has one to make.
    let (home, hub) = (Home::new(), Hub::new());
    let server = hub.serve(&home);
    let mut ear = Ear::at(&hub);
    let fleet = ids("custom", 0..60);
    server.simulate(simulation(&hub.connection(), json!([counting("custom", 60)])));
    ear.wait(&server, "messages", &fleet, |_| true, 10);
    for (device, told) in ear.by_device() {
        assert_eq!(assert_in_order(&told), [0; 0], "{device}");
        let late: Vec<i64> = told.iter().map(|told| told.at - told.created).collect();
        assert!(late.iter().all(|late| *late < LATE), "{device}, milliseconds late: {late:?}");
    }
    assert_eq!(count(&server, "FailedDeviceTwinUpdatesCount"), 0);
}

#[test]
fn reports_that_nobody_answers_hold_up_no_messages() {
    let (home, hub) = (Home::new(), Hub::without_twins());
    let server = hub.serve(&home);
    let mut ear = Ear::at(&hub);
    server.simulate(simulation(&hub.connection(), json!([counting("custom", 2)])));
    ear.wait(&server, "messages", &ids("custom", 0..2), |_| true, 25);
    for (device, told) in ear.by_device() {
        assert_eq!(assert_in_order(&told), [0; 0], "{device}");
        let late: Vec<i64> = told.iter().map(|told| told.at - told.created).collect();
        assert!(late.iter().all(|late| *late < LATE), "{device}, milliseconds late: {late:?}");
    }
    server.wait_simulation("failed reports", seconds(30), |shown| shown["Statistics"]["FailedDeviceTwinUpdatesCount"].as_u64() > Some(0));
}

#[test]
fn a_hub_that_refuses_is_waited_for_corrected_or_left() {
    let (home, hub) = (Home::new(), Hub::new());
    let server = hub.serve(&home);
    let mut ear = Ear::at(&hub);
    let fleet = ids("custom", 0..2);
    let wrong = hub.connection().replace(&key(), "d3Jvbmcga2V5");
    server.simulate(simulation(&wrong, json!([counting("custom", 2)])));
    wait_for("a complaint", seconds(20), || server.log().contains("does not take the key of the policy iothubowner").then_some(()));
    let shown = server.wait_simulation("the end of the attempts", seconds(30), |shown| shown["Running"] == false);
    assert_eq!((&shown["ActiveNow"], &shown["Statistics"]["ActiveDevicesCount"]), (&json!(true), &json!(0)), "{shown}");

    hub.registry.held().instead.extend([(503, ""); 6]);
    server.simulate(simulation(&hub.connection(), json!([counting("custom", 2)])));
    ear.wait(&server, "devices of the right key", &fleet, |_| true, 3);
    assert_eq!(hub.devices(), fleet);

    hub.registry.held().instead.extend([(503, ""); 4]);
    hub.broker.run("kill");
    server.simulate(simulation("default", json!([counting("custom", 2)])));
    wait_for("messages at the local hub", seconds(40), || {
        let messages = server.messages();
        (messages.len() == 2 && messages.values().all(|messages| messages.len() >= 3)).then_some(())
    });
    for (device, messages) in server.messages() {
        let last = ear.by_device()[&device].last().unwrap().clone();
        assert!(last.number("n") <= messages[0].1["n"].as_f64().unwrap(), "{last:?} is followed by {:?}", messages[0]);
    }
    assert!(server.log().contains("devices are left in the registry of the former hub"));
    assert_eq!(hub.devices(), fleet);
}

#[test]
fn a_fleet_that_has_more_to_tell_than_it_may_tells_it_less_often() {
    let (home, hub) = (Home::new(), Hub::new());
    let server = hub.serve(&home);
    let mut ear = Ear::at(&hub);
    let bounded = |count: u32| {
        let mut simulation = simulation(&hub.connection(), json!([counting("custom", count)]));
        simulation["RateLimits"] = json!({"DeviceMessagesPerSecond": 10});
        simulation
    };
    server.simulate(bounded(40));
    ear.wait(&server, "messages", &ids("custom", 0..40), |_| true, 4);
    let took = ear.since.elapsed();
    let told = ear.listen();
    println!("{} messages in {took:?}", told.len());
    assert!((told.len() as f64) < 10.0 * (took.as_secs_f64() + 2.0), "{} messages in {took:?}", told.len());
    let late = told.iter().map(|told| told.at - told.created).max();
    assert!(late < Some(LATE), "milliseconds late: {late:?}");
    server.simulate(bounded(1));
    let edited = now();
    wait_for("the edit to take effect", seconds(30), || (hub.devices() == ids("custom", 0..1)).then_some(()));
    ear.wait(&server, "the one that stays", &ids("custom", 0..1), |told| told.created > edited, 3);
}

#[test]
fn devices_stay_registered_until_a_simulation_ends_that_removes_them() {
    let (home, hub) = (Home::new(), Hub::new());
    let server = hub.serve(&home);
    let mut ear = Ear::at(&hub);
    let fleet = ids("custom", 0..2);
    server.simulate(simulation(&hub.connection(), json!([counting("custom", 2)])));
    ear.wait(&server, "messages", &fleet, |_| true, 2);
    server.enable(false);
    server.wait_simulation("nobody to be alive", seconds(30), |shown| shown["Statistics"]["ActiveDevicesCount"] == 0);
    // The last messages may still be on their way to the listener.
    let known = wait_for("silence", seconds(30), || {
        let before = ear.listen().len();
        std::thread::sleep(Duration::from_millis(500));
        Some(ear.listen().len()).filter(|known| *known == before)
    });
    std::thread::sleep(seconds(2));
    assert_eq!((ear.listen().len(), hub.devices()), (known, fleet.clone()));
    let mut ending = simulation(&hub.connection(), json!([counting("custom", 2)]));
    (ending["EndTime"], ending["DeleteDevicesWhenSimulationEnds"]) = (json!("NOW+PT15S"), json!(true));
    let enabled = now();
    server.simulate(ending);
    ear.wait(&server, "messages again", &fleet, |told| told.created > enabled, 2);
    assert_eq!(hub.connections("custom.1"), 2);
    wait_for("an empty registry", seconds(40), || hub.devices().is_empty().then_some(()));
    let shown = server.wait_simulation("the end", seconds(30), |shown| shown["Statistics"]["ActiveDevicesCount"] == 0);
    assert_eq!((&shown["ActiveNow"], &shown["Running"]), (&json!(false), &json!(false)), "{shown}");
}
