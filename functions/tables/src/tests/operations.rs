//! Windows and spectra, as rows.

use std::f64::consts::FRAC_PI_4;

use serde_json::{Value, json};

use super::{host, offsets};

const MS: i64 = 1_000_000;

#[tokio::test]
async fn windows_have_their_elements_and_the_names_of_the_original() {
    let host = host().with_fixtures().await;
    let rows = host.rows("/table/win/timeRange?from=0s&to=1s").await;
    assert_eq!(offsets(&rows), [0, 2 * MS, 4 * MS, 6 * MS, 8 * MS]);
    for (_, window) in &rows {
        let keys: Vec<&String> = window.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["size", "step", "elements", "sampleType"]);
        assert_eq!((&window["size"], &window["step"], &window["sampleType"]), (&json!(4), &json!(2), &json!("java.lang.Double")));
    }
    let elements: Vec<Vec<f64>> = rows.iter().map(|(_, window)| serde_json::from_value(window["elements"].clone()).unwrap()).collect();
    assert_eq!(elements[3..], [vec![6.0, 7.0, 8.0, 9.0], vec![8.0, 9.0]]);
    assert_eq!(offsets(&host.rows("/table/win/timeRange?from=1ms&to=5ms").await), [2 * MS, 4 * MS]);
    assert_eq!(offsets(&host.rows("/table/win/last?interval=4ms").await), [6 * MS, 8 * MS]);
}

#[tokio::test]
async fn spectra_have_the_textbook_values() {
    let host = host().with_fixtures().await;
    let rows = host.rows("/table/fft/timeRange?from=0s&to=1s").await;
    assert_eq!(offsets(&rows), [0, 4 * MS]);
    for ((number, (offset, row)), second) in rows.iter().enumerate().zip([-FRAC_PI_4, 3.0 * FRAC_PI_4]) {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["index", "binCount", "samplesCount", "sampleRate", "magnitude", "phase", "frequency", "time"]);
        let head = [&row["index"], &row["binCount"], &row["samplesCount"], &row["time"]].map(|value| value.as_i64().unwrap());
        assert_eq!(head, [number as i64, 4, 4, *offset]);
        for (list, wanted) in [("magnitude", [20.0, 9.030_899_870]), ("phase", [0.0, second]), ("frequency", [0.0, 250.0])] {
            let list = row[list].as_array().unwrap();
            assert_eq!(list.len(), 2);
            assert!(list.iter().zip(wanted).all(|(value, wanted)| (value.as_f64().unwrap() - wanted).abs() < 1e-6), "{list:?}");
        }
    }
}

#[tokio::test]
async fn silence_is_null() {
    let host = host().with_fixtures().await;
    let rows = host.rows("/table/silence/last?interval=1s").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].1["magnitude"], json!([Value::Null, Value::Null, Value::Null, Value::Null]));
    let frequency: Vec<f64> = serde_json::from_value(rows[0].1["frequency"].clone()).unwrap();
    assert_eq!(frequency, [0.0, 1000.0, 2000.0, 3000.0]);
}
