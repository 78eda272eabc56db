"""The layout of Keras 3's `.weights.h5` files: either library reads the other's.

A layer's variables are the datasets '0', '1', ... of the group `<path>/vars`. The path
follows the attributes that lead to the layer; in a list or dict the class names count:
`layers/dense`, `layers/dense_1`. The optimizer's state is in `optimizer/vars`.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np

from cornu.graph.variable import Variable
from cornu.layers.layer import Layer
from cornu.ops.random import SeedGenerator
from cornu.optimizers import Optimizer
from cornu.registry import to_snake_case
from cornu.saving import hdf5

# The version of the format that is written: that of the Keras which Cornu implements.
KERAS_VERSION = "3.15.1"


def to_bytes(
    model: Layer, with_optimizer: bool = True, seeds: bool = False
) -> memoryview:
    """The content of a file of weights, made in memory.

    Args:
        model: what is written.
        with_optimizer: whether the states of optimizers are written.
        seeds: whether those of seed generators are, which Keras keeps none of.
    """
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for where, owner in owners(model):
            if isinstance(owner, Optimizer) and not with_optimizer:
                continue
            if isinstance(owner, SeedGenerator) and not seeds:
                continue
            group = file.create_group(f"{where}/vars")
            group.attrs["name"] = owner.name
            if isinstance(owner, Layer) and _has_a_way(owner):
                owner.save_own_variables(group)
                continue
            for i, variable in enumerate(_variables(owner)):
                hdf5.put(group, str(i), variable.numpy())
    return content.getbuffer()


def set_weights(
    model: Layer, content: Any, name: str, skip_mismatch: bool = False
) -> None:
    """Set the weights of a model from an HDF5 file, given by path or opened.

    Raises:
        ValueError: when it cannot be read or does not fit.
    """
    pairs: list[tuple[Variable, np.ndarray]] = []
    stores: list[tuple[Any, dict[str, np.ndarray]]] = []
    lost: list[tuple[Optimizer, int]] = []
    with hdf5.opened(content, name) as file:
        for where, owner in owners(model):
            found = hdf5.group_at(file, f"{where}/vars")
            if isinstance(owner, SeedGenerator) and found is None:
                continue  # Keras keeps none
            if isinstance(owner, Optimizer) and _is_of_another(owner, found):
                if _has_steps(found):
                    lost.append((owner, len(found)))
                continue
            problem = _misfit(owner, where, found)
            if problem is None and _has_a_way(owner):
                stores.append((owner, {k: hdf5.numbers(found[k]) for k in found or ()}))
            elif problem is None:
                pairs += _read(owner, found)
            elif not skip_mismatch:
                raise hdf5.Misfit(problem)
    _load_by_layers(stores, name)
    for variable, array in pairs:
        variable.assign(array)
    for optimizer, count in lost:
        tell_lost_state(optimizer, name, count, len(optimizer.variables))


def _has_a_way(owner: Any) -> bool:
    """Whether a layer says itself what of it is kept, by names of its own."""
    own = type(owner).save_own_variables if isinstance(owner, Layer) else None
    return own not in (None, Layer.save_own_variables)


def _load_by_layers(stores: list[tuple[Any, dict[str, np.ndarray]]], name: str) -> None:
    """Let layers take what they kept; where one cannot, all is as it was before."""
    before = [(v, v.numpy()) for owner, _ in stores for v in owner._own_variables()]
    for owner, store in stores:
        try:
            owner.load_own_variables(store)
        except Exception as error:  # a layer of the user's own may raise anything
            for variable, array in before:
                variable.assign(array)
            text = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"
            title = f"{type(owner).__name__} {owner.name!r}"
            problem = f"{title} could not take its state ({text})"
            raise hdf5.unfit(name, problem) from error


# Who owns what, and where


def owners(model: Layer) -> Iterator[tuple[str, Any]]:
    """All that has variables, with the path of its group, each once."""
    seen: set[int] = set()

    def walk(owner: Any, where: str) -> Iterator[tuple[str, Any]]:
        if id(owner) in seen:
            return
        seen.add(id(owner))
        yield where, owner
        for name, value in _attributes(owner):
            if isinstance(value, (list, tuple, dict)):
                yield from inside(value, f"{where}/{name}")
            elif isinstance(value, _OWNERS):
                yield from walk(value, f"{where}/{name}")

    def inside(values: Any, where: str) -> Iterator[tuple[str, Any]]:
        for each, part in _numbered(values):
            if isinstance(part, _OWNERS):
                yield from walk(part, f"{where}/{each}")
            elif id(part) not in seen:
                seen.add(id(part))
                yield from inside(part, f"{where}/{each}")

    yield from walk(model, "")


_OWNERS = (Layer, Optimizer, SeedGenerator)


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
    for name in _own_names(type(owner)):
        with suppress(Exception):  # of a property that is not of use yet
            kept.setdefault(name, getattr(owner, name))
    if hasattr(owner, "layers"):
        kept["layers"] = owner.layers  # pyright: ignore[reportAttributeAccessIssue]
    has_dag = getattr(owner, "outputs", None) is not None
    for name in sorted(
        kept, key=lambda n: (not (has_dag and n == "layers"), n.startswith("_"), n)
    ):
        yield name, kept[name]


def _own_names(cls: type) -> Iterator[str]:
    """The properties that classes of the user's own have: Keras looks at them too."""
    for each in cls.__mro__:
        if each.__module__.partition(".")[0] == "cornu":
            return
        for name, value in vars(each).items():
            if isinstance(value, (property, cached_property)):
                yield name


