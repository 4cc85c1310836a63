//! What the stock scripts compute.

use std::time::Duration;

use headwater_core::simulations::{stock_script, stock_scripts};

use super::*;

/// The states after so many ticks of a script, each with what it leaves alone.
async fn ticks(script: &str, first: Json, count: u64) -> Vec<Json> {
    let engine = JavaScript::new();
    let mut all = Vec::new();
    let mut now = first;
    for seed in 0..count {
        let given = ScriptCall { state: state(&now), seed, ..call_of(stock_script(script).unwrap()) };
        for (key, value) in done(&run(&engine, given).await).as_object().unwrap() {
            now[key] = value.clone();
        }
        all.push(now.clone());
    }
    all
}

/// That a member of these states has values within these bounds, and comes within a tenth of each of them.
fn assert_spread(states: &[Json], key: &str, low: f64, high: f64) {
    let values: Vec<f64> = states.iter().map(|state| state[key].as_f64().unwrap()).collect();
    let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(*value), most.max(*value)));
    let tenth = (high - low) / 10.0;
    assert!(least >= low && least < low + tenth, "{key}: {least} of {low}");
    assert!(most <= high && most > high - tenth, "{key}: {most} of {high}");
}

fn assert_close(value: &Json, expected: f64) {
    assert!((value.as_f64().unwrap() - expected).abs() < 1e-10, "{value} is not {expected}");
}

#[tokio::test]
async fn chillers_wander_around_their_averages() {
    for script in ["chiller-01-state.js", "chiller-02-state.js"] {
        let states = ticks(script, json!({"simulation_state": "normal_pressure"}), 200).await;
        assert_spread(&states, "temperature", 71.25, 78.75);
        assert_spread(&states, "humidity", 66.5, 73.5);
        assert_spread(&states, "pressure", 135.0, 165.0);
        assert_eq!(states[0]["simulation_state"], json!("normal_pressure"));
        assert_spread(&ticks(script, json!({"simulation_state": "high_pressure"}), 200).await, "pressure", 187.5, 300.0);
    }
    assert_spread(&ticks("chiller-01-state.js", json!({}), 200).await, "pressure", 135.0, 165.0);
    assert_spread(&ticks("chiller-02-state.js", json!({}), 200).await, "pressure", 187.5, 300.0);
}

#[tokio::test]
async fn elevators_move_one_floor_at_a_time_when_they_are_told_to() {
    let still = ticks("elevator-01-state.js", json!({"floor": 4}), 100).await;
    assert!(still.iter().all(|state| state["floor"] == json!(4.0) && state["vibration"] == json!(0.0)));
    assert_spread(&still, "temperature", 74.25, 75.75);
    let moving = ticks("elevator-02-state.js", json!({"floor": 1, "moving": true}), 1500).await;
    let floors: Vec<i64> = moving.iter().map(|state| state["floor"].as_f64().unwrap() as i64).collect();
    assert_eq!(floors[0], 2);
    assert!(floors.windows(2).all(|pair| (pair[0] - pair[1]).abs() == 1));
    assert_eq!((floors.iter().min(), floors.iter().max()), (Some(&1), Some(&15)));
    assert_spread(&moving, "vibration", 9.5, 10.5);
    assert_eq!(ticks("elevator-02-state.js", json!({}), 1).await[0]["floor"], json!(4.0));
}

#[tokio::test]
async fn engines_vibrate_while_they_have_fuel() {
    let full = ticks("engine-01-state.js", json!({"fuellevel": 70}), 200).await;
    assert_spread(&full, "coolant", 7125.0, 7875.0);
    assert_spread(&full, "vibration", 9.5, 10.5);
    assert_eq!(full[199]["fuellevel"], json!(70.0));
    let empty = ticks("engine-02-state.js", json!({}), 20).await;
    assert!(empty.iter().all(|state| state["vibration"] == json!(0.0)));
}

#[tokio::test]
async fn trucks_stand_beside_their_base_and_their_temperature_walks() {
    for (script, latitude, longitude) in
        [("truck-01-state.js", 47.446_746_698_31, -122.294_169_321_98), ("truck-02-state.js", 47.255_775_698_31, -121.174_945_042_83)]
    {
        let states = ticks(script, json!({"temperature": 38}), 200).await;
        assert_spread(&states, "speed", 28.5, 31.5);
        let mut former = 38.0;
        for state in &states {
            assert_close(&state["latitude"], latitude);
            assert_close(&state["longitude"], longitude);
            let temperature = state["temperature"].as_f64().unwrap();
            assert!((temperature / former - 1.0).abs() <= 0.01 + 1e-12);
            former = temperature;
            assert_eq!(state.get("cargotemperature"), None);
        }
        let cargo = ticks(script, json!({"cargotemperature": 38}), 200).await;
        assert_spread(&cargo, "cargotemperature", 37.62, 38.38);
        assert_eq!(cargo[0].get("temperature"), None);
    }
}

