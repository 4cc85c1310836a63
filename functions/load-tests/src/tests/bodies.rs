//! What a body may be.

use axum::body::Body;
use headwater_core::limits;

use super::{FORM, host};

const EVENTS: [&str; 4] = ["register", "update", "annotate", "commit"];

#[tokio::test]
async fn what_is_no_object_is_refused() {
    let host = host();
    for event in EVENTS {
        for kind in ["application/json", "application/json; charset=utf-8", "application/vnd.api+json", ""] {
            for body in ["", " \n", "[]", "\"x\"", "7", "null", "true", "{bad", "{\"a\":1}}", "\0"] {
                host.post(event, kind, body).await.refuses(400, "invalid", None);
            }
        }
        host.post(event, FORM, "").await.refuses(400, "invalid", None);
        let path = format!("/apiv0.1/events/{event}");
        let message = host.send("POST", &path, &[], "[1]").await.refuses(400, "invalid", None);
        assert_eq!(message, "the body must be an object, not an array");
    }
}

#[tokio::test]
async fn a_form_with_a_malformed_key_is_refused_by_its_name() {
    let host = host();
    for (body, field) in [
        ("hostname=h&measurement[fields=1", "measurement[fields"),
        ("hostname=h&measurement%5Bfields%5D%5D=1", "measurement[fields]]"),
        ("hostname=h&hostname[a]=1", "hostname[a]"),
        ("hostname=%C3", "hostname"),
        ("[1]", "[1]"),
    ] {
        host.post("register", FORM, body).await.refuses(400, "invalid", Some(field));
    }
    host.post("register", FORM, "=x").await.refuses(400, "invalid", None);
}

#[tokio::test]
async fn what_curl_calls_a_form_may_be_json() {
    let message = host().post("register", FORM, " {\"hostname\":").await.refuses(400, "invalid", None);
    assert!(message.starts_with("the body is not JSON"), "{message}");
}

#[tokio::test]
async fn another_content_type_is_refused_whatever_the_body() {
    let host = host();
    for kind in ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16"] {
        for body in ["", "{}", "hostname=h"] {
            let message = host.post("register", kind, body).await.refuses(415, "unsupported_media_type", None);
            assert!(message.contains(kind), "{message}");
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_too_large() {
    let host = host();
    for kind in ["application/json", FORM] {
        let body = vec![b'x'; limits::REQUEST_BODY + 1];
        host.post("commit", kind, body).await.refuses(413, "too_large", None);
    }
    host.post("commit", "application/json", vec![b'x'; limits::REQUEST_BODY]).await.refuses(400, "invalid", None);
    host.post("commit", "application/json", Body::empty()).await.refuses(400, "invalid", None);
}
