"""The progress bar of a notebook: HTML that is updated in place; it needs IPython only."""

import time
from html import escape

# Seconds between two updates: each of them is a message to the browser.
_EVERY = 0.1


class NotebookBar:
    """A bar with elapsed and remaining time, with the methods of `rich.progress.Progress`.

    It shows one task at a time and leaves nothing behind when it stops.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._handle = None
        self._description, self._share = "", 0.0
        self._began = self._shown = clock()

    def start(self):
        """Show the bar."""
        from IPython.display import display

        self._handle = display(self._content(), raw=True, display_id=True)

    def stop(self):
        """Remove the bar."""
        if self._handle is not None:
            self._handle.update({"text/html": "", "text/plain": ""}, raw=True)
            self._handle = None

    def add_task(self, description, total):
        """Begin a task of `total` units; its time is counted from now."""
        self._description, self._share, self._total = description, 0.0, total
        self._began, self._shown = self._clock(), -_EVERY
        return 0

    def remove_task(self, task):
        """The next task takes the place of this one."""

    def update(self, task, description, completed):
        """Move the bar to `completed` units; it is drawn ten times a second at most."""
        self._description, self._share = description, completed / self._total
        now = self._clock()
        if self._handle is not None and now - self._shown >= _EVERY:
            self._shown = now
            self._handle.update(self._content(), raw=True)

    def _content(self):
        if not self._description:
            return {"text/html": "", "text/plain": ""}
        elapsed = self._clock() - self._began
        text = f"{self._share:.0%}  {_minutes(elapsed)}"
        if 0 < self._share < 1:
            text += f"  left {_minutes(elapsed * (1 / self._share - 1))}"
        bar = f'<progress value="{self._share:.3f}" max="1"></progress>'
        style = "font-family:monospace;white-space:pre"
        html = f'<div style="{style}">{escape(self._description)}  {bar}  {text}</div>'
        return {"text/html": html, "text/plain": f"{self._description}  {text}"}


def _minutes(seconds):
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"
