// The pictures of the documentation, which also are a look at pages that have been live for a while.
import test from "node:test";

import { picture, visit } from "./browser.js";
import { pages } from "./pages.js";

const all = (await pages()).filter(({ picture }) => picture);
const shots = [...all.map((page) => ({ ...page, dark: false })), { ...all[0], picture: `${all[0].picture}-dark`, dark: true }];

for (const { path, picture: name, dark } of shots) {
  test(`a picture of ${path}${dark ? " in dark" : ""}`, () =>
    visit(path, { dark }, async (page) => {
      // Rates and spectrograms have something to show by then.
      await new Promise((resolve) => setTimeout(resolve, 4000));
      await picture(page, name);
    }));
}
