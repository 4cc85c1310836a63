use serde_json::{Value, json};

use super::{ALL, ONE, host, simulation};

#[tokio::test]
async fn an_empty_service_lists_nothing() {
    let host = host();
    let wanted = json!({"Items": [], "$metadata": {"$type": "SimulationList;1", "$uri": "/v1/simulations"}});
    assert_eq!(host.get(ALL).await.json(), wanted);
    for id in ["1", "2", "nope"] {
        host.get(&format!("{ALL}/{id}")).await.refuses(404, "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn a_simulation_is_made_and_shown_as_it_was_asked_for() {
    let host = host();
    let models = json!([{"Id": "truck-01", "Count": 3}, {"Id": "truck-02", "Count": 1}, {"Id": "nobody-knows-it", "Count": 10}]);
    let made = host.post(ALL, json!({"DeviceModels": models})).await.json();
    assert_eq!((&made["Id"], &made["Enabled"], &made["DeviceModels"]), (&json!("1"), &json!(true), &models));
    assert!(made["ETag"].as_str().is_some_and(|etag| etag.len() == 14));
    let date = "2023-11-14T22:13:20+00:00";
    let wanted = json!({"$type": "Simulation;1", "$uri": ONE, "$version": "1", "$created": date, "$modified": date});
    assert_eq!(made["$metadata"], wanted);
    let names: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(names, ["ETag", "Id", "Enabled", "Running", "ActiveNow", "IoTHub", "DeviceModels", "Seed", "$metadata"]);
    let mut seen = host.get(ONE).await.json();
    assert!(seen.as_object_mut().unwrap().remove("Statistics").is_some());
    assert_eq!(seen, made);
    assert_eq!(host.get(ALL).await.json()["Items"].as_array().unwrap().len(), 1);
    assert_eq!(host.devices.calls(), ["prepare 1", "settle 1 enabled"]);
    host.get(&format!("{ALL}/2")).await.refuses(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_second_one_is_a_conflict_and_changes_nothing() {
    let host = host();
    let made = host.create(&json!({})).await;
    for body in [simulation(&json!({})), simulation(&json!({"Enabled": true}))] {
        let said = host.post(ALL, body).await.refuses(409, "ConflictingResourceException");
        assert!(said.contains(made["ETag"].as_str().unwrap()), "{said}");
    }
    host.post("/v1/simulations?template=default", "").await.refuses(409, "ConflictingResourceException");
    assert_eq!(host.get(ONE).await.json()["ETag"], made["ETag"]);
}

#[tokio::test]
async fn what_clients_cannot_say_is_passed_over_and_names_may_be_in_any_case() {
    let host = host();
    let body = r#"{"id":"77","running":true,"$metadata":{"$version":"9"},"Nonsense":[],"enabled":"FALSE",
        "devicemodels":[{"ID":"Custom","COUNT":"3","Override":null}],"starttime":null,"ETAG":"x"}"#;
    let made = host.post(ALL, body).await.json();
    assert_eq!((&made["Id"], &made["Enabled"], &made["$metadata"]["$version"]), (&json!("1"), &json!(false), &json!("1")));
    assert_eq!(made["DeviceModels"], json!([{"Id": "custom", "Count": 3}]));
    assert_ne!(made["ETag"], "x");
}

#[tokio::test]
async fn a_body_that_is_wrong_is_refused_with_the_place_of_the_mistake() {
    let host = host();
    for (members, part) in [
        (json!({"DeviceModels": []}), "DeviceModels: must name at least one device model"),
        (json!({"DeviceModels": null}), "DeviceModels: is required"),
        (json!({"DeviceModels": "truck-02"}), "DeviceModels: must be an array"),
        (json!({"DeviceModels": ["truck-02"]}), "DeviceModels[0]: must be an object"),
        (json!({"DeviceModels": [{"Count": 1}]}), "DeviceModels[0].Id: is required"),
        (json!({"DeviceModels": [{"Id": " "}]}), "DeviceModels[0].Id: must not be empty"),
        (json!({"DeviceModels": [{"Id": "x".repeat(101)}]}), "DeviceModels[0].Id: has more than 100 bytes"),
        (json!({"DeviceModels": [{"Id": "truck-01", "Count": 0}]}), "DeviceModels: must ask for at least one device"),
        (
            json!({"DeviceModels": [{"Id": "truck-01", "Count": -1}, {"Id": "truck-02", "Count": 5}]}),
            "DeviceModels[0].Count: must be from 0",
        ),
        (json!({"DeviceModels": [{"Id": "truck-01", "Count": 1.5}]}), "DeviceModels[0].Count: must be an integer"),
        (json!({"DeviceModels": [{"Id": "truck-01", "Count": 600_000}, {"Id": "truck-02", "Count": 600_000}]}), "1200000 devices"),
        (json!({"DeviceModels": [{"Id": "a"}, {"Id": "b"}, {"Id": "a"}]}), "DeviceModels[2]: has the id \\\"a\\\", as DeviceModels[0]"),
        (json!({"DeviceModels": [{"Id": "custom"}, {"Id": "CUSTOM"}]}), "DeviceModels[1]"),
        (
            json!({"DeviceModels": [{"Id": "a", "Override": {"Telemetry": [{"Interval": "10"}]}}]}),
            "DeviceModels[0].Override.Telemetry[0].Interval",
        ),
        (json!({"Enabled": "maybe"}), "Enabled: must be true or false"),
        (json!({"Enabled": 1}), "Enabled: must be true or false"),
        (json!({"Name": 5}), "Name: must be a text"),
        (json!({"Seed": "x"}), "Seed: must be an integer"),
        (json!({"RateLimits": 5}), "RateLimits: must be an object"),
        (json!({"RateLimits": {"DeviceMessagesPerSecond": 1e12}}), "RateLimits.DeviceMessagesPerSecond: must be from"),
        (json!({"ReplayFileId": "nope"}), "ReplayFileId: there is no replay file"),
        (json!({"Description": "x".repeat(1_100_000)}), "the simulation takes"),
    ] {
        host.refuses(&members, part).await;
    }
    let all = host.post(ALL, json!({"Enabled": "x", "StartTime": "y"})).await.refuses(400, "BadRequestException");
    assert_eq!(all.matches("; ").count(), 2, "all mistakes are told at once: {all}");
    assert_eq!(host.devices.calls(), [""; 0]);
}

#[tokio::test]
async fn a_count_of_nothing_is_one_and_zero_beside_one_is_fine() {
    let host = host();
    let made = host.create(&json!({"DeviceModels": [{"Id": "truck-01"}, {"Id": "truck-02", "Count": 0}]})).await;
    assert_eq!(made["DeviceModels"], json!([{"Id": "truck-01", "Count": 1}, {"Id": "truck-02", "Count": 0}]));
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let host = host();
    for body in ["", "{\"DeviceModels\": [", "not json", "[]", "null", "7"] {
        host.post(ALL, body).await.refuses(400, "BadRequestException");
        host.put(ONE, body).await.refuses(400, "BadRequestException");
        host.patch(ONE, body).await.refuses(400, "BadRequestException");
    }
    host.post("/v1/simulations?template=default", "{\"Enabled\": fal").await.refuses(400, "BadRequestException");
    host.post("/v1/simulations?template=default", "null").await.refuses(400, "BadRequestException");
    assert!(host.records.stored().await.unwrap().is_none());
}

#[tokio::test]
async fn a_body_must_be_declared_as_json_but_none_needs_no_declaration() {
    let host = host();
    let body = simulation(&json!({})).to_string();
    for headers in [&[("content-type", "text/plain")][..], &[("content-type", "application/xml")], &[("content-type", "")], &[]] {
        host.send("POST", ALL, headers, body.clone()).await.refuses(415, "BadRequestException");
        host.send("PUT", ONE, headers, body.clone()).await.refuses(415, "BadRequestException");
    }
    host.send("POST", ALL, &[], "").await.refuses(400, "BadRequestException");
    assert!(host.records.stored().await.unwrap().is_none());
    for kind in ["application/json", "Application/JSON; charset=utf-8", "text/json", "application/vnd.headwater+json"] {
        host.send("POST", ALL, &[("content-type", kind)], body.clone()).await.json();
        host.delete(ONE).await.is_empty();
    }
    host.send("POST", ALL, &[("content-type", "application/json")], format!("\u{feff}{body}")).await.json();
    host.delete(ONE).await.is_empty();
    host.send("POST", "/v1/simulations?template=default", &[], "").await.json();
}

#[tokio::test]
async fn the_template_asks_for_one_device_of_every_model() {
    let host = host();
    let listed = host.get("/v1/devicemodels").await.json();
    let wanted: Value = listed["Items"].as_array().unwrap().iter().map(|item| json!({"Id": item["Id"], "Count": 1})).collect();
    let (disabled, times) = (json!({"Enabled": false}), json!({"StartTime": "NOW", "EndTime": "NOW+PT2H", "Name": "all"}));
    for (query, body) in [
        ("template=default", String::new()),
        ("template=DEFAULT", disabled.to_string()),
        ("Template=default&x=1", simulation(&json!({"DeviceModels": [{"Id": "truck-02", "Count": 7}]})).to_string()),
        ("template=default", json!({"DeviceModels": "nonsense"}).to_string()),
        ("template=default", times.to_string()),
    ] {
        let made = host.post(&format!("{ALL}?{query}"), &body).await.json();
        assert_eq!(made["DeviceModels"], wanted, "{query} {body}");
        assert_eq!(made["Enabled"], json!(!body.contains("\"Enabled\":false")), "{query} {body}");
        assert_eq!(made["EndTime"].is_string(), body.contains("EndTime"), "{query} {body}");
        host.delete(ONE).await.is_empty();
    }
    host.post("/v1/simulations?template=default", json!({"EndTime": "NOW"})).await.refuses(400, "BadRequestException");
}

#[tokio::test]
async fn an_empty_template_is_none_and_another_one_is_refused() {
    let host = host();
    let said = host.post("/v1/simulations?template=other", simulation(&json!({}))).await.refuses(400, "InvalidInputException");
    assert!(said.contains("other"), "{said}");
    host.post("/v1/simulations?template=", "").await.refuses(400, "BadRequestException");
    assert!(host.records.stored().await.unwrap().is_none());
    assert_eq!(host.post("/v1/simulations?template=%20", simulation(&json!({}))).await.json()["DeviceModels"][0]["Id"], "truck-02");
}

#[tokio::test]
async fn one_that_cannot_run_is_refused_and_leaves_nothing() {
    let host = host();
    *host.devices.refusal.lock().unwrap() = Some("Target: this host has no such thing".to_owned());
    let hub = json!({"IoTHub": {"ConnectionString": "HostName=h.example.net;SharedAccessKeyName=p;SharedAccessKey=MTIz"}});
    host.refuses(&hub, "Target: this host has no such thing").await;
    assert_eq!(host.documents_with("").await, [""; 0]);
}

#[tokio::test]
async fn what_a_crash_has_left_undone_is_done_again() {
    let host = host();
    *host.devices.broken.lock().unwrap() = true;
    host.post(ALL, simulation(&json!({"Enabled": true}))).await.refuses(503, "ExternalDependencyException");
    *host.devices.broken.lock().unwrap() = false;
    host.devices.calls();
    host.service.recover().await.unwrap();
    assert_eq!(host.devices.calls(), ["settle 1 enabled"]);
}

#[tokio::test]
async fn as_many_models_as_a_body_can_name_are_read_without_delay() {
    let host = host();
    let models: Vec<Value> = (0..100_000).map(|n| json!({"Id": format!("m{n}"), "Count": 1})).collect();
    host.refuses(&json!({"DeviceModels": models}), "the simulation takes").await;
}
