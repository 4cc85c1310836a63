// The checks themselves: each must be able to fail.
import assert from "node:assert/strict";
import test from "node:test";

import { waitFor } from "./api.js";
import { check, visit } from "./browser.js";

const sees = (pattern) => async (look) => {
  const heard = [];
  await visit("/", { expected: [/./] }, async (page, complaints) => {
    await look(page);
    await waitFor("a complaint", () => complaints.some((one) => pattern.test(one)), 20);
    heard.push(...complaints);
  });
  assert.ok(heard.some((complaint) => pattern.test(complaint)), `${pattern} among ${JSON.stringify(heard)}`);
};

test("a script that our policy forbids is heard of", () =>
  sees(/policy: script-src/)((page) =>
    page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
    }),
  ));

test("a style that our policy forbids is heard of", () =>
  sees(/policy: style-src/)((page) => page.evaluate(() => document.body.setAttribute("style", "color: red"))));

test("a script that fails is heard of", () =>
  sees(/script: .*oh dear/s)((page) =>
    page.evaluate(() => {
      setTimeout(() => {
        throw new Error("oh dear");
      });
    }),
  ));

test("what is not there is heard of", () => sees(/response: 404 .*\/console\/nothing/)((page) => page.evaluate(() => fetch("/console/nothing").then(() => {}))));

test("a page that complains fails its test", () =>
  assert.rejects(
    visit("/", {}, (page) => page.evaluate(() => console.error("no"))),
    /what \/ complained of/,
  ));

test("what people cannot use is found", () =>
  visit(null, {}, async (page) => {
    await page.setContent("<html lang=en><title>x</title><main><h1>x</h1><input type=text><p style='color:#aaa;background:#fff'>pale</p></main>");
    const found = await check(page);
    assert.deepEqual(found.map(({ id }) => id).sort(), ["color-contrast", "label"]);
  }));
