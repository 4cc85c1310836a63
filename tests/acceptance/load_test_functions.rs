//! Load tests on functions under an emulated Lambda: the API behind a gateway, heartbeats and deliveries by workers behind the queue, and a
//! database of the test's own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::read::GzDecoder;
use headwater_tests::lambda::{Function, Gateway, Polling, Queue, Routes};
use serde_json::{Value, json};

use crate::api_client::Api;
use crate::functions::{deployed, routes_of_the_template};
use crate::http::Answer;
use crate::load_tests_client::now;
use crate::localstack::Account;
use crate::waiting::{seconds, wait_for};

/// How long an invocation of the worker may last here. Leases last five seconds longer.
const WORKER_TIME: Duration = Duration::from_secs(6);

/// How long the queue hides what it has delivered: longer than a lease.
const HIDDEN: u32 = 12;

/// Seconds between two heartbeats.
const PERIOD: i64 = 2;

/// An InfluxDB, as far as it takes points.
struct Database {
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    /// Whether it answers that it takes nothing now.
    down: Arc<AtomicBool>,
}

impl Database {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let database = Self { address: listener.local_addr().expect("it is bound"), lines: Arc::default(), down: Arc::default() };
        let (lines, down) = (Arc::clone(&database.lines), Arc::clone(&database.down));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (lines, down) = (Arc::clone(&lines), Arc::clone(&down));
                std::thread::spawn(move || converse(&stream, &lines, &down));
            }
        });
        database
    }

    /// The points of a run by their time in nanoseconds; the same one again replaces itself, as it does in a database.
    fn points(&self, measurement: &str, run: &str) -> BTreeMap<i64, String> {
        let lines = self.lines.lock().expect("no thread panics with it");
        let found = lines.iter().filter(|line| is_of(line, measurement, run));
        let time = |line: &String| line.rsplit_once(' ').and_then(|(_, time)| time.parse().ok()).expect("a point has its time");
        found.map(|line| (time(line), line.clone())).collect()
    }

    fn heartbeats(&self, run: &str) -> BTreeMap<i64, String> {
        self.points("load_testing", run)
    }
}

/// Whether a line is a point of a measurement and a run. Tags follow the name of a measurement, if there are any.
fn is_of(line: &str, measurement: &str, run: &str) -> bool {
    line.split([',', ' ']).next() == Some(measurement) && line.contains(&format!("run=\"{run}\""))
}

/// Takes the writes of a connection.
fn converse(stream: &TcpStream, lines: &Mutex<Vec<String>>, down: &AtomicBool) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let mut request = String::new();
        reader.read_line(&mut request).ok().filter(|read| *read > 0)?;
        let (mut length, mut is_packed) = (0, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("content-length", value) => length = value.parse().ok()?,
                ("content-encoding", value) => is_packed = value == "gzip",
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut text = String::new();
        match is_packed {
            true => GzDecoder::new(body.as_slice()).read_to_string(&mut text).ok()?,
            false => body.as_slice().read_to_string(&mut text).ok()?,
        };
        let is_write = request.starts_with("POST /write?") && request.contains("db=load");
        let status = match (is_write, down.load(Ordering::Relaxed)) {
            // Whether it is there, and its database.
            (false, _) => "200 OK\r\ncontent-length: 14\r\n\r\n{\"results\":[]}",
            (true, true) => "503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            (true, false) => {
                lines.lock().expect("no thread panics with it").extend(text.lines().map(str::to_owned));
                "204 No Content\r\n\r\n"
            }
        };
        write!(writer, "HTTP/1.1 {status}").ok()?;
    }
}

/// The group of load tests behind a gateway with the routes of the template, and a worker.
struct Cloud {
    account: Account,
    api: Api,
    load_tests: Function,
    worker: Function,
    gateway: Gateway,
}

