"""einsum: sums of products over named axes, as few general products."""

from __future__ import annotations

import builtins
import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

from cornu.graph.messages import refuse_unknown
from cornu.graph.tensor import TensorBase
from cornu.ops.primitives.elementwise import cast, multiply
from cornu.ops.primitives.linear import dot_general
from cornu.ops.primitives.reductions import sum
from cornu.ops.primitives.shapes import reshape, static_slice, transpose
from cornu.ops.public import cast_to, promote, public

__all__ = ["einsum"]

_sum = builtins.sum
Labels = tuple[Any, ...]  # letters or numbers; ("...", k) from the right
# Computed in int32, whose sums do not run over, and converted back; int8 stays so.
_SMALL = ("bool", "int8", "int16", "uint8", "uint16")


class Term(NamedTuple):
    """A tensor and the names of its axes."""

    x: Any
    labels: Labels


@public
def einsum(subscripts, *operands, **kwargs):
    """Sums of products over named axes (Einstein's convention).

    A name that stands in several tensors runs together in them; one that is not among
    those of the result is summed over. Of two tensors it becomes one general product
    wherever something is summed.

    Args:
        subscripts: names of the axes, one letter each, as "ij,jk->ik"; `...` stands for
            any further axes, which broadcast. Without `->` the result has the names
            that occur once, in alphabetical order. A name that occurs twice in one
            tensor takes its diagonal.
        *operands: tensors. Or leave the string away and write
            `einsum(a, [0, 1], b, [1, 2], [0, 2])`.
        optimize: (keyword) a hint without meaning here: the order is chosen by sizes.

    Returns:
        Tensor of the axes of the result, of the dtype that the operands have in common
        (int32 for int8).

    Raises:
        ValueError: when names and axes do not fit together.

    Example:

    >>> from cornu import ops
    >>> ops.einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0]).tolist()
    [12.0, 34.0]
    >>> ops.einsum("ii->i", [[1.0, 2.0], [3.0, 4.0]]).tolist()
    [1.0, 4.0]
    """
    refuse_unknown("einsum", [k for k in kwargs if k != "optimize"], ["optimize"])
    names, tensors, wanted = _read(subscripts, operands)
    values = promote(*tensors)
    dtype = values[0].dtype
    if dtype in _SMALL:
        values = [cast(v, "int32") for v in values]
    terms, result = _named(subscripts, names, values, wanted)
    sizes = _sizes(subscripts, terms)
    terms = [
        _reduced(term, _elsewhere(terms, (i,), result), sizes)
        for i, term in enumerate(terms)
    ]
    while len(terms) > 1:
        i, j = _cheapest(terms, result, sizes)
        kept = _elsewhere(terms, (i, j), result)
        last = result if len(terms) == 2 else None
        product = _product(terms[i], terms[j], kept, last, sizes)
        rest = [t for k, t in enumerate(terms) if k not in (i, j)]
        terms = [*rest, product]
    y = _aligned(terms[0], result)
    if dtype == "bool":
        return y != 0
    # Two of int8 stay in int32, as in matmul.
    return y if all(_is_int8(t) for t in tensors) else cast_to(y, dtype)


def _is_int8(x: Any) -> bool:
    return getattr(x, "dtype", None) == "int8"


# Reading what is asked for


