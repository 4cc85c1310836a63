//! What a read answers: events, one after the other, in constant memory.

use std::borrow::Cow;

use headwater_core::ids::StreamId;
use headwater_core::streams::render::unescaped;
use reqwest::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{Client, Failure};
use super::elements::{Elements, NotAnArray};
use crate::remote::{RequestError, cause_of};

/// An event as the server tells it.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) timestamp: i64,
    /// Bytes that are not printable are escaped.
    body: Cow<'a, str>,
    /// What it means in the format that was asked for.
    pub(super) record: Result<Option<&'a str>, Cow<'a, str>>,
    /// The whole of it, as it came.
    text: &'a [u8],
}

#[derive(Debug, Deserialize)]
struct Members<'a> {
    timestamp: i64,
    #[serde(borrow)]
    body: Cow<'a, str>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, NotAnArray> {
        let members: Members<'_> = serde_json::from_slice(text).map_err(|error| NotAnArray::Element(error.to_string()))?;
        let record = members.error.map_or(Ok(members.record.map(RawValue::get)), Err);
        Ok(Self { timestamp: members.timestamp, body: members.body, record, text })
    }

    /// Appends the body, byte by byte, and a newline.
    pub(super) fn push_body(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&unescaped(&self.body));
        out.push(b'\n');
    }

    /// Appends the whole event as a line of JSON.
    pub(super) fn push_json(&self, out: &mut Vec<u8>) {
        push_readable(out, self.text);
        out.push(b'\n');
    }
}

/// Appends JSON without the escapes that are only for HTML, so that `grep` finds what it looks for.
pub(super) fn push_readable(out: &mut Vec<u8>, mut json: &[u8]) {
    while let Some(at) = json.iter().position(|&byte| byte == b'\\') {
        let (plain, escape) = json.split_at(at);
        out.extend_from_slice(plain);
        // A backslash takes at least the next byte with it, which may be another backslash.
        let (text, length) = match escape {
            [b'\\', b'u', b'0', b'0', b'3', b'c', ..] => (&b"<"[..], 6),
            [b'\\', b'u', b'0', b'0', b'3', b'e', ..] => (&b">"[..], 6),
            [b'\\', b'u', b'0', b'0', b'2', b'6', ..] => (&b"&"[..], 6),
            [b'\\', b'u', b'0', b'0', b'3', b'd', ..] => (&b"="[..], 6),
            [b'\\', b'u', b'0', b'0', b'2', b'7', ..] => (&b"'"[..], 6),
            other => (&other[..other.len().min(2)], other.len().min(2)),
        };
        out.extend_from_slice(text);
        json = &escape[length..];
    }
    out.extend_from_slice(json);
}

/// A read on its way in.
#[derive(Debug)]
pub(super) struct Reading {
    /// `None` where there are no events.
    answer: Option<Response>,
    elements: Elements,
}

impl Reading {
    /// Asks for the events of a window.
    pub(super) async fn begin(client: &Client, stream: &StreamId, window: &[(&str, &str)]) -> Result<Self, Failure> {
        Ok(Self { answer: client.events(stream, window).await?, elements: Elements::new() })
    }

    /// Hands over the events of the next piece of the answer. `false` at the end.
    pub(super) async fn next(&mut self, mut each: impl FnMut(&Event<'_>)) -> Result<bool, Failure> {
        let Some(answer) = &mut self.answer else { return Ok(false) };
        let Some(piece) = answer.chunk().await.map_err(|error| RequestError::Broke(cause_of(&error)))? else {
            self.elements.finish()?;
            return Ok(false);
        };
        self.elements.push(&piece, |element| {
            each(&Event::parse(element)?);
            Ok(())
        })?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use headwater_core::streams::render;

    use super::*;

    fn told(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        render::event(&mut text, 17, headers.iter().copied(), body);
        text
    }

    #[test]
    fn bodies_come_back_byte_by_byte() {
        for body in [&b""[..], b"a<b>='\"&\\n", b"\0\x01\xff\n\r\t", "Zürich 東京".as_bytes()] {
            let text = told(&[("k", "v")], body);
            let event = Event::parse(&text).unwrap();
            let mut out = Vec::new();
            event.push_body(&mut out);
            assert_eq!(out, [body, b"\n"].concat());
            assert_eq!(event.timestamp, 17);
        }
    }

    #[test]
    fn json_is_that_of_the_event_and_readable() {
        let text = told(&[("a<", "x='y'&z")], br#"\u003c <a href="x=y"> \"#);
        let mut out = Vec::new();
        Event::parse(&text).unwrap().push_json(&mut out);
        assert_eq!(
            String::from_utf8(out.clone()).unwrap(),
            concat!(r#"{"timestamp":17,"headers":{"a<":"x='y'&z"},"body":"\\u003c <a href=\"x=y\"> \\"}"#, "\n")
        );
        let read = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&out), read(&text));
    }

    #[test]
    fn an_event_has_a_record_or_says_why_not() {
        let event = Event::parse(br#"{"timestamp":1,"headers":{},"body":"b","record":{"x":1.50}}"#).unwrap();
        assert_eq!(event.record, Ok(Some(r#"{"x":1.50}"#)));
        let event = Event::parse(br#"{"timestamp":1,"headers":{},"body":"b","error":"no \"x\""}"#).unwrap();
        assert_eq!(event.record, Err(r#"no "x""#.into()));
        assert_eq!(Event::parse(br#"{"timestamp":1,"body":"b"}"#).unwrap().record, Ok(None));
        for text in [&b"1"[..], b"{}", br#"{"timestamp":"1","body":"b"}"#, br#"{"timestamp":1,"body":"b"#] {
            assert!(matches!(Event::parse(text), Err(NotAnArray::Element(_))));
        }
    }
}
