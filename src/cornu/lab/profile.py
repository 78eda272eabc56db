"""`cornu profile`: where the time of a training step goes, layer by layer."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, NamedTuple

from cornu import engines, files
from cornu.graph.graph import Graph
from cornu.graph.node import Node
from cornu.lab import flame, floors, folders, output
from cornu.lab.mistake import Mistake
from cornu.lab.output import say
from cornu.lab.run import run_script
from cornu.lab.stopwatch import Enough, Measured, Record, Recorder

SECTIONS = ("forward", "loss", "backward", "update", "metrics")
OUTSIDE = "outside the program"
_BETWEEN = "between the lines"  # of the program: its call, copies, checks
_NUMBERS = {"calls": 6, "ms/step": 9, "share": 7, "of floor": 8}  # columns, widths
_SMALL = 0.005  # share of what is shown as one line


class Row(NamedTuple):
    """A part of a step, whose time is its own: all rows together are the step.

    Attributes:
        section: 'forward', 'loss', ..., or what is outside.
        layer: where it belongs; "" where that is nowhere.
        operation: what is computed.
        text: the line of the program.
        calls: how often per run of the program.
        seconds: per step.
        floor: seconds that it takes at least, or None.
        path: the operations that it is a part of, as the body of a loop is.
    """

    section: str
    layer: str
    operation: str
    text: str
    calls: float
    seconds: float
    floor: float | None = None
    path: tuple[str, ...] = ()


def run(
    script: str,
    args: list[str],
    steps: int,
    warmup: int,
    everything: bool,
    lines: bool,
    picture: Path | None,
) -> int:
    """Run a script, and show where the time of its training steps goes.

    Args:
        script, args: as for `run_script`.
        steps: so many are measured; then the script is ended. 0 for all.
        warmup: so many are not, the first of all.
        everything: whether operations that take little time are shown too.
        lines: whether they are shown as the program has them.
        picture: an .svg or .html file for the picture, or None.

    Returns:
        The exit status: that of the script.

    Raises:
        Mistake: where there was nothing to measure.
    """
    _check_engine()
    if picture is not None and picture.suffix.lower() not in (".svg", ".html"):
        raise Mistake(
            f"--flame was given {str(picture)!r}.",
            "Expected a file that ends in .svg or .html.",
            "For example --flame step.svg.",
            status=2,
        )
    recorder, status, leaving = Recorder(warmup, steps), 0, None
    with recorder:
        try:
            status = run_script(script, args)
        except Enough:
            pass
        except SystemExit as exit_:
            leaving = exit_
    record = recorder.record()
    if record is None:
        if status:  # its error was shown
            return status
        raise _nothing(script, recorder)
    found = rows(record)
    say(table(record, found, everything, lines))
    if picture is not None:
        _draw(picture, record, found)
    if leaving is not None:
        raise leaving
    return status


def _check_engine() -> None:
    engine = engines.current().name
    if engine != "numpy":
        raise Mistake(
            f"Programs run on {engine!r} here, whose steps have no lines to look at.",
            "Expected the engine numpy, whose programs are profiled line by line.",
            "Take CORNU_ENGINE or KERAS_BACKEND out of the environment.",
        )


def _nothing(script: str, recorder: Recorder) -> Mistake:
    if recorder.taken:
        return Mistake(
            f"{script} trained for {recorder.taken} steps, which all are warm-up.",
            f"Expected more than {recorder.warmup} steps.",
            "Train for more steps or epochs, or pass a smaller --warmup.",
        )
    return Mistake(
        f"{script} ended, and no training step ran in a program.",
        "Expected a script that calls model.fit or model.train_on_batch, on the engine "
        "numpy and without run_eagerly.",
        "Call fit in it; loops over a GradientTape have no program.",
    )


def _draw(picture: Path, record: Record, found: list[Row]) -> None:
    title = f"{record.main.name}: {_ms(record.seconds / record.steps)} ms per step"
    text = flame.svg(_tree(title, found))
    if picture.suffix.lower() == ".html":
        text = flame.page(title, text)
    try:
        files.write(picture, text.encode())
    except (OSError, ValueError) as error:
        raise folders.unwritable(picture, error, "file") from error
    say(f"Wrote {picture}")


# What there is


def rows(record: Record) -> list[Row]:
    """The parts of a step, in the order of the program, and then what is outside."""
    n = record.steps
    found = _of_program(record.main, n)
    found += [
        Row(OUTSIDE, "", f"program: {name}", "", 1, seconds / n)
        for name, seconds in record.others.items()
    ]
    parts = sorted(record.outside.items(), key=lambda part: -part[1])
    return found + [Row(OUTSIDE, "", name, "", 1, s / n) for name, s in parts]


def _of_program(measured: Measured, steps: int) -> list[Row]:
    layers = layers_of(measured.graph)
    inner = [0.0] * len(measured.laps)  # seconds of a lap that its parts took
    for lap, seconds in zip(measured.laps, measured.spent, strict=True):
        if lap.parent is not None:
            inner[lap.parent] += seconds
    found: list[Row] = []
    for i, lap in enumerate(measured.laps):
        outer = None if lap.parent is None else found[lap.parent]
        calls = measured.calls[i]
        floor = None if inner[i] else floors.floor(lap.node)
        scope = lap.node.scope
        found.append(
            Row(
                outer.section if outer else scope.section or "step",
                layers.get(id(lap.node), scope.layer) or (outer.layer if outer else ""),
                operation(lap.node),
                lap.text,
                calls / max(measured.runs, 1),
                (measured.spent[i] - inner[i]) / steps,
                None if floor is None else floor * calls / steps,
                (*outer.path, outer.operation) if outer else (),
            )
        )
    whole = zip(measured.spent, measured.laps, strict=True)
    between = measured.seconds - sum(s for s, lap in whole if lap.parent is None)
    found.append(Row(OUTSIDE, "", _BETWEEN, "", 1, max(between, 0.0) / steps))
    return found


def operation(node: Node) -> str:
    """What a node computes: its operation, or those that were joined in it."""
    if node.op.name != "fusion":
        return node.op.name
    names = [n.op.name for n in node.params["body"].nodes if n.inputs]
    if len(names) < 4:
        return ", ".join(names)
    return f"{len(names)} joined: {', '.join(dict.fromkeys(names))}"


def layers_of(graph: Graph) -> dict[int, str]:
    """The layer that each node works for, by the node's identity.

    What the optimizer and the metrics compute has no layer: it works for the layer
    (or the metric) whose variable it becomes.
    """
    layers = set[str]().union(*(_named(node) for node in graph.nodes))
    found: dict[int, set[str]] = {}
    for slot in graph.state:
        node = slot.after.node if slot.after is not None else None
        if node is not None and not _named(node):
            found.setdefault(id(node), set()).add(_owner(slot.variable.path, layers))
    named: dict[int, str] = {}
    for node in reversed(graph.nodes):
        own = _named(node) or found.get(id(node), set())
        own = own & layers or own  # a weight and its moments: the weight's layer
        named[id(node)] = " + ".join(sorted(own)) if len(own) < 4 else "several layers"
        for value in node.inputs:
            maker = value.node
            same = maker is not None and maker.scope.section == node.scope.section
            if maker is not None and same and not _named(maker):
                found.setdefault(id(maker), set()).update(own)
    return named


def _owner(path: str, layers: set[str]) -> str:
    """The layer that a variable belongs to, or what else its path begins with."""
    owner = first = path.rpartition("/")[0]
    while owner and owner not in layers:
        owner = owner.rpartition("/")[0]
    return owner or first


def _named(node: Node) -> set[str]:
    """The layers in whose call a node was recorded, or those that it joins."""
    if node.op.name == "fusion":
        body = node.params["body"].nodes
        return {n.scope.layer for n in body if n.scope.layer and n.inputs}
    return {node.scope.layer} - {""}


# How it is shown


def table(
    record: Record, found: list[Row], everything: bool = False, lines: bool = False
) -> str:
    """A table: sections with their sums, and in them the operations that take long.

    Args:
        record: what was measured.
        found: its rows.
        everything: whether operations that take little time are shown too.
        lines: whether they are shown as the program has them.
    """
    from rich.console import Console

    whole = record.seconds / record.steps
    width = max(output.width(), 80)
    layers = min(
        max([len(OUTSIDE), *(len(row.layer) + 2 for row in found)]), width // 4
    )
    shown = _empty(layers, width - layers - sum(_NUMBERS.values()) - 2 * 5)
    for section in _in_order(found):
        part = [row for row in found if row.section == section]
        total = sum(row.seconds for row in part)
        share = _percent(total / whole)
        of_floor = _of_floor(part)
        shown.add_row(section, "", "", _ms(total), share, of_floor, style="bold")
        small = _SMALL * whole
        large = [row for row in part if everything or row.seconds >= small]
        if section == OUTSIDE:
            large = sorted(large, key=lambda row: -row.seconds)
        for row in large:
            shown.add_row(*_cells(row, whole, lines))
        rest = [row for row in part if row not in large]
        if rest:
            seconds = sum(row.seconds for row in rest)
            name = f"{len(rest)} more" if large else f"{len(rest)} operations"
            share = _percent(seconds / whole)
            shown.add_row("", name, "", _ms(seconds), share, "", style="dim")
    out = io.StringIO()
    terminal = sys.stdout is not None and sys.stdout.isatty()
    Console(file=out, width=width, force_terminal=terminal).print(shown)
    text = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
    return f"{_title(record)}\n\n{text}\n\n{_legend()}"


def _empty(layers: int, operations: int) -> Any:
    """A table of columns that are so wide."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for name, width in (("section, layer", layers), ("operation", operations)):
        shown.add_column(name, width=width, overflow="ellipsis", no_wrap=True)
    for name, width in _NUMBERS.items():
        shown.add_column(name, width=width, justify="right", no_wrap=True)
    return shown


