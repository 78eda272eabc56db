"""A loss that is NaN or infinite: seen before the step changes anything, and traced
back to the first value that is not finite.

A program looks at its loss between the forward part and the rest (`Graph.checks`). If
it is not finite, nothing has been changed yet: the step is run once more by the
definitions of its operations, one after the other, and one warning tells where it
began. Then the training goes on, as in Keras, or ends, if `TerminateOnNaN` listens.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from cornu.engines.base import explained
from cornu.graph import Graph, Op, Scope, Source, Tensor, Variable, is_float
from cornu.graph.eager import TAPES, Record
from cornu.graph.messages import warn_user
from cornu.graph.node import user_source
from cornu.graph.trace import constant
from cornu.graph.tree import flatten, flatten_names
from cornu.layers.tracking import CALLS
from cornu.ops.random import global_seed_generator
from cornu.optimizers import Optimizer
from cornu.training.program import NOT_FINITE, StepProgram


class NonFiniteWarning(UserWarning):
    """The loss is NaN or infinite; the message tells where that began."""


class LossWatch:
    """Looks at the loss of every training step, and tells of it once.

    Args:
        model: the model that is trained.
        stop: whether training ends where the loss is not finite, with the weights as
            they were before that step.
        strict: whether a RuntimeError is raised there, in place of the warning.
    """

    def __init__(self, model: Any, stop: bool = False, strict: bool = False) -> None:
        self._model = model
        self._stop, self._strict = stop, strict
        self._told = False
        self._own = model._own_train_step
        self._steps = 0  # of those that run operation by operation
        self._variables: list[Variable] = []

    @property
    def told(self) -> bool:
        """Whether the one warning has been given, so that nobody needs to look."""
        return self._told

    def run(self, step: StepProgram, arrays: list[np.ndarray]) -> Any:
        """The results of a compiled step."""
        if self._told:
            return step(arrays)
        results = step.checked(arrays)
        if results is not NOT_FINITE:
            self._look_at(results)
            return results
        return self._tell(replay(step.program.graph, arrays)) or step(arrays)

    def run_eagerly(self, step: Callable[[], Any], parts: Any) -> Any:
        """The results of a step that runs operation by operation.

        Args:
            step: runs it.
            parts: nested tensors of [x, y, sample_weight].
        """
        if self._told:
            return step()
        if self._steps < 2:  # the first step may make some, as an optimizer does
            self._steps += 1
            self._variables = variables_of(self._model)
        before = [(v, v.snapshot()) for v in self._variables]
        try:
            with _listening(_refuse):
                results = step()
            self._look_at(results)
            return results
        except _NotFinite:
            _restore(before)
        ran = replay_eagerly(step, parts)
        _restore(before)
        return self._tell(ran) or step()

    def _look_at(self, logs: Any) -> None:
        """Look at what a train_step of the user's gives: what no check has seen.

        That is a loss of which no gradient is taken, or one that is computed when
        weights have been changed already, as the second of two networks in turn.
        """
        numbers = logs.items() if isinstance(logs, dict) and self._own else ()
        bad = [k for k, v in numbers if not _finite(np.asarray(v))]
        if bad and not self._told:
            self._told = True
            warn_user(
                f"The train_step of model {self._model.name!r} gave {bad[0]} = "
                f"{logs[bad[0]]} in step {max(_steps_done(self._model), 1)}.\n"
                "Expected finite numbers. Where it began is not known: weights had "
                "been changed before it, or no gradient of it was taken.\n"
                "Compile with run_eagerly=True: then each loss is looked at in turn.",
                NonFiniteWarning,
            )

    def _tell(self, ran: Ran) -> dict[str, Any] | None:
        """Warn; the logs of a step that is not taken, or None where it is."""
        self._told = True
        message = describe(self._model, ran, self._stop)
        if self._strict:
            raise RuntimeError(message)
        warn_user(message, NonFiniteWarning)
        if not self._stop:
            return None
        self._model.stop_training = True
        return {**self._model.get_metrics_result(), "loss": ran.number}


# The step once more, with all that is computed on the way


class Entry(NamedTuple):
    """An operation that ran, and where it belongs.

    Attributes:
        op: its record.
        inputs: the values that it read: traced ones, or concrete tensors.
        outputs: the values that it made.
        params: its parameters.
        scope: section, layer, and where the layer was made.
        source: the user's line that asked for it, if it was not Cornu's own.
    """

    op: Op
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    params: dict[str, Any]
    scope: Scope
    source: Source | None


class Ran:
    """A step that ran: its operations, all values, and where those came from.

    Attributes:
        entries: the operations, in the order in which they ran.
        arrays: id of a value -> its array.
        names: id of a value -> name of the input, for those that the step was given.
        variables: id of a value -> the variable that it was read from.
        loss: the value that is not finite; None if it was finite this time.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.arrays: dict[int, np.ndarray] = {}
        self.names: dict[int, str] = {}
        self.variables: dict[int, Variable] = {}
        self.loss: Any = None

    @property
    def number(self) -> float:
        """The loss, or the first of several numbers that is not finite."""
        if self.loss is None:  # this time it was
            return np.nan
        array = self.arrays[id(self.loss)]
        return float(array[~np.isfinite(array)][0])

    def run(self, node: Any) -> None:
        """Run a node of a graph by its definition."""
        ins = [self.arrays[id(v)] for v in node.inputs]
        if node.op.is_composite:
            specs = tuple(v.spec for v in node.inputs)
            outs: Any = node.op.expanded(specs, node.params).evaluate(*ins)
        else:
            with np.errstate(all="ignore"):
                outs = node.op.numpy(*ins, **node.params)
            outs = outs if isinstance(outs, tuple) else (outs,)
        for value, out in zip(node.outputs, outs, strict=True):
            self.arrays[id(value)] = np.asarray(out)
        own = None if node.source == node.scope.source else node.source
        self.entries.append(
            Entry(node.op, node.inputs, node.outputs, node.params, node.scope, own)
        )

    def bad(self, values: Sequence[Any]) -> list[Any]:
        """Those of the values that are not finite."""
        return [v for v in values if not _finite(self.arrays[id(v)])]

    def nan(self, values: Sequence[Any]) -> bool:
        """Whether a NaN is in one of the values."""
        return any(np.isnan(self.arrays[id(v)]).any() for v in values)


