"""A backend of matplotlib for computers without a display: `plt.show()` saves files.

`cornu run` names it in MPLBACKEND; matplotlib imports it when the script plots.
"""

from __future__ import annotations

import io
import itertools
import sys
from pathlib import Path
from typing import Any

from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cornu import files
from cornu.lab import folders

_numbers = itertools.count(1)


class FigureManager(FigureManagerBase):
    """What stands for a window: a file."""

    _path: Path | None = None

    def show(self) -> None:
        """Save the figure, under the same name if it was shown before."""
        new = self._path is None
        if self._path is None:
            script = getattr(sys.modules["__main__"], "__file__", None) or "script"
            self._path = Path(f"{Path(script).stem}-figure-{next(_numbers)}.png")
        picture = io.BytesIO()
        self.canvas.figure.savefig(picture, format="png")
        try:
            files.write(self._path, picture.getvalue())
        except OSError as error:
            print(folders.unwritable(self._path, error), file=sys.stderr)
        else:
            if new:  # not at every turn of a loop with plt.pause
                text = f"There is no display: saved the figure as {self._path}"
                print(text, file=sys.stderr, flush=True)

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        """Save all open figures; they are closed then, as if by their windows."""
        for manager in Gcf.get_all_fig_managers():
            manager.show()
        if block is not False:
            Gcf.destroy_all()


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas, whose window is a file."""

    manager_class: Any = FigureManager
