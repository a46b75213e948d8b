// The keys: one table for what they do and for the page that explains them.

// [what the help shows, key as the event names it, with Ctrl, name of the action or function]
export const KEYS = [
  ["Enter", "Enter", false, "finish", "finish the faces, go to the next image"],
  ["N  P", "n", false, "next-point", "next, previous point"],
  [null, "p", false, "previous-point"],
  ["F  Shift F", "f", false, "next-face", "next, previous face"],
  [null, "F", false, "previous-face"],
  ["Page down, up", "PageDown", false, "next-image", "next, previous image"],
  [null, "PageUp", false, "previous-image"],
  ["← ↑ → ↓", null, false, null, "move the point by a pixel; with Shift 5, with Alt a quarter"],
  ["O", "o", false, "occluded", "something covers the point"],
  ["X", "x", false, "missing", "the point is not there"],
  ["Ctrl Z", "z", true, "undo", "undo"],
  ["Ctrl Shift Z", "Z", true, "redo", "redo"],
  [null, "y", true, "redo"],
  ["A", "a", false, "add-face", "add a face: draw its box"],
  ["R", "r", false, "again", "propose the points of the box anew"],
  ["Shift Del", "Delete", "shift", "remove-face", "remove the face"],
  ["S", "s", false, "aside", "set the image aside, nothing to label"],
  ["+  −", "+", false, "zoom-in", "zoom"],
  [null, "=", false, "zoom-in"],
  [null, "-", false, "zoom-out"],
  ["0", "0", false, "fit", "fit the face, or the image"],
  ["C", "c", false, "contours", "lines"],
  ["I", "i", false, "numbers", "numbers, then names of the points"],
  ["M", "m", false, "mirror", "lay the mirror image over it: long lines show points that are off, or wrong pairs"],
  ["H (hold)", null, false, null, "hide everything but the image"],
  ["?", "?", false, "help", "this help"],
];

const GESTURES = [
  ["Drag", "a point, a corner of the box, or the image"],
  ["Shift drag", "the whole face"],
  ["Ctrl drag", "turn and scale the whole face"],
  ["Wheel, pinch", "zoom"],
  ["Double click", "fit the face, or the image"],
];
const NUDGES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const typing = (target) =>
  target.matches("input[type=text], textarea, select") || target.closest("dialog[open]");
// What was just hidden keeps the focus for a moment, and is not pressed.
const pressing = (target) => target.matches("button, input, a, summary") && target.offsetParent !== null;

export function listen(page, view) {
  document.addEventListener("keydown", (event) => {
    if (typing(event.target)) return;
    const control = event.ctrlKey || event.metaKey;
    if (event.key in NUDGES && !control && !pressing(event.target)) {
      const step = event.shiftKey ? 5 : event.altKey ? 0.25 : 1;
      page.nudge(NUDGES[event.key].map((v) => v * step));
      event.preventDefault();
      return;
    }
    if (event.key.toLowerCase() === "h" && !control && !event.repeat) {
      view.hidden = true;
      view.draw();
      return;
    }
    if (event.key === "Escape") page.escape();
    // A button that has the focus is pressed by Enter.
    if (event.key === "Enter" && pressing(event.target)) return;
    const entry = KEYS.find(([, key, needs]) =>
      key && (key === event.key || (key.length === 1 && /[a-z]/.test(key) && key === event.key.toLowerCase() && !event.shiftKey))
      && (needs === "shift" ? event.shiftKey && !control : Boolean(needs) === control));
    if (!entry || event.altKey) return;
    event.preventDefault();
    page.actions[entry[3]]?.();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "h" && view.hidden) {
      view.hidden = false;
      view.draw();
    }
  });
}

export function explain(place) {
  const rows = [...KEYS.filter(([shown]) => shown).map(([shown, , , , words]) => [shown, words]), ...GESTURES];
  for (const [keys, words] of rows) {
    const row = document.createElement("div"), what = document.createElement("span");
    const shown = document.createElement("kbd");
    shown.textContent = keys;
    what.textContent = words;
    row.append(what, shown);
    place.append(row);
  }
}
