//! No call sees anything of another one.

use super::*;

/// An engine of one thread, so that each call runs where the one before ran.
fn one_thread() -> JavaScript {
    JavaScript::within(Bounds { threads: 1, ..Bounds::default() })
}

const LOOK: &str = "function main() {
  const odd = Object.getOwnPropertyNames(globalThis).filter(name => name.startsWith('left_'));
  for (const name of ['updateState', 'updateProperty', 'log', 'sleep', 'parseInt', 'isNaN']) {
    if (!/\\[native code\\]/.test(Function.prototype.toString.call(globalThis[name]))) odd.push(name);
  }
  for (const key in {}) odd.push('Object.prototype.' + key);
  for (const key in []) odd.push('Array.prototype.' + key);
  if ([3, 1, 2].sort().map(n => n * 2).join() !== '2,4,6') odd.push('Array');
  if (JSON.stringify({ a: [1] }) !== '{\"a\":[1]}') odd.push('JSON');
  if (Math.max(1, 2) !== 2 || Math.random() === 4) odd.push('Math');
  if (Date.now() !== 1700000000000) odd.push('Date');
  if (/(b)/.exec('abc')[1] !== 'b' || 'abc'.replace('b', 'x') !== 'axc') odd.push('RegExp');
  if (typeof count !== 'undefined' || typeof kept !== 'undefined' || Symbol.for('left').x) odd.push('globals');
  updateState({ odd, number: (5).toFixed(1), text: String({}) });
}";

const POISONS: [&str; 14] = [
    "count = 1; var left_1 = 1; let kept = 2; function left_2() {} globalThis.left_3 = 1;",
    "Object.prototype.left = 1; Object.prototype.toString = () => 'poisoned';",
    "Array.prototype.left = 1; Array.prototype.sort = Array.prototype.map = Array.prototype.join = null; Array.prototype[Symbol.iterator] = null;",
    "JSON.stringify = JSON.parse = () => 'poisoned'; Math.max = () => 0; Math.random = () => 4;",
    "updateState = updateProperty = log = sleep = function () {};",
    "Object.defineProperty(Object.prototype, '0', { set(value) { left_4 = value; }, get() { return 'poisoned'; }, configurable: true });",
    "Object.defineProperty(Object.prototype, 'odd', { set() {}, get() { return 'poisoned' } });",
    "RegExp.prototype.exec = () => null; RegExp.prototype[Symbol.replace] = () => 'poisoned'; String.prototype.replace = null;",
    "Date.now = () => 0; Date.prototype.getTime = () => 0; Date = null; Reflect.construct = function (target) { left_5 = target; };",
    "Function.prototype.call = Function.prototype.apply = null; Function.prototype.toString = () => '';",
    "Object.freeze(Object.prototype); Object.freeze(globalThis); Object.preventExtensions(Array.prototype);",
    "Number.prototype.toFixed = () => 'poisoned'; Symbol.for('left'); delete globalThis.Array; delete globalThis.undefined; NaN = 1;",
    "Object.setPrototypeOf(Array.prototype, new Proxy({}, { get() { return 'poisoned'; }, has() { return true; } }));",
    "Promise.prototype.then = null; Promise.resolve().finally(() => { left_6 = 1; }); (async () => { for (;;) { await 0; left_7 = 1; } })();",
];

#[tokio::test]
async fn nothing_that_a_call_leaves_behind_is_met_by_the_next() {
    let engine = one_thread();
    let clean = done(&run(&engine, call(LOOK)).await);
    assert_eq!(clean, json!({"odd": [], "number": "5.0", "text": "[object Object]"}));
    for poison in POISONS {
        for text in [format!("{poison}\nfunction main() {{}}"), format!("function main() {{ {poison} }}")] {
            run(&engine, call(&text)).await;
            assert_eq!(done(&run(&engine, call(LOOK)).await), clean, "{text}");
        }
    }
}

#[tokio::test]
async fn a_call_does_not_see_an_earlier_one_of_its_own_script() {
    let engine = one_thread();
    let text =
        "var count = 0; const list = []; function main() { seen = typeof seen; list.push(++count); Array.left = (Array.left || 0) + 1;
       updateState({ count, length: list.length, seen, left: Array.left }); }";
    for _ in 0..3 {
        let outcome = run(&engine, call(text)).await;
        assert_eq!(done(&outcome), json!({"count": 1.0, "length": 1.0, "seen": "undefined", "left": 1.0}));
    }
}

#[tokio::test]
async fn what_a_call_takes_of_memory_is_free_for_the_next() {
    let engine = one_thread();
    // Eleven megabytes in circles, which only a collection finds.
    let text = "function main() { const all = []; for (let n = 0; n < 50000; n++) { const a = { n }; a.self = [a]; all.push(a); } updateState({ all: all.length }); }";
    for _ in 0..5 {
        assert_eq!(done(&run(&engine, call(text)).await), json!({"all": 50000.0}));
    }
}

#[tokio::test]
async fn the_inputs_of_one_call_cannot_reach_another() {
    let engine = one_thread();
    let given = |text| ScriptCall { state: state(&json!({"list": [1, 2], "object": {"a": 1}})), ..call(text) };
    run(&engine, given("function main(c, s) { s.list.push(3); s.object.a = 2; s.list.__proto__.left = 1; Object.freeze(s); }")).await;
    let seen = run(&engine, given("function main(c, s) { updateState({ s, left: [].left }); }")).await;
    assert_eq!(done(&seen), json!({"s": {"list": [1, 2], "object": {"a": 1}}, "left": null}));
}
