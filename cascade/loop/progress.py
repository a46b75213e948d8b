"""Progress reports of training."""

import time
from contextlib import nullcontext

from features.errors import InputError

from .notebook_bar import NotebookBar


class Silent:
    """Reports nothing; the interface of all progress reports."""

    def cropping(self, done, total):
        """`done` of `total` image files are cropped."""

    def divided(self, n_samples, n_members):
        """There are `n_samples` samples, which `n_members` members of the training share."""

    def resumed(self, n_done, n_stages):
        """Training goes on after stage `n_done`."""

    def stage_begins(self, stage, n_stages):
        """Stage `stage` (1-based) of `n_stages` begins."""

    def tick(self, share):
        """`share` of the current stage is done."""

    def compiling(self):
        """Kernels begin to be compiled."""

    def compiled(self, seconds):
        """Kernels were compiled, in `seconds` seconds."""

    def stage_ends(self, row):
        """A stage is done; `row` is its line of the history."""


class Console(Silent):
    """A progress bar with the remaining time, and one line per stage, on the terminal (rich).

    A context manager. If the output is neither a terminal nor a notebook, only the lines are
    printed.

    Parameters
    ----------
    console : rich.console.Console, optional
        Without it, one on stderr.
    after : float
        Seconds before the first output; earlier messages are printed then.
    """

    def __init__(self, console=None, after=0.0):
        from rich.console import Console as Terminal

        self.console = console or Terminal(stderr=True)
        self._bar = NotebookBar() if self.console.is_jupyter else _terminal_bar(self.console)
        self._task = None
        self._subject = None
        self._stage, self._n_stages = 1, 1
        self._began = time.perf_counter()
        self._announced, self._compiling = False, 0.0
        # Lines held back while it is silent; None once it speaks.
        self._held = []
        self._speaks_at = self._began + after

    def __enter__(self):
        self._may_speak()
        return self

    def __exit__(self, *exception):
        if self._held is None:
            self._bar.stop()

    def say(self, text):
        """Print a line above the bar."""
        if self._may_speak():
            self._print(text)
        else:
            self._held.append(text)

    def _print(self, text):
        if self.console.is_jupyter:  # one block of text, where rich would show a box per line
            print(text)
        else:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _may_speak(self):
        """Whether output has begun; at the beginning, print the messages held back."""
        if self._held is not None and time.perf_counter() >= self._speaks_at:
            held, self._held = self._held, None
            self._bar.start()
            for text in held:
                self._print(text)
        return self._held is None

    def counting(self, subject):
        """A callable ``(done, total)`` that moves a bar of its own, named `subject`."""
        return lambda done, total: self._show(subject, subject, done / max(total, 1))

    def cropping(self, done, total):
        self._show("crop", "cropping faces", done / total)

    def divided(self, n_samples, n_members):
        if n_members > 1:
            self.say(f"{n_samples} samples on {n_members} workers")

    def resumed(self, n_done, n_stages):
        if n_done:
            self.say(f"resumed: {n_done} of {n_stages} stages were trained before")

    def compiling(self):
        """Kernels begin to compile: said once."""
        if not self._announced:
            self._announced = True
            self.say("compiling kernels, once on this machine: about ten seconds")

    def compiled(self, seconds):
        """Compilation took `seconds`; it is not counted in the time of a stage."""
        self._compiling += seconds

    def stage_begins(self, stage, n_stages):
        self._stage, self._n_stages = stage, n_stages
        self._began, self._compiling = time.perf_counter(), 0.0
        self.tick(0.0)

    def tick(self, share):
        text = f"training stage {self._stage} of {self._n_stages}"
        self._show("train", text, (self._stage - 1 + share) / self._n_stages)

    def stage_ends(self, row):
        text = f"stage {row['stage']:>2}  train NME {row['train_nme'] * 100:5.2f} %"
        if row["validation_nme"] is not None:
            text += f"  validation NME {row['validation_nme'] * 100:5.2f} %"
        compiling = self._compiling
        seconds = max(time.perf_counter() - self._began - compiling, 0.0)
        once = f" (and {compiling:.1f} s of compilation, once)" if compiling >= 0.1 else ""
        self.say(f"{text}  {seconds:6.1f} s{once}")

    def _show(self, subject, description, share):
        """Move the bar of `subject`; one of another subject gives way to it."""
        if subject != self._subject:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._subject, self._task = subject, self._bar.add_task(description, total=1.0)
        self._may_speak()
        self._bar.update(self._task, description=description, completed=share)


def _terminal_bar(console):
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("[dim]left"),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


#: Seconds after which a training reports its progress by default.
PATIENT = 2.0


def reporting(progress, verbose):
    """The progress report of a training, as a context manager.

    Parameters
    ----------
    progress : Silent or None
        A report that the caller has made and opened; it is used as it is.
    verbose : bool, int or None
        Used without `progress`: False or 0 reports nothing, True or a positive number reports from
        the start, and None reports once the training takes longer than two seconds.

    Raises
    ------
    InputError
        If `verbose` has another value.
    """
    if verbose is not None and (not isinstance(verbose, bool | int) or verbose < 0):
        raise InputError(f"verbose must be True, False or None, not {verbose!r}")
    if progress is not None:
        return nullcontext(progress)
    if verbose is None:
        return Console(after=PATIENT)
    return Console() if verbose else nullcontext(Silent())
