// The page: what is open, what the buttons and keys do.

import { get, pixels, post, put } from "./api.js";
import { Editing } from "./editing.js";
import { Maker } from "./maker.js";
import { Panels, made } from "./panels.js";
import { Saver } from "./saving.js";
import { View } from "./view.js";
import { explain, listen } from "./keys.js";
import { attach } from "./pointer.js";
import { overlap } from "./shapes.js";

const $ = (id) => document.getElementById(id);
const POLL = 1500;
// Overlap of a box with its points below which it is another's.
const OFF = 0.12;

const state = await get("state");
const view = new View($("canvas"), state.scheme);

const page = {
  editing: new Editing(state.scheme.n_points),
  index: null,
  revision: "",
  aside: false,
  drawing: false,
  serial: state.serial,

  // Show image `index`; `again` reads its faces anew.
  async open(index, again = false) {
    if (!again) {
      if (index === page.index) return;
      if (page.saver.waiting && !(await page.saver.now())) return;
    }
    const turn = (page.turn = (page.turn || 0) + 1);
    try {
      const [image, found] = await Promise.all([pixels(index).catch((e) => e), get(`images/${index}`)]);
      if (turn !== page.turn) return;
      page.index = index;
      page.revision = found.revision;
      page.aside = found.aside;
      panels.notice("");
      panels.showImage(index);
      page.editing.load(found.faces, found.proposal);
      view.editing = page.editing;
      view.others = found.others;
      page.reference = found.reference;
      view.hover = -1;
      const problem = found.problem || (image instanceof Error ? image.message : "");
      if (problem) {
        panels.notice(problem);
        view.show(null, [1, 1]);
        page.editing.load([], null);
      } else {
        view.show(image, found.size);
        page.foundBox = !found.proposal || found.proposal.found;
        view.fit(page.foundBox ? "face" : "image");
      }
      document.body.dataset.image = index;
      page.refresh();
      page.ahead();
    } catch (error) {
      panels.notice(error.message);
    }
  },

  // The image that comes next, fetched before it is asked for.
  async ahead() {
    const next = await page.nextIndex().catch(() => null);
    if (next !== null && next !== page.index) pixels(next).catch(() => {});
  },

  async nextIndex() {
    return (await get(`next?after=${page.index ?? -1}&order=${$("order").value}`)).index;
  },

  async goOn() {
    const next = await page.nextIndex();
    if (next === null) panels.notice("Every image is labelled or set aside.");
    else await page.open(next);
  },

  refresh() {
    panels.update();
    panels.hint(page.advice());
    view.draw();
  },

  advice() {
    const { editing } = page, face = editing.current;
    if (page.drawing) return "Draw a box around the face.";
    if (maker.active) return maker.advice();
    if (page.aside) return "Set aside. Press S to take it back.";
    if (!face) return view.image ? "No face here. A adds one, S sets the image aside." : "";
    if (editing.placing) return `Click where ${view.title(editing.point)} is. X leaves it out.`;
    if (!face.touched && page.foundBox === false) return "No face was found. Drag the box onto it; the points follow.";
    return "";
  },

  // After a change that is complete.
  edited() {
    page.refresh();
    page.saver.soon();
  },

  picked() {
    page.refresh();
  },

  // After a point was dragged.
  moved() {
    if ($("advance").checked) page.editing.nextPoint(1);
    page.edited();
  },

  boxMoved() {
    const face = page.editing.current;
    if (face.touched || !face.by) page.edited();
    else page.proposeBox(face.box, false);
  },

  nudge([dx, dy]) {
    const face = page.editing.current, k = page.editing.point;
    if (!face?.points[k]) return;
    page.editing.change(() => {
      face.points[k] = [face.points[k][0] + dx, face.points[k][1] + dy];
    });
    page.edited();
  },

  // Landmarks for a box: of a new face, or of the one at hand.
  async proposeBox(box, isNew) {
    const { editing, index } = page;
    try {
      const proposal = await post(`images/${index}/proposal`, { box });
      if (index !== page.index) return;
      if (isNew) editing.add(proposal);
      else if (editing.current) {
        Object.assign(editing.current, { points: proposal.points, by: proposal.by, touched: false });
      }
      page.edited();
    } catch (error) {
      panels.notice(error.message);
    }
  },

  // Boxes that were left where no face is would mislead whoever learns from them.
  async mendBoxes() {
    for (const face of page.editing.faces) {
      if (face.points.filter(Boolean).length < 2 || overlap(face.box, face.points) > OFF) continue;
      const answer = await post(`images/${page.index}/box`, { points: face.points }).catch(() => null);
      if (answer) face.box = answer.box;
    }
  },

  adopt(k) {
    const [box] = view.others.splice(k, 1);
    page.proposeBox(box, true);
  },

  chooseFace(i) {
    page.editing.face = i;
    view.fit("face");
    page.refresh();
  },

  escape() {
    page.drawing = false;
    view.rectangle = null;
    panels.notice("");
    page.refresh();
  },

  async poll() {
    try {
      const now = await get(`status?since=${page.serial}`);
      page.serial = now.serial;
      panels.listImages(now.images);
      panels.showLearner(now.learner);
      if (page.lost) panels.saved("All saved");
      page.lost = false;
      if (now.images.some(([i]) => i === page.index)) await page.saver.refresh();
    } catch {
      page.lost = true;
      panels.saved("The server does not answer; start cascade label again and open its new address.", true);
    }
  },
};
const panels = (page.panels = new Panels(page, view));
page.saver = new Saver(page);
const maker = new Maker(page, view, $("maker"), async (scheme, points) => {
  const answer = await put("scheme", scheme);
  takeScheme(answer.scheme);
  page.editing.load([], null);
  if (points) page.editing.add({ box: boxAround(points), points, by: "" });
  page.edited();
});

