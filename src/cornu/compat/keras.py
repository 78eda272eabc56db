"""What `import keras` gives under `cornu run`: Cornu's names, and Keras's version."""

from __future__ import annotations

from typing import Any

import cornu

# The release of Keras whose public behaviour is implemented and tested against.
__version__ = "3.15.1"


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(cornu, name)


def __dir__() -> list[str]:
    return dir(cornu)
