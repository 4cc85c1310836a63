//! The fleet as a kernel: grids, order, scripts that sleep, snapshots, edits.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ports::{Effect, Script, ScriptCall, ScriptEnd, ScriptFailure, ScriptOutcome};
use crate::simulations::StateValue;
use crate::simulations::model::{DeviceModel, Interval, Protocol, ScriptEntry, StateSimulation, Telemetry};

const SECOND: i64 = 1_000_000;
const ALL: Part = Part { index: 0, size: u32::MAX };

/// Scripts by their names: `count` adds one to `n` and reports it; `nap` does so before and behind two sleeps; `throw` fails after it.
#[derive(Debug, Default)]
struct Scripted {
    calls: Mutex<Vec<ScriptCall>>,
}

#[async_trait]
impl ScriptEngine for Scripted {
    async fn check(&self, _: &Script) -> Result<(), String> {
        Ok(())
    }

    async fn run(&self, calls: Vec<ScriptCall>) -> Vec<ScriptOutcome> {
        self.calls.lock().unwrap().extend(calls.iter().cloned());
        calls.iter().map(outcome).collect()
    }
}

fn outcome(call: &ScriptCall) -> ScriptOutcome {
    let n = call.state.iter().find(|(key, _)| &**key == "n").map_or(0.0, |(_, value)| value.to_json().as_f64().unwrap_or(0.0));
    let set = |n: f64| Effect::State(vec![("n".into(), StateValue::Number(n))]);
    match &*call.script.name {
        "count" => ScriptOutcome { effects: vec![set(n + 1.0), Effect::Property("N".to_owned(), json!(n + 1.0))], end: ScriptEnd::Done },
        "nap" => {
            let effects = (0..=call.waited).map(|step| set(n + 10.0 * f64::from(step + 1))).collect();
            let end = if call.waited < 2 { ScriptEnd::Asleep(Duration::from_millis(1500)) } else { ScriptEnd::Done };
            ScriptOutcome { effects, end }
        }
        "throw" => ScriptOutcome { effects: vec![set(n + 100.0)], end: ScriptEnd::Failed(ScriptFailure::Threw("no".to_owned())) },
        "silence" => ScriptOutcome { effects: vec![Effect::State(vec![("online".into(), StateValue::Bool(false))])], end: ScriptEnd::Done },
        other => panic!("{other}"),
    }
}

fn javascript(name: &str) -> (ScriptEntry, Source) {
    let entry = ScriptEntry { kind: "javascript".to_owned(), path: name.to_owned(), ..ScriptEntry::default() };
    (entry, Source::Text(name.to_owned(), name.to_owned()))
}

fn rising() -> (ScriptEntry, Source) {
    let params = json!({"n": {"Min": 0, "Max": 1_000_000, "Step": 1}});
    let entry = ScriptEntry { kind: "Internal".to_owned(), path: "Math.Increasing".to_owned(), params: Some(params), id: None };
    (entry, Source::Internal)
}

fn group(id: &str, count: u32, scripts: Vec<(ScriptEntry, Source)>, intervals: &[i64]) -> GroupDefinition {
    let (scripts, mut sources): (Vec<_>, Vec<_>) = scripts.into_iter().unzip();
    let (method, source) = javascript("nap");
    sources.push(source);
    let telemetry = intervals.iter().enumerate().map(|(place, interval)| Telemetry {
        interval: Interval(interval * 10),
        template: "{\"n\":${n}}".to_owned(),
        schema: MessageSchema { name: format!("m{place};v1"), ..MessageSchema::default() },
    });
    let model = DeviceModel {
        id: id.to_owned(),
        version: String::new(),
        name: format!("The {id}"),
        description: String::new(),
        protocol: Protocol::Mqtt,
        simulation: StateSimulation {
            initial_state: json!({"n": 0, "unit": "mm"}).as_object().unwrap().clone(),
            interval: Interval(SECOND * 10),
            scripts,
        },
        properties: json!({"Type": "Test"}).as_object().unwrap().clone(),
        telemetry: telemetry.collect(),
        methods: vec![("Nap".to_owned(), method)],
    };
    GroupDefinition { model, count, sources }
}

fn plan(groups: Vec<GroupDefinition>) -> Arc<FleetPlan> {
    let definition = FleetDefinition { groups, seed: 7, connections_per_second: 10_000, ..FleetDefinition::default() };
    Arc::new(FleetPlan::compile(&definition, ALL, None, |_| None))
}

