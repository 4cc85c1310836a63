//! What a script is given, and what comes of it.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_script_finds_what_it_is_called_with() {
    let mut given = call(
        "function main(context, previousState, previousProperties, params) {
           updateState({ context, state: previousState, properties: previousProperties, params, count: arguments.length, here: typeof this });
         }",
    );
    given.state = state(&json!({"a": 1, "b": 2.5, "c": "x", "d": null, "e": true, "f": {"g": [1, {"__proto__": 2}]}, "__proto__": 3}));
    given.properties = Arc::new(json!({"Type": "Truck", "Nested": {"a": 1}}).as_object().unwrap().clone());
    given.params = Some(Arc::new(json!({"Min": 1})));
    let all = done(&run(&JavaScript::new(), given.clone()).await);
    assert_eq!(all["context"], json!({"currentTime": "2023-11-14T22:13:20+00:00", "deviceId": "dev.1"}));
    assert_eq!(all["state"], json!({"a": 1, "b": 2.5, "c": "x", "d": null, "e": true, "f": {"g": [1, {"__proto__": 2}]}, "__proto__": 3}));
    assert_eq!(all["properties"], json!({"Type": "Truck", "Nested": {"a": 1}}));
    assert_eq!(all["params"], json!({"Min": 1}));
    assert_eq!(all["count"], json!(4.0));
    given.params = None;
    assert_eq!(done(&run(&JavaScript::new(), given).await)["params"], Json::Null);
}

#[tokio::test]
async fn values_come_back_as_what_they_are() {
    let outcome = main(
        "updateState({ whole: 5, half: 0.5, nan: NaN, inf: -Infinity, text: 'ä€😀', yes: true, nothing: null, none: undefined, func: main,
           object: { a: 1, b: [1, 2] }, list: [], boxed: new Number(3), date: new Date(0), half_character: 'a\\ud83d\\\\ud83d', keys: {'\\ud83d': '\\udc00\\\\udc00'} })",
    )
    .await;
    let Effect::State(entries) = &outcome.effects[0] else { panic!("{outcome:?}") };
    let get = |key: &str| entries.iter().find(|(name, _)| &**name == key).unwrap().1.clone();
    assert_eq!(get("whole"), StateValue::Number(5.0));
    assert_eq!(get("half"), StateValue::Number(0.5));
    assert!(matches!(get("nan"), StateValue::Number(number) if number.is_nan()));
    assert_eq!(get("inf"), StateValue::Number(f64::NEG_INFINITY));
    assert_eq!(get("text"), StateValue::Text("ä€😀".into()));
    assert_eq!(get("yes"), StateValue::Bool(true));
    assert_eq!([get("nothing"), get("none"), get("func")], [StateValue::Null, StateValue::Null, StateValue::Null]);
    assert_eq!(get("object"), StateValue::Json(r#"{"a":1,"b":[1,2]}"#.into()));
    assert_eq!(get("list"), StateValue::Json("[]".into()));
    assert_eq!(get("boxed"), StateValue::Number(3.0));
    assert_eq!(get("date"), StateValue::Text("1970-01-01T00:00:00.000Z".into()));
    assert_eq!(get("half_character"), StateValue::Text("a\u{fffd}\\ud83d".into()));
    assert_eq!(get("keys"), StateValue::Json("{\"\\ufffd\":\"\\ufffd\\\\udc00\"}".into()));
}

#[tokio::test]
async fn effects_come_in_order_and_returning_says_nothing() {
    let outcome =
        main("log('a'); updateState({ x: 1 }); updateProperty('P', 2); updateProperty('Q', { r: 0.5 }); log({}); log(); return { y: 1 };")
            .await;
    let number = StateValue::Number(1.0);
    assert_eq!(
        outcome.effects,
        [
            Effect::Log("a".into()),
            Effect::State(vec![("x".into(), number)]),
            Effect::Property("P".into(), json!(2)),
            Effect::Property("Q".into(), json!({"r": 0.5})),
            Effect::Log("[object Object]".into()),
            Effect::Log("undefined".into()),
        ]
    );
    assert_eq!(outcome.end, ScriptEnd::Done);
}

#[tokio::test]
async fn a_script_that_sleeps_is_called_again_with_one_sleep_less_to_do() {
    let mut given = call(
        "function main() { for (let n = 0; n < 3; n++) { updateState({ ['n' + n]: Date.now() }); sleep(1500); } updateState({ end: Date.now() }); }",
    );
    let engine = JavaScript::new();
    for waited in 0..3 {
        given.waited = waited;
        let outcome = run(&engine, given.clone()).await;
        assert_eq!(outcome.end, ScriptEnd::Asleep(Duration::from_millis(1500)));
        assert_eq!(outcome.effects.len(), waited as usize + 1);
    }
    given.waited = 3;
    assert_eq!(
        done(&run(&engine, given).await),
        json!({"n0": NOW as f64, "n1": (NOW + 1500) as f64, "n2": (NOW + 3000) as f64, "end": (NOW + 4500) as f64})
    );
}

#[tokio::test]
async fn nothing_is_heard_of_a_script_that_does_not_let_itself_be_put_to_sleep() {
    let outcome = main("try { sleep(10) } catch (e) { updateState({ a: 1 }); } finally { try { sleep(20) } catch (e) {} for (;;) { try { log('x') } catch (e) {} } }").await;
    assert_eq!(outcome, ScriptOutcome { effects: Vec::new(), end: ScriptEnd::Asleep(Duration::from_millis(10)) });
}

#[tokio::test]
async fn odd_sleeps_have_a_meaning() {
    for (given, end) in [
        ("", ScriptEnd::Asleep(Duration::ZERO)),
        ("-5", ScriptEnd::Asleep(Duration::ZERO)),
        ("'2000'", ScriptEnd::Asleep(Duration::from_secs(2))),
        ("0.5", ScriptEnd::Asleep(Duration::from_micros(500))),
        ("1e9", ScriptEnd::Failed(ScriptFailure::Output("a sleep of more than 24 hours".into()))),
        ("Infinity", ScriptEnd::Failed(ScriptFailure::Output("a sleep of more than 24 hours".into()))),
    ] {
        assert_eq!(main(&format!("sleep({given})")).await.end, end, "{given}");
    }
}

#[tokio::test]
async fn dates_show_the_present_of_the_call() {
    let outcome = main(
        "updateState({ now: Date.now(), fresh: new Date().getTime(), other: new Date(5).getTime(), parts: Date.UTC(2020, 0, 1), text: typeof Date(),
           same: new Date() instanceof Date, kind: Object.prototype.toString.call(new Date()), ctor: new Date().constructor === Date,
           sub: new (class extends Date { twice() { return this.getTime() * 2; } })(4).twice(), name: Date.name, length: Date.length,
           iso: new Date().toISOString(), keys: Object.keys(globalThis).length })",
    )
    .await;
    let now = NOW as f64;
    assert_eq!(
        done(&outcome),
        json!({"now": now, "fresh": now, "other": 5.0, "parts": 1_577_836_800_000.0, "text": "string", "same": true, "kind": "[object Date]",
            "ctor": true, "sub": 8.0, "name": "Date", "length": 7.0, "iso": "2023-11-14T22:13:20.000Z", "keys": 1.0})
    );
}

