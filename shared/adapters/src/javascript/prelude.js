// Evaluates to a function that puts a Date into the global object whose present is the one of the call.
(function (present) {
  "use strict";
  var Host = Date;
  var construct = Reflect.construct; // A script may put another one there, and must not be handed Host.
  function Now(year, month, day, hours, minutes, seconds, millis) {
    if (!new.target) return new Host(present()).toString();
    return construct(Host, arguments.length ? arguments : [present()], new.target);
  }
  var hidden = function (object, name, value) {
    Object.defineProperty(object, name, { value: value, writable: true, enumerable: false, configurable: true });
  };
  Object.defineProperty(Now, "name", { value: "Date", configurable: true });
  Object.defineProperty(Now, "prototype", { value: Host.prototype, writable: false });
  hidden(Now, "now", { now() { return present(); } }.now);
  hidden(Now, "parse", Host.parse);
  hidden(Now, "UTC", Host.UTC);
  hidden(Host.prototype, "constructor", Now);
  hidden(globalThis, "Date", Now);
})
