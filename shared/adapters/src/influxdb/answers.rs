//! What servers answer, for whoever wants to know what to do next.

use std::time::Duration;

use headwater_core::ports::{PointsRefused, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// Most of what a server says that is shown, in characters.
const COMPLAINT: usize = 400;

/// Of that, how much is its end: servers quote the line first and say what is wrong with it then.
const TAIL: usize = 120;

/// Longest time that a server is left alone because it says so.
const LONGEST: Duration = Duration::from_secs(600);

/// What an answer other than 2xx means.
pub(super) fn refused(host: &str, status: StatusCode, after: Option<Duration>, body: &[u8]) -> PointsRefused {
    let why = format!("{host} answered {status}{}", complaint(body));
    match status {
        // Databases speak JSON. Another tongue is that of something before them, or of a port that wants TLS; points are not at fault then.
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => match body.trim_ascii_start().first() {
            Some(b'{') | None => PointsRefused::Unfit(why),
            Some(_) => PointsRefused::Denied(why),
        },
        StatusCode::PAYLOAD_TOO_LARGE => PointsRefused::TooLarge(why),
        // Version 1 says so of a database whose default policy was dropped. That lasts until somebody makes one.
        StatusCode::INTERNAL_SERVER_ERROR if why.contains("retention policy not found") => PointsRefused::Denied(why),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => PointsRefused::Later { why, after },
        status if status.is_server_error() => PointsRefused::Later { why, after },
        _ => PointsRefused::Denied(why),
    }
}

/// How long a server wants to be left alone: seconds, or the time of its return.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let span = if let Ok(seconds) = said.parse() {
        Duration::from_secs(seconds)
    } else {
        let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(said).ok()?;
        Timestamp::from_micros(moment.as_microsecond()).since(now)
    };
    (!span.is_zero()).then(|| span.min(LONGEST))
}

/// What the server says is wrong, behind a colon; nothing, if it does not say.
pub(super) fn complaint(body: &[u8]) -> String {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(answer) => {
            let said = ["error", "message"].iter().find_map(|name| answer[*name].as_str().filter(|said| !said.is_empty()));
            let lines = lines(&answer["data"]);
            match (said, lines) {
                (Some(said), None) => said.to_owned(),
                (Some(said), Some(lines)) => format!("{said}: {lines}"),
                (None, lines) => lines.unwrap_or_default(),
            }
        }
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    };
    shown(&said)
}

/// The same for the answer to a query of version 1, whose mistakes are told with 200.
pub(super) fn complaint_of_query(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    shown(answer["results"][0]["error"].as_str().or(answer["error"].as_str()).unwrap_or_default())
}

/// The lines that version 3 found wanting: the first of them, and how many there are. The lines themselves are not repeated.
fn lines(data: &Value) -> Option<String> {
    let all = data.as_array().map_or(std::slice::from_ref(data), Vec::as_slice);
    let (first, others) = all.split_first()?;
    let said = first["error_message"].as_str()?;
    let place = first["line_number"].as_u64().map(|number| format!("line {number}: ")).unwrap_or_default();
    let others = if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) };
    Some(format!("{place}{said}{others}"))
}

/// A text in one line, without its middle when it is long.
fn shown(said: &str) -> String {
    let said: Vec<char> = said.chars().filter(|character| !character.is_control()).collect();
    match said.len() {
        0 => String::new(),
        1..=COMPLAINT => format!(": {}", said.iter().collect::<String>()),
        length => {
            let (head, tail) = (&said[..COMPLAINT - TAIL], &said[length - TAIL..]);
            format!(": {} … {}", head.iter().collect::<String>(), tail.iter().collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn what_a_server_says_is_passed_on_in_short() {
        for (body, text) in [
            (&br#"{"error":"database not found"}"#[..], ": database not found"),
            (br#"{"code":"invalid","message":"no"}"#, ": no"),
            (
                br#"{"error":"partial write","data":[{"original_line":"x","line_number":2,"error_message":"bad"},{"line_number":5,"error_message":"e"}]}"#,
                ": partial write: line 2: bad, and 1 more",
            ),
            (br#"{"error":"parsing failed","data":{"line_number":1,"error_message":"bad"}}"#, ": parsing failed: line 1: bad"),
            (br#"{"error":"no","data":null}"#, ": no"),
            (br#"{"error":"","message":"m"}"#, ": m"),
            (b"plain\n", ": plain"),
            (b"[]", ""),
            (b"", ""),
        ] {
            assert_eq!(complaint(body), text);
        }
        let long = complaint(format!("unable to parse '{}': bad timestamp", "é".repeat(10_000)).as_bytes());
        assert!(long.starts_with(": unable to parse") && long.ends_with("bad timestamp") && long.chars().count() < 420, "{long}");
        assert_eq!(complaint_of_query(br#"{"results":[{"statement_id":0}]}"#), "");
        assert_eq!(complaint_of_query(br#"{"results":[{"statement_id":0,"error":"invalid name"}]}"#), ": invalid name");
    }

    #[test]
    fn servers_say_when_to_come_back() {
        let now = Timestamp::from_millis(784_111_777_000); // The moment of the last line below.
        for (said, seconds) in [
            ("7", Some(7)),
            (" 30 ", Some(30)),
            ("86400", Some(600)),
            ("0", None),
            ("-1", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Mon, 06 Nov 2094 08:50:37 GMT", None),
            ("Sat, 06 Nov 2094 08:50:37 GMT", Some(600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(said))]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{said}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn an_answer_says_what_to_do() {
        let after = Some(Duration::from_secs(3));
        for status in [400, 401, 403, 404, 405, 408, 411, 413, 415, 422, 429, 301, 307, 500, 502, 503, 504] {
            let answer = refused("h:1", StatusCode::from_u16(status).unwrap(), after, b"{\"error\":\"why\"}");
            let right = match status {
                400 | 422 => matches!(answer, PointsRefused::Unfit(_)),
                413 => matches!(answer, PointsRefused::TooLarge(_)),
                408 | 429 | 500.. => matches!(answer, PointsRefused::Later { after: Some(_), .. }),
                _ => matches!(answer, PointsRefused::Denied(_)),
            };
            assert!(right, "{status}: {answer:?}");
            assert!(answer.to_string().starts_with(&format!("h:1 answered {status} ")) && answer.to_string().ends_with(": why"));
        }
        let policy = refused("h", StatusCode::INTERNAL_SERVER_ERROR, None, br#"{"error":"retention policy not found: autogen"}"#);
        assert!(matches!(policy, PointsRefused::Denied(_)));
    }
}