impl Cloud {
    /// Points go to the database, if there is one.
    fn new(database: Option<&Database>) -> Self {
        let account = Account::new(HIDDEN);
        let period = format!("{PERIOD}s");
        let deployed = |name: &str| deployed(name, &account).variable("HEADWATER_LOADTEST_PERIOD", &period);
        let load_tests = deployed("load-tests").timeout(seconds(29)).start();
        let worker = deployed("worker").variable("HEADWATER_STEP_SECONDS", "2");
        let worker = match database {
            Some(database) => {
                let url = format!("http://{}", database.address);
                worker.variable("HEADWATER_INFLUXDB_URL", &url).variable("HEADWATER_INFLUXDB_DATABASE", "load")
            }
            None => worker,
        };
        let worker = worker.timeout(WORKER_TIME).concurrency(4).start();
        let routes = routes_of_the_template("LoadTestsIntegration")
            .iter()
            .fold(Routes::new(), |routes, (method, path)| routes.route(method, path, &load_tests));
        let gateway = Gateway::start(routes);
        let api = Api::at(gateway.address());
        Self { account, api, load_tests, worker, gateway }
    }

    fn feed(&self) -> Polling {
        Queue::new(&self.account.endpoint, &self.account.queue_url).batch(5).concurrency(3).feed(&self.worker)
    }

    #[track_caller]
    fn answered(&self, status: u16, answer: Answer) -> Answer {
        assert_eq!(answer.status, status, "{}{}", answer.text(), self.load_tests.log());
        answer
    }

    #[track_caller]
    fn get(&self, path: &str) -> Answer {
        self.answered(200, self.api.get(&format!("/apiv0.1/{path}")))
    }

    #[track_caller]
    fn post(&self, event: &str, body: &Value) -> Value {
        self.answered(200, self.api.post(&format!("/apiv0.1/events/{event}"), body)).json()
    }

    /// Begins a run of a host; answers its id.
    #[track_caller]
    fn register(&self, host: &str) -> String {
        let fields = json!({"clients": 10, "hatchRate": 0.5, "requests": 0});
        let body = json!({"hostname": host, "measurement": {"fields": fields, "tags": {"targetHost": "t", "mode": "single"}}});
        self.post("register", &body)["uuid"].as_str().expect("an id").to_owned()
    }

    #[track_caller]
    fn commit(&self, host: &str, run: &str) {
        let stats = json!({"GET /": {"num_requests": 5}});
        let body = json!({"hostname": host, "uuid": run, "targetHost": "http://t", "measurement": {"fields": {"requestStats": stats}}});
        let said = self.post("commit", &body)["data"]["description"].clone();
        assert_eq!(said, "The work of load testing of host http://t has been committed.");
    }

    #[track_caller]
    fn fine(&self, polling: Polling) {
        let trouble = polling.trouble();
        drop(polling);
        let log = || format!("{}{}", self.worker.log(), self.load_tests.log());
        assert_eq!((trouble, self.gateway.trouble()), (Vec::<String>::new(), Vec::new()), "{}", log());
    }
}

#[test]
fn every_path_of_the_group_arrives() {
    let cloud = Cloud::new(None);
    let description = cloud.api.get(headwater_load_tests::paths::OPENAPI);
    assert_eq!((description.status, description.json()["openapi"].clone()), (200, json!("3.1.0")), "{}", description.text());
    for path in headwater_load_tests::paths::ALL.into_iter().filter(|path| *path != headwater_load_tests::paths::OPENAPI) {
        let path = path.replace("{uuid}", "nobody");
        for path in [path.clone(), format!("{path}/")] {
            let answer = cloud.api.get(&path);
            let is_ours = answer.status == 200 || answer.json()["error"]["code"].is_string();
            assert!(is_ours && answer.status < 500, "{path}: {} {}{}", answer.status, answer.text(), cloud.load_tests.log());
        }
    }
    let answer = cloud.api.get("/apiv0.1/events/register");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{}", answer.text());
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let malformed = cloud.api.send("POST", "/apiv0.1/events/register", &form, b"hostname=h&measurement[fields=1");
    assert_eq!((malformed.status, malformed.json()["error"]["field"].clone()), (400, json!("measurement[fields")));
    let good = cloud.api.send("POST", "/apiv0.1/events/register", &form, b"hostname=h&measurement[fields][clients]=1");
    assert_eq!(good.status, 200, "{}", good.text());
    assert_eq!(cloud.gateway.trouble(), Vec::<String>::new());
}

