// What a page of another site may not do, though the visitor's browser reaches the server.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import test, { after, before } from "node:test";

import { get, post } from "./api.js";
import { text, visit } from "./browser.js";
import { securedServer, server, token } from "./setting.js";

const job = (name) => JSON.stringify({ name, config_file: "clickstream/clickstream.json", target: { type: "stream", stream: name }, total_events: 1 });

// Another site: another name, or the same address with another port. Both are strangers.
let port;
const site = createServer((request, answer) => {
  answer.setHeader("content-type", "text/html");
  answer.end("<!doctype html><html lang=en><title>elsewhere</title><h1>elsewhere</h1>");
});
before(() => new Promise((resolve) => site.listen(0, "127.0.0.1", () => resolve((port = site.address().port)))));
after(() => site.close());

const jobs = async () => (await get("/jobs")).map(({ name }) => name);

test("the server takes the same from a program", async () => {
  await post("/start", job("honest"));
  assert.ok((await jobs()).includes("honest"));
  await post("/stop/honest");
});

for (const host of ["localhost", "127.0.0.1"]) {
  test(`a form of ${host}, with another port, is refused`, () =>
    visit("/", { at: `http://${host}:${port}`, expected: [/403/, /favicon/] }, async (page) => {
      // What a form can send as JSON: a field whose name is its beginning.
      const [name, value] = job("forged").replace(/}$/, ',"x":"=').split("=");
      const answered = page.waitForNavigation();
      await page.evaluate(
        (action, name, value) => {
          const form = Object.assign(document.createElement("form"), { method: "post", action, enctype: "text/plain" });
          form.append(Object.assign(document.createElement("input"), { name, value }));
          document.body.append(form);
          form.submit();
        },
        `${server}/start`,
        name,
        `${value}"}`,
      );
      assert.equal((await answered).status(), 403);
      assert.match(await text(page), /another site/);
      assert.ok(!(await jobs()).includes("forged"));
    }));

  test(`a script of ${host}, with another port, starts and reads nothing`, () =>
    visit("/", { at: `http://${host}:${port}`, expected: [/./] }, async (page) => {
      const outcome = await page.evaluate(
        async (server, body) => {
          const ask = (path, options) => fetch(server + path, options).then((answer) => answer.text(), () => "refused");
          await fetch(`${server}/start`, { method: "POST", mode: "no-cors", body });
          await fetch(`${server}/console/jobs/new`, { method: "POST", mode: "no-cors", body: new URLSearchParams({ do: "start", name: "forged" }) });
          return [await ask("/jobs"), await ask("/live"), await ask("/jobs", { method: "POST", headers: { "content-type": "application/json" }, body })];
        },
        server,
        job("forged"),
      );
      assert.deepEqual(outcome, ["refused", "refused", "refused"]);
      assert.ok(!(await jobs()).includes("forged"));
    }));
}

test("no page of another site shows the console within itself", () =>
  visit("/", { at: `http://localhost:${port}`, expected: [/frame-ancestors|ERR_BLOCKED_BY_RESPONSE/] }, async (page) => {
    await page.evaluate((src) => {
      document.body.append(Object.assign(document.createElement("iframe"), { src }));
    }, server);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const inside = page.frames().find((frame) => frame.parentFrame());
    assert.ok(!(await inside.evaluate(() => document.documentElement.outerHTML)).includes("Overview"));
  }));

test("whoever is signed in is not signed in for another site", () =>
  visit("/", { at: securedServer }, async (page) => {
    await page.type("#token", token);
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    assert.equal(await text(page, "h1"), "Overview");
    await page.goto(`http://localhost:${port}`);
    await Promise.all([
      page.waitForNavigation(),
      page.evaluate((href) => Object.assign(document.createElement("a"), { href }).click(), `${securedServer}/console/jobs`),
    ]);
    assert.equal(new URL(page.url()).pathname, "/console/sign-in", "the cookie does not come along");
  }));
