// The console by keyboard alone, and for people whom motion disturbs.
import assert from "node:assert/strict";
import test from "node:test";

import { waitFor } from "./api.js";
import { settle, visit } from "./browser.js";
import { pages } from "./pages.js";

const all = await pages();

// The controls that Tab should come to, by a number that is written on them. Of a group of radio buttons one is enough.
const number = () => {
  const groups = new Set();
  const wanted = 'a[href], button, input:not([type="hidden"]), select, textarea, summary, audio[controls], [tabindex="0"]';
  let count = 0;
  for (const control of document.querySelectorAll(wanted)) {
    if (control.disabled || !control.checkVisibility({ visibilityProperty: true }) || control.tabIndex < 0) continue;
    if (control.type === "radio") {
      if (groups.has(control.name)) continue;
      groups.add(control.name);
    }
    control.dataset.control = String(count++);
  }
  return count;
};

// Whether the focused element shows that it is.
const focused = () => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    control: element.dataset.control,
    html: element.outerHTML.slice(0, 160),
    // A player shows by itself which of its parts has the focus.
    marked: element.tagName === "AUDIO" || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1) || boxShadow !== "none",
    // What is focused has been brought into sight.
    inSight: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
};

for (const { path } of all) {
  test(`${path}: every control is reached by Tab, and shows it`, () =>
    visit(path, {}, async (page) => {
      await settle();
      const count = await page.evaluate(number);
      const reached = new Set();
      // Parts of an audio player are stops of their own.
      for (let presses = 0; presses < count + 30 && reached.size < count; presses++) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(focused);
        if (!at) continue;
        assert.ok(at.marked, at.html);
        // Live rows above it may have pushed it away for a moment.
        if (!at.inSight) await waitFor(`sight of ${at.html}`, async () => (await page.evaluate(focused))?.inSight, 20);
        // A list that is renewed while we walk has new controls.
        if (at.control !== undefined) reached.add(at.control);
      }
      const missed = await page.$$eval("[data-control]", (all, reached) => all.filter((one) => !reached.includes(one.dataset.control)).map((one) => one.outerHTML.slice(0, 160)), [...reached]);
      assert.deepEqual(missed, []);
    }));

  test(`${path}: the first Tab offers to skip the menu`, () =>
    visit(path, {}, async (page) => {
      await page.keyboard.press("Tab");
      const { html, marked, inSight } = await page.evaluate(focused);
      assert.match(html, /href="#main"/);
      assert.ok(marked && inSight, html);
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    }));
}

// What moves by style, and for how long.
const moving = () =>
  [...document.querySelectorAll("*")]
    .map((element) => {
      const { animationName, animationDuration, animationIterationCount, transitionDuration, scrollBehavior } = getComputedStyle(element);
      const longest = Math.max(...transitionDuration.split(", ").map(parseFloat), animationName === "none" ? 0 : parseFloat(animationDuration));
      return { html: element.outerHTML.slice(0, 120), longest, forever: animationName !== "none" && animationIterationCount === "infinite", scrollBehavior };
    })
    .filter(({ longest, forever, scrollBehavior }) => longest > 0.01 || forever || scrollBehavior === "smooth");

for (const { path } of all) {
  test(`${path}: nothing is animated for whom that disturbs, and nothing blinks for anybody`, async () => {
    assert.deepEqual(await visit(path, { still: true }, (page) => page.evaluate(moving)), []);
    const always = await visit(path, {}, (page) => page.evaluate(moving));
    assert.deepEqual(always.filter(({ forever }) => forever), []);
  });
}
