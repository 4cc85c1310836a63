// Tables that move, and are heard.
import assert from "node:assert/strict";
import test, { before } from "node:test";

import { call, get, waitFor } from "./api.js";
import { control, text, visit } from "./browser.js";

// A tone that rises from 200 to 3000 Hz and begins again, and its spectra: what is drawn of it is never the same for long.
before(async () => {
  const sweep = { sweep: { from: 200, to: 3000, duration: "8s" } };
  await call("PUT", "/table/rising", { body: { element: "sample", sampleRate: 8000, retention: "1m", source: { signal: sweep } } });
  const operations = [{ window: { size: 800 } }, { windowFunction: "hamming" }, { fft: { binCount: 1024 } }];
  await call("PUT", "/table/rising-spectrum", { body: { element: "sample", retention: "1m", operations, source: { table: "rising" } } });
  await waitFor("rows of spectra", async () => (await get("/table/rising-spectrum")).rows > 20);
});

// What a canvas shows, as the part of its pixels that have ink, and a sign that is another for another picture.
const drawn = (page, selector) =>
  page.$eval(selector, (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let inked = 0;
    let sign = 0;
    for (let at = 3; at < data.length; at += 4) {
      if (data[at]) inked++;
      sign = (sign * 31 + data[at] + data[at - 1] * 3 + data[at - 2] * 5) | 0;
    }
    return { inked: inked / (data.length / 4), sign };
  });

// That we look at pixels again and again is what the browser has a word of advice about.
const read = { expected: [/getImageData/] };

const moves = async (page, selector) => {
  await waitFor(`something in ${selector}`, async () => (await drawn(page, selector)).inked > 0.002);
  const signs = new Set();
  await waitFor(`${selector} in motion`, async () => signs.add((await drawn(page, selector)).sign).size >= 5);
};

test("a spectrum and its spectrogram move", () =>
  visit("/console/tables/rising-spectrum", read, async (page) => {
    await moves(page, "canvas[data-spectrum]");
    await moves(page, "canvas[data-spectrogram]");
    // What the picture shows is said in words as well, and the peak wanders with the tone.
    const peaks = new Set();
    await waitFor("another peak in words", async () => peaks.add(await text(page, "#spectrum-words")).size >= 3);
  }));

test("a waveform moves, and a click holds it", () =>
  visit("/console/tables/rising", read, async (page) => {
    await moves(page, "canvas[data-wave]");
    await control(page, "button", "Pause").click();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const held = (await drawn(page, "canvas[data-wave]")).sign;
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert.equal((await drawn(page, "canvas[data-wave]")).sign, held);
  }));

test("whom motion disturbs gets a picture a second at most", () =>
  visit("/console/tables/rising-spectrum", { ...read, still: true }, async (page) => {
    await waitFor("the spectrum", async () => (await drawn(page, "canvas[data-spectrum]")).inked > 0.002);
    const signs = new Set();
    const end = performance.now() + 3000;
    while (performance.now() < end) signs.add((await drawn(page, "canvas[data-spectrum]")).sign);
    assert.ok(signs.size <= 5, `${signs.size} pictures in three seconds`);
  }));

test("a table of samples can be listened to", () =>
  visit("/console/tables/sine", {}, async (page) => {
    await page.$eval("audio", (player) => {
      player.muted = true;
      return player.play();
    });
    await waitFor("sound", () => page.$eval("audio", (player) => player.currentTime > 0.5 && player.readyState >= 2));
    await page.$eval("audio", (player) => player.pause());
  }));

test("a spectrum is a picture without JavaScript too", () =>
  visit("/console/tables/rising-spectrum", { script: false }, async (page) => {
    const [picture] = await page.$$("noscript img, main img");
    assert.ok(picture, "there is a picture");
    assert.ok(await picture.evaluate((image) => image.complete && image.naturalWidth > 100));
  }));
