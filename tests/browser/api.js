// The server's API, for what a test makes before it looks at it.
import assert from "node:assert/strict";

import { server } from "./setting.js";

export const call = async (method, path, { body, headers = {}, wanted = [200, 201, 204] } = {}) => {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const json = typeof body === "object" ? { "content-type": "application/json" } : {};
  const answer = await fetch(server + path, { method, body: text, headers: { ...json, ...headers } });
  const said = await answer.text();
  assert.ok(wanted.includes(answer.status), `${method} ${path}: ${answer.status} ${said}`);
  try {
    return JSON.parse(said);
  } catch {
    return said;
  }
};

export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { body, ...options });

// Asks again and again until there is an answer that is not nothing.
export const waitFor = async (what, ask, seconds = 20) => {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
