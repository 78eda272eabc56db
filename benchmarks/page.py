"""The page of results: a table per work, and how they were come by."""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.driver import Times
from benchmarks.peers import PEERS
from benchmarks.works import Work, is_real

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def duration(seconds: float, unit: tuple[float, str] | None = None) -> str:
    """A time with three digits, in a unit that fits.

    Example:

    >>> duration(0.01234), duration(2.0), duration(5e-6)
    ('12.3 ms', '2.00 s', '5.00 µs')
    """
    size, name = unit or unit_of(seconds)
    value = seconds / size
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {name}"


def unit_of(seconds: float) -> tuple[float, str]:
    """The largest unit in which a time is at least 1."""
    return next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def best_peer(found: dict[str, Times]) -> str | None:
    """Who was the fastest of those that are not Cornu."""
    others = {
        name: times.median
        for name, times in found.items()
        if times.seconds and name in PEERS and not PEERS[name].is_own
    }
    return min(others, key=lambda name: others[name]) if others else None


def table(found: dict[str, Times], per: str, whole: bool = True) -> list[str]:
    """Rows of a table: times, and ratios to the best peer and to the floor.

    Args:
        found: times by name; 'floor' and 'python' are no peers.
        per: what a time is of.
        whole: whether there are a floor, losses and memory.
    """
    best = best_peer(found)
    floor = found.get("floor")
    head = ["", f"time per {per}", "from", "to", "to the best peer"]
    head += ["to the floor", "processor", "loss", "memory"] if whole else []
    lines = [_row(head), _row(["---", *["---:"] * (len(head) - 1)])]
    names = [name for name in ("floor", "python") if name in found]
    names += [name for name in PEERS if name in found]
    for name in names:
        times = found[name]
        title = PEERS[name].title if name in PEERS else name
        if not times.seconds:
            lines.append(_row([title, f"failed: {_cell(times.trouble)}"], len(head)))
            continue
        unit = unit_of(times.median)
        row = [title, *(duration(t, unit) for t in _three(times))]
        is_peer = best is not None and name in PEERS
        row.append(_ratio(times.median / found[best].median) if is_peer else "")  # type: ignore[index]
        if whole:
            known = floor is not None and floor.seconds and name in PEERS
            row.append(_ratio(times.median / floor.median) if known else "")  # type: ignore[union-attr]
            used = duration(statistics.median(times.used), unit) if times.used else ""
            row.append(used)
            row.append("" if times.loss is None else f"{times.loss:.3f}")
            is_floor = times.memory is None or name == "floor"
            row.append("" if is_floor else f"{times.memory / 2**20:,.0f} MB")  # type: ignore[operator]
        if name == best:
            row = [f"**{row[0]}**", *row[1:]]
        lines.append(_row(row))
    return lines


def _three(times: Times) -> tuple[float, float, float]:
    return times.median, min(times.seconds), max(times.seconds)


def _row(cells: list[str], width: int = 0) -> str:
    cells = cells + [""] * (width - len(cells))
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", "; ")


def machine(about: dict[str, dict[str, Any]]) -> list[str]:
    """What it ran on, as lines of a list."""
    sets = {a.get("instruction_set") for a in about.values()} - {None}
    kernels = f"kernels for {', '.join(sorted(sets))}" if sets else "no kernels"
    threads = os.environ.get("OPENBLAS_NUM_THREADS")
    limit = f", OPENBLAS_NUM_THREADS={threads}" if threads else ""
    return [
        f"- {_processor()}, {os.cpu_count()} cores; {kernels}",
        f"- {platform.system()} {platform.release()}, Python "
        f"{platform.python_version()}, {_blas()}{limit}",
    ]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [
        s.partition(":")[2].strip() for s in text.splitlines() if "model name" in s
    ]
    return names[0] if names else platform.machine()


def _blas() -> str:
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return f"NumPy {np.__version__} with {blas['name']} {blas['version']}"


def load() -> str:
    """How many processes want a core: the averages of 1, 5 and 15 minutes."""
    if not hasattr(os, "getloadavg"):
        return "unknown"
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


