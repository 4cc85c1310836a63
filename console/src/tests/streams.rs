use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::StatusCode;
use bytes::Bytes;
use headwater_core::ids::StreamName;
use headwater_core::streams::formats::Format;
use serde_json::{Value, json};

use super::{Host, host, host_with};

fn name(stream: &str) -> StreamName {
    StreamName { namespace: "default".try_into().unwrap(), stream: stream.try_into().unwrap() }
}

/// A host with a stream that has these events, one each second.
async fn with_events(stream: &str, properties: &Value, bodies: &[&str]) -> Host {
    let host = host();
    let streams = &host.console.services.streams;
    streams.create(&name(stream), properties.to_string().as_bytes()).await.unwrap();
    for body in bodies {
        let stream = streams.get(&name(stream)).await.unwrap();
        let headers = vec![("kind".to_owned(), "<i>test</i>".to_owned())];
        streams.post(&stream, headers.into(), Bytes::from((*body).to_owned())).await.unwrap();
        host.clock.advance(Duration::from_secs(1));
    }
    host
}

/// The bodies on a page in their order.
fn bodies(page: &str) -> Vec<&str> {
    page.split("<code class=\"body\">").skip(1).map(|rest| rest.split("</code>").next().unwrap()).collect()
}

/// The address of the link with this text.
fn link(page: &str, text: &str) -> Option<String> {
    let (before, _) = page.split_once(&format!("\">{text}</a>"))?;
    Some(before.rsplit_once("href=\"")?.1.replace("&#38;", "&").replace("&amp;", "&"))
}

#[tokio::test]
async fn a_stream_is_made_by_its_form_with_its_properties() {
    let host = host();
    let page = host.page("/console/streams").await;
    assert!(page.status.is_success() && page.text.contains("No stream yet"), "{}", page.text);
    let made = host.post(&page, "/console/streams/namespaces", &[("name", "lab")]).await;
    assert_eq!((made.status, made.header("location")), (StatusCode::SEE_OTHER, "/console/streams"));
    let fields = [
        ("namespace", "lab"),
        ("name", "clicks"),
        ("ttl", "60"),
        ("threshold", "7"),
        ("format", "csv"),
        ("settings", "{\"delimiter\": \";\"}"),
        ("description", "what was clicked"),
        ("owner", "alice"),
    ];
    let made = host.post(&page, "/console/streams", &fields).await;
    assert_eq!((made.status, made.header("location")), (StatusCode::SEE_OTHER, "/console/streams/lab/clicks"));
    let name = StreamName { namespace: "lab".try_into().unwrap(), stream: "clicks".try_into().unwrap() };
    let stream = host.console.services.streams.get(&name).await.unwrap();
    let set = Value::Object(stream.properties.to_json());
    assert_eq!((&set["ttl"], &set["notification.threshold.mb"], &set["principal"]), (&json!(60), &json!(7), &json!("alice")));
    assert_eq!((&set["format"]["name"], &set["format"]["settings"]), (&json!("csv"), &json!({"delimiter": ";"})));
    let again = host.post(&page, "/console/streams", &fields).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("is there already") && again.text.contains("value=\"clicks\""), "{}", again.text);
    assert!(host.page("/console/streams/lab/clicks").await.text.contains("what was clicked"));
}

