// The image and what is drawn on it: zoom and pan, points, lines, boxes, the magnifier.

import { mirrored } from "./shapes.js";

const HUES = [205, 35, 150, 320, 265, 50, 185, 5, 95, 235];
const PICKED = "#ffd479";
const HANDLE = 5;
const LOUPE = { side: 164, gain: 4, margin: 12 };

export class View {
  constructor(canvas, scheme) {
    this.canvas = canvas;
    this.ink = canvas.getContext("2d");
    this.image = null;
    this.size = [1, 1];
    this.scale = 1;
    this.origin = [0, 0];
    this.fitted = "face";
    this.light = 1;
    this.contrast = 1;
    this.contours = true;
    this.numbers = 0;
    this.mirror = false;
    this.hidden = false;
    this.hover = -1;
    this.pointer = null;
    this.rectangle = null;
    this.setScheme(scheme);
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  setScheme(scheme) {
    this.scheme = scheme;
    this.lines = Object.entries(scheme.groups).map(([name, { points, closed }], k) => ({
      name, points, closed, color: `hsl(${HUES[k % HUES.length]} 70% 70%)`,
    }));
    this.colors = Array(scheme.n_points).fill("hsl(205 70% 70%)");
    this.titles = Array.from({ length: scheme.n_points }, (_, k) => scheme.names?.[k] || "");
    for (const { name, points, color } of this.lines) {
      points.forEach((k, place) => {
        this.colors[k] = color;
        if (!this.titles[k]) {
          this.titles[k] = name.replaceAll("_", " ") + (points.length > 1 ? ` ${place + 1}` : "");
        }
      });
    }
  }

  title(k) {
    return this.titles[k] ? `${k} ${this.titles[k]}` : `${k}`;
  }

  show(image, size) {
    this.image = image;
    this.size = size;
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ratio = ratio;
    if (this.fitted && this.image) this.fit(this.fitted);
    else this.draw();
  }

  toScreen([x, y]) {
    return [this.origin[0] + (x + 0.5) * this.scale, this.origin[1] + (y + 0.5) * this.scale];
  }

  toImage([x, y]) {
    return [(x - this.origin[0]) / this.scale - 0.5, (y - this.origin[1]) / this.scale - 0.5];
  }

  // Show the whole image, or the face at hand and its surroundings.
  fit(what) {
    const face = this.editing?.current;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !this.image) return;
    let [left, top, right, bottom] = [0, 0, ...this.size];
    this.fitted = what === "face" && face ? "face" : "image";
    if (this.fitted === "face") {
      const there = [...face.points.filter(Boolean), face.box.slice(0, 2), face.box.slice(2)];
      const [xs, ys] = [0, 1].map((a) => there.map((p) => p[a]));
      [left, top, right, bottom] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      // Boxes of detectors end at the brows and the mouth: points may lie well outside.
      const margin = (face.points.includes(null) ? 0.38 : 0.22) * Math.max(right - left, bottom - top);
      [left, top, right, bottom] = [left - margin, top - margin, right + margin, bottom + margin];
    }
    this.scale = Math.min(width / (right - left), height / (bottom - top)) * 0.97;
    this.scale = Math.max(this.scale, 1e-3);
    this.origin = [
      (width - (left + right) * this.scale) / 2,
      (height - (top + bottom) * this.scale) / 2,
    ];
    this.draw();
  }

  zoom(factor, at = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    const scale = Math.min(Math.max(this.scale * factor, 0.02), 60);
    const real = scale / this.scale;
    this.origin = this.origin.map((o, a) => at[a] + (o - at[a]) * real);
    this.scale = scale;
    this.fitted = null;
    this.draw();
  }

  pan(dx, dy) {
    this.origin = [this.origin[0] + dx, this.origin[1] + dy];
    this.fitted = null;
    this.draw();
  }

