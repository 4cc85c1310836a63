//! What holds for any script.

use proptest::prelude::*;

use super::*;

/// Scripts of statements that draw, sleep, branch and leave things behind.
fn script() -> impl Strategy<Value = String> {
    let statement = prop::sample::select(vec![
        "updateState({ a: Math.random() });",
        "updateState({ b: Date.now(), s: s });",
        "updateProperty('p', Math.random());",
        "log(new Date().toISOString());",
        "sleep(Math.random() * 1000);",
        "if (Math.random() < 0.5) sleep(5);",
        "try { sleep(7) } finally { log('late') }",
        "if (Math.random() < 0.1) throw new Error('odd');",
        "for (let n = 0; n < 3; n++) { sleep(n); updateState({ n }); }",
        "count = (typeof count === 'undefined' ? 0 : count) + 1; updateState({ count });",
        "Array.prototype.left = (Array.prototype.left || 0) + 1; updateState({ left: [].left });",
        "await 0;",
        "if (Math.random() < 0.01) for (;;) log('x');",
    ]);
    prop::collection::vec(statement, 0..12).prop_map(|body| format!("async function main(context, s) {{ {} }}", body.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_same_call_has_the_same_outcome_and_one_more_sleep_only_adds(text in script(), seed: u64, now in 0i64..4_000_000_000_000) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let engine = JavaScript::new();
        let given = |waited| ScriptCall { seed, waited, now: Timestamp::from_millis(now), state: state(&json!({"n": 1})), ..call(&text) };
        let calls: Vec<_> = (0..12).flat_map(|waited| [given(waited), given(waited)]).collect();
        let outcomes = runtime.block_on(engine.run(calls));
        for pair in outcomes.chunks(2) {
            prop_assert_eq!(&pair[0], &pair[1]);
        }
        for (fewer, more) in outcomes.iter().step_by(2).zip(outcomes.iter().skip(2).step_by(2)) {
            prop_assert!(more.effects.starts_with(&fewer.effects));
            if !matches!(fewer.end, ScriptEnd::Asleep(_)) {
                prop_assert_eq!(fewer, more, "a call that has ended has slept as often as it wanted to");
            }
        }
    }
}
