// Landmarks on a photo, a video file or the camera's picture, by a model that `cascade convert` wrote.

import { ownAddress } from "./address.js";

const byId = (id) => document.getElementById(id);
const canvas = byId("view");
const context = canvas.getContext("2d", { willReadFrequently: true });
const film = Object.assign(document.createElement("video"), { muted: true, playsInline: true });

// A shape that fits the mean shape worse than this, in sides of its box, is no face; nor is one
// whose box overlaps less than this with the one it was looked for in, or is smaller.
const MOST_MISFIT = 0.16;
const LEAST_OVERLAP = 0.3;
const LEAST_SIDE = 16;

let fit; // of onnx.js or wasm.js
let detect = null; // of detector.js
let source = null; // what is on the canvas: an ImageBitmap, or the film
let busy = false;
let watching = false; // whether the camera's picture is shown without being fitted
let limit = Infinity; // frames to fit

function say(text, wrong = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("wrong", wrong);
}

// A file of the page's own server; one that sends the browser elsewhere is not followed.
async function fetchOwn(text, remedy) {
  const answer = await fetch(ownAddress(text, location.href), { mode: "same-origin" });
  if (!answer.ok) throw new Error(`${text} is not here: ${remedy}`);
  return answer;
}

// A model in ONNX or in WebAssembly; the first of `names` that is there.
async function loadModel(names) {
  const missing = [];
  for (const name of names) {
    const kind = /\.wasm$/i.test(name) ? "wasm" : "onnx";
    const wanted = { onnx: "a name that ends in .onnx", wasm: "model.c, and compile that" }[kind];
    let answer;
    try {
      answer = await fetchOwn(name, `run cascade convert MODEL.safetensors ${wanted}`);
    } catch (error) {
      missing.push(error);
      continue;
    }
    const runtime = await import(`./${kind}.js`);
    fit = await runtime.load(await answer.arrayBuffer());
    return kind;
  }
  throw missing[0];
}

// The detector, where there is one and the model knows its boxes; a page without it has boxes
// dragged.
async function loadFinder(name, wanted) {
  let answer;
  try {
    answer = await fetchOwn(name, "run cascade convert jda detector.c, and compile that");
  } catch (error) {
    if (wanted) throw error;
    return;
  }
  const { loadDetector } = await import("./detector.js");
  const found = await loadDetector(await answer.arrayBuffer());
  if (fit.fromDetector?.([0, 0, 100, 100])) detect = found;
  else if (wanted) throw new Error("this model does not know the detector's boxes: compile model.c");
}

const hasBox = () => byId("box").value.trim() !== "";

function readBox() {
  const box = byId("box").value.split(",").map(Number);
  const [left, top, right, bottom] = box;
  if (box.length !== 4 || !(left < right && top < bottom)) {
    throw new Error("the box is four numbers with left < right and top < bottom: drag one");
  }
  return box;
}

function paint(picture, width, height) {
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
  }
  context.drawImage(picture, 0, 0);
}

function repaint() {
  if (source === film) paint(film, film.videoWidth, film.videoHeight);
  else if (source) paint(source, source.width, source.height);
}

function overlay(shape, box) {
  const size = Math.max(1, (box[2] - box[0]) / 100);
  context.lineWidth = size;
  context.strokeStyle = "#39f";
  // The canvas has the centre of its first pixel at one half.
  context.strokeRect(box[0] + 0.5, box[1] + 0.5, box[2] - box[0], box[3] - box[1]);
  context.fillStyle = "#5f5";
  for (const [x, y] of shape) {
    context.beginPath();
    context.arc(x + 0.5, y + 0.5, 1.2 * size, 0, 2 * Math.PI);
    context.fill();
  }
}

const allPixels = () => context.getImageData(0, 0, canvas.width, canvas.height);

// Intersection over union.
function overlap(a, b) {
  const area = ([left, top, right, bottom]) =>
    Math.max(0, right - left) * Math.max(0, bottom - top);
  const common = area([
    Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3]),
  ]);
  return common / (area(a) + area(b) - common);
}

// The box for the next look at a face, from its landmarks; null where they make none.
function boxAround(shape, before) {
  const { box, misfit } = fit.boxOf(shape);
  const sound = misfit <= MOST_MISFIT && box[2] - box[0] >= LEAST_SIDE;
  return sound && overlap(box, before) >= LEAST_OVERLAP ? box : null;
}