def _finite(array: np.ndarray) -> bool:
    return not is_float(array.dtype.name) or bool(np.isfinite(array).all())


def replay(graph: Graph, arrays: Sequence[np.ndarray]) -> Ran:
    """Run a step's graph by the definitions of its operations, up to its checks.

    Args:
        graph: the graph; its variables are read, and none is written.
        arrays: one per input.

    Raises:
        IndexError: where an index is out of range, naming the layer. An engine that
            cannot raise in the middle of a step gives NaN for it.
    """
    ran = Ran()
    for value, array in zip(graph.inputs, arrays, strict=True):
        ran.arrays[id(value)], ran.names[id(value)] = array, value.name
    for slot in graph.state:
        ran.arrays[id(slot.before)] = slot.variable._array
        ran.variables[id(slot.before)] = slot.variable
    wanted = {id(v) for v in graph.checks}
    for node in graph.nodes:
        if not wanted - ran.arrays.keys():
            break
        try:
            ran.run(node)
        except IndexError as error:
            raise explained(error, graph) from error
    ran.loss = next(iter(ran.bad(graph.checks)), None)
    return ran


# The same without a graph


class _NotFinite(Exception):
    """Thrown out of an eager step whose loss is not finite."""

    def __init__(self, tensor: Tensor) -> None:
        super().__init__()
        self.tensor = tensor


def _refuse(target: Any) -> None:
    if not _finite(target._array):
        raise _NotFinite(target)


