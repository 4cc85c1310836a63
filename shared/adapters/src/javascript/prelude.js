// Evaluates to a function that changes a new world before a script runs in it.
(function (present) {
  "use strict";
  var hidden = function (object, name, value) {
    Object.defineProperty(object, name, { value: value, writable: true, enumerable: false, configurable: true });
  };

  // The present of a Date is the one of the call.
  var Host = Date;
  var construct = Reflect.construct; // A script may put another one there, and must not be handed Host.
  function Now(year, month, day, hours, minutes, seconds, millis) {
    if (!new.target) return new Host(present()).toString();
    return construct(Host, arguments.length ? arguments : [present()], new.target);
  }
  Object.defineProperty(Now, "name", { value: "Date", configurable: true });
  Object.defineProperty(Now, "prototype", { value: Host.prototype, writable: false });
  hidden(Now, "now", { now() { return present(); } }.now);
  hidden(Now, "parse", Host.parse);
  hidden(Now, "UTC", Host.UTC);
  hidden(Host.prototype, "constructor", Now);
  hidden(globalThis, "Date", Now);

  // No text becomes code while a script runs: QuickJS does not bear running out of memory while it compiles.
  var refuse = function () { throw new EvalError("a text cannot be made into code here"); };
  function Maker() { return refuse(); }
  Object.defineProperty(Maker, "name", { value: "Function", configurable: true });
  Object.defineProperty(Maker, "prototype", { value: Function.prototype, writable: false });
  hidden(globalThis, "eval", { eval() { return refuse(); } }.eval);
  hidden(globalThis, "Function", Maker);
  [function () {}, function* () {}, async function () {}, async function* () {}].forEach(function (kind) {
    Object.defineProperty(Object.getPrototypeOf(kind), "constructor", { value: Maker, configurable: true });
  });
})
