// The weights of OpenCV's grey conversion, which the models were trained with: 15-bit integers.
export function toGrey({ data, width, height }, grey = new Uint8Array(width * height)) {
  for (let i = 0, j = 0; i < grey.length; i++, j += 4) {
    grey[i] = (9798 * data[j] + 19235 * data[j + 1] + 3735 * data[j + 2] + (1 << 14)) >> 15;
  }
  return grey;
}
