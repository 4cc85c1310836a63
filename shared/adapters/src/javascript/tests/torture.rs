//! Scripts that loop, allocate, recurse and throw what they can.

use std::time::Duration;

use headwater_core::limits;
use tokio::time::timeout;

use super::*;

/// An engine whose watch is quick.
fn watched() -> JavaScript {
    JavaScript::within(Bounds { look: Duration::from_millis(20), looks_to_cancel: 25, looks_to_lose: 50, threads: 2, ..Bounds::default() })
}

/// That other calls are answered as ever.
async fn assert_well(engine: &JavaScript) {
    let calls = (0..4).map(|seed| ScriptCall { seed, ..call("function main() { updateState({ x: [3, 1, 2].sort().join() }) }") });
    let outcomes = timeout(Duration::from_secs(60), engine.run(calls.collect())).await.expect("the engine answers");
    for outcome in outcomes {
        assert_eq!(done(&outcome), json!({"x": "1,2,3"}));
    }
}

#[tokio::test]
async fn what_runs_for_too_long_is_broken_off_and_counts_up_to_there() {
    let engine = patient();
    for body in [
        "updateState({ a: 1 }); for (;;) {}",
        "updateState({ a: 1 }); try { for (;;) {} } catch (e) { updateState({ b: 1 }) } finally { updateState({ c: 1 }) }",
        "updateState({ a: 1 }); /(a+)+$/.test('a'.repeat(50) + 'b'); updateState({ b: 1 })",
        "updateState({ a: 1 }); /(?:a|a)*$/.test('a'.repeat(50) + 'b')",
        "updateState({ a: 1 }); [].indexOf.call({ length: 2 ** 53 - 1 }, 1)",
        "updateState({ a: 1 }); return (async () => { for (;;) await 0 })()",
        "updateState({ a: 1 }); (function again() { Promise.resolve().then(again) })()",
        "updateState({ a: 1 }); function* all() { for (;;) yield 1 } for (const one of all());",
        "updateState({ a: 1 }); updateState({ get b() { for (;;); } })",
        "updateState({ a: 1 }); updateState(new Proxy({}, { ownKeys() { for (;;); } }))",
        "updateState({ a: 1 }); log({ toString() { for (;;); } })",
        "updateState({ a: 1 }); sleep({ valueOf() { for (;;); } })",
    ] {
        let outcome = main(body).await;
        assert_eq!(*failure(&outcome), ScriptFailure::Time, "{body}");
        assert_eq!(updates(&outcome), json!({"a": 1.0}), "{body}");
    }
    for text in ["for (;;) {} function main() {}", "Object.defineProperty(globalThis, 'main', { get() { for (;;); } })"] {
        assert_eq!(*failure(&run(&engine, call(text)).await), ScriptFailure::Time, "{text}");
    }
    // What says what was thrown runs on.
    let outcome = run(&engine, call("function main() { throw { toString() { for (;;); } } }")).await;
    assert_eq!(*failure(&outcome), ScriptFailure::Threw("it threw what cannot be put into words".into()));
    assert_well(&engine).await;
}

#[tokio::test]
async fn what_takes_too_much_memory_or_stack_is_broken_off() {
    let engine = patient();
    for body in [
        "const all = []; for (;;) all.push({ all, more: [1, 2, 3] })",
        "let text = 'x'; for (;;) text += text + '€'; ",
        "'x'.repeat(2 ** 29)",
        "new Array(2 ** 28).fill(1)",
        "new Uint8Array(2 ** 30)",
        "JSON.stringify(new Array(2 ** 32 - 1))",
        "updateState({ all: new Array(2 ** 32 - 1) })",
        "/(a*)*b/.test('a'.repeat(1e6))",
        "(function deep() { deep() })()",
        "const deep = {}; deep.toString = () => String(deep); log(deep)",
        "let deep = []; for (let n = 0; n < 1e5; n++) deep = [deep]; updateState({ deep })",
    ] {
        let outcome = run(&engine, call(&format!("function main() {{ {body} }}"))).await;
        let speechless = ScriptFailure::Threw("null, or there was no memory to say more".into());
        assert!([ScriptFailure::Memory, speechless].contains(failure(&outcome)), "{body}: {outcome:?}");
        assert_well(&engine).await;
    }
    for part in [
        "[",
        "(",
        "{",
        "`${",
        "()=>",
        "a?",
        "function a(){",
        "class a{static{",
        "()=>0,",
        "function a(){}",
        "[]=>",
        "a=>a=>",
        "0;",
        "a;",
        "/a/;",
        "'a';",
        "({a:1});",
    ] {
        let text = part.repeat(limits::SCRIPT_TEXT / part.len() / 2);
        let checked = engine.check(&Script::new("long.js", &text)).await;
        assert!(checked.is_ok() || checked.is_err_and(|why| !why.contains("no memory")), "{part}");
        assert_well(&engine).await;
    }
    let long = Script::new("long.js", &" ".repeat(limits::SCRIPT_TEXT + 1));
    assert_eq!(engine.check(&long).await, Err("it has 131073 bytes, and a script has at most 131072".into()));
    assert!(matches!(failure(&run(&engine, call_of(long)).await), ScriptFailure::Source(_)));
}

