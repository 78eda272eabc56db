"""The process in which real Keras loads data sets; started by `reference.py`.

Argument: the folder that has the files. Input and output: pickles, of calls and of
what they return.
"""

from __future__ import annotations

import importlib
import pickle
import sys
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    def get_file(fname: str | None = None, *args: Any, **kwargs: Any) -> str:
        # The files here are not byte for byte those of which Keras knows the checksum.
        assert fname is not None
        return str(folder / kwargs.get("cache_subdir", "").partition("/")[2] / fname)

    results = []
    for name, kwargs in pickle.load(sys.stdin.buffer):
        module_name, function = name.split(".")
        module = importlib.import_module(f"keras.src.datasets.{module_name}")
        module.get_file = get_file  # type: ignore[attr-defined]
        try:
            results.append(getattr(module, function)(**kwargs))
        except ValueError as error:
            results.append(str(error))
    pickle.dump(results, sys.stdout.buffer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
