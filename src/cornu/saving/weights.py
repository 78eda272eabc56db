"""Weights in `.weights.h5` files, as Keras 3 lays them out: either reads the other's.

A layer's variables are the datasets '0', '1', ... of the group `<path>/vars`. The path
follows the attributes that lead to the layer; in a list or dict the class names count:
`layers/dense`, `layers/dense_1`. The optimizer's state is in `optimizer/vars`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cornu import files
from cornu.graph.variable import Variable
from cornu.layers.layer import Layer
from cornu.optimizers import Optimizer
from cornu.registry import to_snake_case

_SUFFIX = ".weights.h5"


def save_weights(
    model: Layer, filepath: str | os.PathLike[str], overwrite: bool = True
) -> None:
    """Write the weights of a model, and the state of its optimizer.

    Args:
        model: a model (or layer) that is built.
        filepath: the file; its name ends in `.weights.h5`.
        overwrite: whether an older file may be replaced.

    Raises:
        ValueError: for another name, and for a model that is not built.
        FileExistsError: when there is a file, and it may not be replaced.
        OSError: when the file cannot be written; an older one is left as it was.
    """
    _check(model, filepath)
    refuse_older(filepath, overwrite)
    files.write(filepath, to_bytes(model))


def refuse_older(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise where a file exists that may not be replaced."""
    if not overwrite and os.path.exists(path):
        raise FileExistsError(
            f"{os.fspath(path)!r} exists.\n"
            "Expected a new name, for overwrite=False was given.\n"
            "Choose another name, or leave overwrite away."
        )


def to_bytes(model: Layer, with_optimizer: bool = True) -> bytes:
    """The content of a file of weights, made in memory."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for where, owner in _owners(model):
            if isinstance(owner, Optimizer) and not with_optimizer:
                continue
            group = file.create_group(f"{where}/vars".lstrip("/"))
            group.attrs["name"] = owner.name
            for i, variable in enumerate(_variables(owner)):
                group.create_dataset(str(i), data=variable.numpy())
    return content.getvalue()


def load_weights(
    model: Layer,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
) -> None:
    """Set the weights of a model, and its optimizer's state, from a file.

    All that is read is checked before anything is set.

    Args:
        model: a model (or layer) that is built, made of the same layers.
        filepath: a file of `save_weights`, of Cornu or of Keras 3.
        skip_mismatch: whether layers that the file does not fit keep their weights.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no such file, or does not fit the model: the message
            names the layer and the shapes.
    """
    _check(model, filepath)
    refuse_absent(filepath, "save_weights")
    set_weights(model, filepath, os.fspath(filepath), skip_mismatch)


def refuse_absent(path: str | os.PathLike[str], writer: str) -> None:
    """Raise where there is no file."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"There is no file {os.fspath(path)!r}.\n"
            f"Expected a file that {writer} wrote.\n"
            f"Check the name; this folder is {os.getcwd()}."
        )


def set_weights(
    model: Layer, content: Any, name: str, skip_mismatch: bool = False
) -> None:
    """Set the weights of a model from an HDF5 file, given by path or opened.

    Raises:
        ValueError: when it cannot be read or does not fit.
    """
    import h5py

    pairs: list[tuple[Variable, np.ndarray]] = []
    try:
        with h5py.File(content, "r") as file:
            for where, owner in _owners(model):
                found = _group(file, f"{where}/vars".lstrip("/"))
                if isinstance(owner, Optimizer) and _is_fresh(owner, found):
                    continue
                problem = _misfit(owner, where, found)
                if problem is None:
                    pairs += _read(owner, found)
                elif not skip_mismatch:
                    raise _unfit(name, problem)
    except OSError as error:
        raise _unfit(name, f"it cannot be read as HDF5 ({error})") from error
    for variable, array in pairs:
        variable.assign(array)


def _is_fresh(optimizer: Optimizer, group: Any) -> bool:
    """Whether a file has no state of an optimizer, or of one that has done no step."""
    return group is None or len(group) < min(len(_variables(optimizer)), 3)


def _check(model: Layer, path: str | os.PathLike[str]) -> None:
    name = os.fspath(path)
    if not name.endswith(_SUFFIX):
        raise ValueError(
            f"The weights were to be in {name!r}.\n"
            f"Expected a name that ends in {_SUFFIX!r}.\n"
            f"Write {name.removesuffix('.h5') + _SUFFIX!r}."
        )
    if not model.built:
        raise ValueError(
            f"{type(model).__name__} {model.name!r} is not built: it has no weights.\n"
            "Expected a model whose input shape is known.\n"
            "Give it an input_shape=, or call it on data first."
        )


