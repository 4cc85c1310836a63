//! What becomes of answers that are none of 204, from a server that gives them on demand.

use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater_core::ports::PointsRefused;

use crate::database::server;
use crate::fake::{Fake, Reply, answer};

/// What nobody may read.
const TOKEN: &str = "t0ken-nobody-may-see";

/// What a server of version 2 that does so is said to have done, for one point.
async fn refusal(rule: impl Fn() -> Reply + Send + Sync + 'static) -> (PointsRefused, String) {
    let fake = Fake::new(move |_, _| rule()).await;
    let variables = [("URL", fake.url.as_str()), ("VERSION", "2"), ("ORG", "o"), ("BUCKET", "b"), ("TOKEN", TOKEN)];
    let store = server(&variables).store();
    let refused = store.write(Bytes::from_static(b"m f=1 1\n")).await.unwrap_err();
    assert_eq!(fake.seen().len(), 1, "it is for others to try again");
    for shown in [format!("{refused} {refused:?}"), format!("{store:?}"), store.place().to_owned()] {
        assert!(!shown.contains(TOKEN), "{shown}");
    }
    let host = fake.url.strip_prefix("http://").unwrap().to_owned();
    assert!(refused.to_string().starts_with(&host), "{refused}");
    assert_eq!(store.place(), format!("bucket \"b\" of {host}"));
    (refused, host)
}

#[tokio::test]
async fn answers_say_what_to_do_next() {
    let said = r#"{"code":"invalid","message":"unable to parse 'x': bad timestamp"}"#;
    for (status, headers, word) in [
        (400, "", "Unfit"),
        (422, "", "Unfit"),
        (413, "", "TooLarge"),
        (401, "", "Denied"),
        (403, "", "Denied"),
        (404, "", "Denied"),
        (405, "", "Denied"),
        (302, "Location: http://127.0.0.1:1/\r\n", "Denied"),
        (429, "Retry-After: 7\r\n", "after: Some(7s)"),
        (503, "Retry-After: 90000\r\n", "after: Some(600s)"),
        (503, "Retry-After: Fri, 01 Jan 2088 00:00:00 GMT\r\n", "after: None"), // It is a Thursday.
        (503, "Retry-After: Thu, 01 Jan 2088 00:00:00 GMT\r\n", "after: Some(600s)"),
        (500, "", "after: None"),
        (408, "", "Later"),
        (504, "", "Later"),
    ] {
        let (refused, host) = refusal(move || answer(status, headers, said)).await;
        assert!(format!("{refused:?}").contains(word), "{status}: {refused:?}");
        let text = refused.to_string();
        assert!(text.starts_with(&format!("{host} answered {status}")) && text.ends_with(": unable to parse 'x': bad timestamp"), "{text}");
    }
}

