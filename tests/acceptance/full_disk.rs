//! What a full disk does to jobs: they say so, wait, and go on.
//!
//! The server gets a mount namespace of its own with a tiny file system in it, which vanishes with the server. The test looks
//! into it through the process's root.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::program;
use crate::server::{Home, Server};
use crate::specs::{assert_numbered, job, to_file, wide, with};
use crate::waiting::seconds;

/// Starts a server of this home with a file system of so many MiB mounted at the folder.
fn serve_on_tiny_disk(home: &Home, folder: &Path, mebibytes: u32) -> Server {
    std::fs::create_dir_all(folder).unwrap();
    let inner = home.command(&[]);
    let mount = "mount -t tmpfs -o size=\"$1\"m headwater-test \"$2\" && shift 2 && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "bash", "-c", mount, "bash", &mebibytes.to_string()]).arg(folder);
    command.arg(program::path()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Server::spawn(command, home.path())
}

/// A path as the server sees it.
fn seen_by(server: &Server, path: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root", server.id())).join(path.strip_prefix("/").unwrap())
}

#[test]
fn a_job_that_fills_the_disk_says_so_and_goes_on_when_there_is_space() {
    let home = Home::new();
    let files = home.data().join("files");
    let server = serve_on_tiny_disk(&home, &files, 4);
    let filler = seen_by(&server, &files).join("filler");
    std::fs::write(&filler, vec![0; 3 << 20]).unwrap();
    server.start_job(&with(job("big", to_file("big.json")), json!({"config": wide(1000), "total_events": 2500, "seed": 4})));
    let report = server.wait_status("big", "word of the full disk", seconds(30), |report| {
        report["status_msg"].as_str().unwrap().contains("no space") || report["status"] != "RUNNING"
    });
    assert_eq!(report["status"], "RUNNING", "{report}");
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(server.wait_complete("big")["total_records"], 2500);
    assert_numbered(&server.records("big.json"), 2500);
}

#[test]
fn a_data_folder_without_space_is_told_and_outlived() {
    let home = Home::new();
    let server = serve_on_tiny_disk(&home, &home.data(), 12);
    server.start_job(&with(job("before", to_file("before.json")), json!({"total_events": 10})));
    server.wait_complete("before");
    // All that is left is taken.
    let filler = seen_by(&server, &home.data()).join("filler");
    let _ = std::fs::write(&filler, vec![0; 12 << 20]);
    let request = with(job("during", to_file("during.json")), json!({"config": wide(1000), "total_events": 4000, "seed": 4}));
    let answer = server.post("/start", &request);
    assert!(matches!(answer.status, 200 | 503 | 507), "{}: {}", answer.status, answer.text());
    assert!(!answer.message().is_empty());
    std::thread::sleep(seconds(2));
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.status("before")["status"], "COMPLETE");
    assert_numbered(&server.records("before.json"), 10);

    std::fs::remove_file(&filler).unwrap();
    if answer.status != 200 {
        server.start_job(&request);
    }
    // Well below the time after which a crashed worker's lease would lapse: nobody has crashed.
    let report = server.wait_status("during", "the job's end", seconds(45), |report| report["status"] != "RUNNING");
    assert_eq!(report["status"], "COMPLETE", "{report}");
    assert_numbered(&server.records("during.json"), 4000);
}
