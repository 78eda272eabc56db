"""A step of a model as a graph: forward, loss, backward, update and metrics in one."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cornu import engines
from cornu.graph.eager import Tensor
from cornu.graph.spec import Spec
from cornu.graph.tensor import TensorBase
from cornu.graph.trace import Trace, convert, current
from cornu.graph.tree import flatten, flatten_names, map_structure, pack_like

# So many signatures of one model are ordinary: training, validation, last batches.
_MANY = 8


@contextmanager
def section(name: str) -> Iterator[None]:
    """Operations in here belong to this section of the step (eager: no meaning)."""
    trace = current()
    if trace is None:
        yield
    else:
        with trace.section(name):
            yield


class StepProgram:
    """A compiled step, and how its results are nested.

    Args:
        name: what the step is called in its source.
        function: takes the nested values and returns nested results.
        nest: the nesting of the inputs, with None where there is nothing.
        specs: one per input that is there.
        workspace: what the other programs of the model share with it.
        checks: whether `checked` looks at the loss: the numbers that gradients are
            taken of, before a weight has changed.
        finish: makes what is returned of the results, on the host.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        nest: Any,
        specs: list[Spec],
        workspace: Any,
        checks: bool = False,
        finish: Callable[[Any], Any] | None = None,
    ) -> None:
        with Trace(name) as t:
            given = iter(specs)
            names = [
                name
                for part, what in zip(nest, ("x", "y", "sample_weight"), strict=False)
                for name in flatten_names(part, (what,))
            ]
            leaves = [
                None if leaf is None else t.input(next(given), name)
                for leaf, name in zip(flatten(nest), names, strict=True)
            ]
            result = function(*pack_like(nest, leaves))
            results = flatten(result)
            outputs = [t.own(convert(r)) for r in results if _is_tensor(r)]
            graph = t.finish(outputs, t.losses if checks else ())
        self._finish = finish
        self._nest = map_structure(lambda leaf: None, result)
        self._results = [_HERE if _is_tensor(r) else r for r in results]
        self.program: Any = engines.current().compile(graph, workspace)

    def __call__(self, inputs: list[Any]) -> Any:
        """Run on flat inputs; the results are nested arrays."""
        return self._nested(self.program(*inputs))

    def checked(self, inputs: list[Any]) -> Any:
        """The same, or NOT_FINITE where the loss is not finite: nothing has changed."""
        outputs = self.program.checked(*inputs)
        return NOT_FINITE if outputs is None else self._nested(outputs)

    def _nested(self, outputs: list[Any]) -> Any:
        rest = iter(outputs)
        leaves = [next(rest) if r is _HERE else r for r in self._results]
        result = pack_like(self._nest, leaves)
        return result if self._finish is None else self._finish(result)


NOT_FINITE = object()
_HERE = object()


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, TensorBase)


class ProgramCache:
    """The programs of one model, one per input signature; the oldest leave."""

    def __init__(self) -> None:
        self._workspaces: dict[str, Any] = {}
        self._programs: OrderedDict[Any, StepProgram] = OrderedDict()
        self._warned = False
        self._lock = threading.RLock()

    def clear(self) -> None:
        """Forget all programs: the model was compiled anew."""
        self._programs.clear()

    @property
    def workspace(self) -> Any:
        """What the programs of the model share on the engine that runs now."""
        engine = engines.current()
        if engine.name not in self._workspaces:
            self._workspaces[engine.name] = engine.workspace()
        return self._workspaces[engine.name]

    def get(self, key: Any, make: Callable[[], StepProgram]) -> StepProgram:
        """The program of a signature, made where there is none yet."""
        engine = engines.current()
        key = (*key, engine.name, id(engine.placement()))
        with self._lock:  # two threads that predict make one program
            program = self._programs.get(key)
            if program is not None:
                self._programs.move_to_end(key)
                return program
            program = self._programs[key] = make()
            if len(self._programs) > 2 * _MANY:
                self._programs.popitem(last=False)
        if len(self._programs) > _MANY and not self._warned:
            self._warned = True
            warnings.warn(
                f"This model was called with {len(self._programs)} different shapes, "
                "and for each one a program was made.\n"
                "Expected few shapes: programs are static.\n"
                "Pad or cut the batches to few lengths.",
                stacklevel=4,
            )
        return program


def tensors(values: Any) -> Any:
    """Nested arrays as tensors, which stay what they are when the next batch comes."""
    return map_structure(lambda v: None if v is None else Tensor(v.copy()), values)


def repack(nest: Any, arrays: list[Any]) -> Any:
    """Flat arrays in a nesting that may hold None."""
    leaves = iter(arrays)
    full = [None if leaf is None else next(leaves) for leaf in flatten(nest)]
    return pack_like(nest, full)
