// What is live on the pages of tables: pictures that move. The server sends what they show (console/src/tables/watch.rs).
"use strict";

// Moments in nanoseconds, as console/src/tables/words.rs says them.
shown.marker = (nanos) => (nanos === null ? "" : `${(nanos / 1e9).toFixed(3)} s`);

// ---- the form: only what goes with the source that is chosen

const defining = document.querySelector("[data-define]");
if (defining) {
  const choose = () => {
    for (const part of defining.querySelectorAll("[data-source]")) part.hidden = part.dataset.source !== defining.elements.from.value;
    for (const part of defining.querySelectorAll("[data-of]")) part.hidden = part.dataset.of !== defining.elements.element.value;
  };
  defining.addEventListener("change", choose);
  choose();
}

// ---- drawing

const STROKES = ["--accent", "--bad", "--good", "--warn", "--text", "--faint"];
// As bright as they are great, and told apart by most eyes: the map known as viridis.
const SHADES = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
const shade = (share) => {
  const place = Math.min(Math.max(share, 0), 1) * (SHADES.length - 1), at = Math.min(Math.floor(place), SHADES.length - 2);
  return SHADES[at].map((from, part) => Math.round(from + (SHADES[at + 1][part] - from) * (place - at)));
};

// Places of an axis: round numbers, a handful.
const ticks = (low, high, most) => {
  const raw = (high - low) / most, unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * unit).find((wide) => wide >= raw) || unit * 10;
  const places = [], digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-6; at += 1) places.push([at * step, (at * step).toFixed(digits).replace("-", "\u2212")]);
  return places;
};

// A canvas with its axes: answers what places values, in the pixels of the screen.
const chart = (canvas, across, up, labels, room = 0) => {
  const fine = window.devicePixelRatio || 1, wide = canvas.clientWidth, tall = canvas.clientHeight;
  if (canvas.width !== Math.round(wide * fine)) canvas.width = Math.round(wide * fine);
  if (canvas.height !== Math.round(tall * fine)) canvas.height = Math.round(tall * fine);
  const pen = canvas.getContext("2d"), style = getComputedStyle(canvas), colour = (name) => style.getPropertyValue(name).trim();
  pen.setTransform(fine, 0, 0, fine, 0, 0);
  pen.clearRect(0, 0, wide, tall);
  const left = 56, right = wide - 24 - room, top = 18, bottom = tall - 34;
  const x = (value) => left + ((value - across[0]) / (across[1] - across[0])) * (right - left);
  const y = (value) => bottom - ((value - up[0]) / (up[1] - up[0])) * (bottom - top);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = colour("--faint");
  pen.strokeStyle = colour("--line");
  pen.lineWidth = 1;
  pen.textAlign = "center";
  for (const [value, text] of ticks(across[0], across[1], Math.max(2, Math.floor((right - left) / 90)))) {
    pen.beginPath(); pen.moveTo(x(value), top); pen.lineTo(x(value), bottom); pen.stroke();
    pen.fillText(text, x(value), bottom + 14);
  }
  pen.fillText(labels[0], (left + right) / 2, bottom + 29);
  pen.textAlign = "right";
  for (const [value, text] of ticks(up[0], up[1], Math.max(2, Math.floor((bottom - top) / 34)))) {
    pen.beginPath(); pen.moveTo(left, y(value)); pen.lineTo(right, y(value)); pen.stroke();
    pen.fillText(text, left - 6, y(value) + 4);
  }
  pen.textAlign = "left";
  pen.fillText(labels[1], 4, 12);
  return { pen, colour, x, y, left, right, top, bottom };
};

const finite = (values) => values.filter((value) => value !== null);

