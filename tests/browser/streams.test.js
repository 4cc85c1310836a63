// Streams by hand: created, followed, read, and told apart from markup.
import assert from "node:assert/strict";
import test from "node:test";

import { call, get, post, waitFor } from "./api.js";
import { control, press, text, visit } from "./browser.js";
import { committed } from "./pages.js";

const streams = "/v3/namespaces/default/streams";
const bodies = (page) => page.$$eval("[data-tail] tbody code", (all) => all.map((one) => one.textContent));

test("a stream is created, sent to and followed by clicks", () =>
  visit("/console/streams", {}, async (page) => {
    await control(page, "textbox", "Name").fill("by_hand");
    await press(page, "Create stream");
    assert.equal(new URL(page.url()).pathname, "/console/streams/default/by_hand");
    assert.deepEqual(await bodies(page), []);
    await page.type("#send-body", "the first");
    await press(page, "Send event");
    await waitFor("the event in the tail", async () => (await bodies(page)).includes("the first"));
    // From elsewhere, without anything of the page being asked for again.
    const loaded = await page.evaluate(() => (window.loadedOnce = true));
    for (const body of ["the second", "the third"]) await post(`${streams}/by_hand`, body);
    await waitFor("what was sent since", async () => (await bodies(page)).length === 3);
    assert.deepEqual(await bodies(page), ["the third", "the second", "the first"]);
    assert.equal(await page.evaluate(() => window.loadedOnce), loaded);
  }));

test("the tail of the demo grows by itself, stops at a click, and goes on", () =>
  visit("/console/streams/default/clicks", {}, async (page) => {
    const newest = async () => (await bodies(page))[0];
    const first = await waitFor("an event", newest);
    await waitFor("another event", async () => (await newest()) !== first);
    const button = control(page, "button", "Pause");
    await button.click();
    const paused = await newest();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal(await newest(), paused);
    assert.equal(await page.$eval("[data-pause]", (button) => button.getAttribute("aria-pressed")), "true");
    await button.click();
    await waitFor("an event after the pause", async () => (await newest()) !== paused);
  }));

test("events are read by their time, with and without JavaScript", async () => {
  const events = await get(`${streams}/clicks/events?limit=3`);
  const end = events[2].timestamp + 1;
  for (const script of [true, false]) {
    await visit(`/console/streams/default/clicks?start=${events[0].timestamp}&end=${end}&limit=3`, { script }, async (page) => {
      const read = await page.$$eval("table.events tbody code", (all) => all.map((one) => one.textContent));
      assert.deepEqual(read.sort(), events.map(({ body }) => body).sort());
    });
  }
});

const hostile = [
  "<script>window.hacked = 1</script>",
  '<img src=x onerror="window.hacked = 2">',
  "\"><svg onload='window.hacked = 3'>",
  "</code></td></table><a href=\"javascript:window.hacked = 4\">press</a>",
  "{{ 7 * 7 }} &lt;b&gt; &amp; ' \" ` ${7}",
  "\u202etxt.exe \u0007 \u001b[31m",
];

test("hostile text of events is shown as text", async () => {
  await call("PUT", `${streams}/hostile`);
  for (const body of hostile) {
    const header = body.replace(/[^\x20-\x7e]/g, "");
    await post(`${streams}/hostile`, body, { headers: { "hostile.from": header } });
  }
  for (const script of [true, false]) {
    await visit("/console/streams/default/hostile", { script }, async (page) => {
      if (script) await waitFor("all events in the tail", async () => (await bodies(page)).length >= hostile.length);
      const words = await text(page, "main");
      for (const body of hostile.slice(0, 5)) assert.ok(words.split(body).length >= (script ? 3 : 2), `${body} in ${words}`);
      await assertUnharmed(page, script);
    });
  }
});

test("hostile names of generators of load are shown as text", async () => {
  const host = hostile[1];
  const about = { hostname: host, testPlan: hostile[2], name: hostile[3], description: hostile[4], runTags: { team: hostile[0] } };
  const uuid = await committed(about, [{ method: hostile[1], name: hostile[0], num_requests: 5, num_failures: 0, total_response_time: 50, response_times: { 10: 5 } }]);
  // What runs is looked at once a second.
  const lately = async () => (await get("/live", { headers: { accept: "application/json" } })).runs.some((run) => run.uuid === uuid);
  await waitFor("the run among what runs", lately);
  for (const path of ["/", "/console/load-tests", `/console/load-tests/${uuid}`, `/console/load-tests/compare?base=${uuid}&candidate=${uuid}`]) {
    await visit(path, {}, async (page) => {
      assert.ok((await text(page, "main")).includes(host), path);
      await assertUnharmed(page, true);
    });
  }
});

// Nothing of it has become markup, or ran.
const assertUnharmed = async (page, script) => {
  const found = await page.$$eval('script:not([src]), img[onerror], svg[onload], a[href^="javascript:"], [onclick], [onerror]', (all) => all.map((one) => one.outerHTML));
  assert.deepEqual(found, []);
  if (script) assert.equal(await page.evaluate(() => window.hacked), undefined);
};