// Faces {box, shape} that the detector finds, the surest first. Landmarks are looked for twice: the
// first ones place the second box.
async function findFaces(pixels, most = Infinity) {
  const faces = [];
  for (const found of detect(pixels).slice(0, most)) {
    let box = fit.fromDetector(found.box);
    box = boxAround(await fit(pixels, box), box) ?? box;
    faces.push({ box, shape: await fit(pixels, box) });
  }
  return faces;
}

async function fitCanvas(box) {
  const started = performance.now();
  const pixels = allPixels();
  const shape = await fit(pixels, box);
  overlay(shape, box);
  if (Number.isNaN(shape[0][0])) throw new Error("the box lies outside the picture");
  say(`${shape.length} landmarks in ${(performance.now() - started).toFixed(1)} ms`);
  return shape;
}

// Centre and spread of a shape, to carry a box along with it.
function extent(shape) {
  const mean = (k) => shape.reduce((sum, point) => sum + point[k], 0) / shape.length;
  const [x, y] = [mean(0), mean(1)];
  const square = shape.reduce((sum, point) => sum + (point[0] - x) ** 2 + (point[1] - y) ** 2, 0);
  return { x, y, spread: Math.sqrt(square / shape.length) };
}

// From one shape of a face and its box to the box of another shape of it.
function follower(shape, box) {
  const first = extent(shape);
  return (next) => {
    const now = extent(next);
    const scale = now.spread / first.spread;
    return box.map((edge, k) =>
      k % 2 ? now.y + scale * (edge - first.y) : now.x + scale * (edge - first.x),
    );
  };
}

async function fitPhoto() {
  repaint();
  if (detect && !hasBox()) {
    const started = performance.now();
    const faces = await findFaces(allPixels());
    for (const { shape, box } of faces) overlay(shape, box);
    const time = (performance.now() - started).toFixed(1);
    say(`${faces.length === 1 ? "1 face" : `${faces.length} faces`} in ${time} ms`);
    byId("landmarks").textContent = JSON.stringify(faces);
    return;
  }
  const shape = await fitCanvas(readBox());
  byId("landmarks").textContent = JSON.stringify(shape);
}

const event = (name) =>
  new Promise((resolve) => film.addEventListener(name, resolve, { once: true }));
const nextFrame = () =>
  new Promise((resolve) =>
    film.requestVideoFrameCallback((_, { mediaTime }) => resolve(mediaTime)),
  );

// A function that fits the next frame, {shape}: from a box, and then from where the face was.
function draggedStep(box) {
  let follow;
  let shape;
  return async () => {
    shape = await fitCanvas(follow ? follow(shape) : box);
    follow ??= follower(shape, box);
    return { shape };
  };
}

// The same without a box, {box, shape}: the detector looks where no face is followed. Both are null
// where there is none.
function findingStep() {
  let next = null;
  return async () => {
    const started = performance.now();
    const pixels = allPixels();
    let face = next && { box: next, shape: await fit(pixels, next) };
    next = face && boxAround(face.shape, face.box);
    if (!next) {
      [face = null] = await findFaces(pixels, 1);
      next = face && boxAround(face.shape, face.box);
    }
    if (!next) {
      say("no face");
      return { box: null, shape: null };
    }
    overlay(face.shape, face.box);
    say(`a face in ${(performance.now() - started).toFixed(1)} ms`);
    return face;
  };
}

// From the frame that is shown to the end, or until the film is paused. Frames that come while
// another is being fitted are left out, as in any live picture. A camera has no end: `limit` frames.
async function fitVideo() {
  watching = false;
  const step = detect && !hasBox() ? findingStep() : draggedStep(readBox());
  if (film.ended) {
    const sought = event("seeked");
    film.currentTime = 0;
    await sought;
  }
  repaint();
  const frames = [{ time: film.currentTime, ...(await step()) }];
  const over = event("pause").then(() => null); // the end pauses too
  let frame = nextFrame();
  await film.play();
  while (frames.length < limit) {
    const time = await Promise.race([frame, over]);
    if (time === null) break;
    frame = nextFrame();
    repaint();
    frames.push({ time, ...(await step()) });
  }
  film.pause();
  byId("landmarks").textContent = JSON.stringify(frames);
  say(`${frames.length} frames fitted`);
}

