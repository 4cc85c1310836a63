//! Who may call, what is listened on, and whom the server calls.

use std::net::TcpListener;
use std::process::Stdio;

use serde_json::json;

use crate::program::{self, Ran};
use crate::server::{Home, Server};
use crate::specs::job;

const TOKEN: &str = "letmein-7f3a";

#[test]
fn with_a_token_every_request_but_the_health_check_must_carry_it() {
    let home = Home::new();
    let mut server = home.serve_with(&["--token", TOKEN]);
    for (method, path) in [("GET", "/"), ("GET", "/jobs"), ("POST", "/start"), ("GET", "/file/x"), ("GET", "/metrics"), ("GET", "/none")] {
        for given in [None, Some("Bearer wrong"), Some("Bearer "), Some(TOKEN), Some("Basic bGV0bWVpbg=="), Some("Bearer letmein-7f3aa")] {
            let headers: Vec<(&str, &str)> = given.map(|value| ("authorization", value)).into_iter().collect();
            let answer = server.send(method, path, &headers, b"");
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{method} {path} {given:?}");
            assert!(!answer.message().contains(TOKEN));
        }
    }
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.send("GET", "/list", &[("authorization", "bearer letmein-7f3a")], b"").status, 200);
    server.token = Some(TOKEN.to_owned());
    assert_eq!(server.get("/jobs").status, 200);
    assert_eq!(server.get("/none").status, 404);
    assert!(!server.log().contains(TOKEN), "the token is in the log");
}

#[test]
fn the_token_may_come_from_the_environment() {
    let home = Home::new();
    let mut command = home.command(&[]);
    command.env("HEADWATER_TOKEN", TOKEN);
    let mut server = Server::spawn(command, home.path());
    assert_eq!(server.get("/list").status, 401);
    server.token = Some(TOKEN.to_owned());
    assert_eq!(server.get("/list").status, 200);
}

#[test]
fn beyond_loopback_it_refuses_to_listen_unprotected() {
    let home = Home::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let ran = Ran::of(home.command(&["--address", address]).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.says_one_line();
        for part in ["--token", "--insecure"] {
            assert!(ran.stderr.contains(part), "{ran:?}");
        }
    }
    let open = home.serve_with(&["--address", "0.0.0.0:0", "--insecure"]);
    assert_eq!(open.get("/list").status, 200);
    drop(open);
    let mut guarded = home.serve_with(&["--address", "0.0.0.0:0", "--token", TOKEN]);
    assert_eq!(guarded.get("/list").status, 401);
    guarded.token = Some(TOKEN.to_owned());
    assert_eq!(guarded.get("/list").status, 200);
}

#[test]
fn the_variable_port_is_honoured_on_loopback() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = program::headwater(&["serve", "--log-format", "json", "--data-dir"]);
    command.arg(home.data()).env("PORT", free.to_string());
    let server = Server::spawn(command, home.path());
    assert_eq!(server.address.to_string(), format!("127.0.0.1:{free}"));
    assert_eq!(server.get("/healthz").status, 200);

    let wrong = program::headwater(&["serve"]).env("PORT", "many").stdout(Stdio::null()).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[test]
fn a_port_that_is_taken_is_one_line() {
    let (first, second) = (Home::new(), Home::new());
    let server = first.serve();
    let address = server.address.to_string();
    let output = program::headwater(&["serve", "--address", &address, "--data-dir"]).arg(second.data()).output().unwrap();
    let ran = Ran::of(output);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says_one_line();
    assert!(ran.stderr.contains(&address), "{ran:?}");
}

#[test]
fn a_data_folder_has_one_server() {
    let home = Home::new();
    let server = home.serve();
    let ran = Ran::of(home.command(&[]).output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says_one_line();
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn http_targets_may_be_bound_to_a_list_of_hosts() {
    let home = Home::new();
    let server = home.serve_with(&["--allow-outbound", "127.0.0.1:9,*.example.org"]);
    let to = |url: &str| server.post("/start", &job("j", json!({"type": "http", "url": url})));
    for url in ["http://127.0.0.1:10/", "http://localhost:9/", "http://169.254.169.254/latest/meta-data", "http://127.0.0.1:9@evil.test/"] {
        let answer = to(url);
        assert_eq!(answer.status, 400, "{url}");
        assert!(answer.message().starts_with("target"), "{url}: {}", answer.message());
    }
    assert_eq!(to("http://127.0.0.1:9/in").status, 200);
}
