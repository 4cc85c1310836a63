//! Simulations on functions under an emulated Lambda: the API behind a gateway, devices in workers behind the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater_tests::lambda::{Function, Gateway, Polling, Queue, Routes};
use serde_json::{Value, json};

use crate::api_client::Api;
use crate::functions::{deployed, routes_of_the_template};
use crate::localstack::Account;
use crate::waiting::{seconds, wait_for};

/// How long an invocation of the worker may last here. Leases last five seconds longer.
const WORKER_TIME: Duration = Duration::from_secs(6);

/// How long the queue hides what it has delivered: longer than a lease.
const HIDDEN: u32 = 12;

const ONE: &str = "/v1/simulations/1";

/// The groups of simulations and of streams behind a gateway with the routes of the template, and a worker.
struct Cloud {
    account: Account,
    api: Api,
    simulations: Function,
    streams: Function,
    worker: Function,
    gateway: Gateway,
}

/// A message of the local hub.
#[derive(Debug, Clone, PartialEq)]
struct Message {
    device: String,
    count: u64,
    /// When it was due, in milliseconds since 1970.
    created: i64,
    /// When it was stored.
    at: i64,
}

impl Cloud {
    fn new(step: &[(&str, &str)]) -> Self {
        let account = Account::new(HIDDEN);
        let [simulations, streams] = ["simulations", "streams"].map(|name| deployed(name, &account).timeout(seconds(29)).start());
        let worker = step.iter().fold(deployed("worker", &account), |deployment, (name, value)| deployment.variable(name, *value));
        let worker = worker.timeout(WORKER_TIME).concurrency(4).start();
        let integrations = [("SimulationsIntegration", &simulations), ("StreamsIntegration", &streams)];
        let routes = integrations.iter().fold(Routes::new(), |routes, (integration, function)| {
            let keys = routes_of_the_template(integration);
            keys.iter().fold(routes, |routes, (method, path)| routes.route(method, path, function))
        });
        let gateway = Gateway::start(routes);
        let api = Api::at(gateway.address());
        Self { account, api, simulations, streams, worker, gateway }
    }

    fn feed(&self) -> Polling {
        Queue::new(&self.account.endpoint, &self.account.queue_url).batch(5).concurrency(3).feed(&self.worker)
    }

    #[track_caller]
    fn asked(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.api.send(method, path, &[("content-type", "application/json")], body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{method} {path}: {}{}", answer.text(), self.simulations.log());
        answer.json()
    }

    fn messages(&self) -> Vec<Message> {
        let answer = self.api.get("/v3/namespaces/default/streams/devices/events");
        if answer.status == 204 || answer.status == 404 {
            return Vec::new();
        }
        assert_eq!(answer.status, 200, "{}{}", answer.text(), self.streams.log());
        let message = |event: &Value| {
            let body: Value = serde_json::from_str(event["body"].as_str().expect("a text")).expect("JSON");
            Message {
                device: event["headers"]["deviceId"].as_str().expect("a device").to_owned(),
                count: body["n"].as_u64().expect("a count"),
                created: moment(event["headers"]["createdAt"].as_str().expect("a text")),
                at: event["timestamp"].as_i64().expect("a time"),
            }
        };
        answer.json().as_array().expect("an array").iter().map(message).collect()
    }

    #[track_caller]
    fn wait_messages(&self, what: &str, enough: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        wait_for(what, seconds(60), || {
            std::thread::sleep(Duration::from_millis(100));
            Some(self.messages()).filter(|messages| enough(messages))
        })
    }

    #[track_caller]
    fn fine(&self, polling: Polling) {
        let trouble = polling.trouble();
        drop(polling);
        assert_eq!(
            (trouble, self.gateway.trouble()),
            (Vec::<String>::new(), Vec::new()),
            "{}{}",
            self.worker.log(),
            self.simulations.log()
        );
    }
}

fn moment(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
}

/// Devices that count their ticks, one in each interval, and tell the count as often.
fn counting_each(interval: &str, devices: u32) -> Value {
    let ticks = json!({"Type": "internal", "Path": "Math.Increasing", "Params": {"n": {"Min": 0, "Max": 1_000_000, "Step": 1}}});
    let schema = json!({"Name": "counter;v1", "Format": "JSON", "Fields": {"n": "double"}});
    json!({"Id": "elevator-01", "Count": devices, "Override": {
        "Simulation": {"InitialState": {"n": 0}, "Interval": interval, "Scripts": [ticks]},
        "Telemetry": [{"Interval": interval, "MessageTemplate": "{\"n\":${n}}", "MessageSchema": schema}],
    }})
}

fn counting(devices: u32) -> Value {
    counting_each("00:00:01", devices)
}

fn simulation(devices: u32) -> Value {
    json!({"Enabled": true, "DeviceModels": [counting(devices)]})
}

/// What each device has told, in the order of the stream.
fn told(messages: &[Message]) -> BTreeMap<&str, Vec<u64>> {
    let mut told = BTreeMap::<&str, Vec<u64>>::new();
    for message in messages {
        told.entry(&message.device).or_default().push(message.count);
    }
    told
}

/// Each device has told every count once, from 1 on or from 2 on, in order.
#[track_caller]
fn assert_counted(messages: &[Message]) {
    for (device, counts) in told(messages) {
        let first = counts[0];
        let wanted: Vec<u64> = (first..).take(counts.len()).collect();
        assert!(first <= 2 && counts == wanted, "{device} told {counts:?}");
    }
}

fn devices(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.device.as_str()).collect::<BTreeSet<_>>().len()
}

