//! Tables as sound.

use axum::body::Body;
use futures::StreamExt as _;
use serde_json::json;

use super::{Host, host};

impl Host {
    /// The data of a sound, and its header's rate and bits.
    async fn sound(&self, path: &str) -> (Vec<u8>, u32, u16) {
        let answer = self.get(&format!("/audio/{path}")).await.is(200);
        assert_eq!(answer.header("content-type"), "audio/wav");
        let (header, data) = answer.body.split_at(44);
        assert_eq!((&header[..4], &header[8..16], &header[36..44]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data\xff\xff\xff\x7f"[..]));
        (data.to_vec(), u32::from_le_bytes(header[24..28].try_into().unwrap()), u16::from_le_bytes(header[34..36].try_into().unwrap()))
    }
}

#[tokio::test]
async fn a_finished_table_is_heard_from_the_offset_on() {
    let host = host().with_fixtures().await;
    let (data, rate, bits) = host.sound("ramp/stream/wav?offset=1s").await;
    assert_eq!((data.len(), &data[..6], rate, bits), (2000, &[0, 0, 0x21, 0, 0x42, 0][..], 1000, 16));
    assert_eq!(host.sound("ramp/stream/wav").await.0, [0xde, 0x7f]);
    let (data, _, bits) = host.sound("ramp/stream/wav?offset=1s&limit=100ms&bitDepth=8").await;
    assert_eq!((data.len(), &data[..3], bits), (100, &[0x80; 3][..], 8));
    let (data, _, bits) = host.sound("ramp/stream/WAV?offset=1s&bitDepth=24").await;
    assert_eq!((data.len(), &data[1500..1503], bits), (3000, &[0, 0, 0x40][..], 24));
    assert_eq!(host.sound("ramp/stream/wav?offset=1s&bitDepth=32").await.0.len(), 4000);
    assert_eq!(host.sound("ramp/stream/wav?offset=1s&bitDepth=64").await.0.len(), 8000);
    for nothing in ["ramp/stream/wav?offset=1s&limit=0s", "ramp/stream/wav?offset=1s&limit=-1s", "empty/stream/wav?offset=1s"] {
        assert!(host.sound(nothing).await.0.is_empty(), "{nothing}");
    }
    assert_eq!(host.sound("vec/stream/wav?offset=1s").await, host.sound("ramp/stream/wav?offset=1s").await);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_for_sound_is_said_in_order() {
    let host = host().with_fixtures().await;
    for table in ["ramp", "nope"] {
        for (rest, message) in [
            ("mp3", "Path parameter format `mp3` is not recognized"),
            ("mp3?bitDepth=42", "Path parameter format `mp3` is not recognized"),
            ("wav?bitDepth=42&limit=1&offset=1", "Query parameter bitDepth `42` is not recognized"),
            ("wav?bitDepth=16.0", "Query parameter bitDepth `16.0` is not recognized"),
            ("wav?bitDepth=", "Query parameter bitDepth `` is not recognized"),
            ("wav?limit=100megaseconds&offset=1", "Query parameter limit `100megaseconds` is not recognized"),
            ("wav?limit=", "Query parameter limit `` is not recognized"),
            ("wav?offset=5", "Query parameter offset `5` is not recognized"),
        ] {
            host.get(&format!("/audio/{table}/stream/{rest}")).await.says(400, message);
        }
    }
    host.get("/audio/nope/stream/wav?bitDepth=8").await.says(404, "nope is not found");
}

#[tokio::test]
async fn only_samples_and_vectors_are_heard() {
    let host = host().with_fixtures().await;
    for table in ["fft", "win", "list", "obj"] {
        host.get(&format!("/audio/{table}/stream/wav?offset=1s")).await.refuses(400, table);
    }
}

#[tokio::test]
async fn a_live_table_is_heard_as_it_grows() {
    let host = host().with_fixtures().await;
    assert_eq!(host.sound("live/stream/wav?offset=1s&limit=100ms").await.0.len(), 200);

    let response = host.open("GET", "/audio/live/stream/wav", &[], Body::empty()).await;
    let mut pieces = response.into_body().into_data_stream();
    assert_eq!(pieces.next().await.unwrap().unwrap().len(), 44);
    assert_eq!(pieces.next().await.unwrap().unwrap(), [0xde, 0x7f].as_slice());
    host.lines("live", "1\n-1\n").await.is(200);
    assert_eq!(pieces.next().await.unwrap().unwrap(), [0xff, 0x7f, 0x01, 0x80].as_slice());
    host.send("POST", "/table/live/finish", &[], "").await.is(200);
    assert!(pieces.next().await.is_none());
}

#[tokio::test]
async fn a_table_that_is_removed_falls_silent() {
    let host = host();
    host.open_table("t", json!({"element": "sample"}), [json!(0)]).await;
    let response = host.open("GET", "/audio/t/stream/wav", &[], Body::empty()).await;
    let mut pieces = response.into_body().into_data_stream();
    assert_eq!(pieces.next().await.unwrap().unwrap().len(), 44);
    assert_eq!(pieces.next().await.unwrap().unwrap().len(), 2);
    host.send("DELETE", "/table/t", &[], "").await.is(200);
    assert!(pieces.next().await.is_none());
}
