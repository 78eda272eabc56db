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


def save_weights(model: Layer, path: str | os.PathLike[str]) -> None:
    """Write the weights of a model, and the state of its optimizer.

    Args:
        model: a model (or layer) that is built.
        path: the file; its name ends in `.weights.h5`.

    Raises:
        ValueError: for another name, and for a model that is not built.
        OSError: when the file cannot be written; an older one is left as it was.
    """
    import h5py

    _check(model, path)
    # Made in memory: the file appears when it is whole.
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for where, owner in _owners(model):
            group = file.create_group(f"{where}/vars".lstrip("/"))
            group.attrs["name"] = owner.name
            for i, variable in enumerate(_variables(owner)):
                group.create_dataset(str(i), data=variable.numpy())
    files.write(path, content.getvalue())


def load_weights(
    model: Layer, path: str | os.PathLike[str], skip_mismatch: bool = False
) -> None:
    """Set the weights of a model, and its optimizer's state, from a file.

    All that is read is checked before anything is set.

    Args:
        model: a model (or layer) that is built, made of the same layers.
        path: a file of `save_weights`, of Cornu or of Keras 3.
        skip_mismatch: whether layers that the file does not fit keep their weights.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no such file, or does not fit the model: the message
            names the layer and the shapes.
    """
    import h5py

    _check(model, path)
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"There is no file {os.fspath(path)!r}.\n"
            "Expected a file that save_weights wrote.\n"
            f"Check the name; this folder is {os.getcwd()}."
        )
    pairs: list[tuple[Variable, np.ndarray]] = []
    try:
        with h5py.File(path, "r") as file:
            for where, owner in _owners(model):
                found = _group(file, f"{where}/vars".lstrip("/"))
                if isinstance(owner, Optimizer) and found is None:
                    continue  # a file of weights alone
                problem = _misfit(owner, where, found)
                if problem is None:
                    pairs += _read(owner, found)
                elif not skip_mismatch:
                    raise _unfit(path, problem)
    except OSError as error:
        raise _unfit(path, f"it cannot be read as HDF5 ({error})") from error
    for variable, array in pairs:
        variable.assign(array)


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
_OF_MODELS = {"_list", "_tensors", "_dag_layers", "_calls_in_order", "loss", "history"}


def _numbered(values: Any) -> Iterator[tuple[str, Any]]:
    """The owners in a container, named by their classes: dense, dense_1, ..."""
    used: dict[str, int] = {}
    for value in values.values() if isinstance(values, dict) else values:
        if not isinstance(value, (Layer, Optimizer)):
            continue
        name = to_snake_case(type(value).__name__)
        if type(value).__name__ == "Model":  # its class in Keras, if made from a DAG
            name = "functional"
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
