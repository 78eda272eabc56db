"""Data sets in folders: what `Dataset.save` writes and `Dataset.load` reads.

A folder holds blocks of elements that are alike, '0.npz', '1.npz', ...; the files have
numbers and text in them, and nothing that can run. 'dataset.json' says how many
elements each block has. A folder appears when it is whole, and then it replaces an
older one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from cornu import processes
from cornu.graph.messages import described
from cornu.graph.tree import flatten
from cornu.preprocessing import pipeline
from cornu.preprocessing.elements import Inner, leaves, row, specs, stacked
from cornu.preprocessing.pipeline import Pass
from cornu.training.callbacks import packing

_INDEX = "dataset.json"
_FORMAT = {"format": "data set of Cornu", "version": 1}
_BLOCK = "block of a data set"  # what the files of blocks say that they are
_MOST_BYTES = 2**26  # of a block, which is in memory as a whole
_MOST_ELEMENTS = 2**16


def save(dataset: Any, path: str | os.PathLike[str]) -> None:
    """Write the elements of one pass; see `Dataset.save`."""
    target = Path(os.path.abspath(path))
    _check_place(target)
    if not processes.first():
        return
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        counts = []
        for number, (block, count) in enumerate(_blocks(dataset)):
            content = packing.pack({"nest": _as_tree(block)}, _BLOCK)
            (partial / f"{number}.npz").write_bytes(content)
            counts.append(count)
        index = {**_FORMAT, "blocks": counts, "batched": dataset._batched}
        (partial / _INDEX).write_text(json.dumps(index))
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_place(target: Path) -> None:
    """Raise where something else is in the way, which would be lost."""
    ours = re.compile(rf"\d+\.npz|{re.escape(_INDEX)}")
    if target.is_dir():
        others = sorted(p.name for p in target.iterdir() if not ours.fullmatch(p.name))
    else:
        others = [target.name] if target.exists() else []
    if others:
        raise FileExistsError(
            f"A data set is to be saved as {str(target)!r}, where there is "
            f"{others[0]!r}.\n"
            "Expected a new name, or a folder with nothing but an older data set.\n"
            "Choose another name, or move away what is there."
        )


def _blocks(dataset: Any) -> Iterator[tuple[Any, int]]:
    """Elements that are alike, as rows of one, and how many they are."""
    if dataset._rows is not None:  # many at once, at NumPy's speed
        with closing(dataset._start()) as source:
            first = list(pipeline.part(source, 0, 1))
        if first:
            size = _fitting(dataset._rows(np.array(first)))
            numbers = pipeline.batched(dataset._start(), size, False, np.array)
            for some in numbers:
                yield dataset._rows(some), len(some)
        return
    held: list[Any] = []
    with closing(dataset._elements()) as source:
        for element in source:
            _check_kinds(element)
            alike = held and specs(held[0]) == specs(element)
            if held and (not alike or len(held) >= _fitting(held[0])):
                yield stacked(held), len(held)
                held = []
            held.append(element)
    if held:
        yield stacked(held), len(held)


def _fitting(element: Any) -> int:
    """How many elements of this size are a block."""
    size = sum(array.nbytes for array in leaves(element))
    return min(max(_MOST_BYTES // max(size, 1), 1), _MOST_ELEMENTS)


def _check_kinds(element: Any) -> None:
    if any(isinstance(leaf, Inner) for leaf in flatten(element)):
        raise TypeError(
            "save was called on a data set whose elements are data sets.\n"
            "Expected arrays and text.\n"
            "Make batches of them: dataset.flat_map(lambda window: window.batch(n))."
        )


def _as_tree(nest: Any) -> Any:
    """A nest of arrays as `packing` takes it: it knows no tuples, and no text."""
    if nest is None:
        return None
    if isinstance(nest, tuple):
        return {"tuple": [_as_tree(part) for part in nest]}
    if isinstance(nest, dict):
        wrong = [key for key in nest if not isinstance(key, str)]
        if wrong:
            raise TypeError(
                f"save met an element with the key {wrong[0]!r}.\n"
                "Expected dicts whose keys are text.\n"
                "Rename the parts with map before you save."
            )
        return {"parts": {key: _as_tree(part) for key, part in nest.items()}}
    if nest.dtype != object:
        return {"numbers": nest}
    parts = [
        part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        for part in nest.flat
    ]
    return {
        "text": np.frombuffer(b"".join(parts), np.uint8),
        "ends": np.cumsum([len(part) for part in parts], dtype=np.int64),
        "raw": np.array([isinstance(part, bytes) for part in nest.flat], bool),
        "shape": list(nest.shape),
    }


def _as_nest(tree: Any) -> Any:
    """The nest that `_as_tree` was given."""
    if tree is None:
        return None
    if "tuple" in tree:
        return tuple(_as_nest(part) for part in tree["tuple"])
    if "parts" in tree:
        return {key: _as_nest(part) for key, part in tree["parts"].items()}
    if "numbers" in tree:
        return tree["numbers"]
    content, ends = tree["text"].tobytes(), tree["ends"].tolist()
    shape = tuple(tree["shape"])
    if len(ends) != len(tree["raw"]) or sorted(ends) != ends:
        raise packing.Damaged("its text has other places than it says")
    if ends and (ends[0] < 0 or ends[-1] != len(content)):
        raise packing.Damaged("its text has another size than it says")
    found = np.empty(len(ends), object)
    for i, (start, end, raw) in enumerate(
        zip([0, *ends[:-1]], ends, tree["raw"].tolist(), strict=True)
    ):
        part = content[start:end]
        found[i] = part if raw else part.decode("utf-8", "surrogatepass")
    return found.reshape(shape)


def read_index(path: str | os.PathLike[str]) -> tuple[list[int], list[Any] | None]:
    """What a folder says of itself: the elements of each block, and of its batches.

    Raises:
        FileNotFoundError: when there is no data set.
        ValueError: when it is damaged.
    """
    target = Path(path)
    try:
        index = json.loads((target / _INDEX).read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"There is no data set in {os.fspath(path)!r}.\n"
            f"Expected a folder that Dataset.save has written, with {_INDEX!r} in it.\n"
            "Check the name, or save the data set again."
        ) from None
    except (ValueError, RecursionError) as error:
        raise _damaged(target / _INDEX, f"it is damaged ({error})") from error
    if not isinstance(index, dict) or {k: index.get(k) for k in _FORMAT} != _FORMAT:
        raise _damaged(target / _INDEX, "it is of another kind or version")
    counts: Any = index.get("blocks")
    batched: Any = index.get("batched")
    whole = isinstance(counts, list) and all(type(n) is int and n > 0 for n in counts)
    known = isinstance(batched, list) and [type(n) for n in batched] == [int, int, bool]
    if not whole or not (batched is None or known):
        raise _damaged(target / _INDEX, f"it says {described(counts)}")
    return counts, batched


def elements(path: str | os.PathLike[str], counts: list[int]) -> Pass:
    """A pass over the elements in a folder, block by block."""
    for number, count in enumerate(counts):
        block = _read(Path(path) / f"{number}.npz", count)
        for i in range(count):
            yield row(block, i)


def _read(file: Path, count: int) -> Any:
    try:
        tree = packing.unpack(file, _BLOCK)
        block = _as_nest(tree["nest"])
        if any(array.shape[:1] != (count,) for array in leaves(block)):
            raise packing.Damaged("it has another number of elements")
        return block
    except packing.Damaged as error:
        raise _damaged(file, str(error)) from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(file, f"it is damaged ({error})") from error


def _damaged(file: Path, what: str) -> ValueError:
    return ValueError(
        f"The data set file {str(file)!r} cannot be read: {what}.\n"
        "Expected a file that Dataset.save has written, unchanged.\n"
        "Save the data set again."
    )
