// A server that wants a token: signing in and out, and what the browser keeps.
import assert from "node:assert/strict";
import test from "node:test";

import { press, text, visit } from "./browser.js";
import { securedServer, token } from "./setting.js";

const secured = { at: securedServer };

const send = async (page, word) => {
  await page.locator("::-p-aria(Token)").fill(word);
  await press(page, "Sign in");
};

const cookies = (page) => page.browserContext().cookies();

test("whoever is not signed in is asked for the token, and comes to where they wanted", () =>
  visit("/console/jobs", secured, async (page) => {
    assert.equal(new URL(page.url()).pathname, "/console/sign-in");
    assert.deepEqual(await cookies(page), []);
    await send(page, token);
    assert.equal(new URL(page.url()).pathname, "/console/jobs");
    assert.equal(await text(page, "h1"), "Jobs");
  }));

test("a wrong token lets nobody in, and says so", () =>
  visit("/", { ...secured, expected: [/403/] }, async (page) => {
    for (const wrong of ["wrong", `${token}x`, token.toUpperCase()]) {
      await send(page, wrong);
      assert.match(await text(page, '[role="alert"]'), /not the token/);
      assert.equal(await page.$eval("#token", (field) => field.getAttribute("aria-invalid")), "true");
      assert.equal(await page.$eval("#token", (field) => field.value), "", "what was typed is not sent back");
      assert.deepEqual(await cookies(page), []);
    }
    await send(page, token);
    assert.equal(await text(page, "h1"), "Overview");
  }));

test("the cookie is of no use to scripts and to other sites, and does not tell the token", () =>
  visit("/", secured, async (page) => {
    await send(page, token);
    const [cookie, ...others] = await cookies(page);
    assert.deepEqual(others, []);
    assert.ok(cookie.httpOnly);
    assert.equal(cookie.sameSite, "Strict");
    assert.ok(!cookie.value.includes(token));
    assert.equal(await page.evaluate(() => document.cookie), "");
    // The page is live with nothing but the cookie.
    const before = await text(page, '[data-now="uptime"]');
    await page.waitForFunction((before) => document.querySelector('[data-now="uptime"]').innerText !== before, { timeout: 20_000 }, before);
  }));

test("signing out ends it", () =>
  visit("/", { ...secured, expected: [/401/] }, async (page) => {
    await send(page, token);
    await press(page, "Sign out");
    assert.equal(new URL(page.url()).pathname, "/console/sign-in");
    assert.deepEqual(await cookies(page), []);
    assert.equal(await page.evaluate(async () => (await fetch("/live")).status), 401);
    await page.goto(securedServer, { waitUntil: "load" });
    assert.equal(new URL(page.url()).pathname, "/console/sign-in");
  }));

test("signing in and out works without JavaScript", () =>
  visit("/", { ...secured, script: false }, async (page) => {
    await page.type("#token", token);
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    assert.equal(await text(page, "h1"), "Overview");
    const [button] = await page.$$('form[action="/console/sign-out"] button');
    await Promise.all([page.waitForNavigation(), button.click()]);
    assert.equal(new URL(page.url()).pathname, "/console/sign-in");
  }));
