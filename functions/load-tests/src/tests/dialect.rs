//! How problems are told, and which paths and methods there are.

use axum::body::Body;
use headwater_core::load_tests::LoadTestError;
use headwater_core::ports::PortError;
use headwater_web::Problem;
use serde_json::json;

use super::{host, host_with};
use crate::{DIALECT, paths, problems};

#[tokio::test]
async fn ping_is_answered() {
    let host = host();
    for path in ["/apiv0.1/ping", "/apiv0.1/ping/"] {
        let answer = host.get(path).await.is(200);
        assert_eq!((answer.json(), answer.header("content-type")), (json!({"res": "PONG!"}), "application/json"));
    }
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let host = host();
    for path in
        ["/apiv0.1", "/apiv0.1/", "/apiv0.1/nope", "/apiv0.1/events", "/apiv0.1/events/nope", "/apiv0.1/events/runs/a/b", "/apiv0.1//ping"]
    {
        host.get(path).await.refuses(404, "not_found", None);
        host.send("POST", path, &[], "{}").await.refuses(404, "not_found", None);
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_there_are() {
    let host = host();
    for path in paths::ALL.into_iter().filter(|path| *path != paths::OPENAPI) {
        let allowed = if [paths::REGISTER, paths::UPDATE, paths::ANNOTATE, paths::COMMIT].contains(&path) { "POST" } else { "GET,HEAD" };
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"].into_iter().filter(|method| !allowed.contains(method)) {
            for path in [path.to_owned(), format!("{path}/")] {
                let answer = host.send(method, &path, &[], Body::empty()).await;
                answer.refuses(405, "method_not_allowed", None);
                assert_eq!(answer.header("allow"), allowed, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn without_the_token_nobody_is_let_in() {
    let host = host_with(Some("a-token-of-sixteen"));
    let answer = host.get("/apiv0.1/ping").await;
    answer.refuses(401, "unauthorized", None);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    host.send("GET", "/apiv0.1/ping", &[("authorization", "Bearer a-token-of-sixteen")], "").await.is(200);
}

#[tokio::test]
async fn a_query_that_asks_for_what_there_is_not_is_refused() {
    let host = host();
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=many", "limit"),
        ("?limit=", "limit"),
        ("/x?format=xml", "format"),
        ("/x?format=csv&part=results", "part"),
        ("/x?part=results", "part"),
    ] {
        host.get(&format!("/apiv0.1/events/runs{query}")).await.refuses(400, "invalid", Some(field));
    }
}

/// A problem as a client of the group sees it.
fn told(problem: Problem) -> (u16, serde_json::Value, bool) {
    use axum::response::IntoResponse as _;
    let response = problem.into_response();
    let told = response.extensions().get::<headwater_web::Told>().expect("a problem says what it is");
    let (kind, body) = (DIALECT.render)(told);
    assert_eq!(kind, "application/json");
    (response.status().as_u16(), serde_json::from_str(&body).unwrap(), response.headers().contains_key("retry-after"))
}

#[test]
fn what_the_service_refuses_is_told_by_code() {
    let code = |error: LoadTestError| {
        let (status, body, retry) = told(problems::load_test(error));
        (status, body["error"]["code"].as_str().unwrap().to_owned(), retry)
    };
    let unknown = LoadTestError::NotFound { uuid: "u".to_owned(), host: "h".to_owned() };
    assert_eq!(code(unknown), (404, "not_found".to_owned(), false));
    assert_eq!(code(LoadTestError::Over("u".to_owned())), (409, "over".to_owned(), false));
    assert_eq!(code(LoadTestError::Busy(7)), (503, "busy".to_owned(), true));
    let gone = PortError::Unavailable { operation: "x", source: "y".into() };
    assert_eq!(code(LoadTestError::Store(gone)), (503, "unavailable".to_owned(), false));
}

#[test]
fn the_first_mistake_is_the_field() {
    use headwater_core::mistakes::Mistakes;
    let mistakes =
        Mistakes::one("measurement.fields.hatchRate", "must be a number, not a text").and(Mistakes::one("hostname", "is required"));
    let (status, body, _) = told(problems::load_test(mistakes.into()));
    let message = "measurement.fields.hatchRate: must be a number, not a text; hostname: is required";
    let wanted = json!({"error": {"code": "invalid", "message": message, "field": "measurement.fields.hatchRate"}});
    assert_eq!((status, body), (400, wanted));
}
