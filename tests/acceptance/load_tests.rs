//! The load-tests API of a server without a database, whose points are lines in files.

use headwater_core::limits;
use serde_json::{Value, json};

use crate::load_tests_client::{Point, event, registration, result, sample};
use crate::server::{Home, Server};
use crate::waiting::{seconds, wait_for};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn serve(home: &Home) -> Server {
    home.serve_with(&["--loadtest-period", "1s"])
}

/// The code and the field of an error.
fn error(answer: &crate::http::Answer) -> (u16, Value, Value) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.text());
    let body = answer.json();
    assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    (answer.status, body["error"]["code"].clone(), body["error"]["field"].clone())
}

fn tags(point: &Point) -> Vec<(&str, &str)> {
    point.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn a_run_beats_is_updated_annotated_and_committed() {
    let home = Home::new();
    let server = serve(&home);
    assert_eq!(server.recorded("ping").json(), json!({"res": "PONG!"}));
    let mut body = registration("h1");
    body["testPlan"] = "checkout".into();
    body["startedAt"] = 1_479_000_000.into();
    let uuid = server.begin(&body);
    assert_eq!(server.goes_on("h1", &uuid), Some(true));
    let beats = server.wait_file_points("load_testing", &uuid, 3);
    for beat in &beats {
        assert_eq!(tags(beat), [("mode", "single"), ("targetHost", "shop.example")]);
        let wanted = json!({"clients": 10, "hatchRate": 0.1, "requests": 100, "run": uuid, "generator": "h1"});
        assert_eq!(json!(beat.fields), wanted);
    }
    let update = json!({"hostname": "h1", "uuid": uuid, "measurement": {"fields": {"users": 20, "p95": 7, "requests": 2.9}}});
    assert_eq!(server.take("update", &update), json!({"uuid": uuid, "data": {"uuid": uuid}}));
    let beat = wait_for("the new values", seconds(60), || {
        server.file_points_of("load_testing", &uuid).into_iter().find(|beat| beat.field("clients") == 20)
    });
    let wanted = json!({"clients": 20, "hatchRate": 0.1, "requests": 2, "p95": 7.0, "run": uuid, "generator": "h1"});
    assert_eq!(json!(beat.fields), wanted);
    let annotation =
        json!({"hostname": "h1", "uuid": uuid, "title": "Deployed", "text": "version 7", "tags": ["a", "b"], "at": 1_479_000_030});
    assert_eq!(server.take("annotate", &annotation)["uuid"], json!(uuid));
    let stats = json!({"GET /": {"num_requests": 5, "avg": 12.5, "said": "a \"quoted\" \\ line\nand another"}});
    let mut commit = result("h1", &uuid, stats.clone());
    (commit["exitCode"], commit["startedAt"], commit["targetHost"]) = (3.into(), 1_479_000_060.into(), "http://t".into());
    commit["measurement"]["fields"]["requests"] = 500.into();
    let said = server.take("commit", &commit);
    assert_eq!(said, json!({"data": {"description": "The work of load testing of host http://t has been committed."}}));
    assert_eq!(server.goes_on("h1", &uuid), Some(false));
    let record = server.wait_written(&uuid);
    for (member, wanted) in [
        ("uuid", json!(uuid)),
        ("host", json!("h1")),
        ("state", json!("finished")),
        ("testPlan", json!("checkout")),
        ("startedAt", json!("2016-11-13T01:20:00Z")),
        ("endedAt", json!("2016-11-13T01:21:00Z")),
        ("exitCode", json!(3)),
        ("requestStats", stats.clone()),
        ("fields", json!({"clients": 20, "hatchRate": 0.1, "requests": 500, "p95": 7.0})),
        ("endpoints", json!([])),
    ] {
        assert_eq!(record[member], wanted, "{member}: {record:#}");
    }
    assert_eq!(record["annotations"][0]["text"], "version 7");
    let [annotated] = &server.file_points_of("load_testing_event", &uuid)[..] else { panic!("one annotation makes one point") };
    let wanted = json!({"title": "Deployed", "text": "version 7", "tags": "a,b", "run": uuid, "generator": "h1"});
    assert_eq!((json!(annotated.fields), annotated.nanos / 1000), (wanted, 1_479_000_030_000_000));
    let [point] = &server.file_points_of("load_testing_result", &uuid)[..] else { panic!("one commit makes one point") };
    assert_eq!(tags(point), [("mode", "single"), ("targetHost", "shop.example")]);
    let kept: Value = serde_json::from_str(point.field("requestStats").as_str().expect("a text")).expect("it is JSON");
    assert_eq!(kept, stats);
    assert_eq!((point.field("exitCode"), point.field("requests"), point.field("duration")), (&json!(3), &json!(500), &json!(60.0)));
    let over = server.tell("update", &update);
    assert_eq!(error(&over), (409, json!("over"), Value::Null));
    assert_eq!(error(&server.tell("annotate", &annotation)), (409, json!("over"), Value::Null));
}

#[test]
fn a_form_is_as_good_as_json_and_host_as_good_as_hostname() {
    let home = Home::new();
    let server = serve(&home);
    let form = b"startedAt=2016-11-13T01:20:00Z&host=g%26+1&measurement[fields][clients]=3&measurement%5Bfields%5D%5BhatchRate%5D=0.1\
        &measurement[fields][requests]=7&measurement[tags][targetHost]=aws.com&measurement[tags][mode]=single&runTags[team]=web";
    let answer = server.send("POST", &event("register"), &[FORM], form);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let uuid = answer.json()["uuid"].as_str().expect("an id").to_owned();
    assert_eq!(server.goes_on("g& 1", &uuid), Some(true));
    let beat = &server.wait_file_points("load_testing", &uuid, 1)[0];
    assert_eq!(tags(beat), [("mode", "single"), ("targetHost", "aws.com"), ("team", "web")]);
    assert_eq!((beat.field("clients"), beat.field("hatchRate")), (&json!(3), &json!(0.1)));
    let form = format!("hostname=g%26+1&host=other&uuid={uuid}&measurement[fields][requestStats]=%7B%22a%22%3A+1%7D&targetHost=aws.com");
    let answer = server.send("POST", &event("commit"), &[FORM], form.as_bytes());
    assert_eq!(answer.json(), json!({"data": {"description": "The work of load testing of host aws.com has been committed."}}));
    assert_eq!(server.record(&uuid)["requestStats"], "{\"a\": 1}");
}

#[test]
fn the_example_of_the_first_recorder_is_taken_as_it_is() {
    let home = Home::new();
    let server = serve(&home);
    let uuid = server.begin(&json!({"startedAt": "2016-11-13T01:20:00.000Z", "host": "locust-1", "measurement": {
        "fields": {"clients": 10, "hatchRate": 0.1, "requests": 100}, "tags": {"targetHost": "aws.com", "mode": "single"}}}));
    assert_eq!(server.goes_on("locust-1", &uuid), Some(true));
    server.take(
        "commit",
        &json!({"startedAt": "2016-11-13T01:21:00.000Z", "host": "locust-1", "uuid": uuid, "measurement": {
        "fields": {"requestStats": {"GET /": {"num_requests": 5}}}, "tags": {"hostname": "aws.com", "mode": "single"}}}),
    );
    assert_eq!(server.goes_on("locust-1", &uuid), Some(false));
    let point = &server.wait_file_points("load_testing_result", &uuid, 1)[0];
    assert_eq!(tags(point), [("hostname", "aws.com"), ("mode", "single"), ("targetHost", "aws.com")]);
    assert_eq!(point.field("requestStats"), "{\"GET /\":{\"num_requests\":5}}");
}

#[test]
fn what_is_wrong_is_named_and_changes_nothing() {
    let home = Home::new();
    let server = serve(&home);
    let uuid = server.begin(&registration("h"));
    let fields = |fields: Value| json!({"hostname": "h", "uuid": uuid, "measurement": {"fields": fields}});
    let with = |member: &str, value: Value| {
        let mut body = registration("other");
        body[member] = value;
        body
    };
    for (name, body, field) in [
        ("register", json!({"measurement": {"fields": {"clients": 1}}}), "hostname"),
        ("register", json!({"hostname": "", "measurement": {"fields": {"clients": 1}}}), "hostname"),
        ("register", json!({"hostname": "other"}), "measurement"),
        ("register", json!({"hostname": "other", "measurement": 7}), "measurement"),
        ("register", json!({"hostname": "other", "measurement": {}}), "measurement.fields"),
        ("register", json!({"hostname": "other", "measurement": {"fields": {}}}), "measurement.fields"),
        ("register", json!({"hostname": "other", "measurement": {"fields": {"userss": 1}}}), "measurement.fields.userss"),
        ("register", json!({"hostname": "other", "measurement": {"fields": {"clients": "many"}}}), "measurement.fields.clients"),
        (
            "register",
            json!({"hostname": "other", "measurement": {"fields": {"clients": 1}, "tags": {"host": "x"}}}),
            "measurement.tags.host",
        ),
        (
            "register",
            json!({"hostname": "other", "measurement": {"fields": {"clients": 1}, "tags": {"mode": []}}}),
            "measurement.tags.mode",
        ),
        ("register", with("startedAt", json!("yesterday")), "startedAt"),
        ("register", with("idleTimeout", json!("31d")), "idleTimeout"),
        ("register", with("runTags", json!({"mode": "x"})), "runTags.mode"),
        ("register", with("runTags", json!({"a": {}})), "runTags.a"),
        ("register", with("testPlan", json!(7)), "testPlan"),
        ("update", fields(json!({"requestStats": 1})), "measurement.fields.requestStats"),
        ("update", json!({"hostname": "h", "measurement": {"fields": {"clients": 1}}}), "uuid"),
        ("update", json!({"uuid": uuid, "measurement": {"fields": {"clients": 1}}}), "hostname"),
        ("annotate", json!({"hostname": "h", "uuid": uuid}), "text"),
        ("annotate", json!({"hostname": "h", "uuid": uuid, "text": "t", "tags": "a"}), "tags"),
        ("commit", fields(json!({"clients": 1})), "measurement.fields.requestStats"),
        ("commit", fields(json!({"requestStats": {}, "extra": 1})), "measurement.fields.extra"),
    ] {
        let answer = server.tell(name, &body);
        assert_eq!(error(&answer), (400, json!("invalid"), json!(field)), "{name} {body}: {}", answer.text());
    }
    for (body, headers) in [(&b""[..], &[][..]), (b"[]", &[]), (b"{\"hostname\": ", &[]), (b"\xff", &[]), (b"a[b=c", &[FORM])] {
        let answer = server.send("POST", &event("register"), headers, body);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("invalid")), "{body:?}: {}", answer.text());
    }
    assert_eq!(server.recorded("events/isrunning").json(), json!({(format!("h-{uuid}")): true}));
    let record = server.record(&uuid);
    assert_eq!((&record["state"], &record["fields"]["clients"], &record["annotations"]), (&json!("running"), &json!(10), &json!([])));
}

