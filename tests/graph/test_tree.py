"""Nested lists, tuples and dicts."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornu.graph.tree import flatten, flatten_names, map_structure, pack_like


class Pair(NamedTuple):
    left: object
    right: object


TREES = st.recursive(
    st.integers() | st.none() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
        | st.tuples(inner, inner).map(lambda pair: Pair(*pair))
    ),
    max_leaves=12,
)


@given(TREES)
def test_flatten_and_pack_are_inverse(tree):
    leaves = flatten(tree)
    assert pack_like(tree, leaves) == tree
    assert type(pack_like(tree, leaves)) is type(tree)
    numbered = pack_like(tree, range(len(leaves)))
    assert flatten(numbered) == list(range(len(leaves)))


@given(TREES)
def test_map_keeps_the_nesting_and_the_order(tree):
    assert map_structure(lambda leaf: leaf, tree) == tree
    doubled = map_structure(lambda leaf: ("leaf", leaf), tree)
    assert map_structure(lambda a, b: (a, b), tree, tree) is not None
    assert len(flatten(doubled)) == 2 * len(flatten(tree))


@given(TREES)
def test_there_is_a_name_for_each_leaf(tree):
    assert len(flatten_names(tree, ("x",))) == len(flatten(tree))


def test_dicts_are_in_the_order_of_their_keys():
    assert flatten({"b": 1, "a": [2, {"d": 3, "c": 4}]}) == [2, 4, 3, 1]
    assert flatten_names({"b": 1, "a": [2, 3]}, ("x",)) == ["x_a_0", "x_a_1", "x_b"]


def test_named_tuples_stay_what_they_are():
    pair = Pair([1], 2)
    assert map_structure(str, pair) == Pair(["1"], "2")
    assert type(pack_like(pair, [5, 6])) is Pair


def test_none_is_a_leaf():
    assert flatten([None, (None,)]) == [None, None]
    assert flatten_names(None, ("y",)) == ["y"]


def test_what_differs_in_nesting_is_refused():
    with pytest.raises(ValueError):
        map_structure(lambda a, b: a, [1, 2], [1])
    with pytest.raises(KeyError):
        map_structure(lambda a, b: a, {"a": 1}, {"b": 1})
