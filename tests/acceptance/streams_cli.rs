//! `headwater streams put`, `cat`, `tail` and `ls`, as typed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{self, Ran, run};
use crate::server::{Home, Server};
use crate::waiting::{seconds, wait_for};

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

fn arguments<'a>(url: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["streams", "--url", url][..], arguments].concat()
}

/// Runs a verb against the server.
fn streams(server: &Server, verb: &[&str]) -> Ran {
    run(&arguments(&url(server), verb))
}

fn spawn(server: &Server, verb: &[&str]) -> Child {
    spawn_at(&url(server), verb)
}

fn spawn_at(url: &str, verb: &[&str]) -> Child {
    let mut command = program::headwater(&arguments(url, verb));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

/// Sends this to a stream, which is made if need be.
#[track_caller]
fn put(server: &Server, stream: &str, input: &[u8]) {
    let mut child = spawn(server, &["put", stream, "--create", "-q"]);
    child.stdin.take().unwrap().write_all(input).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert!(ran.quietly().is_empty());
}

#[track_caller]
fn cat(server: &Server, stream: &str) -> Vec<u8> {
    streams(server, &["cat", stream]).quietly()
}

#[track_caller]
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Events as `cat --json` prints them.
#[track_caller]
fn events(server: &Server, stream: &str) -> Vec<Value> {
    let out = text(streams(server, &["cat", stream, "--json"]).quietly());
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn file(home: &Home, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = home.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn numbers(range: std::ops::RangeInclusive<u32>) -> String {
    range.fold(String::new(), |mut text, number| {
        writeln!(text, "{number}").unwrap();
        text
    })
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn what_is_put_comes_out_byte_by_byte() {
    let home = Home::new();
    let server = home.serve();
    // Every byte but those that end lines.
    let mut input: Vec<u8> = (0..=255).filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    input.extend_from_slice("\nZürich 東京\n  blanks stay \t\n".as_bytes());
    put(&server, "s", &input);
    assert_eq!(cat(&server, "s"), input);
}

#[test]
fn a_hundred_thousand_lines_keep_their_order() {
    let home = Home::new();
    let server = home.serve();
    // Some ten megabytes: several batches.
    let lines: String = (1..=100_000).map(|number| format!("{number} {}\n", "x".repeat(100))).collect();
    let path = file(&home, "lines.txt", &lines);
    let ran = streams(&server, &["put", "s", &path, "--create"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "100000 events, 10588895 bytes\n"));
    assert!(text(cat(&server, "s")) == lines, "they differ");
    let last = text(streams(&server, &["tail", "s", "--no-follow", "-n", "70000"]).quietly());
    assert!(last == lines.lines().skip(30_000).map(|line| format!("{line}\n")).collect::<String>(), "they differ");
}

#[test]
fn blank_lines_and_carriage_returns_make_no_events() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"\n\na\r\n\r\nb\n\nc");
    assert_eq!(text(cat(&server, "s")), "a\nb\nc\n");
}

#[test]
fn lines_that_trickle_in_do_not_wait_for_the_end() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"");
    let mut child = spawn(&server, &["put", "s"]);
    let mut input = child.stdin.take().unwrap();
    for number in 1..=2 {
        let began = Instant::now();
        input.write_all(format!("line {number}\nhalf ").as_bytes()).unwrap();
        wait_for("the line", seconds(10), || (events(&server, "s").len() == number).then_some(()));
        assert!(began.elapsed() < seconds(9), "{:?}", began.elapsed());
    }
    input.write_all(b"a line").unwrap();
    drop(input);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "3 events, 28 bytes\n"));
    assert_eq!(text(cat(&server, "s")), "line 1\nhalf line 2\nhalf a line\n");
}

