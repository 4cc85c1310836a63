// Opens pages in Chromium, and hears whatever a page complains of: errors of scripts, of the console and of the network, and what our
// own content security policy forbids. Any of them fails the test that opened the page.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before } from "node:test";

import { axeSource, puppeteer } from "./modules.js";
import { server, setting } from "./setting.js";

// The size of pictures, and that of a small telephone.
export const wide = { width: 1280, height: 800 };
export const narrow = { width: 360, height: 740 };

let browser;

before(async () => {
  // Chromium's sandbox wants a user that is not root.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await puppeteer.launch({
    executablePath: setting("CHROMIUM"),
    headless: true,
    args: [...sandbox, "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en"],
  });
});

after(() => browser?.close());

// Opens a page of its own, without cookies of others; hands it to `look`; and checks at the end that it complained of nothing but what
// `expected` (regular expressions) names.
export const visit = async (path, options, look = async () => {}) => {
  const { at = server, size = wide, dark = false, still = false, script = true, expected = [] } = options;
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    const complaints = [];
    listen(page, complaints);
    await page.evaluateOnNewDocument(tellOfViolations);
    await page.setViewport(size);
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: dark ? "dark" : "light" },
      { name: "prefers-reduced-motion", value: still ? "reduce" : "no-preference" },
    ]);
    await page.setJavaScriptEnabled(script);
    // A page that is live is never done with the network.
    if (path !== null) await page.goto(at + path, { waitUntil: "load" });
    const outcome = await look(page, complaints);
    const unexpected = complaints.filter((complaint) => !expected.some((pattern) => pattern.test(complaint)));
    assert.deepEqual(unexpected, [], `what ${path} complained of`);
    return outcome;
  } finally {
    await context.close();
  }
};

const listen = (page, complaints) => {
  page.on("console", (message) => {
    if (["error", "warn", "assert"].includes(message.type())) {
      const { url = "" } = message.location() ?? {};
      complaints.push(`console ${message.type()}: ${message.text()} ${url}`.trim());
    }
  });
  page.on("pageerror", (error) => complaints.push(`script: ${error?.stack ?? error}`));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    // The page was left while it was still listening or asking.
    if (why !== "net::ERR_ABORTED") complaints.push(`request: ${request.method()} ${request.url()}: ${why}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`response: ${response.status()} ${response.url()}`);
  });
};

// Runs in the page. Some violations are written to the console as well; they are all told of here.
const tellOfViolations = () => {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI || event.sample}`);
  });
};

// What axe finds that keeps people from using the page. The checker comes in from outside, so that it needs no exception of our policy.
export const check = async (page) => {
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.slice(0, 5).map((node) => `${node.html} | ${node.any[0]?.message ?? ""}`) }));
  });
  return found.filter(({ impact }) => ["serious", "critical"].includes(impact));
};

// Keeps a picture for the documentation, where it is wanted.
export const picture = async (page, name) => {
  const folder = setting("SCREENSHOTS");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/console-${name}.png`, optimizeForSpeed: false });
};

export const text = (page, selector = "body") => page.$eval(selector, (element) => element.innerText);

// What a script does first has been done by then.
export const settle = () => new Promise((resolve) => setTimeout(resolve, 500));

// The control of this role and name, as somebody finds it who cannot see the page.
export const control = (page, role, name) => page.locator(`::-p-aria([name="${name}"][role="${role}"])`);

// Presses a button, or follows a link, and waits for the page that it leads to.
export const press = (page, name, role = "button") => Promise.all([page.waitForNavigation({ waitUntil: "load" }), control(page, role, name).click()]);
