"""Nested lists, tuples and dicts: what users pass where one tensor could stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def flatten(tree: Any) -> list[Any]:
    """The leaves of nested lists, tuples and dicts, dicts in the order of their keys.

    `None` is a leaf.

    Example:

    >>> flatten({"b": [1, 2], "a": (3,)})
    [3, 1, 2]
    """
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in flatten(part)]
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in flatten(tree[key])]
    return [tree]


def map_structure(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The same nesting with `function` of each leaf (and of the others' leaves).

    Example:

    >>> map_structure(lambda a: a + 1, {"x": [1, 2]})
    {'x': [2, 3]}
    """
    if isinstance(tree, (list, tuple)):
        parts = [
            map_structure(function, *each) for each in zip(tree, *others, strict=True)
        ]
        if hasattr(tree, "_fields"):  # a namedtuple takes its parts one by one
            return type(tree)(*parts)
        return type(tree)(parts)
    if isinstance(tree, dict):
        return {
            key: map_structure(function, tree[key], *(other[key] for other in others))
            for key in tree
        }
    return function(tree, *others)


def pack_like(tree: Any, leaves: list[Any] | Iterator[Any]) -> Any:
    """The nesting of `tree` with these leaves, in the order of `flatten`.

    Example:

    >>> pack_like({"b": [0, 0], "a": 0}, [1, 2, 3])
    {'a': 1, 'b': [2, 3]}
    """
    it = iter(leaves)

    def pack(part: Any) -> Any:
        if isinstance(part, (list, tuple)):
            packed = [pack(each) for each in part]
            if hasattr(part, "_fields"):
                return type(part)(*packed)
            return type(part)(packed)
        if isinstance(part, dict):
            return {key: pack(part[key]) for key in sorted(part)}
        return next(it)

    return pack(tree)


def flatten_names(tree: Any, names: tuple[str, ...] = ()) -> list[str]:
    """A name for each leaf that says where it is, in the order of `flatten`.

    Example:

    >>> flatten_names({"x": [0, 0], "y": 0})
    ['x_0', 'x_1', 'y']
    """
    if isinstance(tree, (list, tuple)):
        parts: Any = [(str(i), part) for i, part in enumerate(tree)]
    elif isinstance(tree, dict):
        parts = [(str(key), tree[key]) for key in sorted(tree)]
    else:
        return ["_".join(names)]
    return [name for key, part in parts for name in flatten_names(part, (*names, key))]