#[test]
fn every_path_of_the_group_arrives() {
    let cloud = Cloud::new(&[]);
    let description = cloud.api.get(headwater_simulations::paths::OPENAPI);
    assert_eq!((description.status, description.json()["openapi"].clone()), (200, json!("3.1.0")), "{}", description.text());
    let schema = cloud.api.get(headwater_simulations::paths::SCHEMA);
    assert_eq!((schema.status, schema.header("content-type")), (200, Some("application/schema+json")));
    for path in headwater_simulations::paths::ALL.iter().filter(|path| path.starts_with(headwater_simulations::paths::PREFIX)) {
        let path = path.replace("{id}", "1");
        // In capitals, too, and whatever is encoded that need not be.
        for path in [path.clone(), path.to_uppercase(), path.replace('!', "%21")] {
            let answer = cloud.api.get(&path);
            let is_ours = answer.status == 200 || answer.json()["ExceptionMessage"].is_string();
            assert!(is_ours && answer.status != 500, "{path}: {} {}", answer.status, answer.text());
        }
    }
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"s.js\"\r\nContent-Type: text/javascript\r\n\r\n\
        function main(context, previousState) { return previousState; }\r\n--b--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let answer = cloud.api.send("POST", "/v1/devicemodelscripts!validate", &headers, form.as_bytes());
    assert_eq!((answer.status, answer.json()["IsValid"].clone()), (200, json!(true)), "{}", answer.text());
    assert_eq!(cloud.gateway.trouble(), Vec::<String>::new());
}

#[test]
fn a_simulation_lives_behind_the_gateway_until_it_is_deleted() {
    let cloud = Cloud::new(&[("HEADWATER_STEP_SECONDS", "2")]);
    let polling = cloud.feed();
    let made = cloud.asked("POST", "/v1/simulations", &simulation(2));
    cloud.wait_messages("the messages of two devices", |messages| devices(messages) == 2 && messages.len() >= 8);
    let users = cloud.api.get("/v3/namespaces/default/streams/devices/programs");
    assert!(users.status == 200 && users.text().contains("simulations"), "{}", users.text());

    let more = json!({"ETag": made["ETag"], "Enabled": true, "DeviceModels": [counting(3)]});
    let edited = cloud.asked("PUT", ONE, &more);
    cloud.wait_messages("the third device", |messages| devices(messages) == 3);
    let disabled = cloud.asked("PATCH", ONE, &json!({"ETag": edited["ETag"], "Enabled": false}));
    let ended = |shown: &Value| shown["Statistics"]["ActiveDevicesCount"] == 0;
    cloud.api.wait_simulation("nobody to be alive", seconds(30), ended);
    let silent = cloud.messages();
    std::thread::sleep(seconds(2));
    assert_eq!(cloud.messages(), silent, "devices of a simulation that is disabled tell something");
    assert_counted(&silent);

    cloud.asked("PATCH", ONE, &json!({"ETag": disabled["ETag"], "Enabled": true}));
    let known = silent.len();
    cloud.wait_messages("the devices again", |messages| messages.len() >= known + 6);
    assert_eq!(cloud.api.send("DELETE", ONE, &[], b"").status, 200);
    assert_eq!(cloud.api.get(ONE).status, 404);
    wait_for("the end of the tasks", seconds(30), || cloud.account.keys("documents/tasks/").is_empty().then_some(()));
    assert_eq!(cloud.account.keys("documents/snapshots/"), Vec::<String>::new());
    let silent = cloud.messages().len();
    std::thread::sleep(seconds(2));
    assert_eq!(cloud.messages().len(), silent, "deleted devices tell something");
    cloud.fine(polling);
}

