// The errors on held-out faces against the number of labelled faces, and what they mean in words.

const SVG = "http://www.w3.org/2000/svg";
const NAMES = { mean: "mean face", trained: "trained before", ert: "ERT", sdm: "SDM" };
const [LEFT, RIGHT, TOP, BOTTOM] = [26, 252, 8, 102];

function element(name, attributes, words) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

const percent = (value) => `${(value * 100).toFixed(value < 0.0995 ? 1 : 0)} %`;

export function draw(chart, legend, history) {
  const rivals = [...new Set(history.flatMap((row) => Object.keys(row)))]
    .filter((name) => name !== "n" && name !== "seconds");
  const values = history.flatMap((row) => rivals.map((name) => row[name]).filter(Number.isFinite));
  chart.replaceChildren();
  legend.replaceChildren();
  chart.toggleAttribute("hidden", !values.length);
  if (!values.length) return;
  const highest = Math.max(...values) * 1.08;
  const [first, last] = [history[0].n, history.at(-1).n];
  const x = (n) => (last > first ? LEFT + ((n - first) / (last - first)) * (RIGHT - LEFT) : (LEFT + RIGHT) / 2);
  const y = (value) => BOTTOM - (value / highest) * (BOTTOM - TOP);
  for (const share of [0, 0.5, 1]) {
    const value = highest * share;
    chart.append(element("line", { class: "axis", x1: LEFT, x2: RIGHT, y1: y(value), y2: y(value) }));
    chart.append(element("text", { x: LEFT - 4, y: y(value) + 3, "text-anchor": "end" }, (value * 100).toFixed(highest < 0.05 ? 1 : 0)));
  }
  const anchor = last > first ? ["start", "end"] : ["middle"];
  [first, last].slice(0, anchor.length).forEach((n, k) => {
    chart.append(element("text", { x: x(n), y: 115, "text-anchor": anchor[k] }, `${n}${k === anchor.length - 1 ? " faces" : ""}`));
  });
  for (const name of rivals) {
    const rows = history.filter((row) => Number.isFinite(row[name]));
    if (!rows.length) continue;
    const color = `line-${name in NAMES ? name : "ert"}`;
    chart.append(element("polyline", { class: color, points: rows.map((row) => `${x(row.n)},${y(row[name])}`).join(" ") }));
    const end = rows.at(-1);
    chart.append(element("circle", { class: color, cx: x(end.n), cy: y(end[name]), r: 2.6 }));
    const entry = document.createElement("span"), mark = document.createElement("i");
    mark.className = color;
    entry.append(mark, `${NAMES[name] || name.toUpperCase()} ${percent(end[name])}`);
    legend.append(entry);
  }
}

// What the card says of the model: a figure, and a sentence.
export function words(learner) {
  const last = learner.history.at(-1);
  const busy = { "getting ready": " Compiling the training code …", learning: " Training …" };
  const learning = busy[learner.busy] || "";
  if (!last) {
    const now = learner.by ? `The ${learner.by === "mean" ? "mean of your faces" : learner.by + " model"} proposes. ` : "";
    if (learner.left) {
      const faces = `${learner.left} more face${learner.left > 1 ? "s" : ""}`;
      return ["", `${now}A model is trained after ${faces}.${learning}`];
    }
    return ["", `${now}${learning || "Training begins soon."}`];
  }
  const key = Object.keys(NAMES).find((name) => learner.by === (NAMES[name] || "").toUpperCase() || learner.by === name)
    || (learner.by.startsWith("trained") ? "trained" : learner.by.toLowerCase());
  const error = last[key];
  const from = key === "trained" ? "" : `, trained on ${learner.learned_from} faces,`;
  return [
    Number.isFinite(error) ? percent(error) : "",
    `error on held-out faces, relative to the ${learner.unit}. ${learner.by}${from} makes the proposals.${learning}`,
  ];
}
