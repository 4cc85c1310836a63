//! A host that answers at once, and not too much.

use serde_json::json;

use super::host_with;

#[tokio::test]
async fn what_is_too_much_for_one_answer_is_refused_with_advice() {
    let host = host_with(Some(1000)).with_fixtures().await;
    host.get("/table/ramp/last?interval=1s").await.refuses(413, "shorter time");
    assert_eq!(host.rows("/table/ramp/last?interval=10ms").await.len(), 10);
    host.get("/audio/ramp/stream/wav?offset=1s").await.refuses(413, "shorter limit");
    assert_eq!(host.get("/audio/ramp/stream/wav?offset=1s&limit=10ms").await.is(200).body.len(), 64);
}

#[tokio::test]
async fn the_sound_of_a_live_table_ends_with_what_is_there() {
    let host = host_with(Some(1_000_000));
    host.open_table("live", json!({"element": "sample"}), [json!(0), json!(1)]).await;
    assert_eq!(host.get("/audio/live/stream/wav?offset=1s").await.is(200).body.len(), 48);
}
