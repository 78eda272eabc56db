"""What an engine is: it turns a Graph into a program, and may claim composites."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from cornu.graph import Graph, Node
from cornu.graph.variable import Variable


class Claim(NamedTuple):
    """An engine's offer to run a composite as one operation.

    Attributes:
        accepts: tells of a node whether its specs and parameters are within reach.
        lowering: how the engine runs it, in the engine's own terms.
    """

    accepts: Callable[[Node], bool]
    lowering: Any


class Program(Protocol):
    """A Graph that an engine has made runnable.

    Calling it with one array per input gives one array per output, and brings the
    variables from their state before to their state after. `checked` does the same,
    but where one of the graph's checks is not finite it leaves the variables as they
    are, and gives None.
    """

    graph: Graph
    variables: list[Variable]

    def __call__(self, *inputs: Any) -> list[Any]: ...

    def checked(self, *inputs: Any) -> list[Any] | None: ...


class Engine(Protocol):
    """What every engine offers."""

    name: str
    package: str

    @property
    def claims(self) -> Any: ...

    def devices(self) -> list[str]: ...

    def gaps(self, names: Sequence[str]) -> list[str]: ...

    def placement(self) -> Any: ...

    def workspace(self) -> Any: ...

    def compile(self, graph: Graph, workspace: Any = None) -> Program: ...


class Locks:
    """The locks of several variables, taken in one order by all programs."""

    def __init__(self, variables: list[Variable]) -> None:
        self._locks = [v.lock for v in sorted(variables, key=id)]

    def __enter__(self) -> None:
        taken = 0
        try:
            for lock in self._locks:
                lock.acquire()
                taken += 1
        except BaseException:  # Ctrl-C while waiting
            for lock in self._locks[:taken]:
                lock.release()
            raise

    def __exit__(self, *exc: Any) -> None:
        for lock in self._locks:
            lock.release()


def claimed(claims: Mapping[str, Any]) -> Callable[[Node], bool]:
    """A test for `passes.expand`: which composites stay, because they are claimed."""

    def keep(node: Node) -> bool:
        claim = claims.get(node.op.name)
        return claim is not None and claim.accepts(node)

    return keep


def variables_of(graph: Graph) -> list[Variable]:
    """The variables that a graph reads or writes, in the order of its state."""
    return [slot.variable for slot in graph.state]


_TOO_LARGE = re.compile(r"index (-?\d+) is out of bounds for axis \d+ with size (\d+)")


def explained(error: IndexError, graph: Graph) -> IndexError:
    """The error of a program that looked up what there is not, naming the layer."""
    found = _TOO_LARGE.match(str(error))
    if found is None:
        return error
    index, size = map(int, found.groups())
    names = {
        node.scope.layer
        for node in _all_nodes(graph)
        if node.op.name == "gather"
        and node.inputs[0].shape[node.params["axis"]] == size
    }
    layers = " or ".join(repr(name) for name in sorted(names) if name)
    return IndexError(
        f"{f'Layer {layers}' if layers else 'The step'} was given a number that is "
        f"negative or too large, to look up one of {size} (as index {index}).\n"
        f"Expected whole numbers from 0 to {size - 1}.\n"
        "Check what the data is made of: vocabularies count from 0, and padding and "
        "unknown words count too."
    )


def _all_nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        for param in node.params.values():
            if isinstance(param, Graph):
                yield from _all_nodes(param)


def check_inputs(graph: Graph, inputs: Sequence[Any]) -> None:
    """Raise where the inputs of a program are not what it was traced for.

    Raises:
        ValueError: naming the input, its spec, and what was given.
    """
    if len(inputs) != len(graph.inputs):
        raise ValueError(
            f"Program {graph.name!r} was called with {len(inputs)} arrays.\n"
            f"Expected {len(graph.inputs)}, one per input of its graph.\n"
            "Print program.graph to see them."
        )
    for value, array in zip(graph.inputs, inputs, strict=True):
        if array.shape != value.spec.shape or array.dtype != value.spec.dtype:
            raise ValueError(
                f"Program {graph.name!r} was given "
                f"{array.dtype}{list(array.shape)} for "
                f"its input {value.name!r}.\nExpected {value.spec}.\n"
                "A program has static shapes: compile another one for this shape."
            )