#[tokio::test]
async fn prototypes_walk() {
    let first = json!({"temperature": 65, "latitude": 47.612514, "longitude": -122.204184, "moving": true});
    let states = ticks("prototype-01-state.js", first, 100).await;
    assert_spread(&states, "pressure", 142.5, 157.5);
    assert_close(&states[0]["latitude"], 47.613_959_698_31);
    assert_close(&states[0]["longitude"], -122.202_039_436_63);
    assert_close(&states[99]["latitude"], 47.612514 + 100.0 * 0.001_445_698_312_6);
    let pole = ticks("prototype-01-state.js", json!({"temperature": 65, "latitude": 90, "longitude": 180, "moving": true}), 1).await;
    assert_eq!((&pole[0]["latitude"], &pole[0]["longitude"]), (&json!(90.0), &json!(180.0)));
    let still = ticks("prototype-01-state.js", json!({"latitude": 1, "longitude": 2, "moving": false}), 2).await;
    assert_eq!((&still[1]["latitude"], &still[1]["longitude"]), (&json!(1), &json!(2)));
    let faulty = ticks("prototype-02-state.js", json!({"temperature": 85, "pressure": 5}), 300).await;
    assert_spread(&faulty, "temperature", 35.0, 100.0);
    assert!(faulty.iter().all(|state| state.as_object().unwrap().len() == 2));
}

#[tokio::test]
async fn delivery_trucks_drive_their_route_again_and_again() {
    for (script, points) in [("delivery-truck-01-state.js", 57), ("delivery-truck-02-state.js", 56)] {
        let states = ticks(script, json!({"current_data_index": 0}), points + 1).await;
        assert_eq!(states[0]["current_data_index"], json!(1.0));
        assert_eq!(states[0]["latitude"], json!(47.503_444_84));
        let last = states.len() - 2;
        assert_eq!(states[last]["current_data_index"], json!(0.0), "after its last point comes its first");
        assert_eq!((&states[last]["latitude"], &states[last]["longitude"]), (&json!(47.500_661_6), &json!(-122.185_902_9)));
        assert_eq!(states[last + 1]["current_data_index"], json!(1.0));
        assert_spread(&states, "speed", 23.75, 26.25);
        assert!((80.0..=86.0).contains(&states[last]["altitude"].as_f64().unwrap()));
        assert!((56.2072..=58.2072).contains(&states[last]["temperature"].as_f64().unwrap()));
    }
    let outcome = run(&JavaScript::new(), call_of(stock_script("delivery-truck-01-state.js").unwrap())).await;
    assert_eq!(
        outcome.effects[1..],
        [Effect::Property("Latitude".into(), json!(47.503_444_84)), Effect::Property("Longitude".into(), json!(-122.176_833_5))]
    );
}

/// What a method does: its effects but for what it logs, each with the milliseconds after which it comes.
async fn method(script: &str, first: Json, payload: &[(&str, &str)]) -> Vec<(u64, Json)> {
    let engine = JavaScript::new();
    let mut given = ScriptCall { state: state(&first), ..call_of(stock_script(script).unwrap()) };
    given.context.extend(payload.iter().map(|(key, text)| ((*key).into(), (*text).into())));
    let (mut all, mut seen, mut slept) = (Vec::new(), 0, Duration::ZERO);
    loop {
        let outcome = run(&engine, given.clone()).await;
        for effect in &outcome.effects[seen..] {
            let millis = u64::try_from(slept.as_millis()).unwrap();
            match effect {
                Effect::Log(_) => {}
                Effect::Property(key, value) => all.push((millis, json!([key, value]))),
                Effect::State(_) => {
                    let one = ScriptOutcome { effects: vec![effect.clone()], end: ScriptEnd::Done };
                    all.push((millis, done(&one)));
                }
            }
        }
        seen = outcome.effects.len();
        match outcome.end {
            ScriptEnd::Asleep(span) => slept += span,
            ScriptEnd::Done => return all,
            ScriptEnd::Failed(why) => panic!("{why}"),
        }
        given.waited += 1;
    }
}

/// Updates of one member, one a second, while the state scripts pause.
fn steps(key: &str, values: [f64; 5], before: Json) -> Vec<(u64, Json)> {
    let mut all = vec![(0, before)];
    all.extend((0..).zip(values).map(|(second, value)| (second * 1000, json!({key: value}))));
    all.push((5000, json!({"CalculateRandomizedTelemetry": true})));
    all
}

