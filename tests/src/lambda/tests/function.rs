//! What the service does with processes.

use std::time::Duration;

use serde_json::{Value, json};

use super::{deployment, wait_until};
use crate::lambda::{Deployment, Function, InvokeError};

fn obedient() -> Deployment {
    deployment("obedient")
}

#[track_caller]
fn answer(function: &Function, event: Value) -> Value {
    let answer = function.invoke(event).unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_slice(&answer).expect("the function answers with JSON")
}

#[track_caller]
fn failure(function: &Function, event: Value) -> (String, String) {
    match function.invoke(event) {
        Err(InvokeError::Failed { error_type, message, .. }) => (error_type, message),
        other => panic!("the invocation ended with {other:?}"),
    }
}

#[test]
fn a_process_is_told_what_lambda_tells_and_is_used_again() {
    let function = obedient().memory_mb(512).region("eu-west-1").start();
    let (first, second) = (answer(&function, json!({})), answer(&function, json!({})));
    assert_eq!(first["arn"], "arn:aws:lambda:eu-west-1:000000000000:function:obedient");
    assert_eq!((&first["function"], &first["memory"]), (&json!("obedient"), &json!(512)));
    assert_eq!(first["trace"].as_str().map(|trace| (&trace[..7], trace.len())), Some(("Root=1-", 74)));
    assert!(second["deadline"].as_u64() > Some(1_700_000_000_000), "{second}");
    assert_eq!(first["pid"], second["pid"]);
    assert_ne!(first["id"], second["id"]);
    let cold_starts = function.cold_starts();
    assert_eq!(cold_starts.len(), 1);
    assert!(cold_starts[0] > Duration::ZERO && cold_starts[0] < Duration::from_secs(10), "{cold_starts:?}");
}

#[test]
fn a_process_has_the_variables_of_lambda_and_its_own_alone() {
    let function = obedient().variable("MINE", "1").start();
    let variables = answer(&function, json!({"do": "variables"}));
    for (name, value) in [
        ("MINE", "1"),
        ("_HANDLER", "bootstrap"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "obedient"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/obedient"),
    ] {
        assert_eq!(variables[name], value, "{name}");
    }
    assert!(variables["AWS_LAMBDA_LOG_STREAM_NAME"].is_string() && variables["LAMBDA_TASK_ROOT"].is_string());
    assert!(variables.get("CARGO_MANIFEST_DIR").is_none() && variables.get("HOME").is_none());
}

#[test]
fn invocations_at_once_have_processes_of_their_own_up_to_the_bound() {
    let function = obedient().concurrency(2).start();
    let pids: Vec<Value> = std::thread::scope(|scope| {
        let invoke = || answer(&function, json!({"do": "sleep", "millis": 100}))["pid"].clone();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(invoke)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(function.cold_starts().len(), 2);
    let first = pids.iter().filter(|pid| **pid == pids[0]).count();
    assert!((1..=3).contains(&first), "{pids:?}");
    assert_eq!(function.drop_warm(), 2);
    answer(&function, json!({}));
    assert_eq!(function.cold_starts().len(), 3);
}

#[test]
fn what_is_throttled_is_refused_at_once() {
    let function = obedient().concurrency(1).throttled().start();
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| function.invoke(json!({"do": "sleep", "millis": 10_000})));
        wait_until("the function runs", || function.running() == 1);
        assert!(matches!(function.invoke(json!({})), Err(InvokeError::Throttled)));
        assert_eq!(function.kill_running(), 1);
        assert!(sleeper.join().unwrap().is_err());
    });
    answer(&function, json!({}));
}

#[test]
fn a_process_whose_time_is_up_is_killed_and_replaced() {
    let function = obedient().timeout(Duration::from_millis(300)).start();
    let before = answer(&function, json!({}))["pid"].clone();
    let error = function.invoke(json!({"do": "sleep", "millis": 10_000})).unwrap_err();
    assert!(matches!(error, InvokeError::TimedOut { after, .. } if after == Duration::from_millis(300)));
    let text = error.to_string();
    assert!(text.starts_with("Task timed out after 0.30 seconds") && text.contains("obeying \"sleep\""), "{text}");
    assert!(!std::path::Path::new(&format!("/proc/{before}")).exists());
    assert_ne!(answer(&function, json!({}))["pid"], before);
}

