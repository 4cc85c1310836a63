use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

mod values;

/// One emitter `e` with these dimensions, one state that loops to itself, one second between records and entities.
fn looping(dimensions: &Json) -> Json {
    machine(dimensions, &json!({"type": "constant", "value": 1}), "s")
}

fn machine(dimensions: &Json, interarrival: &Json, next: &str) -> Json {
    json!({
        "states": [{"name": "s", "emitter": "e", "delay": {"type": "constant", "value": 1}, "transitions": [{"next": next, "probability": 1}]}],
        "emitters": [{"name": "e", "dimensions": dimensions}],
        "interarrival": interarrival,
    })
}

fn ab() -> Json {
    json!([{"type": "enum", "name": "x", "values": ["A", "B"], "cardinality_distribution": {"type": "uniform", "min": 0, "max": 1}}])
}

fn run(total_events: Option<u64>, seconds: Option<u64>, concurrency: u64) -> Run {
    let start = crate::datagen::calendar::parse("2020-01-01").unwrap();
    Run { seed: 7, start, concurrency, total_events, time_limit: seconds.map(|seconds| seconds * 1_000_000_000) }
}

const ALL: Window = Window { records: u64::MAX, bytes: usize::MAX, horizon: u64::MAX };

fn text_of(specification: &Json, run: Run) -> String {
    let plan = Plan::compile(specification, run.seed, None).unwrap();
    let mut generator = Generator::new(&plan, run);
    let mut records = Records::default();
    assert_eq!(generator.advance(ALL, &mut records), Ok(Advance::Done));
    String::from_utf8(records.into_batch().text.to_vec()).unwrap()
}

