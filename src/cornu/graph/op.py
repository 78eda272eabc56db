"""The record that an operation is: everything that Cornu knows of it, in one place.

A *primitive* has a NumPy meaning, which is its definition. A *composite* is a named
sub-graph: its definition is an expansion, ordinary Python over other operations. Either
may name its gradient. Engines hold nothing of an operation but how to run it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cornu.graph import config
from cornu.graph.spec import Spec

if TYPE_CHECKING:
    from cornu.graph.graph import Graph

OPS: dict[str, Op] = {}


class Op:
    """One operation of the vocabulary.

    Args:
        name: unique name, as in NumPy, XLA or the literature.
        infer: `infer(*specs, **params)` gives the Spec of the output, or a tuple of
            Specs for several outputs. A composite's comes from its expansion.
        numpy: the meaning, `numpy(*arrays, **params)`; its result has exactly the
            dtype and shape of `infer`. It uses nothing but `np`, so that a program
            that is saved can carry its source.
        expansion: the definition of a composite, or the form of a primitive in the
            universal subset, for engines that have no such operation.
        gradient: `gradient(g, inputs, output, **params)` gives one cotangent per
            input: a tensor, None for zero, or a function without arguments that
            makes it (called only where it is wanted). With several outputs `g` and
            `output` are tuples, and parts of `g` may be None.
        no_gradient: why there is no gradient rule, where there is none.
        hidden: how many of the last outputs are residuals, kept for the gradient
            and not part of the public result.
        doc: one line that says what it computes.
        core: whether every engine must have it.
        of_sparse: `of_sparse(*inputs, **params)` gives the operation and the inputs
            that stand for this one where an input is a sparse matrix, or None where
            there are none such; without it such an input is made dense first.
    """

    __slots__ = (
        "core",
        "doc",
        "expansion",
        "gradient",
        "hidden",
        "infer",
        "name",
        "no_gradient",
        "numpy",
        "of_sparse",
    )

    def __init__(
        self,
        name: str,
        *,
        infer: Callable[..., Any] | None = None,
        numpy: Callable[..., Any] | None = None,
        expansion: Callable[..., Any] | None = None,
        gradient: Callable[..., Any] | None = None,
        no_gradient: str | None = None,
        hidden: int = 0,
        doc: str = "",
        core: bool = True,
        of_sparse: Callable[..., tuple[Op, tuple[Any, ...]] | None] | None = None,
    ) -> None:
        if name in OPS:
            raise ValueError(f"the operation {name!r} is defined twice.")
        if numpy is None and expansion is None:
            raise ValueError(f"{name!r} needs a NumPy meaning or an expansion.")
        self.name = name
        self.infer = infer if infer is not None else self._infer_from_expansion
        self.numpy = numpy
        self.expansion = expansion
        self.gradient = gradient
        self.no_gradient = no_gradient
        self.hidden = hidden
        self.doc = doc
        self.core = core
        self.of_sparse = of_sparse
        OPS[name] = self

    @property
    def is_composite(self) -> bool:
        """Whether the expansion is the definition."""
        return self.numpy is None

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Run on concrete tensors, or record a node under trace."""
        from cornu.graph.trace import bind

        return bind(self, inputs, params)

    def expanded(self, specs: tuple[Spec, ...], params: dict[str, Any]) -> Graph:
        """The expansion as a Graph for inputs of these specs (kept for next time)."""
        from cornu.graph.trace import trace

        key = (
            self.name,
            specs,
            tuple(sorted(params.items(), key=lambda kv: kv[0])),
            config.floatx(),  # which an expansion may read, as it may epsilon
            config.epsilon(),
        )
        graph = _EXPANSIONS.get(key)
        if graph is None:
            assert self.expansion is not None
            expansion = self.expansion
            graph = trace(lambda *values: expansion(*values, **params), specs)
            if len(_EXPANSIONS) > 4096:  # long sessions with ever new shapes
                _EXPANSIONS.clear()
            _EXPANSIONS[key] = graph
        return graph

    def _infer_from_expansion(self, *specs: Spec, **params: Any) -> Any:
        outputs = tuple(v.spec for v in self.expanded(specs, params).outputs)
        return outputs[0] if len(outputs) == 1 else outputs


_EXPANSIONS: dict[Any, Graph] = {}
