//! The folder on disk that files are in.

use serde_json::json;

use crate::server::Home;
use crate::specs::{job, to_file, with};

#[test]
fn nothing_around_the_folder_can_be_read_and_no_link_is_followed() {
    let home = Home::new();
    let server = home.serve();
    server.start_job(&with(job("ten", to_file("ten.json")), json!({"total_events": 10})));
    server.wait_complete("ten");
    std::fs::write(home.data().join("secret.txt"), "secret").unwrap();
    let files = std::fs::read_dir(home.data()).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.join("ten.json").exists());
    let files = files.expect("one folder of the data folder has the files");
    std::os::unix::fs::symlink(home.data().join("secret.txt"), files.join("link.txt")).unwrap();
    for path in ["link.txt", "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "store.redb", "../store.redb"] {
        let answer = server.get(&format!("/file/{path}"));
        assert!(answer.status == 400 || answer.status == 404, "{path}: {}", answer.status);
        assert!(!answer.text().contains("secret\""), "{path}");
    }
}