#[test]
fn other_paths_methods_sizes_and_types_are_refused_in_the_same_form() {
    let home = Home::new();
    let server = serve(&home);
    for path in ["nothing", "events", "events/other", "events/runs/23456789ABCDEFGHJ", "events/runs/x", "events/runs/x?format=csv"] {
        let answer = server.get(&format!("/apiv0.1/{path}"));
        assert_eq!(error(&answer), (404, json!("not_found"), Value::Null), "{path}");
    }
    for (method, path, allowed) in [
        ("GET", "events/register", "POST"),
        ("PUT", "events/commit", "POST"),
        ("DELETE", "events/annotate/", "POST"),
        ("POST", "ping", "GET,HEAD"),
        ("POST", "events/isrunning", "GET,HEAD"),
    ] {
        let answer = server.send(method, &format!("/apiv0.1/{path}"), &[], b"");
        assert_eq!((error(&answer), answer.header("allow")), ((405, json!("method_not_allowed"), Value::Null), Some(allowed)), "{path}");
    }
    let xml = server.send("POST", &event("register"), &[("content-type", "application/xml")], b"<a/>");
    assert_eq!(error(&xml), (415, json!("unsupported_media_type"), Value::Null));
    let body = vec![b' '; limits::REQUEST_BODY + 1];
    let large = server.send("POST", &event("register"), &[("content-type", "application/json")], &body);
    assert_eq!(error(&large), (413, json!("too_large"), Value::Null));
    for (query, field) in [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("after=nothing", "after")] {
        let answer = server.get(&event(&format!("runs?{query}")));
        assert_eq!(error(&answer), (400, json!("invalid"), json!(field)), "{query}");
    }
    assert_eq!(server.get(&event("isrunning/")).json(), json!({}));
}