#[test]
fn workers_killed_in_the_middle_of_a_step_lose_and_repeat_nothing() {
    let cloud = Cloud::new(&[("HEADWATER_STEP_SECONDS", "2")]);
    let polling = cloud.feed();
    cloud.asked("POST", "/v1/simulations", &simulation(5));
    cloud.wait_messages("messages", |messages| messages.len() >= 10);
    let mut killed = 0;
    for moment in [310, 730] {
        killed += wait_for("a step", seconds(60), || {
            std::thread::sleep(Duration::from_millis(moment));
            Some(cloud.worker.kill_running()).filter(|&killed| killed > 0)
        });
        let known = cloud.messages().len();
        cloud.wait_messages("what was to be told meanwhile", |messages| messages.len() >= known + 5 * HIDDEN as usize);
    }
    println!("{killed} workers killed in a step");
    let deleted = cloud.api.send("DELETE", ONE, &[], b"");
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let messages = cloud.messages();
    assert_counted(&messages);
    // No device is ahead of another by more than the tick that was under way.
    let lengths: Vec<usize> = told(&messages).values().map(Vec::len).collect();
    assert!(lengths.len() == 5 && lengths.iter().max().unwrap_or(&0) - lengths.iter().min().unwrap_or(&0) <= 1, "{lengths:?}");
    drop(polling);
}

/// Holds messages against the grid of their device, in milliseconds; by how much half of them, and the latest tenth, are stored late.
#[track_caller]
fn lateness(messages: &[Message], interval: i64) -> (i64, i64) {
    let off: Vec<i64> = messages.iter().map(|message| (message.created - messages[0].created) % interval).collect();
    assert!(off.iter().all(|&off| off == 0), "milliseconds off the grid: {off:?}");
    let mut late: Vec<i64> = messages.iter().map(|message| message.at - message.created).collect();
    println!("milliseconds from when a message was due until it was stored: {late:?}");
    late.sort_unstable();
    (late[late.len() / 2], late[late.len() * 9 / 10])
}

#[test]
fn devices_keep_to_their_grid_from_step_to_step() {
    let cloud = Cloud::new(&[("HEADWATER_STEP_SECONDS", "3")]);
    let polling = cloud.feed();
    cloud.asked("POST", "/v1/simulations", &simulation(1));
    let messages = cloud.wait_messages("twenty messages", |messages| messages.len() >= 20);
    assert_counted(&messages);
    let (half, latest) = lateness(&messages[3..], 1000);
    println!("{} invocations", polling.invocations());
    assert!(polling.invocations() > 5, "{} invocations", polling.invocations());
    // What is saved between two steps is saved while nothing is due. A busy machine may hold up a few all the same.
    assert!((-1..500).contains(&half) && latest < 1500, "{half} ms, {latest} ms");
    cloud.fine(polling);
}

#[test]
fn devices_that_are_always_busy_wait_only_while_a_step_follows_another() {
    let cloud = Cloud::new(&[("HEADWATER_STEP_SECONDS", "3")]);
    let polling = cloud.feed();
    cloud.asked("POST", "/v1/simulations", &json!({"Enabled": true, "DeviceModels": [counting_each("00:00:00.1", 1)]}));
    let messages = cloud.wait_messages("two hundred messages", |messages| messages.len() >= 200);
    assert_counted(&messages);
    let (_, latest) = lateness(&messages[20..], 100);
    assert!((-1..2000).contains(&latest), "{latest} ms");
    cloud.fine(polling);
}