#[tokio::test]
async fn what_is_asked_for_is_bounded() {
    let output = |why: &str| ScriptFailure::Output(why.to_owned());
    for (body, kept, why) in [
        ("for (let n = 0; ; n++) updateState({ n })", 10_000, "more than 10000 updates and lines"),
        ("for (;;) log('x')", 10_000, "more than 10000 updates and lines"),
        ("updateState({ a: 1 }); updateState({ b: 'x'.repeat(2e6) })", 1, "more than 1048576 bytes"),
        ("for (;;) updateState({ b: 'x'.repeat(3e5) })", 3, "more than 1048576 bytes"),
        ("for (;;) updateProperty('p', { b: 'x'.repeat(3e5) })", 3, "more than 1048576 bytes"),
        ("const wide = {}; for (let n = 0; n < 1e5; n++) wide[n] = n; updateState(wide)", 0, "more than 1048576 bytes"),
        ("let deep = []; for (let n = 0; n < 200; n++) deep = [deep]; updateState({ deep })", 0, "deep: an object that nests too deeply"),
        ("let deep = []; for (let n = 0; n < 200; n++) deep = [deep]; updateProperty('p', deep)", 0, "p: an object that nests too deeply"),
        ("try { updateState({ b: 'x'.repeat(2e6) }) } catch (e) {} updateState({ c: 1 })", 0, "more than 1048576 bytes"),
    ] {
        let outcome = main(body).await;
        assert_eq!(*failure(&outcome), output(why), "{body}");
        assert_eq!(outcome.effects.len(), kept, "{body}");
    }
    let line = main("log('€'.repeat(1e5))").await;
    assert!(matches!(&line.effects[0], Effect::Log(line) if line.len() == 4095), "a line is cut between characters");
    let mut sleeper = call("function main() { for (;;) sleep(1) }");
    sleeper.waited = 2000;
    assert_eq!(*failure(&run(&JavaScript::new(), sleeper).await), output("more than 1000 sleeps"));
}

#[tokio::test]
async fn whatever_is_thrown_is_told() {
    let engine = JavaScript::new();
    let odd = "it threw what cannot be put into words";
    for (thrown, told) in [
        ("null", "null, or there was no memory to say more"),
        ("undefined", "undefined"),
        ("5", "5"),
        ("'\\ud83d'", "\u{fffd}"),
        ("{}", "[object Object]"),
        ("Symbol('x')", odd),
        ("new Proxy({}, { get() { throw 1 } })", odd),
        ("new Proxy(new Error('x'), { get() { throw 1 } })", odd),
        ("{ toString() { throw this } }", odd),
        ("{ toString() { updateState({ b: 1 }); return 'x' } }", odd),
        ("Object.create(null)", odd),
        ("Object.defineProperty(new Error('x'), 'message', { get() { throw 1 } })", odd),
    ] {
        let outcome = run(&engine, call(&format!("function main() {{ updateState({{ a: 1 }}); throw {thrown} }}"))).await;
        assert_eq!(*failure(&outcome), ScriptFailure::Threw(told.to_owned()), "{thrown}");
        assert_eq!(updates(&outcome), json!({"a": 1.0}), "{thrown}");
    }
    let long = run(&engine, call("function main() { throw new Error('x'.repeat(1e6)) }")).await;
    assert!(matches!(failure(&long), ScriptFailure::Threw(what) if what.len() < 2100), "{long:?}");
    let stack = run(&engine, call("function main() { throw Object.defineProperty(new Error('x'), 'stack', { get() { throw 1 } }) }")).await;
    assert!(matches!(failure(&stack), ScriptFailure::Threw(what) if what == "Error: x"), "{stack:?}");
    assert_well(&engine).await;
}

