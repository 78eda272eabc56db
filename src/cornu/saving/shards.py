"""Weights in several files of limited size, as Keras 3 writes them.

`name.weights.json` tells which groups are in which of `name_00000.weights.h5`,
`name_00001.weights.h5`, ...; the arrays of one group may be in several.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cornu import files
from cornu.graph.messages import warn_user
from cornu.layers.layer import Layer
from cornu.saving import hdf5
from cornu.saving.checks import refuse_absent
from cornu.saving.layout import Plan, Stored, kept

SUFFIX = ".weights.json"
_GIGABYTE = 1024**3


def save(
    model: Layer,
    path: str | os.PathLike[str],
    max_shard_size: float,
    objects_to_skip: Iterable[Any] = (),
) -> None:
    """Write weights into files of limited size, all of them or none.

    Args:
        model: what is written.
        path: the file that tells of the others.
        max_shard_size: how many gigabytes of numbers each may hold.
        objects_to_skip: layers that are left out.

    Raises:
        ValueError: when one array alone is larger.
        OSError: when a file cannot be written; older ones are left as they were.
    """
    files.write_together(_parts(model, Path(path), max_shard_size, objects_to_skip))


def _parts(
    model: Layer, path: Path, limit: float, objects_to_skip: Iterable[Any]
) -> Iterator[tuple[Path, Any]]:
    """(path, content) of each file, one in memory at a time."""
    weight_map: dict[str, Any] = {}
    total = number = 0
    writer = _Writer()
    for where, name, arrays in kept(model, objects_to_skip=objects_to_skip):
        writer.begin(where, name)
        for key, array in arrays.items():
            if array.nbytes > limit * _GIGABYTE:
                raise _too_large(name, array.nbytes, limit)
            if writer.nbytes + array.nbytes > limit * _GIGABYTE:
                yield path.with_name(_shard(path, number)), writer.end()
                number, writer = number + 1, _Writer()
                writer.begin(where, None)
            writer.put(key, array)
            total += array.nbytes
            shard, there = _shard(path, number), weight_map.get(where)
            # As Keras has it: a name for the first array, a list from the second on.
            listed = there if isinstance(there, list) else [there] if there else []
            listed += [] if shard in listed else [shard]
            weight_map[where] = listed if there else shard
    yield path.with_name(_shard(path, number)), writer.end()
    told = {"metadata": {"total_size": float(total)}, "weight_map": weight_map}
    yield path, json.dumps(told, indent=4).encode()


def _shard(path: Path, number: int) -> str:
    return f"{path.name.removesuffix(SUFFIX)}_{number:05}.weights.h5"


class _Writer:
    """One of the files, made in memory."""

    def __init__(self) -> None:
        import h5py

        self._content = io.BytesIO()
        self._file: Any = h5py.File(self._content, "w")
        self._group: Any = None
        self.nbytes = 0

    def begin(self, where: str, name: str | None) -> None:
        self._group = self._file.create_group(where)
        if name is not None:
            self._group.attrs["name"] = name

    def put(self, key: str, array: Any) -> None:
        hdf5.put(self._group, key, array)
        self.nbytes += array.nbytes

    def end(self) -> memoryview:
        self._file.close()
        return self._content.getbuffer()


def _too_large(name: str, nbytes: int, limit: float) -> ValueError:
    return ValueError(
        f"An array of {name!r} has {nbytes} bytes, but files of no more than "
        f"{limit} GB were asked for.\n"
        "Expected room for each array, which is in one file.\n"
        f"Give a max_shard_size= of at least {nbytes / _GIGABYTE:.3g}."
    )


def load(
    model: Layer,
    path: str | os.PathLike[str],
    skip_mismatch: bool = False,
    objects_to_skip: Iterable[Any] = (),
) -> None:
    """Set weights from files that `save` wrote, of Cornu or of Keras.

    Args:
        model: what is loaded.
        path: the file that tells of the others, which lie beside it.
        skip_mismatch: whether layers that they do not fit keep their weights.
        objects_to_skip: what keeps its weights in any case.

    Raises:
        FileNotFoundError: when one of them is missing.
        ValueError: when they cannot be read, or do not fit; nothing is set then.
    """
    name = os.fspath(path)
    shards = [Path(path).with_name(each) for each in _named_in(Path(path))]
    for shard in shards:
        refuse_absent(shard, "save_weights")
    try:
        with ExitStack() as stack:
            opened = [stack.enter_context(hdf5.opened(each, name)) for each in shards]
            plan = Plan(model, Stored(opened), skip_mismatch, objects_to_skip)
    except hdf5.Misfit as misfit:  # of no file
        raise hdf5.unfit(name, str(misfit)) from None
    plan.carry_out(name)


def _named_in(path: Path) -> list[str]:
    """The files that one tells of: names alone, so that none leads elsewhere."""
    try:
        groups = json.loads(path.read_bytes())["weight_map"].values()
        listed = [[each] if isinstance(each, str) else list(each) for each in groups]
        names = sorted({str(name) for each in listed for name in each})
        if not all(map(_is_plain, names)):
            raise ValueError("it names a file elsewhere")
    except Exception as error:  # it may hold anything
        text = str(error).partition("\n")[0][:300]
        raise ValueError(
            f"{os.fspath(path)!r} cannot be read as a list of files of weights: "
            f"{type(error).__name__}: {text}.\n"
            "Expected what model.save_weights(..., max_shard_size=...) wrote.\n"
            "If the file was copied or downloaded, do that again."
        ) from error
    return names


def _is_plain(name: str) -> bool:
    return Path(name).name == name != "" and "\\" not in name


def path_of_list(path: str | os.PathLike[str]) -> str:
    """The path of the file that tells of the others; a warning where it differs."""
    name = os.fspath(path)
    if name.endswith(SUFFIX):
        return name
    meant = name.removesuffix(".weights.h5") + SUFFIX
    warn_user(
        f"Weights in several files are told of in a file {SUFFIX!r}, but {name!r} was "
        f"given.\nExpected a name that ends so.\nWrite {meant!r}, which is written.",
        UserWarning,
    )
    return meant
