//! Answers of functions as users see them.

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

/// The response that a function's answer stands for.
///
/// An answer with a `statusCode` is read as a response; `multiValueHeaders` do not belong to this format and are not looked at.
/// Any other is itself the body of a 200, and need not even be JSON.
///
/// # Errors
/// What is wrong with an answer that has a `statusCode`.
pub(super) fn read(method: &Method, answer: &[u8]) -> Result<Response, String> {
    match serde_json::from_slice::<Value>(answer) {
        Ok(Value::Object(members)) if members.contains_key("statusCode") => read_response(method, &members),
        _ => {
            let mut response = Response::new(Body::from(answer.to_vec()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(response)
        }
    }
}

fn read_response(method: &Method, members: &Map<String, Value>) -> Result<Response, String> {
    let mut response = Response::new(Body::from(read_body(members)?));
    *response.status_mut() = read_status(&members["statusCode"])?;
    let headers = response.headers_mut();
    for (name, value) in read_headers(members.get("headers"))? {
        // What the connection needs is the gateway's affair, and so is a length but where there is nothing to be measured.
        if ![CONNECTION, TRANSFER_ENCODING].contains(&name) && (name != CONTENT_LENGTH || method == Method::HEAD) {
            headers.append(name, value);
        }
    }
    for cookie in read_cookies(members.get("cookies"))? {
        headers.append(SET_COOKIE, cookie);
    }
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

fn read_status(status: &Value) -> Result<StatusCode, String> {
    let number = status.as_u64().or_else(|| status.as_str()?.parse().ok()).and_then(|number| u16::try_from(number).ok());
    let number = number.filter(|number| (200..600).contains(number)).ok_or_else(|| format!("statusCode is {status}"))?;
    StatusCode::from_u16(number).map_err(|error| error.to_string())
}

fn read_body(members: &Map<String, Value>) -> Result<Vec<u8>, String> {
    let text = match members.get("body") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => text,
        Some(other) => return Err(format!("body is {other}")),
    };
    match members.get("isBase64Encoded") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(text.clone().into_bytes()),
        Some(Value::Bool(true)) => BASE64_STANDARD.decode(text).map_err(|error| format!("body is not base64: {error}")),
        Some(other) => Err(format!("isBase64Encoded is {other}")),
    }
}

fn read_headers(headers: Option<&Value>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let headers = match headers {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(headers)) => headers,
        Some(other) => return Err(format!("headers is {other}")),
    };
    let read = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            other => return Err(format!("the header {name} is {other}")),
        };
        let header = name.parse().ok().zip(value.parse().ok());
        header.ok_or_else(|| format!("the header {name} cannot be sent: {value}"))
    };
    headers.iter().map(read).collect()
}

fn read_cookies(cookies: Option<&Value>) -> Result<Vec<HeaderValue>, String> {
    let cookies = match cookies {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(cookies)) => cookies,
        Some(other) => return Err(format!("cookies is {other}")),
    };
    cookies.iter().map(|cookie| cookie.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("a cookie is {cookie}"))).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::json;

    use super::*;
    use crate::lambda::RUNTIME;

    type Plain = (u16, Vec<(String, String)>, Vec<u8>);

    fn read(answer: &str) -> Option<Plain> {
        let (head, body) = super::read(&Method::GET, answer.as_bytes()).ok()?.into_parts();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        Some((head.status.as_u16(), headers, RUNTIME.block_on(to_bytes(body, usize::MAX)).unwrap().to_vec()))
    }

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn an_answer_with_a_status_is_a_response() {
        let answer = json!({"statusCode": 206, "headers": {"ETag": "\"1\"", "x-count": 3, "content-length": "99", "Content-Type": "a/b"},
            "multiValueHeaders": {"x-lost": ["1"]}, "cookies": ["a=1", "b=2"], "body": "AP8=", "isBase64Encoded": true});
        let headers = [("etag", "\"1\""), ("x-count", "3"), ("content-type", "a/b"), ("set-cookie", "a=1"), ("set-cookie", "b=2")];
        let headers = headers.map(|(name, value)| header(name, value)).to_vec();
        assert_eq!(read(&answer.to_string()), Some((206, headers, vec![0, 255])));
        let plain = vec![header("content-type", "text/plain; charset=utf-8")];
        assert_eq!(read(r#"{"statusCode": "204", "headers": null, "cookies": null, "body": null}"#), Some((204, plain, vec![])));
    }

    #[test]
    fn a_length_is_the_functions_only_where_there_is_no_body() {
        let answer = br#"{"statusCode": 200, "headers": {"content-length": "99"}}"#;
        assert_eq!(super::read(&Method::HEAD, answer).unwrap().headers()[CONTENT_LENGTH], "99");
        assert!(!super::read(&Method::GET, answer).unwrap().headers().contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn any_other_answer_is_a_body() {
        let headers = vec![header("content-type", "application/json")];
        for answer in [r#"{"name": "x"}"#, "[1]", "\"text\"", "null", r#"{"name":"#, ""] {
            assert_eq!(read(answer), Some((200, headers.clone(), answer.as_bytes().to_vec())));
        }
    }

    #[test]
    fn a_response_that_is_none_is_refused() {
        for members in [
            json!({"statusCode": "no"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 200, "body": {}}),
            json!({"statusCode": 200, "body": "%", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"x": []}}),
            json!({"statusCode": 200, "headers": {"x": "\n"}}),
            json!({"statusCode": 200, "cookies": "a=1"}),
        ] {
            assert_eq!(read(&members.to_string()), None, "{members}");
        }
    }
}
