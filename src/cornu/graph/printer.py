"""Graphs as text: typed, in sections, one line per operation."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cornu.graph.graph import Graph
from cornu.graph.node import Node, Value
from cornu.graph.trace import Literal, constant


class Names:
    """Unique readable names for values, taken from layers and operations."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._names: dict[int, str] = {}
        self._keep: list[Value] = []  # ids stay unique while the values live

    def reserve(self, *names: str) -> None:
        """Names that values must not take."""
        self._taken.update(names)

    def of(self, value: Value) -> str:
        """The name of a value, the same one each time."""
        name = self._names.get(id(value))
        if name is None:
            name = self.give(value, self._wish(value))
        return name

    def give(self, value: Value, wish: str) -> str:
        """Name a value as wished, with a number if the name is taken."""
        base = re.sub(r"\W+", "_", wish).strip("_") or "t"
        if base[0].isdigit():
            base = f"t{base}"
        name, n = base, 1
        while name in self._taken:
            n += 1
            name = f"{base}_{n}"
        self._taken.add(name)
        self._names[id(value)] = name
        self._keep.append(value)
        return name

    @staticmethod
    def _wish(value: Value) -> str:
        if value.name:
            return short_path(value.name)
        node = value.node
        if node is None:
            return "input"
        layer = short_path(node.scope.layer)
        op = _OP_NAMES.get(node.op.name, node.op.name)
        wish = f"{layer}_{op}" if layer else op
        if node.scope.section == "backward" and not wish.startswith("d_"):
            wish = f"d_{wish}"
        return wish


# As people call these results; the operation itself is in the line anyway.
_OP_NAMES = {"dot_general": "dot", "reduce_sum": "sum", "reduce_max": "max"}


def short_path(path: str) -> str:
    """The last two parts of a path: `sequential/dense/kernel` is `dense_kernel`.

    A leading `d_` (a gradient) stays in front.
    """
    prefix = ""
    while path.startswith("d_"):
        prefix, path = prefix + "d_", path[2:]
    parts = path.split("/")
    return prefix + "_".join(parts[-2:])


def literal_text(array: np.ndarray) -> str | None:
    """A scalar constant as Python writes it, or None for arrays."""
    if array.ndim or array.dtype.kind not in "biuf":
        return None
    number = array.item()
    if isinstance(number, float):
        if not np.isfinite(number):
            return None
        # The shortest text that gives the same number in this precision.
        return str(array[()]) if array.dtype.itemsize >= 4 else repr(number)
    return str(number)


def format_params(params: dict[str, Any]) -> list[str]:
    """Parameters as `name=value`, sub-graphs by name."""
    shown = []
    for key, value in params.items():
        if isinstance(value, Graph):
            shown.append(f"{key}=<{value.name}: {len(value.nodes)} ops>")
        elif isinstance(value, Literal):
            shown.append(f"{value.array.dtype}{list(value.array.shape)}")
        elif callable(value):
            shown.append(f"{key}={getattr(value, '__name__', 'function')}")
        elif key == "contract":
            # `1x0`: the first tensor's axis 1 meets the second one's axis 0.
            pairs = zip(*value, strict=True)
            shown.append(f"axes={','.join(f'{a}x{b}' for a, b in pairs)}")
        elif value not in _DEFAULTS.get(key, ()):
            shown.append(f"{key}={value}")
    return shown


# Parameters that need not be said.
_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "batch": (((), ()),),
    "keepdims": (False,),
    "from_logits": (False,),
}


def format_graph(graph: Graph) -> str:
    """The graph as text; scalar constants stand where they are used."""
    names = Names()
    lines: list[tuple[str, str]] = []
    inline: dict[int, str] = {}

    def text(value: Value) -> str:
        return inline.get(id(value)) or names.of(value)

    header = ", ".join(f"{names.of(v)}: {v.spec}" for v in graph.inputs)
    for slot in graph.state:
        names.of(slot.before)
    section = None
    for node in graph.nodes:
        if node.op is constant:
            literal = literal_text(node.params["value"].array)
            if literal is not None:
                inline[id(node.outputs[0])] = literal
                continue
        if node.scope.section != section and node.scope.section:
            section = node.scope.section
            lines.append((f"  # {section}", ""))
        lines.append(_format_node(node, names, text))
    out = [f"{graph.name}({header})"]
    if graph.state:
        total = sum(s.before.spec.nbytes for s in graph.state)
        reads = ", ".join(f"{names.of(s.before)}: {s.before.spec}" for s in graph.state)
        out += [f"  state ({len(graph.state)} variables, {total:,} bytes):"]
        out += _wrap(reads, "    ")
    width = min(max((len(a) for a, b in lines if b), default=0), 62)
    out += [f"{a:<{width}}    {b}".rstrip() for a, b in lines]
    writes = [
        f"{names.of(s.before)} <- {text(s.after)}"
        for s in graph.state
        if s.after is not None
    ]
    if writes:
        out += ["  write:", *_wrap(", ".join(writes), "    ")]
    out.append(f"  return {', '.join(text(v) for v in graph.outputs)}")
    return "\n".join(out)


def _format_node(node: Node, names: Names, text: Any) -> tuple[str, str]:
    inputs = [text(v) for v in node.inputs]
    outs = ", ".join(names.of(v) for v in node.outputs)
    call = ", ".join([*inputs, *format_params(node.params)])
    specs = ", ".join(str(v.spec) for v in node.outputs)
    return f"  {outs} = {node.op.name}({call})", specs


def _wrap(text: str, indent: str, width: int = 88) -> list[str]:
    import textwrap

    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
    )