# Who owns what, and where


def _owners(model: Layer) -> Iterator[tuple[str, Any]]:
    """All layers and optimizers with the path of their group, each once."""
    seen: set[int] = set()

    def walk(owner: Any, where: str) -> Iterator[tuple[str, Any]]:
        if id(owner) in seen:
            return
        seen.add(id(owner))
        yield where, owner
        for name, value in _attributes(owner):
            if isinstance(value, (Layer, Optimizer)):
                yield from walk(value, f"{where}/{name}")
            elif isinstance(value, (list, tuple, dict)):
                for each, part in _numbered(value):
                    yield from walk(part, f"{where}/{name}/{each}")

    yield from walk(model, "")


def _attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """What an owner keeps, by name, private names last, as Keras looks through it.

    All layers of a model are also its `layers`, which come first if it has a DAG.
    """
    if not isinstance(owner, Layer):
        return
    kept = {
        name: value
        for name, value in vars(owner).items()
        if name not in owner._untracked and name not in _OF_MODELS
    }
    if hasattr(owner, "layers"):
        kept["layers"] = owner.layers  # pyright: ignore[reportAttributeAccessIssue]
    has_dag = getattr(owner, "outputs", None) is not None
    for name in sorted(
        kept, key=lambda n: (not (has_dag and n == "layers"), n.startswith("_"), n)
    ):
        yield name, kept[name]


# What Model keeps for itself; its layers are listed under 'layers'.
_OF_MODELS = {
    "_list", "_tensors", "_dag_layers", "_calls_in_order", "_operations", "loss",
    "history",
}  # fmt: skip


def _numbered(values: Any) -> Iterator[tuple[str, Any]]:
    """The owners in a container, named by their classes: dense, dense_1, ..."""
    used: dict[str, int] = {}
    for value in values.values() if isinstance(values, dict) else values:
        if not isinstance(value, (Layer, Optimizer)):
            continue
        name = to_snake_case(type(value).__name__)
        count = used.get(name, 0)
        used[name] = count + 1
        yield f"{name}_{count}" if count else name, value


def _variables(owner: Any) -> list[Variable]:
    """An owner's own variables, those that training changes first, as in Keras."""
    if isinstance(owner, Optimizer):
        return owner.variables
    own = owner._own_variables()
    return sorted(own, key=lambda v: not v.trainable)


# What a file holds


def _group(file: Any, path: str) -> Any:
    """The group at a path, by plain links alone; None where there is none."""
    import h5py

    group: Any = file
    for part in path.split("/"):
        link = group.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise OSError(f"{path!r} is a link to elsewhere")
        group = group[part]
        if not isinstance(group, h5py.Group):
            raise OSError(f"{path!r} is no group")
    return group


def _misfit(owner: Any, where: str, group: Any) -> str | None:
    """Why a group does not fit an owner, before any of it is read."""
    import h5py

    title = f"{type(owner).__name__} {owner.name!r}"
    variables = _variables(owner)
    if group is None:
        return f"it has nothing for {title} ({where}/vars)" if variables else None
    if len(group) != len(variables):
        return f"it has {len(group)} arrays for {title}, which has {len(variables)}"
    for i, variable in enumerate(variables):
        if not isinstance(group.get(str(i), getlink=True), h5py.HardLink):
            return f"the array {i} for {title} is missing, or a link to elsewhere"
        found = group[str(i)]
        whole = isinstance(found, h5py.Dataset) and found.external is None
        if not whole or found.dtype.kind not in "biuf":
            return f"the array {i} for {title} does not hold plain numbers"
        if tuple(found.shape) != variable.shape:
            return (
                f"the array {i} for {title} has shape {tuple(found.shape)}, but "
                f"{variable.path!r} has {variable.shape}"
            )
    return None


def _read(owner: Any, group: Any) -> list[tuple[Variable, np.ndarray]]:
    if group is None:
        return []
    return [(v, group[str(i)][()]) for i, v in enumerate(_variables(owner))]


def _unfit(path: str | os.PathLike[str], problem: str) -> ValueError:
    return ValueError(
        f"{os.fspath(path)!r} does not fit: {problem}.\n"
        "Expected a file of weights of a model made of the same layers.\n"
        "Build the same model first; skip_mismatch=True loads the layers that fit."
    )
