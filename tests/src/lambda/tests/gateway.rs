//! What the gateway makes of requests and answers.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{deployment, wait_until};
use crate::lambda::{Gateway, RUNTIME, Routes};

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}: {:?}", self.status, String::from_utf8_lossy(&self.body)))
    }
}

fn send(address: SocketAddr, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = headers
        .iter()
        .fold(client.request(method, format!("http://{address}{path}")), |request, (name, value)| request.header(*name, *value));
    RUNTIME.block_on(async {
        let answer = request.body(body).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    })
}

fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, Method::GET, path, &[], Vec::new())
}

#[test]
fn a_request_becomes_an_event_of_format_2() {
    let function = deployment("echo").start();
    let gateway = Gateway::start(Routes::new().route("POST", "/job/{name}", &function));
    let address = gateway.address();
    let headers = [
        ("content-type", "application/json"),
        ("X-Two", "one"),
        ("x-two", "two"),
        ("cookie", "a=1; b=2"),
        ("user-agent", "test"),
        ("host", "abc.example:80"),
    ];
    let path = "/job/a%20b?repeat=1&plus=a+b&encoded=a%2Bb&repeat=2&empty";
    let answer = send(address, Method::POST, path, &headers, b"{\"x\":1}".to_vec());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let mut event = answer.json();
    let context = event["requestContext"].take();
    let request_id = context["requestId"].as_str().unwrap();
    assert_eq!(answer.headers["apigw-requestid"], request_id);
    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "routeKey": "POST /job/{name}",
            "rawPath": "/job/a b",
            "rawQueryString": "repeat=1&plus=a+b&encoded=a%2Bb&repeat=2&empty",
            "cookies": ["a=1", "b=2"],
            "headers": {"accept": "*/*", "content-length": "7", "content-type": "application/json", "host": "abc.example:80",
                "user-agent": "test", "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "443", "x-forwarded-proto": "https",
                "x-two": "one,two"},
            "queryStringParameters": {"repeat": "1,2", "plus": "a b", "encoded": "a+b", "empty": ""},
            "pathParameters": {"name": "a b"},
            "requestContext": null,
            "body": "{\"x\":1}",
            "isBase64Encoded": false,
        })
    );
    assert_eq!(
        context["http"],
        json!({"method": "POST", "path": "/job/a b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"})
    );
    assert_eq!((&context["stage"], &context["routeKey"]), (&json!("$default"), &json!("POST /job/{name}")));
    assert_eq!((&context["accountId"], &context["domainPrefix"]), (&json!("000000000000"), &json!("abc")));
    assert!(context["timeEpoch"].as_u64() > Some(1_700_000_000_000) && context["time"].as_str().unwrap().ends_with(" +0000"));
}

#[test]
fn what_is_empty_is_left_out_and_what_is_no_text_is_encoded() {
    let function = deployment("echo").start();
    let gateway = Gateway::start(Routes::new().otherwise(&function));
    let event = get(gateway.address(), "/").json();
    for absent in ["cookies", "queryStringParameters", "pathParameters", "body"] {
        assert!(event.get(absent).is_none(), "{absent}: {event}");
    }
    assert_eq!((&event["routeKey"], &event["rawQueryString"]), (&json!("$default"), &json!("")));
    assert_eq!(event["headers"]["content-length"], "0");
    for (content_type, encoded) in [
        ("text/csv", false),
        ("application/json; charset=utf-8", false),
        ("application/xml", false),
        ("application/problem+json", true),
        ("application/x-www-form-urlencoded", true),
        ("application/octet-stream", true),
    ] {
        let event = send(gateway.address(), Method::PUT, "/", &[("content-type", content_type)], b"abc".to_vec()).json();
        let body = if encoded { "YWJj" } else { "abc" };
        assert_eq!((&event["isBase64Encoded"], &event["body"]), (&json!(encoded), &json!(body)), "{content_type}");
    }
    let untyped = send(gateway.address(), Method::PUT, "/", &[], b"abc".to_vec()).json();
    assert_eq!(untyped["isBase64Encoded"], true);
}