#[test]
fn being_interrupted_sends_what_was_read_and_no_half_lines() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"");
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = spawn(&server, &["put", "s"]);
        let mut input: ChildStdin = child.stdin.take().unwrap();
        // The first line shows that it reads; the second is on its way when it is told to end.
        let before = events(&server, "s").len();
        input.write_all(b"first\n").unwrap();
        wait_for("the first line", seconds(10), || (events(&server, "s").len() > before).then_some(()));
        input.write_all(b"second\nhalf a li").unwrap();
        // Time enough to read it, and too little for it to be sent without being told to end.
        std::thread::sleep(Duration::from_millis(500));
        signal(&child, name);
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), "2 events, 11 bytes\n"));
    }
    assert_eq!(text(cat(&server, "s")), "first\nsecond\nfirst\nsecond\n");
}

#[test]
fn files_bring_their_content_types_and_events_the_headers_that_are_given() {
    let home = Home::new();
    let server = home.serve();
    let (csv, tsv, log) = (file(&home, "a.csv", "1,2"), file(&home, "b.tsv", "3\t4\n"), file(&home, "c.log", "five\n"));
    let ran = streams(&server, &["put", "s", "--create", "-H", "Level=warn=1", "--header", "city=Zürich", &csv, &tsv, &log]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "3 events, 10 bytes\n"));
    let told: Vec<Value> = events(&server, "s").into_iter().map(|event| json!([event["headers"], event["body"]])).collect();
    let headers = |content_type: &str| json!({"city": "Zürich", "content.type": content_type, "level": "warn=1"});
    assert_eq!(
        told,
        [json!([headers("text/csv"), "1,2"]), json!([headers("text/tsv"), "3\\x094"]), json!([headers("text/plain"), "five"])]
    );
    assert!(streams(&server, &["put", "s", "-q", "--content-type", "text/x-other", &csv]).quietly().is_empty());
    assert_eq!(events(&server, "s")[3]["headers"], json!({"content.type": "text/x-other"}));
}