async function guarded(task) {
  if (busy) return;
  busy = true;
  try {
    await task();
  } catch (error) {
    if (source === film) film.pause();
    say(error.message, true);
  } finally {
    busy = false;
  }
}

const fitSource = () => guarded(source === film ? fitVideo : fitPhoto);

function closeCamera() {
  film.srcObject?.getTracks().forEach((track) => track.stop());
  film.srcObject = null;
}

// Fit what is shown, if the page can find faces and no link gives a box; whether it did.
async function findNow() {
  if (!detect || new URLSearchParams(location.search).has("box")) return false;
  byId("box").value = "";
  await (source === film ? fitVideo : fitPhoto)();
  return true;
}

async function showPhoto(blob) {
  film.pause();
  closeCamera();
  // As the file has it: colours untouched, so that the landmarks are those of other programs.
  source = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  repaint();
  if (!(await findNow())) say("Drag a box around the face.");
}

async function showVideo(url) {
  closeCamera();
  // A busy browser has the first frame a moment before it can paint it.
  const painted = Promise.race([nextFrame(), new Promise((done) => setTimeout(done, 1000))]);
  await new Promise((resolve, reject) => {
    film.onloadeddata = resolve;
    film.onerror = () => reject(new Error("the browser cannot play this video; try WebM or H.264"));
    film.src = url;
  });
  await painted;
  source = film;
  repaint();
  if (!(await findNow())) say("Drag a box around the face in the first frame.");
}

async function showCamera() {
  closeCamera();
  film.removeAttribute("src");
  const wanted = { video: { width: { ideal: 640 }, height: { ideal: 480 } } };
  try {
    film.srcObject = await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    throw new Error(`no camera (${error.name}): allow it in the browser, or choose a file`);
  }
  await film.play();
  source = film;
  watching = true;
  const show = () => {
    if (!watching || source !== film) return;
    repaint();
    requestAnimationFrame(show);
  };
  show();
  if (!(await findNow())) say("Drag a box around the face: the picture stops while you do.");
}

function listen() {
  byId("camera").onclick = () => guarded(showCamera);
  byId("photo").onchange = ({ target }) => guarded(() => showPhoto(target.files[0]));
  byId("video").onchange = ({ target }) =>
    guarded(() => showVideo(URL.createObjectURL(target.files[0])));
  byId("fit").onclick = fitSource;
  byId("box").onchange = fitSource;
  let corner = null;
  const place = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const x = ((event.clientX - left) * canvas.width) / width - 0.5;
    const y = ((event.clientY - top) * canvas.height) / height - 0.5;
    return [x, y];
  };
  canvas.onpointerdown = (event) => {
    film.pause(); // a picture that moves stops for a new box
    watching = false;
    if (!source) return;
    corner = place(event);
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = (event) => {
    if (!corner) return;
    const [a, b] = [corner, place(event)];
    const box = [0, 1].map((k) => Math.min(a[k], b[k]))
      .concat([0, 1].map((k) => Math.max(a[k], b[k])));
    byId("box").value = box.map((edge) => edge.toFixed(1)).join(", ");
    repaint();
    overlay([], box);
  };
  canvas.onpointerup = () => {
    corner = null;
    fitSource();
  };
}

async function start() {
  const wanted = new URLSearchParams(location.search);
  listen();
  const models = wanted.has("model") ? [wanted.get("model")] : ["model.wasm", "model.onnx"];
  const kind = await loadModel(models);
  await loadFinder(wanted.get("detector") ?? "detector.wasm", wanted.has("detector"));
  const alone = detect ? "" : " There is no detector: boxes are dragged.";
  say(`Model in ${kind === "wasm" ? "WebAssembly" : "ONNX"}. Choose a picture.${alone}`);
  const remedy = "copy it beside the page, or choose a file";
  if (wanted.has("photo")) {
    await showPhoto(await (await fetchOwn(wanted.get("photo"), remedy)).blob());
  }
  limit = Number(wanted.get("frames") ?? Infinity);
  film.defaultPlaybackRate = Number(wanted.get("rate") ?? 1);
  if (wanted.has("video")) {
    const file = await (await fetchOwn(wanted.get("video"), remedy)).blob();
    await showVideo(URL.createObjectURL(file));
  }
  if (wanted.has("camera")) await showCamera();
  if (wanted.has("box")) {
    byId("box").value = wanted.get("box");
    await fitSource();
  }
}

start().catch((error) => say(error.message, true));
