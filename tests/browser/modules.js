// What comes from npm. It lies in the cache (tests/components/browser), where an import would not look for it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { setting } from "./setting.js";

const require = createRequire(`${setting("BROWSER_MODULES")}/package.json`);

export const puppeteer = require("puppeteer-core").default ?? require("puppeteer-core");
export const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
