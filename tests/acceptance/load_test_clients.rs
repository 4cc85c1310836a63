//! Load tests of Locust and k6 that our plug-ins record, with the real programs, a real target, and the real recorder.
//!
//! `tests/run` installs both and names them in `LOCUST_PYTHON` and `K6`.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::http::try_send;
use crate::server::{Home, Server};
use crate::shop::Shop;
use crate::waiting::{free_loopback, seconds, wait_for};

/// Runs of a test need heartbeats sooner than every 15 s.
const PERIOD: [&str; 2] = ["--loadtest-period", "1s"];

/// The exit code that Locust is told to end with, since one of the example's requests fails.
const ERRORS: i32 = 3;

fn variable(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: `tests/run` does it; see `tests/components`"))
}

fn clients(path: &str) -> String {
    format!("{}/../clients/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// A command with nothing of ours in its environment.
fn plain(program: OsString) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEADWATER_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Locust with the example, which imports the plug-in.
fn locust(arguments: &[&str]) -> Command {
    let mut command = plain(variable("LOCUST_PYTHON"));
    command.env("PYTHONPATH", clients("locust")).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
    command.args(["-m", "locust", "-f", &clients("locust/example.py")]).args(arguments);
    command
}

/// Locust that tests a shop for some seconds, lets its users finish, and prints its statistics as JSON.
fn headless(shop: &Shop, recorder: &str, arguments: &[&str]) -> Command {
    let mut command = locust(&["--headless", "-u", "4", "-r", "4", "--stop-timeout", "10", "--json", "-H", &shop.url()]);
    command.args(["--exit-code-on-error", &ERRORS.to_string(), "--headwater-url", recorder, "--headwater-interval", "0.5"]).args(arguments);
    command
}

/// k6 with the example.
fn k6(shop: &Shop, recorder: &str, settings: &[(&str, &str)]) -> Command {
    let mut command = plain(variable("K6"));
    command.args(["run", "--quiet", "--no-usage-report", &clients("k6/example.js")]);
    command.env("TARGET", shop.url()).env("DURATION", "4s").env("EVERY", "1s").env("HEADWATER_URL", recorder);
    command.env("HEADWATER_TARGET_HOST", shop.url()).env("HEADWATER_HOSTNAME", "generator").envs(settings.iter().copied());
    command
}

fn run(mut command: Command) -> Output {
    command.output().expect("the client can be started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

/// An address that nobody listens at, yet.
fn free_address() -> String {
    free_loopback().to_string()
}

/// The records of all runs, newest first.
fn runs(server: &Server) -> Vec<Value> {
    let answer = server.get("/apiv0.1/events/runs");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = answer.json();
    let runs = page["runs"].as_array().unwrap_or_else(|| panic!("no runs in {page}")).clone();
    runs.iter().map(|run| whole(server, run["uuid"].as_str().expect("a run has an id"))).collect()
}

fn whole(server: &Server, uuid: &str) -> Value {
    let answer = server.get(&format!("/apiv0.1/events/runs/{uuid}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The one run that there is.
fn only_run(server: &Server) -> Value {
    let mut runs = runs(server);
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs.remove(0)
}

/// Waits until the client knows that its run is registered, since it tells of it. A run is there before its answer has arrived.
fn wait_for_word(server: &Server) {
    wait_for("a word of the run", seconds(30), || runs(server).iter().any(|run| annotated(run, "All users spawned")).then_some(()));
}

fn endpoint<'a>(run: &'a Value, name: &str) -> &'a Value {
    let endpoints = run["endpoints"].as_array().unwrap_or_else(|| panic!("no endpoints in {run:#}"));
    endpoints.iter().find(|endpoint| endpoint["name"] == name).unwrap_or_else(|| panic!("no {name} in {run:#}"))
}

/// Requests and failures of the example's endpoints.
fn counts(run: &Value) -> Vec<(i64, i64)> {
    ["front page", "search, \"new shoes\" \\ ü", "order", "/sold-out"]
        .iter()
        .map(|name| {
            let endpoint = endpoint(run, name);
            (endpoint["requests"].as_i64().unwrap(), endpoint["failures"].as_i64().unwrap())
        })
        .collect()
}

/// What Locust itself prints of them.
fn printed(output: &Output) -> Vec<(i64, i64)> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let entries: Vec<Value> = serde_json::from_str(&stdout[stdout.find('[').expect("statistics are an array")..]).expect("they are JSON");
    ["front page", "search, \"new shoes\" \\ ü", "order", "/sold-out"]
        .iter()
        .map(|name| {
            let entry = entries.iter().find(|entry| entry["name"] == *name).unwrap_or_else(|| panic!("no {name} in {stdout}"));
            (entry["num_requests"].as_i64().unwrap(), entry["num_failures"].as_i64().unwrap())
        })
        .collect()
}

/// What the shop says of them.
fn visited(shop: &Shop) -> Vec<(i64, i64)> {
    ["GET /", "GET /search?q=shoes", "POST /orders", "GET /sold-out"]
        .iter()
        .map(|request| (shop.visits(request), if request.ends_with("sold-out") { shop.visits(request) } else { 0 }))
        .collect()
}

fn users_in_history(run: &Value) -> Vec<i64> {
    run["history"]
        .as_array()
        .unwrap_or_else(|| panic!("no history in {run:#}"))
        .iter()
        .filter_map(|row| row["fields"]["clients"].as_i64())
        .collect()
}

fn annotated(run: &Value, title: &str) -> bool {
    run["annotations"].as_array().is_some_and(|all| all.iter().any(|annotation| annotation["title"] == title))
}

/// Checks that a test ended as it would have without a recorder.
#[track_caller]
fn assert_unharmed(output: &Output, shop: &Shop) {
    assert_eq!(output.status.code(), Some(ERRORS), "{}", said(output));
    assert_eq!(printed(output), visited(shop));
    assert!(!said(output).contains("Traceback"), "{}", said(output));
}

#[test]
fn a_test_of_locust_is_a_run_with_all_that_it_measured() {
    let (home, shop) = (Home::new(), Shop::open());
    let server = home.serve_with(&PERIOD);
    let more = ["-t", "5s", "--headwater-tag", "team=web", "--headwater-test-plan", "checkout"];
    let output = run(headless(&shop, &url(&server), &more));
    assert_unharmed(&output, &shop);
    let run = only_run(&server);
    assert_eq!((&run["state"], &run["exitCode"]), (&Value::from("finished"), &Value::from(ERRORS)), "{run:#}");
    assert_eq!(counts(&run), visited(&shop));
    assert_eq!((&run["tags"]["mode"], &run["tags"]["targetHost"]), (&Value::from("single"), &Value::from(shop.url())), "{run:#}");
    assert_eq!((&run["runTags"]["team"], &run["testPlan"]), (&Value::from("web"), &Value::from("checkout")), "{run:#}");
    assert!(run["commandLine"].as_str().is_some_and(|line| line.contains("--headless")), "{run:#}");
    assert!(users_in_history(&run).contains(&4), "{run:#}");
    assert!(run["history"].as_array().unwrap().iter().any(|row| row["fields"]["p95"].as_f64() > Some(0.0)), "{run:#}");
    assert!(annotated(&run, "All users spawned"), "{run:#}");
    assert_eq!(run["fields"]["requests"], shop.all_visits(), "{run:#}");
    assert!(endpoint(&run, "front page")["p99"].as_f64() > Some(0.0), "{run:#}");
    assert!(run["startedAt"].as_str() < run["endedAt"].as_str(), "{run:#}");
}

#[test]
fn a_distributed_test_of_locust_is_one_run() {
    let (home, shop) = (Home::new(), Shop::open());
    let server = home.serve_with(&PERIOD);
    let port = free_address().rsplit(':').next().unwrap().to_owned();
    let master = ["-t", "5s", "--master", "--expect-workers", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", &port];
    let master = headless(&shop, &url(&server), &master).spawn().expect("Locust can be started");
    // Workers know the recorder as well, as when all share a configuration.
    let worker = || locust(&["--worker", "--master-host", "127.0.0.1", "--master-port", &port, "--headwater-url", &url(&server)]).spawn();
    let workers = [worker().expect("a worker can be started"), worker().expect("a worker can be started")];
    let output = master.wait_with_output().expect("the master ends");
    for worker in workers {
        let output = worker.wait_with_output().expect("a worker ends with its master");
        assert!(!said(&output).contains("recording as run"), "{}", said(&output));
    }
    assert_eq!(output.status.code(), Some(ERRORS), "{}", said(&output));
    let run = only_run(&server);
    assert_eq!((&run["state"], &run["exitCode"]), (&Value::from("finished"), &Value::from(ERRORS)), "{run:#}");
    assert_eq!(run["tags"]["mode"], "cluster", "{run:#}");
    assert_eq!(counts(&run), printed(&output), "{run:#}");
    // A headless master waits half a second for its workers' last reports, so Locust itself may miss some seconds of a worker. What it
    // says it has is what is recorded.
    let recorded: i64 = counts(&run).iter().map(|(requests, _)| requests).sum();
    assert!(recorded > 0 && recorded <= shop.all_visits(), "{recorded} of {}", shop.all_visits());
    assert!(users_in_history(&run).contains(&4), "{run:#}");
    assert!(annotated(&run, "All users spawned"), "{run:#}");
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_test_of_locusts_web_interface_is_a_run() {
    let (home, shop) = (Home::new(), Shop::open());
    let server = home.serve_with(&PERIOD);
    let address = free_address();
    let port = address.rsplit(':').next().unwrap();
    let mut command = locust(&["--web-host", "127.0.0.1", "--web-port", port, "-H", &shop.url(), "--stop-timeout", "10"]);
    let locust = command.args(["--headwater-url", &url(&server)]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _locust = Running(locust.expect("Locust can be started"));
    let web = address.parse().expect("it is an address");
    wait_for("Locust's web interface", seconds(30), || try_send(web, "GET", "/", &[], b""));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for number in 1..=2_usize {
        let started = try_send(web, "POST", "/swarm", &form, b"user_count=3&spawn_rate=3").expect("Locust answers");
        assert_eq!(started.json()["success"], true, "{}", started.text());
        let visits = shop.all_visits();
        wait_for("visits of the shop", seconds(30), || (shop.all_visits() > visits + 10).then_some(()));
        wait_for("the run", seconds(30), || (runs(&server).len() == number).then_some(()));
        try_send(web, "POST", "/stop", &[], b"").expect("Locust answers");
        wait_for("the result", seconds(30), || (runs(&server)[0]["state"] == "finished").then_some(()));
    }
    let runs = runs(&server);
    let recorded: i64 =
        runs.iter().flat_map(|run| run["endpoints"].as_array().unwrap()).filter_map(|entry| entry["requests"].as_i64()).sum();
    assert_eq!((runs.len(), recorded), (2, shop.all_visits()), "{runs:#?}");
    assert!(runs.iter().all(|run| run["exitCode"].is_i64()), "{runs:#?}");
}

#[test]
fn a_recorder_that_is_not_there_changes_nothing_about_locust() {
    let shop = Shop::open();
    let output = run(headless(&shop, &format!("http://{}", free_address()), &["-t", "3s"]));
    assert_unharmed(&output, &shop);
    assert_eq!(said(&output).matches("the recorder does not take").count(), 1, "{}", said(&output));
    assert!(said(&output).contains("the result of the test is not recorded"), "{}", said(&output));
}

#[test]
fn a_recorder_that_comes_late_still_records_the_test() {
    let (home, shop, address) = (Home::new(), Shop::open(), free_address());
    let locust = headless(&shop, &format!("http://{address}"), &["-t", "8s"]).spawn().expect("Locust can be started");
    wait_for("visits of the shop", seconds(30), || (shop.all_visits() > 20).then_some(()));
    let server = home.serve_with(&[PERIOD[0], PERIOD[1], "--address", &address]);
    let output = locust.wait_with_output().expect("Locust ends");
    assert_unharmed(&output, &shop);
    let run = only_run(&server);
    assert_eq!((&run["state"], counts(&run)), (&Value::from("finished"), visited(&shop)), "{run:#}");
    assert!(run["startedAt"].as_str() < run["registeredAt"].as_str(), "{run:#}");
}

#[test]
fn a_recorder_that_is_killed_and_comes_back_has_the_whole_result() {
    let (home, shop, address) = (Home::new(), Shop::open(), free_address());
    let arguments = [PERIOD[0], PERIOD[1], "--address", &address];
    let server = home.serve_with(&arguments);
    let locust = headless(&shop, &format!("http://{address}"), &["-t", "8s"]).spawn().expect("Locust can be started");
    wait_for_word(&server);
    server.kill();
    let visits = shop.all_visits();
    wait_for("visits of the shop", seconds(30), || (shop.all_visits() > visits + 50).then_some(()));
    let server = home.serve_with(&arguments);
    let output = locust.wait_with_output().expect("Locust ends");
    assert_unharmed(&output, &shop);
    let run = only_run(&server);
    assert_eq!((&run["state"], counts(&run)), (&Value::from("finished"), visited(&shop)), "{run:#}");
}

#[test]
fn a_recorder_that_is_killed_for_good_changes_nothing_about_locust() {
    let (home, shop) = (Home::new(), Shop::open());
    let server = home.serve_with(&PERIOD);
    let locust = headless(&shop, &url(&server), &["-t", "15s", "--headwater-deadline", "3"]).spawn().expect("Locust can be started");
    wait_for_word(&server);
    server.kill();
    let output = locust.wait_with_output().expect("Locust ends");
    assert_unharmed(&output, &shop);
    assert!(said(&output).contains("the result of the test is not recorded"), "{}", said(&output));
}

#[test]
fn a_wrong_token_changes_nothing_about_the_test_and_the_right_one_records_it() {
    let (home, shop) = (Home::new(), Shop::open());
    let mut server = home.serve_with(&[PERIOD[0], PERIOD[1], "--token", "the-right-one"]);
    server.token = Some("the-right-one".to_owned());
    let mut command = headless(&shop, &url(&server), &["-t", "2s"]);
    let output = run({
        command.env("HEADWATER_TOKEN", "another-one");
        command
    });
    assert_unharmed(&output, &shop);
    assert!(said(&output).contains("401") && !said(&output).contains("another-one"), "{}", said(&output));
    assert!(runs(&server).is_empty());
    let output = run(headless(&shop, &url(&server), &["-t", "2s", "--headwater-token", "the-right-one"]));
    assert_eq!(output.status.code(), Some(ERRORS), "{}", said(&output));
    let run = only_run(&server);
    assert_eq!(run["state"], "finished", "{run:#}");
    assert!(!run.to_string().contains("the-right-one"), "{run:#}");
}

#[test]
fn a_test_of_k6_is_a_run_with_a_line_for_each_name() {
    let (home, shop) = (Home::new(), Shop::open());
    let server = home.serve_with(&PERIOD);
    let output = run(k6(&shop, &url(&server), &[("HEADWATER_TAGS", "team=web,region=eu"), ("HEADWATER_TEST_PLAN", "checkout")]));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("http_req_duration"), "k6 still prints its own summary");
    let run = only_run(&server);
    assert_eq!(
        (&run["state"], &run["exitCode"], &run["host"]),
        (&Value::from("finished"), &Value::from(0), &Value::from("generator")),
        "{run:#}"
    );
    let requests = |name| endpoint(&run, name)["requests"].clone();
    assert_eq!((requests("front page"), requests("order")), (shop.visits("GET /").into(), shop.visits("POST /orders").into()), "{run:#}");
    // The recorder's own requests are not among them.
    assert_eq!(run["fields"]["requests"], shop.all_visits(), "{run:#}");
    assert_eq!(run["fields"]["failures"], 0, "{run:#}");
    assert!(endpoint(&run, "front page")["p99"].as_f64() > Some(0.0), "{run:#}");
    assert_eq!((&run["runTags"]["team"], &run["runTags"]["region"]), (&Value::from("web"), &Value::from("eu")), "{run:#}");
    assert_eq!((&run["tags"]["targetHost"], &run["testPlan"]), (&Value::from(shop.url()), &Value::from("checkout")), "{run:#}");
    assert!(users_in_history(&run).len() > 1 && users_in_history(&run).contains(&5), "{run:#}");
    assert!(annotated(&run, "Load is over"), "{run:#}");
}

#[test]
fn a_threshold_that_k6_missed_is_the_exit_code_of_the_run() {
    let (home, shop) = (Home::new(), Shop::open());
    let server = home.serve_with(&PERIOD);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let script = folder.path().join("strict.js");
    let mut file = std::fs::File::create(&script).expect("it can be written");
    writeln!(
        file,
        "import http from 'k6/http';\nimport {{ recorded }} from '{module}';\nexport {{ handleSummary, setup, teardown }} from '{module}';\n\
         export const options = recorded({{ vus: 1, iterations: 10, thresholds: {{ http_req_failed: ['rate<0.1'] }} }});\n\
         export default function () {{ http.get(`${{__ENV.TARGET}}/sold-out`); }}",
        module = clients("k6/headwater.js")
    )
    .expect("it can be written");
    let mut command = plain(variable("K6"));
    command.args(["run", "--quiet", "--no-usage-report"]).arg(&script).env("TARGET", shop.url()).env("HEADWATER_URL", url(&server));
    let output = run(command);
    assert_eq!(output.status.code(), Some(99), "{}", said(&output));
    let run = only_run(&server);
    assert_eq!((&run["exitCode"], &run["fields"]["requests"], &run["fields"]["failures"]), (&99.into(), &10.into(), &10.into()), "{run:#}");
    assert_eq!(endpoint(&run, "http requests")["failures"], 10, "{run:#}");
}

#[test]
fn a_recorder_that_is_away_or_refuses_changes_nothing_about_k6() {
    let (home, shop) = (Home::new(), Shop::open());
    let server = home.serve_with(&["--token", "the-right-one"]);
    for (recorder, token) in [(format!("http://{}", free_address()), ""), (url(&server), "another-one")] {
        let output = run(k6(&shop, &recorder, &[("DURATION", "2s"), ("HEADWATER_TOKEN", token)]));
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains("the result is not recorded"), "{}", said(&output));
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("http_req_failed................: 0.00%"),
            "none of our requests counts as failed"
        );
    }
}

#[test]
fn the_tests_of_the_plug_in_pass() {
    let mut command = plain(variable("LOCUST_PYTHON"));
    command.args(["-m", "unittest", "discover", "-s", &clients("locust/tests")]).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = run(command);
    assert!(output.status.success(), "{}", said(&output));
}
