//! What scripts do, and what they cannot do.

mod contract;
mod isolation;
mod laws;
mod stock;
mod torture;

use std::sync::Arc;

use headwater_core::ports::{Effect, Script, ScriptCall, ScriptEnd, ScriptEngine as _, ScriptFailure, ScriptOutcome, Timestamp};
use headwater_core::simulations::StateValue;
use serde_json::{Value as Json, json};

use super::{Bounds, JavaScript};

/// 2023-11-14T22:13:20Z.
const NOW: i64 = 1_700_000_000_000;

fn call(text: &str) -> ScriptCall {
    call_of(Script::new("test.js", text))
}

fn call_of(script: Script) -> ScriptCall {
    ScriptCall {
        script,
        context: vec![("currentTime".into(), "2023-11-14T22:13:20+00:00".into()), ("deviceId".into(), "dev.1".into())],
        state: Vec::new(),
        properties: Arc::default(),
        params: None,
        now: Timestamp::from_millis(NOW),
        seed: 7,
        waited: 0,
    }
}

/// A state of these members.
fn state(members: &Json) -> Vec<(Arc<str>, StateValue)> {
    members.as_object().unwrap().iter().map(|(key, value)| (key.as_str().into(), StateValue::from(value))).collect()
}

async fn run(engine: &JavaScript, call: ScriptCall) -> ScriptOutcome {
    engine.run(vec![call]).await.pop().unwrap()
}

/// An engine whose watch leaves all to what is counted, however slow the machine is and QuickJS was compiled.
fn patient() -> JavaScript {
    JavaScript::within(Bounds { steps: 2_000_000, looks_to_cancel: u32::MAX, looks_to_lose: u32::MAX, ..Bounds::default() })
}

/// What a script of this `main` does.
async fn main(body: &str) -> ScriptOutcome {
    run(&patient(), call(&format!("function main(context, state, properties, params) {{ {body} }}"))).await
}

/// All that the updates of the state say, as JSON.
fn updates(outcome: &ScriptOutcome) -> Json {
    let mut all = json!({});
    for effect in &outcome.effects {
        if let Effect::State(entries) = effect {
            for (key, value) in entries {
                all[&**key] = value.to_json();
            }
        }
    }
    all
}

/// What a call that is done has put into the state.
fn done(outcome: &ScriptOutcome) -> Json {
    assert_eq!(outcome.end, ScriptEnd::Done, "{outcome:?}");
    updates(outcome)
}

fn failure(outcome: &ScriptOutcome) -> &ScriptFailure {
    match &outcome.end {
        ScriptEnd::Failed(why) => why,
        other => panic!("{other:?}"),
    }
}
