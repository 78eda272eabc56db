"""The table that `model.summary()` prints, and the one that notebooks show."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from cornu.graph import html
from cornu.graph.messages import nearest
from cornu.models.structure import Row, is_chain, rows_of

_UNITS = ("B", "KB", "MB", "GB", "TB")
_NUMBER, _NONE, _CLASS = "color(34)", "color(45)", "color(33)"  # Keras's colours
# Keras's proportions of the columns, without and with connections.
_CHAIN, _GRAPH = (0.45, 0.8, 1.0), (0.3, 0.56, 0.74, 1.0)
_WIDTHS, _TRAINABLE = {3: 88, 4: 108}, 12
_NARROWEST = 4

Cells = list[list[str]]


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the layers of a model; see `Model.summary`."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    header, cells = table_of(model, expand_nested, show_trainable, layer_range)
    if line_length is None:
        usual = _WIDTHS[len(header) - show_trainable] + _TRAINABLE * show_trainable
        line_length = min(usual, shutil.get_terminal_size().columns)
    if positions is None:
        widths = _fitting(header, cells, line_length)
        cells = [
            [
                _broken(cell, _parts(title, cell), width)
                for title, cell, width in zip(header, row, widths, strict=True)
            ]
            for row in cells
        ]
        table = Table(show_lines=True)
    else:
        widths = _by_positions(positions, line_length, show_trainable, len(header))
        table = Table(show_lines=True, width=line_length)
    file = None if print_fn is None else io.StringIO()
    plain: dict[str, Any] = {}
    if file is not None:
        plain = {"force_terminal": False, "force_jupyter": False, "color_system": None}
    console = Console(file=file, width=line_length, highlight=False, **plain)
    for title, width in zip(header, widths, strict=True):
        justify: Any = {"Param #": "right", "Trainable": "center"}.get(title, "left")
        table.add_column(title, justify=justify, width=width, overflow="fold")
    for row in cells:
        if console.options.ascii_only:
            row = [cell.replace("└", "`") for cell in row]
        table.add_row(*map(_coloured, row))
    console.print(Text(f'Model: "{model.name}"', "bold"), soft_wrap=True)
    console.print(table)
    for line in totals(model):
        text = _coloured(line)
        text.stylize("bold", 0, line.find(":") + 1)
        console.print(text, soft_wrap=True)
    if file is not None and print_fn is not None:
        print_fn(file.getvalue())


def table_of(
    model: Any,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> tuple[list[str], Cells]:
    """Titles of the columns, and the texts of each row.

    Raises:
        ValueError: when `layer_range` does not name two layers.
    """
    rows = rows_of(model)
    if layer_range is not None:
        start, stop = _range(layer_range, rows)
        shown = rows[start:stop]
    else:
        shown = rows
    lines = [line for row in shown for line in _lines(row, 0, expand_nested)]
    chains = [is_chain(rows), *(is_chain(inner) for _, _, inner in lines if inner)]
    header = ["Layer (type)", "Output Shape", "Param #"]
    header += [] if all(chains) else ["Connected to"]
    header += ["Trainable"] if show_trainable else []
    cells = []
    for row, depth, _ in lines:
        prefix = "   " * depth + "└ " if depth else ""
        params = "0 (unbuilt)" if row.weights is None else f"{row.weights:,}"
        line = [f"{prefix}{row.name} ({row.kind})", row.output_shape, params]
        if not all(chains):
            found = [str(origin) for sources in row.sources for origin in sources]
            line.append(", ".join(found) or "-")
        if show_trainable:
            line.append({None: "-", True: "Y", False: "N"}[row.trainable])
        cells.append(line)
    return header, cells


def _lines(row: Row, depth: int, nested: bool) -> list[tuple[Row, int, list[Row]]]:
    """A row, how deep it stands, and the rows in it; then these, if they are shown."""
    inner = rows_of(row.function) if nested and row.is_model else []
    below = [line for each in inner for line in _lines(each, depth + 1, nested)]
    return [(row, depth, inner), *below]


def totals(model: Any) -> list[str]:
    """The lines below the table."""
    trained, fixed = model.trainable_weights, model.non_trainable_weights
    optimizer = getattr(model, "optimizer", None)
    of_optimizer = optimizer.variables if optimizer and optimizer.built else None
    lines = [
        f" Total params: {_numbers([*trained, *fixed, *(of_optimizer or [])])}",
        f" Trainable params: {_numbers(trained)}",
        f" Non-trainable params: {_numbers(fixed)}",
    ]
    if of_optimizer is not None:
        lines.append(f" Optimizer params: {_numbers(of_optimizer)}")
    if not model.built:
        lines.append(
            " The model is not built: call it on data, or give it an input shape."
        )
    return lines


def as_html(model: Any) -> str:
    """The summary for notebooks."""
    header, cells = table_of(model)
    title = html.heading(f'{type(model).__name__}: "{model.name}"')
    return title + html.table(header, cells, right=[2]) + html.paragraph(totals(model))


def _range(given: Any, rows: list[Row]) -> tuple[int, int]:
    """From where to where: names or regular expressions, as Keras reads them."""
    names = [row.name for row in rows]
    pair = list(given) if isinstance(given, (list, tuple)) else []
    if len(pair) != 2 or not all(isinstance(name, str) for name in pair):
        raise ValueError(
            f"summary was given layer_range={given!r}.\n"
            "Expected two names: of the first and of the last layer to show.\n"
            f"For example layer_range={(names[0], names[-1]) if names else None}."
        )
    found = []
    for name in pair:
        places = [i for i, each in enumerate(names) if _matches(name, each)]
        if not places:
            raise ValueError(
                f"summary was given layer_range={tuple(pair)}, but no layer is named "
                f"{name!r}.\n"
                "Expected names of layers of this model, or regular expressions.\n"
                f"{nearest(name, names)}"
            )
        found.append(places)
    first, last = found
    if first[0] > last[-1]:
        first, last = last, first
    return first[0], last[-1] + 1


def _matches(pattern: str, name: str) -> bool:
    try:
        return pattern == name or re.match(pattern, name) is not None
    except re.error:  # a name with brackets is no pattern
        return False


def _fitting(header: list[str], cells: Cells, limit: int) -> list[int]:
    """Widths for which no word is broken, where the line is long enough for that."""
    from rich.cells import cell_len

    def widest(parts_of: Callable[[str, str], list[str]], column: int) -> int:
        title = header[column]
        texts = [title, *(row[column] for row in cells)]
        return max(cell_len(part) for each in texts for part in parts_of(title, each))

    columns = range(len(header))
    room = limit - 3 * len(header) - 1  # a line and two blanks per column
    natural = [widest(lambda title, text: [text], i) for i in columns]
    # "(None, 28, 28)" is broken only where there is no other way.
    whole = [widest(_parts, i) for i in columns]
    words = [
        widest(lambda title, text: text.split(), i) if title == "Output Shape" else n
        for i, (title, n) in enumerate(zip(header, whole, strict=True))
    ]
    for least in (whole, words):
        spare = room - sum(least)
        if spare >= 0:
            needs = [max(n - m, 0) for n, m in zip(natural, least, strict=True)]
            part = min(1.0, spare / max(sum(needs), 1))
            return [m + int(n * part) for m, n in zip(least, needs, strict=True)]
    widths = list(words)
    while sum(widths) > room:
        widths[widths.index(max(widths))] -= 1
    if widths[-1] < _NARROWEST:
        raise _too_narrow(limit)
    return widths


def _parts(title: str, cell: str) -> list[str]:
    """The parts of a cell between which its lines are broken at best."""
    if title == "Layer (type)":
        name, _, kind = cell.rpartition(" (")
        indent = len(name) - len(name.lstrip(" └"))
        return [name, f"{' ' * indent}({kind}"]
    if title == "Output Shape":
        return cell.replace("), ", "),\n").split("\n")
    if title == "Connected to":
        return cell.replace("], ", "],\n").split("\n")
    return [cell]


def _broken(cell: str, parts: list[str], width: int) -> str:
    """A cell in as many lines as its width asks for."""
    from rich.cells import cell_len

    if cell_len(cell) <= width:
        return cell
    lines = parts[:1]
    for part in parts[1:]:
        longer = f"{lines[-1]} {part}"
        if cell_len(longer) <= width and not part.startswith(" "):
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines)


def _by_positions(
    positions: Sequence[float], length: int, show_trainable: bool, columns: int
) -> list[int]:
    """Widths as Keras takes them from the right ends of the columns."""
    usual = _CHAIN if columns - show_trainable == len(_CHAIN) else _GRAPH
    ends = list(positions)
    if len(ends) != len(usual) or sorted(set(ends)) != ends or ends[0] <= 0:
        raise ValueError(
            f"summary was given positions={positions}.\n"
            f"Expected {len(usual)} rising numbers, where each column ends: parts of "
            "the line, or numbers of characters.\n"
            f"For example positions={list(usual)}, or leave it away: columns then fit."
        )
    scale = length if ends[-1] <= 1 else 1
    if show_trainable:
        ends = [end * 0.9 for end in ends] + [ends[-1]]
    stops = [int(end * scale) for end in ends]
    widths = [b - a for a, b in zip([0, *stops], stops, strict=False)]
    if min(widths) < _NARROWEST:
        raise _too_narrow(length)
    return widths


def _too_narrow(length: int) -> ValueError:
    return ValueError(
        f"A line of {length} characters is too narrow for the summary.\n"
        f"Expected at least {_NARROWEST} characters for each column.\n"
        "Make the terminal wider, or give line_length= (80, for example)."
    )


def _coloured(cell: str) -> Any:
    """A text in which numbers, `None` and the class stand out on a terminal."""
    from rich.text import Text

    text = Text(cell)
    text.highlight_regex(r"(?<![\w.])[\d.,]*\d", _NUMBER)
    text.highlight_regex(r"\bNone\b", _NONE)
    text.highlight_regex(r"(?<=\()[A-Za-z_]\w*(?=\)$)", _CLASS)
    return text


def _numbers(variables: Any) -> str:
    """How many numbers, and in how many bytes."""
    unique = {id(v): v for v in variables}.values()
    size = float(sum(v.spec.nbytes for v in unique))
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{sum(v.spec.size for v in unique):,} ({size:.2f} {_UNITS[unit]})"