fn lines(specification: &Json, run: Run) -> Vec<Json> {
    text_of(specification, run).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn times(specification: &Json, run: Run) -> Vec<f64> {
    let of = |record: &Json| {
        let moment = crate::datagen::calendar::parse(record["time"].as_str().unwrap()).unwrap();
        moment.since(run.start).as_secs_f64()
    };
    lines(specification, run).iter().map(of).collect()
}

#[test]
fn a_slot_that_falls_free_is_seen_on_the_five_second_grid() {
    let stops = |interarrival: f64| machine(&ab(), &json!({"type": "constant", "value": interarrival}), "stop");
    assert_eq!(times(&stops(0.1), run(Some(4), None, 1)), [0.0, 5.1, 10.2, 15.3]);
    assert_eq!(times(&stops(4.0), run(Some(4), None, 1)), [0.0, 4.0, 8.0, 12.0]);
    assert_eq!(times(&stops(4.0), run(Some(4), None, 100)), [0.0, 4.0, 8.0, 12.0]);
}

#[test]
fn entities_join_one_by_one_up_to_the_limit() {
    assert_eq!(times(&looping(&ab()), run(Some(12), None, 5)), [0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 4.0, 4.0]);
}

#[test]
fn a_time_limit_includes_its_last_instant() {
    for (seconds, concurrency, records) in [(5, 1, 6), (5, 2, 11), (0, 1, 1)] {
        let times = times(&looping(&ab()), run(None, Some(seconds), concurrency));
        assert_eq!(times.len(), records);
    }
    assert_eq!(text_of(&looping(&ab()), run(Some(0), None, 1)), "");
}

#[test]
fn a_paced_run_waits_for_its_horizon_and_ends_on_time() {
    let specification = looping(&ab());
    let run = run(None, Some(3), 1);
    let plan = Plan::compile(&specification, run.seed, None).unwrap();
    let mut generator = Generator::new(&plan, run);
    let mut records = Records::default();
    let mut to = |horizon_millis: u64| {
        let advance = generator.advance(Window { horizon: horizon_millis * 1_000_000, ..ALL }, &mut records).unwrap();
        (advance, generator.emitted())
    };
    let idle = |seconds: u64| Advance::Idle { until: seconds * 1_000_000_000 };
    assert_eq!(to(0), (idle(1), 1));
    assert_eq!(to(999), (idle(1), 1));
    assert_eq!(to(2500), (idle(3), 3));
    assert_eq!(to(3000), (Advance::Done, 4));
}

#[test]
fn a_job_that_can_never_pass_an_instant_is_halted() {
    let mut specification = looping(&json!([]));
    specification["states"][0]["delay"]["value"] = json!(-1);
    let plan = Plan::compile(&specification, 1, None).unwrap();
    assert!(plan.stands_still());
    let mut generator = Generator::new(&plan, run(None, Some(5), 1));
    let mut records = Records::default();
    loop {
        match generator.advance(Window { bytes: 1 << 20, ..ALL }, &mut records) {
            Ok(Advance::More) => records = Records::default(),
            other => break assert_eq!(other, Err(Halt::StandsStill)),
        }
    }
}

/// A specification with every kind of dimension, shared counters, pools, nulls, missing members and nested containers.
fn rich() -> Json {
    let uniform = |min: i64, max: i64| json!({"type": "uniform", "min": min, "max": max});
    json!({
        "interarrival": {"type": "exponential", "mean": 1},
        "states": [
            {"name": "a", "emitter": "e", "delay": {"type": "exponential", "mean": 3},
             "variables": [
                {"type": "int", "name": "v", "distribution": uniform(0, 1_000_000)},
                {"type": "counter", "name": "n"},
                {"type": "enum", "name": "w", "values": ["x", "y", null], "cardinality_distribution": uniform(0, 2), "percent_nulls": 10},
                {"type": "object", "name": "o", "dimensions": [{"type": "string", "name": "s", "length_distribution": uniform(0, 60)}]}],
             "transitions": [{"next": "a", "probability": 0.5}, {"next": "b", "probability": 0.4}, {"next": "stop", "probability": 0.1}]},
            {"name": "b", "emitter": "f", "delay": uniform(0, 2), "transitions": [{"next": "a", "probability": 1}]}],
        "emitters": [
            {"name": "e", "dimensions": [
                {"type": "variable", "name": "v", "variable": "v"}, {"type": "variable", "name": "n", "variable": "n"},
                {"type": "variable", "name": "w", "variable": "w"}, {"type": "variable", "name": "o", "variable": "o"},
                {"type": "string", "name": "t", "length_distribution": uniform(0, 8)},
                {"type": "float", "name": "g", "distribution": {"type": "normal", "mean": 0, "stddev": 1}},
                {"type": "list", "name": "l", "length_distribution": uniform(0, 3), "selection_distribution": uniform(0, 1),
                 "elements": [{"type": "int", "name": "i", "distribution": uniform(0, 99)}, {"type": "counter", "percent_nulls": 20}]}]},
            {"name": "f", "dimensions": [
                {"type": "ipaddress", "name": "d", "distribution": uniform(1, 1_000_000_000)},
                {"type": "timestamp", "name": "m", "distribution": {"type": "uniform", "min": "2000-01-01", "max": "2010-01-01"},
                 "cardinality": 9, "cardinality_distribution": {"type": "exponential", "mean": 3}},
                {"type": "enum", "name": "z", "values": ["a", "b", "c"], "cardinality_distribution": uniform(0, 2), "percent_nulls": 20, "percent_missing": 20}]}]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// `run(n) == run(a); snapshot; restore; run(n - a)`, for any way of slicing.
    #[test]
    fn any_slicing_with_snapshots_gives_the_same_bytes(seed: i64, cuts in prop::collection::vec(1u64..200, 1..12), concurrency in 1u64..30, bytes in 1usize..5000) {
        let total = 600;
        let run = Run { seed, concurrency, ..run(Some(total), None, 1) };
        let plan = Plan::compile(&rich(), seed, None).unwrap();
        let whole = text_of(&rich(), run);
        let mut text = Vec::new();
        let mut generator = Generator::new(&plan, run);
        for slice in cuts.iter().cycle() {
            let mut records = Records::default();
            let advance = generator.advance(Window { records: *slice, bytes, horizon: u64::MAX }, &mut records).unwrap();
            let batch = records.into_batch();
            prop_assert_eq!(batch.records().map(|record| record.len() + 1).sum::<usize>(), batch.text.len());
            text.extend_from_slice(&batch.text);
            if advance == Advance::Done {
                break;
            }
            generator = Generator::restore(&plan, run, &generator.snapshot()).unwrap();
        }
        prop_assert_eq!(String::from_utf8(text).unwrap(), whole);
    }

    /// Whatever names, values and characters a specification holds, every line is JSON and gives them back.
    #[test]
    fn every_record_is_json_whatever_the_texts(name in "\\PC{1,8}|[\\x00-\\x7f]{1,8}", value in ".*|[\\x00-\\x7f]{0,8}", chars in "\\PC{1,5}|[\\x00-\\x7f]{1,5}") {
        prop_assume!(name != "time" && name != "s");
        let constant = |value: i64| json!({"type": "constant", "value": value});
        let specification = looping(&json!([
            {"type": "enum", "name": name, "values": [value, {value.clone(): [value]}], "cardinality_distribution": {"type": "uniform", "min": 0, "max": 1}},
            {"type": "string", "name": "s", "chars": chars, "length_distribution": constant(6)}]));
        for record in lines(&specification, run(Some(20), None, 3)) {
            let ours = &record[name.as_str()];
            prop_assert!(*ours == json!(value) || *ours == json!({value.clone(): [value]}), "{}", ours);
            let drawn = record["s"].as_str().unwrap();
            prop_assert!(drawn.chars().count() == 6 && drawn.chars().all(|c| chars.contains(c)));
        }
    }
}

#[test]
fn adding_a_field_leaves_every_other_value_alone() {
    let narrow = lines(&rich(), run(Some(500), None, 10));
    let mut wider = rich();
    let extra = |percent: i64| json!({"type": "string", "name": "extra", "length_distribution": {"type": "uniform", "min": 1, "max": 9}, "percent_missing": percent});
    wider["emitters"][0]["dimensions"].as_array_mut().unwrap().insert(0, extra(0));
    wider["emitters"][1]["dimensions"].as_array_mut().unwrap().push(extra(50));
    wider["states"][1]["variables"] = json!([{"type": "int", "name": "unseen", "distribution": {"type": "constant", "value": 1}}]);
    let wide = lines(&wider, run(Some(500), None, 10));
    for (narrow, mut wide) in narrow.into_iter().zip(wide) {
        wide.as_object_mut().unwrap().remove("extra");
        assert_eq!(narrow, wide);
    }
}

#[test]
fn nulls_leave_the_values_that_remain_alone() {
    let with = |percent: i64| {
        let dimension = json!([{"type": "int", "name": "i", "distribution": {"type": "uniform", "min": 0, "max": 1_000_000}, "percent_nulls": percent}]);
        lines(&looping(&dimension), run(Some(300), None, 3))
    };
    let mut nulls = 0;
    for (full, holed) in with(0).iter().zip(with(50)) {
        if holed["i"].is_null() { nulls += 1 } else { assert_eq!(*full, holed) }
    }
    assert!((100..200).contains(&nulls), "{nulls} nulls of 300");
}

#[test]
fn the_seed_decides_the_records_and_the_start_only_their_times() {
    let base = run(Some(300), None, 10);
    assert_ne!(text_of(&rich(), base), text_of(&rich(), Run { seed: 8, ..base }));
    let later = Run { start: base.start.plus(std::time::Duration::from_secs(86_400 * 400)), ..base };
    for (mut one, mut other) in lines(&rich(), base).into_iter().zip(lines(&rich(), later)) {
        one["time"].take();
        other["time"].take();
        assert_eq!(one, other);
    }
}

#[test]
fn golden_records() {
    // These bytes are a promise: a seed gives them on every machine and in every version of this snapshot form.
    let golden = [
        r#"{"time":"2020-01-01T00:00:00.000","v":"357163","n":"0","w":null,"o":{"s":"sV\rIKuj[hj+D^IvL(\r@*G0faY|,nNz~538^kDn"},"t":"w2","g":-0.7728398583202271,"l":[26]}"#,
        r#"{"time":"2020-01-01T00:00:00.524","v":"960547","n":"1","w":"x","o":{"s":"7\r7wY%w:YezHAd(+,|P)_<%|d0`6(BxIS=yb"},"t":"F|N\nN","g":-0.12528117059832594,"l":["0",38,"1"]}"#,
        r#"{"time":"2020-01-01T00:00:00.707","v":"483070","n":"2","w":null,"o":{"s":"/+5p\\\nnU!@j.\nj\f9p^ik?..S\tt\r8Xy`(|4q"},"t":"xNG)p]:","g":1.3637079170502444,"l":[44,74]}"#,
    ];
    let text = text_of(&rich(), run(Some(3), None, 2));
    assert_eq!(text.lines().collect::<Vec<_>>(), golden);
}

#[test]
fn a_snapshot_that_does_not_fit_is_refused() {
    let plan = Plan::compile(&rich(), 1, None).unwrap();
    let other = Plan::compile(&looping(&ab()), 1, None).unwrap();
    let mut generator = Generator::new(&plan, run(None, None, 5));
    generator.advance(Window { records: 50, ..ALL }, &mut Records::default()).unwrap();
    let snapshot = generator.snapshot();
    assert!(matches!(Generator::restore(&other, run(None, None, 5), &snapshot), Err(RestoreError::Mismatch)));
    assert!(matches!(Generator::restore(&plan, run(None, None, 5), &snapshot[..20]), Err(RestoreError::Mismatch)));
    let newer = [&99u16.to_le_bytes()[..], &snapshot[2..]].concat();
    assert!(matches!(Generator::restore(&plan, run(None, None, 5), &newer), Err(RestoreError::Version { found: 99 })));
}

#[test]
fn records_reuse_the_memory_of_a_batch_that_nobody_holds() {
    let plan = Plan::compile(&looping(&ab()), 1, None).unwrap();
    let mut generator = Generator::new(&plan, run(None, None, 5));
    let mut records = Records::default();
    generator.advance(Window { records: 1000, ..ALL }, &mut records).unwrap();
    let batch = records.into_batch();
    let memory = batch.text.as_ptr();
    let mut records = Records::reusing(batch);
    generator.advance(Window { records: 900, ..ALL }, &mut records).unwrap();
    let batch = records.into_batch();
    assert_eq!((batch.text.as_ptr(), batch.len()), (memory, 900));
}
