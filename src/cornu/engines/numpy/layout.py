"""How arrays lie in memory, worked out without having them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cornu.graph.node import Node
from cornu.graph.spec import Spec


def stand_in(spec: Spec) -> np.ndarray:
    """An array of this spec and C layout, without its memory; never to be read."""
    strides, step = [], np.dtype(spec.dtype).itemsize
    for n in reversed(spec.shape):
        strides.append(step)
        step *= n
    return np.lib.stride_tricks.as_strided(
        np.empty(1, spec.dtype), spec.shape, strides[::-1], writeable=False
    )


def is_whole(view: np.ndarray, spec: Spec) -> bool:
    """Whether a view walks through all of its base's memory in order."""
    return view.flags.c_contiguous and view.nbytes == spec.nbytes


def reshaped(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array in another shape, or None where that would copy."""
    try:
        return np.reshape(array, shape, copy=False)
    except ValueError:
        return None


def view_of(node: Node, x: np.ndarray) -> tuple[np.ndarray, str] | None:
    """What a node makes of `x` without moving a byte, and how that is written."""
    p = node.params
    match node.op.name:
        case "reshape":
            moved = reshaped(x, p["shape"])
            return None if moved is None else (moved, in_shape(p["shape"]))
        case "transpose":
            return np.transpose(x, p["axes"]), transposition(p["axes"])
        case "slice":
            parts = list(zip(p["starts"], p["stops"], p["steps"], strict=True))
            moved = x[tuple(slice(*part) for part in parts)]
            return moved, f"[{_index(parts, x.shape)}]"
        case "flip":
            text = ["::-1" if i in p["axes"] else ":" for i in range(x.ndim)]
            return np.flip(x, p["axes"]), f"[{', '.join(text) or '...'}]"
        case "stop_gradient" | "identity":
            return x, ""
    return None


def in_shape(shape: Sequence[int]) -> str:
    """How a change of shape is written."""
    return f".reshape({', '.join(map(str, shape)) or '()'})"


def transposition(axes: tuple[int, ...]) -> str:
    """How a transposition is written."""
    if axes == tuple(reversed(range(len(axes)))):
        return ".T"
    return f".transpose({', '.join(map(str, axes))})"


def _index(parts: list[tuple[int, int, int]], shape: tuple[int, ...]) -> str:
    text = []
    for (start, stop, step), n in zip(parts, shape, strict=True):
        low = str(start) if start else ""
        high = str(stop) if stop < n else ""
        text.append(f"{low}:{high}" + (f":{step}" if step != 1 else ""))
    while len(text) > 1 and text[-1] == ":":
        text.pop()
    return ", ".join(text)


def blas_takes(matrix: np.ndarray) -> bool:
    """Whether BLAS multiplies the last two axes as they lie, without a copy."""
    rows, columns = matrix.shape[-2:]
    down, right = (s // matrix.itemsize for s in matrix.strides[-2:])
    by_rows = (right == 1 or columns == 1) and (down >= columns or rows == 1)
    by_columns = (down == 1 or rows == 1) and (right >= rows or columns == 1)
    return by_rows or by_columns


class Factor:
    """One side of a product: (batch, rows, inner), as a view or by way of a copy.

    Args:
        array: the layout of the side.
        batch: its axes that both sides have in common.
        first: its axes that become rows.
        second: its axes that become columns.

    Attributes:
        text: what is written after the array's name.
        turned: how the array is written that is copied.
        copied: shape of the copy that must be made first, or None.
    """

    def __init__(
        self, array: np.ndarray, batch: list[int], first: list[int], second: list[int]
    ) -> None:
        moved, turned, shape = _matrix(array, batch, first, second)
        self.copied: tuple[int, ...] | None = None
        self.turned = turned
        merging = in_shape(shape) if moved.shape != shape else ""
        self.text = turned + merging
        merged = reshaped(moved, shape)
        if merged is None or not blas_takes(merged):
            self.copied, self.text = moved.shape, merging
            if not batch and first and _runs_along(array) == first[-1]:
                # What lies side by side stays so: that copies many times faster.
                moved, self.turned, shape = _matrix(array, [], second, first)
                self.copied, self.text = moved.shape, in_shape(shape) + ".T"


def _matrix(
    array: np.ndarray, batch: list[int], first: list[int], second: list[int]
) -> tuple[np.ndarray, str, tuple[int, ...]]:
    """The axes in this order, how that is written, and the shape as matrices."""
    order = [*batch, *first, *second]
    turned = "" if order == sorted(order) else transposition(tuple(order))
    shape = tuple(array.shape[i] for i in batch)
    shape += _size(array, first), _size(array, second)
    return np.transpose(array, order), turned, shape


def _runs_along(x: np.ndarray) -> int | None:
    """The axis whose elements lie side by side in memory, or None."""
    side_by_side = [i for i, n in enumerate(x.strides) if n == x.itemsize]
    return side_by_side[-1] if side_by_side else None


def factors(node: Node, a: np.ndarray, b: np.ndarray) -> tuple[Factor, Factor]:
    """Both sides of a dot_general as BLAS wants them."""
    (ca, cb), (ba, bb) = node.params["contract"], node.params["batch"]
    fa = [i for i in range(a.ndim) if i not in ca and i not in ba]
    fb = [i for i in range(b.ndim) if i not in cb and i not in bb]
    # Inner axes may come in any order that both sides share: the second one's own.
    pairs = sorted(zip(ca, cb, strict=True), key=lambda pair: pair[1])
    ca, cb = [p[0] for p in pairs], [p[1] for p in pairs]
    return Factor(a, [*ba], fa, ca), Factor(b, [*bb], cb, fb)


def _size(x: np.ndarray, axes: list[int] | tuple[int, ...]) -> int:
    n = 1
    for i in axes:
        n *= x.shape[i]
    return n
