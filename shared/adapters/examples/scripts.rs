//! How many calls of scripts this machine makes in a second: `cargo run --release -p headwater-adapters --example scripts`.

use std::sync::Arc;

use headwater_adapters::SystemClock;
use headwater_adapters::javascript::JavaScript;
use headwater_core::ports::{Clock as _, Script, ScriptCall, ScriptEnd, ScriptEngine as _, Timestamp};
use headwater_core::simulations::{StateValue, stock_script};

const CALLS: u64 = 20_000;

#[tokio::main]
async fn main() {
    let stock = stock_script("chiller-01-state.js").expect("it is one of them");
    // A space more, and it is no stock script any more.
    let own = Script::new(&stock.name, &format!("{} ", stock.text));
    let engine = JavaScript::new();
    let clock = SystemClock::new();
    for (kind, script) in [("stock", stock), ("own", own)] {
        for _ in 0..2 {
            let calls = (0..CALLS).map(|seed| call(&script, seed)).collect();
            let start = clock.now();
            let outcomes = engine.run(calls).await;
            let micros = clock.now().since(start).as_micros();
            assert!(outcomes.iter().all(|outcome| outcome.end == ScriptEnd::Done));
            println!("{kind}: {} calls a second on all threads", u128::from(CALLS) * 1_000_000 / micros.max(1));
        }
    }
}

fn call(script: &Script, seed: u64) -> ScriptCall {
    let mut state: Vec<(Arc<str>, StateValue)> = vec![("simulation_state".into(), StateValue::Text("high_pressure".into()))];
    state.extend((0..9).map(|nth| (format!("sensor_{nth}").into(), StateValue::Number(f64::from(nth) + 0.5))));
    ScriptCall {
        script: script.clone(),
        context: vec![("currentTime".into(), "2026-01-01T00:00:00+00:00".into()), ("deviceId".into(), "chiller-01.1".into())],
        state,
        properties: Arc::default(),
        params: None,
        now: Timestamp::from_millis(1_700_000_000_000),
        seed,
        waited: 0,
    }
}