def _title(record: Record) -> str:
    steps = f"{record.steps} step" + "s" * (record.steps != 1)
    each = _ms(record.seconds / record.steps)
    return f"{record.main.name}: {each} ms per step, the mean of {steps}"


def _legend() -> str:
    speed = floors.product_speed("float32") / 1e9
    width = floors.bandwidth(floors.LARGEST) / 1e9
    return output.paragraph(
        "'of floor' is the time that the operation must take at least, as a part of "
        f"the time that it took: products at {speed:.0f} GFLOP/s (float32), bytes at "
        f"{width:.0f} GB/s or faster where they fit a cache, both measured here and "
        "now. An operation of many calls has the clock's own time in it, about 0.1 µs "
        "a call."
    )


def _in_order(found: list[Row]) -> list[str]:
    there = dict.fromkeys(row.section for row in found)
    first = [name for name in SECTIONS if name in there]
    rest = [name for name in there if name not in first and name != OUTSIDE]
    return [*first, *rest, OUTSIDE]


def _cells(row: Row, whole: float, lines: bool) -> list[Any]:
    from rich.text import Text  # plain: brackets are no markup

    indent = "  " * len(row.path)
    operation = row.text if lines and row.text else row.operation
    calls = f"{row.calls:.0f}" if row.calls >= 1 else f"{row.calls:.2f}"
    return [
        Text(f"  {row.layer}"),
        Text(f"{indent}{operation}"),
        calls if row.section != OUTSIDE else "",
        _ms(row.seconds),
        _percent(row.seconds / whole),
        _of_floor([row]),
    ]


def _of_floor(part: list[Row]) -> str:
    """The floor as a part of the time; "" where it is known of less than all."""
    known = [row for row in part if row.floor is not None]
    seconds = sum(row.seconds for row in known)
    if not seconds or seconds < 0.9 * sum(row.seconds for row in part):
        return ""
    return f"{min(sum(row.floor or 0.0 for row in known) / seconds, 1.0) * 100:.0f} %"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _tree(title: str, found: list[Row]) -> flame.Frame:
    """The rows as frames: sections, layers in them, operations in those."""
    whole = flame.Frame(title)
    for section in _in_order(found):
        for row in found:
            if row.section != section:
                continue
            names = [section, *([row.layer] if row.layer else []), *row.path]
            frame = whole
            for name in names:
                frame = frame.child(name)
            frame = frame.child(row.operation)
            frame.own += row.seconds
            frame.note = row.text or frame.note
    return whole