/// An Avro file of strings, in blocks of one each.
fn avro(strings: &[&str]) -> Vec<u8> {
    fn push_text(out: &mut Vec<u8>, text: &[u8]) {
        let mut length = text.len() << 1;
        while length > 0x7f {
            out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        out.push(u8::try_from(length).unwrap());
        out.extend_from_slice(text);
    }
    let mut out = b"Obj\x01\x02".to_vec();
    push_text(&mut out, b"avro.schema");
    push_text(&mut out, br#""string""#);
    out.push(0);
    out.extend_from_slice(&[7; 16]);
    for text in strings {
        let mut datum = Vec::new();
        push_text(&mut datum, text.as_bytes());
        out.push(2);
        push_text(&mut out, &datum);
        out.extend_from_slice(&[7; 16]);
    }
    out
}

#[test]
fn an_avro_file_is_one_batch_and_a_damaged_one_leaves_nothing() {
    let home = Home::new();
    let server = home.serve();
    let strings: Vec<String> = (0..40_000).map(|number| format!("{number:0100}")).collect();
    let content = avro(&strings.iter().map(String::as_str).collect::<Vec<_>>());
    let whole = file(&home, "whole.avro", &content);
    let ran = streams(&server, &["put", "s", "--create", &whole, "-H", "k=v"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "40000 events, 4080000 bytes\n"));
    let all = events(&server, "s");
    assert_eq!(all.len(), 40_000);
    assert_eq!(all[1]["body"], format!("\\xC8\\x01{}", strings[1]));
    assert_eq!((&all[1]["headers"]["schema"], &all[1]["headers"]["k"]), (&json!("\"string\""), &json!("v")));
    assert!(all.iter().all(|event| event["timestamp"] == all[0]["timestamp"]));
    let cut = file(&home, "cut.avro", &content[..content.len() - 1]);
    let no_avro = file(&home, "no.avro", "text\n");
    for path in [&cut, &no_avro] {
        let ran = streams(&server, &["put", "s", path]);
        ran.fails_naming(1, &[path, "nothing of it was written"]);
        ran.says_one_line();
    }
    assert_eq!(events(&server, "s").len(), 40_000);
    // A file after which there is a missing one is not written either.
    let ran = streams(&server, &["put", "s", &whole, "no-such-file"]);
    ran.fails_naming(1, &["no-such-file cannot be read"]);
    assert_eq!(events(&server, "s").len(), 40_000);
}

#[test]
fn what_cannot_be_done_is_one_line() {
    let home = Home::new();
    let server = home.serve_with(&["--token", "secret"]);
    let server_url = url(&server);
    let with_token = |verb: &[&str]| run(&[&["streams", "--url", &server_url, "--token", "secret"][..], verb].concat());
    assert!(with_token(&["put", "s", "--create", "-q"]).quietly().is_empty());
    let folder = home.path().to_str().unwrap();
    for (ran, named) in [
        (with_token(&["put", "nope"]), &["stream:default.nope was not found", "--create"][..]),
        (with_token(&["cat", "nope"]), &["stream:default.nope was not found"]),
        (with_token(&["tail", "nope"]), &["stream:default.nope was not found"]),
        (with_token(&["put", "s", "--create", "-N", "nowhere"]), &["404", "namespace:nowhere was not found"]),
        (with_token(&["ls", "-N", "nowhere"]), &["404", "namespace:nowhere was not found"]),
        (with_token(&["cat", "s", "--start", "5", "--end", "5"]), &["400", "start must lie before end"]),
        (with_token(&["cat", "s", "--view", "v"]), &["404", "stream:default.s has no view v"]),
        (with_token(&["put", "s", folder]), &[folder, "is a folder"]),
        (with_token(&["put", "s", "no-such-file"]), &["no-such-file cannot be read"]),
        (streams(&server, &["ls"]), &["401", "Bearer TOKEN"]),
        (streams(&server, &["put", "s"]), &["401", "nothing was written"]),
    ] {
        ran.fails_naming(1, named);
        ran.says_one_line();
        assert!(!ran.stderr.contains("secret"), "{ran:?}");
    }
    server.kill();
    for verb in [&["ls"][..], &["put", "s"], &["put", "s", "--create"], &["cat", "s"], &["tail", "s"]] {
        let ran = with_token(verb);
        ran.fails_naming(1, &["cannot be reached", &server_url]);
        ran.says_one_line();
    }
}

#[test]
fn a_server_that_goes_away_is_told_with_what_was_written() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"");
    let mut child = spawn(&server, &["put", "s"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one\n\ntwo\n").unwrap();
    wait_for("the lines", seconds(10), || (events(&server, "s").len() == 2).then_some(()));
    server.kill();
    input.write_all(b"three\n").unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    ran.fails_naming(1, &["standard input: 3 lines were written, none from line 4 on", "cannot be reached"]);
    ran.says_one_line();
}

#[test]
fn a_line_that_no_event_can_be_is_named() {
    let home = Home::new();
    let server = home.serve();
    let path = file(&home, "long.txt", [b"short\n".as_slice(), &vec![b'x'; 5 << 20], b"\nshort\n"].concat());
    let ran = streams(&server, &["put", "s", "--create", &path]);
    ran.fails_naming(1, &["1 lines were written", "line 2 is longer than 4194304 bytes"]);
    assert_eq!(text(cat(&server, "s")), "short\n");
}

/// A server that takes requests to their end and answers like this to those that are posted, if at all; the heads of what was sent.
fn one_that_answers(posted: impl Fn() -> Option<&'static str> + Send + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut bytes = Vec::new();
            let mut piece = [0; 1024];
            while !is_whole(&bytes) {
                match connection.read(&mut piece).unwrap() {
                    0 => break,
                    length => bytes.extend_from_slice(&piece[..length]),
                }
            }
            let head = String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
            kept.lock().unwrap().push(head.clone());
            if let Some(body) = if head.starts_with("GET") { Some("{}") } else { posted() } {
                let length = body.len();
                write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").unwrap();
            }
        }
    });
    (address, heads)
}

#[test]
fn being_interrupted_while_a_batch_is_on_its_way_it_reads_no_more() {
    let (answer, answered) = mpsc::channel();
    let (address, heads) = one_that_answers(move || answered.recv().ok());
    let mut child = spawn_at(&address, &["put", "s"]);
    let mut input: ChildStdin = child.stdin.take().unwrap();
    input.write_all(b"first\n").unwrap();
    wait_for("the batch", seconds(30), || heads.lock().unwrap().iter().any(|head| head.starts_with("POST")).then_some(()));
    signal(&child, "-INT");
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it did not wait for the answer");
    answer.send("").unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(130), "1 events, 5 bytes\n"));
    drop(input);
}