#[test]
fn a_second_commit_gets_the_same_answer_and_changes_nothing() {
    let home = Home::new();
    let server = serve(&home);
    let uuid = server.begin(&registration("h"));
    // At once, as clients whose answers are late do; each brings another result.
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (server, uuid) = (&server, &uuid);
            scope.spawn(move || server.end("h", uuid, json!({"number": number})));
        }
    });
    let first = server.wait_written(&uuid);
    server.end("h", &uuid, json!({"number": 9}));
    let second = server.record(&uuid);
    assert_eq!(first, second);
    std::thread::sleep(seconds(3));
    let points = server.file_points_of("load_testing_result", &uuid);
    assert_eq!(points.len(), 1, "{points:#?}");
    assert_eq!(points[0].field("requestStats"), &json!(first["requestStats"].to_string()));
    assert_eq!(server.states()["runs"], json!({"running": 0, "lost": 0, "finished": 1}));
}

#[test]
fn a_run_is_known_to_its_own_host_only() {
    let home = Home::new();
    let server = serve(&home);
    let uuid = server.begin(&registration("h"));
    let bodies = |host: &str, uuid: &str| {
        let update = json!({"hostname": host, "uuid": uuid, "measurement": {"fields": {"clients": 99}}});
        let annotation = json!({"hostname": host, "uuid": uuid, "text": "not mine"});
        [("update", update), ("annotate", annotation), ("commit", result(host, uuid, json!({})))]
    };
    for (host, uuid) in [("other", uuid.as_str()), ("H", &uuid), ("h", "23456789ABCDEFGHJ"), ("h", ""), ("h", "../running"), ("h", "é")] {
        for (name, body) in bodies(host, uuid) {
            assert_eq!(error(&server.tell(name, &body)), (404, json!("not_found"), Value::Null), "{name} {body}");
        }
    }
    assert_eq!(server.goes_on("h", &uuid), Some(true));
    let record = server.record(&uuid);
    assert_eq!((&record["fields"]["clients"], &record["annotations"]), (&json!(10), &json!([])));
}

