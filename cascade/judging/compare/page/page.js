"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const MISS = 1e8;
  const SVG = "http://www.w3.org/2000/svg";
  const $ = (id) => document.getElementById(id);
  const labels = data.models.map((model) => model.label);
  const state = {
    points: Object.keys(data.points)[0],
    subset: Object.keys(data.subsets)[0],
    shown: new Set(labels),
    sort: { key: "nme", down: false },
    gallery: null,
    kinds: new Set(["worst", "median", "best"]),
    layers: new Set(["truth", "found"]),
  };

  // ------------------------------------------------------------------ small helpers

  /** An HTML element; `content` is text or children. */
  function el(tag, attributes = {}, ...content) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...content);
    return node;
  }
  function svg(tag, attributes = {}, ...content) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...content);
    return node;
  }
  const color = (label) => `var(--c${labels.indexOf(label) % 7})`;
  const dash = (label) => ["", "7 4", "2 3"][Math.floor(labels.indexOf(label) / 7) % 3];
  const percent = (x, digits = 2) => (x === null || x === undefined ? "–" : (100 * x).toFixed(digits));
  const number = (x) =>
    x === null || x === undefined ? "–" : x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toFixed(3);
  const quantile = (sorted, q) => {
    const at = q * (sorted.length - 1), low = Math.floor(at);
    return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
  };
  /** Round steps that cut [0, top] in about n. */
  function ticks(low, high, n) {
    const raw = (high - low) / n, power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= raw);
    const out = [];
    for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-9; t += step) out.push(+t.toPrecision(6));
    return out;
  }
  const rivals = () => Object.keys(data.errors[state.points]);
  const visible = () => rivals().filter((label) => state.shown.has(label));
  const faces = () => data.subsets[state.subset];
  const known = (label) =>
    faces().map((i) => data.errors[state.points][label][i]).filter((e) => e !== null);
  const swatch = (label) => el("span", { class: "swatch", style: `background:${color(label)}` });

  function chip(text, checked, change, mark) {
    const box = el("input", { type: "checkbox", value: text });
    box.checked = checked;
    box.addEventListener("change", () => change(box.checked));
    return el("label", { class: "chip" }, box, ...(mark ? [mark] : []), text);
  }

  // ------------------------------------------------------------------ tables

  /** Fill a table; columns are {key, head, text(row), value(row), title}. */
  function fill(id, columns, rows, sort, onSort) {
    const head = el("tr");
    for (const column of columns) {
      const button = el("button", { type: "button", title: column.title }, column.head);
      button.addEventListener("click", () => onSort(column.key));
      const order = sort.key === column.key ? (sort.down ? "descending" : "ascending") : "none";
      head.append(el("th", { scope: "col", "aria-sort": order, "data-key": column.key }, button));
    }
    const at = columns.find((column) => column.key === sort.key) ?? columns[0];
    const sorted = [...rows].sort((a, b) => {
      const x = at.value(a), y = at.value(b);
      if (x === null || y === null) return (x === null) - (y === null);
      const order = typeof x === "string" ? x.localeCompare(y) : x - y;
      return sort.down ? -order : order;
    });
    const body = sorted.map((row) => {
      const line = el("tr", { "data-model": row.model });
      for (const column of columns) line.append(column.cell(row));
      return line;
    });
    $(id).tHead.replaceChildren(head);
    $(id).tBodies[0].replaceChildren(...body);
  }
  const resort = (sort, key) => {
    sort.down = sort.key === key ? !sort.down : false;
    sort.key = key;
  };
  const nameCell = (label, seen) => {
    const name = el("span", { class: "name" }, swatch(label), label);
    if (seen) name.append(el("span", { class: "tag", title: seen }, "may have seen these faces"));
    return el("td", {}, name);
  };

  /** The best of a column, if there is a difference to speak of. */
  function top(values, low) {
    const there = values.filter((x) => x !== null && x !== undefined);
    const least = Math.min(...there), most = Math.max(...there);
    return least < most ? (low ? least : most) : NaN;
  }

  function drawSummary() {
    const rows = data.rows.filter(
      (row) => row.points === state.points && row.subset === state.subset && state.shown.has(row.model));
    const best = (key, low) => top(rows.map((row) => row[key]), low);
    const plain = (key, head, text, title, low = true) => {
      const least = best(key, low);
      return {
        key, head, title, value: (row) => row[key],
        cell: (row) => el("td", row[key] === least ? { class: "best" } : {}, text(row[key])),
      };
    };
    const interval = (key, head, digits, title, low) => {
      const least = best(key, low);
      return {
        key, head, title, value: (row) => row[key],
        cell: (row) => {
          const ends = row[`${key}_low`] === null ? "" :
            `${percent(row[`${key}_low`], digits)}–${percent(row[`${key}_high`], digits)}`;
          return el("td", row[key] === least ? { class: "best" } : {},
            percent(row[key], digits), el("span", { class: "ci" }, ends));
        },
      };
    };
    fill("summary", [
      { key: "model", head: "Model", title: "", value: (row) => row.model, cell: (row) => nameCell(row.model, row.seen) },
      interval("nme", "NME %", 2, "Mean error over found faces, with its 95 % interval", true),
      plain("median", "Median %", (x) => percent(x), "Median error, misses counted"),
      interval("auc08", "AUC@8 %", 1, "Area under the cumulative error curve up to 8 %", false),
      plain("fr08", "FR@8 %", (x) => percent(x, 1), "Share of faces above 8 %, misses counted"),
      plain("ms_per_face", "ms a face", number, "Median wall time on one thread"),
      plain("cpu_ms_per_face", "CPU ms", number, "Median CPU time of a face, of all threads"),
      plain("megabytes", "MB", number, "Size of the model's files"),
      plain("load_seconds", "Load s", number, "Import of its library and reading of its files"),
      plain("misses", "Misses", String, "Faces for which it gave no answer"),
      ...(data.without_box ? [plain("no_box", "No box", String, "Faces that the detector missed: failures of every model")] : []),
    ], rows, state.sort, (key) => { resort(state.sort, key); drawSummary(); });
    const n = rows.length ? rows[0].n : 0;
    const notes = [
      `${n} faces, ${data.points[state.points]}. Errors in % of the ${data.normalizer} distance.`,
      ...data.models.filter((m) => m.seen && visible().includes(m.label)).map((m) => `${m.label}: ${m.seen}.`),
      ...Object.entries(data.problems).map(([label, text]) => `${label} failed on a face: ${text}`),
    ];
    const elsewhere = labels.filter((label) => !rivals().includes(label));
    if (elsewhere.length) notes.push(`On fewer points only: ${elsewhere.join(", ")}; choose the points above.`);
    $("summary-note").replaceChildren(...notes.map((text) => el("span", {}, text)));
  }

  const pairSort = { key: "p_holm", down: false };
  function drawPairs() {
    const rows = data.pairs.filter(
      (row) => row.points === state.points && state.shown.has(row.model) && state.shown.has(row.other));
    $("pairs-section").hidden = !rows.length;
    const column = (key, head, text) => ({ key, head, value: (row) => row[key], cell: (row) => el("td", {}, text(row)) });
    const p = (x) => (x < 1e-4 ? "< 0.0001" : x.toFixed(4));
    fill("pairs", [
      { key: "model", head: "Model", value: (row) => row.model, cell: (row) => nameCell(row.model) },
      { key: "other", head: "Against", value: (row) => row.other,
        cell: (row) => { const cell = nameCell(row.other); cell.style.textAlign = "left"; return cell; } },
      { key: "difference", head: "Difference (points of %)", value: (row) => row.difference,
        cell: (row) => el("td", {}, row.difference === null ? "–" : `${row.difference > 0 ? "+" : "−"}${percent(Math.abs(row.difference))}`,
          el("span", { class: "ci" }, row.low === null ? "" : `${percent(row.low)} to ${percent(row.high)}`)) },
      column("wins", "Better on", (row) => String(row.wins)),
      column("losses", "Worse on", (row) => String(row.losses)),
      column("p_holm", "p (Holm)", (row) => p(row.p_holm)),
    ], rows, pairSort, (key) => { resort(pairSort, key); drawPairs(); });
  }

  // ------------------------------------------------------------------ charts

  /** Axes of a chart: scales from [x0, x1] × [y0, y1] to pixels. */
  function chart(options) {
    const { width = 520, height = 330, x, y, title } = options;
    const left = 46, right = 16, top = 12, bottom = 44;
    const at = (scale, value) => (scale.log ? Math.log(value / scale.low) / Math.log(scale.high / scale.low) : (value - scale.low) / (scale.high - scale.low));
    const px = (v) => left + at(x, v) * (width - left - right);
    const py = (v) => height - bottom - at(y, v) * (height - top - bottom);
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
    for (const t of y.ticks) {
      root.append(svg("line", { class: "axis", x1: left, x2: width - right, y1: py(t), y2: py(t) }),
        svg("text", { x: left - 7, y: py(t) + 4, "text-anchor": "end" }, y.text(t)));
    }
    for (const t of x.ticks) {
      root.append(svg("line", { class: "axis", x1: px(t), x2: px(t), y1: height - bottom, y2: height - bottom + 5 }),
        svg("text", { x: px(t), y: height - bottom + 19, "text-anchor": "middle" }, x.text(t)));
    }
    root.append(svg("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, x.label));
    if (y.label) root.append(svg("text", { transform: `translate(11 ${(height - bottom + top) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label));
    return { root, px, py, width, height, left, right, top, bottom };
  }
  const whole = (t) => String(+t.toPrecision(4));

  function drawCed() {
    const limit = data.threshold;
    const c = chart({
      title: "Cumulative error distribution",
      x: { low: 0, high: 100 * limit, ticks: ticks(0, 100 * limit, 8), text: whole, label: "Normalised mean error (%)" },
      y: { low: 0, high: 100, ticks: [0, 20, 40, 60, 80, 100], text: whole, label: "Faces (%)" },
    });
    const lost = state.subset === Object.keys(data.subsets)[0] ? data.without_box : 0;
    for (const label of visible()) {
      const errors = known(label).sort((a, b) => a - b);
      const n = errors.length + lost;
      let path = `M${c.px(0)},${c.py(0)}`, reached = 0;
      for (const error of errors) {
        if (error > limit) break;
        reached += 1;
        path += `H${c.px(100 * error).toFixed(1)}V${c.py((100 * reached) / n).toFixed(1)}`;
      }
      path += `H${c.px(100 * limit)}`;
      const line = svg("path", { class: "curve", d: path, "data-model": label, style: `stroke:${color(label)}`, "stroke-dasharray": dash(label) });
      line.append(svg("title", {}, `${label}: ${((100 * reached) / n).toFixed(1)} % of faces within ${whole(100 * limit)} %`));
      c.root.append(line);
    }
    visible().forEach((label, k) => {
      const y = c.height - c.bottom - 14 - 18 * (visible().length - 1 - k);
      c.root.append(
        svg("line", { x1: c.width - c.right - 26, x2: c.width - c.right - 4, y1: y - 4, y2: y - 4, class: "curve", style: `stroke:${color(label)}`, "stroke-dasharray": dash(label) }),
        svg("text", { class: "halo", x: c.width - c.right - 32, y, "text-anchor": "end" }, label));
    });
    $("ced").replaceChildren(c.root);
  }

  function drawCost() {
    const rows = data.rows.filter((row) => row.points === state.points && row.subset === state.subset &&
      state.shown.has(row.model) && row.nme !== null);
    if (!rows.length) return $("cost").replaceChildren();
    const times = rows.map((row) => row.cpu_ms_per_face);
    const low = 10 ** Math.floor(Math.log10(Math.min(...times) * 0.8));
    const high = Math.max(10 ** Math.ceil(Math.log10(Math.max(...times) * 1.25)), 10 * low);
    const decades = [];
    for (let t = low; t <= high * 1.01; t *= 10) decades.push(+t.toPrecision(3));
    const top = 100 * Math.max(...rows.map((row) => row.nme_high ?? row.nme));
    const bottom = 100 * Math.min(...rows.map((row) => row.nme_low ?? row.nme));
    const pad = Math.max(0.15, (top - bottom) * 0.15);
    const y = { low: Math.max(0, bottom - pad), high: top + pad, text: whole, label: "NME (%)" };
    y.ticks = ticks(y.low, y.high, 5);
    const c = chart({ title: "Error against time", y, x: { low, high, log: true, ticks: decades, text: whole, label: "CPU milliseconds a face (log)" } });
    for (const row of rows) {
      const x = c.px(row.cpu_ms_per_face), at = c.py(100 * row.nme);
      const mark = svg("g", { "data-model": row.model, style: `stroke:${color(row.model)};fill:${color(row.model)}` });
      if (row.nme_low !== null) mark.append(svg("line", { x1: x, x2: x, y1: c.py(100 * row.nme_low), y2: c.py(100 * row.nme_high), "stroke-width": 2 }));
      mark.append(svg("circle", { cx: x, cy: at, r: 6, stroke: "none" }),
        svg("title", {}, `${row.model}: ${percent(row.nme)} %, ${number(row.cpu_ms_per_face)} ms of CPU`));
      c.root.append(mark);
    }
    // Names stand to the right of their dots, or where nothing else stands yet.
    const taken = rows.map((row) => {
      const x = c.px(row.cpu_ms_per_face), y = c.py(100 * row.nme);
      return [x - 7, y - 7, x + 7, y + 7];
    });
    const free = (box) => box[0] >= 0 && box[2] <= c.width &&
      taken.every((other) => box[2] < other[0] || other[2] < box[0] || box[3] < other[1] || other[3] < box[1]);
    for (const row of rows) {
      const x = c.px(row.cpu_ms_per_face), y = c.py(100 * row.nme), long = 7.5 * row.model.length;
      const places = [[x + 11, y], [x - 11 - long, y], [x + 5, y - 16], [x + 5, y + 16], [x - 5 - long, y - 16], [x - 5 - long, y + 16]];
      const boxes = places.map(([left, middle]) => [left, middle - 8, left + long, middle + 8]);
      const box = boxes.find(free) ?? boxes[0];
      taken.push(box);
      const before = box[0] < x - long / 2;
      c.root.append(svg("text", { class: "strong halo", x: before ? box[2] : box[0], y: (box[1] + box[3]) / 2 + 4, "text-anchor": before ? "end" : "start" }, row.model));
    }
    $("cost").replaceChildren(c.root);
  }

  // Shade between two of the five steps of the ramp.
  const ramp = (share) => {
    const at = 4 * Math.max(0, Math.min(1, share)), low = Math.min(3, Math.floor(at));
    return `color-mix(in oklab, var(--r${low + 1}) ${(100 * (at - low)).toFixed(0)}%, var(--r${low}))`;
  };
  function drawParts() {
    const found = labels.filter((label) => data.parts[label] && state.shown.has(label));
    $("parts-section").hidden = !found.length || !data.mean;
    if ($("parts-section").hidden) return;
    const all = found.flatMap((label) => data.parts[label].landmarks.filter((e) => e !== null)).sort((a, b) => a - b);
    const low = quantile(all, 0.02), high = Math.max(quantile(all, 0.98), low + 1e-6);
    const share = (error) => (error - low) / (high - low);
    const bar = svg("svg", { viewBox: "0 0 352 34", role: "img", "aria-label": "Colour scale" });
    for (let k = 0; k < 32; k++) bar.append(svg("rect", { x: k * 11, y: 0, width: 11.5, height: 12, style: `fill:${ramp(k / 31)}` }));
    bar.append(svg("text", { x: 0, y: 29 }, `${percent(low, 1)} %`), svg("text", { x: 352, y: 29, "text-anchor": "end" }, `${percent(high, 1)} % and more`));
    $("ramp").replaceChildren(bar);
    $("mean-faces").replaceChildren(...found.map((label) => {
      const root = svg("svg", { viewBox: "-125 -125 250 250", role: "img", "aria-label": `Errors of ${label} on the mean face` });
      const at = data.mean.map(([x, y]) => [220 * x, 220 * y]);
      for (const group of data.groups) {
        const path = group.points.map((i) => at[i].map((v) => v.toFixed(1)).join()).join(" ");
        root.append(svg(group.closed ? "polygon" : "polyline", { points: path, fill: "none", class: "axis" }));
      }
      data.parts[label].landmarks.forEach((error, i) => {
        if (error === null) return;
        const dot = svg("circle", { cx: at[i][0], cy: at[i][1], r: 3 + 4 * Math.max(0, Math.min(1, share(error))), style: `fill:${ramp(share(error))}` });
        dot.append(svg("title", {}, `landmark ${i}: ${percent(error)} %`));
        root.append(dot);
      });
      return el("figure", { "data-model": label }, root, el("figcaption", {}, el("b", {}, label)));
    }));
    const parts = data.groups.map((group, k) => ({
      model: group.name, k, ...Object.fromEntries(found.map((label) => [label, data.parts[label].parts[k]])),
    }));
    fill("parts", [
      { key: "part", head: "Part", value: (row) => row.k, cell: (row) => el("td", {}, row.model) },
      ...found.map((label) => ({
        key: label, head: `${label} %`, value: (row) => row[label],
        cell: (row) => {
          const least = top(found.map((other) => row[other]), true);
          return el("td", row[label] === least ? { class: "best" } : {}, percent(row[label]));
        },
      })),
    ], parts, partSort, (key) => { resort(partSort, key); drawParts(); });
  }
  const partSort = { key: "part", down: false };

  const FACTS = {
    turn: ["Turn of the head", "offset of the middle line, in widths; 0 is frontal"],
    size: ["Size of the face", "pixels"],
    overlap: ["Fit of the box", "intersection over union with the landmarks' box"],
  };
  function drawFacts() {
    const figures = [];
    for (const [name, [title, unit]] of Object.entries(FACTS)) {
      const index = faces().filter((i) => data.facts[name][i] !== null).sort((a, b) => data.facts[name][a] - data.facts[name][b]);
      if (index.length < 8) continue;
      const n = Math.min(8, Math.floor(index.length / 4));
      const groups = [...Array(n).keys()].map((k) => index.slice(Math.round((k * index.length) / n), Math.round(((k + 1) * index.length) / n)));
      const centre = groups.map((group) => quantile(group.map((i) => data.facts[name][i]), 0.5));
      const lines = visible().map((label) => ({
        label,
        at: groups.map((group) => {
          const errors = group.map((i) => data.errors[state.points][label][i]).filter((e) => e !== null).sort((a, b) => a - b);
          return errors.length ? [0.25, 0.5, 0.75].map((q) => 100 * Math.min(quantile(errors, q), 1)) : null;
        }),
      }));
      const top = Math.max(1, ...lines.flatMap((line) => line.at.map((t) => (t ? t[2] : 0))));
      const spread = centre[n - 1] - centre[0] || 1;
      const x = { low: centre[0] - spread * 0.04, high: centre[n - 1] + spread * 0.04, text: whole, label: unit };
      x.ticks = ticks(x.low, x.high, 4);
      const c = chart({ width: 380, height: 250, title: `Error against ${title}`, x, y: { low: 0, high: top * 1.05, ticks: ticks(0, top * 1.05, 6), text: whole, label: "Error (%)" } });
      for (const { label, at } of lines) {
        const there = at.map((t, k) => [t, centre[k]]).filter(([t]) => t);
        const run = (q, list) => list.map(([t, v]) => `${c.px(v).toFixed(1)},${c.py(t[q]).toFixed(1)}`).join(" ");
        c.root.append(svg("polygon", { points: `${run(0, there)} ${run(2, [...there].reverse())}`, style: `fill:${color(label)};opacity:.11` }));
        c.root.append(svg("polyline", { class: "curve", points: run(1, there), "data-model": label, style: `stroke:${color(label)}`, "stroke-dasharray": dash(label) }));
        for (const [t, v] of there) c.root.append(svg("circle", { cx: c.px(v), cy: c.py(t[1]), r: 2.6, style: `fill:${color(label)}` }));
      }
      figures.push(el("figure", {}, el("figcaption", {}, el("b", {}, title)), c.root));
    }
    $("facts").replaceChildren(...(figures.length ? figures : [el("p", { class: "note" }, "Too few faces.")]));
  }

  // ------------------------------------------------------------------ gallery

  function lines(points, className, groups) {
    const out = [];
    for (const group of groups) {
      let run = [];
      const flush = () => {
        if (run.length > 1) {
          const at = run.map((p) => p.join()).join(" ");
          out.push(svg("polyline", { points: at, class: "under" }), svg("polyline", { points: at, class: className }));
        }
        run = [];
      };
      const order = group.closed ? [...group.points, group.points[0]] : group.points;
      for (const i of order) (points[i] && points[i][0] !== null ? run.push(points[i]) : flush());
      flush();
    }
    return out;
  }
  function dots(points, className) {
    return points.filter((p) => p[0] !== null).map(([x, y]) => svg("circle", { cx: x, cy: y, r: points.length < 20 ? 3.5 : 1.5, class: className }));
  }
  function drawGallery() {
    const options = visible();
    if (!options.includes(state.gallery)) state.gallery = options[0] ?? null;
    $("gallery-model").replaceChildren(...options.map((label) => el("option", { value: label }, label)));
    if (state.gallery === null) return $("gallery").replaceChildren(el("p", { class: "note" }, "No model is shown."));
    $("gallery-model").value = state.gallery;
    const chosen = data.gallery[state.points][state.gallery];
    const inSubset = new Set(faces());
    const blocks = [];
    for (const [kind, list] of Object.entries(chosen)) {
      const here = list.filter((i) => inSubset.has(i));
      if (!state.kinds.has(kind) || !here.length) continue;
      const cards = here.map((i) => {
        const face = data.faces[i], [w, h] = face.size, found = face.found[state.gallery];
        const root = svg("svg", { viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": `${face.name} with landmarks` });
        root.append(svg("image", { href: face.src, width: w, height: h }));
        if (state.layers.has("box")) root.append(svg("rect", { x: face.box[0], y: face.box[1], width: face.box[2] - face.box[0], height: face.box[3] - face.box[1], class: "box" }));
        if (state.layers.has("truth")) root.append(...lines(face.truth, "truth", data.groups), ...dots(face.truth, "truth-dot"));
        if (state.layers.has("found")) root.append(...(data.parts[state.gallery] ? lines(found, "found", data.groups) : []), ...dots(found, "found-dot"));
        const error = data.errors[state.points][state.gallery][i];
        return el("figure", { "data-kind": kind, "data-model": state.gallery }, root,
          el("figcaption", {}, el("span", { title: face.name }, face.name), el("b", {}, error > MISS ? "miss" : `${percent(error)} %`)));
      });
      blocks.push(el("h3", {}, { worst: "Worst", median: "Around the median", best: "Best" }[kind]), el("div", { class: "grid" }, ...cards));
    }
    $("gallery").replaceChildren(...(blocks.length ? blocks : [el("p", { class: "note" }, "None of its chosen faces is in this subset.")]));
  }

  // ------------------------------------------------------------------ page

  function draw() {
    drawSummary(); drawCed(); drawCost(); drawParts(); drawFacts(); drawPairs(); drawGallery();
  }
  function select(id, entries, change) {
    $(id).replaceChildren(...entries.map(([value, text]) => el("option", { value }, text)));
    $(id).addEventListener("change", () => change($(id).value));
    const box = $(`${id}-choice`);
    if (box) box.hidden = entries.length < 2;
  }

  const n = data.n_faces + data.without_box;
  $("lead").textContent = `${labels.length} models on the same ${n} faces (${data.scheme}) and boxes, one thread, in alternating order. ` +
    `Errors are fractions of the ${data.normalizer} distance of the annotation.`;
  $("models").append(...data.models.map((model) => chip(model.label, true, (on) => {
    state.shown[on ? "add" : "delete"](model.label);
    draw();
  }, swatch(model.label))));
  select("points", Object.keys(data.points).map((name) => [name, data.points[name]]), (value) => { state.points = value; draw(); });
  select("subset", Object.keys(data.subsets).map((name) => [name, `${name} (${data.subsets[name].length})`]), (value) => { state.subset = value; draw(); });
  $("gallery-model").addEventListener("change", () => { state.gallery = $("gallery-model").value; drawGallery(); });
  const toggle = (set, name) => (on) => { set[on ? "add" : "delete"](name); drawGallery(); };
  $("kinds").append(...["worst", "median", "best"].map((kind) => chip(kind, true, toggle(state.kinds, kind))));
  $("layers").append(
    chip("truth", true, toggle(state.layers, "truth"), el("span", { class: "swatch dash" })),
    chip("found", true, toggle(state.layers, "found"), el("span", { class: "swatch", style: "background:#e0b000" })),
    chip("box", false, toggle(state.layers, "box")));
  const notes = [
    `Times: medians from the decoded grey image with its box, on ${data.machine}. ` +
      `CPU time in all: reading images ${data.seconds.reading.toFixed(1)} s, models ${data.seconds.models.toFixed(1)} s, and the harness around them ${(100 * data.overhead).toFixed(1)} % of the models'.`,
    ...data.models.map((model) => `${model.label}: ${model.about}.`),
    "The photographs belong to the annotated set; its terms hold for this page too.",
    `cascade-align ${data.version}`,
  ];
  $("foot").append(...notes.map((text) => el("span", {}, text)));
  draw();
})();
