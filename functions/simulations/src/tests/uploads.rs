use serde_json::json;

use super::{Answer, Host, host, simulation};

const SCRIPTS: &str = "/v1/devicemodelscripts";
const REPLAYS: &str = "/v1/replayfile";
const SCRIPT: &str = "function main(context, state) {\r\n  updateState({ n: 1 });\r\n}\n";

/// A part of a form: its name, the name and type of its file, its content.
type Part<'a> = (&'a str, Option<(&'a str, &'a str)>, &'a str);

async fn upload(host: &Host, method: &str, path: &str, parts: &[Part<'_>]) -> Answer {
    let mut body = String::new();
    for (name, file, content) in parts {
        body.push_str(&format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\""));
        if let Some((file, kind)) = file {
            body.push_str(&format!("; filename=\"{file}\"\r\nContent-Type: {kind}"));
        }
        body.push_str(&format!("\r\n\r\n{content}\r\n"));
    }
    body.push_str("--limit--\r\n");
    host.send(method, path, &[("content-type", "multipart/form-data; boundary=limit")], body).await
}

async fn script(host: &Host, method: &str, path: &str, content: &str, etag: Option<&str>) -> Answer {
    let file: Part<'_> = ("file", Some(("script.js", "text/javascript")), content);
    match etag {
        None => upload(host, method, path, &[file]).await,
        Some(etag) => upload(host, method, path, &[file, ("ETag", None, etag)]).await,
    }
}