class Page:
    """The page, as it grows.

    Args:
        peers: who takes part.
        missing: title -> packages that it lacks.
        quick: whether it is a short run.
        rounds: how often each was timed.
    """

    def __init__(
        self, peers: list[str], missing: dict[str, list[str]], quick: bool, rounds: int
    ) -> None:
        self.peers, self.missing, self.quick = peers, missing, quick
        self.rounds = rounds
        self.about: dict[str, dict[str, Any]] = {}
        self.parts: list[list[str]] = []
        self.summary: list[tuple[str, dict[str, Times]]] = []
        self.left_out: list[str] = []
        self.load_before = load()

    def add_work(self, work: Work, rows: int, found: dict[str, Times]) -> None:
        """The table of a work."""
        real = " Real data." if is_real(work.network) else " Made data."
        text = f"{work.text[0].upper()}{work.text[1:]}.{real}"
        if rows != work.rows:
            text += f" Here {rows:,} rows."
        self.parts.append([f"## {work.title}", "", text, "", *table(found, work.per)])
        self.summary.append((work.title, found))

    def add_shots(self, title: str, text: str, found: dict[str, Times]) -> None:
        """The table of something that processes do once."""
        lines = table(found, "process", whole=False)
        self.parts.append([f"## {title}", "", text, "", *lines])
        self.summary.append((title, found))

    def add_sizes(self, found: dict[str, tuple[int, int]]) -> None:
        """The table of what installs take."""
        lines = [_row(["", "size", "packages"]), _row(["---", "---:", "---:"])]
        for name, (size, count) in found.items():
            lines.append(
                _row([PEERS[name].title, f"{size / 2**20:,.0f} MB", str(count)])
            )
        text = "Files of the package and of all that it requires, without bytecode."
        self.parts.append(["## Install size", "", text, "", *lines])

    def text(self) -> str:
        """All of it, as Markdown."""
        parts = [self._head(), *self._overview(), *self.parts, self._method()]
        return "\n\n".join("\n".join(part) for part in parts) + "\n"

    def _head(self) -> list[str]:
        about = "# Cornu beside its peers"
        quick = (
            "This was a quick run, on little data and with few rounds: look at the "
            "full one before you believe a ratio."
        )
        lines = [about, "", "Written by `make bench`. Smaller is better everywhere."]
        if self.quick:
            lines += ["", quick]
        lines += ["", f"- {time.strftime('%Y-%m-%d')}", *machine(self.about)]
        lines.append(f"- load average: {self.load_before} before, {load()} after")
        versions: dict[str, str] = {}
        for each in self.about.values():
            versions |= each["versions"]
        listed = ", ".join(f"{name} {v}" for name, v in sorted(versions.items()))
        lines.append(f"- {listed}")
        for title, packages in self.missing.items():
            lines.append(f"- {title}: missing, {', '.join(packages)} is not installed")
        if self.left_out:
            lines.append(f"- left out for want of time: {', '.join(self.left_out)}")
        return lines

    def _overview(self) -> list[list[str]]:
        """Cornu's time as a multiple of the best peer's, work by work."""
        rows = []
        for title, found in self.summary:
            best, own = best_peer(found), found.get("cornu")
            if best is None or own is None or not own.seconds:
                continue
            of_best = _ratio(own.median / found[best].median)
            floor = found.get("floor")
            known = floor is not None and floor.seconds
            of_floor = _ratio(own.median / floor.median) if known else ""  # type: ignore[union-attr]
            time_ = duration(own.median)
            rows.append(_row([title, time_, of_best, PEERS[best].title, of_floor]))
        if not rows:
            return []
        head = ["", "Cornu", "to the best peer", "which is", "to the floor"]
        lines = [_row(head), _row(["---", "---:", "---:", "---", "---:"]), *rows]
        return [["## Overview", "", *lines]]

    def _method(self) -> list[str]:
        return [
            "## How it was measured",
            "",
            "Each peer has a process of its own for each work (in a quick run, for all "
            "works), which keeps its network, its data and its compiled programs. All "
            "take their turn, round by round, and one works "
            f"at a time. Each did the work once to warm up; {self.rounds} times were "
            "taken then, of which the table has the median, the least and the most. "
            "Each uses the threads that it takes by itself.",
            "",
            "All peers shuffle, train by RMSprop on float32, and sum up loss and "
            "accuracy as `fit` does. On JAX an epoch is one `lax.scan` over the "
            "batches. Networks and loops are in "
            "[benchmarks/peers](../benchmarks/peers).",
            "",
            "The *best peer* is the fastest of those that are not Cornu. The *floor* "
            "is what the products of the network take through NumPy's BLAS, plus what "
            "it takes to move the bytes of the batch (read and written) and of the "
            "update (three arrays read and two written per weight) at the bandwidth of "
            "a copy of that size, all measured in a process that has its turn as the "
            "peers do. *Processor* are the seconds of all threads together: other work "
            "on the machine disturbs them less. *Memory* is the peak of the process "
            "(VmHWM) since its data was loaded, without the data itself; it has the "
            "libraries in it.",
        ]


def summary_line(name: str, found: dict[str, Times]) -> str:
    """What is said on the terminal of a work."""
    best, own = best_peer(found), found.get("cornu")
    parts = [
        f"{each} {duration(times.median)}"
        for each, times in found.items()
        if times.seconds
    ]
    if best is not None and own is not None and own.seconds:
        parts.append(f"to the best {_ratio(own.median / found[best].median)}")
    return f"{name}: {', '.join(parts)}"