#[test]
fn a_function_on_lambda_http_sees_the_request_and_is_heard() {
    let function = deployment("http").start();
    let gateway = Gateway::start(Routes::new().route("ANY", "/{path+}", &function));
    let address = gateway.address();
    let headers = [("cookie", "a=1; b=2"), ("x-two", "one"), ("x-two", "two"), ("host", "abc.example")];
    let shown = send(address, Method::PUT, "/file/a%20b%23c?q=%20x", &headers, vec![0, 255]).json();
    assert_eq!(shown["method"], "PUT");
    // The gateway has decoded the path, and the runtime encodes what it must; a `#` it takes for a fragment.
    assert_eq!((&shown["raw"], &shown["uri"]), (&json!("/file/a b#c"), &json!("https://abc.example/file/a%20b")));
    assert_eq!((&shown["cookie"], &shown["two"]), (&json!("a=1; b=2"), &json!("one,two")));
    assert_eq!(shown["body"], json!([0, 255]));
    let binary = get(address, "/binary");
    assert_eq!((binary.status, binary.body.as_slice()), (200, [0, 255, 137].as_slice()));
    assert_eq!(binary.headers["content-type"], "image/png");
    let cookies: Vec<_> = get(address, "/cookies").headers.get_all("set-cookie").iter().cloned().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
}

#[test]
fn an_encoded_slash_reaches_the_function_as_a_slash() {
    let function = deployment("http").start();
    let gateway = Gateway::start(Routes::new().route("GET", "/file/{path+}", &function).route("GET", "/status/{name}", &function));
    let address = gateway.address();
    for (sent, told) in [("/file/a%2fb", "/file/a/b"), ("/file/a%252fb", "/file/a/b"), ("/status/a%252fb", "/status/a/b")] {
        assert_eq!(get(address, sent).json()["raw"], told, "{sent}");
    }
    assert_eq!(get(address, "/status/a%2fb").status, 404);
    let refused = get(address, "/file/100%25");
    assert_eq!((refused.status, refused.json()), (400, json!({"message": "Bad Request"})));
}

#[test]
fn what_cannot_be_answered_has_the_status_of_the_real_gateway() {
    let function = deployment("http").start();
    let brief = deployment("http").timeout(Duration::from_millis(200)).start();
    let routes = Routes::new().route("ANY", "/{path+}", &function).route("GET", "/brief/slow", &brief).route("GET", "/slow", &brief);
    let gateway = Gateway::start(routes);
    let address = gateway.address();
    let none = Gateway::start(Routes::new());
    let nowhere = get(none.address(), "/slow");
    assert_eq!((nowhere.status, nowhere.json()), (404, json!({"message": "Not Found"})));
    for (path, cause) in [("/fail", "as told"), ("/slow", "Task timed out after 0.20 seconds")] {
        let failed = get(address, path);
        assert_eq!((failed.status, failed.json()), (500, json!({"message": "Internal Server Error"})));
        assert!(gateway.trouble().last().unwrap().contains(cause), "{:?}", gateway.trouble());
    }
    // Over the limit of Lambda, which an event of base64 reaches first, and over the gateway's own.
    for bytes in [5 << 20, (10 << 20) + 1] {
        let large = send(address, Method::POST, "/large", &[], vec![0; bytes]);
        assert_eq!((large.status, large.json()), (413, json!({"message": "Request Entity Too Large"})));
    }
    let hasty = Gateway::start(Routes::new().otherwise(&function).time_limit(Duration::from_millis(200)));
    let late = get(hasty.address(), "/slow");
    assert_eq!((late.status, late.json()), (503, json!({"message": "Service Unavailable"})));
    wait_until("the function runs on", || function.running() == 1);
    drop(function);
    assert_eq!(get(address, "/any").status, 500);
}
