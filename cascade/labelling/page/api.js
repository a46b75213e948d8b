// What the page asks of the server, all below its own secret address.

export class Refused extends Error {
  constructor(status, body) {
    super(body.error || `the server answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

async function ask(path, options) {
  const answer = await fetch(`api/${path}`, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}

const send = (method) => (path, body, more = {}) =>
  ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), ...more });

export const get = (path) => ask(path, {});
export const put = send("PUT");
export const post = send("POST");

// Decoded images by their index; the last few are kept, and the next one is fetched ahead.
const kept = new Map();
const MOST = 6;

export function pixels(index) {
  if (kept.has(index)) {
    const found = kept.get(index);
    kept.delete(index);
    kept.set(index, found);
    return found;
  }
  const loading = fetch(`api/images/${index}/pixels`)
    .then(async (answer) => {
      if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
      return createImageBitmap(await answer.blob());
    })
    .catch((error) => {
      kept.delete(index);
      throw error;
    });
  kept.set(index, loading);
  if (kept.size > MOST) {
    const [oldest, image] = kept.entries().next().value;
    kept.delete(oldest);
    image.then((bitmap) => bitmap.close()).catch(() => {});
  }
  return loading;
}