/// A run that counts as lost by now.
fn lost(server: &Server, host: &str) -> String {
    let mut body = registration(host);
    body["idleTimeout"] = "1s".into();
    let uuid = server.begin(&body);
    server.wait_record(&uuid, "the loss", seconds(60), |record| record["state"] == "lost");
    let told = server.wait_file_points("load_testing_event", &uuid, 1);
    assert_eq!((told[0].field("title"), told[0].field("tags")), (&json!("lost"), &json!("lost")), "{told:?}");
    assert_eq!(server.goes_on(host, &uuid), Some(false));
    uuid
}

#[test]
fn a_lost_run_goes_on_when_it_is_updated() {
    let home = Home::new();
    let server = serve(&home);
    let uuid = lost(&server, "h");
    let before = server.file_points_of("load_testing", &uuid).len();
    let update = json!({"hostname": "h", "uuid": uuid, "measurement": {"fields": {"clients": 11}}});
    // It is soon lost again, unless it is updated again.
    wait_for("the run that goes on", seconds(60), || {
        server.take("update", &update);
        (server.goes_on("h", &uuid) == Some(true)).then_some(())
    });
    wait_for("a beat with the new value", seconds(60), || {
        server.take("update", &update);
        server.file_points_of("load_testing", &uuid).get(before..)?.iter().find(|beat| beat.field("clients") == 11).map(drop)
    });
    wait_for("a record without an end", seconds(60), || {
        server.take("update", &update);
        server.record(&uuid)["endedAt"].is_null().then_some(())
    });
    server.end("h", &uuid, json!({"a": 1}));
    let record = server.wait_written(&uuid);
    assert_eq!((&record["state"], &record["requestStats"]), (&json!("finished"), &json!({"a": 1})));
    assert_eq!(server.file_points_of("load_testing_result", &uuid).len(), 1);
}

