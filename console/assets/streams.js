// What is live on the page of a stream: its numbers, and its events as they come.
"use strict";

const ofStream = document.querySelector("[data-stream]");
if (ofStream) {
  follow("/live", {
    now: (now) => {
      const stream = now.streams.find((one) => `${one.namespace} ${one.name}` === ofStream.dataset.stream);
      if (stream) renderItem(ofStream, stream);
    },
  });
}

const tail = document.querySelector("[data-tail]");
if (tail) {
  const rows = tail.querySelector("tbody"), box = tail.querySelector(".tail"), button = tail.querySelector("[data-pause]");
  const state = tail.querySelector("[data-tail-state]");
  const most = 200;
  let waiting = [], missed = 0, gone = false;

  const made = (kind, text, name) => {
    const element = document.createElement(kind);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  const eventRow = (event) => {
    const row = made("tr"), at = made("td"), headers = made("td", undefined, "headers"), body = made("td", undefined, "wide");
    at.append(made("time", event.at));
    for (const [name, value] of event.headers) {
      const header = made("span");
      header.append(made("b", name), `: ${value}`);
      headers.append(header);
    }
    if (event.binary) body.append(made("i", "bytes:"), " ");
    body.append(made("code", event.body, "body"));
    if (event.left) body.append(made("i", `… ${shown.count(event.left)} more bytes`));
    row.append(at, headers, body);
    return row;
  };
  const gapRow = (text) => {
    const row = made("tr"), cell = made("td", text, "hint");
    cell.colSpan = 3;
    row.append(cell);
    return row;
  };

  const paused = () => button.getAttribute("aria-pressed") === "true" || box.scrollTop > 0;
  const tell = () => {
    const more = waiting.filter((row) => row.cells.length > 1).length + missed;
    const text = gone ? "The stream was removed"
      : paused() ? `Paused${box.scrollTop > 0 ? " while you look further down" : ""}${more ? "; newer events wait" : ""}`
      : rows.children.length ? "Newest first" : "Waiting for events";
    if (state.textContent !== text) state.textContent = text;
  };
  // What came is put at the top, and what is beyond the bound goes.
  const put = () => {
    if (paused() || !waiting.length) return tell();
    if (missed) waiting.push(gapRow(`… ${shown.count(missed)} more came while this was paused`));
    rows.prepend(...waiting);
    while (rows.children.length > most) rows.lastChild.remove();
    waiting = [];
    missed = 0;
    tell();
  };
  const add = (row) => {
    waiting.unshift(row);
    if (waiting.length > most) { waiting.length = most; missed += 1; }
  };

  button.addEventListener("click", () => {
    const now = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(now));
    if (!now) box.scrollTop = 0;
    put();
  });
  box.addEventListener("scroll", put, { passive: true });

  tail.hidden = false;
  const close = follow(tail.dataset.tail, {
    begin: () => { rows.replaceChildren(); waiting = []; missed = 0; tell(); },
    events: (news) => {
      if (news.leftOut || news.atLeast) {
        add(gapRow(`… ${news.atLeast ? "more than " : ""}${shown.count(news.leftOut)} events left out: more came at once than is shown`));
      }
      for (const event of news.events) add(eventRow(event));
      put();
    },
    failed: () => say("The store does not answer; trying again"),
    gone: () => { gone = true; close(); tell(); },
  });
}
