//! The console in a real browser: `tests/browser`, which Node.js runs and Chromium shows, against servers of this test's own.
//!
//! `tests/run` installs what that takes and names it in `NODE`, `CHROMIUM` and `BROWSER_MODULES`. With `SCREENSHOTS`, a folder, the
//! pictures of the documentation are made anew: `SCREENSHOTS=$PWD/docs/images tests/run console::`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server::{Home, Server};

/// What the second server wants.
const TOKEN: &str = "a-token-of-the-tests";

/// Pictures that are made at least: those of the documentation.
const PICTURES: [&str; 5] = ["overview", "overview-dark", "new-job", "stream", "spectrum"];

fn variable(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: `tests/run` does it; see `tests/components`"))
}

fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// The files of the suite, sorted.
fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(suite()).expect("the suite is there").map(|entry| entry.expect("it can be read").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(".test.js")).collect();
    files.sort();
    files
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

/// The number behind a word in the closing lines of node's test runner.
fn told(output: &str, word: &str) -> u64 {
    let line = output.lines().rev().find_map(|line| line.strip_prefix(&format!("ℹ {word} ")));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("it does not say how many {word}:\n{output}"))
}

#[test]
fn the_console_does_in_a_browser_what_it_should() {
    let homes = [Home::new(), Home::new()];
    let open = homes[0].serve_with(&["--demo"]);
    let secured = homes[1].serve_with(&["--token", TOKEN]);
    let pictures = std::env::var_os("SCREENSHOTS").map_or_else(|| homes[0].path().join("pictures"), PathBuf::from);
    let mut command = Command::new(variable("NODE"));
    // One after the other: each file starts a browser, which wants the machine for itself.
    command.args(["--test", "--test-reporter=spec", "--test-concurrency=1", "--test-timeout=120000"]).args(files());
    command.env("HEADWATER_URL", url(&open)).env("HEADWATER_SECURED_URL", url(&secured)).env("HEADWATER_TOKEN", TOKEN);
    command.env("CHROMIUM", variable("CHROMIUM")).env("BROWSER_MODULES", variable("BROWSER_MODULES")).env("SCREENSHOTS", &pictures);
    command.env_remove("NODE_OPTIONS").current_dir(suite()).stdin(Stdio::null());
    let output = command.output().expect("Node.js can be started");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "tests in the browser failed: {}", output.status);
    assert!(told(&said, "pass") > 0 && told(&said, "pass") == told(&said, "tests"), "all tests are run, and none is skipped");
    for name in PICTURES {
        let size = std::fs::metadata(pictures.join(format!("console-{name}.png"))).map(|file| file.len());
        assert!(size.as_ref().is_ok_and(|size| (1_000..400_000).contains(size)), "the picture {name}: {size:?}");
    }
    for server in [open, secured] {
        let (status, log) = server.terminate();
        assert!(status.success(), "{log}");
        assert!(!log.contains("\"level\":\"ERROR\"") && !log.contains("panicked"), "{log}");
    }
}
