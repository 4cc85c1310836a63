// What is live on the pages of load tests: parts that say so are asked for again every few seconds, as long as they do.
"use strict";

let passed = 0;
setInterval(() => {
  passed += 1;
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[data-renew]")) {
    if (passed % Number(part.dataset.renew) === 0) renew(part);
  }
}, 1000);