#[tokio::test]
async fn methods_go_step_by_step() {
    let pause = json!({"CalculateRandomizedTelemetry": false});
    let high = json!({"CalculateRandomizedTelemetry": false, "simulation_state": "high_pressure"});
    assert_eq!(method("IncreasePressure-method.js", json!({}), &[]).await, steps("pressure", [170.0, 190.0, 210.0, 230.0, 250.0], high));
    let drain = steps("fuellevel", [56.0, 42.0, 28.0, 14.0, 0.0], pause.clone());
    assert_eq!(method("EmptyTank-method.js", json!({"fuellevel": 70}), &[]).await, drain);
    assert_eq!(method("EmptyTank-method.js", json!({"fuellevel": 0}), &[]).await, []);
    let fill = steps("fuellevel", [14.0, 28.0, 42.0, 56.0, 70.0], pause.clone());
    assert_eq!(method("FillTank-method.js", json!({"fuellevel": 0}), &[]).await, fill);
    assert_eq!(method("FillTank-method.js", json!({"fuellevel": 70}), &[]).await, []);
    let up = steps("temperature", [43.0, 48.0, 53.0, 58.0, 63.0], pause.clone());
    assert_eq!(method("TempIncrease-method.js", json!({"temperature": 38}), &[]).await, up);
    let down = steps("temperature", [33.0, 28.0, 23.0, 18.0, 13.0], pause.clone());
    assert_eq!(method("TempDecrease-method.js", json!({"temperature": 38}), &[]).await, down);
    let cargo = steps("cargotemperature", [33.0, 28.0, 23.0, 18.0, 13.0], pause);
    assert_eq!(method("TempDecrease-method.js", json!({"cargotemperature": 38}), &[]).await, cargo);
}

#[tokio::test]
async fn methods_tell_how_far_they_are() {
    let reboot = method("Reboot-method.js", json!({}), &[]).await;
    assert_eq!(reboot.iter().map(|(millis, _)| *millis).collect::<Vec<_>>(), [0, 15_000, 20_000]);
    assert_eq!(reboot[0].1["online"], json!(false));
    assert_eq!(reboot[2].1, json!({"CalculateRandomizedTelemetry": true, "online": true, "DeviceMethodStatus": ""}));
    let firmware = method("FirmwareUpdate-method.js", json!({}), &[("Firmware", "2.0")]).await;
    assert_eq!(firmware.iter().map(|(millis, _)| *millis).collect::<Vec<_>>(), [0, 5000, 12_500, 17_500, 22_500, 22_500]);
    assert!(firmware[..5].iter().all(|(_, told)| told[0] == json!("FirmwareUpdateStatus")));
    assert_eq!(firmware[5].1, json!(["Firmware", "2.0"]));
}

#[tokio::test]
async fn methods_set_what_they_are_for() {
    let at_once = |what: Json| vec![(0, what)];
    let valve = json!({"simulation_state": "normal_pressure", "pressure": 150.0});
    assert_eq!(method("EmergencyValveRelease-method.js", json!({}), &[]).await, at_once(valve));
    for (script, moving) in [("StartElevator", true), ("StopElevator", false), ("StartMovingDevice", true), ("StopMovingDevice", false)] {
        assert_eq!(method(&format!("{script}-method.js"), json!({}), &[]).await, at_once(json!({"moving": moving})));
    }
    assert_eq!(method("SetFuelLevel-method.js", json!({}), &[("FuelLevel", "70")]).await, at_once(json!({"fuellevel": "70"})));
    assert_eq!(method("SetTemperature-method.js", json!({}), &[("Temperature", "0")]).await, at_once(json!({"temperature": "0"})));
    let engine = JavaScript::new();
    for given in [None, Some(""), Some("101"), Some("-1"), Some("warm")] {
        let mut wrong = call_of(stock_script("SetTemperature-method.js").unwrap());
        wrong.context.extend(given.map(|text| ("Temperature".into(), text.into())));
        assert!(matches!(failure(&run(&engine, wrong).await), ScriptFailure::Threw(_)), "{given:?}");
    }
}

#[tokio::test]
async fn stock_scripts_parse_and_leave_nothing_behind() {
    // A world that has been used does what a new one does, and the script runs where nothing can be changed.
    let engine = JavaScript::within(Bounds { threads: 1, ..Bounds::default() });
    for script in stock_scripts() {
        assert_eq!(engine.check(&script).await, Ok(()), "{}", script.name);
        let frozen = "'use strict'; for (const key of Reflect.ownKeys(globalThis)) { const value = globalThis[key]; \
            if (Object(value) === value && key !== 'globalThis') { Object.freeze(value); if (value.prototype) Object.freeze(value.prototype); } }\n";
        let strict = Script::new(&script.name, &format!("{frozen}{}", script.text));
        let apart = Script::new(&script.name, &format!("{} ", script.text));
        for seed in 0..20 {
            let members = json!({"floor": seed % 16, "moving": seed % 2 == 0, "temperature": seed, "fuellevel": seed % 3, "current_data_index": seed});
            let mut given =
                ScriptCall { state: state(&members), seed, waited: u32::try_from(seed).unwrap() % 6, ..call_of(script.clone()) };
            given.context.extend(["Firmware", "FuelLevel", "Temperature"].map(|key| (key.into(), "5".into())));
            let outcome = run(&engine, given.clone()).await;
            assert!(!matches!(outcome.end, ScriptEnd::Failed(_)), "{outcome:?}");
            for other in [&apart, &strict] {
                assert_eq!(run(&engine, ScriptCall { script: other.clone(), ..given.clone() }).await, outcome, "{}", script.name);
            }
        }
    }
}
