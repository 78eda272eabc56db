"""The layout of Keras 3's `.weights.h5` files: either library reads the other's.

A layer's variables are the datasets '0', '1', ... of the group `<path>/vars`. The path
follows the attributes that lead to the layer; in a list or dict the class names count:
`layers/dense`, `layers/dense_1`. The optimizer's state is in `optimizer/vars`.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
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
    model: Layer,
    with_optimizer: bool = True,
    seeds: bool = False,
    objects_to_skip: Iterable[Any] = (),
) -> memoryview:
    """The content of a file of weights, made in memory.

    Args:
        model: what is written.
        with_optimizer: whether the states of optimizers are written.
        seeds: whether those of seed generators are, which Keras keeps none of.
        objects_to_skip: layers that are left out, with what is in them.
    """
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for where, name, arrays in kept(model, with_optimizer, seeds, objects_to_skip):
            group = file.create_group(where)
            group.attrs["name"] = name
            for key, array in arrays.items():
                hdf5.put(group, key, array)
    return content.getbuffer()


def kept(
    model: Layer,
    with_optimizer: bool = True,
    seeds: bool = False,
    objects_to_skip: Iterable[Any] = (),
) -> Iterator[tuple[str, str, dict[str, np.ndarray]]]:
    """What files keep: (path of a group, its owner's name, arrays by their keys).

    Args:
        model: what is written.
        with_optimizer: see `to_bytes`, as for the rest.
        seeds: see there.
        objects_to_skip: see there.
    """
    for where, owner in owners(model, objects_to_skip):
        if isinstance(owner, Optimizer) and not with_optimizer:
            continue
        if isinstance(owner, SeedGenerator) and not seeds:
            continue
        arrays: dict[str, Any] = {}
        if isinstance(owner, Layer) and _has_a_way(owner):
            owner.save_own_variables(arrays)
            arrays = {str(key): np.asarray(each) for key, each in arrays.items()}
        else:
            for i, variable in enumerate(_variables(owner)):
                arrays[str(i)] = variable.numpy()
        yield f"{where}/vars", owner.name, arrays


def set_weights(
    model: Layer,
    content: Any,
    name: str,
    skip_mismatch: bool = False,
    objects_to_skip: Iterable[Any] = (),
) -> None:
    """Set the weights of a model from an HDF5 file, given by path or opened.

    Raises:
        ValueError: when it cannot be read or does not fit.
    """
    with hdf5.opened(content, name) as file:
        plan = Plan(model, Stored([file]), skip_mismatch, objects_to_skip)
    plan.carry_out(name)


class Stored:
    """The groups of one HDF5 file, or of several that are parts of one.

    Args:
        files: opened files.
    """

    def __init__(self, files: list[Any]) -> None:
        self.files = files

    def has(self, path: str) -> bool:
        """Whether there is a group at a path."""
        return any(hdf5.group_at(file, path) is not None for file in self.files)

    def arrays(self, path: str) -> dict[str, Any] | None:
        """The arrays of a group by their keys; None where there is no group.

        Raises:
            Misfit: for links to elsewhere.
        """
        groups = [hdf5.group_at(file, path) for file in self.files]
        there = [group for group in groups if group is not None]
        if not there:
            return None
        return {key: hdf5.at(group, key) for group in there for key in group}


class Plan:
    """What is to be set, all of it checked before anything is.

    Args:
        model: what is loaded.
        stored: what there is.
        skip_mismatch: whether layers that it does not fit keep their weights.
        objects_to_skip: what keeps its weights in any case.

    Raises:
        Misfit: when something does not fit.
    """

    def __init__(
        self,
        model: Layer,
        stored: Stored,
        skip_mismatch: bool = False,
        objects_to_skip: Iterable[Any] = (),
    ) -> None:
        self.pairs: list[tuple[Variable, np.ndarray]] = []
        self.stores: list[tuple[Any, dict[str, np.ndarray]]] = []
        self.lost: list[tuple[Optimizer, int]] = []
        for where, owner in owners(model, objects_to_skip, stored.has):
            found = stored.arrays(f"{where}/vars")
            if isinstance(owner, SeedGenerator) and found is None:
                continue  # Keras keeps none
            if isinstance(owner, Optimizer) and _is_of_another(owner, found):
                if _has_steps(found):
                    self.lost.append((owner, len(found or ())))
                continue
            problem = _misfit(owner, where, found)
            if problem is None:
                self._take(owner, found or {})
            elif not skip_mismatch:
                raise hdf5.Misfit(problem)

    def _take(self, owner: Any, found: dict[str, Any]) -> None:
        arrays = {key: hdf5.numbers(each) for key, each in found.items()}
        if _has_a_way(owner):
            self.stores.append((owner, arrays))
        elif arrays:
            named = enumerate(_variables(owner))
            self.pairs += [(v, arrays[str(i)]) for i, v in named]

    def carry_out(self, name: str) -> None:
        """Set it all.

        Raises:
            ValueError: when a layer cannot take its state; nothing is set then.
        """
        _load_by_layers(self.stores, name)
        for variable, array in self.pairs:
            variable.assign(array)
        for optimizer, count in self.lost:
            tell_lost_state(optimizer, name, count, len(optimizer.variables))


def _has_a_way(owner: Any) -> bool:
    """Whether a layer says itself what of it is kept, or what it makes of that."""
    if not isinstance(owner, Layer):
        return False
    cls = type(owner)
    saves = cls.save_own_variables is not Layer.save_own_variables
    return saves or cls.load_own_variables is not Layer.load_own_variables


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


def owners(
    model: Layer,
    objects_to_skip: Iterable[Any] = (),
    is_there: Callable[[str], bool] | None = None,
) -> Iterator[tuple[str, Any]]:
    """All that has variables, with the path of its group, each once.

    Args:
        model: where to look.
        objects_to_skip: what is passed over, with what is in it alone.
        is_there: whether a file has something at a path. Where it has nothing for the
            first way that leads to an owner, the first other way counts for which it
            has: an attribute may have got a new name, and a property the old one.
    """
    seen = {id(each) for each in objects_to_skip}
    others: dict[int, list[str]] = {}  # further ways to those that were seen

    def walk(owner: Any, where: str) -> Iterator[tuple[str, Any]]:
        if id(owner) in seen:
            others.setdefault(id(owner), []).append(where)
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

    if is_there is None:
        yield from walk(model, "")
        return
    moved: dict[str, str] = {}  # where what lies below a path is instead
    for where, owner in list(walk(model, "")):
        here = _after_moving(where, moved)
        if not is_there(here):
            ways = (_after_moving(way, moved) for way in others.get(id(owner), ()))
            found = next(filter(is_there, ways), None)
            if found is not None:
                moved[where] = here = found
        yield here, owner


def _after_moving(where: str, moved: dict[str, str]) -> str:
    """A path whose beginning has moved, its longest one first."""
    parts = where.split("/")
    for count in range(len(parts), 1, -1):
        there = moved.get("/".join(parts[:count]))
        if there is not None:
            return "/".join([there, *parts[count:]])
    return where


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


def _misfit(owner: Any, where: str, found: dict[str, Any] | None) -> str | None:
    """Why arrays do not fit an owner, before any of them is read."""
    title = f"{type(owner).__name__} {owner.name!r}"
    if _has_a_way(owner):
        arrays = (found or {}).values()
        plain = all(hdf5.is_plain(each) and hdf5.is_in_full(each) for each in arrays)
        return None if plain else f"what it has for {title} is no plain numbers"
    variables = _variables(owner)
    if found is None:
        return f"it has nothing for {title} ({where}/vars)" if variables else None
    if len(found) != len(variables):
        return f"it has {len(found)} arrays for {title}, which has {len(variables)}"
    for i, variable in enumerate(variables):
        problem = misfit_of(found.get(str(i)), variable)
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


def _is_of_another(optimizer: Optimizer, found: dict[str, Any] | None) -> bool:
    """Whether a file has no state of this optimizer; its weights are loaded anyway."""
    return found is None or len(found) != len(optimizer.variables)


def _has_steps(found: dict[str, Any] | None) -> bool:
    """Whether the optimizer of a file has done a step, so that a state is lost."""
    steps = (found or {}).get("0")
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
