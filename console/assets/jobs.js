// What is live on the pages of jobs.
"use strict";

// ---- the list: files come and grow

if (document.querySelector('[data-list="files"]')) {
  setInterval(() => {
    const files = document.querySelector('[data-list="files"]');
    if (!document.hidden) renew(files);
  }, 5000);
}

// ---- one job

const jobPart = () => document.querySelector("[data-job]");

const renderJob = (part, job) => {
  renderItem(part, job);
  for (const bar of part.querySelectorAll("[data-progress]")) bar.value = job[bar.dataset.progress];
  const passed = part.querySelector("[data-job-time]"), clock = part.querySelector("[data-clock-now]"), most = part.querySelector("[data-most]");
  if (passed) passed.textContent = shown.span(Math.floor(job.runTime));
  const moment = new Date(Number(part.dataset.start) + job.runTime * 1000);
  if (clock && !Number.isNaN(moment.getTime())) clock.textContent = moment.toISOString().replace("T", " ").slice(0, 23);
  if (most) most.textContent = shown.rate(Math.max(0, ...job.rates));
};

// A job that is no longer there has been stopped, here or elsewhere.
const renderGone = (part) => {
  if (part.dataset.state === "STOPPED") return;
  part.dataset.state = "STOPPED";
  const state = part.querySelector('[data-field="state"]'), message = part.querySelector('[data-field="message"]');
  if (state) { state.textContent = "stopped"; state.className = "badge stopped"; }
  if (message) message.textContent = "The job is no longer on the list; what it wrote stays.";
  for (const button of part.querySelectorAll("button")) button.disabled = true;
};

const renderRecords = async (part) => {
  const list = document.querySelector("[data-records]");
  if (!list) return;
  try {
    const answer = await fetch(`${part.dataset.address}/records`, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const { records } = await answer.json();
    if (!records) return;
    document.querySelector("[data-no-records]").hidden = records.length > 0;
    list.parentElement.hidden = records.length === 0;
    list.replaceChildren(...records.map((record) => {
      const item = document.createElement("li"), text = document.createElement("code");
      text.textContent = record;
      item.append(text);
      return item;
    }));
  } catch { say("Not connected; trying again"); }
};

if (jobPart()) {
  follow("/live", {
    now: (now) => {
      const part = jobPart(), job = now.jobs.find((job) => job.name === part.dataset.job);
      // As many as are listed at most: it may be one of those that are not.
      if (!job) { if (now.jobs.length < 100) renderGone(part); return; }
      if (job.status !== part.dataset.state) { renew(part); renderRecords(part); }
      renderJob(part, job);
    },
  });
  setInterval(() => {
    const part = jobPart();
    if (!document.hidden && part.dataset.state === "RUNNING") renderRecords(part);
  }, 2000);
}

// ---- the form that starts one

const startForm = document.getElementById("start");

const showMistakes = (mistakes) => {
  const fields = new Map();
  const elsewhere = mistakes.filter(({ field, problem }) => {
    if (field) fields.set(field, [...(fields.get(field) || []), problem]);
    return !field;
  });
  // What the preview says nothing of, such as a name that is taken, stays until the form is sent again.
  for (const name of ["specification", "total_events", "time", "clock", "start", "concurrency", "seed"]) {
    const field = document.getElementById(name), text = document.getElementById(`${name}-wrong`), problems = fields.get(name);
    if (!field || !text) continue;
    text.textContent = (problems || []).join("; ");
    text.hidden = !problems;
    if (problems) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
  }
  const list = document.getElementById("config-wrong"), editor = document.getElementById("config");
  const sign = JSON.stringify(elsewhere);
  if (list.dataset.sign !== sign) {
    list.dataset.sign = sign;
    list.replaceChildren(...elsewhere.map(({ path, problem }) => {
      const item = document.createElement("li"), place = document.createElement("code");
      place.textContent = path;
      item.append(...(path ? [place, `: ${problem}`] : [problem]));
      return item;
    }));
  }
  if (elsewhere.length) editor.setAttribute("aria-invalid", "true"); else editor.removeAttribute("aria-invalid");
};

if (startForm) {
  const editor = document.getElementById("config"), choice = document.getElementById("specification");
  const output = document.getElementById("preview"), hint = document.getElementById("preview-hint");
  let waiting = null, asked = 0;

  const preview = async () => {
    const number = ++asked;
    if (!editor.value.trim()) {
      showMistakes([]);
      output.hidden = true;
      hint.hidden = false;
      return;
    }
    try {
      const answer = await fetch(startForm.dataset.preview, { method: "POST", body: new URLSearchParams(new FormData(startForm)) });
      if (number !== asked) return; // Something else has been typed meanwhile.
      if (!answer.ok) {
        say(answer.status === 413 ? "Too long for a preview" : "No preview: load the page again");
        return;
      }
      const { records, mistakes } = await answer.json();
      if (number !== asked) return;
      say("");
      showMistakes(mistakes);
      // The last good preview stays while somebody types.
      if (records !== null) {
        output.textContent = records || "No records.";
        output.hidden = false;
        hint.hidden = true;
      }
    } catch { say("Not connected; no preview"); }
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(preview, 400); };

  choice.addEventListener("change", async () => {
    if (!choice.value) { startForm.elements.shown.value = ""; return; }
    const answer = await fetch(`${startForm.dataset.specification}?specification=${encodeURIComponent(choice.value)}`).catch(() => null);
    if (!answer?.ok) { say("The specification could not be loaded"); return; }
    const name = choice.value.split("/").pop().replace(/\.json$/, ""), former = startForm.elements.name, path = startForm.elements.path;
    // Names that follow from the specification before follow this one; others are somebody's own.
    const before = startForm.elements.shown.value.split("/").pop().replace(/\.json$/, "");
    if (!former.value || former.value === before) former.value = name;
    if (!path.value || path.value === `${before}.json`) path.value = `${name}.json`;
    editor.value = await answer.text();
    startForm.elements.shown.value = choice.value;
    preview();
  });
  startForm.addEventListener("input", (event) => { if (event.target !== choice) soon(); });
  for (const button of startForm.querySelectorAll("[data-plain]")) button.hidden = true;
  hint.textContent = "What a job would write is shown here while you type.";
  preview();
}