/// Whether this is a request with all of its body. One of which the end is missing is in nobody's doubt: it has written nothing.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let (head, body) = (String::from_utf8_lossy(&request[..end]).to_lowercase(), &request[end + 4..]);
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with(b"0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
    body.len() >= length
}

#[test]
fn a_batch_in_doubt_is_not_sent_again() {
    let (address, heads) = one_that_answers(|| None);
    let home = Home::new();
    let (lines, data) = (file(&home, "a.txt", "one\ntwo\n"), file(&home, "a.avro", avro(&["one"])));
    for (path, told) in [(&lines, "0 lines were written; lines 1 to 2 are in doubt"), (&data, "a.avro is in doubt")] {
        let ran = run(&["streams", "put", "s", path, "--url", &address]);
        ran.fails_naming(1, &[told, "tail --no-follow s", "the connection broke"]);
        ran.says_one_line();
    }
    let posted = heads.lock().unwrap().iter().filter(|head| head.starts_with("POST")).count();
    assert_eq!(posted, 2, "{heads:?}");
}

#[test]
fn a_window_has_a_start_an_end_and_a_limit() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"a\nb\n");
    std::thread::sleep(Duration::from_millis(5));
    put(&server, "s", b"c\n");
    let last = events(&server, "s")[2]["timestamp"].to_string();
    for (window, wanted) in [
        (&["--start", &last][..], "c\n"),
        (&["--end", &last], "a\nb\n"),
        (&["-n", "1"], "a\n"),
        (&["--start", "now-1h", "--limit", "2"], "a\nb\n"),
        (&["--start", "2020-01-01T00:00:00", "--end", "now+1d"], "a\nb\nc\n"),
        (&["--end", "2020-01-01"], ""),
    ] {
        assert_eq!(text(streams(&server, &[&["cat", "s"][..], window].concat()).quietly()), wanted, "{window:?}");
    }
}

