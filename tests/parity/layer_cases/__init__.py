"""What every layer is tried with, family by family.

A module of this package has `CASES`, a list of cases per class, and may have `DRAWN`, a
hypothesis strategy of cases per class. Whatever is in `cornu.layers` needs an entry.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One configuration of a layer, and what it is called on.

    Args:
        config: arguments of the layer.
        shapes: one shape per input, the batch first.
        how: 'one' input, a 'list' of them, or several 'args'.
        ints: inputs are whole numbers below this; None for normal ones.
        mask: None, or which steps are left out: 'post', 'pre', 'some', 'none'.
        call: further arguments of the call; arrays as they are.
        training: the flag of the call.
        gradient: whether there is one.
        symbolic: whether the layer can be part of a functional model like this.
    """

    config: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    how: str = "one"
    ints: int | None = None
    mask: str | None = None
    call: dict[str, Any] = {}
    training: bool | None = None
    gradient: bool = True
    symbolic: bool = True

    def inputs(self, dtype: str) -> list[np.ndarray]:
        """Values for the inputs, the same in every run."""
        rng = np.random.default_rng(len(self.shapes) + sum(map(sum, self.shapes)))
        if self.ints is not None:
            return [rng.integers(0, self.ints, s).astype("int32") for s in self.shapes]
        return [rng.normal(size=shape).astype(dtype) for shape in self.shapes]

    def masks(self) -> list[np.ndarray] | None:
        """One mask of shape (batch, steps) per input, or None."""
        if self.mask is None:
            return None
        return [_mask(self.mask, shape[0], shape[1]) for shape in self.shapes]

    def __str__(self) -> str:
        extra = [self.how, self.mask, self.training, self.ints, *self.call]
        words = [f"{k}={v}" for k, v in self.config.items()]
        words += [str(s) for s in self.shapes] + [str(e) for e in extra if e]
        return "-".join(words).replace(" ", "")[:100]


def _mask(kind: str, rows: int, steps: int) -> np.ndarray:
    lengths = (np.arange(rows) * 2 + steps // 2) % steps + 1
    mask = np.arange(steps) < lengths[:, None]
    if kind == "pre":
        return mask[:, ::-1].copy()
    if kind == "some":
        return np.random.default_rng(steps).random((rows, steps)) < 0.6
    return np.ones_like(mask) if kind == "none" else mask


def case(*shapes: tuple[int, ...], **config: Any) -> Case:
    """A Case; names with an underscore in front are its fields, others arguments.

    Example: `case((2, 5, 3), units=4, _mask="post")`
    """
    fields = {k[1:]: config.pop(k) for k in list(config) if k.startswith("_")}
    return Case(config, shapes, **fields)


CASES: dict[str, list[Case]] = {}
DRAWN: dict[str, Any] = {}
for _found in pkgutil.iter_modules(__path__):
    _module = importlib.import_module(f"{__name__}.{_found.name}")
    CASES.update(_module.CASES)
    DRAWN.update(getattr(_module, "DRAWN", {}))
