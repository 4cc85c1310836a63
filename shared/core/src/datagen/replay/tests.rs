use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::datagen::{Generator, Plan};
use crate::mistakes::Mistakes;

/// Eight rows at 0, 0.5, 2.5, 12.5, 12.5, 72.5, 372.5 and 373.5 s.
const EIGHT: &str = "ts,device,humidity,temp\n\
    1594512094,d1,51.0,22.7\n1594512094.5,d2,52.0,22.6\n1594512096.5,d3,53.0,\n1594512106.5,d4,54.0,22.4\n\
    1594512106.5,d5,55.0,22.3\n1594512166.5,d6,56.0,22.2\n1594512466.5,d7,57.0,22.1\n1594512467.5,d8,58.0,22.0\n";

fn replay(members: &Json) -> Json {
    let mut specification = json!({"type": "replay", "source_file": "data.csv", "time_field": "ts", "time_format": "epoch"});
    specification.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    specification
}

fn run(total_events: Option<u64>, seconds: Option<u64>) -> Run {
    let start = calendar::parse("2020-01-01").unwrap();
    Run { seed: 5, start, concurrency: 1, total_events, time_limit: seconds.map(|seconds| seconds * 1_000_000_000) }
}

const ALL: Window = Window { records: u64::MAX, bytes: usize::MAX, horizon: u64::MAX };

fn text_of(specification: &Json, file: &str, run: Run) -> String {
    let plan = Plan::compile(specification, run.seed, Some(file.as_bytes())).unwrap();
    assert!(plan.is_replay());
    let mut records = Records::default();
    assert_eq!(Generator::new(&plan, run).advance(ALL, &mut records), Ok(Advance::Done));
    String::from_utf8(records.into_batch().text.to_vec()).unwrap()
}

