//! Pages of simulations.

use axum::http::StatusCode;
use bytes::Bytes;
use headwater_core::ports::Headers;
use headwater_core::simulations::{SimulationView, devices_stream};
use serde_json::{Value, json};

use super::{Host, host};

async fn stored(host: &Host) -> SimulationView {
    host.services.simulations.get("1").await.unwrap()
}

async fn create(host: &Host, body: Value) {
    host.services.simulations.create(None, &body).await.unwrap();
}

#[tokio::test]
async fn the_page_says_what_to_do_where_nothing_is_and_lists_models() {
    let page = host().page("/console/simulations").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("No simulation yet") && page.text.contains("name=\"count:truck-01\""), "{}", page.text);
    assert!(page.text.contains("/console/simulations/models/truck-01"));
}

#[tokio::test]
async fn devices_of_a_model_that_is_not_there_are_refused() {
    let host = host();
    let refused = host.fill("/console/simulations", &[("etag", ""), ("enabled", "on"), ("count:nothing", "5")]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text.contains("there is no device model &#34;nothing&#34;"), "{}", refused.text);
    assert!(host.services.simulations.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_form_makes_the_simulation_and_another_changes_it() {
    let host = host();
    let fields =
        [("etag", ""), ("name", "<b>mine</b>"), ("end", "NOW+PT2H"), ("enabled", "on"), ("count:truck-01", "3"), ("count:elevator-01", "")];
    let made = host.fill("/console/simulations", &fields).await;
    assert_eq!((made.status, made.header("location")), (StatusCode::SEE_OTHER, "/console/simulations"), "{}", made.text);
    let view = stored(&host).await;
    assert_eq!(view.simulation.settings.models.len(), 1);
    let page = host.page("/console/simulations").await;
    assert!(page.text.contains("&#60;b&#62;mine") && !page.text.contains("<b>mine"), "{}", page.text);
    assert!(page.text.contains("name=\"count:truck-01\" value=\"3\""), "{}", page.text);

    let fields = [("etag", view.simulation.etag.as_str()), ("name", "ours"), ("count:truck-01", "4"), ("count:elevator-01", "2")];
    assert_eq!(host.fill("/console/simulations", &fields).await.status, StatusCode::SEE_OTHER);
    let changed = stored(&host).await.simulation.settings;
    let counts: Vec<u32> = changed.models.iter().map(|model| model.count).collect();
    assert_eq!((counts, changed.enabled, changed.end, changed.seed), (vec![2, 4], false, None, view.simulation.settings.seed));
}

#[tokio::test]
async fn what_the_form_has_no_field_for_stays_and_secrets_stay_within() {
    let host = host();
    let target = json!({"type": "http", "url": "https://me:hush@example.com/in", "headers": {"authorization": "hush"}});
    let models = json!([{"Id": "truck-01", "Count": 1, "Override": {"Simulation": {"Interval": "00:00:07"}}}]);
    create(&host, json!({"DeviceModels": models, "Target": target, "RateLimits": {"DeviceMessagesPerSecond": 5}, "Enabled": false})).await;
    let before = stored(&host).await.simulation;
    let page = host.page("/console/simulations").await;
    assert!(page.text.contains("example.com") && !page.text.contains("hush"), "{}", page.text);

    let fields = [("etag", before.etag.as_str()), ("name", "named"), ("count:truck-01", "2")];
    let changed = host.fill("/console/simulations", &fields).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text);
    let (before, after) = (before.settings, stored(&host).await.simulation.settings);
    assert_eq!((after.target, after.rate_limits, after.seed), (before.target, before.rate_limits, before.seed));
    assert_eq!((after.models[0].count, &after.models[0].overridden), (2, &before.models[0].overridden));
}

#[tokio::test]
async fn mistakes_are_told_and_fields_stay() {
    let host = host();
    let none = host.fill("/console/simulations", &[("etag", ""), ("name", "kept")]).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    assert!(none.text.contains("must name at least one device model") && none.text.contains("value=\"kept\""), "{}", none.text);
    let fields = [("etag", ""), ("start", "soon"), ("end", "2001-01-01"), ("count:truck-01", "many")];
    let wrong = host.fill("/console/simulations", &fields).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    for text in ["must be a date such as", "truck-01: ", "value=\"many\"", "value=\"soon\""] {
        assert!(wrong.text.contains(text), "{text} is not in {}", wrong.text);
    }
    assert!(host.services.simulations.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_form_that_is_out_of_date_changes_nothing() {
    let host = host();
    create(&host, json!({"DeviceModels": [{"Id": "truck-01", "Count": 1}], "Enabled": false})).await;
    let etag = stored(&host).await.simulation.etag;
    for (path, fields) in [
        ("/console/simulations", vec![("etag", ""), ("count:truck-01", "9")]),
        ("/console/simulations", vec![("etag", "old"), ("count:truck-01", "9")]),
        ("/console/simulations/enabled", vec![("etag", "old"), ("enabled", "true")]),
        ("/console/simulations/delete", vec![("etag", "old")]),
    ] {
        let answer = host.fill(path, &fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{path}");
        assert!(answer.text.contains("somebody else has changed"), "{}", answer.text);
        assert_eq!(stored(&host).await.simulation.etag, etag);
    }
}

#[tokio::test]
async fn buttons_enable_disable_and_delete() {
    let host = host();
    create(&host, json!({"DeviceModels": [{"Id": "truck-01", "Count": 1}], "Enabled": false})).await;
    for (word, wanted) in [("true", true), ("false", false)] {
        let etag = stored(&host).await.simulation.etag;
        let answer = host.fill("/console/simulations/enabled", &[("etag", &etag), ("enabled", word)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        assert_eq!(stored(&host).await.simulation.settings.enabled, wanted);
    }
    let etag = stored(&host).await.simulation.etag;
    assert_eq!(host.post_anyhow("/console/simulations/delete", &[("etag", &etag)]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.fill("/console/simulations/delete", &[("etag", &etag)]).await.status, StatusCode::SEE_OTHER);
    assert!(host.services.simulations.list().await.unwrap().is_empty());
    assert_eq!(host.fill("/console/simulations/delete", &[("etag", &etag)]).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_last_messages_are_shown_as_text() {
    let host = host();
    create(&host, json!({"DeviceModels": [{"Id": "truck-01", "Count": 1}], "Enabled": false})).await;
    let streams = &host.services.streams;
    if streams.get(&devices_stream()).await.is_err() {
        streams.create(&devices_stream(), b"").await.unwrap();
    }
    let stream = streams.get(&devices_stream()).await.unwrap();
    for text in ["first", "<img src=x>"] {
        streams.post(&stream, Headers::default(), Bytes::from_static(text.as_bytes())).await.unwrap();
    }
    let page = host.page("/console/simulations").await;
    assert!(page.text.contains("&#60;img src=x&#62;") && !page.text.contains("<img"), "{}", page.text);
    let told: Value = serde_json::from_str(&host.page("/console/simulations/messages").await.text).unwrap();
    let bodies: Vec<&str> = told["messages"].as_array().unwrap().iter().map(|message| message["body"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["<img src=x>", "first"]);
}

#[tokio::test]
async fn a_model_is_shown() {
    let host = host();
    let page = host.page("/console/simulations/models/truck-01").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("the stock") && page.text.contains("&#34;CloudToDeviceMethods&#34;"), "{}", page.text);
    let missing = host.page("/console/simulations/models/%3Cb%3E").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(!missing.text.contains("<b>"));
}
