// Every page, with the demo running: in light and dark, on a telephone, without JavaScript, and for people who cannot see it.
import assert from "node:assert/strict";
import test from "node:test";

import { waitFor } from "./api.js";
import { check, narrow, settle, text, visit } from "./browser.js";
import { pages } from "./pages.js";
import { securedServer } from "./setting.js";

const all = [...(await pages()), { path: "/console/sign-in", at: securedServer, heading: "Sign in" }];

// The page's widest element, where the page can be scrolled sideways.
const tooWide = () => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return null;
  const widest = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > room + 1);
  return `${document.documentElement.scrollWidth} > ${room}: ${widest.slice(0, 3).map((element) => element.outerHTML.slice(0, 200)).join("\n")}`;
};

for (const { path, at, heading } of all) {
  test(`${path} is shown in light and dark`, async () => {
    const grounds = [];
    for (const dark of [false, true]) {
      await visit(path, { at, dark }, async (page) => {
        const title = await text(page, "h1");
        assert.ok(title.includes(heading), `${heading} in ${title}`);
        assert.match(await page.title(), /Headwater/);
        await settle();
        grounds.push(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor + getComputedStyle(document.body).backgroundColor));
      });
    }
    assert.notEqual(grounds[0], grounds[1], "dark is another ground than light");
  });

  test(`${path} fits a telephone`, () =>
    visit(path, { at, size: narrow }, async (page) => {
      await settle();
      assert.equal(await page.evaluate(tooWide), null);
    }));

  for (const dark of [false, true]) {
    test(`${path} can be used by everybody, in ${dark ? "dark" : "light"}`, () =>
      visit(path, { at, dark }, async (page) => {
        await settle();
        assert.deepEqual(await check(page), []);
      }));
  }

  test(`${path} reads without JavaScript`, async () => {
    const words = await visit(path, { at, script: false }, (page) => text(page, "main"));
    assert.ok(words.includes(heading), words);
    assert.doesNotMatch(words, /loading|please wait/i);
  });
}

test("the overview lists what the demo runs, without JavaScript too", () =>
  visit("/", { script: false }, async (page) => {
    const words = await text(page, "main");
    for (const name of ["clicks", "Demo", "devices", "sine", "sine-spectrum"]) assert.ok(words.includes(name), `${name} in ${words}`);
  }));

test("the overview goes on by itself", () =>
  visit("/", {}, async (page) => {
    const uptime = () => text(page, '[data-now="uptime"]');
    const [before, points] = [await uptime(), await page.$eval("#fleets ~ * [data-rates] polyline", (line) => line.getAttribute("points"))];
    await waitFor("another moment", async () => (await uptime()) !== before);
    await waitFor("another plot", async () => points !== (await page.$eval("#fleets ~ * [data-rates] polyline", (line) => line.getAttribute("points"))));
  }));

test("every link of a page leads to a page of its own", async () => {
  const seen = new Set();
  for (const { path, at } of all) {
    const links = await visit(path, { at }, (page) => page.$$eval("a[href]", (links) => links.map((link) => link.href)));
    for (const link of links.map((link) => link.split("#")[0])) {
      if (seen.has(link)) continue;
      seen.add(link);
      assert.match(link, /^https?:/, `on ${path}`);
      const outside = !link.startsWith(new URL(path, at ?? (await import("./setting.js")).server).origin);
      if (outside) continue;
      const answer = await fetch(link, { headers: { accept: "text/html,*/*" }, redirect: "manual", signal: AbortSignal.timeout(20_000) });
      assert.ok(answer.status < 400, `${link} on ${path}: ${answer.status}`);
      await answer.body?.cancel();
    }
  }
});