const drawWave = (canvas, frame) => {
  if (!frame.lines) return;
  let low = Math.min(...frame.lines.flatMap((line) => finite(line.low))), high = Math.max(...frame.lines.flatMap((line) => finite(line.high)));
  if (!Number.isFinite(low)) [low, high] = [-1, 1];
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  const count = Math.max(...frame.lines.map((line) => line.low.length), 2);
  const { pen, colour, x, y, left, top } = chart(canvas, [frame.begin, frame.begin + frame.step * count], [low - air, high + air], ["seconds", "value"]);
  frame.lines.forEach((line, number) => {
    pen.strokeStyle = colour(STROKES[number % STROKES.length]);
    pen.lineWidth = 1.5;
    pen.beginPath();
    let joined = false, before = 0;
    // What lies further apart than a few columns is sparse, and not broken.
    line.low.forEach((least, column) => {
      if (least === null) { if (frame.lines.length === 1 && line.low.length > 60) joined = false; return; }
      const at = x(frame.begin + frame.step * (column + 0.5));
      const greatest = line.high[column];
      // From the end that is nearer to where the line is.
      const [first, second] = joined && Math.abs(before - greatest) < Math.abs(before - least) ? [greatest, least] : [least, greatest];
      if (joined) pen.lineTo(at, y(first)); else pen.moveTo(at, y(first));
      if (second !== first) pen.lineTo(at, y(second)); else if (!joined) pen.lineTo(at + 0.5, y(first));
      [joined, before] = [true, second];
    });
    pen.stroke();
    if (frame.lines.length > 1) {
      pen.fillStyle = colour(STROKES[number % STROKES.length]);
      pen.fillText(line.name, left + 8, top + 14 + number * 15);
    }
  });
};

const drawSpectrum = (canvas, spectrum) => {
  if (!spectrum) return;
  const present = finite(spectrum.points), top = present.length ? Math.max(...present) : 0;
  const high = Math.max(0, Math.ceil(top / 10) * 10), low = high - 120;
  const { pen, colour, x, y } = chart(canvas, [0, spectrum.step * spectrum.points.length], [low, high + 3], ["Hz", "dB"]);
  pen.strokeStyle = colour("--accent");
  pen.lineWidth = 1.5;
  pen.beginPath();
  spectrum.points.forEach((level, point) => {
    const at = [x(spectrum.step * point), y(Math.max(level ?? low, low))];
    if (point) pen.lineTo(...at); else pen.moveTo(...at);
  });
  pen.stroke();
  if (spectrum.peak) {
    const [hertz, level] = spectrum.peak;
    pen.fillStyle = colour("--bad");
    pen.beginPath(); pen.arc(x(hertz), y(Math.max(level, low)), 4, 0, 2 * Math.PI); pen.fill();
    pen.fillStyle = colour("--text");
    pen.fillText(`${hertz >= 100 ? hertz.toFixed(0) : hertz.toFixed(1)} Hz`, x(hertz) + 8, y(Math.max(level, low)) + 4);
  }
};

// Columns by their numbers: the server sends each when it is new, or has changed.
const columns = new Map();
const keepColumns = (spectrogram) => {
  if (!spectrogram) return;
  for (const [number, cells] of spectrogram.columns) columns.set(number, Uint8Array.from(atob(cells), (letter) => letter.charCodeAt(0)));
  const newest = Math.max(...columns.keys());
  for (const number of columns.keys()) if (newest - number >= spectrogram.most) columns.delete(number);
};