const AT_ONCE: Ways = Ways { at_once: true, twins: false };

/// The scripted engine never waits.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("nothing waits")
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn until(fleet: &mut Fleet, engine: &Scripted, micros: i64) -> Vec<(i64, String, String)> {
    let mut sent = Vec::new();
    loop {
        let outbox = block_on(fleet.advance(engine, at(micros), 3));
        let shown = |message: DeviceMessage| {
            (message.created.as_micros(), message.device.to_string(), String::from_utf8(message.body.to_vec()).unwrap())
        };
        sent.extend(outbox.messages.into_iter().map(shown));
        if fleet.next_due().is_none_or(|due| due > at(micros)) {
            return sent;
        }
    }
}

#[test]
fn a_device_sends_at_once_and_then_on_its_grid_with_the_state_after_the_tick() {
    let mut fleet = Fleet::new(plan(vec![group("a", 1, vec![rising()], &[SECOND, 3 * SECOND])]), AT_ONCE, at(0));
    let sent = until(&mut fleet, &Scripted::default(), 6 * SECOND);
    let expected: Vec<_> = [(0, 0), (0, 0), (1, 1), (2, 2), (3, 3), (3, 3), (4, 4), (5, 5), (6, 6), (6, 6)]
        .map(|(second, n)| (second * SECOND, "a.0".to_owned(), format!("{{\"n\":{n}}}")))
        .into();
    assert_eq!(sent, expected);
    assert_eq!((fleet.sent(), fleet.tally().messages, fleet.tally().ticks), (10, 10, 6));
}

#[test]
fn a_late_advance_leaves_every_message_on_its_grid() {
    let plan = plan(vec![group("a", 3, vec![rising()], &[SECOND])]);
    let (mut steady, mut late) = (Fleet::new(Arc::clone(&plan), AT_ONCE, at(5)), Fleet::new(plan, AT_ONCE, at(5)));
    let engine = Scripted::default();
    let mut sent = Vec::new();
    for micros in (0..40 * SECOND).step_by(130_001) {
        sent.extend(until(&mut steady, &engine, micros));
    }
    sent.extend(until(&mut steady, &engine, 40 * SECOND));
    assert_eq!(sent, until(&mut late, &engine, 40 * SECOND));
    assert_eq!(steady, late);
}

#[test]
fn the_first_ticks_and_connections_of_a_large_fleet_are_spread() {
    let mut fleet = Fleet::new(plan(vec![group("a", 20_000, vec![rising()], &[10 * SECOND])]), AT_ONCE, at(0));
    let engine = Scripted::default();
    assert_eq!(until(&mut fleet, &engine, SECOND - 1).len(), 10_000, "ten thousand connect in a second");
    assert_eq!(until(&mut fleet, &engine, 2 * SECOND - 1).len(), 10_000);
    assert_eq!(fleet.tally().ticks, 20_000 + 19_999, "the interval of a second bounds the spread");
}

#[test]
fn scripts_run_in_order_and_one_that_throws_does_not_stop_those_behind_it() {
    let engine = Scripted::default();
    let scripts = vec![javascript("count"), javascript("throw"), rising()];
    let mut fleet = Fleet::new(plan(vec![group("a", 2, scripts, &[SECOND])]), AT_ONCE, at(0));
    let sent = until(&mut fleet, &engine, SECOND);
    assert_eq!(sent.last().unwrap().2, "{\"n\":102}");
    assert_eq!(fleet.tally().failed_scripts, 2);
    let calls = engine.calls.lock().unwrap();
    let context: Vec<_> = calls[0].context.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(context, [("currentTime", "1970-01-01T00:00:00+00:00"), ("deviceId", "a.0"), ("deviceModel", "The a")]);
    assert_eq!(calls[0].properties["Type"], "Test");
    assert_eq!(calls[0].properties["SupportedMethods"], "Nap");
    assert!(calls.iter().all(|call| call.state.iter().any(|(key, value)| &**key == "unit" && *value == StateValue::Text("mm".into()))));
}

#[test]
fn a_script_that_is_not_there_or_asks_for_nonsense_is_counted_and_the_device_lives_on() {
    let missing = (javascript("gone").0, Source::Missing("there is no script \"gone\"".to_owned()));
    let mut fleet = Fleet::new(plan(vec![group("a", 1, vec![missing, rising()], &[SECOND])]), AT_ONCE, at(0));
    assert_eq!(until(&mut fleet, &Scripted::default(), 3 * SECOND).last().unwrap().2, "{\"n\":0}");
    assert_eq!(fleet.tally().failed_scripts, 3);
}