#[tokio::test]
async fn a_mistake_stands_at_its_field_and_what_was_sent_stays() {
    let host = with_events("clicks", &json!({}), &[]).await;
    let page = host.page("/console/streams/default/clicks").await;
    for (field, value, says) in [
        ("ttl", "-5", "ttl must not be negative"),
        ("ttl", "soon", "ttl must be a whole number of seconds"),
        ("threshold", "0", "must be a whole number from 1"),
        ("schema", "{", "is not JSON"),
        ("format", "xml", "is not a format"),
        ("settings", "{\"charset\": \"none\"}", "is no known charset"),
    ] {
        let fields: Vec<(&str, &str)> = [("ttl", "9"), ("format", "text"), ("threshold", "3")]
            .into_iter()
            .filter(|(other, _)| *other != field)
            .chain([(field, value)])
            .collect();
        let answer = host.post(&page, "/console/streams/default/clicks/properties", &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field}");
        let mistake = answer.text.split(&format!("id=\"{field}-mistake\">")).nth(1).unwrap_or_default();
        assert!(mistake.split("</p>").next().unwrap().contains(says), "{field}: {mistake}");
    }
    let stream = host.console.services.streams.get(&name("clicks")).await.unwrap();
    assert_eq!(stream.properties.to_json(), headwater_core::streams::Properties::default().to_json());
    let fields = [("ttl", ""), ("format", "tsv"), ("threshold", "3"), ("description", "d")];
    let answer = host.post(&page, "/console/streams/default/clicks/properties", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/console/streams/default/clicks?did=changed"));
    let stream = host.console.services.streams.get(&name("clicks")).await.unwrap();
    assert_eq!((stream.properties.format.name(), stream.properties.description.as_deref()), ("tsv", Some("d")));
    assert_eq!(stream.properties.ttl.seconds(), headwater_core::streams::times::Ttl::INFINITE.seconds());
    assert!(host.page("/console/streams/default/clicks").await.text.contains("name=\"ttl\" value=\"\""));
}

#[tokio::test]
async fn events_are_shown_newest_first_and_as_text_only() {
    let host = with_events("clicks", &json!({}), &["one", "<script>alert(1)</script>", "thr\u{0}ee"]).await;
    let page = host.page("/console/streams/default/clicks").await;
    assert_eq!(bodies(&page.text), ["74 68 72 00 65 65", "&#60;script&#62;alert(1)&#60;/script&#62;", "one"]);
    assert!(!page.text.contains("<i>test") && page.text.contains("&#60;i&#62;test"), "{}", page.text);
    assert!(page.text.contains("2023-11-14 22:13:20.123"), "{}", page.text);
}

#[tokio::test]
async fn links_lead_to_older_and_newer_events_and_miss_none() {
    // Several share a millisecond: a place is more than a time.
    let host = with_events("clicks", &json!({}), &["a", "b"]).await;
    let streams = &host.console.services.streams;
    let stream = streams.get(&name("clicks")).await.unwrap();
    for body in ["c", "d", "e", "f"] {
        streams.post(&stream, Vec::new().into(), Bytes::from(body)).await.unwrap();
    }
    let newest = host.page("/console/streams/default/clicks?limit=2").await;
    assert_eq!(bodies(&newest.text), ["f", "e"]);
    assert_eq!(link(&newest.text, "Newer"), None);
    let middle = host.page(&link(&newest.text, "Older").unwrap()).await;
    assert_eq!(bodies(&middle.text), ["d", "c"]);
    let oldest = host.page(&link(&middle.text, "Older").unwrap()).await;
    assert_eq!(bodies(&oldest.text), ["b", "a"]);
    assert_eq!(link(&oldest.text, "Older"), None);
    let middle = host.page(&link(&oldest.text, "Newer").unwrap()).await;
    assert_eq!(bodies(&middle.text), ["d", "c"]);
    let newest = host.page(&link(&middle.text, "Newer").unwrap()).await;
    assert_eq!((bodies(&newest.text), link(&newest.text, "Newer")), (vec!["f", "e"], None));
    let download = link(&newest.text, "These as JSON");
    assert!(newest.text.contains("/v3/namespaces/default/streams/clicks/events?start=1700000002123"), "{download:?}");
}

#[tokio::test]
async fn a_range_of_time_is_read_and_a_wrong_one_is_told() {
    let host = with_events("clicks", &json!({}), &["a", "b", "c", "d"]).await;
    let page = host.page("/console/streams/default/clicks?start=1700000001000&end=1700000003000").await;
    assert_eq!(bodies(&page.text), ["c", "b"]);
    let page = host.page("/console/streams/default/clicks?end=1700000001123").await;
    assert_eq!(bodies(&page.text), ["a"]);
    for (query, says) in
        [("start=yesterday", "start: "), ("limit=0", "limit must be"), ("limit=501", "at most 500"), ("format=view:x", "no view")]
    {
        let page = host.page(&format!("/console/streams/default/clicks?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(page.text.contains(says) && bodies(&page.text).is_empty(), "{query}: {}", page.text);
    }
}

#[tokio::test]
async fn the_last_events_are_found_however_long_ago_and_however_many_there_are() {
    let host = with_events("clicks", &json!({}), &["first"]).await;
    host.clock.advance(Duration::from_secs(400 * 86_400));
    assert_eq!(bodies(&host.page("/console/streams/default/clicks").await.text), ["first"]);
    // More than are looked through in one window, most of them in one millisecond.
    let streams = &host.console.services.streams;
    let stream = streams.get(&name("clicks")).await.unwrap();
    let lines: String = (0..45_000).map(|number| format!("{number}\n")).collect();
    let batch = streams.batch(stream, headwater_core::streams::BatchKind::Lines, Vec::new().into());
    batch.take(Bytes::from(lines)).await.unwrap().finish().await.unwrap();
    assert_eq!(bodies(&host.page("/console/streams/default/clicks?limit=2").await.text), ["44999", "44998"]);
    host.clock.advance(Duration::from_secs(3));
    let stream = streams.get(&name("clicks")).await.unwrap();
    streams.post(&stream, Vec::new().into(), Bytes::from("last")).await.unwrap();
    let page = host.page("/console/streams/default/clicks?limit=2").await;
    assert_eq!(bodies(&page.text), ["last", "44999"]);
}

/// A host with a stream of so many events of 4 MiB each, all in one millisecond. Each begins with the last digit of its number.
async fn with_large_events(count: usize) -> Host {
    let host = with_events("large", &json!({}), &[]).await;
    post_large(&host, 0..count).await;
    host
}

async fn post_large(host: &Host, numbers: std::ops::Range<usize>) {
    let streams = &host.console.services.streams;
    let stream = streams.get(&name("large")).await.unwrap();
    for number in numbers {
        let body = format!("{}{}", number % 10, "x".repeat(headwater_core::limits::EVENT_BODY - 1));
        streams.post(&stream, Vec::new().into(), Bytes::from(body)).await.unwrap();
    }
}

/// What the large events on a page begin with.
fn numbers(page: &str) -> String {
    bodies(page).iter().map(|body| &body[..1]).collect()
}

#[tokio::test]
async fn a_page_of_large_events_has_fewer_of_them_and_its_links_miss_none() {
    let host = with_large_events(9).await;
    host.clock.advance(Duration::from_secs(5));
    post_large(&host, 9..10).await;
    let newest = host.page("/console/streams/default/large").await;
    assert_eq!((numbers(&newest.text).as_str(), link(&newest.text, "Newer")), ("9876", None));
    assert!(newest.text.contains("They are so large") && newest.text.contains("behind <em>Older</em>"), "{}", newest.text);
    let middle = host.page(&link(&newest.text, "Older").unwrap()).await;
    assert_eq!(numbers(&middle.text), "5432");
    let oldest = host.page(&link(&middle.text, "Older").unwrap()).await;
    assert_eq!((numbers(&oldest.text).as_str(), link(&oldest.text, "Older")), ("10", None));
    assert!(!oldest.text.contains("so large"), "{}", oldest.text);
    let middle = host.page(&link(&oldest.text, "Newer").unwrap()).await;
    assert_eq!(numbers(&middle.text), "5432");
    assert!(middle.text.contains("behind <em>Newer</em>"), "{}", middle.text);
    let newest = host.page(&link(&middle.text, "Newer").unwrap()).await;
    assert_eq!((numbers(&newest.text).as_str(), link(&newest.text, "Newer")), ("9876", None));
    let beginning = host.page("/console/streams/default/large?start=1").await;
    assert_eq!(numbers(&beginning.text), "3210");
    // What a page takes by itself is told as usual.
    let few = host.page("/console/streams/default/large?limit=2").await;
    assert_eq!(numbers(&few.text), "98");
    assert!(!few.text.contains("so large"), "{}", few.text);
    // More than are looked through in one window.
    for number in 10..28 {
        host.clock.advance(Duration::from_millis(10));
        post_large(&host, number..number + 1).await;
    }
    assert_eq!(numbers(&host.page("/console/streams/default/large").await.text), "7654");
}

#[tokio::test]
async fn a_tail_holds_no_more_than_one_event_that_is_larger_than_it_sends() {
    let host = with_large_events(3).await;
    let mut tail = host.open("/console/streams/default/large/tail").await;
    let begun = news(&piece(&host, &mut tail).await.unwrap());
    let begins = |news: &Value| -> Vec<String> {
        news["events"].as_array().unwrap().iter().map(|event| event["body"].as_str().unwrap()[..1].to_owned()).collect()
    };
    assert_eq!((begins(&begun), &begun["leftOut"]), (vec!["2".to_owned()], &json!(0)));
    post_large(&host, 3..6).await;
    let more = news(&piece(&host, &mut tail).await.unwrap());
    assert_eq!((begins(&more), &more["leftOut"]), (vec!["5".to_owned()], &json!(2)));
}

#[tokio::test]
async fn records_are_shown_by_field_or_why_there_is_none() {
    let schema = json!({"type": "record", "name": "r", "fields": [{"name": "n", "type": "int"}, {"name": "s", "type": "string"}]});
    let host = with_events("clicks", &json!({"format": {"name": "csv", "schema": schema}}), &["1,<b>", "x,y"]).await;
    let view = Format::from_json(&json!({"name": "text"})).unwrap();
    host.console.services.streams.put_view(&name("clicks"), &"whole".try_into().unwrap(), &view).await.unwrap();
    let page = host.page("/console/streams/default/clicks?format=own").await;
    assert!(page.text.contains("<dt>n</dt><dd>1</dd>") && page.text.contains("<dt>s</dt><dd>&#60;b&#62;</dd>"), "{}", page.text);
    assert!(page.text.contains("Does not fit: "), "{}", page.text);
    let page = host.page("/console/streams/default/clicks?format=view:whole").await;
    assert!(page.text.contains("<dt>body</dt><dd>x,y</dd>"), "{}", page.text);
    assert!(page.text.contains("<option value=\"view:whole\" selected>"), "{}", page.text);
}

#[tokio::test]
async fn an_event_is_sent_with_its_headers_and_spaces() {
    let host = with_events("clicks", &json!({}), &[]).await;
    let page = host.page("/console/streams/default/clicks").await;
    let fields = [("body", "  two\r\nlines "), ("headers", "Kind: test\r\n")];
    let sent = host.post(&page, "/console/streams/default/clicks/send", &fields).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let page = host.page("/console/streams/default/clicks?did=sent").await;
    assert!(page.text.contains("The event was sent") && page.text.contains("<b>kind</b>: test"), "{}", page.text);
    assert_eq!(bodies(&page.text), ["  two\nlines "]);
    let wrong = host.post(&page, "/console/streams/default/clicks/send", &[("body", "keep"), ("headers", "none")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text.contains("line 1 of the headers") && wrong.text.contains("\nkeep</textarea>"), "{}", wrong.text);
}

#[tokio::test]
async fn nothing_goes_unless_the_box_is_ticked() {
    let host = with_events("clicks", &json!({}), &["a"]).await;
    let page = host.page("/console/streams/default/clicks").await;
    for path in ["truncate", "delete"] {
        let refused = host.post(&page, &format!("/console/streams/default/clicks/{path}"), &[]).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(refused.text.contains("Tick the box first") && refused.text.contains(&format!("{path}-mistake")), "{}", refused.text);
    }
    let streams = &host.console.services.streams;
    assert_eq!(streams.size(&name("clicks")).await.unwrap().events, 1);
    let done = host.post(&page, "/console/streams/default/clicks/truncate", &[("sure", "on")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(streams.size(&name("clicks")).await.unwrap().events, 0);
    let done = host.post(&page, "/console/streams/default/clicks/delete", &[("sure", "on")]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/console/streams"));
    let gone = host.page("/console/streams/default/clicks").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.text.contains("no such stream"), "{}", gone.text);
}

#[tokio::test]
async fn a_form_without_its_code_changes_nothing() {
    let host = with_events("clicks", &json!({}), &["a"]).await;
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    for path in ["properties", "send", "truncate", "delete"] {
        let answer = host.send("POST", &format!("/console/streams/default/clicks/{path}"), &kind, "sure=on&ttl=1&format=text&form=x").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(host.console.services.streams.size(&name("clicks")).await.unwrap().events, 1);
}

#[tokio::test]
async fn with_a_token_nobody_follows_a_stream_without_it() {
    let host = host_with(Some("secret"));
    host.console.services.streams.create(&name("clicks"), b"").await.unwrap();
    let answer = host.send("GET", "/console/streams/default/clicks/tail", &[], "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

/// The next piece of a tail, with the clock moved until it comes.
async fn piece(host: &Host, body: &mut Body) -> Option<String> {
    let moving = async {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            host.clock.advance(Duration::from_millis(250));
        }
    };
    let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context));
    let frame = tokio::select! { frame = tokio::time::timeout(Duration::from_secs(10), frame) => frame, () = moving => unreachable!() };
    Some(String::from_utf8(frame.expect("nothing came")?.unwrap().into_data().unwrap().to_vec()).unwrap())
}

/// The data of the only event `events` in a piece.
#[track_caller]
fn news(piece: &str) -> Value {
    let (_, data) = piece.split_once("event: events\ndata: ").unwrap_or_else(|| panic!("no events in {piece:?}"));
    serde_json::from_str(data.trim_end()).unwrap()
}

#[tokio::test]
async fn a_tail_begins_with_the_last_events_and_has_each_new_one() {
    let host = with_events("clicks", &json!({}), &["a", "b"]).await;
    let streams = &host.console.services.streams;
    let mut tail = host.open("/console/streams/default/clicks/tail").await;
    let begun = piece(&host, &mut tail).await.unwrap();
    assert!(begun.starts_with("retry: 2000\nevent: begin\n"), "{begun}");
    let bodies = |news: &Value| {
        news["events"].as_array().unwrap().iter().map(|event| event["body"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bodies(&news(&begun)), ["a", "b"]);
    let stream = streams.get(&name("clicks")).await.unwrap();
    streams.post(&stream, Vec::new().into(), Bytes::from("c\n\nd")).await.unwrap();
    assert_eq!(bodies(&news(&piece(&host, &mut tail).await.unwrap())), ["c\n\nd"]);
    // More than anybody reads: the newest, and how many there were.
    let lines: String = (0..1000).map(|number| format!("{number}\n")).collect();
    let batch = streams.batch(stream, headwater_core::streams::BatchKind::Lines, Vec::new().into());
    batch.take(Bytes::from(lines)).await.unwrap().finish().await.unwrap();
    let news = news(&piece(&host, &mut tail).await.unwrap());
    assert_eq!((bodies(&news).len(), bodies(&news).last().unwrap().as_str(), &news["leftOut"]), (50, "999", &json!(950)));
    streams.delete(&name("clicks")).await.unwrap();
    let last = piece(&host, &mut tail).await;
    assert_eq!(last.as_deref(), Some("event: gone\ndata: {}\n\n"));
    assert_eq!(piece(&host, &mut tail).await, None);
}

#[tokio::test]
async fn a_tail_ends_with_the_host() {
    let host = with_events("clicks", &json!({}), &[]).await;
    let mut tail = host.open("/console/streams/default/clicks/tail").await;
    assert_eq!(piece(&host, &mut tail).await.unwrap(), "retry: 2000\nevent: begin\ndata: {}\n\n");
    host.console.live().end();
    assert_eq!(piece(&host, &mut tail).await, None);
}
