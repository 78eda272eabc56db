"""`cornu datasets`: which data sets there are, and which are on this computer."""

from __future__ import annotations

import os
from pathlib import Path

from cornu.datasets import DatasetUnavailable, lookup
from cornu.lab import catalogue
from cornu.lab.catalogue import FACTS, NAMES, Files, megabytes
from cornu.lab.folders import why_unwritable
from cornu.lab.mistake import Mistake
from cornu.lab.output import paragraph, say
from cornu.lab.values import one_of

_INDENT = " " * 20


def run(name: str | None, get: str | None) -> int:
    """Tell of all data sets or of one, or download one.

    Args:
        name: of the one to tell about; None for all.
        get: name of the one to download; None for none.

    Returns:
        The exit status.

    Raises:
        Mistake: when there is no such data set, or it cannot be had.
    """
    if name is not None and get is not None:
        raise Mistake(
            f"cornu datasets was given {name!r} and --get {get}.",
            "Expected the name of one data set, with --get or without.",
            f"To download it: cornu datasets --get {get}",
            status=2,
        )
    if get is not None:
        return _get(one_of("--get", NAMES)(get))
    if name is not None:
        return _tell(one_of("cornu datasets", NAMES)(name))
    say(table())
    return 0


def table() -> str:
    """All data sets: names, sizes, what they are, and where."""
    lines = [f"{'Name':<20}{'Train + test':<17}What it is"]
    for name in NAMES:
        facts = FACTS[name]
        sizes = f"{facts.train:,} + {facts.test:,}"
        lines += [f"{name:<20}{sizes:<17}{facts.what}"]
        lines += [paragraph(each, _INDENT) for each in where(name)]
    lines += [
        "",
        "More about one: cornu datasets NAME",
        "To download it: cornu datasets --get NAME",
    ]
    return "\n".join(lines)


def where(name: str) -> list[str]:
    """Where the files of a data set are, or would come from, in a line or two."""
    if not catalogue.remote_files(name):
        return ["needs no file"]
    state = catalogue.files(name)
    lines = []
    if state.here:
        first = state.here[0]
        lines.append(f"found in {first.reason}: {first.path}")
    if state.missing:
        names = ""
        if state.here:
            names = ", ".join(Path(file.name).name for file in state.missing) + " "
        lines.append(f"{names}not here: {_download(state)}")
    return lines


def _download(state: Files) -> str:
    first, *others = state.hosts
    rest = f" (or {', '.join(others)})" if others else ""
    return f"{megabytes(state.nbytes)} to download from {first}{rest}"


def _get(name: str) -> int:
    if not catalogue.remote_files(name):
        say(f"{name} needs no file: Cornu draws it.")
        return 0
    state = catalogue.files(name)
    before = {found.path for found in state.here}
    problem = why_unwritable(lookup.cache_folder()) if state.missing else ""
    if problem:
        raise Mistake(
            f"Cornu's cache, {lookup.cache_folder()}, cannot be written: {problem}.",
            "Expected a folder that exists or can be made, with room for "
            f"{megabytes(state.nbytes)}.",
            "Name another folder in the environment variable CORNU_HOME.",
        )
    try:
        paths = catalogue.get(name)
    except DatasetUnavailable as error:
        what, expected, *fix = str(error).split("\n")
        raise Mistake(what, expected, "\n".join(fix)) from error
    for path in paths:
        word = "was here" if path in before else "downloaded"
        say(f"{word}: {path}")
    return 0


def _tell(name: str) -> int:
    about = catalogue.description(name)
    parts = [*map(paragraph, [about.title, *about.paragraphs])]
    parts.append("load_data() returns\n" + paragraph(about.returns, "  "))
    if about.license:
        parts.append(paragraph(f"License: {about.license}"))
    if catalogue.remote_files(name):
        parts.append(_files(name))
        parts.append(_offline(name))
    parts.append(
        f"In Python\n  cornu.datasets.{name}.load_data()\n"
        f"  help(cornu.datasets.{name}.load_data)"
    )
    say("\n\n".join(parts))
    return 0


def _files(name: str) -> str:
    state = catalogue.files(name)
    lines = ["Files"]
    for found in state.here:
        lines.append(f"  {found.path} ({found.reason})")
    for file in state.missing:
        size = megabytes(catalogue.BYTES[file.name])
        lines.append(f"  {file.name}, {size}: not on this computer")
    return "\n".join(lines)


def _offline(name: str) -> str:
    """How to use a data set on a computer without a network."""
    files = catalogue.remote_files(name)
    lines = ["Without a network, download elsewhere"]
    lines += [f"  {file.urls[0].partition('#')[0]}" for file in files]
    names = " and ".join(dict.fromkeys(_put_as(file) for file in files))
    lines.append(f"and put {names} into one of these folders:")
    lines += [f"  {place.folder} ({place.reason})" for place in lookup.places()]
    if not os.environ.get("CORNU_DATA"):
        lines.append("  or any folder that you name in CORNU_DATA")
    return "\n".join(lines)


def _put_as(file: lookup.RemoteFile) -> str:
    """The file, or the folder that is to hold several."""
    folder, _, name = file.name.rpartition("/")
    return f"the folder {folder} with these files" if folder else name
