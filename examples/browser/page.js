// Landmarks on a photo, a video file or the camera's picture, by a model that `cascade convert` wrote.

import { ownAddress } from "./address.js";

const byId = (id) => document.getElementById(id);
const canvas = byId("view");
const context = canvas.getContext("2d", { willReadFrequently: true });
const film = Object.assign(document.createElement("video"), { muted: true, playsInline: true });

let fit; // of onnx.js or wasm.js
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

async function fitCanvas(box) {
  const started = performance.now();
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
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
  const shape = await fitCanvas(readBox());
  byId("landmarks").textContent = JSON.stringify(shape);
}

const event = (name) =>
  new Promise((resolve) => film.addEventListener(name, resolve, { once: true }));
const nextFrame = () =>
  new Promise((resolve) =>
    film.requestVideoFrameCallback((_, { mediaTime }) => resolve(mediaTime)),
  );

// From the frame that is shown to the end, or until the film is paused. Frames that come while
// another is being fitted are left out, as in any live picture. A camera has no end: `limit` frames.
async function fitVideo() {
  watching = false;
  const box = readBox();
  if (film.ended) {
    const sought = event("seeked");
    film.currentTime = 0;
    await sought;
  }
  repaint();
  const first = await fitCanvas(box);
  const follow = follower(first, box);
  const frames = [{ time: film.currentTime, shape: first }];
  const over = event("pause").then(() => null); // the end pauses too
  let frame = nextFrame();
  await film.play();
  while (frames.length < limit) {
    const time = await Promise.race([frame, over]);
    if (time === null) break;
    frame = nextFrame();
    repaint();
    frames.push({ time, shape: await fitCanvas(follow(frames.at(-1).shape)) });
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

async function showPhoto(blob) {
  film.pause();
  closeCamera();
  // As the file has it: colours untouched, so that the landmarks are those of other programs.
  source = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  repaint();
  say("Drag a box around the face.");
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
  say("Drag a box around the face in the first frame.");
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
  say("Drag a box around the face: the picture stops while you do.");
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
  const models = wanted.has("model") ? [wanted.get("model")] : ["model.onnx", "model.wasm"];
  const kind = await loadModel(models);
  say(`Model in ${kind === "wasm" ? "WebAssembly" : "ONNX"}. Choose a picture.`);
  const remedy = "copy it beside the page, or choose a file";
  if (wanted.has("photo")) {
    await showPhoto(await (await fetchOwn(wanted.get("photo"), remedy)).blob());
  }
  film.defaultPlaybackRate = Number(wanted.get("rate") ?? 1);
  if (wanted.has("video")) {
    const file = await (await fetchOwn(wanted.get("video"), remedy)).blob();
    await showVideo(URL.createObjectURL(file));
  }
  if (wanted.has("camera")) await showCamera();
  limit = Number(wanted.get("frames") ?? Infinity);
  if (wanted.has("box")) {
    byId("box").value = wanted.get("box");
    await fitSource();
  }
}

start().catch((error) => say(error.message, true));
