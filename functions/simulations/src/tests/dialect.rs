//! What the house does for this group: spelling of paths, problems that no handler tells.

use headwater_core::secret::Secret;
use headwater_web::Token;
use serde_json::json;

use super::{ALL, ONE, host, host_with_token, simulation};

#[tokio::test]
async fn problems_of_the_house_are_told_in_the_three_texts() {
    let host = host();
    host.get("/v1/nothing").await.refuses(404, "ResourceNotFoundException");
    host.get("/v1/simulations/1/devices").await.refuses(404, "ResourceNotFoundException");
    host.get("/v1/").await.refuses(404, "ResourceNotFoundException");
    host.get("/v1/panics").await.refuses(500, "ExternalDependencyException");
    let large = "x".repeat(headwater_core::limits::REQUEST_BODY + 1);
    host.post(ALL, large).await.refuses(413, "BadRequestException");
    host.get("/v1/simulations/%ff").await.refuses(400, "BadRequestException");
    host.post("/v1/simulations?template=%ff", "{}").await.refuses(400, "InvalidInputException");
    let outside = host.get("/elsewhere").await;
    assert_eq!((outside.status.as_u16(), outside.header("content-type")), (404, "application/json"));
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_answered_with_those_it_does() {
    let host = host();
    for (method, path, allowed) in [
        ("DELETE", ALL, "GET,HEAD,POST"),
        ("POST", ONE, "GET,HEAD,PUT,PATCH,DELETE"),
        ("PUT", "/v1/devicemodels", "GET,HEAD,POST"),
        ("GET", "/v1/devicemodelscripts!validate", "POST"),
        ("POST", "/v1/status", "GET,HEAD"),
        ("POST", "/V1/Status/", "GET,HEAD"),
    ] {
        let answer = host.with_json(method, path, "{}").await;
        answer.refuses(405, "BadRequestException");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_missing_token_is_told_in_the_three_texts() {
    let host = host_with_token(Some(Token::new(Secret::new("sesame"))));
    let answer = host.get(ALL).await;
    answer.refuses(401, "UnauthorizedAccessException");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    host.get("/V1/SIMULATIONS").await.refuses(401, "UnauthorizedAccessException");
    host.send("GET", "/V1/SIMULATIONS", &[("authorization", "Bearer sesame")], "").await.json();
}

#[tokio::test]
async fn paths_are_taken_in_letters_of_either_case_but_ids_are_not() {
    let host = host();
    let made = host.post("/V1/Simulations?template=Default", json!({"Enabled": false})).await.json();
    assert_eq!(host.get("/v1/SIMULATIONS/1").await.json()["ETag"], made["ETag"]);
    assert_eq!(host.get("/v1/simulations/1/").await.json()["ETag"], made["ETag"]);
    assert_eq!(host.get("/v1/DeviceModels/chiller-01").await.json()["Id"], "chiller-01");
    host.get("/v1/DeviceModels/Chiller-01").await.refuses(404, "ResourceNotFoundException");
    host.get("/V1/deviceModelProperties").await.json();
    host.delete("/V1/simulations/1").await.is_empty();
    host.put("/V1/SIMULATIONS/1", simulation(&json!({}))).await.json();
}