fn records(specification: &Json, file: &str, run: Run) -> Vec<Json> {
    text_of(specification, file, run).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Seconds from the start at which each record stands.
fn seconds(records: &[Json], time_field: &str, run: Run) -> Vec<f64> {
    let of = |record: &Json| calendar::parse(record[time_field].as_str().unwrap()).unwrap().since(run.start).as_secs_f64();
    records.iter().map(of).collect()
}

fn devices(records: &[Json]) -> Vec<&str> {
    records.iter().map(|record| record["device"].as_str().unwrap()).collect()
}

fn refused(specification: &Json, file: Option<&str>) -> Vec<String> {
    let mistakes: Mistakes = Plan::compile(specification, 1, file.map(str::as_bytes)).unwrap_err();
    mistakes.as_slice().iter().map(ToString::to_string).collect()
}

#[test]
fn rows_come_at_their_distances_and_begin_again_at_once() {
    let run = run(Some(10), None);
    let found = records(&replay(&json!({})), EIGHT, run);
    assert_eq!(seconds(&found, "ts", run), [0.0, 0.5, 2.5, 12.5, 12.5, 72.5, 372.5, 373.5, 373.5, 374.0]);
    assert_eq!(devices(&found), ["d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d1", "d2"]);
    let text = text_of(&replay(&json!({})), EIGHT, run);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], r#"{"ts":"2020-01-01 00:00:00.000000","device":"d1","humidity":"51.0","temp":"22.7"}"#);
    assert_eq!(lines[2], r#"{"ts":"2020-01-01 00:00:02.500000","device":"d3","humidity":"53.0","temp":""}"#);
    assert_eq!(lines[8], r#"{"ts":"2020-01-01 00:06:13.500000","device":"d1","humidity":"51.0","temp":"22.7"}"#);
}

#[test]
fn a_replay_starts_a_millisecond_late_when_its_job_does() {
    let late = Run { start: run(None, None).start.plus(std::time::Duration::from_millis(1)), ..run(Some(9), None) };
    let text = text_of(&replay(&json!({})), EIGHT, late);
    assert!(text.lines().nth(8).unwrap().starts_with(r#"{"ts":"2020-01-01 00:06:13.501000","device":"d1","#));
}

#[test]
fn a_time_limit_includes_its_last_instant() {
    for (limit, wanted) in [(10, 3), (12, 3), (13, 5), (0, 1), (72, 5), (73, 6), (373, 7), (374, 10)] {
        assert_eq!(records(&replay(&json!({})), EIGHT, run(None, Some(limit))).len(), wanted, "{limit} s");
    }
    assert_eq!(records(&replay(&json!({})), EIGHT, run(Some(2), Some(10))).len(), 2);
    assert_eq!(text_of(&replay(&json!({})), EIGHT, run(Some(0), None)), "");
}

#[test]
fn a_paced_replay_waits_for_its_horizon_and_ends_on_time() {
    let run = run(None, Some(10));
    let plan = Plan::compile(&replay(&json!({})), 1, Some(EIGHT.as_bytes())).unwrap();
    let mut generator = Generator::new(&plan, run);
    let mut records = Records::default();
    let mut to = |millis: u64| {
        let advance = generator.advance(Window { horizon: millis * 1_000_000, ..ALL }, &mut records).unwrap();
        (advance, generator.emitted(), generator.now() / 1_000_000)
    };
    let idle = |millis: u64| Advance::Idle { until: millis * 1_000_000 };
    assert_eq!(to(0), (idle(500), 1, 0));
    assert_eq!(to(499), (idle(500), 1, 0));
    assert_eq!(to(3000), (idle(10_000), 3, 2500));
    assert_eq!(to(10_000), (Advance::Done, 3, 10_000));
}

#[test]
fn a_certain_injection_makes_every_row_null() {
    for member in ["null_injection", "null_injections"] {
        let injected = replay(&json!({member: [{"field": "humidity", "null_probability": 1.0}]}));
        for (holed, whole) in
            records(&injected, EIGHT, run(Some(20), None)).iter().zip(records(&replay(&json!({})), EIGHT, run(Some(20), None)))
        {
            assert!(holed["humidity"].is_null());
            for column in ["ts", "device", "temp"] {
                assert_eq!(holed[column], whole[column]);
            }
        }
    }
}

#[test]
fn injections_have_their_probabilities_and_are_independent() {
    let injected = replay(&json!({"null_injection": [
        {"field": "humidity", "null_probability": 0.3}, {"field": "temp", "null_probability": 0.5},
        {"field": "device", "null_probability": 0}]}));
    let found = records(&injected, EIGHT, run(Some(4000), None));
    let nulls = |columns: &[&str]| found.iter().filter(|record| columns.iter().all(|column| record[*column].is_null())).count();
    assert!((1090..1310).contains(&nulls(&["humidity"])), "{}", nulls(&["humidity"]));
    assert!((1880..2120).contains(&nulls(&["temp"])), "{}", nulls(&["temp"]));
    assert!((510..690).contains(&nulls(&["humidity", "temp"])), "{}", nulls(&["humidity", "temp"]));
    assert_eq!(nulls(&["device"]) + nulls(&["ts"]), 0);
}

#[test]
fn the_time_itself_can_be_nulled() {
    let injected = replay(&json!({"null_injection": [{"field": "ts", "null_probability": 1}]}));
    assert!(text_of(&injected, EIGHT, run(Some(1), None)).starts_with(r#"{"ts":null,"device":"d1""#));
}

#[test]
fn a_skip_goes_on_at_the_first_row_that_is_late_enough() {
    let skipping = |chance: f64, min: f64, max: f64| {
        replay(&json!({"time_skipping": {"skip_probability": chance, "min_skip_duration": min, "max_skip_duration": max}}))
    };
    let run = run(Some(7), None);
    let found = records(&skipping(1.0, 5.0, 5.0), EIGHT, run);
    assert_eq!(devices(&found), ["d1", "d4", "d6", "d7", "d8", "d1", "d4"]);
    assert_eq!(seconds(&found, "ts", run), [0.0, 12.5, 72.5, 372.5, 373.5, 373.5, 386.0]);
    assert_eq!(devices(&records(&skipping(1.0, 12.5, 12.5), EIGHT, run))[..3], ["d1", "d4", "d6"]);
    assert_eq!(devices(&records(&skipping(1.0, 1e9, 1e9), EIGHT, run))[..3], ["d1", "d8", "d1"]);
    assert_eq!(devices(&records(&skipping(1.0, 0.0, 0.0), EIGHT, run)), ["d1", "d2", "d3", "d4", "d5", "d6", "d7"]);
    assert_eq!(text_of(&skipping(0.0, 5.0, 5.0), EIGHT, run), text_of(&replay(&json!({})), EIGHT, run));
}

#[test]
fn skips_come_as_often_and_as_long_as_asked_for() {
    let mut file = "ts,device\n".to_owned();
    for second in 0..100_000 {
        writeln!(file, "{second},d").unwrap();
    }
    let specification = replay(&json!({"time_skipping": {"skip_probability": 0.1, "min_skip_duration": 5, "max_skip_duration": 15}}));
    let run = run(Some(20_000), None);
    let times = seconds(&records(&specification, &file, run), "ts", run);
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap == 1.0 || (5.0..=15.0).contains(gap)));
    let skips: Vec<f64> = gaps.into_iter().filter(|gap| *gap > 1.0).collect();
    assert!((1830..2170).contains(&skips.len()), "{} skips", skips.len());
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let mean = skips.iter().sum::<f64>() / skips.len() as f64;
    assert!((10.2..10.8).contains(&mean), "{mean} s on average"); // Half a second is rounded up to the next row.
}

#[test]
fn times_are_read_in_every_format() {
    for (format, times) in [
        ("millis", ["1577934245000", "1577934245250", "1577934256250"]),
        ("seconds", ["1577934245", "1577934245.25", "1577934256.25"]),
        ("epoch", ["-1", "-0.75", "10.25"]),
        ("posix", ["1.5e3", "1500.25", "1511.250"]),
        ("micros", ["0", "250000", "11250000"]),
        ("nanos", ["1577934245000000000", "1577934245250000000", "1577934256250000000"]),
        ("%Y-%m-%d %H:%M:%S.%f", ["2020-01-02 03:04:05.000", "2020-01-02 03:04:05.25", "2020-01-02 03:04:16.250000"]),
        ("%Y-%m-%dT%H:%M:%S.%f%z", ["2020-01-02T03:04:05.0Z", "2020-01-02T05:04:05.25+02:00", "2020-01-01T22:04:16.25-0500"]),
        ("%m/%d/%y %I:%M:%S.%f %p", ["12/31/69 11:59:59.0 AM", "12/31/69 11:59:59.25 AM", "12/31/69 12:00:10.25 PM"]),
        ("%j of %Y at %M:%S.%f", ["365 of 2019 at 58:49.5", "365 of 2019 at 58:49.75", "365 of 2019 at 59:00.75"]),
    ] {
        let file = format!("device,when\na,{}\nb,{}\nc,{}\n", times[0], times[1], times[2]);
        let specification = replay(&json!({"time_field": "when", "time_format": format}));
        let run = run(Some(3), None);
        assert_eq!(seconds(&records(&specification, &file, run), "when", run), [0.0, 0.25, 11.25], "{format}");
    }
}

#[test]
fn a_pattern_with_a_twelve_hour_clock_is_read() {
    let file = "when,device\n01/02/2020 03:04:05 PM,a\n01/02/2020 03:04:06 PM,b\n01/02/2020 03:04:16 PM,c\n";
    let run = run(Some(3), None);
    let specification = replay(&json!({"time_field": "when", "time_format": "%m/%d/%Y %I:%M:%S %p"}));
    assert_eq!(seconds(&records(&specification, file, run), "when", run), [0.0, 1.0, 11.0]);
}

#[test]
fn without_a_format_times_are_dates_and_times() {
    let mut specification = replay(&json!({}));
    specification.as_object_mut().unwrap().shift_remove("time_format");
    let file = "ts,device\n1999-12-31 23:59:59,a\n2000-01-01 00:00:01,b\n";
    let run = run(Some(2), None);
    assert_eq!(seconds(&records(&specification, file, run), "ts", run), [0.0, 2.0]);
}

#[test]
fn the_clock_does_not_go_back() {
    let file = "ts,device\n0,a\n1500,b\n-500,c\n2500,d\n";
    let run = run(Some(6), None);
    let found = records(&replay(&json!({"time_format": "millis"})), file, run);
    assert_eq!(seconds(&found, "ts", run), [0.0, 1.5, 1.5, 4.5, 4.5, 6.0]);
}

#[test]
fn the_time_column_may_stand_anywhere_and_there_is_no_other_time() {
    let text = text_of(&replay(&json!({"time_field": "time"})), "a,time\n1,0\n2,1\n", run(Some(2), None));
    assert_eq!(text, "{\"a\":\"1\",\"time\":\"2020-01-01 00:00:00.000000\"}\n{\"a\":\"2\",\"time\":\"2020-01-01 00:00:01.000000\"}\n");
}

#[test]
fn short_rows_have_nulls_and_what_is_beyond_the_header_is_left_out() {
    let text = text_of(&replay(&json!({})), "ts,a,b\n0\n1,x\n2,x,y,z,z\n\n3,,\n", run(Some(4), None));
    let values: Vec<&str> = text.lines().map(|line| line.split_once(r#"000000","#).unwrap().1).collect();
    assert_eq!(values, [r#""a":null,"b":null}"#, r#""a":"x","b":null}"#, r#""a":"x","b":"y"}"#, r#""a":"","b":""}"#]);
}

#[test]
fn a_byte_order_mark_quotes_and_line_ends_of_any_kind_are_taken() {
    let file = "\u{feff}\"ts\",\"a \"\"b\"\"\"\r\n\"0\",\"x,\"\"y\"\"\nz\"\r\n1,é\\\t☕";
    let text = text_of(&replay(&json!({})), file, run(Some(2), None));
    let records: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&records[0]["a \"b\""], &records[1]["a \"b\""]), (&json!("x,\"y\"\nz"), &json!("é\\\t☕")));
}

#[test]
fn a_file_of_one_time_stands_still() {
    let stands_still = |file: &str| Plan::compile(&replay(&json!({})), 1, Some(file.as_bytes())).unwrap().stands_still();
    assert!(stands_still("ts,a\n5,x\n"));
    assert!(stands_still("ts,a\n5,x\n5,y\n3,y\n"));
    assert!(!stands_still("ts,a\n5,x\n3,y\n4,y\n"));
    assert!(!stands_still(EIGHT));
}

#[test]
fn what_is_wrong_with_a_replay_is_named() {
    let without = |member: &str| {
        let mut specification = replay(&json!({}));
        specification.as_object_mut().unwrap().shift_remove(member);
        specification
    };
    let injection = |injection: Json| replay(&json!({"null_injection": [{"field": "temp", "null_probability": 0.5}, injection]}));
    let skipping = |skipping: Json| replay(&json!({"time_skipping": skipping}));
    for (specification, wanted) in [
        (without("source_file"), "source_file: is required"),
        (without("time_field"), "time_field: is required"),
        (replay(&json!({"source_file": 5})), "source_file: must be a text, not a number"),
        (replay(&json!({"source_file": "../data.csv"})), "source_file: "),
        (replay(&json!({"source_file": ""})), "source_file: "),
        (replay(&json!({"time_field": ["ts"]})), "time_field: must be a text, not an array"),
        (replay(&json!({"time_field": "when"})), "time_field: the file has no column \"when\"; it has ts, device, humidity, temp"),
        (replay(&json!({"time_format": 5})), "time_format: must be a text, not a number"),
        (replay(&json!({"null_injection": {}})), "null_injection: must be an array, not an object"),
        (replay(&json!({"null_injections": "temp"})), "null_injections: must be an array, not a text"),
        (injection(json!("temp")), "null_injection[1]: must be an object, not a text"),
        (injection(json!({"null_probability": 1})), "null_injection[1].field: is required"),
        (injection(json!({"field": 1, "null_probability": 1})), "null_injection[1].field: must be a text"),
        (injection(json!({"field": "depth", "null_probability": 1})), "null_injection[1].field: the file has no column \"depth\""),
        (injection(json!({"field": "temp"})), "null_injection[1].null_probability: is required"),
        (injection(json!({"field": "temp", "null_probability": 5})), "null_injection[1].null_probability: must be from 0 to 1, not 5"),
        (injection(json!({"field": "temp", "null_probability": -0.1})), "null_injection[1].null_probability: must be from 0 to 1"),
        (injection(json!({"field": "temp", "null_probability": "1"})), "null_injection[1].null_probability: must be a number"),
        (skipping(json!([])), "time_skipping: must be an object"),
        (skipping(json!({"min_skip_duration": 1, "max_skip_duration": 2})), "time_skipping.skip_probability: is required"),
        (skipping(json!({"skip_probability": 1, "max_skip_duration": 2})), "time_skipping.min_skip_duration: is required"),
        (skipping(json!({"skip_probability": 1, "min_skip_duration": 2})), "time_skipping.max_skip_duration: is required"),
        (
            skipping(json!({"skip_probability": 2, "min_skip_duration": 1, "max_skip_duration": 2})),
            "time_skipping.skip_probability: must be from 0 to 1",
        ),
        (
            skipping(json!({"skip_probability": 1, "min_skip_duration": -1, "max_skip_duration": 2})),
            "time_skipping.min_skip_duration: must not be negative",
        ),
        (
            skipping(json!({"skip_probability": 1, "min_skip_duration": 3, "max_skip_duration": 2})),
            "time_skipping.min_skip_duration: is greater than max",
        ),
    ] {
        let found = refused(&specification, Some(EIGHT));
        assert!(found.len() == 1 && found[0].starts_with(wanted), "{found:?} instead of {wanted:?}");
    }
    let missing = refused(&replay(&json!({})), None);
    assert!(missing.len() == 1 && missing[0].starts_with("source_file: there is no file \"data.csv\""), "{missing:?}");
}

#[test]
fn what_is_wrong_with_the_file_is_named_with_its_line() {
    for (file, wanted) in [
        ("", "source_file: has no rows"),
        ("\u{feff}", "source_file: has no rows"),
        ("ts,a\n", "source_file: has no rows below its header line"),
        ("ts,a,ts\n1,2,3\n", "source_file: has two columns called \"ts\""),
        ("a,b\n1,2\n", "time_field: the file has no column \"ts\"; it has a, b"),
        ("ts,a\n1,2\nx,3\n", "time_field: line 3 of the file has the time \"x\", which is not of the format epoch"),
        ("a,ts\n1,2\n3\n", "time_field: line 3 of the file has the time \"\""),
        ("ts,a\n1,\"two\nlines\"\n\nnow,3\n", "time_field: line 5 of the file has the time \"now\""),
        ("ts,a\r\n1,2\r\n\r\nx,3\r\n", "time_field: line 4 of the file has the time \"x\""),
        ("ts,a\n1e300,2\n", "time_field: line 2 of the file has the time \"1e300\""),
    ] {
        let found = refused(&replay(&json!({})), Some(file));
        assert!(found.len() == 1 && found[0].starts_with(wanted), "{found:?} instead of {wanted:?}");
    }
    let latin = Plan::compile(&replay(&json!({})), 1, Some(b"ts,a\n1,\xe9\n")).unwrap_err().to_string();
    assert!(latin.starts_with("source_file: cannot be read as CSV") && latin.contains("line 2"), "{latin}");
}

#[test]
fn all_mistakes_of_a_replay_are_reported_at_once() {
    let specification = json!({"type": "Replay", "time_format": 1, "null_injection": [{"field": 1}, {"null_probability": 7}], "time_skipping": {"skip_probability": "x"}});
    let mut found = refused(&specification, None);
    found.iter_mut().for_each(|mistake| mistake.truncate(mistake.find(": ").unwrap()));
    found.sort();
    assert_eq!(
        found,
        [
            "null_injection[0].field",
            "null_injection[0].null_probability",
            "null_injection[1].field",
            "null_injection[1].null_probability",
            "source_file",
            "time_field",
            "time_format",
            "time_skipping.max_skip_duration",
            "time_skipping.min_skip_duration",
            "time_skipping.skip_probability",
        ]
    );
}

#[test]
fn times_as_far_apart_as_can_be_written_end_the_replay() {
    let file = "ts,a\n-99999999999999999999,x\n99999999999999999999,y\n";
    assert_eq!(records(&replay(&json!({})), file, run(Some(1), None)).len(), 1);
    assert_eq!(records(&replay(&json!({})), file, run(None, Some(5))).len(), 1);
    let plan = Plan::compile(&replay(&json!({})), 1, Some(file.as_bytes())).unwrap();
    let mut generator = Generator::new(&plan, run(Some(9), None));
    assert!(matches!(generator.advance(ALL, &mut Records::default()), Err(Halt::EndOfTime) | Ok(Advance::Done)));
}

#[test]
fn a_replay_that_passes_no_time_is_halted() {
    let plan = Plan::compile(&replay(&json!({})), 1, Some(b"ts\n5\n")).unwrap();
    let mut generator = Generator::new(&plan, run(None, Some(5)));
    let mut records = Records::default();
    loop {
        match generator.advance(Window { bytes: 1 << 22, ..ALL }, &mut records) {
            Ok(Advance::More) => records = Records::default(),
            other => break assert_eq!(other, Err(Halt::StandsStill)),
        }
    }
}

#[test]
fn the_snapshot_of_another_file_is_refused() {
    let plan = |file: &str| Plan::compile(&replay(&json!({})), 1, Some(file.as_bytes())).unwrap();
    let mut generator = Generator::new(&plan(EIGHT), run(None, None));
    generator.advance(Window { records: 6, ..ALL }, &mut Records::default()).unwrap();
    let snapshot = generator.snapshot();
    assert!(Generator::restore(&plan(EIGHT), run(None, None), &snapshot).is_ok());
    assert!(Generator::restore(&plan("ts\n1\n2\n"), run(None, None), &snapshot).is_err());
    let machine = json!({"interarrival": {"type": "constant", "value": 1}, "emitters": [{"name": "e", "dimensions": []}],
        "states": [{"name": "s", "emitter": "e", "delay": {"type": "constant", "value": 1}, "transitions": [{"next": "s", "probability": 1}]}]});
    assert!(Generator::restore(&Plan::compile(&machine, 1, None).unwrap(), run(None, None), &snapshot).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the file, the slices and the snapshots between them, the bytes are those of an undisturbed run.
    #[test]
    fn any_slicing_with_snapshots_gives_the_same_bytes(
        seed: i64,
        rows in prop::collection::vec((0u32..5_000, ".{0,6}"), 1..20),
        cuts in prop::collection::vec(1u64..40, 1..8),
        bytes in 1usize..2000,
        (nulls, skips) in (0.0..=1.0, 0.0..=1.0),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["ts", "a"]).unwrap();
        for (time, text) in &rows {
            writer.write_record([time.to_string().as_str(), text]).unwrap();
        }
        let file = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let specification = replay(&json!({"time_format": "millis", "null_injection": [{"field": "a", "null_probability": nulls}],
            "time_skipping": {"skip_probability": skips, "min_skip_duration": 0.1, "max_skip_duration": 3}}));
        let run = Run { seed, ..run(Some(150), None) };
        let whole = text_of(&specification, &file, run);
        for (line, record) in whole.lines().zip(records(&specification, &file, run)) {
            prop_assert!(record["a"].is_null() || rows.iter().any(|(_, text)| record["a"] == text.as_str()), "{}", line);
        }
        let plan = Plan::compile(&specification, seed, Some(file.as_bytes())).unwrap();
        let mut text = Vec::new();
        let mut generator = Generator::new(&plan, run);
        for slice in cuts.iter().cycle() {
            let mut records = Records::default();
            let advance = generator.advance(Window { records: *slice, bytes, horizon: u64::MAX }, &mut records).unwrap();
            text.extend_from_slice(&records.into_batch().text);
            if advance == Advance::Done {
                break;
            }
            generator = Generator::restore(&plan, run, &generator.snapshot()).unwrap();
        }
        prop_assert_eq!(String::from_utf8(text).unwrap(), whole);
    }
}
