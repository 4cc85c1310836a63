//! What [`TaskQueue`] promises.

use std::time::Duration;

use futures::future::{join, join_all};

use super::done;
use crate::ids::TaskId;
use crate::ports::{Clock, Delivery, Receipt, StepMessage, TaskQueue, Timestamp};

const HIDDEN: Duration = Duration::from_secs(60);
const NO_PATIENCE: Duration = Duration::ZERO;
const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(60);

/// Holds an adapter to the promises of [`TaskQueue`]. `clock` is the one that the queue goes by. No other worker may
/// receive from the queue meanwhile. Leaves messages in it that are due long after the suite has ended.
///
/// # Panics
/// When a promise is broken.
pub async fn task_queue(queue: &dyn TaskQueue, clock: &dyn Clock) {
    a_message_is_delivered_and_acknowledged(queue, clock).await;
    every_due_message_comes(queue, clock).await;
    nothing_comes_before_its_time(queue, clock).await;
    a_waiting_worker_sees_a_new_message(queue, clock).await;
    what_is_not_acknowledged_comes_again(queue, clock).await;
    an_outdated_receipt_does_nothing(queue, clock).await;
    every_message_goes_to_one_worker(queue, clock).await;
}

fn message(text: &str) -> StepMessage {
    StepMessage { task: TaskId::try_from(text).expect("ids in this file are valid"), step: text.len() as u64 }
}

async fn add(queue: &dyn TaskQueue, text: &str, not_before: Timestamp) {
    done("enqueue", queue.enqueue(message(text), not_before).await);
}

async fn receive(queue: &dyn TaskQueue, hidden: Duration, patience: Duration) -> Option<Delivery> {
    done("receive", queue.receive(hidden, patience).await)
}

#[track_caller]
fn is(delivery: Option<Delivery>, text: &str, attempt: u32) -> Receipt {
    let delivery = delivery.unwrap_or_else(|| panic!("the message {text} was not delivered"));
    assert_eq!((delivery.message, delivery.attempt), (message(text), attempt), "another message or attempt was delivered");
    delivery.receipt
}

async fn acknowledge(queue: &dyn TaskQueue, receipt: &Receipt) {
    done("acknowledge", queue.acknowledge(receipt).await);
}

async fn is_empty(queue: &dyn TaskQueue, when: &str) {
    let delivery = receive(queue, HIDDEN, NO_PATIENCE).await;
    assert!(delivery.is_none(), "{when}: {delivery:?} was delivered");
}

async fn a_message_is_delivered_and_acknowledged(queue: &dyn TaskQueue, clock: &dyn Clock) {
    is_empty(queue, "at the start").await;
    add(queue, "a", clock.now()).await;
    let receipt = is(receive(queue, HIDDEN, NO_PATIENCE).await, "a", 1);
    is_empty(queue, "while the only message is hidden").await;
    acknowledge(queue, &receipt).await;
    acknowledge(queue, &receipt).await;
    is_empty(queue, "after the acknowledgement").await;
    add(queue, "a", clock.now()).await;
    add(queue, "a", clock.now()).await;
    let one = is(receive(queue, HIDDEN, NO_PATIENCE).await, "a", 1);
    let other = is(receive(queue, HIDDEN, NO_PATIENCE).await, "a", 1);
    assert_ne!(one, other, "two deliveries have one receipt");
    acknowledge(queue, &one).await;
    acknowledge(queue, &other).await;
    is_empty(queue, "after both acknowledgements").await;
}

async fn every_due_message_comes(queue: &dyn TaskQueue, clock: &dyn Clock) {
    let now = clock.now().as_millis();
    for (text, millis) in [("c", now - 10), ("a", now - 30), ("d", now), ("b", now - 20)] {
        add(queue, text, Timestamp::from_millis(millis)).await;
    }
    add(queue, "long-due", Timestamp::from_micros(i64::MIN)).await;
    add(queue, "never", Timestamp::from_micros(i64::MAX)).await;
    let mut received = Vec::new();
    for _ in 0..5 {
        let delivery = receive(queue, HIDDEN, PATIENCE).await.expect("five messages are due");
        assert_eq!((&delivery.message, delivery.attempt), (&message(delivery.message.task.as_str()), 1));
        acknowledge(queue, &delivery.receipt).await;
        received.push(delivery.message.task.to_string());
    }
    received.sort();
    assert_eq!(received, ["a", "b", "c", "d", "long-due"]);
    is_empty(queue, "before the end of time").await;
}

