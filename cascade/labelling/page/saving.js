// Saves one after the other, and says so where somebody else was faster.

import { Refused, get, put } from "./api.js";

const PAUSE = 700; // milliseconds after a change
const AGAIN = 2500; // after a server that did not answer

export class Saver {
  constructor(page) {
    this.page = page;
    this.timer = null;
    this.running = Promise.resolve();
    this.sending = false;
  }

  // Save after a pause, so that a drag is one save.
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), PAUSE);
    this.page.panels.saved("Not saved yet …");
  }

  // Save what was changed; true where everything is kept.
  now() {
    clearTimeout(this.timer);
    this.timer = null;
    const save = () => {
      this.sending = true;
      return this.save().finally(() => { this.sending = false; });
    };
    this.running = this.running.then(save, save);
    return this.running;
  }

  get waiting() {
    return this.timer !== null || this.sending || this.page.editing.changed;
  }

  async save() {
    const { page } = this, { editing } = page;
    if (page.index === null || !editing.changed) return true;
    const index = page.index;
    editing.changed = false;
    try {
      const answer = await put(`images/${index}`, {
        revision: page.revision, faces: editing.toJSON(), aside: page.aside,
      });
      if (page.index === index) page.revision = answer.revision;
      page.panels.saved("All saved");
      page.poll();
      return true;
    } catch (error) {
      editing.changed = true;
      if (!(error instanceof Refused)) {
        page.panels.saved("Not saved: the server does not answer. Trying again …", true);
        await new Promise((done) => setTimeout(done, AGAIN));
        return this.save();
      }
      if (error.status === 409) return this.settle(error.body.image);
      page.panels.saved("Not saved", true);
      page.panels.notice(error.message);
      return false;
    }
  }

  // The image was changed by somebody else: their faces, or ours in their place.
  async settle(theirs) {
    const { page } = this, dialog = document.getElementById("conflict");
    page.panels.saved("Not saved: changed elsewhere", true);
    dialog.returnValue = "theirs";
    dialog.showModal();
    await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    if (dialog.returnValue === "mine") {
      page.revision = theirs.revision;
      return this.save();
    }
    page.editing.changed = false;
    await page.open(page.index, true);
    page.panels.saved("Theirs is shown");
    return false;
  }

  // Faces that were changed elsewhere while nothing is unsaved here.
  async refresh() {
    const { page } = this, { index, revision } = page;
    if (index === null || this.waiting) return;
    const now = await get(`images/${index}?propose=no`);
    // Nothing was saved from here while the answer was on its way.
    const same = index === page.index && revision === page.revision && !this.waiting;
    if (same && now.revision !== revision) {
      await page.open(index, true);
      page.panels.notice("This image was just changed in another tab or by somebody else. What you see is theirs.");
    }
  }
}
