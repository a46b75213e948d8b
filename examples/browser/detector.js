// A face detector that `cascade convert jda detector.c` wrote, compiled to WebAssembly as the file
// says at its head.

import { toGrey } from "./grey.js";

const PAGE = 65536; // bytes that memory grows by
const MOST = 32; // faces of a picture

// A function from pixels to faces {box, score, points} in pixels, the surest first.
export async function loadDetector(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const { memory, cascade_find, cascade_scratch, cascade_face_floats, __heap_base } =
    instance.exports;
  if (!cascade_find || !cascade_scratch || !cascade_face_floats || !__heap_base) {
    throw new Error("this WebAssembly is no detector: compile it as the head of detector.c says");
  }
  const n = cascade_face_floats();
  // Behind the program's own memory: the faces, what the search works in, the picture.
  const facesAt = (__heap_base.value + 15) & ~15;
  const scratchAt = facesAt + 4 * n * MOST;
  return (pixels) => {
    const { width, height } = pixels;
    const size = cascade_scratch(width, height);
    const greyAt = scratchAt + size;
    const missing = greyAt + width * height - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    toGrey(pixels, new Uint8Array(memory.buffer, greyAt, width * height));
    const found = cascade_find(greyAt, width, height, width, scratchAt, size, facesAt, MOST);
    if (found < 0) throw new Error("this picture cannot be searched");
    return Array.from({ length: found }, (_, i) => {
      const face = new Float32Array(memory.buffer, facesAt + 4 * n * i, n);
      const points = Array.from({ length: (n - 5) / 2 }, (_, k) => [
        face[5 + 2 * k],
        face[6 + 2 * k],
      ]);
      return { box: Array.from(face.subarray(0, 4)), score: face[4], points };
    });
  };
}
