//! What the event source does with messages.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{deployment, wait_until};
use crate::lambda::{Delivery, Function, Polling, Queue, RUNTIME};

/// A queue that holds on to messages until they are deleted or given back.
#[derive(Default)]
struct StandIn {
    messages: Vec<Message>,
    calls: Vec<String>,
}

struct Message {
    body: String,
    received: u32,
    visible: bool,
}

struct Sqs {
    state: Arc<Mutex<StandIn>>,
    address: SocketAddr,
}

impl Sqs {
    fn with(bodies: &[&str]) -> Self {
        let message = |body: &&str| Message { body: (*body).to_owned(), received: 0, visible: true };
        let state = Arc::new(Mutex::new(StandIn { messages: bodies.iter().map(message).collect(), calls: Vec::new() }));
        let listener = RUNTIME.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(call)).with_state(Arc::clone(&state));
        RUNTIME.spawn(async move { axum::serve(listener, router).await });
        Self { state, address }
    }

    fn queue(&self) -> Queue {
        let endpoint = format!("http://{}", self.address);
        Queue::new(&endpoint, &format!("{endpoint}/000000000000/steps"))
    }

    fn left(&self) -> Vec<String> {
        self.state.lock().unwrap().messages.iter().map(|message| message.body.clone()).filter(|body| body != "-").collect()
    }

    fn visible(&self) -> usize {
        self.state.lock().unwrap().messages.iter().filter(|message| message.visible).count()
    }

    #[track_caller]
    fn wait_empty(&self, polling: &Polling) {
        wait_until("the queue is empty", || self.left().is_empty());
        assert!(polling.invocations() > 0);
    }
}

/// A message's number is its id and its receipt; one that is deleted keeps its place.
async fn call(State(state): State<Arc<Mutex<StandIn>>>, headers: HeaderMap, body: String) -> Result<Json<Value>, StatusCode> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !header("authorization").contains("/us-east-1/sqs/aws4_request") || header("content-type") != "application/x-amz-json-1.0" {
        return Err(StatusCode::FORBIDDEN);
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    assert!(body["QueueUrl"].as_str().unwrap().ends_with("/000000000000/steps"));
    let action = header("x-amz-target").strip_prefix("AmazonSQS.").unwrap().to_owned();
    let answer = answer(&mut state.lock().unwrap(), &action, &body);
    if answer == json!({}) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(Json(answer))
}

fn answer(state: &mut StandIn, action: &str, body: &Value) -> Value {
    state.calls.push(action.to_owned());
    if action == "ReceiveMessage" {
        let most = usize::try_from(body["MaxNumberOfMessages"].as_u64().unwrap()).unwrap();
        let visible = state.messages.iter_mut().enumerate().filter(|(_, message)| message.visible).take(most);
        let messages: Vec<Value> = visible.map(|(number, message)| receive(number, message)).collect();
        return if messages.is_empty() { json!({}) } else { json!({"Messages": messages}) };
    }
    for entry in body["Entries"].as_array().unwrap() {
        let message = &mut state.messages[entry["ReceiptHandle"].as_str().unwrap().parse::<usize>().unwrap()];
        match action {
            "DeleteMessageBatch" => "-".clone_into(&mut message.body),
            _ => message.visible = true,
        }
    }
    json!({"Successful": []})
}

fn receive(number: usize, message: &mut Message) -> Value {
    message.visible = false;
    message.received += 1;
    json!({"MessageId": number.to_string(), "ReceiptHandle": number.to_string(), "Body": message.body,
        "Attributes": {"ApproximateReceiveCount": message.received.to_string()}})
}

fn batches() -> Function {
    deployment("batches").start()
}

/// What the function got, and how often.
fn got(function: &Function) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for body in order(function) {
        *counts.entry(body).or_default() += 1;
    }
    counts
}

fn order(function: &Function) -> Vec<String> {
    function.log().lines().filter_map(|line| line.strip_prefix("got ")).map(str::to_owned).collect()
}

#[test]
fn messages_that_are_handled_are_deleted() {
    let (sqs, function) = (Sqs::with(&["a", "b", "c", "d", "e"]), batches());
    let polling = sqs.queue().batch(2).feed(&function);
    sqs.wait_empty(&polling);
    assert_eq!((polling.invocations(), polling.trouble()), (3, vec![]));
    drop(polling);
    assert_eq!(got(&function), ["a", "b", "c", "d", "e"].map(|body| (body.to_owned(), 1)).into());
    assert_eq!(sqs.state.lock().unwrap().calls.iter().filter(|call| *call == "DeleteMessageBatch").count(), 3);
}

#[test]
fn messages_that_fail_stay_and_come_again() {
    let (sqs, function) = (Sqs::with(&["a", "fail at first", "b"]), batches());
    let polling = sqs.queue().feed(&function);
    wait_until("the others are deleted", || sqs.left() == ["fail at first"]);
    drop(polling);
    assert_eq!((sqs.left().len(), sqs.visible()), (1, 0), "it is left to its time-out");
    let polling = sqs.queue().feed(&function);
    sqs.state.lock().unwrap().messages[1].visible = true;
    sqs.wait_empty(&polling);
    assert_eq!(got(&function)["fail at first"], 2);
    assert_eq!(got(&function)["a"], 1);
}

#[test]
fn a_batch_that_crashes_stays_as_a_whole_and_may_come_again_at_once() {
    let (sqs, function) = (Sqs::with(&["a", "crash at first", "b"]), batches());
    let polling = sqs.queue().concurrency(1).retry_at_once().feed(&function);
    sqs.wait_empty(&polling);
    assert_eq!(got(&function), [("a".to_owned(), 2), ("b".to_owned(), 1), ("crash at first".to_owned(), 2)].into());
    assert!(polling.trouble()[0].contains("as told"), "{:?}", polling.trouble());
}

#[test]
fn messages_may_come_twice() {
    for delivery in [Delivery::TwiceInTurn, Delivery::TwiceAtOnce] {
        let (sqs, function) = (Sqs::with(&["a", "b"]), batches());
        let polling = sqs.queue().delivery(delivery).feed(&function);
        sqs.wait_empty(&polling);
        assert_eq!(got(&function), [("a".to_owned(), 2), ("b".to_owned(), 2)].into());
        assert_eq!(function.cold_starts().len(), if delivery == Delivery::TwiceAtOnce { 2 } else { 1 });
    }
}

#[test]
fn messages_may_come_out_of_order_but_all_come() {
    let bodies: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let (sqs, function) = (Sqs::with(&bodies), batches());
    let polling = sqs.queue().batch(5).concurrency(1).mixed(7).feed(&function);
    sqs.wait_empty(&polling);
    let mut order = order(&function);
    assert_ne!(order, bodies);
    assert!(order[..5].iter().any(|body| body.as_str() > "04"), "mixed beyond a batch: {order:?}");
    order.sort();
    assert_eq!(order, bodies);
}

#[test]
fn an_error_of_sqs_is_told_and_survived() {
    let (sqs, function) = (Sqs::with(&["a"]), batches());
    let polling = sqs.queue().region("eu-west-1").feed(&function);
    wait_until("there is word of it", || !polling.trouble().is_empty());
    assert!(polling.trouble()[0].contains("ReceiveMessage: 403"), "{:?}", polling.trouble());
    drop(polling);
    assert_eq!(sqs.left(), ["a"]);
}
