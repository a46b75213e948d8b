// The faces of the image at hand, and every change of them that can be undone.

const MOST_STEPS = 200;

export class Editing {
  constructor(nPoints) {
    this.nPoints = nPoints;
    this.load([], null);
  }

  // Faces as the server sends them; `proposal` is one that nobody has touched.
  load(faces, proposal) {
    this.faces = faces.map((face) => ({ ...face, occluded: new Set(face.occluded), touched: true, by: "" }));
    if (proposal) this.faces.push(this.made(proposal));
    this.face = 0;
    this.point = Math.max(this.current?.done ? 0 : this.unplaced, 0);
    this.past = [];
    this.future = [];
    this.changed = false;
  }

  made({ box, points, by }) {
    return { box, points, occluded: new Set(), done: false, touched: false, boxed: false, by };
  }

  get current() {
    return this.faces[this.face] || null;
  }

  // The first point that is not there, or -1.
  get unplaced() {
    return this.current ? this.current.points.indexOf(null) : -1;
  }

  // Whether a click sets the point at hand, because it is not there.
  get placing() {
    return Boolean(this.current) && this.current.points[this.point] === null;
  }

  copy() {
    return {
      face: this.face,
      faces: this.faces.map((f) => ({ ...f, box: [...f.box], points: f.points.map((p) => p && [...p]), occluded: new Set(f.occluded) })),
    };
  }

  // To be called before a change, once for a drag.
  begin() {
    this.past.push(this.copy());
    if (this.past.length > MOST_STEPS) this.past.shift();
    this.future = [];
    this.changed = true;
  }

  // A change that begins and ends at once.
  change(what) {
    const face = this.current;
    if (!face) return;
    this.begin();
    what(face);
    face.touched = true;
  }

  undo() {
    return this.step(this.past, this.future);
  }

  redo() {
    return this.step(this.future, this.past);
  }

  step(from, to) {
    if (!from.length) return false;
    to.push(this.copy());
    const { face, faces } = from.pop();
    this.faces = faces;
    this.face = Math.min(face, Math.max(faces.length - 1, 0));
    this.changed = true;
    return true;
  }

  add(proposal) {
    this.begin();
    const face = this.made(proposal);
    face.boxed = true;
    this.faces.push(face);
    this.face = this.faces.length - 1;
    this.point = Math.max(this.unplaced, 0);
  }

  remove() {
    if (!this.current) return;
    this.begin();
    this.faces.splice(this.face, 1);
    this.face = Math.max(0, Math.min(this.face, this.faces.length - 1));
  }

  nextFace(step) {
    if (this.faces.length) this.face = (this.face + step + this.faces.length) % this.faces.length;
  }

  nextPoint(step) {
    this.point = (this.point + step + this.nPoints) % this.nPoints;
  }

  // The scheme's next point that is still to be placed, or the next one.
  advance() {
    const face = this.current;
    for (let step = 1; step <= this.nPoints; step += 1) {
      const k = (this.point + step) % this.nPoints;
      if (face && face.points[k] === null) {
        this.point = k;
        return;
      }
    }
    this.nextPoint(1);
  }

  finish() {
    this.begin();
    for (const face of this.faces) {
      face.done = true;
      face.touched = true;
    }
  }

  // What is to be kept: proposals that nobody touched are not.
  toJSON() {
    return this.faces
      .filter((face) => face.touched || face.boxed)
      .map(({ box, points, occluded, done }) => ({ box, points, occluded: [...occluded].sort((a, b) => a - b), done }));
  }
}
