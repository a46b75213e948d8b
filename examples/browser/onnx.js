// A model that `cascade convert` wrote as ONNX, run by onnxruntime-web.

import { toGrey } from "./grey.js";

const RUNTIME = "./node_modules/onnxruntime-web/dist/";

// A function from pixels and a box to landmarks [[x, y], …] in pixels, pixel centres at integers;
// NaN where the box cannot be.
export async function load(bytes) {
  let ort;
  try {
    ort = await import(`${RUNTIME}ort.wasm.min.mjs`);
  } catch {
    throw new Error("onnxruntime-web is not here: run npm install in this folder");
  }
  ort.env.wasm.wasmPaths = new URL(RUNTIME, import.meta.url).href;
  // One thread needs no special headers from the server, and a face is too little work for more.
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(bytes);
  return async (pixels, box) => {
    const images = new ort.Tensor("uint8", toGrey(pixels), [1, pixels.height, pixels.width]);
    const boxes = new ort.Tensor("float32", Float32Array.from(box), [1, 4]);
    const { shapes } = await session.run({ images, boxes });
    return Array.from({ length: shapes.dims[1] }, (_, k) => [
      shapes.data[2 * k],
      shapes.data[2 * k + 1],
    ]);
  };
}