#[test]
fn json_has_whole_events_that_can_be_searched() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"<a href='x'> & \\ \"y\"\n\x01\n");
    let out = text(streams(&server, &["cat", "s", "--json"]).quietly());
    assert!(out.contains(r#""body":"<a href='x'> & \\ \"y\"""#), "{out}");
    let all = events(&server, "s");
    assert_eq!(all[0]["body"], r#"<a href='x'> & \ "y""#);
    assert_eq!(all[1]["body"], r"\x01");
    assert_eq!(all[1]["headers"], json!({"content.type": "text/plain"}));
}

#[test]
fn records_are_those_of_the_format_or_of_a_view() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"1,x\n2,y\n");
    assert_eq!(text(streams(&server, &["cat", "s", "--format"]).quietly()), "{\"body\":\"1,x\"}\n{\"body\":\"2,y\"}\n");
    let fields = json!([{"name": "n", "type": "int"}, {"name": "t", "type": "string"}]);
    let view = json!({"format": {"name": "csv", "schema": {"type": "record", "name": "r", "fields": fields}}});
    let path = "/v3/namespaces/default/streams/s/views/v";
    let answer = server.send("PUT", path, &[("content-type", "application/json")], view.to_string().as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(text(streams(&server, &["cat", "s", "--view", "v"]).quietly()), "{\"n\":1,\"t\":\"x\"}\n{\"n\":2,\"t\":\"y\"}\n");
    let whole = text(streams(&server, &["cat", "s", "--view", "v", "--json", "-n", "1"]).quietly());
    assert!(whole.contains(r#""body":"1,x","record":{"n":1,"t":"x"}}"#), "{whole}");
    put(&server, "s", b"no number,z\n3,z\n");
    let ran = streams(&server, &["cat", "s", "--view", "v"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(text(ran.stdout.clone()).lines().count(), 3);
    assert!(ran.stderr.contains("1 events do not fit the format"), "{ran:?}");
    ran.says_one_line();
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", numbers(1..=200_000).as_bytes());
    for (verb, wanted) in [("cat s", "1\n2\n3\n"), ("tail s --no-follow -n 100000", "100001\n100002\n100003\n")] {
        let script = format!("\"$0\" streams {verb} --url {} | head -n 3; exit \"${{PIPESTATUS[0]}}\"", url(&server));
        let ran = Ran::of(Command::new("bash").args(["-c", &script]).arg(program::path()).output().unwrap());
        assert_eq!(text(ran.quietly()), wanted);
    }
}

#[test]
fn an_empty_stream_has_nothing_to_print() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"");
    for verb in [&["cat", "s"][..], &["cat", "s", "--json"], &["tail", "s", "--no-follow"]] {
        assert!(streams(&server, verb).quietly().is_empty());
    }
}

#[test]
fn the_last_events_are_found_however_old_they_are() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", numbers(1..=20).as_bytes());
    std::thread::sleep(seconds(4));
    put(&server, "s", numbers(21..=25).as_bytes());
    for (count, from) in [("3", 23), ("5", 21), ("6", 20), ("10", 16), ("25", 1), ("1000", 1), ("0", 26)] {
        let out = text(streams(&server, &["tail", "s", "--no-follow", "-n", count]).quietly());
        assert_eq!(out, if from > 25 { String::new() } else { numbers(from..=25) }, "{count}");
    }
    assert_eq!(text(streams(&server, &["tail", "s", "--no-follow"]).quietly()), numbers(16..=25));
    let out = text(streams(&server, &["tail", "s", "--no-follow", "-n", "1", "--json"]).quietly());
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["body"], "25");
}

/// A `tail` that follows, and what it has printed.
struct Following {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Following {
    fn start(server: &Server, folder: &Path, verb: &[&str]) -> Self {
        let mut command = program::headwater(&arguments(&url(server), verb));
        let stderr = File::create(folder.join("tail.stderr")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the binary starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (kept, stdout) = (Arc::clone(&lines), BufReader::new(child.stdout.take().unwrap()));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    fn has_printed(&self, wanted: &[String]) {
        wait_for("what tail prints", seconds(60), || (self.lines.lock().unwrap().len() >= wanted.len()).then_some(()));
        // What is printed twice would come now.
        std::thread::sleep(Duration::from_millis(500));
        let printed = self.lines.lock().unwrap();
        let differs = printed.iter().zip(wanted).position(|(printed, wanted)| printed != wanted);
        assert!(*printed == wanted, "{} lines instead of {}, the first other one is {differs:?}", printed.len(), wanted.len());
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn tail_follows_and_prints_each_event_once() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", numbers(1..=5).as_bytes());
    let tail = Following::start(&server, home.path(), &["tail", "s", "-n", "2"]);
    let only_new = Following::start(&server, home.path(), &["tail", "s", "-n", "0"]);
    let lines = |range: std::ops::RangeInclusive<u32>| range.map(|number| number.to_string()).collect::<Vec<_>>();
    tail.has_printed(&lines(4..=5));
    // Single events, many of them within one millisecond, while it looks.
    for number in 6..=400_u32 {
        let answer = server.send("POST", "/v3/namespaces/default/streams/s", &[], number.to_string().as_bytes());
        assert_eq!(answer.status, 200);
    }
    put(&server, "s", numbers(401..=30_000).as_bytes());
    put(&server, "s", numbers(30_001..=30_002).as_bytes());
    tail.has_printed(&lines(4..=30_002));
    only_new.has_printed(&lines(6..=30_002));
}

#[test]
fn tail_survives_restarts_and_neither_doubles_nor_loses() {
    let home = Home::new();
    let mut server = home.serve();
    let address = server.address.to_string();
    put(&server, "s", b"0\n");
    let tail = Following::start(&server, home.path(), &["tail", "s", "--json"]);
    let bodies = || {
        let lines = tail.lines.lock().unwrap();
        lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Whoever begins needs a server.
    wait_for("the first event", seconds(20), || (bodies().len() == 1).then_some(()));
    let mut wanted = vec!["0".to_owned()];
    for round in 1..=3_u32 {
        let more = numbers(round * 10_000..=round * 10_000 + 3000);
        put(&server, "s", more.as_bytes());
        wanted.extend(more.lines().map(str::to_owned));
        server.kill();
        let again = "waiting until it goes on";
        let told = || std::fs::read_to_string(home.path().join("tail.stderr")).unwrap().matches(again).count();
        wait_for("a word about the server", seconds(20), || (told() >= round as usize).then_some(()));
        server = home.serve_with(&["--address", &address]);
        wait_for("all events", seconds(60), || (bodies().len() >= wanted.len()).then_some(()));
        assert_eq!(told(), round as usize, "it is said once each time");
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(bodies() == wanted, "they differ");
}

#[test]
fn tail_ends_when_the_stream_is_gone() {
    let home = Home::new();
    let server = home.serve();
    put(&server, "s", b"a\n");
    let mut tail = spawn(&server, &["tail", "s"]);
    let mut line = String::new();
    BufReader::new(tail.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "a\n");
    assert_eq!(server.send("DELETE", "/v3/namespaces/default/streams/s", &[], b"").status, 200);
    Ran::of(tail.wait_with_output().unwrap()).fails_naming(1, &["stream:default.s was not found"]);
}

#[test]
fn streams_are_listed() {
    let home = Home::new();
    let server = home.serve();
    assert!(streams(&server, &["ls"]).quietly().is_empty());
    assert!(streams(&server, &["ls", "-l"]).quietly().is_empty());
    for (stream, properties) in [
        ("orders", json!({"ttl": 86400, "format": {"name": "csv"}, "description": "of the\nshop"})),
        ("clicks", json!({})),
        ("clicks-raw", json!({"ttl": 90})),
    ] {
        let answer = server.send("PUT", &format!("/v3/namespaces/default/streams/{stream}"), &[], properties.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(text(streams(&server, &["ls"]).quietly()), "clicks\nclicks-raw\norders\n");
    assert_eq!(text(streams(&server, &["ls", "c*"]).quietly()), "clicks\nclicks-raw\n");
    assert_eq!(text(streams(&server, &["ls", "?rders"]).quietly()), "orders\n");
    assert!(streams(&server, &["ls", "x*"]).quietly().is_empty());
    let long = "\
NAME        TTL      FORMAT  DESCRIPTION
clicks      forever  text
clicks-raw  90s      text
orders      1d       csv     of the shop
";
    assert_eq!(text(streams(&server, &["ls", "--long"]).quietly()), long);
    assert_eq!(server.send("PUT", "/v3/namespaces/shop", &[], b"").status, 200);
    assert!(streams(&server, &["ls", "-N", "shop"]).quietly().is_empty());
}

#[test]
fn the_environment_names_the_server() {
    let home = Home::new();
    let server = home.serve_with(&["--token", "secret"]);
    let output = program::headwater(&["streams", "put", "s", "--create", "-q"])
        .env("HEADWATER_URL", url(&server))
        .env("HEADWATER_TOKEN", "secret")
        // What is on this machine is not asked for through a proxy.
        .env("http_proxy", "http://127.0.0.1:1")
        .output();
    assert!(Ran::of(output.unwrap()).quietly().is_empty());
}

#[test]
fn progress_is_for_terminals_only() {
    let home = Home::new();
    let server = home.serve();
    let path = file(&home, "lines.txt", format!("{}\n", "x".repeat(100)).repeat(100_000));
    let on_terminal = |options: &str| {
        let command = format!("'{}' streams put s '{path}' --create --url {} {options}", program::path().display(), url(&server));
        let output = Command::new("script").args(["-q", "-e", "-c", &command, "/dev/null"]).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let drawn = on_terminal("");
    for part in ["MiB", "events", "left", "100000 events, 10000000 bytes"] {
        assert!(drawn.contains(part), "{part} is not in {drawn:?}");
    }
    assert_eq!(on_terminal("-q"), "");
    assert_eq!(streams(&server, &["put", "s", &path]).stderr, "100000 events, 10000000 bytes\n");
}