#[tokio::test]
async fn odd_arguments_are_thrown_back() {
    for body in [
        "updateState()",
        "updateState(null)",
        "updateState(5)",
        "updateState('ab')",
        "updateState([1])",
        "updateState(main)",
        "updateState({ a: 1n })",
        "updateState({ a: { b: 1n } })",
        "updateState({ get a() { throw new TypeError('mine') } })",
        "updateState(new Proxy({}, { ownKeys() { throw new TypeError('mine') } }))",
        "const ring = {}; ring.ring = ring; updateState({ ring })",
        "updateProperty()",
        "updateProperty(5, 5)",
        "sleep(Symbol())",
        "sleep(5n)",
        "log(Symbol())",
    ] {
        let outcome = main(&format!("try {{ {body} }} catch (e) {{ updateState({{ caught: e instanceof TypeError }}) }}")).await;
        assert_eq!(done(&outcome), json!({"caught": true}), "{body}");
    }
    // What a getter sees and does is the script's own business.
    let outcome = main("updateState({ get a() { updateState({ b: 1 }); return 2; } })").await;
    assert_eq!(done(&outcome), json!({"a": 2.0, "b": 1.0}));
}

#[tokio::test]
async fn a_call_that_never_comes_back_costs_only_itself() {
    let engine = watched();
    let endless = [
        "new Array(2 ** 32 - 1).join('')",
        "[].reverse.call({ length: 2 ** 53 - 1 })",
        "[].values.call({ length: 2 ** 53 - 1 }).drop(2 ** 53 - 1).next()",
    ];
    for (nth, body) in endless.iter().enumerate() {
        let hanging = call(&format!("function main() {{ {body} }}"));
        let mut calls = vec![hanging.clone()];
        calls.extend((0..20).map(|_| call("function main() { updateState({ x: 1 }) }")));
        let outcomes = timeout(Duration::from_secs(20), engine.run(calls)).await.expect("the watch looks");
        assert_eq!(*failure(&outcomes[0]), ScriptFailure::Time, "{body}");
        assert!(outcomes[1..].iter().all(|outcome| done(outcome) == json!({"x": 1.0})));
        assert_eq!(engine.pool.lost(), nth + 1);
        // It is known now.
        let again = engine.run(vec![hanging; 50]).await;
        assert!(again.iter().all(|outcome| *failure(outcome) == ScriptFailure::Time));
        assert_eq!(engine.pool.lost(), nth + 1);
        assert_well(&engine).await;
    }
}

#[tokio::test]
async fn threads_that_do_not_come_back_are_not_replaced_without_end() {
    let engine = JavaScript::within(Bounds {
        look: Duration::from_millis(5),
        looks_to_cancel: 10,
        looks_to_lose: 20,
        threads: 1,
        lost_threads: 1,
        ..Bounds::default()
    });
    let hanging = |nth: u32| call(&format!("function main() {{ /* {nth} */ [].reverse.call({{ length: 2 ** 53 - 1 }}) }}"));
    for nth in 0..4 {
        assert_eq!(*failure(&run(&engine, hanging(nth)).await), ScriptFailure::Time);
    }
    assert_eq!(engine.pool.lost(), 2, "the one that may be lost, and the one that took its place");
    assert_eq!(*failure(&run(&engine, call("function main() {}")).await), ScriptFailure::Time, "nobody is left to run it");
}

#[tokio::test]
async fn a_thread_that_comes_back_late_works_again() {
    // What counts nothing for some time, and then comes to a loop that is told to stop.
    let text = "function main() { (3n ** 200000n).toString(); for (;;); }";
    let engine = JavaScript::within(Bounds {
        look: Duration::from_millis(5),
        looks_to_cancel: 4,
        looks_to_lose: 8,
        threads: 1,
        lost_threads: 0,
        ..Bounds::default()
    });
    assert_eq!(*failure(&run(&engine, call(text)).await), ScriptFailure::Time);
    assert_eq!(engine.pool.lost(), 1);
    timeout(Duration::from_secs(60), async {
        while engine.pool.lost() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it comes back");
    assert_well(&engine).await;
}

#[tokio::test]
async fn who_stops_waiting_frees_the_threads() {
    let engine = JavaScript::within(Bounds { threads: 1, ..Bounds::default() });
    let slow = call("function main() { for (let n = 0; n < 300000; n++); }");
    let gone = timeout(Duration::from_millis(50), engine.run(vec![slow; 100_000])).await;
    assert!(gone.is_err(), "it takes minutes");
    assert_well(&engine).await;
}