#[tokio::test]
async fn a_script_is_kept_read_replaced_and_deleted() {
    let host = host();
    let made = script(&host, "POST", SCRIPTS, SCRIPT, None).await.json();
    let (id, etag) = (made["Id"].as_str().unwrap(), made["ETag"].as_str().unwrap());
    let (path, date) = (format!("{SCRIPTS}/{id}"), "2023-11-14T22:13:20+00:00");
    let wanted = json!({
        "ETag": etag, "Id": id, "Type": "javascript", "Name": "script.js", "Content": SCRIPT, "Path": "Storage",
        "$metadata": {"$type": "DeviceModelScript;1", "$uri": format!("/v1/simulationscripts/{id}"), "$created": date, "$modified": date},
    });
    assert_eq!(made, wanted);
    assert_eq!(host.get(&path).await.json(), made);
    let listed = json!({"Items": [made], "$metadata": {"$type": "DeviceModelScriptList;1", "$uri": SCRIPTS}});
    assert_eq!(host.get(SCRIPTS).await.json(), listed);
    let found = host.service.scripts().find(id).await.unwrap().unwrap();
    assert_eq!((&*found.name, &*found.text), ("script.js", SCRIPT));

    let newer = SCRIPT.replace('1', "2");
    script(&host, "PUT", &path, &newer, None).await.refuses(400, "BadRequestException");
    script(&host, "PUT", &path, &newer, Some("wrong")).await.refuses(409, "ConflictingResourceException");
    script(&host, "PUT", &path, "nonsense", Some(etag)).await.refuses(400, "BadRequestException");
    upload(&host, "PUT", &path, &[("ETag", None, etag)]).await.refuses(400, "BadRequestException");
    let replaced = script(&host, "PUT", &path, &newer, Some(etag)).await.json();
    assert_eq!(replaced["Content"], newer);
    assert_ne!(replaced["ETag"], etag);
    assert_eq!(script(&host, "PUT", &format!("{SCRIPTS}/mine"), SCRIPT, Some("x")).await.json()["Id"], "mine");

    host.delete(&path).await.is_empty();
    host.get(&path).await.refuses(404, "ResourceNotFoundException");
    host.delete(&path).await.refuses(404, "ResourceNotFoundException");
    assert!(host.service.scripts().find(id).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_no_script_is_refused() {
    let host = host();
    for parts in [
        &[("other", Some(("script.js", "text/javascript")), SCRIPT)][..],
        &[("file", None, SCRIPT)],
        &[("file", Some(("script.txt", "text/plain")), SCRIPT)],
        &[("file", Some(("script.js", "text/javascript")), "function main( {")],
        &[],
    ] {
        upload(&host, "POST", SCRIPTS, parts).await.refuses(400, "BadRequestException");
    }
    let long = format!("{SCRIPT}//{}", "x".repeat(40 * 1024));
    script(&host, "POST", SCRIPTS, &long, None).await.refuses(400, "BadRequestException");
    host.send("POST", SCRIPTS, &[], "").await.refuses(400, "BadRequestException");
    host.send("POST", SCRIPTS, &[("content-type", "text/javascript")], SCRIPT).await.refuses(415, "BadRequestException");
    host.send("POST", SCRIPTS, &[("content-type", "multipart/form-data")], "x").await.refuses(400, "BadRequestException");
    host.send("POST", SCRIPTS, &[("content-type", "multipart/form-data; boundary=b")], "x").await.refuses(400, "BadRequestException");
    assert_eq!(host.get(SCRIPTS).await.json()["Items"], json!([]));
    upload(&host, "POST", SCRIPTS, &[("FILE", Some(("a.JS", "application/octet-stream")), SCRIPT)]).await.json();
    upload(&host, "POST", SCRIPTS, &[("file", Some(("b", "text/javascript; charset=utf-8")), SCRIPT)]).await.json();
}

#[tokio::test]
async fn a_file_that_is_too_large_for_the_house_is_told_so() {
    let host = host();
    let large = "x".repeat(headwater_core::limits::REQUEST_BODY);
    script(&host, "POST", SCRIPTS, &large, None).await.refuses(413, "BadRequestException");
}

#[tokio::test]
async fn a_check_says_what_is_wrong_and_keeps_nothing() {
    let host = host();
    let path = format!("{SCRIPTS}!validate");
    assert_eq!(script(&host, "POST", &path, SCRIPT, None).await.json(), json!({"IsValid": true}));
    let bad = script(&host, "POST", &path, "function main( {", None).await;
    assert_eq!((bad.status.as_u16(), bad.header("content-type")), (400, "application/json; charset=utf-8"));
    assert_eq!(bad.text(), r#"{"IsValid":false,"Messages":["script.js:1: there is no main"]}"#);
    upload(&host, "POST", &path, &[]).await.refuses(400, "BadRequestException");
    upload(&host, "POST", &path, &[("file", Some(("a.txt", "text/plain")), SCRIPT)]).await.refuses(400, "BadRequestException");
    assert_eq!(host.get(SCRIPTS).await.json()["Items"], json!([]));
}

#[tokio::test]
async fn a_replay_file_is_kept_named_by_simulations_and_deleted() {
    let host = host();
    let content = "telemetry, 00:00:01,{\"a\":1,\"b\":2}\nother,x,y\n";
    let file: Part<'_> = ("file", Some(("drive.csv", "text/csv")), content);
    assert_eq!(upload(&host, "POST", &format!("{REPLAYS}!validate"), &[file]).await.json(), json!({"IsValid": true}));
    let made = upload(&host, "POST", REPLAYS, &[file]).await.json();
    let (id, date) = (made["Id"].as_str().unwrap(), "2023-11-14T22:13:20+00:00");
    let path = format!("{REPLAYS}/{id}");
    let wanted = json!({
        "ETag": made["ETag"], "Id": id, "Type": "", "Name": "drive.csv", "Content": content, "Path": "Storage",
        "$metadata": {"$type": "ReplayFile;1", "$uri": path, "$created": date, "$modified": date},
    });
    assert_eq!(made, wanted);
    assert_eq!(host.get(&path).await.json(), made);
    assert_eq!(host.service.replays().find(id).await.unwrap().unwrap().content, content);
    let body = simulation(&json!({"ReplayFileId": id, "ReplayFileIndefinitely": true}));
    let simulation = host.post("/v1/simulations", body).await.json();
    assert_eq!((&simulation["ReplayFileId"], &simulation["ReplayFileIndefinitely"]), (&made["Id"], &json!(true)));
    host.delete(&path).await.is_empty();
    host.get(&path).await.refuses(404, "ResourceNotFoundException");
    // A simulation that names it already can still be edited.
    host.put("/v1/simulations/1", &simulation).await.json();
}

#[tokio::test]
async fn a_replay_file_with_a_broken_line_is_refused() {
    let host = host();
    let file: Part<'_> = ("file", Some(("drive.csv", "text/csv")), "telemetry,00:00:01,x\ntelemetry,00:00:02");
    let said = upload(&host, "POST", REPLAYS, &[file]).await.refuses(400, "BadRequestException");
    assert!(said.starts_with("line 2"), "{said}");
    let checked = upload(&host, "POST", &format!("{REPLAYS}!validate"), &[file]).await;
    assert!(checked.status.as_u16() == 400 && checked.text().starts_with(r#"{"IsValid":false,"Messages":["line 2"#), "{}", checked.text());
    upload(&host, "POST", REPLAYS, &[]).await.refuses(400, "BadRequestException");
    host.get(REPLAYS).await.refuses(405, "BadRequestException");
}