def _read(subscripts: Any, operands: Sequence[Any]) -> tuple[list, list, list | None]:
    """The names of each operand, the operands, and the names of the result or None."""
    if isinstance(subscripts, str):
        left, arrow, right = subscripts.replace(" ", "").partition("->")
        names = [_letters(subscripts, term) for term in left.split(",")]
        if len(names) != len(operands):
            raise ValueError(
                f"[einsum] {subscripts!r} names the axes of {len(names)} tensors, but "
                f"{len(operands)} were given.\n"
                "Expected one tensor for each part between commas.\n"
                "Write for example einsum('ij,jk->ik', a, b)."
            )
        return names, list(operands), _letters(subscripts, right) if arrow else None
    given = [subscripts, *operands]
    pairs, rest = given[: len(given) // 2 * 2], given[len(given) // 2 * 2 :]
    names = [list(each) for each in pairs[1::2]]
    return names, pairs[::2], list(rest[0]) if rest else None


def _letters(subscripts: str, term: str) -> list[Any]:
    found = [*term.replace("...", "…")]
    if not all(c == "…" or (c.isascii() and c.isalpha()) for c in found):
        raise ValueError(
            f"[einsum] {subscripts!r} was given.\n"
            "Expected letters for axes, `...` for any others, commas between tensors "
            "and `->` before the result.\nWrite for example 'bij,bjk->bik'."
        )
    return [... if c == "…" else c for c in found]


def _named(
    what: Any, names: list, values: list, wanted: list | None
) -> tuple[list[Term], Labels]:
    """The operands with a name for every axis, and the names of the result."""
    terms = [Term(v, _spread(what, n, v)) for n, v in zip(names, values, strict=True)]
    counts = Counter(label for term in terms for label in term.labels)
    most = max(
        (v.ndim - len(n) + 1 for n, v in zip(names, values, strict=True) if ... in n),
        default=0,
    )
    free = tuple(("...", k) for k in reversed(range(most)))
    if wanted is None:
        once = sorted(k for k, n in counts.items() if n == 1 and k not in free)
        return terms, (*free, *once)
    result = [label for n in wanted for label in (free if n is ... else (n,))]
    known = all(counts[label] for label in result)
    twice = len(set(result)) < len(result)
    if not known or twice or (most and ... not in wanted):
        raise ValueError(
            f"[einsum] {_shown(what)} cannot give a result with the axes "
            f"{_shown(wanted)}.\nExpected names of the operands, each once, and `...` "
            "where an operand has it.\nCorrect what stands after `->`."
        )
    return terms, tuple(result)


def _spread(what: Any, names: list, x: Any) -> Labels:
    """The names of all axes of a tensor: those of `...` are counted from its right."""
    given = len(names) - names.count(...)
    extra = x.ndim - given
    if names.count(...) > 1 or extra < 0 or (extra and ... not in names):
        raise ValueError(
            f"[einsum] {_shown(what)}: {_shown(names)} names {given} axes, but the "
            f"tensor has shape {tuple(x.shape)}.\n"
            "Expected a name for each axis, or `...` once for those left.\n"
            "Compare the shape with the letters."
        )
    free = [("...", k) for k in reversed(range(extra))]
    return tuple(label for n in names for label in (free if n is ... else (n,)))


def _shown(what: Any) -> str:
    if isinstance(what, TensorBase) or hasattr(what, "__array__"):
        return "the list form"
    if isinstance(what, list):
        return repr("".join("..." if n is ... else str(n) for n in what))
    return repr(what)


def _sizes(what: Any, terms: list[Term]) -> dict[Any, int]:
    sizes: dict[Any, int] = {}
    for x, labels in terms:
        for label, n in zip(labels, x.shape, strict=True):
            known = sizes.get(label, 1)
            twice = labels.count(label) > 1 and n != x.shape[labels.index(label)]
            if twice or (n != known and 1 not in (n, known)):
                shapes = ", ".join(str(tuple(t.x.shape)) for t in terms)
                name = label if isinstance(label, (str, int)) else "..."
                raise ValueError(
                    f"[einsum] {_shown(what)} was given tensors of shapes {shapes}, in "
                    f"which {name!r} has the sizes {known} and {n}.\n"
                    "Expected one size for each name (or 1, which broadcasts).\n"
                    "Compare the shapes with the letters."
                )
            sizes[label] = n if known == 1 else known
    return sizes


# Computing it


def _elsewhere(terms: list[Term], left_out: tuple[int, ...], result: Labels) -> set:
    """The names that the result, or a term that is not left out, has."""
    others = [t.labels for k, t in enumerate(terms) if k not in left_out]
    return set(result).union(*others)


def _reduced(term: Term, kept: set, sizes: dict[Any, int]) -> Term:
    """A term without repeated names, and summed over those that only it has.

    An axis of size 1 that is broadcast goes too: its element multiplies all.
    """
    x, labels = term
    while len(set(labels)) < len(labels):
        x, labels = _diagonal(x, labels)
    single = [i for i, k in enumerate(labels) if x.shape[i] != sizes[k]]
    x = reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in single))
    labels = tuple(k for i, k in enumerate(labels) if i not in single)
    alone = tuple(i for i, k in enumerate(labels) if k not in kept)
    if alone:
        x = sum(x, alone)
    return Term(x, tuple(k for k in labels if k in kept))


