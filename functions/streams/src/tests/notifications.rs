use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use headwater_core::limits;
use serde_json::{Value, json};

use super::{Host, N, S, START, host, host_over, host_with_stream};

/// A subscription, read event by event.
struct Following {
    body: BodyDataStream,
    text: String,
}

impl Following {
    async fn open(host: &Host, headers: &[(&str, &str)]) -> Self {
        let response = host.open("GET", &format!("{S}/notifications"), headers, Body::empty()).await;
        assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &"text/event-stream".parse().unwrap()));
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The lines of the next event; `None` when there are no more.
    async fn next(&mut self) -> Option<String> {
        while !self.text.contains("\n\n") {
            let piece = tokio::time::timeout(Duration::from_secs(5), self.body.next()).await.expect("nothing more comes")?;
            self.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        let (event, rest) = self.text.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned())).unwrap();
        self.text = rest;
        Some(event)
    }

    /// The data of the next event, whose number this must be.
    async fn notice(&mut self, id: u64) -> Value {
        let event = self.next().await.expect("the subscription has ended");
        let data = event.strip_prefix(&format!("id: {id}\ndata: ")).unwrap_or_else(|| panic!("not the notice {id}: {event}"));
        serde_json::from_str(data).unwrap()
    }

    async fn opened(&mut self, id: u64) {
        assert_eq!(self.next().await.unwrap(), format!("retry: 3000\nevent: subscribed\nid: {id}\ndata: {{}}"));
    }
}

/// Has the stream grow by MiB, and notices what follows from it.
async fn grow(host: &Host, mebibytes: usize) {
    for _ in 0..mebibytes {
        host.post(S, vec![b'x'; 1 << 20]).await.is_empty(200);
    }
    host.streams.notice().await;
    host.advance(500);
}

async fn host_that_notices(threshold: u32) -> Host {
    let host = host();
    host.put(S, json!({"notification.threshold.mb": threshold})).await.is_empty(200);
    host
}

#[tokio::test]
async fn a_subscriber_is_told_whenever_the_threshold_is_reached() {
    let host = host_that_notices(2).await;
    let mut following = Following::open(&host, &[]).await;
    following.opened(0).await;
    grow(&host, 1).await;
    grow(&host, 1).await;
    let wanted = json!({"feed": "sSize", "namespace": "default", "stream": "s", "id": 1, "time": START + 500, "size": 2 << 20});
    assert_eq!(following.notice(1).await, wanted);
    grow(&host, 5).await; // However much it grows at once, it is told once.
    assert_eq!(following.notice(2).await["size"], 7 << 20);
    grow(&host, 1).await;
    grow(&host, 1).await;
    assert_eq!(following.notice(3).await["size"], 9 << 20);
}

#[tokio::test]
async fn whoever_comes_back_gets_what_was_missed_and_whoever_is_new_only_what_is_to_come() {
    let host = host_that_notices(1).await;
    for _ in 0..3 {
        grow(&host, 1).await;
    }
    let mut back = Following::open(&host, &[("last-event-id", "1")]).await;
    back.opened(1).await;
    back.notice(2).await;
    back.notice(3).await;
    let mut new = Following::open(&host, &[]).await;
    new.opened(3).await;
    let mut odd = Following::open(&host, &[("last-event-id", "odd")]).await;
    odd.opened(3).await;
    grow(&host, 1).await;
    for following in [&mut back, &mut new, &mut odd] {
        assert_eq!(following.notice(4).await["size"], 4 << 20);
    }
}

#[tokio::test]
async fn whoever_followed_an_earlier_stream_of_the_name_misses_nothing_of_this_one() {
    let host = host_that_notices(1).await;
    for _ in 0..3 {
        grow(&host, 1).await;
    }
    host.delete(S).await.is_empty(200);
    host.put(S, json!({"notification.threshold.mb": 1})).await.is_empty(200);
    grow(&host, 1).await;
    let mut back = Following::open(&host, &[("last-event-id", "3")]).await;
    assert!(back.next().await.unwrap().contains("event: subscribed"));
    assert_eq!(back.notice(1).await["size"], 1 << 20);
    grow(&host, 1).await;
    assert_eq!(back.notice(2).await["size"], 2 << 20);
}

#[tokio::test]
async fn a_silent_stream_keeps_its_subscribers_awake_and_ends_with_them() {
    let host = host_with_stream().await;
    let mut following = Following::open(&host, &[]).await;
    following.opened(0).await;
    let keep_going = async {
        loop {
            tokio::task::yield_now().await;
            host.advance(500);
        }
    };
    let heard = tokio::select! { heard = following.next() => heard, () = keep_going => None };
    assert_eq!(heard.as_deref(), Some(":"));
    host.delete(S).await.is_empty(200);
    host.put(S, "").await.is_empty(200); // Another one of the same name is not what was followed.
    let keep_going = async {
        loop {
            tokio::task::yield_now().await;
            host.advance(500);
        }
    };
    let heard = tokio::select! { heard = following.next() => heard, () = keep_going => unreachable!() };
    assert_eq!(heard, None);
}

#[tokio::test]
async fn counting_begins_anew_with_a_truncation() {
    let host = host_that_notices(2).await;
    grow(&host, 1).await;
    host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    let mut following = Following::open(&host, &[]).await;
    following.opened(0).await;
    grow(&host, 1).await;
    grow(&host, 1).await;
    assert_eq!(following.notice(1).await["size"], 2 << 20);
    host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    grow(&host, 2).await;
    assert_eq!(following.notice(2).await["size"], 2 << 20);
}

#[tokio::test]
async fn a_new_threshold_counts_from_the_next_event_on() {
    let host = host_that_notices(1000).await;
    grow(&host, 3).await;
    let mut following = Following::open(&host, &[]).await;
    following.opened(0).await;
    host.put(&format!("{S}/properties"), json!({"notification.threshold.mb": 4})).await.is_empty(200);
    grow(&host, 1).await;
    assert_eq!(following.notice(1).await["size"], 4 << 20);
}

#[tokio::test]
async fn what_was_told_is_kept_as_far_as_it_is_worth_it() {
    let host = host_that_notices(1).await;
    for _ in 0..limits::NOTICES + 5 {
        grow(&host, 1).await;
        host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    }
    let mut back = Following::open(&host, &[("last-event-id", "1")]).await;
    back.opened(1).await;
    for id in 6..limits::NOTICES + 6 {
        back.notice(id as u64).await;
    }
}

#[tokio::test]
async fn a_host_that_answers_whole_gives_what_there_is() {
    let host = host_over(|streams| streams, Vec::new(), Some(1 << 20));
    host.put(S, json!({"notification.threshold.mb": 1})).await.is_empty(200);
    grow(&host, 1).await;
    let all = host.send("GET", &format!("{S}/notifications"), &[("last-event-id", "0")], "").await;
    assert!(all.text().contains("event: subscribed\nid: 0\n") && all.text().contains("\n\nid: 1\ndata: "), "{}", all.text());
    let none = host.get(&format!("{S}/notifications")).await;
    assert!(none.text().contains("event: subscribed\nid: 1\n") && !none.text().contains("\n\nid:"), "{}", none.text());
    host.get(&format!("{N}/streams/nope/notifications")).await.refuses(404, "nope");
}
