//! Requests as functions see them.

use std::net::SocketAddr;

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::path::decode;
use super::routes::Found;
use crate::lambda::ACCOUNT;

/// What is between two hosts and goes no further.
const HOP_BY_HOP: [&str; 8] = ["connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// The types that are text to the gateway, beside all of `text/`. It knows no more, not even `+json`.
const TEXT_TYPES: [&str; 3] = ["application/json", "application/javascript", "application/xml"];

/// The event of a request.
pub(super) fn build(head: &Parts, body: &[u8], path: &str, route: &Found<'_>, client: SocketAddr, request_id: &str) -> Value {
    let query = head.uri.query().unwrap_or_default();
    let header = |name: HeaderName| head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    let host = header(HOST);
    let now = jiff::Timestamp::now();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&head.headers, body.len(), client),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "headwater",
            "domainName": host,
            "domainPrefix": host.split('.').next(),
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", head.version),
                "sourceIp": client.ip().to_string(),
                "userAgent": header(USER_AGENT),
            },
            "requestId": request_id,
            "routeKey": route.key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    // What is empty is left out.
    if !query.is_empty() {
        event["queryStringParameters"] = parameters(query).into();
    }
    if !route.parameters.is_empty() {
        event["pathParameters"] = route.parameters.clone().into();
    }
    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !body.is_empty() {
        let text = is_text(&header(CONTENT_TYPE)).then(|| std::str::from_utf8(body).ok()).flatten();
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = text.map_or_else(|| BASE64_STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// Names in lower case; values of the same name joined. Cookies have a place of their own, and are not here.
fn headers(sent: &HeaderMap, length: usize, client: SocketAddr) -> Map<String, Value> {
    let mut headers = Map::new();
    for name in sent.keys().filter(|name| **name != COOKIE && !HOP_BY_HOP.contains(&name.as_str())) {
        let values: Vec<_> = sent.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        headers.insert(name.as_str().to_owned(), values.join(",").into());
    }
    headers.insert(CONTENT_LENGTH.as_str().to_owned(), length.to_string().into());
    headers.insert("x-forwarded-for".to_owned(), client.ip().to_string().into());
    headers.insert("x-forwarded-port".to_owned(), "443".into());
    headers.insert("x-forwarded-proto".to_owned(), "https".into());
    headers
}

fn cookies(sent: &HeaderMap) -> Vec<String> {
    let values = sent.get_all(COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    values.flat_map(|value| value.split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>()).collect()
}

/// The parameters of a query, decoded; values of the same name joined.
fn parameters(query: &str) -> Map<String, Value> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        decode(&text).unwrap_or(text)
    };
    let mut parameters = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        let joined = parameters.get(&name).and_then(Value::as_str).map(|before| format!("{before},{value}"));
        parameters.insert(name, joined.unwrap_or(value).into());
    }
    parameters
}

fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/") || TEXT_TYPES.contains(&essence.as_str())
}
