//! What tables keep, how, and for how long.

use super::*;

/// Numbers that no single can hold, and so short that every reader of JSON reads them exactly.
fn value(number: u64) -> f64 {
    (number * 10 + 1) as f64 / 10.0
}

fn ramp(from: u64, count: u64) -> Vec<f64> {
    (from..from + count).map(value).collect()
}

#[tokio::test]
async fn many_small_appends_become_few_chunks_and_keep_their_order() {
    let bench = Bench::new();
    let service = bench.service();
    define(&service, "t", json!({"element": "sample", "sampleRate": 1000})).await;
    let mut count = 0;
    for round in 0..900_u64 {
        let more = 1 + round * 7 % 3000;
        push_samples(&service, "t", ramp(count, more)).await.unwrap();
        count += more;
    }
    assert!(bench.chunks().await < 80, "{} chunks of {count} samples", bench.chunks().await);
    let rows = all(&service, "t").await;
    assert_eq!(rows.len() as u64, count);
    for (number, (offset, value)) in rows.iter().enumerate() {
        assert_eq!((*offset, value.as_f64().unwrap()), (number as i64 * 1_000_000, self::value(number as u64)));
    }
}

#[tokio::test]
async fn a_long_append_is_written_while_it_comes_and_seen_when_it_is_whole() {
    let bench = Bench::new();
    let service = bench.service();
    define(&service, "t", json!({"element": "sample", "sampleRate": 1000, "retention": "30d"})).await;
    push_samples(&service, "t", ramp(0, 10)).await.unwrap();
    let mut append = service.append(&name("t")).await.unwrap();
    for part in 0..40 {
        append.push(Rows::of_samples(ramp(10 + part * 50_000, 50_000))).await.unwrap();
    }
    assert!(bench.chunks().await >= 3);
    assert_eq!(service.describe(&name("t")).await.unwrap().rows, 10);
    assert_eq!(append.commit().await.unwrap(), 2_000_000);
    let shown = service.describe(&name("t")).await.unwrap();
    assert_eq!((shown.rows, shown.last_marker), (2_000_010, Some(2_000_009_000_000)));
    for from in [0_i64, 5, 9, 10, 524_287, 524_288, 1_999_990] {
        let rows = selected(&service, "t", range(from * 1_000_000, (from + 20) * 1_000_000)).await;
        let wanted: Vec<_> = (from..from + 20).map(|number| (number * 1_000_000, json!(value(number as u64)))).collect();
        assert_eq!(rows, wanted);
    }
}

/// Half a megabyte, so it is a chunk.
async fn push_vector(service: &TableService, table: &str, value: f64) {
    let mut append = service.append(&name(table)).await.unwrap();
    let mut rows = Rows::new(append.element(), append.measure());
    let numbers = format!("{value},").repeat(66_000);
    rows.push_json(format!("[{}]", numbers.trim_end_matches(',')).as_bytes()).unwrap();
    append.push(rows).await.unwrap();
    append.commit().await.unwrap();
}

#[tokio::test]
async fn the_list_of_many_chunks_goes_into_pages() {
    let bench = Bench::new();
    let service = bench.service();
    define(&service, "t", json!({"element": "vector", "sampleRate": 1000, "retention": "1000s"})).await;
    for number in 0..300_u64 {
        push_vector(&service, "t", value(number)).await;
    }
    let rows = all(&service, "t").await;
    // 66 s each: what began 1000 s before the newest one, or earlier, is gone.
    let kept: Vec<i64> = (284..300).collect();
    assert_eq!(rows.iter().map(|(offset, _)| offset / 66_000_000_000).collect::<Vec<_>>(), kept);
    assert!(bench.chunks().await < 40, "{} chunks are left", bench.chunks().await);

    define(&service, "long", json!({"element": "vector", "sampleRate": 1000, "retention": "30d"})).await;
    for number in 0..300_u64 {
        push_vector(&service, "long", value(number)).await;
    }
    for number in [0_i64, 63, 64, 127, 128, 255, 299] {
        let rows = selected(&service, "long", range(number * 66_000_000_000, number * 66_000_000_000 + 1)).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].1[7].as_f64(), Some(value(number as u64)));
    }
}

#[tokio::test]
async fn what_a_reader_has_begun_it_can_end_although_chunks_move() {
    let bench = Bench::new();
    let service = bench.service();
    define(&service, "t", json!({"element": "sample", "sampleRate": 1000})).await;
    push_samples(&service, "t", ramp(0, 400_000)).await.unwrap();
    let mut lines = service.select(&name("t"), range(0, i64::MAX), None).await.unwrap();
    let mut text = lines.next().await.unwrap().unwrap().to_vec();
    // The chunk is joined with what follows it, and is gone.
    for part in 0..10 {
        push_samples(&service, "t", ramp(400_000 + part * 20_000, 20_000)).await.unwrap();
    }
    while let Some(piece) = lines.next().await {
        text.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 400_000);
}

