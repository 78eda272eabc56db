"""Graphs as text: typed, in sections, one line per operation."""

from __future__ import annotations

import re
import textwrap
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
        self._keep: list[Any] = []  # ids stay unique while the values live

    def reserve(self, *names: str) -> None:
        """Names that values must not take."""
        self._taken.update(names)

    def of(self, value: Value) -> str:
        """The name of a value, the same one each time."""
        name = self._names.get(id(value))
        if name is None:
            name = self.again(value)
        return name

    def again(self, value: Value) -> str:
        """A new name for a value, each time another one."""
        return self.give(value, self._wish(value))

    def of_graph(self, graph: Graph) -> str:
        """The name of a sub-graph, the same one each time."""
        return self._names.get(id(graph)) or self.give(graph, graph.name)

    def give(self, value: Any, wish: str) -> str:
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

    A leading `d_` (a gradient) or `new_` (what a variable becomes) stays in front.
    """
    prefix = ""
    while found := re.match("d_|new_", path):
        prefix, path = prefix + found[0], path[found.end() :]
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


def format_params(params: dict[str, Any], bodies: Names | None = None) -> list[str]:
    """Parameters as `name=value`, sub-graphs by the names that `bodies` gives them."""
    shown = []
    for key, value in params.items():
        if isinstance(value, Graph):
            name = value.name if bodies is None else bodies.of_graph(value)
            shown.append(f"{key}=<{name}>")
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

_WIDTH = 100
_SPECS_AT = 62  # the column of the specs, at most


def format_graph(graph: Graph) -> str:
    """The graph as text; scalar constants stand where they are used.

    The bodies of loops and branches follow, under the names that the nodes use.
    """
    bodies = Names()
    out, waiting = _format(graph, graph.name, bodies), _bodies(graph)
    seen: set[int] = set()
    while waiting:
        body = waiting.pop(0)
        if id(body) not in seen:
            seen.add(id(body))
            out += ["", *_format(body, f"<{bodies.of_graph(body)}> ", bodies)]
            waiting += _bodies(body)
    return "\n".join(out)


def _bodies(graph: Graph) -> list[Graph]:
    params = (p for node in graph.nodes for p in node.params.values())
    return [p for p in params if isinstance(p, Graph)]


def _format(graph: Graph, title: str, bodies: Names) -> list[str]:
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
        lines.append(_format_node(node, names, text, bodies))
    out = _wrap(f"{title}({header})", "", "    ")
    if graph.state:
        total = sum(s.before.spec.nbytes for s in graph.state)
        reads = [f"{names.of(s.before)}: {s.before.spec}" for s in graph.state]
        out += [f"  state ({len(graph.state)} variables, {total:,} bytes):"]
        out += _wrap(_together(reads), "    ")
    fitting = [len(a) for a, b in lines if b and len(a) + 4 + len(b) <= _WIDTH]
    width = min(max(fitting, default=0), _SPECS_AT)
    for a, b in lines:
        out += _with_spec(a, b, width)
    plain, writes = [], []
    for slot in graph.state:
        if slot.after is not None:
            name, new = names.of(slot.before), text(slot.after)
            if new == f"new_{name}":
                plain.append(name)
            else:
                writes.append(f"{name} <- {new}")
    if plain:
        out += _wrap(f"write x <- new_x: {', '.join(plain)}", "  ", "    ")
    if writes:
        out += _wrap(f"write {_together(writes)}", "  ", "    ")
    if graph.checks:
        checks = ", ".join(text(v) for v in graph.checks)
        out += _wrap(f"check {checks}: finite, before anything is written", "  ")
    returned = ", ".join(text(v) for v in graph.outputs)
    return out + _wrap(f"return {returned}".rstrip(), "  ", "      ")


def _format_node(node: Node, names: Names, text: Any, bodies: Names) -> tuple[str, str]:
    inputs = [text(v) for v in node.inputs]
    outs = ", ".join(names.of(v) for v in node.outputs)
    call = ", ".join([*inputs, *format_params(node.params, bodies)])
    specs = ", ".join(str(v.spec) for v in node.outputs)
    return f"  {outs} = {node.op.name}({call})", specs


def _with_spec(text: str, spec: str, width: int) -> list[str]:
    """A line with the spec of its result at the right; a long one goes on below."""
    line = f"{text:<{width}}    {spec}".rstrip()
    if len(line) <= _WIDTH:
        return [line]
    *above, last = _wrap(text.strip(), "  ", "      ", _WIDTH - 12)
    line = f"{last:<{width}}    {spec}"
    if len(line) <= _WIDTH:
        return [*above, line]
    return [*above, last, *_wrap(spec, " " * 12)]


_BLANK = "\0"  # a blank at which no line is broken


def _together(parts: list[str]) -> str:
    return ", ".join(part.replace(" ", _BLANK) for part in parts)


def _wrap(
    text: str, indent: str, below: str | None = None, width: int = _WIDTH
) -> list[str]:
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if below is None else below,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_BLANK, " ") for line in lines]