#[tokio::test]
async fn random_numbers_begin_with_the_seed() {
    let mut given = call("function main() { updateState({ a: Math.random(), b: Math.random() }); }");
    let engine = JavaScript::new();
    let first = done(&run(&engine, given.clone()).await);
    assert_eq!(done(&run(&engine, given.clone()).await), first);
    assert_ne!(first["a"], first["b"]);
    given.seed += 1;
    assert_ne!(done(&run(&engine, given).await)["a"], first["a"]);
}

#[tokio::test]
async fn there_is_nothing_of_a_host() {
    let names =
        "console print require process std os scriptArgs performance setTimeout WeakRef FinalizationRegistry gc navigator fetch load";
    let outcome = main(&format!("updateState({{ found: '{names}'.split(' ').filter(name => name in globalThis) }})")).await;
    assert_eq!(done(&outcome), json!({"found": []}));
    let outcome = main("updateState({ a: 1 }); return import('fs').catch(e => { updateState({ b: 1 }); throw e; })").await;
    assert!(matches!(failure(&outcome), ScriptFailure::Threw(_)), "{outcome:?}");
}

#[tokio::test]
async fn an_asynchronous_main_is_run_to_its_end() {
    let outcome = main("return (async () => { updateState({ a: 1 }); await null; updateState({ b: 2 }); })()").await;
    assert_eq!(done(&outcome), json!({"a": 1.0, "b": 2.0}));
    let outcome = main("return (async () => { await null; sleep(5); updateState({ b: 2 }); })()").await;
    assert_eq!(outcome.end, ScriptEnd::Asleep(Duration::from_millis(5)));
    let outcome = main("return (async () => { await null; throw new Error('late'); })()").await;
    assert!(matches!(failure(&outcome), ScriptFailure::Threw(what) if what.starts_with("Error: late")), "{outcome:?}");
    // A promise that never comes is not waited for.
    assert_eq!(main("return new Promise(() => {})").await.end, ScriptEnd::Done);
    assert_eq!(main("return { then: 5 }").await.end, ScriptEnd::Done);
}

#[tokio::test]
async fn what_a_script_did_before_it_threw_counts() {
    let outcome = main("updateState({ a: 1 });\n null.x; updateState({ b: 2 })").await;
    assert_eq!(updates(&outcome), json!({"a": 1.0}));
    let ScriptFailure::Threw(what) = failure(&outcome) else { panic!("{outcome:?}") };
    assert!(what.starts_with("TypeError: ") && what.contains("main (test.js:2:"), "{what}");
}