#[test]
fn a_kill_hits_only_what_is_in_the_middle_of_an_invocation() {
    let function = obedient().start();
    assert_eq!(function.kill_running(), 0);
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| failure(&function, json!({"do": "sleep", "millis": 10_000})));
        wait_until("the function runs", || function.running() == 1);
        assert_eq!(function.kill_running(), 1);
        let (error_type, message) = sleeper.join().unwrap();
        assert_eq!(error_type, "Runtime.ExitError");
        assert!(message.ends_with("Error: Runtime exited with error: signal: killed"), "{message}");
    });
    assert_eq!((function.running(), function.drop_warm()), (0, 0));
    answer(&function, json!({}));
    assert_eq!(function.kill_running(), 0);
    answer(&function, json!({}));
    assert_eq!(function.cold_starts().len(), 2);
}

#[test]
fn an_error_is_told_and_the_process_goes_on_unless_it_has_ended() {
    let function = obedient().start();
    let (error_type, message) = failure(&function, json!({"do": "fail"}));
    assert!(error_type.contains("Error") && message.contains("as told"), "{error_type}: {message}");
    answer(&function, json!({}));
    assert_eq!(function.cold_starts().len(), 1);
    let (error_type, message) = failure(&function, json!({"do": "exit"}));
    assert_eq!(error_type, "Runtime.ExitError");
    assert!(message.ends_with("exit status 3"), "{message}");
    answer(&function, json!({}));
    assert_eq!(function.cold_starts().len(), 2);
    assert!(function.log().contains("obeying \"exit\""));
}

#[test]
fn events_and_answers_may_weigh_six_megabytes() {
    let function = obedient().start();
    let padded = |bytes: usize| {
        let mut event = br#"{"do": ""}"#.to_vec();
        event.resize(bytes, b' ');
        event
    };
    function.invoke(padded(6_291_456)).unwrap_or_else(|error| panic!("{error}"));
    let refused = function.invoke(padded(6_291_457));
    assert!(matches!(refused, Err(InvokeError::TooLarge { bytes: 6_291_457, limit: 6_291_456 })), "{refused:?}");
    // The answer is a string, between quotes.
    assert_eq!(function.invoke(json!({"do": "answer", "bytes": 6_291_554})).map(|answer| answer.len()).ok(), Some(6_291_556));
    let (error_type, message) = failure(&function, json!({"do": "answer", "bytes": 6_291_555}));
    assert_eq!(error_type, "Function.ResponseSizeTooLarge");
    assert_eq!(message, "Response payload size exceeded maximum allowed payload size (6291556 bytes).");
    answer(&function, json!({}));
    assert_eq!(function.cold_starts().len(), 1);
}

#[test]
fn a_runtime_that_breaks_the_protocol_is_refused() {
    let function = obedient().start();
    assert_eq!(answer(&function, json!({"do": "misuse"})), json!([400, 403]));
    answer(&function, json!({}));
}

#[test]
fn what_cannot_start_says_why() {
    let (error_type, message) = failure(&Deployment::new("none", "/no/such/binary").start(), json!({}));
    assert_eq!(error_type, "Runtime.InvalidEntrypoint");
    assert!(message.contains("No such file"), "{message}");
    assert_eq!(failure(&deployment("unwilling").start(), json!({})), ("Extension.None".to_owned(), "not today".to_owned()));
    let panicking = deployment("unknown").start();
    let error = panicking.invoke(json!({})).unwrap_err().to_string();
    assert!(error.contains("Runtime.ExitError") && error.contains("no such function"), "{error}");
    assert_eq!(panicking.cold_starts(), []);
}

fn ticks(function: &Function) -> usize {
    function.log().matches("tick\n").count()
}

fn is_frozen(pid: &Value) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ")
}

#[test]
fn nothing_runs_between_invocations() {
    let function = obedient().start();
    let pid = answer(&function, json!({"do": "tick"}))["pid"].clone();
    wait_until("the process is frozen", || is_frozen(&pid));
    // What was written before may still be on its way.
    wait_until("no more ticks", || {
        let before = ticks(&function);
        std::thread::sleep(Duration::from_millis(100));
        ticks(&function) == before
    });
    let before = ticks(&function);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(ticks(&function), before);
    answer(&function, json!({"do": "sleep", "millis": 50}));
    assert!(ticks(&function) > before);
    assert_eq!(function.drop_warm(), 1, "a frozen process can be killed");
}

#[test]
fn a_process_may_be_left_running() {
    let function = obedient().never_frozen().start();
    let pid = answer(&function, json!({"do": "tick"}))["pid"].clone();
    let before = ticks(&function);
    wait_until("there are more ticks", || ticks(&function) > before + 5);
    assert!(!is_frozen(&pid));
}

#[test]
fn no_process_outlives_its_function() {
    let function = obedient().start();
    let pid = answer(&function, json!({}))["pid"].clone();
    drop(function);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}
