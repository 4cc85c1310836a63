//! `headwater generate` and its neighbours, as typed.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::program::{self, Ran, run, run_with_input};
use crate::server::Home;
use crate::specs::{LATER, assert_numbered, numbered, with};
use crate::waiting::seconds;

fn lines(bytes: &[u8]) -> Vec<Value> {
    assert!(bytes.ends_with(b"\n"), "the last line is whole");
    std::str::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Numbered records as a file.
fn specification(home: &Home) -> String {
    let path = home.path().join("numbered.json");
    std::fs::write(&path, numbered().to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn standard_output_has_the_records_and_nothing_else() {
    let home = Home::new();
    let out = run(&["generate", &specification(&home), "-n", "4", "-m", "1", "-s", "2023-01-01T00:00:00"]).quietly();
    let times = ["00.000", "01.000", "02.000", "03.000"].map(|time| format!("2023-01-01T00:00:{time}"));
    let records = lines(&out);
    assert_numbered(&records, 4);
    for (record, time) in records.iter().zip(times) {
        assert_eq!(record["time"], time);
    }
}

#[test]
fn a_path_a_stock_name_and_standard_input_are_the_same_to_it() {
    let home = Home::new();
    let stock = run(&["generate", "iot/iot_twin.json", "-n", "20", "-s", LATER, "--seed", "1"]).quietly();
    assert_eq!(lines(&stock).len(), 20);
    let path = specification(&home);
    let limits = ["-n", "50", "-m", "3", "-s", LATER, "--seed", "-5"];
    let by_path = run(&[&["generate", &path][..], &limits].concat()).quietly();
    assert_eq!(lines(&by_path).len(), 50);
    let by_input = run_with_input(&[&["generate", "-"][..], &limits].concat(), numbered().to_string().as_bytes()).quietly();
    assert_eq!(by_input, by_path);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_no_seed_others() {
    let generate = |seed: &[&str]| {
        let fixed = ["generate", "clickstream/clickstream.json", "-n", "5000", "-s", LATER];
        run(&[&fixed[..], seed].concat()).quietly()
    };
    assert_eq!(generate(&["--seed", "11"]), generate(&["--seed", "11"]));
    assert_ne!(generate(&["--seed", "11"]), generate(&["--seed", "12"]));
    assert_ne!(generate(&[]), generate(&[]));
}

#[test]
fn the_server_and_the_command_line_make_the_same_bytes() {
    let home = Home::new();
    let server = home.serve();
    server.start_job(&json!({"name": "j", "target": {"type": "file", "path": "j.json"}, "config_file": "clickstream/clickstream.json",
        "concurrency": 70, "total_events": 20_000, "seed": 77, "time_type": LATER}));
    server.wait_complete("j");
    // The server's first record comes a millisecond after the start, as the original's did.
    let start = "2100-01-01T00:00:00.001";
    let out = run(&["generate", "clickstream/clickstream.json", "-n", "20000", "-m", "70", "--seed", "77", "-s", start]).quietly();
    assert!(out == server.file("j.json"), "they differ");
}

#[test]
fn a_time_limit_ends_it_in_job_time() {
    let home = Home::new();
    let path = specification(&home);
    let began = Instant::now();
    let hour = run(&["generate", &path, "-t", "1h", "-m", "1", "-s"]).quietly();
    assert!(began.elapsed() < seconds(60));
    let count = lines(&hour).len();
    assert!((3600..=3601).contains(&count), "{count}");
    let both = run(&["generate", &path, "-t", "1h", "-n", "7", "-m", "1", "-s"]).quietly();
    assert_eq!(lines(&both).len(), 7);
}

#[test]
fn without_s_it_runs_in_real_time() {
    let home = Home::new();
    let began = Instant::now();
    let out = run(&["generate", &specification(&home), "-t", "2s", "-m", "1"]).quietly();
    let took = began.elapsed();
    assert!(took >= seconds(1) && took < seconds(60), "{took:?}");
    assert!((2..=3).contains(&lines(&out).len()), "{}", lines(&out).len());
}

#[test]
fn a_file_target_is_written_where_it_says() {
    let home = Home::new();
    let (target, out) = (home.path().join("target.json"), home.path().join("out.json"));
    std::fs::write(&target, json!({"type": "file", "path": out}).to_string()).unwrap();
    let arguments = ["generate", &specification(&home), "-n", "1000", "-m", "1", "-s", LATER, "-o", target.to_str().unwrap()];
    for _ in 0..2 {
        assert!(run(&arguments).quietly().is_empty());
        assert_numbered(&lines(&std::fs::read(&out).unwrap()), 1000);
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let began = Instant::now();
    let script = "\"$0\" generate clickstream/clickstream.json -s | head -n 5; exit \"${PIPESTATUS[0]}\"";
    let output = Command::new("bash").args(["-c", script]).arg(program::path()).output().unwrap();
    let ran = Ran::of(output);
    assert_eq!(lines(&ran.quietly()).len(), 5);
    assert!(began.elapsed() < seconds(60));
}

#[test]
fn wrong_usage_is_exit_code_two_and_names_what_is_wrong() {
    for (arguments, named) in [
        (&["generate", "x", "-n", "abc"][..], "--total-events"),
        (&["generate", "x", "-n", "-1"], "-1"),
        (&["generate", "x", "-t", "5 parsecs"], "--time"),
        (&["generate", "x", "-m", "0"], "--concurrency"),
        (&["generate", "x", "-s", "yesterday"], "--simulate"),
        (&["generate", "x", "--seed", "lucky"], "--seed"),
        (&["generate", "x", "--frobnicate"], "--frobnicate"),
        (&["generate"], "SPEC"),
        (&["serve", "--store", "papyrus"], "--store"),
        (&["serve", "--address", "nowhere"], "--address"),
        (&["serve", "--token", "two words"], "--token"),
        (&["completions", "cmd.exe"], "cmd.exe"),
        (&["fly"], "fly"),
    ] {
        let ran = run(arguments);
        ran.fails_naming(2, &[named]);
        assert!(ran.stderr.lines().next().is_some_and(|line| line.contains(named) || named == "SPEC"), "{ran:?}");
    }
}

#[test]
fn what_cannot_be_read_or_understood_is_one_line() {
    let home = Home::new();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = specification(&home);
    let no_json = file("broken.json", "{\n\"states\": [,\n");
    let mistaken = file("mistaken.json", &with(numbered(), json!({"states": [], "emitters": null})).to_string());
    let pigeon = file("pigeon.json", r#"{"type":"pigeon"}"#);
    for (arguments, named) in [
        (&["generate", "no/such.json", "-n", "1"][..], &["no/such.json"][..]),
        (&["generate", &no_json, "-n", "1"], &["broken.json", "line"]),
        (&["generate", &mistaken, "-n", "1"], &["mistaken.json", "states", "emitters"]),
        (&["generate", &good, "-n", "1", "-o", "no-target.json"], &["no-target.json"]),
        (&["generate", &good, "-n", "1", "-o", &pigeon], &["pigeon.json", "target.type"]),
        (&["serve", "--specs-dir", "no-such-folder", "--data-dir", home.path().to_str().unwrap()], &["--specs-dir", "no-such-folder"]),
        (&["serve", "--data-dir", "/proc/no/such"], &["/proc/no/such"]),
    ] {
        let ran = run(arguments);
        ran.fails_naming(1, named);
        ran.says_one_line();
    }
}

#[test]
fn completions_are_scripts_that_shells_understand() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).quietly();
        assert!(String::from_utf8(script).unwrap().contains("headwater"), "{shell}");
    }
    let bash =
        Command::new("bash").arg("-c").arg("source <(\"$0\" completions bash) && complete -p headwater").arg(program::path()).output();
    let ran = Ran::of(bash.unwrap());
    assert!(String::from_utf8(ran.quietly()).unwrap().contains("_headwater"));
}

#[test]
fn help_and_version_go_to_standard_output() {
    for (arguments, named) in [
        (&["--help"][..], &["serve", "generate", "completions"][..]),
        (&["serve", "--help"], &["--data-dir", "HEADWATER_TOKEN"]),
        (&["--version"], &["headwater 0."]),
    ] {
        let out = String::from_utf8(run(arguments).quietly()).unwrap();
        for part in named {
            assert!(out.contains(part), "{part} is not in {out}");
        }
    }
}

#[test]
fn progress_is_for_terminals_only() {
    let home = Home::new();
    let out = home.path().join("out.json");
    let generate = format!("'{}' generate clickstream/clickstream.json -s {LATER} -n 1500000", program::path().display());
    // `script` gives its command a terminal, and passes on what is drawn there.
    let on_terminal = |command: &str| {
        let output = Command::new("script").args(["-q", "-e", "-c", command, "/dev/null"]).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let drawn = on_terminal(&format!("{generate} > '{}'", out.display()));
    for part in ["1,500,000 events", "/s", "MiB", "clock 2100-01-01", "left"] {
        assert!(drawn.contains(part), "{part} is not in {drawn:?}");
    }
    let records = std::fs::read(&out).unwrap();
    assert_eq!(records.iter().filter(|byte| **byte == b'\n').count(), 1_500_000);
    assert!(!records.contains(&0x1b), "progress went into the records");
    // Records on the terminal itself are not drawn over.
    let shown = on_terminal(&generate.replace("1500000", "200"));
    assert_eq!(shown.lines().filter(|line| line.starts_with("{\"time\"")).count(), 200);
    assert!(!shown.contains("events"), "{shown:?}");
    // A pipe gets nothing: every test here that ends quietly has shown it; once more with a run of the same length.
    let piped = program::headwater(&["generate", "clickstream/clickstream.json", "-s", LATER, "-n", "1500000"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    assert_eq!(Ran::of(piped.unwrap()).stderr, "");
}

#[test]
fn a_full_disk_ends_it_with_one_line() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = program::headwater(&["generate", "examples/langmap.json", "-s", LATER, "-n", "100000"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output();
    let ran = Ran::of(output.unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says_one_line();
    assert!(ran.stderr.contains("standard output"), "{ran:?}");
}
