// A model that `cascade convert` wrote as C, compiled to WebAssembly as the file says at its head.

import { toGrey } from "./grey.js";

const PAGE = 65536; // bytes that memory grows by

// As `load` of onnx.js. The function has two more, `fromDetector` and `boxOf`, which a detector's
// boxes need.
export async function load(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const { memory, cascade_predict, cascade_n_points, cascade_from_detector, cascade_box_of } =
    instance.exports;
  const { __heap_base } = instance.exports;
  if (!cascade_predict || !cascade_n_points || !__heap_base) {
    throw new Error("this WebAssembly is no model: compile it as the head of model.c says");
  }
  const n = cascade_n_points();
  // Behind the program's own memory: two boxes, the landmarks, the picture.
  const boxAt = (__heap_base.value + 15) & ~15;
  const nextAt = boxAt + 16;
  const pointsAt = nextAt + 16;
  const greyAt = pointsAt + 8 * n;
  const fit = async (pixels, box) => {
    const { width, height } = pixels;
    const missing = greyAt + width * height - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    toGrey(pixels, new Uint8Array(memory.buffer, greyAt, width * height));
    new Float32Array(memory.buffer, boxAt, 4).set(box);
    const points = new Float32Array(memory.buffer, pointsAt, 2 * n);
    if (cascade_predict(greyAt, width, height, width, boxAt, pointsAt) !== 0) points.fill(NaN);
    return Array.from({ length: n }, (_, k) => [points[2 * k], points[2 * k + 1]]);
  };
  if (!cascade_from_detector || !cascade_box_of) return fit;
  const next = () => Array.from(new Float32Array(memory.buffer, nextAt, 4));
  // The box that the model wants where the detector draws one; null where that is not known.
  fit.fromDetector = (box) => {
    new Float32Array(memory.buffer, boxAt, 4).set(box);
    return cascade_from_detector(boxAt, nextAt) === 0 ? next() : null;
  };
  // The box that landmarks lie in, and how badly they fit the mean shape, in its sides.
  fit.boxOf = (shape) => {
    new Float32Array(memory.buffer, pointsAt, 2 * n).set(shape.flat());
    const misfit = cascade_box_of(pointsAt, nextAt);
    return { box: next(), misfit };
  };
  return fit;
}