# What Model keeps for itself; its layers are listed under 'layers'.
_OF_MODELS = {
    "_list", "_tensors", "_dag_layers", "_calls_in_order", "_operations", "loss",
    "history", "_inputs", "_outputs", "_entrance", "_init_arguments",
}  # fmt: skip


def _numbered(values: Any) -> Iterator[tuple[str, Any]]:
    """The owners in a container, named by their classes: dense, dense_1, ..."""
    used: dict[str, int] = {}
    for value in values.values() if isinstance(values, dict) else values:
        if isinstance(value, _OWNERS):
            name = to_snake_case(type(value).__name__)
        elif isinstance(value, (list, tuple, dict)):
            name = "container"
        else:
            continue
        count = used.get(name, 0)
        used[name] = count + 1
        yield f"{name}_{count}" if count else name, value


def _variables(owner: Any) -> list[Variable]:
    """An owner's own variables, those that training changes first, as in Keras."""
    if isinstance(owner, Optimizer):
        return owner.variables
    if isinstance(owner, SeedGenerator):
        return [owner.state]
    own = owner._own_variables()
    return sorted(own, key=lambda v: not v.trains)


# What a file holds


def _misfit(owner: Any, where: str, group: Any) -> str | None:
    """Why a group does not fit an owner, before any of it is read."""
    title = f"{type(owner).__name__} {owner.name!r}"
    if _has_a_way(owner):
        kept = [hdf5.at(group, name) for name in group or ()]
        plain = all(hdf5.is_plain(each) and hdf5.is_in_full(each) for each in kept)
        return None if plain else f"what it has for {title} is no plain numbers"
    variables = _variables(owner)
    if group is None:
        return f"it has nothing for {title} ({where}/vars)" if variables else None
    if len(group) != len(variables):
        return f"it has {len(group)} arrays for {title}, which has {len(variables)}"
    for i, variable in enumerate(variables):
        problem = misfit_of(hdf5.at(group, str(i)), variable)
        if problem is not None:
            return f"the array {i} for {title} {problem}"
    return None


def misfit_of(found: Any, variable: Variable) -> str | None:
    """Why what lies in a file is no value of a variable."""
    if found is None:
        return "is missing"
    if not hdf5.is_plain(found):
        return "does not hold plain numbers"
    if tuple(found.shape) != variable.shape:
        return (
            f"has shape {tuple(found.shape)}, but {variable.path!r} has "
            f"{variable.shape}"
        )
    return None


def _read(owner: Any, group: Any) -> list[tuple[Variable, np.ndarray]]:
    if group is None:
        return []
    return [(v, hdf5.numbers(group[str(i)])) for i, v in enumerate(_variables(owner))]


def _is_of_another(optimizer: Optimizer, group: Any) -> bool:
    """Whether a file has no state of this optimizer; its weights are loaded anyway."""
    return group is None or len(group) != len(optimizer.variables)


def _has_steps(group: Any) -> bool:
    """Whether the optimizer of a file has done a step, so that a state is lost."""
    steps = None if group is None else hdf5.at(group, "0")
    return hdf5.is_plain(steps) and steps.shape == () and int(steps[()]) > 0


def tell_lost_state(optimizer: Any, name: str, found: int, expected: int) -> None:
    """Warn that an optimizer begins anew."""
    warnings.warn(
        f"The state of {type(optimizer).__name__} {optimizer.name!r} was not loaded: "
        f"{name!r} holds {found} arrays for it, but it has {expected}.\n"
        "Expected the optimizer that the file was written with, and as many trainable "
        "weights as when the model was compiled.\n"
        "Compile the model the same way before you load, or let it begin anew.",
        stacklevel=2,
    )
