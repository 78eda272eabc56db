"""`cornu engines`: what graphs can run on, and what each engine has."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import Any

import cornu.ops  # the operations enter themselves
from cornu import config, engines
from cornu.graph import OPS
from cornu.lab.mistake import Mistake
from cornu.lab.output import paragraph, say

_INDENT = " " * 14


def run() -> int:
    """List the engines; returns the exit status."""
    names = sorted(engines.available(), key=lambda name: (name != "numpy", name))
    lines = [f"{'Name':<14}What it is"]
    for name in names:
        lines += [f"{name:<14}{_lines(name)[0]}"]
        lines += [paragraph(each, _INDENT) for each in _lines(name)[1:]]
    lines += [
        "",
        f"Programs run on {config.backend()!r}. To choose: cornu train --engine NAME,",
        "cornu.config.set_backend(NAME), or the environment variable CORNU_ENGINE.",
    ]
    say("\n".join(lines))
    return 0


def choose(name: str | None) -> None:
    """Let programs run on the engine of this name from here on; None changes nothing.

    Raises:
        Mistake: when there is none, or it cannot run.
    """
    if name is None:
        return
    try:
        engines.use(name)
    except (ImportError, ValueError) as error:
        what, expected, *fix = str(error).split("\n")
        raise Mistake(what, expected, "\n".join(fix), status=2) from error


def _lines(name: str) -> list[str]:
    try:
        engine = engines.get(name)
    except ImportError as error:
        what, _, fix = str(error).split("\n")
        return [what, fix]
    lines = [f"runs on {engine.package} {_version(engine.package)}"]
    lines.append(f"devices: {', '.join(engine.devices())}")
    lines.append(_operations(engine))
    if engine.claims:
        lines.append(f"kernels: {', '.join(sorted(engine.claims))}")
    return lines


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"


def _operations(engine: Any) -> str:
    missing = engine.gaps(sorted(OPS))
    if not missing:
        return f"operations: all {len(OPS)}"
    return (
        f"operations: {len(OPS) - len(missing)} of {len(OPS)}; not {', '.join(missing)}"
    )


assert cornu.ops
