//! `headwater top`, as typed, and in a terminal that `script` (of util-linux) makes.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::program::{self, run};
use crate::server::{Home, Server};
use crate::waiting::{seconds, wait_for};

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

/// What the live endpoint tells a program that wants one answer.
fn now(server: &Server) -> Value {
    server.send("GET", "/live", &[("accept", "application/json")], b"").json()
}

/// The cells of the row that begins with this name.
fn row<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).split_whitespace().collect()
}

#[test]
fn what_the_demo_runs_is_printed_once() {
    let home = Home::new();
    let server = home.serve_with(&["--demo"]);
    wait_for("the demo", seconds(20), || {
        let now = now(&server);
        (now["runs"][0].is_object() && now["streams"][1]["events"].as_u64() > Some(0)).then_some(())
    });
    for arguments in [&["top", "--once", "--url"][..], &["top", "--server"]] {
        let text = String::from_utf8(run(&[arguments, &[&url(&server)]].concat()).quietly()).expect("it is UTF-8");
        assert!(text.starts_with(&format!("headwater {} at http://", env!("CARGO_PKG_VERSION"))), "{text}");
        assert_eq!(row(&text, "clicks")[1], "RUNNING", "{text}");
        // By then it has been watched long enough for a rate.
        assert!(row(&text, "clicks")[3].parse::<f64>().is_ok_and(|rate| rate > 0.0), "{text}");
        assert_eq!(row(&text, "Demo")[1..2], ["running"], "{text}");
        assert_eq!(row(&text, "sine-spectrum")[1], "filling", "{text}");
        assert_eq!(row(&text, "demo")[1], "running", "{text}");
        for title in ["Jobs", "Fleets", "Streams", "Tables", "Load tests"] {
            assert!(text.lines().any(|line| line == title), "{title} in\n{text}");
        }
        assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{text:?}");
    }
}

#[test]
fn a_server_with_nothing_has_one_line() {
    let home = Home::new();
    let server = home.serve();
    let text = String::from_utf8(run(&["top", "--once", "--url", &url(&server)]).quietly()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn what_cannot_be_watched_is_said_in_a_line() {
    let home = Home::new();
    let server = home.serve_with(&["--token", "the-right-one"]);
    for token in [&[][..], &["--token", "another-one"]] {
        let ran = run(&[&["top", "--once", "--url", &url(&server)], token].concat());
        ran.fails_naming(1, &["401", "token"]);
        ran.says_one_line();
    }
    run(&["top", "--once", "--url", &url(&server), "--token", "the-right-one"]).quietly();
    let address = url(&server);
    server.kill();
    run(&["top", "--once", "--url", &address]).fails_naming(1, &["cannot be reached"]);
    run(&["top", "--once", "--url", "ftp://h"]).fails_naming(2, &["--url"]);
}

/// `headwater top` in a terminal of 100 columns and 30 lines.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn open(server: &str) -> Self {
        let line = format!("stty rows 30 cols 100; exec '{}' top --url '{server}'", program::path().display());
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-f", "-c", &line, "/dev/null"]).env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEADWATER_")) {
            command.env_remove(name);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("there is a program `script`");
        let (keys, mut screen) = (child.stdin.take().expect("it is piped"), child.stdout.take().expect("it is piped"));
        let written = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut piece) {
                kept.lock().expect("no test panics while it holds this").extend_from_slice(&piece[..read]);
            }
        });
        Self { child, keys, written }
    }

    /// All that was written, as text.
    fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("no test panics while it holds this")).into_owned()
    }

    /// Waits until this has been written since, and forgets what was before.
    #[track_caller]
    fn wait_for(&self, text: &str) {
        let found = |written: &mut Vec<u8>| {
            let place = String::from_utf8_lossy(written).find(text)?;
            written.drain(..written.len().min(place + text.len()));
            Some(())
        };
        wait_for(text, seconds(20), || found(&mut self.written.lock().expect("no test panics while it holds this")));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("the terminal takes keys");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_terminal_shows_what_runs_and_waits_for_a_server_that_is_away() {
    let home = Home::new();
    let server = home.serve_with(&["--demo"]);
    let address = server.address.to_string();
    let mut terminal = Terminal::open(&url(&server));
    for shown in ["\u{1b}[?1049h", "clicks", "sine-spectrum"] {
        terminal.wait_for(shown);
    }
    server.kill();
    terminal.wait_for("trying again");
    let server = home.serve_with(&["--demo", "--address", &address]);
    terminal.wait_for("q quit");
    let now = now(&server);
    assert_eq!(now["jobs"][0]["name"], "clicks", "{now}");
    // A list is chosen, and the end asked for.
    terminal.press("\t\u{1b}[B");
    terminal.press("q");
    let status = wait_for("the end", seconds(20), || terminal.child.try_wait().expect("it is our child"));
    assert!(status.success(), "{status}");
    // The terminal is as it was.
    wait_for("the screen of before", seconds(5), || terminal.written().contains("\u{1b}[?1049l").then_some(()));
}
