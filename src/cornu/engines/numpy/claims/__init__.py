"""What the numpy engine runs on kernels: a predicate and a lowering per operation.

A composite that is claimed is not expanded; a primitive that is claimed has a lowering
of NumPy's too, which programs without kernels use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cornu.graph.node import Node
from cornu.graph.spec import Spec

if TYPE_CHECKING:
    from cornu.engines.numpy.planner import Plan
    from cornu.engines.numpy.writer import Writer

FLOATS = ("float32", "float64")


class KernelClaim(NamedTuple):
    """An offer to run an operation on a kernel.

    Attributes:
        accepts: tells of a node whether the kernel can run it.
        lowering: writes the line that calls the kernel.
        scratch: `scratch(plan, node)` gives the specs of extra memory that it needs.
        shares: positions of the inputs whose memory a result may take over.
        spares: positions of the results that it leaves out where nobody reads them.
    """

    accepts: Callable[[Node], bool]
    lowering: Callable[[Writer, Node], None]
    scratch: Callable[[Plan, Node], list[Spec]]
    shares: Callable[[Node], Sequence[int]]
    spares: Callable[[Node], Sequence[int]]


CLAIMS: dict[str, KernelClaim] = {}


def claim(
    *names: str,
    accepts: Callable[[Node], bool] = lambda node: True,
    scratch: Callable[[Plan, Node], list[Spec]] = lambda plan, node: [],
    shares: Callable[[Node], Sequence[int]] = lambda node: (),
    spares: Callable[[Node], Sequence[int]] = lambda node: (),
) -> Callable[[Any], Any]:
    """Enter a function that writes the call of a kernel, for operations of these names.

    Args:
        names: of operations, primitives or composites.
        accepts, scratch, shares, spares: see `KernelClaim`.
    """

    def enter(lowering: Callable[[Writer, Node], None]) -> Any:
        for name in names:
            CLAIMS[name] = KernelClaim(accepts, lowering, scratch, shares, spares)
        return lowering

    return enter


def of_one_dtype(node: Node) -> bool:
    """Whether all floats that a node reads and makes are float32, or all float64."""
    floats = {v.dtype for v in (*node.inputs, *node.outputs) if "float" in v.dtype}
    return len(floats) == 1 and floats <= set(FLOATS)


def has_elements(node: Node) -> bool:
    """Whether a node reads and makes no empty array."""
    return all(v.spec.size for v in (*node.inputs, *node.outputs))


from cornu.engines.numpy.claims import (  # noqa: E402 (they enter themselves)
    classes,  # noqa: F401
    indexing,  # noqa: F401
    normalization,  # noqa: F401
    pooling,  # noqa: F401
    random,  # noqa: F401
    recurrent,  # noqa: F401
    reductions,  # noqa: F401
    sparse,  # noqa: F401
    windows,  # noqa: F401
)
