"""Damaged files of a model, made from a seed, and what reading them must answer.

    python -m tests.saving.damaged FOLDER SEED

reads thousands, with a limit of memory, and says where one was answered badly.
"""

from __future__ import annotations

import io
import json
import random
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import cornu
from cornu import layers, ops
from cornu.saving import load_model
from cornu.saving.checks import NoSuchFile
from cornu.serialization import WrongArguments

VALUES: list[Any] = [
    None, True, -1, 0, 1, 3, 10**9, 10**30, float("inf"), float("nan"), "", "x", [], {},
    [None], [1, 2], {"class_name": "Dense", "config": {}}, "Dense", {"a": 1}, "adam",
    [[[[]]]], {"class_name": "__lambda__", "config": {"value": "x"}}, "float16", "O",
    2**31,
]  # fmt: skip


def model_of_all() -> Any:
    """A small model with a model, functions and a compilation in it."""
    x = cornu.Input((4,))
    dense = layers.Dense(3, activation="relu", kernel_regularizer="l2")
    inner = cornu.Sequential([cornu.Input((3,)), dense])
    h = inner(layers.Dense(3)(x))
    h = h * 2.0 + ops.concatenate([h[:, :1], h[:, 1:]], axis=-1)
    model = cornu.Model(x, layers.Dense(2)(layers.Dropout(0.3)(h)))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    return model


def content_of(folder: Path, suffix: str) -> bytes:
    path = folder / f"whole{suffix}"
    if not path.exists():
        model = model_of_all()
        save = model.save_weights if suffix == ".weights.h5" else model.save
        save(path)
    return path.read_bytes()


def write(folder: Path, suffix: str, content: bytes) -> Path:
    path = folder / f"damaged{suffix}"
    path.write_bytes(content)
    return path


def cut(folder: Path, suffix: str, count: int) -> Iterator[tuple[bytes, Path]]:
    """Files that end early, at many places."""
    content = content_of(folder, suffix)
    places = {*np.linspace(0, len(content) - 1, count, dtype=int), len(content) - 1}
    for place in sorted(places):
        yield content, write(folder, suffix, content[:place])


def flipped(folder: Path, suffix: str, count: int, seed: int = 0) -> Iterator[Path]:
    """Files with some other bytes; `.inner.keras` has them in its weights alone."""
    rng = random.Random(f"{seed}{suffix}")
    inner = suffix == ".inner.keras"
    content = content_of(folder, ".keras" if inner else suffix)
    if inner:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(count):
        changed = bytearray(parts["model.weights.h5"] if inner else content)
        for _ in range(rng.choice([1, 1, 2, 8, 64])):
            value = rng.choice([0, 255, 1, 128, rng.randrange(256)])
            changed[rng.randrange(len(changed))] = value
        if inner:
            yield write(folder, ".keras", pack({**parts, "model.weights.h5": changed}))
        else:
            yield write(folder, suffix, bytes(changed))


def pack(parts: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, each in parts.items():
            archive.writestr(name, bytes(each))
    return content.getvalue()


def mutated(folder: Path, count: int, seed: int = 0) -> Iterator[Path]:
    """Files whose descriptions have other values, or other things in them."""
    rng = random.Random(seed)
    with zipfile.ZipFile(io.BytesIO(content_of(folder, ".keras"))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(count):
        config = json.loads(parts["config.json"])
        for _ in range(rng.choice([1, 1, 2, 4])):
            mutate(config, rng)
        text = json.dumps(config).encode()
        yield write(folder, ".keras", pack({**parts, "config.json": text}))


def mutate(config: Any, rng: random.Random) -> None:
    places = list(places_in(config))
    owner, key = rng.choice(places)
    how = rng.random()
    if how < 0.6:
        owner[key] = rng.choice(VALUES)
    elif how < 0.75:
        del owner[key]
    elif how < 0.9:  # something else from the same description
        other, name = rng.choice(places)
        owner[key] = json.loads(json.dumps(other[name]))
    elif isinstance(owner, dict):
        owner[rng.choice(["units", "x", "class_name", "config"])] = rng.choice(VALUES)


def places_in(tree: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(tree, (dict, list)):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from places_in(tree[key])


def check(path: Path) -> str:
    """Read a file: an error of three parts, or a model; and nothing half loaded."""
    problem: Any = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if path.name.endswith(".weights.h5"):
                check_weights(path)
            else:
                load_model(path)
        except (ValueError, FileNotFoundError) as error:
            problem = error
    if problem is None:
        return "read"
    assert type(problem) in (ValueError, NoSuchFile, WrongArguments), repr(problem)
    assert str(problem).count("\n") == 2, str(problem)
    return "refused"


_target: list[Any] = []


def check_weights(path: Path) -> None:
    if not _target:
        _target.append(model_of_all())
    model = _target[0]
    before = model.get_weights()
    try:
        model.load_weights(path)
    except ValueError:
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        raise
    model.set_weights(before)


def main() -> None:
    import faulthandler
    import resource

    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)
    content_of(folder, ".keras")
    kinds = [lambda: mutated(folder, 500, seed)]
    for suffix in (".keras", ".h5", ".weights.h5", ".inner.keras"):
        kinds.append(lambda s=suffix: flipped(folder, s, 500, seed))
    for make in kinds:
        for path in make():
            faulthandler.dump_traceback_later(20, exit=True)  # no file takes so long
            check(path)
            faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main()