#[tokio::test]
async fn a_page_for_people_is_no_database() {
    let (refused, _) = refusal(|| answer(200, "Content-Type: text/html; charset=utf-8\r\n", "<h1>Log in</h1>")).await;
    assert!(matches!(refused, PointsRefused::Denied(_)), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_tried_again() {
    for bytes in ["", "HTTP/1.1 204", "rubbish\r\n\r\n", "HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nhalf"] {
        let (refused, host) = refusal(move || Reply::Bytes(bytes.to_owned())).await;
        assert_eq!(refused, PointsRefused::Later { why: format!("{host} broke off the connection"), after: None }, "{bytes:?}");
    }
    // A status is an answer, even when its body breaks off behind what says that points are kept.
    let fake = Fake::new(|_, _| Reply::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_owned())).await;
    server(&[("URL", &fake.url), ("DATABASE", "d")]).store().write(Bytes::from_static(b"m f=1 1\n")).await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let began = Instant::now();
    let (refused, host) = refusal(|| Reply::Silence).await;
    assert_eq!(refused, PointsRefused::Later { why: format!("{host} did not answer in time"), after: None });
    let took = began.elapsed();
    assert!(took > Duration::from_secs(5) && took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn a_long_answer_is_not_read_to_its_end() {
    let (refused, _) = refusal(|| answer(400, "", &format!("{{\"error\":\"{}\"}}", "no ".repeat(3_000_000)))).await;
    assert!(matches!(&refused, PointsRefused::Unfit(why) if why.len() < 500), "{refused:?}");
}

#[tokio::test]
async fn a_400_of_something_before_the_database_is_not_the_fault_of_points() {
    for page in ["Client sent an HTTP request to an HTTPS server.\n", "<html><body>Bad Request</body></html>"] {
        let (refused, _) = refusal(move || answer(400, "", page)).await;
        assert!(matches!(refused, PointsRefused::Denied(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_is_not_shown() {
    let store = server(&[("URL", "http://127.0.0.1:1"), ("VERSION", "3"), ("DATABASE", "d"), ("TOKEN", "t0ken\nX: y")]).store();
    let refused = store.write(Bytes::from_static(b"m f=1 1\n")).await.unwrap_err();
    assert!(matches!(&refused, PointsRefused::Denied(why) if !why.contains("t0ken")), "{refused:?}");
}

#[tokio::test]
async fn requests_are_what_each_version_wants() {
    let fake = Fake::new(|_, _| answer(204, "", "")).await;
    let (short, long) = ("m,t=é f=1 1\n", "m,t=é f=1 1\n".repeat(500));
    for (variables, line, authorization) in [
        (&[("DATABASE", "d")][..], "POST /write?db=d&precision=ns", None),
        (&[("DATABASE", "d"), ("USERNAME", "u"), ("PASSWORD", "p:")], "POST /write?db=d&precision=ns", Some("Basic dTpwOg==")),
        (
            &[("VERSION", "2"), ("ORG", "o"), ("BUCKET", "b"), ("TOKEN", "t")],
            "POST /api/v2/write?org=o&bucket=b&precision=ns",
            Some("Token t"),
        ),
        (&[("VERSION", "3"), ("DATABASE", "d"), ("TOKEN", "t")], "POST /api/v3/write_lp?db=d&precision=nanosecond", Some("Bearer t")),
    ] {
        let variables: Vec<_> = variables.iter().copied().chain([("URL", fake.url.as_str())]).collect();
        let store = server(&variables).store();
        for lines in [short, &long] {
            store.write(Bytes::from(lines.to_owned())).await.unwrap();
            let seen = fake.seen().pop().unwrap();
            assert_eq!(seen.line, line);
            assert_eq!(seen.headers.get("authorization").map(String::as_str), authorization);
            assert_eq!(seen.headers["content-type"], "text/plain; charset=utf-8");
            assert_eq!(seen.headers.get("content-encoding").map(String::as_str), (lines.len() > 1024).then_some("gzip"));
            assert_eq!(seen.body, lines);
        }
    }
    let before = fake.seen().len();
    server(&[("URL", &fake.url), ("DATABASE", "d")]).store().write(Bytes::new()).await.unwrap();
    assert_eq!(fake.seen().len(), before, "nothing is not sent");
}

#[tokio::test]
async fn a_database_is_made_once_and_not_again_and_again() {
    let missing = || answer(404, "Content-Type: application/json\r\n", "{\"error\":\"database not found: \\\"my \\\\\\\"db\\\"\"}");
    for (made, kept) in [
        (r#"{"results":[{"statement_id":0}]}"#, true),
        (r#"{"results":[{"statement_id":0}]}"#, false),
        (r#"{"results":[{"statement_id":0,"error":"name cannot be used"}]}"#, false),
    ] {
        let fake = Fake::new(move |seen, number| match number {
            _ if seen.line.starts_with("POST /query?") => answer(200, "", made),
            2 if kept => answer(204, "", ""),
            _ => missing(),
        })
        .await;
        let store = server(&[("URL", &fake.url), ("DATABASE", "my \"db"), ("PASSWORD", TOKEN), ("USERNAME", "u")]).store();
        let result = store.write(Bytes::from_static(b"m f=1 1\n")).await;
        let seen = fake.seen();
        assert_eq!(seen[1].line, "POST /query?q=CREATE+DATABASE+%22my+%5C%22db%22");
        assert!(seen[1].headers.contains_key("authorization"));
        match result {
            Ok(()) => assert!(kept && seen.len() == 3),
            Err(PointsRefused::Denied(why)) => assert!(!kept && seen.len() <= 3 && !why.contains(TOKEN), "{why}"),
            Err(other) => panic!("{other:?}"),
        }
    }
    // Only databases of version 1 are made.
    let fake = Fake::new(move |_, _| missing()).await;
    let store = server(&[("URL", &fake.url), ("VERSION", "3"), ("DATABASE", "d")]).store();
    assert!(matches!(store.write(Bytes::from_static(b"m f=1 1\n")).await, Err(PointsRefused::Denied(_))));
    assert_eq!(fake.seen().len(), 1);
}
