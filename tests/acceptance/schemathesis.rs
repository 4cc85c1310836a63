//! The whole API against its description: Schemathesis sends what `/openapi.json` allows and what it forbids, and holds every answer
//! against it.
//!
//! `tests/run` installs it and names it in `SCHEMATHESIS`; `tests/schemathesis.toml` says how it goes about it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::http::try_send;
use crate::server::Home;

/// What the server wants, so that it can be seen to refuse who has none.
const TOKEN: &str = "a-token-of-the-tests";

/// Cases for each operation in each way of making them, so that some thousands take a minute or two.
const CASES: &str = "20";

/// What cases are drawn from: the same ones each time, so that whoever changes nothing sees nothing new.
const SEED: &str = "1";

/// Fewer than these are no proof.
const LEAST: u64 = 2000;

#[test]
fn every_answer_is_as_described() {
    let program = std::env::var_os("SCHEMATHESIS").expect("SCHEMATHESIS is set: `tests/run` does it; see `tests/components`");
    let home = Home::new();
    let server = home.serve_with(&["--store", "memory", "--token", TOKEN, "--allow-outbound", "example.invalid"]);
    let bearer = format!("Bearer {TOKEN}");
    let described = try_send(server.address, "GET", "/openapi.json", &[("authorization", &bearer)], b"").expect("the server answers");
    assert_eq!(described.status, 200, "{}", described.text());
    let (description, report) = (home.path().join("openapi.json"), home.path().join("report.json"));
    std::fs::write(&description, described.text()).expect("the temporary folder can be written");

    let mut command = Command::new(program);
    command.args(["--config-file", "tests/schemathesis.toml", "--no-color", "run"]).arg(&description);
    command.args(["--url", &format!("http://{}", server.address), "--checks", "all", "--max-examples", CASES, "--seed", SEED]);
    command.args(["--generation-database", "none", "--report", "json", "--report-json-path"]).arg(&report);
    // From the root of the clone, as the configuration wants it, where what it remembers is ignored.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the clone");
    command.env("HEADWATER_TOKEN", TOKEN).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(root).stdin(Stdio::null());
    let output = command.output().expect("schemathesis can be started");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));

    let report = std::fs::read(&report).expect("there is a report");
    let report: Value = serde_json::from_slice(&report).expect("the report is JSON");
    let cases = report["test_cases"]["generated"].as_u64().unwrap_or_default();
    println!("schemathesis: {cases} cases with the seed {}", report["seed"]);
    assert!(output.status.success(), "schemathesis found something: {}", output.status);
    assert_eq!(report["complete"], true, "{report}");
    assert!(cases >= LEAST, "{cases} cases are fewer than {LEAST}");
    let (status, log) = server.terminate();
    assert!(status.success() && !log.contains("panicked"), "{log}");
}
