// A scheme made on an image: points placed and named, lines drawn through them, mirror pairs.

import { made } from "./panels.js";

const NEAR = 14;

export class Maker {
  // `keep(scheme, points)` takes the finished scheme.
  constructor(page, view, card, keep) {
    Object.assign(this, { page, view, card, keep, active: false });
  }

  toggle() {
    if (this.active) this.close();
    else this.open();
  }

  open() {
    this.active = true;
    document.body.classList.add("making");
    this.points = [];
    this.names = [];
    this.lines = [];
    this.pairs = [];
    this.corners = [];
    this.mode = "points";
    this.chosen = [];
    this.word = "ear";
    this.before = { scheme: this.view.scheme, faces: this.page.editing.faces, face: this.page.editing.face };
    this.page.onPlace = (place, spot) => this.click(place, spot);
    this.show();
  }

  close(restore = true) {
    this.active = false;
    document.body.classList.remove("making");
    this.page.onPlace = null;
    this.card.hidden = true;
    if (restore) {
      this.view.setScheme(this.before.scheme);
      this.page.editing.faces = this.before.faces;
      this.page.editing.face = this.before.face;
      this.page.editing.nPoints = this.before.scheme.n_points;
      this.page.editing.point = 0;
    }
    this.page.refresh();
  }

  advice() {
    return {
      points: "Click to place the points in their order.",
      lines: "Click the points of a line in order, then End line or Close line.",
      pairs: "Click two points that change places in the mirror.",
      corners: "Click the outer corner of the right eye (on the left of the image), then of the left.",
    }[this.mode];
  }

  click(place, spot) {
    const near = this.points.findIndex((p) => {
      const [x, y] = this.view.toScreen(p);
      return Math.hypot(x - spot[0], y - spot[1]) < NEAR;
    });
    if (this.mode === "points") {
      if (near < 0) {
        this.points.push(place.map((v) => Math.round(v * 100) / 100));
        this.names.push("");
      }
    } else if (near >= 0) {
      this.chosen.push(near);
      if (this.mode === "pairs" && this.chosen.length === 2) {
        const [a, b] = this.chosen.splice(0);
        this.pairs = this.pairs.filter((pair) => !pair.includes(a) && !pair.includes(b));
        if (a !== b) this.pairs.push([a, b]);
      }
      if (this.mode === "corners" && this.chosen.length === 2) this.corners = this.chosen.splice(0);
    }
    this.show();
    return true;
  }

  endLine(closed) {
    if (this.chosen.length > 1) {
      this.lines.push({ name: `line ${this.lines.length + 1}`, points: this.chosen.splice(0), closed });
    }
    this.show();
  }

  remove(k) {
    const moved = (i) => (i > k ? i - 1 : i);
    this.points.splice(k, 1);
    this.names.splice(k, 1);
    this.lines = this.lines
      .map((line) => ({ ...line, points: line.points.filter((i) => i !== k).map(moved) }))
      .filter((line) => line.points.length > 1);
    this.pairs = this.pairs.filter((pair) => !pair.includes(k)).map((pair) => pair.map(moved));
    this.corners = this.corners.includes(k) ? [] : this.corners.map(moved);
    this.chosen = [];
    this.show();
  }

  // The scheme as its file says it.
  scheme() {
    const n = this.points.length;
    const flip = Array.from({ length: n }, (_, k) => k);
    for (const [a, b] of this.pairs) [flip[a], flip[b]] = [b, a];
    const groups = {};
    for (const { name, points, closed } of this.lines) {
      let free = name.trim() || "line";
      while (free in groups) free += "'";
      groups[free] = { points, closed };
    }
    return {
      name: this.word.trim() || "own", n_points: n, flip: this.pairs.length ? flip : null, groups,
      eye_corners: this.corners.length ? this.corners : null,
      names: this.names.some((name) => name.trim()) ? this.names.map((name) => name.trim()) : null,
    };
  }

  async finish() {
    try {
      await this.keep(this.scheme(), this.points.map((p) => [...p]));
      this.close(false);
    } catch (error) {
      this.page.panels.notice(error.message);
    }
  }

  show() {
    const scheme = this.scheme(), n = Math.max(scheme.n_points, 1);
    this.view.setScheme({ ...scheme, n_points: n, names: scheme.names || [] });
    const { editing } = this.page;
    editing.nPoints = n;
    const edge = this.before.faces[0]?.box || [0, 0, ...this.view.size];
    editing.faces = this.points.length
      ? [{ box: edge, points: this.points, occluded: new Set(), done: false, touched: false, boxed: false, by: "-" }] : [];
    editing.face = 0;
    editing.point = this.chosen.at(-1) ?? Math.max(this.points.length - 1, 0);
    this.view.numbers = this.view.numbers || 1;
    this.card.hidden = false;
    this.card.replaceChildren(...this.content());
    this.page.panels.hint(this.advice());
    this.view.draw();
  }

  content() {
    const button = (words, act, more = {}) => {
      const element = made("button", { type: "button", ...more }, words);
      element.addEventListener("click", act);
      return element;
    };
    const field = (value, label, take) => {
      const element = made("input", { type: "text", maxlength: "80", "aria-label": label, placeholder: label });
      element.value = value;
      element.addEventListener("input", () => take(element.value));
      return element;
    };
    const modes = made("fieldset", {}, ...["points", "lines", "pairs", "corners"].map((mode) =>
      button({ points: "Points", lines: "Lines", pairs: "Mirror pairs", corners: "Eye corners" }[mode], () => {
        this.mode = mode;
        this.chosen = [];
        this.show();
      }, { "aria-pressed": this.mode === mode })));
    let list;
    if (this.mode === "points") {
      list = this.points.map((_, k) => made("li", {}, made("span", {}, `${k}`),
        field(this.names[k], `name of point ${k}`, (text) => { this.names[k] = text; }),
        button("×", () => this.remove(k), { "aria-label": `Remove point ${k}` })));
    } else if (this.mode === "lines") {
      list = this.lines.map((line, k) => made("li", {}, made("span", {}, line.closed ? "○" : "—"),
        field(line.name, `name of line ${k}`, (text) => { line.name = text; }),
        button("×", () => { this.lines.splice(k, 1); this.show(); }, { "aria-label": `Remove line ${k}` })));
    } else if (this.mode === "pairs") {
      list = this.pairs.map(([a, b], k) => made("li", {}, `${this.view.title(a)} ↔ ${this.view.title(b)}`,
        button("×", () => { this.pairs.splice(k, 1); this.show(); }, { "aria-label": `Remove pair ${k}` })));
    } else {
      list = this.corners.map((k) => made("li", {}, this.view.title(k)));
    }
    const during = this.mode === "lines" && this.chosen.length > 1
      ? [button("End line", () => this.endLine(false)), button("Close line", () => this.endLine(true))] : [];
    const keep = button("Use this scheme", () => this.finish(), { class: "primary" });
    keep.disabled = this.points.length < 2;
    return [
      made("h2", {}, "New scheme"),
      made("div", { class: "row" }, field(this.word, "name of the scheme", (text) => { this.word = text; })),
      modes,
      made("ol", {}, ...list),
      made("div", { class: "row" }, ...during),
      made("div", { class: "row" }, keep, button("Cancel", () => this.close())),
    ];
  }
}
