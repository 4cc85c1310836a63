//! The process of the functions that are tested with.

use std::time::Duration;

use lambda_http::lambda_runtime;
use lambda_http::{Body, Error, IntoResponse, LambdaEvent, Request, RequestExt as _, Response, service_fn};
use serde_json::{Value, json};

/// The variable that says what to be.
pub(super) const KIND: &str = "KIND";

/// Not a test: the others start this program with this as its only one.
#[test]
#[ignore = "it is the function that the other tests invoke"]
fn function() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let kind = std::env::var(KIND).unwrap_or_default();
    let ended = runtime.block_on(async {
        match kind.as_str() {
            "obedient" => lambda_runtime::run(service_fn(obey)).await,
            "http" => lambda_http::run(service_fn(show)).await,
            "echo" => lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async { Ok::<_, Error>(event.payload) })).await,
            "batches" => lambda_runtime::run(service_fn(handle_batch)).await,
            "unwilling" => {
                runtime_api("init/error", Some(r#"{"errorType": "Extension.None", "errorMessage": "not today"}"#)).await;
                std::future::pending().await
            }
            _ => panic!("no such function"),
        }
    });
    ended.unwrap();
}

/// Asks the runtime API for something that a runtime would not; the status.
async fn runtime_api(path: &str, body: Option<&'static str>) -> u16 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let url = format!("http://{}/2018-06-01/runtime/{path}", std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap());
    let request = match body {
        Some(body) => client.post(url).body(body),
        None => client.get(url),
    };
    request.send().await.unwrap().status().as_u16()
}

/// Does what the event says.
async fn obey(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let number = |name: &str| event.payload[name].as_u64();
    println!("obeying {}", event.payload["do"]);
    match event.payload["do"].as_str().unwrap_or_default() {
        "sleep" => tokio::time::sleep(Duration::from_millis(number("millis").unwrap())).await,
        "fail" => return Err("as told".into()),
        "exit" => std::process::exit(3),
        "answer" => return Ok("x".repeat(usize::try_from(number("bytes").unwrap())?).into()),
        "variables" => {
            return Ok(std::env::vars().map(|(name, value)| (name, Value::from(value))).collect::<serde_json::Map<_, _>>().into());
        }
        "misuse" => {
            let strange = runtime_api("invocation/1-2-3/response", Some("{}")).await;
            return Ok(json!([strange, runtime_api("invocation/next", None).await]));
        }
        "tick" => {
            tokio::spawn(async {
                loop {
                    println!("tick");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        }
        _ => {}
    }
    let context = event.context;
    Ok(json!({"pid": std::process::id(), "id": context.request_id, "arn": context.invoked_function_arn, "deadline": context.deadline,
        "trace": context.xray_trace_id, "function": context.env_config.function_name, "memory": context.env_config.memory}))
}

/// Tells of the request, or answers as the path says.
async fn show(request: Request) -> Result<Response<Body>, Error> {
    match request.uri().path() {
        "/slow" => tokio::time::sleep(Duration::from_secs(10)).await,
        "/fail" => return Err("as told".into()),
        "/binary" => return Ok(Response::builder().header("content-type", "image/png").body(Body::Binary(vec![0, 255, 137]))?),
        "/cookies" => return Ok(Response::builder().header("set-cookie", "a=1").header("set-cookie", "b=2").body(Body::Empty)?),
        _ => {}
    }
    let header = |name: &str| request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let shown = json!({"method": request.method().as_str(), "uri": request.uri().to_string(), "raw": request.raw_http_path(),
        "cookie": header("cookie"), "two": header("x-two"), "body": request.body().to_vec()});
    Ok(shown.into_response().await)
}

/// Handles messages, but for those that say otherwise.
async fn handle_batch(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in event.payload["Records"].as_array().unwrap() {
        println!("got {}", record["body"].as_str().unwrap());
        let first = record["attributes"]["ApproximateReceiveCount"] == "1";
        match record["body"].as_str().unwrap() {
            "crash at first" if first => return Err("as told".into()),
            "fail at first" if first => failures.push(json!({"itemIdentifier": record["messageId"]})),
            _ => {}
        }
    }
    Ok(json!({"batchItemFailures": failures}))
}
