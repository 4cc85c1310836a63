// What must be live. Every page reads and works without this.
"use strict";

// ---- numbers as the server shows them (console/src/shown.rs)

const shown = {
  count: (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, "\u202f"),
  rate: (number) => (number >= 10 ? shown.count(number) : number.toFixed(1)),
  bytes: (number) => {
    if (number < 1000) return `${number} B`;
    const units = ["KB", "MB", "GB", "TB", "PB"];
    let size = number / 1000, unit = 0;
    while (size >= 999.5 && unit + 1 < units.length) { size /= 1000; unit += 1; }
    return `${size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
  },
  span: (seconds) => {
    const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, minutes = Math.floor(seconds / 60) % 60;
    if (days) return `${days} d ${hours} h`;
    if (hours) return `${hours} h ${minutes} min`;
    return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  },
  plain: (value) => (value === null || value === undefined ? "" : String(value)),
};

const write = (element, value) => {
  const text = (value === null || value === undefined) ? "" : shown[element.dataset.as || "plain"](value);
  if (element.textContent !== text) element.textContent = text;
};

// The points of a small plot (console/src/plot.rs).
const sparkline = (values) => {
  const top = Math.max(0, ...values);
  return values.map((value, at) => {
    const x = 120 - (120 * (values.length - 1 - at)) / 119;
    return `${x.toFixed(1)},${(top > 0 ? 23 - (value / top) * 22 : 23).toFixed(1)}`;
  }).join(" ");
};

// ---- the connection: said in words, and only while there is something to say

const connection = document.querySelector("[data-connection]");
const say = (text) => { if (connection && connection.textContent !== text) connection.textContent = text; };

// Follows an address of server-sent events while the page is looked at. The browser reconnects by itself; where the server refuses, it is asked again.
const follow = (address, events) => {
  let source = null, again = null;
  const open = () => {
    clearTimeout(again);
    source = new EventSource(address);
    source.onopen = () => say("");
    source.onerror = () => {
      say("Not connected; trying again");
      if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 3000);
    };
    for (const [name, take] of Object.entries(events)) source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  };
  const pause = () => { clearTimeout(again); source?.close(); source = null; };
  const ending = new AbortController();
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : source || open()), { signal: ending.signal });
  window.addEventListener("pagehide", pause, { signal: ending.signal });
  open();
  return () => { ending.abort(); pause(); };
};

// ---- lists of what runs

// Where things came or went, or changed their state, the page is asked for again and this part of it put in place of the old one.
const renewing = new Set();
const renew = async (part) => {
  const name = part.dataset.list;
  if (renewing.has(name) || part.contains(document.activeElement)) return;
  renewing.add(name);
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(`[data-list="${name}"]`);
    if (fresh) part.replaceWith(document.importNode(fresh, true));
  } catch { say("Not connected; trying again"); } finally { renewing.delete(name); }
};

const renderList = (part, things) => {
  const keys = part.dataset.key.split(" "), states = part.dataset.show.split(" ");
  const sign = JSON.stringify(things.map((thing) => states.map((member) => thing[member])));
  if (part.dataset.sign !== undefined && part.dataset.sign !== sign) { renew(part); return; }
  part.dataset.sign = sign;
  const rows = new Map([...part.querySelectorAll("[data-item]")].map((row) => [row.dataset.item, row]));
  for (const thing of things) {
    const row = rows.get(keys.map((member) => thing[member]).join(" "));
    if (!row) { renew(part); return; }
    renderItem(row, thing);
  }
  if (rows.size !== things.length) renew(part);
};

const renderItem = (row, thing) => {
  for (const field of row.querySelectorAll("[data-field]")) {
    if (field.dataset.field !== "state") write(field, thing[field.dataset.field]);
  }
  const line = row.querySelector("[data-rates] polyline");
  if (line && thing.rates) line.setAttribute("points", sparkline(thing.rates));
};

const live = document.querySelector("[data-live]");
if (live) {
  follow("/live", {
    now: (now) => {
      for (const element of live.querySelectorAll("[data-now]")) write(element, now[element.dataset.now]);
      for (const element of live.querySelectorAll("[data-count]")) write(element, now[element.dataset.count].length);
      for (const part of live.querySelectorAll("[data-list]")) renderList(part, now[part.dataset.list]);
      say("");
    },
    failed: () => say("The store does not answer; trying again"),
  });
}