  // Draw at the next frame, once however often it is asked for.
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const { ink, editing } = this;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.image || !this.ratio) return;
    ink.scale(this.ratio, this.ratio);
    this.photograph(this.origin, this.scale);
    if (!editing) return;
    for (const box of this.others || []) this.box(box, "rgb(255 255 255 / .55)", [2, 5], "+ face");
    if (!this.hidden) {
      editing.faces.forEach((face, k) => {
        if (k !== editing.face) this.face(face, false);
      });
      if (editing.current) this.face(editing.current, true);
    }
    if (this.rectangle) this.box(this.rectangle, PICKED, [5, 4]);
    const picked = editing.current?.points[editing.point];
    if (picked && !this.hidden) this.loupe(picked);
    else if (editing.placing && this.pointer) this.loupe(this.toImage(this.pointer));
  }

  photograph([x, y], scale) {
    const { ink } = this;
    ink.save();
    ink.imageSmoothingEnabled = scale < 3;
    if (this.light !== 1 || this.contrast !== 1) {
      ink.filter = `brightness(${this.light}) contrast(${this.contrast})`;
    }
    ink.drawImage(this.image, x, y, this.size[0] * scale, this.size[1] * scale);
    ink.restore();
  }

  face(face, current) {
    const { ink } = this;
    ink.globalAlpha = current ? 1 : 0.55;
    this.box(face.box, current ? "rgb(255 255 255 / .8)" : "rgb(255 255 255 / .6)", [6, 5]);
    if (current) for (const corner of this.corners(face.box)) this.handle(corner);
    const at = face.points.map((p) => p && this.toScreen(p));
    if (this.contours) for (const line of this.lines) this.line(at, line, 1.5);
    if (this.mirror && current && this.scheme.flip) this.ghost(face.points, at);
    at.forEach((p, k) => p && this.dot(p, k, face, current));
    ink.globalAlpha = 1;
  }

  // The mirror image of the shape over it, joined to it point by point.
  ghost(points, at) {
    const { ink } = this;
    const other = mirrored(points, this.scheme.flip).map((p) => p && this.toScreen(p));
    ink.strokeStyle = "rgb(255 255 255 / .85)";
    ink.lineWidth = 1;
    ink.beginPath();
    at.forEach((p, k) => {
      if (!p || !other[k]) return;
      ink.moveTo(...p);
      ink.lineTo(...other[k]);
    });
    ink.stroke();
    ink.setLineDash([3, 3]);
    for (const { points: group, closed } of this.lines) {
      this.line(other, { points: group, closed, color: "rgb(255 255 255 / .7)" }, 1);
    }
    ink.setLineDash([]);
  }

  line(at, { points, closed, color }, width) {
    const { ink } = this;
    ink.strokeStyle = color;
    ink.lineWidth = width;
    ink.beginPath();
    let pen = false;
    for (const k of closed && points.every((i) => at[i]) ? [...points, points[0]] : points) {
      if (!at[k]) pen = false;
      else if (pen) ink.lineTo(...at[k]);
      else {
        ink.moveTo(...at[k]);
        pen = true;
      }
    }
    ink.stroke();
  }

  dot([x, y], k, face, current) {
    const { ink } = this;
    const picked = current && k === this.editing.point, near = current && k === this.hover;
    const radius = picked ? 7 : near ? 5 : 3;
    ink.beginPath();
    ink.arc(x, y, radius, 0, 2 * Math.PI);
    ink.lineWidth = 3;
    ink.strokeStyle = "rgb(10 12 16 / .75)";
    ink.stroke();
    ink.lineWidth = picked ? 2 : 1.6;
    ink.strokeStyle = picked ? PICKED : this.colors[k];
    if (face.occluded.has(k)) ink.setLineDash([2.5, 2.5]);
    ink.stroke();
    ink.setLineDash([]);
    // Hollow where something covers the point, and under the pointer: what is below matters.
    if (!picked && !near && !face.occluded.has(k)) {
      ink.fillStyle = this.colors[k];
      ink.fill();
    }
    if (picked || near) this.text(this.title(k), x + radius + 6, y - 6);
    else if (current && this.numbers) {
      this.text(this.numbers === 2 ? this.title(k) : `${k}`, x + 5, y - 4, 10);
    }
  }

  text(words, x, y, size = 12) {
    const { ink } = this;
    ink.font = `${size}px system-ui, sans-serif`;
    ink.lineWidth = 3;
    ink.lineJoin = "round";
    ink.strokeStyle = "rgb(10 12 16 / .8)";
    ink.strokeText(words, x, y);
    ink.fillStyle = "#fff";
    ink.fillText(words, x, y);
  }

  box([left, top, right, bottom], color, dashes, label) {
    const { ink } = this;
    const [x0, y0] = this.toScreen([left, top]), [x1, y1] = this.toScreen([right, bottom]);
    ink.setLineDash(dashes);
    ink.lineWidth = 1;
    ink.strokeStyle = color;
    ink.strokeRect(x0, y0, x1 - x0, y1 - y0);
    ink.setLineDash([]);
    if (label) this.text(label, x0 + 4, y0 + 14);
  }

  corners([left, top, right, bottom]) {
    return [[left, top], [right, top], [right, bottom], [left, bottom]].map((p) => this.toScreen(p));
  }

  handle([x, y]) {
    const { ink } = this;
    ink.fillStyle = "#fff";
    ink.strokeStyle = "rgb(10 12 16 / .8)";
    ink.lineWidth = 1;
    ink.beginPath();
    ink.rect(x - HANDLE, y - HANDLE, 2 * HANDLE, 2 * HANDLE);
    ink.fill();
    ink.stroke();
  }

  // What lies under a point, enlarged, in the upper corner that is farther from the pointer.
  loupe(point) {
    const { ink } = this;
    const side = Math.min(LOUPE.side, this.canvas.clientWidth * 0.36);
    const [px] = this.toScreen(point);
    const x = px > this.canvas.clientWidth / 2 ? LOUPE.margin : this.canvas.clientWidth - side - LOUPE.margin;
    const y = LOUPE.margin, half = side / 2;
    const scale = Math.max(this.scale * LOUPE.gain, 2);
    ink.save();
    ink.beginPath();
    ink.arc(x + half, y + half, half, 0, 2 * Math.PI);
    ink.fillStyle = "#111";
    ink.fill();
    ink.clip();
    this.photograph([x + half - (point[0] + 0.5) * scale, y + half - (point[1] + 0.5) * scale], scale);
    ink.strokeStyle = "rgb(255 212 121 / .9)";
    ink.lineWidth = 1;
    ink.beginPath();
    for (const [a, b] of [[-1, 0], [1, 0], [0, -1], [0, 1]]) {
      ink.moveTo(x + half + a * 7, y + half + b * 7);
      ink.lineTo(x + half + a * half, y + half + b * half);
    }
    ink.stroke();
    ink.restore();
    ink.beginPath();
    ink.arc(x + half, y + half, half, 0, 2 * Math.PI);
    ink.strokeStyle = "rgb(255 255 255 / .8)";
    ink.lineWidth = 1.5;
    ink.stroke();
  }
}