const small = document.createElement("canvas");
const drawSpectrogram = (canvas, frame) => {
  if (!frame.spectrogram || !columns.size || !frame.spectrum) return;
  const most = frame.spectrogram.most, newest = Math.max(...columns.keys()), oldest = newest - most + 1;
  const cells = columns.get(newest).length;
  let top = -Infinity;
  for (const column of columns.values()) for (const cell of column) if (cell > top) top = cell;
  const high = top + frame.spectrogram.darkest, low = high - 100;
  small.width = most; small.height = cells;
  const ink = small.getContext("2d"), image = ink.createImageData(most, cells);
  const tints = Array.from({ length: 256 }, (_, cell) => shade((cell + frame.spectrogram.darkest - low) / (high - low)));
  // Windows may be further apart than columns are wide: each lasts until the next one.
  let last = null;
  for (let number = oldest; number <= newest; number += 1) {
    last = columns.get(number) || last;
    if (!last) continue;
    for (let cell = 0; cell < cells; cell += 1) {
      const at = ((cells - 1 - cell) * most + (number - oldest)) * 4, tint = tints[last[cell] ?? 0];
      image.data[at] = tint[0]; image.data[at + 1] = tint[1]; image.data[at + 2] = tint[2]; image.data[at + 3] = 255;
    }
  }
  ink.putImageData(image, 0, 0);
  const span = [oldest * frame.step, (newest + 1) * frame.step], hertz = frame.spectrum.step * frame.spectrum.points.length;
  const { pen, colour, left, right, top: above, bottom } = chart(canvas, span, [0, hertz], ["seconds", "Hz"], 74);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, left, above, right - left, bottom - above);
  for (let at = 0; at < 50; at += 1) {
    pen.fillStyle = `rgb(${shade(at / 49).join(" ")})`;
    pen.fillRect(right + 14, bottom - ((at + 1) / 50) * (bottom - above), 12, (bottom - above) / 50 + 1);
  }
  pen.fillStyle = colour("--faint");
  for (const level of [low, (low + high) / 2, high]) {
    pen.fillText(`${level.toFixed(0).replace("-", "\u2212")} dB`, right + 30, bottom - ((level - low) / (high - low)) * (bottom - above) + 4);
  }
};

// ---- what is watched

const watched = document.querySelector("[data-watch]");
if (watched) {
  const part = (name) => watched.querySelector(`[data-${name}]`);
  const pictures = part("pictures"), pause = part("pause"), move = part("move"), ended = part("ended");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let paused = false, moving = !calm.matches, latest = null, drawn = 0, waiting = false;
  const tell = (name, text) => { const place = watched.querySelector(`[data-words="${name}"]`); if (place) place.textContent = text || ""; };
  const draw = () => {
    waiting = false;
    if (!latest || paused || document.hidden) return;
    drawn = performance.now();
    if (part("wave")) { drawWave(part("wave"), latest); tell("wave", latest.words); }
    if (part("spectrum") && latest.spectrum) { drawSpectrum(part("spectrum"), latest.spectrum); tell("spectrum", latest.spectrum.words); }
    if (part("spectrogram")) drawSpectrogram(part("spectrogram"), latest);
    const rows = document.querySelector("[data-rows]");
    if (rows && latest.rows) {
      rows.replaceChildren(...latest.rows.map(([at, text]) => {
        const row = document.createElement("tr"), begin = document.createElement("td"), what = document.createElement("td"), code = document.createElement("code");
        begin.className = "number"; begin.textContent = shown.marker(at * 1e9);
        what.className = "wide"; code.textContent = text; what.append(code);
        row.append(begin, what);
        return row;
      }).reverse());
    }
  };
  // Whoever wants little motion gets a picture a second.
  const soon = () => {
    if (waiting) return;
    waiting = true;
    const wait = moving ? 0 : Math.max(0, 1000 - (performance.now() - drawn));
    setTimeout(() => requestAnimationFrame(draw), wait);
  };
  const close = follow(watched.dataset.watch, {
    frame: (frame) => {
      latest = frame;
      keepColumns(frame.spectrogram);
      if (pictures) pictures.hidden = false;
      watched.querySelector("[data-none]")?.remove();
      if (frame.about) {
        for (const field of document.querySelectorAll("[data-about-field]")) write(field, frame.about[field.dataset.aboutField]);
      }
      soon();
    },
    end: ({ why }) => {
      close();
      if (ended) ended.textContent = why === "removed" ? "The table was deleted: nothing comes any more." : "The table is finished: nothing comes any more.";
      const state = document.querySelector("[data-state]");
      if (state) state.textContent = why === "removed" ? "deleted" : "finished";
    },
  });
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => { paused = !paused; pause.textContent = paused ? "Go on" : "Pause"; soon(); });
    const offer = () => { move.hidden = !calm.matches; moving = !calm.matches; move.textContent = "Let it move"; };
    move.addEventListener("click", () => { moving = !moving; move.textContent = moving ? "Slow down" : "Let it move"; soon(); });
    calm.addEventListener("change", offer);
    offer();
    watched.querySelector("#span").addEventListener("change", (event) => event.target.form.requestSubmit());
    window.addEventListener("resize", soon);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", soon);
  }
}
