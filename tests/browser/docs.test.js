// The description of the API, as a page.
import assert from "node:assert/strict";
import test from "node:test";

import { get, waitFor } from "./api.js";
import { text, visit } from "./browser.js";

test("the description is read as a page, with every group and one operation unfolded", async () => {
  const { tags, paths } = await get("/openapi.json");
  await visit("/docs/", {}, async (page) => {
    await page.waitForSelector(".opblock-tag", { timeout: 30_000 });
    const shown = await page.$$eval(".opblock-tag", (groups) => groups.map((group) => group.dataset.tag));
    for (const { name } of tags) assert.ok(shown.includes(name), `${name} in ${shown}`);
    for (const name of shown) await page.click(`.opblock-tag[data-tag="${name}"] button`);
    await waitFor("the operations", async () => (await page.$$(".opblock")).length >= Object.keys(paths).length);
    await page.click(".opblock .opblock-summary-control");
    await waitFor("the operation's answers", () => page.$(".opblock .responses-table"));
    assert.doesNotMatch(await text(page), /resolver error|failed to load/i);
  });
});