function boxAround(points) {
  const [xs, ys] = [0, 1].map((a) => points.map((p) => p[a]));
  const margin = 0.1 * Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 10);
  return [Math.min(...xs) - margin, Math.min(...ys) - margin, Math.max(...xs) + margin, Math.max(...ys) + margin];
}

function takeScheme(scheme) {
  view.setScheme(scheme);
  page.editing = new Editing(scheme.n_points);
  view.editing = page.editing;
  panels.listPoints();
}

const flag = (name) => () => {
  view[name] = !view[name];
  page.refresh();
};

page.actions = {
  async finish() {
    const { editing } = page;
    if (!editing.faces.length || maker.active) return;
    const missing = editing.faces.reduce((n, face) => n + (face.done ? 0 : face.points.filter((p) => !p).length), 0);
    const asked = `${page.index}:${missing}`;
    if (missing && page.asked !== asked) {
      page.asked = asked;
      panels.notice(`${missing} point${missing > 1 ? "s are" : " is"} missing. Press Enter again to finish without.`);
      return;
    }
    panels.notice("");
    editing.finish();
    await page.mendBoxes();
    page.refresh();
    if (await page.saver.now()) await page.goOn();
  },
  "next-point": () => { page.editing.nextPoint(1); page.picked(); },
  "previous-point": () => { page.editing.nextPoint(-1); page.picked(); },
  "next-face": () => { page.editing.nextFace(1); page.picked(); },
  "previous-face": () => { page.editing.nextFace(-1); page.picked(); },
  "next-image": () => page.open(Math.min((page.index ?? -1) + 1, panels.rows.size - 1)),
  "previous-image": () => page.open(Math.max((page.index ?? 1) - 1, 0)),
  undo: () => page.editing.undo() && page.edited(),
  redo: () => page.editing.redo() && page.edited(),
  occluded() {
    const { editing } = page, k = editing.point;
    editing.change((face) => face.occluded.delete(k) || face.occluded.add(k));
    page.edited();
  },
  missing() {
    const { editing } = page, face = editing.current, k = editing.point;
    if (!face) return;
    if (face.points[k] === null) editing.advance();
    else {
      editing.change(() => { face.points[k] = null; });
      page.edited();
    }
    page.picked();
  },
  "add-face": () => { page.drawing = true; page.refresh(); },
  again() {
    const face = page.editing.current;
    if (!face) return;
    page.editing.begin();
    page.proposeBox(face.box, false);
  },
  "remove-face": () => { page.editing.remove(); page.edited(); },
  async aside() {
    page.aside = !page.aside;
    page.editing.changed = true;
    page.refresh();
    if ((await page.saver.now()) && page.aside) await page.goOn();
  },
  "zoom-in": () => view.zoom(1.3),
  "zoom-out": () => view.zoom(1 / 1.3),
  fit: () => view.fit(view.fitted === "face" ? "image" : "face"),
  contours: flag("contours"),
  mirror: flag("mirror"),
  numbers: () => { view.numbers = (view.numbers + 1) % 3; page.refresh(); },
  help: () => $("help").showModal(),
};

// ------------------------------------------------------------------------------ the controls

for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => page.actions[button.dataset.do]());
}
$("help-open").addEventListener("click", page.actions.help);
$("notice-close").addEventListener("click", () => panels.notice(""));
$("point").addEventListener("change", () => {
  page.editing.point = Number($("point").value);
  page.picked();
});
$("waiting").addEventListener("change", () => $("images").classList.toggle("waiting", $("waiting").checked));
for (const [id, name] of [["brightness", "light"], ["contrast", "contrast"]]) {
  $(id).addEventListener("input", () => {
    view[name] = Number($(id).value);
    view.draw();
  });
}
$("scheme-open").addEventListener("click", () => maker.toggle());

$("files-open").addEventListener("click", async () => {
  const answer = (words) => { $("files-answer").textContent = words; };
  const { formats, sources } = await get("state");
  const act = (button, ask) => button.addEventListener("click", async () => {
    answer("…");
    try {
      answer(await ask());
    } catch (error) {
      answer(error.message);
    }
  });
  $("formats").replaceChildren(...formats.map(([name, title]) => {
    const button = made("button", { type: "button" }, title);
    act(button, async () => `Written: ${(await post("export", { format: name })).path}`);
    return button;
  }));
  $("sources").replaceChildren(...sources.map(([name, title], source) => {
    const button = made("button", { type: "button" }, `${name} (${title})`);
    act(button, async () => {
      const { taken, left } = await post("import", { source });
      await page.poll();
      if (page.index !== null) await page.open(page.index, true);
      return `Took ${taken} faces, left out ${left}.`;
    });
    return button;
  }));
  if (!sources.length) $("sources").textContent = "There is no file of another tool in the folder.";
  answer("");
  $("files").showModal();
});

window.addEventListener("beforeunload", (event) => {
  if (page.saver.waiting) event.preventDefault();
});

$("folder").textContent = state.folder;
$("folder").title = state.folder;
document.title = `${state.folder} – label faces`;
explain($("help-keys"));
attach(view, page);
listen(page, view);
panels.listImages(state.images);
panels.listPoints();
panels.showLearner(state.learner);
if (state.left_out.length) {
  const [name, why] = state.left_out[0];
  const more = state.left_out.length > 1 ? ` and ${state.left_out.length - 1} more` : "";
  panels.notice(`Left out ${name}${more}: ${why}`);
}
panels.saved("All saved");
await page.goOn();
if (page.index === null) await page.open(0);
setInterval(page.poll, POLL);
document.body.dataset.ready = "yes";
// For tests and for those who script the page in its console.
window.labelling = { page, view };
