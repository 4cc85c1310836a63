// Jobs by hand: started, looked at and stopped by clicks.
import assert from "node:assert/strict";
import test from "node:test";

import { call, get, waitFor } from "./api.js";
import { control, press, settle, text, visit } from "./browser.js";

const value = (page, selector) => page.$eval(selector, (field) => field.value);
const number = (text) => Number(text.replace(/\D/g, ""));

// Fills a field in, whatever stood in it.
const fill = (page, selector, words) => page.$eval(selector, (field, words) => {
  field.value = words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}, words);

test("a job is chosen, started, watched and stopped by clicks", () =>
  visit("/console/jobs", {}, async (page) => {
    await press(page, "Start a job", "link");
    await page.select("#specification", "social/social_posts.json");
    await waitFor("the specification in the editor", async () => (await value(page, "#config")).includes("emitters"));
    const preview = await waitFor("records in the preview", async () => (await text(page, "#preview")).trim());
    assert.ok(preview.split("\n").filter((line) => line.startsWith("{")).every((line) => JSON.parse(line)), preview);
    await fill(page, "#name", "by-hand");
    await page.select("#target", "stream");
    await fill(page, "#stream", "posts");
    await page.select("#clock", "REAL");
    await press(page, "Start");
    assert.equal(decodeURIComponent(new URL(page.url()).pathname), "/console/jobs/by-hand");
    const records = async () => number(await text(page, '[data-field="records"]'));
    const first = await waitFor("records that are counted without a reload", records, 30);
    await waitFor("more records", async () => (await records()) > first, 30);
    assert.equal((await get("/status/by-hand")).status, "RUNNING");
    await press(page, "Stop");
    assert.ok(!(await get("/jobs")).some(({ name }) => name === "by-hand"));
    assert.equal(new URL(page.url()).pathname, "/console/jobs");
    assert.ok(!(await text(page, '[data-list="jobs"]')).includes("by-hand"));
  }));

test("what is wrong with a specification is told at its place while it is typed, and nothing is started", () =>
  visit("/console/jobs/new", { expected: [/400/] }, async (page) => {
    const wrong = {
      interarrival: { type: "exponential", mean: -1 },
      emitters: [{ name: "e", dimensions: [{ type: "int", name: "n", distribution: { type: "uniform", min: 5, max: 1 } }] }],
      states: [{ name: "s", emitter: "e", delay: { type: "constant", value: 1 }, transitions: [{ next: "stop", probability: 1 }] }],
    };
    await fill(page, "#config", JSON.stringify(wrong));
    const told = await waitFor("the mistakes", async () => (await text(page, "#config-wrong")).trim());
    assert.match(told, /interarrival/);
    assert.match(told, /emitters\[0\]\.dimensions\[0\]\.distribution/);
    await fill(page, "#name", "wrong");
    await press(page, "Start");
    assert.match(await text(page, '[role="alert"]'), /Nothing was started/);
    assert.match(await text(page, "#config-wrong"), /emitters\[0\]\.dimensions\[0\]\.distribution/);
    assert.equal(await value(page, "#name"), "wrong", "what was typed is still there");
    assert.deepEqual(JSON.parse(await value(page, "#config")), wrong);
    assert.ok(!(await get("/jobs")).some(({ name }) => name === "wrong"));
  }));

test("a job is started and stopped without JavaScript", async () => {
  await visit("/console/jobs/new?specification=social%2Fsocial_posts.json", { script: false }, async (page) => {
    await page.select("#target", "stream");
    for (const [field, words] of [["#name", "plain"], ["#stream", "plain_posts"], ["#total_events", "5"]]) {
      const handle = await page.$(field);
      await handle.click({ count: 3 });
      await handle.type(words);
    }
    const [start] = await page.$$('button[value="start"]');
    await Promise.all([page.waitForNavigation(), start.click()]);
    assert.equal(new URL(page.url()).pathname, "/console/jobs/plain");
    await waitFor("the end of the job", async () => (await get("/status/plain")).status === "COMPLETE");
    await page.reload();
    assert.match(await text(page, "main"), /complete/i);
    const [stop] = await page.$$('form[action$="/stop"] button');
    await Promise.all([page.waitForNavigation(), stop.click()]);
    assert.ok(!(await get("/jobs")).some(({ name }) => name === "plain"));
  });
});

test("a job that was stopped elsewhere is shown to be", async () => {
  await call("POST", "/start", { body: { name: "elsewhere", config_file: "social/social_posts.json", target: { type: "stream", stream: "posts" }, time_type: "REAL" } });
  await visit("/console/jobs/elsewhere", { expected: [/404/] }, async (page) => {
    await settle();
    await call("POST", "/stop/elsewhere");
    await waitFor("the state", async () => (await text(page, '[data-field="state"]')) === "stopped");
  });
});