async fn nothing_comes_before_its_time(queue: &dyn TaskQueue, clock: &dyn Clock) {
    let due = clock.now().plus(SHORT);
    add(queue, "a", due).await;
    let delivery = receive(queue, HIDDEN, NO_PATIENCE).await;
    assert!(delivery.is_none() || clock.now() >= due, "a message was delivered before its time");
    let receipt = match delivery {
        None => {
            let delivery = receive(queue, HIDDEN, PATIENCE).await;
            assert!(clock.now() >= due, "a message was delivered before its time");
            is(delivery, "a", 1)
        }
        early => is(early, "a", 1),
    };
    acknowledge(queue, &receipt).await;
    let start = clock.now();
    assert!(receive(queue, HIDDEN, SHORT).await.is_none(), "an empty queue delivered");
    let waited = clock.now().since(start);
    assert!(waited >= SHORT / 2 && waited < PATIENCE, "a patience of {SHORT:?} was {waited:?}");
}

async fn a_waiting_worker_sees_a_new_message(queue: &dyn TaskQueue, clock: &dyn Clock) {
    add(queue, "later", clock.now().plus(HIDDEN * 60)).await;
    let start = clock.now();
    let later = async {
        clock.sleep(Duration::from_millis(20)).await;
        add(queue, "now", clock.now()).await;
    };
    let (delivery, ()) = join(receive(queue, HIDDEN, PATIENCE), later).await;
    acknowledge(queue, &is(delivery, "now", 1)).await;
    assert!(clock.now().since(start) < PATIENCE / 2, "a waiting worker slept over a new message");
}

async fn what_is_not_acknowledged_comes_again(queue: &dyn TaskQueue, clock: &dyn Clock) {
    add(queue, "a", clock.now()).await;
    let start = clock.now();
    is(receive(queue, SHORT, PATIENCE).await, "a", 1);
    let mut deliveries = 1;
    if let Some(again) = receive(queue, SHORT, NO_PATIENCE).await {
        // Where everything takes long, the message is no longer hidden by now.
        assert!(clock.now().since(start) >= SHORT, "while the message is hidden: {again:?} was delivered");
        is(Some(again), "a", 2);
        deliveries = 2;
    }
    for attempt in deliveries + 1..=3 {
        let start = clock.now();
        let receipt = is(receive(queue, SHORT, PATIENCE).await, "a", attempt);
        let waited = clock.now().since(start);
        assert!(waited < PATIENCE / 2, "a message hidden for {SHORT:?} came again after {waited:?}");
        if attempt == 3 {
            acknowledge(queue, &receipt).await;
        }
    }
    clock.sleep(SHORT * 2).await;
    is_empty(queue, "after the last delivery was acknowledged").await;
}

async fn an_outdated_receipt_does_nothing(queue: &dyn TaskQueue, clock: &dyn Clock) {
    add(queue, "a", clock.now()).await;
    let outdated = is(receive(queue, SHORT, PATIENCE).await, "a", 1);
    let second = is(receive(queue, SHORT * 3, PATIENCE).await, "a", 2);
    assert_ne!(outdated, second, "a message delivered again has its former receipt");
    acknowledge(queue, &outdated).await;
    acknowledge(queue, &Receipt("never given".to_owned())).await;
    let third = is(receive(queue, HIDDEN, PATIENCE).await, "a", 3);
    acknowledge(queue, &outdated).await;
    acknowledge(queue, &third).await;
    is_empty(queue, "after the valid acknowledgement").await;
}

async fn every_message_goes_to_one_worker(queue: &dyn TaskQueue, clock: &dyn Clock) {
    let texts: Vec<String> = (0..20).map(|i| format!("m{i:02}")).collect();
    join_all(texts.iter().map(|text| add(queue, text, clock.now()))).await;
    let deliveries = join_all((0..texts.len()).map(|_| receive(queue, HIDDEN, PATIENCE))).await;
    let mut received = Vec::new();
    for delivery in deliveries {
        let delivery = delivery.expect("there are as many messages as workers");
        acknowledge(queue, &delivery.receipt).await;
        received.push(delivery.message.task.to_string());
    }
    received.sort();
    assert_eq!(received, texts, "a message went to two workers or to none");
}
