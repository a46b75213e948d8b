// Mouse, pen and touch on the image: points, boxes, whole faces, zoom and pan.

import { centre, distance, follow, turned } from "./shapes.js";

const REACH = { mouse: 11, pen: 14, touch: 26 };

// Attach to a view; `page` has editing, edited(), proposeBox(), adopt() and picked().
export function attach(view, page) {
  const { canvas } = view;
  const pointers = new Map();
  let drag = null, pinch = null;

  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };

  const nearest = (spot, reach) => {
    const face = page.editing.current;
    let best = -1, least = reach;
    face?.points.forEach((p, k) => {
      if (!p) return;
      const d = distance(view.toScreen(p), spot) - (k === page.editing.point ? 3 : 0);
      if (d < least) [best, least] = [k, d];
    });
    return best;
  };

  const inside = (box, [x, y]) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3];

  // A corner is 0 to 3, an edge 4 to 7 from the left on, -1 neither.
  const boxPart = (spot, reach) => {
    const face = page.editing.current;
    if (!face) return -1;
    const corners = view.corners(face.box);
    const corner = corners.findIndex((c) => distance(c, spot) < reach);
    if (corner >= 0) return corner;
    const [[x0, y0], , [x1, y1]] = corners;
    const within = (v, a, b) => v > a && v < b;
    if (within(spot[1], y0, y1)) {
      if (Math.abs(spot[0] - x0) < 5) return 4;
      if (Math.abs(spot[0] - x1) < 5) return 6;
    }
    if (within(spot[0], x0, x1)) {
      if (Math.abs(spot[1] - y0) < 5) return 5;
      if (Math.abs(spot[1] - y1) < 5) return 7;
    }
    return -1;
  };

  function begin(event, spot) {
    const { editing } = page, reach = REACH[event.pointerType] || REACH.mouse;
    const place = view.toImage(spot);
    if (page.drawing) {
      page.drawing = false;
      return { kind: "rectangle", from: place };
    }
    if (page.onPlace?.(place, spot)) return null;
    const face = editing.current;
    if (face && event.shiftKey) {
      editing.begin();
      return { kind: "all", last: place };
    }
    if (face && (event.altKey || event.ctrlKey || event.metaKey)) {
      editing.begin();
      return { kind: "turn", last: place, centre: centre(face.points) };
    }
    // Where a point is to be placed, a neighbour is only taken when it is meant.
    const k = nearest(spot, editing.placing ? reach / 2 : reach);
    if (k >= 0) {
      editing.point = k;
      page.picked();
      return { kind: "point", k, from: place, was: face.points[k], moved: false };
    }
    if (editing.placing) {
      editing.change(() => {
        face.points[editing.point] = place;
      });
      editing.advance();
      page.edited();
      page.picked();
      return null;
    }
    const part = boxPart(spot, reach);
    if (part >= 0) return { kind: "box", part, from: place, was: [...face.box], points: face.points, moved: false };
    const other = editing.faces.findIndex((f, i) => i !== editing.face && inside(f.box, place));
    if (other >= 0 && !(face && inside(face.box, place))) {
      editing.face = other;
      page.picked();
      return null;
    }
    const spare = (view.others || []).findIndex((box) => inside(box, place));
    if (spare >= 0 && !(face && inside(face.box, place))) {
      page.adopt(spare);
      return null;
    }
    return { kind: "pan", last: spot };
  }

  function move(spot) {
    const { editing } = page, place = view.toImage(spot), face = editing.current;
    if (drag.kind === "pan") {
      view.pan(spot[0] - drag.last[0], spot[1] - drag.last[1]);
      drag.last = spot;
    } else if (drag.kind === "rectangle") {
      view.rectangle = rectangle(drag.from, place);
    } else if (drag.kind === "point") {
      // The point keeps its distance from the pointer, so that nothing jumps when it is taken.
      const to = [drag.was[0] + place[0] - drag.from[0], drag.was[1] + place[1] - drag.from[1]];
      if (!drag.moved && distance(view.toScreen(to), view.toScreen(drag.was)) < 1.5) return;
      if (!drag.moved) editing.begin();
      drag.moved = true;
      face.points[drag.k] = to;
      face.touched = true;
    } else if (drag.kind === "all") {
      const dx = place[0] - drag.last[0], dy = place[1] - drag.last[1];
      face.points = face.points.map((p) => p && [p[0] + dx, p[1] + dy]);
      face.box = [face.box[0] + dx, face.box[1] + dy, face.box[2] + dx, face.box[3] + dy];
      face.touched = true;
      drag.last = place;
    } else if (drag.kind === "turn" && drag.centre) {
      const a = [drag.last[0] - drag.centre[0], drag.last[1] - drag.centre[1]];
      const b = [place[0] - drag.centre[0], place[1] - drag.centre[1]];
      const angle = Math.atan2(b[1], b[0]) - Math.atan2(a[1], a[0]);
      const scale = Math.hypot(...b) / Math.max(Math.hypot(...a), 1e-6);
      face.points = turned(face.points, angle, Math.min(Math.max(scale, 0.5), 2), drag.centre);
      face.touched = true;
      drag.last = place;
    } else if (drag.kind === "box") {
      if (!drag.moved) editing.begin();
      drag.moved = face.boxed = true;
      face.box = resized(drag.was, drag.part, place[0] - drag.from[0], place[1] - drag.from[1]);
      if (!face.touched) face.points = follow(drag.points, drag.was, face.box);
    }
    view.draw();
  }

  function end() {
    const { kind, moved } = drag;
    if (kind === "rectangle") {
      const box = view.rectangle;
      view.rectangle = null;
      if (box && box[2] - box[0] > 4 && box[3] - box[1] > 4) page.proposeBox(box, true);
      page.picked();
    } else if (kind === "point" && moved) {
      page.moved();
    } else if (kind === "box" && moved) {
      page.boxMoved();
    } else if (kind === "all" || kind === "turn") {
      page.edited();
    }
    view.draw();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    canvas.focus({ preventScroll: true });
    const spot = at(event);
    pointers.set(event.pointerId, spot);
    canvas.setPointerCapture(event.pointerId);
    view.pointer = spot;
    if (pointers.size === 2) {
      if (drag?.moved || drag?.kind === "all") end();
      drag = null;
      pinch = [...pointers.values()];
    } else if (pointers.size === 1 && view.image) {
      drag = event.button === 1 ? { kind: "pan", last: spot } : begin(event, spot);
    }
    canvas.classList.toggle("dragging", drag?.kind === "pan");
    view.draw();
  });

  canvas.addEventListener("pointermove", (event) => {
    const spot = at(event);
    view.pointer = spot;
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, spot);
    if (pinch && pointers.size === 2) {
      const now = [...pointers.values()];
      const middle = (pair) => [(pair[0][0] + pair[1][0]) / 2, (pair[0][1] + pair[1][1]) / 2];
      const [from, to] = [middle(pinch), middle(now)];
      view.pan(to[0] - from[0], to[1] - from[1]);
      view.zoom(distance(...now) / Math.max(distance(...pinch), 1), to);
      pinch = now;
    } else if (drag) {
      move(spot);
    } else if (!pointers.size) {
      const near = nearest(spot, REACH.mouse);
      if (near !== view.hover || page.editing.placing) view.draw();
      view.hover = near;
      canvas.classList.toggle("point", near >= 0);
    }
  });

  const leave = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size < 2) pinch = null;
    if (drag && !pointers.size) {
      end();
      drag = null;
    }
    if (event.pointerType === "touch") view.pointer = null;
    canvas.classList.remove("dragging");
  };
  canvas.addEventListener("pointerup", leave);
  canvas.addEventListener("pointercancel", leave);
  canvas.addEventListener("pointerleave", () => {
    view.hover = -1;
    if (!pointers.size) view.pointer = null;
    view.draw();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), at(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => {
    if (nearest(at(event), REACH.mouse) < 0 && !page.editing.placing) page.actions.fit();
  });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
}

function rectangle(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

function resized([left, top, right, bottom], part, dx, dy) {
  const least = 4;
  if ([0, 3, 4].includes(part)) left = Math.min(left + dx, right - least);
  if ([1, 2, 6].includes(part)) right = Math.max(right + dx, left + least);
  if ([0, 1, 5].includes(part)) top = Math.min(top + dy, bottom - least);
  if ([2, 3, 7].includes(part)) bottom = Math.max(bottom + dy, top + least);
  return [left, top, right, bottom];
}
