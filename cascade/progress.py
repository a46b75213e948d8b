"""What training tells those who wait for it."""

import time


class Silent:
    """Says nothing; the interface of all progress reports."""

    def cropping(self, done, total):
        """`done` of `total` image files are cropped."""

    def resumed(self, n_done, n_stages):
        """Training goes on after stage `n_done`."""

    def stage_begins(self, stage, n_stages):
        """Stage `stage` (1-based) of `n_stages` begins."""

    def tick(self, share):
        """`share` of the current stage is done."""

    def stage_ends(self, row):
        """A stage is done; `row` is its line of the history."""


class Console(Silent):
    """A progress bar with the time left, and a line a stage, on the terminal (rich)."""

    def __init__(self, console=None):
        from rich.console import Console as Terminal
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn

        self.console = console or Terminal(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task = None
        self._stages = (1, 1)

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *exception):
        self._bar.stop()

    def cropping(self, done, total):
        self._show("cropping faces", done / total)

    def resumed(self, n_done, n_stages):
        self.console.print(f"resumed: {n_done} of {n_stages} stages are trained")

    def stage_begins(self, stage, n_stages):
        self._stages = (stage, n_stages)
        self._began = time.perf_counter()
        self.tick(0.0)

    def tick(self, share):
        stage, n_stages = self._stages
        self._show(f"training stage {stage} of {n_stages}", (stage - 1 + share) / n_stages)

    def stage_ends(self, row):
        text = f"stage {row['stage']:>2}  train NME {row['train_nme'] * 100:5.2f} %"
        if row["validation_nme"] is not None:
            text += f"  validation NME {row['validation_nme'] * 100:5.2f} %"
        self.console.print(f"{text}  {time.perf_counter() - self._began:5.1f} s")

    def _show(self, description, share):
        kind = description.split()[0]
        if self._task is None or self._task[0] != kind:
            if self._task is not None:
                self._bar.remove_task(self._task[1])
            self._task = kind, self._bar.add_task(description, total=1.0)
        self._bar.update(self._task[1], description=description, completed=share)