#[test]
fn the_result_of_a_lost_run_is_welcome() {
    let home = Home::new();
    let server = serve(&home);
    let uuid = lost(&server, "h");
    std::thread::sleep(seconds(2));
    let beats = server.file_points_of("load_testing", &uuid);
    server.end("h", &uuid, json!({"a": 1}));
    let record = server.wait_written(&uuid);
    assert_eq!((&record["state"], &record["requestStats"]), (&json!("finished"), &json!({"a": 1})));
    std::thread::sleep(seconds(3));
    assert_eq!(server.file_points_of("load_testing", &uuid), beats, "neither a lost nor a committed run beats");
    assert_eq!(server.file_points_of("load_testing_result", &uuid).len(), 1);
    assert_eq!(server.states()["runs"], json!({"running": 0, "lost": 0, "finished": 1}));
}

#[test]
fn tags_of_the_user_stand_on_every_point() {
    let home = Home::new();
    let server = serve(&home);
    let mut body = registration("h");
    body["runTags"] = json!({"team": "web, \"é\"=1", "build": 7, "empty": ""});
    let uuid = server.begin(&body);
    server.take("annotate", &json!({"hostname": "h", "uuid": uuid, "text": "t"}));
    server.wait_file_points("load_testing", &uuid, 2);
    server.end("h", &uuid, sample("locust-json.json"));
    server.wait_written(&uuid);
    let points: Vec<Point> = server.file_points().into_iter().filter(|point| point.field("run") == uuid.as_str()).collect();
    for measurement in ["load_testing", "load_testing_event", "load_testing_result", "load_testing_endpoint"] {
        assert!(points.iter().any(|point| point.measurement == measurement), "{measurement}");
    }
    for point in &points {
        let team = point.tags.get("team").map(String::as_str);
        assert_eq!((team, point.tags.get("build").map(String::as_str)), (Some("web, \"é\"=1"), Some("7")), "{point:?}");
        assert!(!point.tags.contains_key("empty") && point.field("generator") == "h", "{point:?}");
    }
    assert_eq!(server.record(&uuid)["runTags"], json!({"team": "web, \"é\"=1", "build": "7", "empty": ""}));
}

