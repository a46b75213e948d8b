// Addresses that a link to the page may name: files of the page's own server, nothing else. A link
// from a stranger must not make a visitor's browser fetch, or run as a model, what lies elsewhere.

// The absolute form of `text`, an address relative to the page at `page`.
export function ownAddress(text, page) {
  let url;
  try {
    url = new URL(text, page);
  } catch {
    throw new Error(`${text} is not an address: name a file beside the page`);
  }
  // Files and data have the origin "null", which equals itself.
  if (!/^https?:$/.test(url.protocol) || url.origin !== new URL(page).origin) {
    throw new Error(`${text} lies on another server: copy it beside the page, or choose a file`);
  }
  return url.href;
}
