//! Pictures of tables.

use serde_json::json;

use crate::http::Answer;
use crate::server::Home;
use crate::tables_client::samples_at;

/// Why a text is no well-formed XML, as far as pictures need it: elements that are closed in order, attributes in quotes that are there
/// once, no letter that means something else.
fn flaw(xml: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    let mut roots = 0;
    while let Some(begin) = rest.find('<') {
        let (text, tag) = rest.split_at(begin);
        if open.is_empty() && !text.trim().is_empty() {
            return Some(format!("{text:?} is outside the document"));
        }
        if let Some(flaw) = flaw_of_text(text) {
            return Some(flaw);
        }
        let Some(end) = tag.find('>') else { return Some("a tag does not end".to_owned()) };
        rest = &tag[end + 1..];
        let tag = &tag[1..end];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim()) {
                return Some(format!("{name} is closed where it is not open"));
            }
            continue;
        }
        if tag.starts_with('?') {
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-:".contains(letter)) {
            return Some(format!("{name:?} is no name of an element"));
        }
        if let Some(flaw) = flaw_of_attributes(attributes) {
            return Some(format!("{name}: {flaw}"));
        }
        roots += usize::from(open.is_empty());
        if !closed {
            open.push(name);
        }
    }
    if !rest.trim().is_empty() || !open.is_empty() || roots != 1 {
        return Some(format!("{roots} elements at the top, {open:?} not closed, {rest:?} behind all"));
    }
    None
}

fn flaw_of_attributes(attributes: &str) -> Option<String> {
    let mut seen = Vec::new();
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let Some((name, value)) = rest.split_once('=') else { return Some(format!("{rest:?} is no attribute")) };
        let quote = value.chars().next().filter(|quote| "\"'".contains(*quote));
        let Some((value, behind)) = quote.and_then(|quote| value[1..].split_once(quote)) else {
            return Some(format!("{name} is not quoted"));
        };
        if seen.contains(&name) || name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || "\"'&".contains(letter)) {
            return Some(format!("the attribute {name:?} is there twice, or is none"));
        }
        if let Some(flaw) = flaw_of_text(value) {
            return Some(flaw);
        }
        seen.push(name);
        rest = behind.trim_start();
    }
    None
}

fn flaw_of_text(text: &str) -> Option<String> {
    if let Some(letter) = text.chars().find(|letter| letter.is_control() && !"\n\r\t".contains(*letter)) {
        return Some(format!("{letter:?} cannot be in XML"));
    }
    for entity in text.split('&').skip(1) {
        let name = entity.split_once(';').map_or("", |(name, _)| name);
        let number =
            name.strip_prefix('#').is_some_and(|number| number.trim_start_matches('x').chars().all(|digit| digit.is_ascii_hexdigit()));
        if !(number || ["amp", "lt", "gt", "quot", "apos"].contains(&name)) {
            return Some(format!("&{name} is no entity"));
        }
    }
    None
}

#[track_caller]
fn picture(answer: &Answer) -> &str {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/svg+xml")), "{}", answer.text());
    let text = answer.text();
    assert_eq!(flaw(text), None, "{text}");
    assert!(text.contains("<svg") && text.contains("http://www.w3.org/2000/svg"), "{text}");
    text
}

#[test]
fn what_is_no_xml_is_seen() {
    for xml in
        ["<a><b></a></b>", "<a b=1/>", "<a b=\"1\" b=\"2\"/>", "<a>&b</a>", "<a b=\"&\"/>", "<a/><b/>", "<a>", "x<a/>", "<a>\u{1}</a>"]
    {
        assert!(flaw(xml).is_some(), "{xml}");
    }
    assert_eq!(flaw("<?xml version=\"1.0\"?>\n<a b=\"&lt;\" c='\"'><b/>x&amp;&#x41;</a>\n"), None);
}

#[test]
fn a_table_is_drawn_whatever_is_in_it() {
    let home = Home::new();
    let server = home.serve();
    let drawn = |table: &str, query: &str| picture(&server.ask_table("GET", table, &format!("/plot.svg{query}"), 200)).to_owned();
    let spectrum = json!([{"window": {"size": 64}}, {"fft": {"binCount": 64}}]);
    for (table, definition) in [
        ("samples", samples_at(1000)),
        ("vectors", json!({"element": "vector", "sampleRate": 1000})),
        ("windows", json!({"element": "sample", "sampleRate": 1000, "operations": [{"window": {"size": 10}}]})),
        ("spectra", json!({"element": "sample", "sampleRate": 1000, "operations": spectrum})),
    ] {
        server.define(table, definition);
        let empty = drawn(table, "");
        assert!(empty.contains("no data"), "{table}: {empty}");
    }
    let wave: Vec<f64> = (0..1000).map(|number| (f64::from(number) / 10.0).sin()).collect();
    ["samples", "windows", "spectra"].iter().for_each(|table| server.push(table, wave.iter().copied()));
    assert_eq!(server.append("vectors", "application/json", json!([wave, [], wave]).to_string().as_bytes()).status, 200);
    for table in ["samples", "vectors", "windows", "spectra"] {
        let whole = drawn(table, "");
        assert!(!whole.contains("no data") && whole.contains(table), "{table}: {whole}");
        let small = drawn(table, "?interval=100ms&width=200&height=150");
        assert!(small.contains("width=\"200\"") && small.contains("height=\"150\""), "{table}: {small}");
    }
    // Extremes: nothing but one value, and values without measure.
    for (table, values) in [("one", vec![3.0]), ("flat", vec![0.0; 5000]), ("huge", vec![1e308, -1e308, 1e-308, f64::MAX, f64::MIN])] {
        server.define(table, samples_at(44_100));
        server.push(table, values);
        let _ = drawn(table, "");
    }
    let seldom = server.put("/table/seldom", &json!({"element": "sample", "sampleRate": 1e-9, "retention": "100000d"}));
    assert_eq!(seldom.status, 201, "{}", seldom.text());
    server.push("seldom", [1.0, 2.0]);
    let _ = drawn("seldom", "?interval=100000d");
}

#[test]
fn a_name_cannot_break_out_of_a_picture() {
    let home = Home::new();
    let server = home.serve();
    for name in ["<script>alert(1)<", "\"'&&amp;<![CDATA[", "--><!--", "<svg onload=\"x()\">", "&#0;]]>\u{fffe}\u{ffff}\u{200f}", "%s{}\\"]
    {
        server.define(name, samples_at(1000));
        let empty = server.ask_table("GET", name, "/plot.svg", 200);
        assert!(!picture(&empty).contains("<script") && !picture(&empty).contains("onload=\""), "{name}: {}", empty.text());
        server.push(name, (0..100).map(f64::from));
        let filled = server.ask_table("GET", name, "/plot.svg", 200);
        assert!(!picture(&filled).contains("<script") && !picture(&filled).contains("onload=\""), "{name}: {}", filled.text());
    }
}