#[test]
fn a_method_sleeps_without_holding_up_the_device_and_its_effects_come_once() {
    let engine = Scripted::default();
    let mut fleet = Fleet::new(plan(vec![group("a", 1, vec![], &[SECOND])]), AT_ONCE, at(0));
    until(&mut fleet, &engine, 0);
    assert!(fleet.call_method("a.0", "Nap", &json!({"Firmware": 2, "Deep": true}), at(100_000)));
    let sent = until(&mut fleet, &engine, 5 * SECOND);
    let n: Vec<_> = sent.iter().map(|(_, _, body)| body.as_str()).collect();
    assert_eq!(n, ["{\"n\":10}", "{\"n\":20}", "{\"n\":20}", "{\"n\":30}", "{\"n\":30}"], "it wakes after 1.5 and after 3 seconds");
    let calls = engine.calls.lock().unwrap();
    assert_eq!(calls.iter().map(|call| call.waited).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(calls.iter().all(|call| call.state == calls[0].state && call.now == at(100_000) && call.seed == calls[0].seed));
    let context: Vec<_> = calls[0].context.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(context[1..], [("deviceId", "a.0"), ("Firmware", "2"), ("Deep", "true")]);
}

#[test]
fn a_call_that_makes_no_sense_runs_nothing() {
    let mut fleet = Fleet::new(plan(vec![group("a", 1, vec![], &[])]), AT_ONCE, at(0));
    for (device, method, payload) in [
        ("b.0", "Nap", json!(null)),
        ("a.1", "Nap", json!(null)),
        ("a.0", "nap", json!(null)),
        ("a.0", "Nap", json!({"deep": {}})),
        ("a.0", "Nap", json!({"deviceId": "x"})),
        ("a.0", "Nap", json!("text")),
    ] {
        assert!(!fleet.call_method(device, method, &payload, at(0)), "{device} {method} {payload}");
    }
}

#[test]
fn a_tick_is_passed_over_while_the_last_one_sleeps() {
    let engine = Scripted::default();
    let mut fleet = Fleet::new(plan(vec![group("a", 1, vec![javascript("nap"), javascript("count")], &[])]), AT_ONCE, at(0));
    until(&mut fleet, &engine, 10 * SECOND);
    assert_eq!(fleet.tally().ticks, 4, "each takes three seconds, and ends at the moment of a tick");
}

#[test]
fn a_device_that_is_offline_sends_nothing_and_counts_nothing() {
    let engine = Scripted::default();
    let mut fleet = Fleet::new(plan(vec![group("a", 1, vec![javascript("silence")], &[SECOND])]), AT_ONCE, at(0));
    assert_eq!(until(&mut fleet, &engine, 10 * SECOND).len(), 1, "the first one comes before the script");
    assert_eq!(fleet.tally().messages, 1);
}

#[test]
fn a_hub_says_when_devices_are_connected_and_hears_what_they_report() {
    let engine = Scripted::default();
    let ways = Ways { at_once: false, twins: true };
    let mut fleet = Fleet::new(plan(vec![group("a", 2, vec![javascript("count")], &[SECOND])]), ways, at(0));
    let outbox = block_on(fleet.advance(&engine, at(100), 100));
    assert_eq!(outbox.connects.iter().map(|device| &*device.id).collect::<Vec<_>>(), ["a.0", "a.1"]);
    assert_eq!(&*outbox.connects[0].methods, ["Nap".to_owned()]);
    assert!(fleet.take_reports(100).is_empty());
    fleet.connected("a.1", at(2 * SECOND));
    fleet.connected("a.1", at(2 * SECOND));
    let first = fleet.take_reports(100);
    assert_eq!(first.len(), 1);
    assert_eq!((&*first[0].device, &first[0].reported["Type"]), ("a.1", &json!("Test")));
    let sent = until(&mut fleet, &engine, 4 * SECOND);
    assert_eq!(
        sent.iter().map(|(due, device, _)| (*due, device.as_str())).collect::<Vec<_>>(),
        [(2 * SECOND, "a.1"), (3 * SECOND, "a.1"), (4 * SECOND, "a.1")]
    );
    let changed = fleet.take_reports(100);
    assert_eq!(changed[0].reported, *json!({"N": 4.0}).as_object().unwrap());
    fleet.desire("a.1", json!({"$version": 3, "Type": "Test", "Firmware": "2"}).as_object().unwrap().clone());
    assert_eq!(fleet.take_reports(100)[0].reported, *json!({"Firmware": "2"}).as_object().unwrap());
}

#[test]
fn parts_hold_all_devices_once() {
    let groups = vec![group("a", 25, vec![], &[]), group("b", 4, vec![], &[]), group("c", 10, vec![], &[])];
    let definition = FleetDefinition { groups, connections_per_second: 1, ..FleetDefinition::default() };
    assert_eq!(Part::count(&definition, 10), 3);
    let mut ids: Vec<String> = Vec::new();
    for index in 0..3 {
        let plan = FleetPlan::compile(&definition, Part { index, size: 10 }, None, |_| None);
        ids.extend(plan.hub_devices().map(|device| device.id.to_string()));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 39);
}

#[test]
fn an_edit_disturbs_only_what_changed() {
    let engine = Scripted::default();
    let before = vec![group("a", 2, vec![rising()], &[SECOND]), group("b", 2, vec![rising()], &[SECOND]), group("c", 1, vec![], &[])];
    let mut fleet = Fleet::new(plan(before), AT_ONCE, at(0));
    until(&mut fleet, &engine, 3_100_000);
    let sent = fleet.sent();
    let mut faster = group("b", 2, vec![rising()], &[SECOND / 2]);
    faster.model.description = "another".to_owned();
    let after = plan(vec![faster, group("a", 3, vec![rising()], &[SECOND])]);
    let (mut fleet, change) = fleet.change(after, at(3_200_000));
    let ids = |devices: &[HubDevice]| devices.iter().map(|device| device.id.to_string()).collect::<Vec<_>>();
    assert_eq!((ids(&change.added), ids(&change.removed)), (vec!["a.2".to_owned()], vec!["c.0".to_owned()]));
    assert_eq!(fleet.sent(), sent, "messages are counted on");
    let of = |sent: &[(i64, String, String)], id: &str| {
        sent.iter().filter(|(_, device, _)| device == id).map(|(due, _, body)| (*due, body.clone())).collect::<Vec<_>>()
    };
    let sent = until(&mut fleet, &engine, 5_100_000);
    assert_eq!(of(&sent, "a.0"), [(4 * SECOND, "{\"n\":4}".to_owned()), (5 * SECOND, "{\"n\":5}".to_owned())]);
    assert_eq!(of(&sent, "a.2")[0].1, "{\"n\":0}");
    assert_eq!(of(&sent, "b.0").len(), 4);
    assert_eq!(of(&sent, "b.0")[0], (3_200_000, "{\"n\":0}".to_owned()), "its model is another one, so it begins anew");
}

#[test]
fn replayed_messages_keep_the_distances_of_their_file() {
    let definition =
        FleetDefinition { groups: vec![group("a", 1, vec![rising()], &[SECOND])], connections_per_second: 1, ..FleetDefinition::default() };
    let replay = Replay::new(&crate::simulations::recorded("telemetry,00:00:01,first\ntelemetry,00:00:03,second").unwrap(), true);
    let plan = Arc::new(FleetPlan::compile(&definition, ALL, Some(replay), |_| None));
    let sent = until(&mut Fleet::new(plan, AT_ONCE, at(0)), &Scripted::default(), 7 * SECOND);
    let expected = [(1, "first"), (3, "second"), (4, "first"), (6, "second"), (7, "first")];
    assert_eq!(sent, expected.map(|(second, body)| (second * SECOND, "a.0".to_owned(), body.to_owned())));
}

#[test]
fn a_bound_on_messages_holds_them_back_and_moves_the_grid() {
    let groups = vec![group("a", 7, vec![], &[10 * SECOND])];
    let definition =
        FleetDefinition { groups, connections_per_second: 1_000_000, messages_per_second: Some(3), ..FleetDefinition::default() };
    let plan = Arc::new(FleetPlan::compile(&definition, ALL, None, |_| None));
    let sent = until(&mut Fleet::new(plan, AT_ONCE, at(0)), &Scripted::default(), 12 * SECOND);
    let seconds: Vec<_> = sent.iter().map(|(due, ..)| due / SECOND).collect();
    assert_eq!(seconds, [0, 0, 0, 1, 1, 1, 2, 10, 10, 10, 11, 11, 11, 12]);
}

#[test]
fn what_is_passed_over_leaves_everything_on_its_grid() {
    let engine = Scripted::default();
    let mut fleet = Fleet::new(plan(vec![group("a", 1, vec![rising()], &[SECOND, 7 * SECOND])]), AT_ONCE, at(0));
    until(&mut fleet, &engine, 2_500_000);
    fleet.pass_over(at(3_600 * SECOND + 1));
    assert_eq!(fleet.tally().passed_over, 3_598 + 514);
    let sent = until(&mut fleet, &engine, 3_606 * SECOND);
    assert_eq!(sent[0], (3_601 * SECOND, "a.0".to_owned(), "{\"n\":3}".to_owned()), "the state goes on from where it was");
    assert_eq!(sent.iter().filter(|(due, ..)| *due == 3_605 * SECOND).count(), 2, "3605 is a multiple of 7");
    assert_eq!(sent.len(), 7);
}

#[test]
fn devices_that_change_their_hub_connect_again_and_go_on() {
    let engine = Scripted::default();
    let mut fleet = Fleet::new(plan(vec![group("a", 2, vec![rising()], &[SECOND])]), AT_ONCE, at(0));
    until(&mut fleet, &engine, 2_500_000);
    fleet.reconnect(Ways { at_once: false, twins: true }, at(2_600_000));
    let outbox = block_on(fleet.advance(&engine, at(10 * SECOND), 100));
    assert_eq!((outbox.connects.len(), outbox.messages.len()), (2, 0));
    fleet.connected("a.1", at(10 * SECOND));
    assert_eq!(until(&mut fleet, &engine, 10 * SECOND), [(10 * SECOND, "a.1".to_owned(), "{\"n\":10}".to_owned())]);
}

#[test]
fn a_snapshot_of_another_plan_is_refused() {
    let fleet = Fleet::new(plan(vec![group("a", 2, vec![], &[SECOND])]), AT_ONCE, at(0));
    let snapshot = fleet.snapshot();
    for other in [vec![group("a", 3, vec![], &[SECOND])], vec![group("b", 2, vec![], &[SECOND])], vec![]] {
        assert!(Fleet::restore(plan(other), AT_ONCE, &snapshot).is_err());
    }
    assert!(Fleet::restore(plan(vec![group("a", 2, vec![], &[SECOND])]), AT_ONCE, &snapshot[..snapshot.len() - 1]).is_err());
}

#[test]
fn a_device_takes_little_memory_and_less_in_a_snapshot() {
    let mut fleet = Fleet::new(plan(vec![group("a", 10_000, vec![rising()], &[10 * SECOND])]), AT_ONCE, at(0));
    until(&mut fleet, &Scripted::default(), 12 * SECOND);
    assert!(size_of::<Device>() <= 128, "{}", size_of::<Device>());
    let bytes = fleet.snapshot().len() / 10_000;
    assert!(bytes < 60, "{bytes} bytes a device");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_restored_fleet_goes_on_as_an_undisturbed_one(cuts in proptest::collection::vec(1i64..4_000_000, 1..8), counts in (1u32..9, 1u32..9)) {
        let engine = Scripted::default();
        let groups = vec![
            group("a", counts.0, vec![rising(), javascript("nap"), javascript("count")], &[SECOND, 700_000]),
            group("b", counts.1, vec![javascript("throw")], &[2 * SECOND]),
        ];
        let plan = plan(groups);
        let end: i64 = cuts.iter().sum();
        let mut whole = Fleet::new(Arc::clone(&plan), AT_ONCE, at(0));
        whole.call_method("a.0", "Nap", &json!({"x": 1}), at(0));
        let expected = until(&mut whole, &engine, end);
        let mut fleet = Fleet::new(Arc::clone(&plan), AT_ONCE, at(0));
        fleet.call_method("a.0", "Nap", &json!({"x": 1}), at(0));
        let (mut sent, mut now) = (Vec::new(), 0);
        for cut in cuts {
            now += cut;
            sent.extend(until(&mut fleet, &engine, now));
            let restored = Fleet::restore(Arc::clone(&plan), AT_ONCE, &fleet.snapshot()).unwrap();
            prop_assert_eq!(&restored, &fleet);
            fleet = restored;
        }
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(fleet, whole);
    }
}