@contextmanager
def _listening(listener: Callable[[Any], None]) -> Iterator[None]:
    """Let a function hear of all that gradients are taken of."""
    TAPES.on_loss = [*TAPES.on_loss, listener]
    try:
        yield
    finally:
        TAPES.on_loss = [f for f in TAPES.on_loss if f is not listener]


class _Collector(list[Record]):
    """A tape that also notes the layer and the user's line of each operation."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self._base = sys._getframe(1)

    def append(self, record: Record) -> None:
        layer = CALLS.stack[-1] if CALLS.stack else None
        scope = Scope("", layer.name, layer._source) if layer else Scope()
        parts = (record.op, record.inputs, record.outputs, record.params)
        self.entries.append(Entry(*parts, scope, user_source(self._base)))


def replay_eagerly(step: Callable[[], Any], parts: Any) -> Ran:
    """Run an eager step again up to its loss, and note all that runs.

    Args:
        step: runs the step, which takes gradients of a loss that is not finite.
        parts: nested tensors of [x, y, sample_weight].
    """
    ran, collector = Ran(), _Collector()
    read = []  # ids stay unique while the tensors live

    def note_read(variable: Variable, tensor: Any) -> None:
        read.append(tensor)
        ran.variables[id(tensor)] = variable

    tapes, readers = TAPES.open, TAPES.on_read
    TAPES.open, TAPES.on_read = [*tapes, collector], [*readers, note_read]
    try:
        with _listening(_refuse):
            step()
    except _NotFinite as found:
        ran.loss = found.tensor
    finally:
        TAPES.open, TAPES.on_read = tapes, readers
    ran.entries = collector.entries
    names = flatten_names(parts[0], ("x",))
    names += flatten_names(parts[1], ("y",))
    names += flatten_names(parts[2], ("sample_weight",))
    ran.names = {id(t): n for t, n in zip(flatten(parts), names, strict=True)}
    for entry in ran.entries:
        ran.arrays |= {id(t): t._array for t in (*entry.inputs, *entry.outputs)}
    return ran


def variables_of(model: Any) -> list[Variable]:
    """All variables that a step of a model may change."""
    found = [*model.variables, global_seed_generator().state]
    for optimizer in vars(model).values():
        if isinstance(optimizer, Optimizer):
            found += optimizer.variables
    for metric in model.metrics:
        found += metric.variables
    return list({id(v): v for v in found}.values())


def _restore(before: list[tuple[Variable, np.ndarray]]) -> None:
    for variable, array in before:
        with variable.lock:
            variable._array, variable._tensor = array, None


# Back from the loss to where it began


class Origin(NamedTuple):
    """Where the numbers that are not finite come from.

    Attributes:
        variables: weights that are not finite already.
        inputs: names and arrays of inputs that are not finite.
        entry: otherwise the first operation that makes such numbers of finite ones.
    """

    variables: list[Variable]
    inputs: list[tuple[str, np.ndarray]]
    entry: Entry | None


def find_origin(ran: Ran) -> Origin:
    """Go back from the loss, along values that are not finite, to the first of them.

    What is infinite on purpose and comes to nothing, as the -inf of a mask under a
    softmax, is not on the way.
    """
    on_the_way = {id(ran.loss)}
    makers: list[Entry] = []  # of finite numbers
    nan_makers: list[Entry] = []  # of infinite ones, as in inf - inf
    for entry in reversed(ran.entries):
        outs = [v for v in entry.outputs if id(v) in on_the_way]
        if not outs or entry.op is constant:
            continue
        bad = ran.bad(entry.inputs)
        on_the_way.update(id(v) for v in bad)
        if not bad:
            makers.append(entry)
        elif ran.nan(outs) and not ran.nan(bad):
            nan_makers.append(entry)
    variables = {id(v): v for key, v in ran.variables.items() if key in on_the_way}
    inputs = [
        (name, ran.arrays[key]) for key, name in ran.names.items() if key in on_the_way
    ]
    # They were found from the last to the first.
    first = next(reversed(makers or nan_makers), None)
    return Origin(list(variables.values()), inputs, first)


def primitive_of(ran: Ran, entry: Entry) -> tuple[str, list[np.ndarray]]:
    """The operation, inside a composite, that makes the first such number.

    Returns:
        Its name, and the arrays that it was given.
    """
    arrays = [ran.arrays[id(v)] for v in entry.inputs]
    if not entry.op.is_composite:
        return entry.op.name, arrays
    body = entry.op.expanded(tuple(v.spec for v in entry.inputs), entry.params)
    inner = Ran()
    inner.arrays = {id(v): a for v, a in zip(body.inputs, arrays, strict=True)}
    for node in body.nodes:
        inner.run(node)
    for value in inner.bad(body.outputs):
        inner.loss = value
        found = find_origin(inner).entry
        if found is not None:
            return primitive_of(inner, found)
    return entry.op.name, arrays


# The message


def describe(model: Any, ran: Ran, stop: bool) -> str:
    """The warning, in three parts.

    Args:
        model: the model.
        ran: the step that ran.
        stop: whether training ends here.
    """
    origin = find_origin(ran)
    if origin.variables:
        what, expected, fix = _of_weights(model, origin.variables)
    elif origin.inputs:
        what, expected, fix = _of_inputs(origin.inputs)
    elif origin.entry is not None:
        what, expected, fix = _of_operation(model, ran, origin.entry)
    else:
        what = ", but not when the step runs by the definitions of its operations"
        expected = "a loss that is far from the largest number of its dtype"
        fix = _smaller_steps(model)
    end = "Training goes on; the callback TerminateOnNaN() would end it here."
    if stop:
        end = "Training ends here (TerminateOnNaN): this step has changed no weight."
    return (
        f"The loss of model {model.name!r} is {ran.number} in step "
        f"{_steps_done(model) + 1}{what}.\nExpected {expected}.\n{fix} {end}"
    )


def _steps_done(model: Any) -> int:
    return int(getattr(model.optimizer, "iterations", None) or 0)


def _smaller_steps(model: Any) -> str:
    try:
        rate = f" (it is {float(model.optimizer.learning_rate):.3g})"
    except (AttributeError, TypeError, ValueError):
        rate = ""
    return f"Try a smaller learning rate{rate}, or clipnorm=1.0 in the optimizer."


def _of_weights(model: Any, variables: list[Variable]) -> tuple[str, str, str]:
    first = variables[0]
    owner = next(
        (
            layer
            for layer in model._flatten_layers()
            if any(v is first for v in layer._own_variables())
        ),
        None,
    )
    whose = "" if owner is None else f" of layer {_named(owner)}"
    more = f", and {len(variables) - 1} more weights likewise" if variables[1:] else ""
    what = (
        f": the {first.name!r}{whose}, of shape {first.shape}, was not finite before "
        f"it ({_counted(first.numpy())}){more}"
    )
    if not _steps_done(model):
        fix = "Look at its initializer, or at the weights that were loaded or set."
        return what, "weights that are finite before the first step", fix
    return (
        what,
        "finite weights: the step before made them so, most likely by too large a "
        "learning rate",
        f"Such weights never recover: build the model anew. {_smaller_steps(model)}",
    )


def _of_inputs(inputs: list[tuple[str, np.ndarray]]) -> tuple[str, str, str]:
    name, array = inputs[0]
    rows = np.unique(np.nonzero(~np.isfinite(array))[0]).tolist()
    shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
    what = f": {name} holds {_counted(array)}, in row {shown} of this batch"
    fix = f"Drop those samples or fill them in, for example with np.nan_to_num({name})."
    return what, "finite numbers in the data", fix


def _of_operation(model: Any, ran: Ran, entry: Entry) -> tuple[str, str, str]:
    name, given = primitive_of(ran, entry)
    layer = next(
        (e for e in model._flatten_layers() if e.name == entry.scope.layer), None
    )
    section = entry.scope.section or ("forward" if layer is not None else "loss")
    where = f"in the {section} part"
    if layer is not None:
        where = f"in layer {_named(layer, entry.scope.source)}, in the {section} part"
    if entry.source is not None:
        where += f", at {entry.source}"
    bad = ran.arrays[id(ran.bad(entry.outputs)[0])]
    inside = f"{name} of its {entry.op.name}"
    op = name if name == entry.op.name else inside
    what = f": it begins {where}, where {op} gives {_counted(bad)}"
    if bad.ndim:
        what += f", first in row {np.nonzero(~np.isfinite(bad))[0][0]}"
    expected, fix = _advice(name, given)
    if fix is None:
        fix = f"{_far_from_one(ran)}{_smaller_steps(model)}"
    return what, expected, fix


def _advice(op: str, given: list[np.ndarray]) -> tuple[str, str | None]:
    """What an operation expects of its inputs, and how to write it instead."""
    given = [a for a in given if a.size] or [np.zeros(1, np.float32)]
    low, high = float(np.min(given[-1])), float(np.max(given[-1]))
    dtype = given[0].dtype.name
    most = _LARGEST.get(dtype, np.inf)
    if op in ("log", "log1p") and low <= -(op == "log1p"):
        return (
            f"positive numbers under a logarithm; the smallest here is {low:.4g}",
            "Add a small number, ops.log(x + 1e-7), or give the loss logits "
            "(from_logits=True).",
        )
    if op == "sqrt" and low < 0:
        return (
            f"no negative number under a square root; the smallest here is {low:.4g}",
            "Write ops.sqrt(ops.maximum(x, 0.0)).",
        )
    if op in ("true_divide", "floor_divide", "mod") and not np.all(given[-1]):
        return (
            "no zero in the divisor",
            "Add a small number to it, or write ops.divide_no_nan(a, b).",
        )
    if op in ("exp", "expm1") and high > np.log(most):
        return (
            f"exponents up to {np.log(most):.0f} for {dtype}; the largest here is "
            f"{high:.4g}",
            "Use ops.softmax, ops.logsumexp or ops.softplus, which do not overflow, or "
            "bring the numbers down: normalise the inputs, or learn more slowly.",
        )
    sizes = [float(np.nanmax(np.abs(a))) for a in given if a.size]
    return (
        f"results up to {most:.2g} ({dtype}); what goes in reaches {max(sizes):.3g}",
        None,
    )


_LARGEST = {
    "float16": 65504.0,
    "bfloat16": 3.3895e38,
    "float32": float(np.finfo("float32").max),
    "float64": float(np.finfo("float64").max),
}
_FAR = 1e4  # numbers that are no longer "about 1"


def _far_from_one(ran: Ran) -> str:
    """What to do about inputs, or what to say of weights, that are far from 1."""
    for key, name in ran.names.items():
        array = ran.arrays.get(key)
        if array is not None and _largest(array) > _FAR:
            return (
                f"Normalise {name} to about -1 to 1: it runs from {array.min():.3g} to "
                f"{array.max():.3g}. "
            )
    weights = [v for v in ran.variables.values() if v.trains]
    first = next((v for v in weights if _largest(v.numpy()) > _FAR), None)
    if first is None:
        return ""
    return f"Weights have grown to {_largest(first.numpy()):.3g} ({first.path}). "


def _largest(array: np.ndarray) -> float:
    """The largest absolute value of an array of floats."""
    if not array.size or not is_float(array.dtype.name):
        return 0.0
    return float(max(array.max(), -array.min()))


def _named(layer: Any, made: Source | None = None) -> str:
    where = f", made at {made}" if made is not None else ""
    return f"{layer.name!r} ({type(layer).__name__}{where})"


def _counted(array: np.ndarray) -> str:
    """How many numbers of an array are NaN, and how many infinite."""
    nan, inf = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    kinds = [f"{n} {what}" for n, what in ((nan, "NaN"), (inf, "infinite")) if n]
    numbers = "number" if array.size == 1 else "numbers"
    return f"{' and '.join(kinds)} among {array.size} {numbers}"