def _diagonal(x: Any, labels: Labels) -> tuple[Any, Labels]:
    label = next(k for k in labels if labels.count(k) > 1)
    i = labels.index(label)
    j = labels.index(label, i + 1)
    others = [k for k in range(len(labels)) if k not in (i, j)]
    shape, n = tuple(x.shape[k] for k in others), x.shape[i]
    lines = reshape(transpose(x, (*others, i, j)), (*shape, n * n))
    y = static_slice(lines, (*[slice(None)] * len(shape), slice(None, None, n + 1)))
    return y, (*(labels[k] for k in others), label)


def _cheapest(terms: list[Term], result: Labels, sizes: dict) -> tuple[int, int]:
    """The pair whose product is smallest beside its factors."""

    def growth(pair: tuple[int, int]) -> int:
        labels = {k for i in pair for k in terms[i].labels}
        kept = labels & _elsewhere(terms, pair, result)
        after = math.prod(sizes[k] for k in kept)
        return after - _sum(math.prod(terms[i].x.shape) for i in pair)

    return min(combinations(range(len(terms)), 2), key=growth)


def _product(a: Term, b: Term, kept: set, result: Labels | None, sizes: dict) -> Term:
    """The product of two terms, summed over the names that are not kept.

    Args:
        a: one term.
        b: the other.
        kept: names that are needed later.
        result: the names in the order that is wanted, where this is the last product.
        sizes: sizes by name.
    """
    a, b = (
        _reduced(a, kept | {*b.labels}, sizes),
        _reduced(b, kept | {*a.labels}, sizes),
    )
    shared = [k for k in a.labels if k in b.labels]
    summed = [k for k in shared if k not in kept]
    if not summed:
        order = result or (*a.labels, *(k for k in b.labels if k not in shared))
        order = tuple(k for k in order if k in a.labels or k in b.labels)
        return Term(multiply(_aligned(a, order), _aligned(b, order)), order)
    batch = [k for k in shared if k in kept]
    if result is not None:
        batch.sort(key=result.index)
        # The factors may change places: where that spares a transposition, they do.
        if result == _labels_of(b, a, batch, summed):
            a, b = b, a
    contract = [tuple(t.labels.index(k) for k in summed) for t in (a, b)]
    together = [tuple(t.labels.index(k) for k in batch) for t in (a, b)]
    y = dot_general(a.x, b.x, contract, together)
    return Term(y, _labels_of(a, b, batch, summed))


def _labels_of(a: Term, b: Term, batch: list, summed: list) -> Labels:
    """The axes of a general product."""
    free = [k for t in (a, b) for k in t.labels if k not in batch and k not in summed]
    return (*batch, *free)


def _aligned(term: Term, order: Labels) -> Any:
    """A tensor with its axes in this order, and of size 1 where it has none."""
    own = [k for k in order if k in term.labels]
    x = transpose(term.x, tuple(term.labels.index(k) for k in own))
    sizes = dict(zip(own, x.shape, strict=True))
    return reshape(x, tuple(sizes.get(k, 1) for k in order))