#[test]
fn statistics_of_locust_become_a_point_and_a_row_for_each_endpoint() {
    let home = Home::new();
    let server = serve(&home);
    for (name, entries, requests, failures) in [("locust-json.json", 4, 167, 23), ("locust-stats-requests.json", 4, 260, 50)] {
        let uuid = server.begin(&registration("h"));
        let stats = sample(name);
        server.end("h", &uuid, stats.clone());
        let record = server.wait_written(&uuid);
        assert_eq!(record["requestStats"], stats);
        assert_eq!((&record["fields"]["requests"], &record["fields"]["failures"]), (&json!(requests), &json!(failures)), "{name}");
        let (points, endpoints) = (server.file_points_of("load_testing_endpoint", &uuid), record["endpoints"].as_array().expect("a list"));
        assert_eq!((points.len(), endpoints.len()), (entries, entries), "{name}");
        let listed = stats["stats"].as_array().or(stats.as_array()).expect("a list of entries");
        for (point, (entry, endpoint)) in points.iter().zip(listed.iter().zip(endpoints)) {
            assert_eq!(point.tags.get("method").map(String::as_str), entry["method"].as_str());
            // A name with a comma, quotes and a backslash before a letter is a tag like any other.
            assert_eq!(point.tags.get("name").map(String::as_str), entry["name"].as_str());
            assert_eq!((point.field("requests"), point.field("failures")), (&entry["num_requests"], &entry["num_failures"]));
            assert_eq!((&endpoint["requests"], &endpoint["name"]), (&entry["num_requests"], &entry["name"]));
            for field in ["averageResponseTime", "p50", "p95", "p99", "requestsPerSecond", "averageContentLength"] {
                assert!(point.field(field).is_f64() && *point.field(field) == endpoint[field], "{field} of {point:?} and {endpoint}");
            }
        }
        assert!(points.iter().all(|point| point.nanos == points[0].nanos), "{points:?}");
        let first = (points[0].field("requests"), points[0].field("p50"), points[0].field("averageContentLength"));
        let p50 = if name == "locust-json.json" { 5.0 } else { 6.0 };
        assert_eq!(first, (&listed[0]["num_requests"], &json!(p50), &json!(12.0)));
        let csv = server.get(&event(&format!("runs/{uuid}?format=csv")));
        assert!(csv.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")));
        let rows: Vec<&str> = csv.text().split_terminator("\r\n").collect();
        assert_eq!(rows.len(), entries + 1, "{}", csv.text());
        assert!(rows[0].starts_with("method,name,requests,failures,averageResponseTime,"), "{}", rows[0]);
        let begin = format!("GET,/,{},{},", listed[0]["num_requests"], listed[0]["num_failures"]);
        assert!(rows[1].starts_with(&begin), "{}", rows[1]);
        assert!(csv.text().contains(r#"GET,"/search?q=""a b"",c=d\ü","#), "{}", csv.text());
        let accepted = server.send("GET", &event(&format!("runs/{uuid}")), &[("accept", "text/csv")], b"");
        assert_eq!(accepted.text(), csv.text());
    }
}

#[test]
fn the_history_has_a_row_for_each_period_in_which_there_were_new_values() {
    let home = Home::new();
    let server = home.serve_with(&["--loadtest-period", "3s"]);
    let uuid = server.begin(&registration("h"));
    for number in 1..=3 {
        std::thread::sleep(std::time::Duration::from_millis(3300));
        for quick in 0..2 {
            let fields = json!({"requests": number * 10 + quick, "p95": 0.5});
            server.take("update", &json!({"hostname": "h", "uuid": uuid, "measurement": {"fields": fields}}));
        }
    }
    let record = server.record(&uuid);
    let history = record["history"].as_array().expect("a list");
    let requests: Vec<_> = history.iter().map(|row| row["fields"]["requests"].as_i64()).collect();
    assert_eq!(requests, [Some(100), Some(10), Some(20), Some(30)], "{record:#}");
    assert_eq!(record["fields"]["requests"], 31, "the latest counts, whatever is in the history");
    let csv = server.get(&event(&format!("runs/{uuid}?format=csv&part=history")));
    let rows: Vec<&str> = csv.text().split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 5, "{}", csv.text());
    assert!(rows[0].starts_with("at,clients,hatchRate,requests,"), "{}", rows[0]);
    assert!(rows[1].ends_with(",10,0.1,100,,,,,,,,") && rows[2].ends_with(",10,0.1,10,,,,,,,0.5,"), "{}", csv.text());
}

#[test]
fn runs_are_paged_through_newest_first() {
    let home = Home::new();
    let server = serve(&home);
    let mut begun: Vec<String> = (0..25)
        .map(|number| {
            std::thread::sleep(std::time::Duration::from_millis(2)); // The order is that of milliseconds.
            server.begin(&registration(&format!("h{number}")))
        })
        .collect();
    begun.reverse();
    for uuid in begun.iter().step_by(2) {
        let host = server.record(uuid)["host"].as_str().expect("a host").to_owned();
        server.end(&host, uuid, json!({}));
    }
    for limit in [7, 25, 1000] {
        let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = server.recorded(&format!("events/runs?limit={limit}{after}")).json();
            let runs = page["runs"].as_array().expect("a list");
            assert!(runs.len() <= limit);
            seen.extend(runs.iter().map(|run| run["uuid"].as_str().expect("an id").to_owned()));
            assert!(runs.iter().all(|run| run["requestStats"].is_null() && run["history"].is_null()), "{page}");
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
            if pages == 1 {
                server.begin(&registration("meanwhile")); // It is newer than all of these pages.
            }
        }
        let known: Vec<_> = seen.iter().filter(|uuid| begun.contains(uuid)).cloned().collect();
        assert_eq!(known, begun, "limit {limit}");
    }
    let running = server.recorded("events/isrunning").json();
    let finished = running.as_object().expect("an object").values().filter(|goes_on| **goes_on == false).count();
    assert_eq!(finished, 13);
}

#[test]
fn without_the_token_nothing_is_told_or_taken() {
    let home = Home::new();
    let mut server = home.serve_with(&["--loadtest-period", "1s", "--token", "the-right-one"]);
    for token in [None, Some("another".to_owned())] {
        server.token = token;
        for answer in [server.tell("register", &registration("h")), server.get("/apiv0.1/states"), server.get(&event("runs"))] {
            assert_eq!(error(&answer), (401, json!("unauthorized"), Value::Null));
            assert!(answer.header("www-authenticate").is_some());
        }
    }
    server.token = Some("the-right-one".to_owned());
    assert_eq!(server.recorded("events/runs").json(), json!({"runs": [], "next": null}));
    let uuid = server.begin(&registration("h"));
    assert_eq!(server.goes_on("h", &uuid), Some(true));
}

#[test]
fn states_count_runs_and_points() {
    let home = Home::new();
    let server = serve(&home);
    let states = server.states();
    assert_eq!(states["runs"], json!({"running": 0, "lost": 0, "finished": 0}));
    assert_eq!(states["points"], json!({"written": 0, "retried": 0, "dropped": 0, "queued": 0}));
    assert!(states["residentBytes"].as_u64() > Some(1 << 20) && states["uptimeSeconds"].is_u64(), "{states}");
    let (one, other) = (server.begin(&registration("h")), server.begin(&registration("h")));
    assert_eq!(server.states()["runs"], json!({"running": 2, "lost": 0, "finished": 0}));
    server.wait_file_points("load_testing", &one, 2);
    server.end("h", &one, sample("locust-json.json"));
    server.end("h", &other, json!({}));
    server.wait_written(&one);
    server.wait_written(&other);
    let states = wait_for("the count of points", seconds(30), || {
        let states = server.wait_drained(seconds(30));
        (states["points"]["written"] == server.file_points().len()).then_some(states)
    });
    assert_eq!(states["runs"], json!({"running": 0, "lost": 0, "finished": 2}));
    let database = &states["database"];
    assert_eq!((&database["kind"], &database["reachable"], &database["lastError"]), (&json!("file"), &json!(true), &Value::Null));
    assert!(database["place"].as_str().is_some_and(|place| server.get("/files").json().as_array().unwrap().contains(&place.into())));
    assert!(database["lastWriteAt"].is_string(), "{states}");
}
