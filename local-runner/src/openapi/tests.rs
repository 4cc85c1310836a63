//! The description against what is really there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use clap::Parser as _;
use headwater_adapters::SystemClock;
use headwater_console::Troubles;
use headwater_web::openapi::operations;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{document, pretty};
use crate::app;
use crate::args::{Arguments, Command};

/// The routes of a server over stores in memory, with a token or without.
async fn routes(token: &[&str]) -> axum::Router {
    let words = ["headwater", "serve", "--store", "memory"].iter().chain(token);
    let Command::Serve(options) = Arguments::try_parse_from(words).unwrap().command else { panic!("not `serve`") };
    let troubles = Troubles::new(Arc::new(SystemClock::new()));
    app::compose(&options, PrometheusBuilder::new().build_recorder().handle(), troubles).await.unwrap().routes
}

async fn ask(routes: &axum::Router, method: &str, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let (parts, body) = routes.clone().oneshot(request).await.unwrap().into_parts();
    (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

/// The methods that a path takes, as it says them itself to whoever asks with one that it does not take.
async fn taken(routes: &axum::Router, path: &str) -> BTreeSet<String> {
    let path = path.replace(['{', '}'], "");
    let (status, headers, _) = ask(routes, "BREW", &path).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    let allowed = headers["allow"].to_str().unwrap();
    let mut all: BTreeSet<String> = allowed.split(',').map(|method| method.trim().to_owned()).collect();
    // As HTTP has it: `HEAD` comes with `GET`, and is described with it.
    assert_eq!(all.remove("HEAD"), all.contains("GET"), "{path}: {allowed}");
    all
}

#[tokio::test]
async fn what_is_described_is_what_the_routers_take() {
    let document = document();
    let described: BTreeMap<&str, BTreeSet<String>> =
        operations(&document).map(|(path, methods)| (path, methods.into_iter().collect())).collect();
    let routes = routes(&[]).await;
    for (path, methods) in &described {
        assert_eq!(*methods, taken(&routes, path).await, "{path}");
    }
    let known = [
        &headwater_datagen::paths::ALL[..],
        &headwater_simulations::paths::ALL,
        &headwater_streams::paths::ALL,
        &headwater_tables::paths::ALL,
        &headwater_load_tests::paths::ALL,
    ];
    let known: BTreeSet<String> = known.concat().iter().map(|path| path.replace("{*", "{")).collect();
    let host: BTreeSet<&str> = described.keys().copied().filter(|path| !known.contains(*path)).collect();
    assert_eq!(host, ["/", "/healthz", "/live", "/metrics", "/openapi.json"].into(), "described, and of no group");
    for path in &known {
        assert!(described.contains_key(path.as_str()), "{path} is routed and not described");
    }
}

#[test]
fn the_file_in_the_repository_is_the_description() {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json")).unwrap_or_default();
    assert!(file == pretty(), "docs/openapi.json is out of date: `cargo run -- openapi > docs/openapi.json` renews it");
}

/// Every `$ref` within a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.insert(target.clone());
            }
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn each_description_holds_together() {
    let groups = [
        headwater_datagen::openapi::document(),
        headwater_simulations::openapi::document(),
        headwater_streams::openapi::document(),
        headwater_tables::openapi::document(),
        headwater_load_tests::openapi::document(),
        document(),
    ];
    for document in &groups {
        let mut found = BTreeSet::new();
        references(document, &mut found);
        for target in found {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target} leads nowhere");
        }
        let all = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let ids: Vec<&str> = all.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an operation id is there twice: {ids:?}");
    }
}

/// Schemas that several groups have under one name are one schema.
#[test]
fn no_group_describes_another_thing_under_the_name_of_a_first() {
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    for document in [
        headwater_datagen::openapi::document(),
        headwater_simulations::openapi::document(),
        headwater_streams::openapi::document(),
        headwater_tables::openapi::document(),
        headwater_load_tests::openapi::document(),
    ] {
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            if let Some(other) = seen.insert(name.clone(), schema.clone()) {
                assert_eq!(other, *schema, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn the_page_brings_all_that_it_needs_and_may_do_little() {
    let routes = routes(&[]).await;
    let (status, headers, _) = ask(&routes, "GET", "/docs").await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (StatusCode::PERMANENT_REDIRECT, "/docs/"));
    let (status, headers, page) = ask(&routes, "GET", "/docs/").await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "text/html"));
    assert!(headers["content-security-policy"].to_str().unwrap().contains("script-src 'self';"));
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(!page.is_empty());
    for file in ["swagger-ui.css", "index.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "favicon-32x32.png"] {
        assert_eq!(ask(&routes, "GET", &format!("/docs/{file}")).await.0, StatusCode::OK, "{file}");
    }
    let (_, _, script) = ask(&routes, "GET", "/docs/swagger-initializer.js").await;
    let script = String::from_utf8(script).unwrap();
    assert!(script.contains("\"/openapi.json\"") && !script.contains("petstore"), "{script}");
    assert_eq!(ask(&routes, "GET", "/docs/nope").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_description_is_behind_the_token_like_all_else() {
    let routes = routes(&["--token", "a-token-of-sixteen"]).await;
    for path in ["/openapi.json", "/openapi/streams.json", "/docs/"] {
        let (status, headers, _) = ask(&routes, "GET", path).await;
        assert_eq!((status, headers["www-authenticate"].to_str().unwrap()), (StatusCode::UNAUTHORIZED, "Bearer"), "{path}");
    }
}
