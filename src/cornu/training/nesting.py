"""Outputs in nested lists and dicts, and the targets, weights and losses for them.

A nesting is described by one of the same form with a number at each leaf: where the
outputs are `{"a": (p, q), "b": r}`, it is `{"a": (0, 1), "b": 2}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cornu.graph.messages import nearest
from cornu.graph.tree import map_structure


class NoSuchOutput(ValueError, KeyError):
    """A loss or metric is for an output that there is not; Keras has a KeyError."""

    __str__ = Exception.__str__  # a KeyError's message would be in quotes


class Place(NamedTuple):
    """A loss, and the part of the outputs that it is for.

    Attributes:
        where: the number of an output, or a nesting of numbers.
        name: what it is called in logs.
        loss: what `compile` was given for it.
        weight: what it is multiplied by, or None.
    """

    where: Any
    name: str
    loss: Any
    weight: Any


def numbered(tree: Any) -> tuple[Any, list[Any]]:
    """A nesting with numbers at its leaves, and the leaves; dicts in their own order.

    Example:

    >>> numbered({"b": ["x", "y"], "a": "z"})
    ({'b': [0, 1], 'a': 2}, ['x', 'y', 'z'])
    """
    leaves: list[Any] = []

    def number(leaf: Any) -> int:
        leaves.append(leaf)
        return len(leaves) - 1

    return map_structure(number, tree), leaves


def is_deep(where: Any) -> bool:
    """Whether lists or dicts are inside others."""
    return _is_nest(where) and any(_is_nest(part) for _, part in _parts(where))


def names_in(where: Any, own: list[str]) -> list[str]:
    """A name for each output of a deep nesting: the way to it, ending in its own name.

    Example:

    >>> names_in({"a": (0, 1), "b": {"c": 2}}, ["p", "q", "r"])
    ['a/p', 'a/q', 'b/c']
    """
    return [_name(way, number, own) for way, number in _ways(where)]


def named(
    outputs: Any, symbols: list[str], own: list[str]
) -> tuple[list[str], list[str | None]]:
    """The names of outputs, and what logs call them: None where nothing names them.

    Args:
        outputs: tensors, alone or nested.
        symbols: names of the outputs of the DAG, where the model has one.
        own: what the model calls its outputs.
    """
    where, leaves = numbered(outputs)
    count = len(leaves)
    numbers = [f"output_{i + 1}" for i in range(count)]
    nameless: list[str | None] = [None] * count
    if is_deep(where):
        known = symbols if len(symbols) == count else []
        return names_in(where, known or numbers), [*known] or nameless
    if isinstance(outputs, dict):
        own = list(outputs)
    elif count == 1:
        own = own[:1] or ["output"]
    elif len(own) != count or len(set(own)) != count:
        return numbers, nameless
    return own, [*own] if count > 1 else nameless


def aligned(given: Any, where: Any, names: list[str], what: str) -> list[Any]:
    """Targets or weights, one per output, None where there is none.

    Args:
        given: them, in the nesting of the outputs, or by their names.
        where: the nesting of the outputs.
        names: their names.
        what: what they are, for messages: 'target' or 'weight'.

    Raises:
        ValueError: when their number does not fit.
    """
    found: list[Any] = [None] * len(names)

    def fill(value: Any, place: Any) -> None:
        if value is None:
            return
        if not _is_nest(place):
            found[place] = _single(value, place)
        elif isinstance(value, dict):
            for key, part in _parts(place):
                name = key if isinstance(place, dict) else _name_at(part)
                fill(value.get(name), part)
        else:
            values = list(value) if isinstance(value, (list, tuple)) else [value]
            parts = [part for _, part in _parts(place)]
            if len(values) != len(parts) and len(values) == len(_numbers(place)):
                parts = _numbers(place)
            if len(values) != len(parts):
                raise _not_as_many(len(values), what, names)
            for each, part in zip(values, parts, strict=True):
                fill(each, part)

    def _single(value: Any, place: int) -> Any:
        if isinstance(value, dict):
            return value.get(names[place])
        if isinstance(value, (list, tuple)):
            if len(value) != 1:
                raise _not_as_many(len(value), what, names)
            return value[0]
        return value

    def _name_at(part: Any) -> Any:
        return None if _is_nest(part) else names[part]

    fill(given, where)
    return found


def with_gaps(targets: Any, loss: Any, names: list[str]) -> Any:
    """Targets of those outputs alone that have a loss, each at its place.

    Args:
        targets: as many as there are losses; anything else is returned as it is.
        loss: what `compile` was given: a list with None for outputs without a loss.
        names: names of the outputs.
    """
    if not isinstance(loss, (list, tuple)) or len(loss) != len(names):
        return targets
    wanted = [i for i, each in enumerate(loss) if each is not None]
    given = list(targets) if isinstance(targets, (list, tuple)) else [targets]
    if isinstance(targets, dict) or len(given) != len(wanted) or None not in loss:
        return targets
    found: list[Any] = [None] * len(names)
    for i, each in zip(wanted, given, strict=True):
        found[i] = each
    return found


def _not_as_many(count: int, what: str, names: list[str]) -> ValueError:
    return ValueError(
        f"{count} {what}s were given for {len(names)} outputs "
        f"({', '.join(names)}).\nExpected one {what} per output.\n"
        "Pass a list in the order of the outputs, or a dict by their names."
    )


# Losses


def by_leaf(setting: Any, where: Any, names: list[str]) -> list[Any]:
    """Metrics as one entry per output of a deep nesting.

    Args:
        setting: nested as the outputs are, or by their names; what stands for a part
            of them is for each output in it.
        where: the nesting of the outputs.
        names: their names, as of `names_in`.

    Raises:
        ValueError: when it names what is not among the outputs.

    Example:

    >>> where, names = {"a": [0, 1], "b": 2}, ["a/p", "a/q", "b"]
    >>> by_leaf({"a": ["mse", "mae"], "b": "mse"}, where, names)
    ['mse', 'mae', 'mse']
    """
    found: list[Any] = [None] * len(names)

    def fill(value: Any, place: Any) -> None:
        parts = dict(_parts(place)) if _is_nest(place) else {}
        if _is_plain_dict(value):
            for key, each in value.items():
                if key in parts:
                    fill(each, parts[key])
                elif key in names:
                    fill(each, names.index(key))
                else:
                    raise _not_there(key, place, names, "metrics")
        elif isinstance(value, (list, tuple)) and len(value) == len(parts):
            for each, part in zip(value, parts.values(), strict=True):
                fill(each, part)
        else:
            for number in _numbers(place):
                found[number] = value

    fill(setting, where)
    return found


def is_structured(loss: Any, where: Any) -> bool:
    """Whether losses are said for parts of the outputs, and not for each output."""
    if is_deep(where):
        return True
    if not isinstance(loss, (list, tuple)):
        return False
    other = _is_nest(where) and not isinstance(where, type(loss))
    return any(
        _is_plain_dict(each) or (other and type(each) is type(where)) for each in loss
    )


def places(loss: Any, weights: Any, where: Any, names: list[str]) -> list[Place]:
    """The losses of a structure, each with the part of the outputs that it is for.

    A list that is not of the form of the outputs holds several losses for all of them.

    Args:
        loss: what `compile` was given.
        weights: what it was given as loss_weights, in the same structure, or as one
            list for all losses.
        where: the nesting of the outputs.
        names: their names, as of `names_in`.

    Raises:
        ValueError: when the loss names what is not among the outputs.
    """
    if not _is_nest(loss) or _is_config(loss):  # one for all outputs
        loss = map_structure(lambda _: loss, where)
    flat = isinstance(weights, (list, tuple)) and not any(map(_is_nest, weights))
    found = list(_places(loss, None if flat else weights, where, names, ()))
    if flat and len(weights) != len(found):
        raise ValueError(
            f"loss_weights has {len(weights)} entries, but there are {len(found)} "
            f"losses ({', '.join(place.name for place in found)}).\n"
            "Expected one weight per loss.\nPass as many, or nest them as the losses."
        )
    if flat:
        pairs = zip(found, weights, strict=True)
        found = [place._replace(weight=weight) for place, weight in pairs]
    return found


def _places(
    loss: Any, weights: Any, where: Any, names: list[str], way: tuple[Any, ...]
) -> Iterator[Place]:
    if loss is None:
        return
    if not _is_nest(loss) or _is_config(loss):
        yield Place(where, _name(way, where, names), loss, weights)
    elif isinstance(loss, dict):
        for key, part in loss.items():
            if not isinstance(where, dict) or key not in where:
                raise _not_there(key, where, names)
            each = weights.get(key) if isinstance(weights, dict) else weights
            yield from _places(part, each, where[key], names, (*way, key))
    else:
        parts = [part for _, part in _parts(where)] if _is_nest(where) else []
        alike = isinstance(where, type(loss)) and len(loss) == len(parts)
        leaves = len(loss) == len(_numbers(where)) and not any(map(_is_nest, loss))
        for i, each in enumerate(loss):
            nested = isinstance(weights, (list, tuple)) and len(weights) == len(loss)
            weight = weights[i] if nested else weights
            if leaves and _is_nest(where):
                number = _numbers(where)[i]
                yield from _places(each, weight, number, names, (*way, i))
            elif alike:
                yield from _places(each, weight, parts[i], names, (*way, i))
            else:
                yield from _places(each, weight, where, names, way)


def _not_there(
    key: Any, where: Any, names: list[str], what: str = "loss"
) -> ValueError:
    keys = [str(k) for k in where] if isinstance(where, dict) else names
    return NoSuchOutput(
        f"{what} has an entry for the output {key!r}.\n"
        f"Expected names of outputs: {', '.join(keys)}.\n{nearest(str(key), keys)}"
    )


def _is_nest(value: Any) -> bool:
    return isinstance(value, (list, tuple, dict))


def _is_config(value: Any) -> bool:
    """Whether a dict describes an object, and is no structure."""
    return isinstance(value, dict) and "class_name" in value


def _is_plain_dict(value: Any) -> bool:
    return isinstance(value, dict) and not _is_config(value)


def _parts(nest: Any) -> list[tuple[Any, Any]]:
    return list(nest.items()) if isinstance(nest, dict) else list(enumerate(nest))


def _ways(where: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, int]]:
    if not _is_nest(where):
        yield way, where
        return
    for key, part in _parts(where):
        yield from _ways(part, (*way, key))


def _numbers(where: Any) -> list[int]:
    return [number for _, number in _ways(where)]


def _name(way: tuple[Any, ...], where: Any, names: list[str]) -> str:
    """What a part of the outputs is called: the way to it, or all its names."""
    if not way:
        return "_".join(names[i] for i in _numbers(where))
    if isinstance(way[-1], int) and not _is_nest(where):
        own = names[where].rpartition("/")[2]
        way = (*way[:-1], own)
    return "/".join(map(str, way))
