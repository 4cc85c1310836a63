//! The store of points, against InfluxDB itself.

use bytes::Bytes;
use headwater_core::line_protocol::{FieldValue, Point, write_point};
use headwater_core::ports::PointsRefused;
use serde_json::json;

use crate::database::Database;

fn lines(count: i64) -> Bytes {
    let mut text = String::new();
    for number in 0..count {
        let fields = [("n", FieldValue::Integer(number))];
        assert!(write_point(&mut text, &Point { measurement: "m", tags: &[("t", "é")], fields: &fields, nanos: Some(number) }));
    }
    text.into()
}

#[tokio::test]
async fn a_missing_database_is_made_and_lines_may_be_sent_again() {
    let database = Database::missing("Made, \"not\" there");
    let store = database.known(&[]).store();
    for _ in 0..2 {
        store.write(lines(10_000)).await.unwrap();
    }
    store.write(lines(1)).await.unwrap();
    let counted = database.query("SELECT COUNT(n), SUM(n) FROM m WHERE t = 'é'").await;
    assert_eq!(counted["values"][0].as_array().unwrap()[1..], [json!(10_000), json!(49_995_000)]);
}

#[tokio::test]
async fn who_may_not_make_a_database_is_told() {
    let database = Database::missing("forbidden");
    let user = format!("user_{}", std::process::id());
    database.query(&format!("CREATE USER {user} WITH PASSWORD 'pa55-word'")).await;
    let known = database.known(&[("INFLUXDB_USERNAME", &user), ("INFLUXDB_PASSWORD", "pa55-word")]);
    let refused = known.store().write(lines(1)).await.unwrap_err();
    let PointsRefused::Denied(why) = &refused else { panic!("{refused:?}") };
    assert!(why.contains("cannot be made") && why.contains("403") && !why.contains("pa55"), "{why}");
    database.query(&format!("CREATE DATABASE {}", database.name)).await;
    let refused = known.store().write(lines(1)).await.unwrap_err();
    assert!(matches!(&refused, PointsRefused::Denied(why) if why.contains("403")), "{refused:?}");
}

#[tokio::test]
async fn a_database_without_a_policy_takes_nothing_until_somebody_makes_one() {
    let database = Database::new("policy").await;
    database.query(&format!("DROP RETENTION POLICY autogen ON {}", database.name)).await;
    let refused = database.known(&[]).store().write(lines(1)).await.unwrap_err();
    assert!(matches!(&refused, PointsRefused::Denied(why) if why.contains("retention policy")), "{refused:?}");
}

#[tokio::test]
async fn a_bad_line_makes_a_batch_unfit_and_the_others_are_kept() {
    let database = Database::new("bad_line").await;
    let store = database.known(&[]).store();
    store.write(Bytes::from_static(b"m n=1i 1\n")).await.unwrap();
    for (batch, word) in
        [(&b"m n=2i 2\nm n=bad 3\nm n=4i 4\n"[..], "invalid boolean"), (b"m n=5i 5\nm n=\"text\" 6\n", "field type conflict")]
    {
        let refused = store.write(Bytes::from_static(batch)).await.unwrap_err();
        assert!(matches!(&refused, PointsRefused::Unfit(why) if why.contains(word)), "{refused:?}");
    }
    let kept = database.query("SELECT n FROM m").await;
    assert_eq!(kept["values"], json!([[1, 1], [2, 2], [4, 4], [5, 5]]));
}

/// The documents of InfluxDB speak of 64 KB. Version 1.6 keeps what it gets.
#[tokio::test]
async fn long_texts_come_back_whole() {
    let database = Database::new("long").await;
    let store = database.known(&[]).store();
    for (time, length) in [(1, 65_535), (2, 65_536), (3, 1_000_000), (4, 8_000_000)] {
        let text = json!({"stats": "é \"\\\n".repeat(length / 6)}).to_string();
        let fields = [("text", FieldValue::Text(&text))];
        let mut line = String::new();
        assert!(write_point(&mut line, &Point { measurement: "m", tags: &[], fields: &fields, nanos: Some(time) }));
        store.write(line.into()).await.unwrap();
        let kept = database.query(&format!("SELECT \"text\" FROM m WHERE time = {time}")).await;
        assert!(kept["values"][0][1].as_str() == Some(text.as_str()), "{length}");
    }
}

/// Version 1 repeats the line in a header, where such characters may not stand.
#[tokio::test]
async fn what_a_server_quotes_does_not_keep_its_answer_from_being_read() {
    let database = Database::new("quoting").await;
    let refused = database.known(&[]).store().write(Bytes::from_static(b"m f=\"\x01\r\n\x7f\xc3\xa9\",g=bad 1\n")).await.unwrap_err();
    assert!(matches!(&refused, PointsRefused::Unfit(why) if why.contains("invalid boolean")), "{refused:?}");
}

/// A name is another matter: with its tags it has 64 KB.
#[tokio::test]
async fn a_tag_that_is_too_long_is_unfit() {
    let database = Database::new("long_tag").await;
    let tag = "x".repeat(65_536);
    let mut line = String::new();
    assert!(write_point(
        &mut line,
        &Point { measurement: "m", tags: &[("t", &tag)], fields: &[("f", FieldValue::Boolean(true))], nanos: Some(1) }
    ));
    let refused = database.known(&[]).store().write(line.into()).await.unwrap_err();
    assert!(matches!(&refused, PointsRefused::Unfit(why) if why.contains("max key length exceeded") && why.len() < 600), "{refused:?}");
}

/// Such a server closes the connection before it has read everything.
#[tokio::test]
async fn a_body_that_is_too_large_is_told() {
    let database = Database::new("too_large").await;
    // What cannot be compressed to the 25 MB that the server takes.
    let (mut text, mut state) = (String::new(), 1_u64);
    while text.len() < 40_000_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push(char::from(33 + u8::try_from((state >> 33) % 90).unwrap()));
    }
    let mut line = String::new();
    let fields = [("text", FieldValue::Text(&text))];
    assert!(write_point(&mut line, &Point { measurement: "m", tags: &[], fields: &fields, nanos: Some(1) }));
    let refused = database.known(&[]).store().write(line.into()).await.unwrap_err();
    assert!(matches!(&refused, PointsRefused::TooLarge(_)), "{refused:?}");
}
