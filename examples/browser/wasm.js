// A model that `cascade convert` wrote as C, compiled to WebAssembly as the file says at its head.

import { toGrey } from "./grey.js";

const PAGE = 65536; // bytes that memory grows by

// As `load` of onnx.js.
export async function load(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const { memory, cascade_predict, cascade_n_points, __heap_base } = instance.exports;
  if (!cascade_predict || !cascade_n_points || !__heap_base) {
    throw new Error("this WebAssembly is no model: compile it as the head of model.c says");
  }
  const n = cascade_n_points();
  // Behind the program's own memory: the box, the landmarks, the picture.
  const boxAt = (__heap_base.value + 15) & ~15;
  const pointsAt = boxAt + 16;
  const greyAt = pointsAt + 8 * n;
  return async (pixels, box) => {
    const { width, height } = pixels;
    const missing = greyAt + width * height - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    toGrey(pixels, new Uint8Array(memory.buffer, greyAt, width * height));
    new Float32Array(memory.buffer, boxAt, 4).set(box);
    const points = new Float32Array(memory.buffer, pointsAt, 2 * n);
    if (cascade_predict(greyAt, width, height, width, boxAt, pointsAt) !== 0) points.fill(NaN);
    return Array.from({ length: n }, (_, k) => [points[2 * k], points[2 * k + 1]]);
  };
}
