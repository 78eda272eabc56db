"""How much an install puts on the disk: a package with all that it needs."""

from __future__ import annotations

import importlib.metadata as metadata
import re
from pathlib import Path

from benchmarks.peers import PEERS

_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def installed_size(distributions: tuple[str, ...]) -> tuple[int, int] | None:
    """Bytes of these distributions and of all that they require.

    Returns:
        Bytes, and the number of distributions; None where one is not installed.
    """
    waiting, seen, total = list(distributions), set[str](), 0
    while waiting:
        name = _plain(waiting.pop())
        if name in seen:
            continue
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in map(_plain, distributions):
                return None
            continue  # for another system or Python
        seen.add(name)
        total += _bytes(found)
        waiting += [
            match[0]
            for line in found.requires or []
            if "extra ==" not in line and (match := _NAME.match(line))
        ]
    return total, len(seen)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _bytes(found: metadata.Distribution) -> int:
    if _plain(found.metadata["Name"]) == "cornu":  # may run from its sources
        return _own()
    total = 0
    for each in found.files or []:
        path = Path(str(each.locate()))
        if path.suffix != ".pyc" and path.is_file():
            total += path.stat().st_size
    return total


def _own() -> int:
    """Cornu's own files: modules, and the compiled kernels."""
    import cornu

    folder = Path(cornu.__file__).parent
    kinds = ("*.py", "*.pyi", "*.so", "*.pyd")
    return sum(p.stat().st_size for kind in kinds for p in folder.rglob(kind))


def sizes(peers: list[str]) -> dict[str, tuple[int, int]]:
    """Bytes and number of distributions of the peers, by name."""
    found = {}
    for name in peers:
        wanted = PEERS[name].distributions
        size = installed_size(wanted) if wanted else None
        if size is not None:
            found[name] = size
    return found