#[test]
fn a_run_beats_is_updated_and_leaves_its_result_in_the_database() {
    let database = Database::new();
    let cloud = Cloud::new(Some(&database));
    let polling = cloud.feed();
    let run = cloud.register("h1");
    let key = format!("h1-{run}");
    assert_eq!(cloud.get("events/isrunning").json()[&key], true);
    let beats = wait_for("heartbeats", seconds(60), || Some(database.heartbeats(&run)).filter(|beats| beats.len() >= 4));
    assert!(beats.values().all(|line| line.contains("clients=10i") && line.contains("hatchRate=0.5")), "{beats:?}");
    // Behind the first, which tells of the registration, they lie on the clock's own grid, but for the part of a millisecond that tells
    // points of one tick apart.
    assert!(beats.keys().skip(1).all(|time| time / 1_000_000 % (PERIOD * 1000) == 0), "{beats:?}");
    let update = json!({"hostname": "h1", "uuid": run, "measurement": {"fields": {"users": 20, "requests": 500}}});
    assert_eq!(cloud.post("update", &update)["data"]["uuid"], json!(run));
    wait_for("the new values", seconds(30), || {
        database.heartbeats(&run).values().any(|line| line.contains("clients=20i") && line.contains("requests=500i")).then_some(())
    });
    cloud.post("annotate", &json!({"hostname": "h1", "uuid": run, "text": "all users are up"}));
    cloud.commit("h1", &run);
    let answered = now();
    cloud.commit("h1", &run);
    let over = cloud.api.post("/apiv0.1/events/update", &update);
    assert_eq!((over.status, over.json()["error"]["code"].clone()), (409, json!("over")));
    wait_for("the result", seconds(30), || (database.points("load_testing_result", &run).len() == 1).then_some(()));
    wait_for("the annotation", seconds(30), || (database.points("load_testing_event", &run).len() == 1).then_some(()));
    assert_ne!(cloud.get("events/isrunning").json()[&key], true);
    // A heartbeat may come behind the result, but none is of a time behind the commit.
    std::thread::sleep(seconds(1 + 3 * PERIOD.unsigned_abs()));
    let beats = database.heartbeats(&run);
    assert!(beats.keys().all(|nanos| *nanos <= answered * 1000), "{beats:?} after {answered}");
    assert_eq!(database.points("load_testing_result", &run).len(), 1);
    let record = cloud.get(&format!("events/runs/{run}")).json();
    assert_eq!(record["uuid"], json!(run), "{record}");
    let history = cloud.get(&format!("events/runs/{run}?format=csv&part=history"));
    assert!(history.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")), "{}", history.text());
    let states = wait_for("the counts", seconds(30), || {
        let states = cloud.get("states").json();
        (states["points"]["written"].as_u64() >= Some(beats.len() as u64 + 2)).then_some(states)
    });
    assert_eq!((&states["runs"]["running"], &states["runs"]["finished"]), (&json!(0), &json!(1)), "{states}");
    cloud.fine(polling);
}

#[test]
fn no_result_is_lost_although_the_database_is_down_and_workers_are_killed() {
    let database = Database::new();
    database.down.store(true, Ordering::Relaxed);
    let cloud = Cloud::new(Some(&database));
    let polling = cloud.feed();
    let mut killed = 0;
    let runs: Vec<(String, String)> = (0..6)
        .map(|number| {
            let host = format!("h{number}");
            let run = cloud.register(&host);
            if number % 2 == 1 {
                std::thread::sleep(Duration::from_millis(430));
                killed += cloud.worker.kill_running();
            }
            cloud.commit(&host, &run);
            (host, run)
        })
        .collect();
    std::thread::sleep(seconds(3));
    database.down.store(false, Ordering::Relaxed);
    // A delivery may have begun to back off, and what a killed worker had taken is hidden for a while.
    for (_, run) in &runs {
        wait_for("a result", seconds(120), || (!database.points("load_testing_result", run).is_empty()).then_some(()));
    }
    println!("{killed} workers killed in a step");
    std::thread::sleep(seconds(5));
    for (host, run) in &runs {
        assert_eq!(database.points("load_testing_result", run).len(), 1, "{host}-{run}");
    }
    drop(polling);
    assert_eq!(cloud.gateway.trouble(), Vec::<String>::new());
}

#[test]
fn without_a_database_points_become_files() {
    let cloud = Cloud::new(None);
    let polling = cloud.feed();
    let run = cloud.register("h1");
    cloud.commit("h1", &run);
    wait_for("both points", seconds(60), || {
        let lines = String::from_utf8(cloud.account.joined("files/")).expect("a text");
        let has = |measurement| lines.lines().any(|line| is_of(line, measurement, &run));
        (has("load_testing") && has("load_testing_result")).then_some(())
    });
    cloud.fine(polling);
}
