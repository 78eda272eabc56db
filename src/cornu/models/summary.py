"""The table that `model.summary()` prints."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

_UNITS = ((2**30, "GB"), (2**20, "MB"), (2**10, "KB"))


def print_summary(
    model: Any,
    line_length: int | None,
    print_fn: Callable[[str], Any] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Any,
) -> None:
    """Print the layers of a model; see `Model.summary`."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f'Model: "{model.name}"', title_justify="left")
    table.add_column("Layer (type)", overflow="fold")
    table.add_column("Output Shape", overflow="fold")
    table.add_column("Param #", justify="right")
    if show_trainable:
        table.add_column("Trainable", justify="center")
    for layer, depth in _rows(model.layers, expand_nested, layer_range):
        row = [
            f"{'  ' * depth}{layer.name} ({type(layer).__name__})",
            _shape(layer),
            f"{layer.count_params():,}" if layer.built else "0 (unbuilt)",
        ]
        table.add_row(
            *row, *(["Y" if layer.trainable else "N"] if show_trainable else [])
        )
    buffer = io.StringIO()
    console = Console(file=buffer, width=line_length or 80)
    console.print(table)
    trained = sum(v.spec.size for v in model.trainable_variables)
    total = model.count_params()
    size = sum(v.spec.nbytes for v in model.weights)
    lines = [
        f" Total params: {total:,} ({_size(size)})",
        f" Trainable params: {trained:,}",
        f" Non-trainable params: {total - trained:,}",
    ]
    if not model.built:
        lines.append(
            " The model is not built: call it on data, or give it an input shape."
        )
    (print_fn or print)(buffer.getvalue() + "\n".join(lines))


def _rows(layers: list[Any], nested: bool, between: Any, depth: int = 0) -> Any:
    names = [layer.name for layer in layers]
    start, stop = 0, len(layers)
    if between is not None:
        start, stop = names.index(between[0]), names.index(between[1]) + 1
    for layer in layers[start:stop]:
        yield layer, depth
        if nested and hasattr(layer, "layers"):
            yield from _rows(layer.layers, nested, None, depth + 1)


def _shape(layer: Any) -> str:
    try:
        shape = layer.output_shape
    except AttributeError:
        return "?"
    return str(shape)


def _size(nbytes: int) -> str:
    for unit, name in _UNITS:
        if nbytes >= unit:
            return f"{nbytes / unit:.2f} {name}"
    return f"{nbytes} B"
