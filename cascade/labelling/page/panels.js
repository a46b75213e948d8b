// The lists beside the image. Names of files and landmarks are set as text, never as markup.

import { draw as drawChart, words } from "./chart.js";
import { exchanged } from "./shapes.js";

const $ = (id) => document.getElementById(id);
const STATES = { done: "done", unfinished: "not finished", new: "waits", aside: "set aside", problem: "cannot be read" };

function made(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export class Panels {
  constructor(page, view) {
    this.page = page;
    this.view = view;
    this.rows = new Map();
  }

  listImages(images) {
    for (const [index, name, state] of images) {
      let row = this.rows.get(index);
      if (!row) {
        const dot = made("span", { class: "dot", "aria-hidden": "true" });
        const words = made("span", { class: "name" });
        const button = made("button", { type: "button" }, dot, words);
        button.addEventListener("click", () => this.page.open(index));
        row = { item: made("li", {}, button), button, dot, words };
        this.rows.set(index, row);
        $("images").append(row.item);
      }
      row.words.textContent = name;
      row.button.title = `${name}: ${STATES[state]}`;
      row.button.setAttribute("aria-label", `${name}, ${STATES[state]}`);
      row.dot.className = `dot ${state}`;
      row.item.dataset.state = state;
    }
    const states = [...this.rows.values()].map((row) => row.item.dataset.state);
    const done = states.filter((state) => state === "done" || state === "aside").length;
    $("bar").value = states.length ? done / states.length : 0;
    $("count").textContent = `${done} of ${states.length}`;
  }

  showImage(index) {
    for (const [i, row] of this.rows) {
      if (i === index) {
        row.button.setAttribute("aria-current", "true");
        row.item.scrollIntoView({ block: "nearest" });
      } else row.button.removeAttribute("aria-current");
    }
  }

  listPoints() {
    const { scheme } = this.view;
    $("point").replaceChildren(
      ...Array.from({ length: scheme.n_points }, (_, k) => made("option", { value: k }, this.view.title(k))),
    );
  }

  // Everything that depends on the faces at hand.
  update() {
    const { editing } = this.page, face = editing.current, k = editing.point;
    $("point").value = k;
    for (const control of document.querySelectorAll("#point-card button, #point")) control.disabled = !face;
    this.press("occluded", face?.occluded.has(k));
    this.press("missing", face?.done && face.points[k] === null);
    this.press("contours", this.view.contours);
    this.press("numbers", this.view.numbers > 0);
    this.press("mirror", this.view.mirror);
    this.press("aside", this.page.aside);
    this.enable("undo", editing.past.length);
    this.enable("redo", editing.future.length);
    this.enable("again", face);
    this.enable("remove-face", face);
    this.enable("finish", editing.faces.length);
    const { flip } = this.view.scheme;
    this.enable("mirror", flip);
    $("faces").replaceChildren(...editing.faces.map((each, i) => {
      const missing = each.points.filter((p) => p === null).length;
      const state = each.done ? "done" : each.touched ? "not finished" : each.by ? `proposed by ${each.by}` : "";
      const words = [state, missing && `${missing} ${each.done ? "missing" : "to place"}`, each.occluded.size && `${each.occluded.size} occluded`];
      const button = made("button", { type: "button", "aria-pressed": i === editing.face },
        `Face ${i + 1}`, made("span", { class: "soft" }, words.filter(Boolean).join(", ")));
      button.addEventListener("click", () => this.page.chooseFace(i));
      return made("li", {}, button);
    }));
    if (!editing.faces.length) $("faces").append(made("li", { class: "soft" }, "none"));
    const { reference } = this.page;
    const confused = face && flip && reference && exchanged(face.points, flip, reference) > 0;
    $("asymmetry").textContent = confused
      ? "Left and right are exchanged against the other faces. Sides are the person's own." : "";
    $("asymmetry").className = confused ? "warn" : "";
  }

  press(name, state) {
    document.querySelector(`[data-do="${name}"]`)?.setAttribute("aria-pressed", Boolean(state));
  }

  enable(name, state) {
    document.querySelector(`[data-do="${name}"]`).disabled = !state;
  }

  showLearner(learner) {
    const [figure, sentence] = words(learner);
    const big = made("strong", {}, figure);
    $("model-text").replaceChildren(...(figure ? [big, " "] : []), sentence);
    drawChart($("chart"), $("legend"), learner.history);
    $("model-message").textContent = learner.message;
    $("model-message").hidden = !learner.message;
  }

  saved(words, bad = false) {
    $("saved").textContent = words;
    $("saved").classList.toggle("bad", bad);
  }

  hint(words) {
    if ($("hint").textContent !== words) $("hint").textContent = words;
  }

  notice(words) {
    $("notice").hidden = !words;
    $("notice").firstElementChild.textContent = words;
  }
}

export { made };