#[tokio::test]
async fn what_was_broken_off_is_swept_and_what_is_kept_stays() {
    let bench = Bench::new();
    let service = bench.service();
    define(&service, "t", json!({"element": "sample", "sampleRate": 1000})).await;
    push_samples(&service, "t", ramp(0, 10_000)).await.unwrap();
    let kept = bench.chunks().await;
    let mut broken = service.append(&name("t")).await.unwrap();
    broken.push(Rows::of_samples(ramp(0, 600_000))).await.unwrap();
    drop(broken);
    let mut abandoned = service.append(&name("t")).await.unwrap();
    abandoned.push(Rows::of_samples(ramp(0, 600_000))).await.unwrap();
    abandoned.abandon().await;
    assert!(bench.chunks().await > kept);
    service.sweep(Duration::from_secs(60)).await.unwrap();
    assert!(bench.chunks().await > kept, "it may still be under way");
    bench.advance(Duration::from_secs(61));
    service.sweep(Duration::from_secs(60)).await.unwrap();
    assert_eq!(bench.chunks().await, kept);
    assert_eq!(all(&service, "t").await.len(), 10_000);
    service.remove(&name("t")).await.unwrap();
    assert_eq!(bench.chunks().await, 0);
}

#[tokio::test]
async fn appends_of_several_processes_become_one_sequence() {
    let bench = Bench::new();
    define(&bench.service(), "t", json!({"element": "sample", "sampleRate": 1000})).await;
    let writers = (0..8).map(|writer| {
        let service = bench.service();
        tokio::spawn(async move {
            for number in 0..50 {
                push_samples(&service, "t", vec![f64::from(writer), f64::from(number)]).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let rows = all(&bench.service(), "t").await;
    assert_eq!(rows.len(), 800);
    let values: Vec<f64> = rows.iter().map(|(_, value)| value.as_f64().unwrap()).collect();
    for writer in 0..8 {
        let numbers: Vec<f64> = values.chunks(2).filter(|pair| pair[0] == f64::from(writer)).map(|pair| pair[1]).collect();
        assert_eq!(numbers, (0..50).map(f64::from).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn numbered_elements_come_once() {
    let bench = Bench::new();
    let service = bench.service();
    let table = name("t");
    define(&service, "t", json!({"element": "sample", "sampleRate": 1000})).await;
    let numbered = |range: std::ops::Range<u32>| {
        let mut numbered = Numbered::new(Rows::new(ElementType::Sample, 1), range.start.into());
        range.for_each(|number| numbered.push_sample(number.into()));
        numbered
    };
    service.append_numbered(&table, "a", &numbered(0..5)).await.unwrap();
    service.append_numbered(&table, "a", &numbered(0..5)).await.unwrap();
    service.append_numbered(&table, "a", &numbered(3..8)).await.unwrap();
    service.append_numbered(&table, "b", &numbered(0..1)).await.unwrap();
    assert!(matches!(service.append_numbered(&table, "a", &numbered(9..10)).await, Err(TableError::Unfit(_))));
    // Of many writers those are remembered that came last.
    for writer in 0..1100 {
        service.append_numbered(&table, &format!("w{writer}"), &numbered(0..1)).await.unwrap();
        service.append_numbered(&table, "a", &numbered(0..8 + writer)).await.unwrap();
    }
    service.append_numbered(&table, "a", &numbered(0..1107)).await.unwrap();
    service.append_numbered(&table, "w1099", &numbered(0..1)).await.unwrap();
    let values: Vec<Value> = all(&service, "t").await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values[..9], samples((0..8).chain([0]).map(f64::from)));
    assert_eq!(values.len(), 1107 + 1 + 1100);
}

#[tokio::test]
async fn a_table_that_is_made_anew_has_nothing_of_the_former() {
    let bench = Bench::new();
    let service = bench.service();
    let definition = json!({"element": "sample", "sampleRate": 1000});
    define(&service, "t", definition.clone()).await;
    push_samples(&service, "t", ramp(0, 5000)).await.unwrap();
    let mut late = service.append(&name("t")).await.unwrap();
    late.push(Rows::of_samples(vec![1.0])).await.unwrap();
    service.remove(&name("t")).await.unwrap();
    define(&service, "t", definition).await;
    assert!(matches!(late.commit().await, Err(TableError::NotFound(_))));
    assert!(all(&service, "t").await.is_empty());
}

#[tokio::test]
async fn elements_that_span_nothing_stay() {
    let bench = Bench::new();
    let service = bench.service();
    define(&service, "t", json!({"element": "list", "sampleRate": 1000})).await;
    assert_eq!(push(&service, "t", &vec![json!([]); 3000]).await.unwrap(), 3000);
    assert_eq!(service.describe(&name("t")).await.unwrap().rows, 3000);
    push(&service, "t", &[json!([1, 2])]).await.unwrap();
    assert_eq!(all(&service, "t").await.len(), 3001);
}

#[tokio::test]
async fn what_comes_at_the_end_of_all_time_is_counted() {
    let bench = Bench::new();
    let service = bench.service();
    define(&service, "t", json!({"element": "sample", "sampleRate": 1e-9, "retention": "1e300d"})).await;
    push_samples(&service, "t", ramp(0, 12)).await.unwrap();
    // The tenth sample comes after three hundred years, which is more than 64 bits of nanoseconds hold.
    let shown = service.describe(&name("t")).await.unwrap();
    assert_eq!((shown.rows, shown.last_marker), (11, Some(i64::MAX)));
}