#[tokio::test]
async fn a_text_that_is_no_script_is_told_from_one_that_throws() {
    let engine = JavaScript::new();
    for text in [
        "function main() {",
        "function main() {}\nvar = 5;",
        "function main() { return 5 5 }",
        "import x from 'y'; function main() {}",
        "let a; let a; function main() {}",
    ] {
        let script = Script::new("bad.js", text);
        let said = engine.check(&script).await.unwrap_err();
        assert!(said.contains("SyntaxError") && said.contains("bad.js:"), "{said}");
        assert!(matches!(failure(&run(&engine, call(text)).await), ScriptFailure::Source(_)), "{text}");
    }
    let thrown = run(&engine, call("function main() {} throw new SyntaxError('mine')")).await;
    assert!(matches!(failure(&thrown), ScriptFailure::Threw(what) if what.starts_with("SyntaxError: mine")), "{thrown:?}");
    for text in ["", "var main = 5;", "function Main() {}", "let main = null"] {
        assert_eq!(*failure(&run(&engine, call(text)).await), ScriptFailure::Source("it defines no function main".into()), "{text}");
        assert_eq!(engine.check(&Script::new("a.js", text)).await, Ok(()), "a check asks for nothing but that it parses");
    }
}

#[tokio::test]
async fn a_check_runs_nothing() {
    let engine = JavaScript::new();
    for text in [
        "for (;;) {}",
        "throw 1",
        "'use strict'; x = 5",
        "var s = 'x'; while (true) s += s",
        "//",
        "x = 5 // no semicolon",
        "/* */",
        "a: for (;;) break a",
    ] {
        assert_eq!(engine.check(&Script::new("a.js", text)).await, Ok(()), "{text}");
    }
    for text in ["if (x)", "a:", "x =", "'use strict'; with (a) {}", "`", "/*", "/a", "x\0y"] {
        assert!(engine.check(&Script::new("a.js", text)).await.is_err(), "{text}");
    }
}

#[tokio::test]
async fn sources_may_be_written_in_many_ways() {
    let engine = JavaScript::new();
    for text in [
        "\u{feff}function main() { updateState({ x: 1 }) }",
        "var a = 1;\r\nfunction main() {\r\n  updateState({ x: a });\r\n}\r\n",
        "const main = () => updateState({ x: 1 });",
        "let main = function () { updateState({ x: 1 }) }",
        "main = function () { updateState({ x: 1 }) }",
        "this.main = () => updateState({ x: 1 })",
        "Object.defineProperty(globalThis, 'main', { get() { return () => updateState({ x: 1 }) } })",
        "function main() { größe = 010 - 7; updateState({ x: größe }) }",
        "function main() { with ({ y: 1 }) updateState({ x: y }) }",
        "function* one() { yield 1 } function main() { for (const x of one()) updateState({ x }) }",
        "class A { #x = 1; get x() { return this.#x } } function main() { updateState(Object.assign({}, { x: new A().x })) }",
    ] {
        assert_eq!(done(&run(&engine, call(text)).await), json!({"x": 1.0}), "{text}");
        assert_eq!(engine.check(&Script::new("a.js", text)).await, Ok(()), "{text}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order() {
    let engine = JavaScript::new();
    let calls = (0..200).map(|seed| ScriptCall {
        seed,
        state: state(&json!({"n": seed})),
        ..call("function main(c, s) { if (s.n % 3) throw s.n; updateState(s) }")
    });
    let outcomes = engine.run(calls.collect()).await;
    assert_eq!(outcomes.len(), 200);
    for (n, outcome) in outcomes.iter().enumerate() {
        if n % 3 == 0 {
            assert_eq!(done(outcome), json!({"n": n as f64}));
        } else {
            assert_eq!(*failure(outcome), ScriptFailure::Threw(n.to_string()));
        }
    }
    assert_eq!(engine.run(Vec::new()).await, []);
}

#[tokio::test]
async fn a_text_does_not_become_code() {
    for body in [
        "eval('1')",
        "(0, eval)('1')",
        "globalThis['ev' + 'al']('1')",
        "Function('return 1')()",
        "new Function('return 1')",
        "main.constructor('return 1')()",
        "(() => {}).constructor('return 1')()",
        "(function* () {}).constructor('yield 1')()",
        "(async () => {}).constructor('return 1')()",
        "(async function* () {}).constructor('return 1')()",
        "(class {}).constructor('return 1')()",
        "Object.getPrototypeOf((function* () {}).constructor)('return 1')()",
        "Reflect.construct(Function, ['return 1'])",
        "new (class extends Function {})('return 1')",
        "Date.constructor('return 1')()",
        "updateState.constructor('return 1')()",
    ] {
        let outcome = main(&format!("try {{ {body} }} catch (e) {{ updateState({{ caught: e.name }}) }}")).await;
        let name = done(&outcome)["caught"].clone();
        assert!(name == json!("EvalError") || name == json!("TypeError"), "{body}: {name}");
    }
    assert_eq!(
        done(&main("updateState({ a: main instanceof Function, b: Function.prototype.call.call(n => n, 0, 5) })").await),
        json!({"a": true, "b": 5.0})
    );
}
