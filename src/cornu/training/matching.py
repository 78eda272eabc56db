"""Whether a loss, an output and the targets for it can be meant together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from cornu import activations, ops
from cornu.graph.tensor import keras_mask
from cornu.layers.layer import Layer
from cornu.losses.targets import kind_of
from cornu.ops.ctc_rows import misfit


class Output(NamedTuple):
    """What is known of an output of a model before it has run.

    Attributes:
        name: its name.
        shape: its shape without the batch; None for sizes that are open.
        activation: name of the last activation, where it is known.
        masked: whether it carries a mask, so that not all of it counts.
    """

    name: str
    shape: tuple[int | None, ...]
    activation: str | None
    masked: bool


def outputs_of(names: list[str], tensors: list[Any]) -> list[Output]:
    """What is known of outputs, from their symbolic tensors."""
    return [
        Output(name, tuple(t.shape[1:]), _activation(t), keras_mask(t) is not None)
        for name, t in zip(names, tensors, strict=True)
    ]


_NAMES = {
    id(function): name
    for name, functions in {
        "softmax": (activations.softmax, ops.softmax),
        "sigmoid": (activations.sigmoid, ops.sigmoid),
        "linear": (activations.linear,),
    }.items()
    for function in functions
}


def _activation(tensor: Any) -> str | None:
    """The name of the activation that a symbolic tensor comes out of, if known."""
    maker = None if tensor.call is None else tensor.call.function
    if not isinstance(maker, Layer):
        return _NAMES.get(id(maker))
    inner = getattr(maker, "outputs", None)
    if inner:  # a model inside the model
        return _activation(inner[0]) if len(inner) == 1 else None
    # What a layer of the user's does with its activation we cannot know, and an LSTM
    # multiplies it.
    known = type(maker).__module__.startswith("cornu.layers.")
    if not known or hasattr(maker, "recurrent_activation"):
        return None
    if type(maker).__name__ == "Softmax":
        last = getattr(maker, "axis", None) in (-1, len(tensor.shape) - 1)
        return "softmax" if last else None
    return _NAMES.get(id(getattr(maker, "activation", None)))


# Numbers are looked at in blocks: no array as large as the data is made


def blocks(array: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Rows of an array, about a million numbers at a time, and where they start."""
    step = max(1, 1_000_000 // max(1, array[:1].size))
    for start in range(0, len(array), step):
        yield start, array[start : start + step]


def _range(array: np.ndarray, left_out: Any = None) -> tuple[float, float] | None:
    """The smallest and the largest number, without those equal to `left_out`."""
    found = []
    for _, rows in blocks(array):
        if left_out is not None:
            rows = rows[rows != left_out]
        if rows.size:
            found.append((rows.min(), rows.max()))
    if not found:
        return None
    low, high = min(a for a, _ in found), max(b for _, b in found)
    return low.item(), high.item()


def _whole(array: np.ndarray) -> bool:
    """Whether all numbers are whole."""
    if array.dtype.kind in "biu":
        return True
    return all(np.array_equal(rows, np.rint(rows)) for _, rows in blocks(array))


# Shapes


def squeezed(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """A shape without a last axis of size 1."""
    return shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape


def _meet(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    """Whether tensors of these shapes are of one shape, up to a last axis of 1."""
    if len(a) == len(b) + 1 and a[-1] == 1:
        a = a[:-1]
    elif len(b) == len(a) + 1 and b[-1] == 1:
        b = b[:-1]
    return len(a) == len(b) and all(
        n == m or n is None or m is None for n, m in zip(a, b, strict=True)
    )


class Case:
    """A loss, the output that it is for, and the targets and weights given for it."""

    def __init__(self, loss: Any, output: Output, y: np.ndarray, weight: Any) -> None:
        self.loss = loss.fn.__name__
        self.kind = kind_of(loss)
        self.options: dict[str, Any] = loss._fn_kwargs
        self.output, self.y, self.weight = output, y, weight
        self.shape = (len(y), *output.shape)  # of the output, for all samples
        self.units = output.shape[-1] if output.shape else 1
        self.targets = f"The targets of output {output.name!r}"
        self.logits = bool(self.options.get("from_logits"))
        axis, ndim = self.options.get("axis", -1), len(self.shape)
        # The axis that the loss takes together; None where it is not one alone.
        known = isinstance(axis, int) and -ndim <= axis < ndim and ndim > 1
        self.axis: int | None = axis if known else None

    def problem(self) -> str | None:
        """What cannot be meant, in three parts."""
        assert self.kind is not None
        checks = [self.last_activation, lambda: _CHECKS[self.kind](self), self.weights]
        return next((found for each in checks if (found := each()) is not None), None)

    def wrong(self, what: str, expected: str, fix: str) -> str:
        """The three parts about the targets."""
        return f"{self.targets} {what}.\nExpected {expected}.\n{fix}"

    def last_activation(self) -> str | None:
        activation, name = self.output.activation, self.output.name
        classes = self.kind in ("one_hot", "indices", "sequences")
        if self.units == 1 and (activation == "softmax" or classes):
            softmax = " with softmax" if activation == "softmax" else ""
            return (
                f"Output {name!r} of shape {self.shape} has one unit{softmax}, and the "
                f"loss is {self.loss}.\n"
                "Expected one unit per class: softmax over one unit is always 1.\n"
                "Use Dense(1, activation='sigmoid') with loss='binary_crossentropy' "
                "for two classes, or Dense(classes, activation='softmax')."
            )
        if self.logits and activation in ("softmax", "sigmoid"):
            return (
                f"The loss {self.loss} was given from_logits=True, but output {name!r} "
                f"of shape {self.shape} has the activation {activation}.\n"
                f"Expected logits: the numbers before {activation}.\n"
                "Leave from_logits away, or leave the activation away."
            )
        return None

    def same_shape(self) -> str | None:
        if _meet(self.y.shape, self.shape):
            return None
        return self.wrong(
            f"have shape {self.y.shape}, but the output has shape {self.shape}",
            f"equal shapes for the loss {self.loss}",
            self.other_units(),
        )

    def other_units(self) -> str:
        """How to make targets and output of one shape."""
        y, n = self.y, len(self.output.shape)
        flat = squeezed(y.shape)
        if n == 1 and len(flat) == 1 and self.units is not None:
            low, high = _range(y) or (0, 0)
            if low >= 0 and high < self.units and _whole(y):
                return (
                    "If they are class indices, use "
                    "loss='sparse_categorical_crossentropy', or one-hot rows, "
                    f"to_categorical(y, {self.units}); else Dense(1) as last layer."
                )
            return "Give the last layer one unit, Dense(1)."
        if n == 1 and y.ndim == 2:
            return f"Give the last layer {y.shape[1]} units, Dense({y.shape[1]})."
        return "Reshape the targets, or change the layers: see model.summary()."

    def without_axis(self) -> tuple[Any, ...]:
        """The shape of the output without the axis that the loss takes together."""
        assert self.axis is not None
        axis = self.axis % len(self.shape)
        return self.shape[:axis] + self.shape[axis + 1 :]

    def weights(self) -> str | None:
        """What is wrong with the shape of the sample weights."""
        if self.weight is None or self.axis is None:
            return None
        values = self.without_axis()
        if self.kind == "sequences":
            values = values[:1]  # one for all steps
        given = self.weight.shape
        if len(given) == len(values) + 1 and given[-1] == 1:
            given = given[:-1]
        pairs = zip(given, values, strict=False)
        if len(given) <= len(values) and all(
            n in (1, m) or m is None for n, m in pairs
        ):
            return None
        per_value = f", or one per value, {values}" if len(values) > 1 else ""
        return (
            f"sample_weight for output {self.output.name!r} has shape "
            f"{self.weight.shape}, but the loss {self.loss} gives values of shape "
            f"{values}.\n"
            f"Expected one weight per sample, shape ({len(self.y)},){per_value}.\n"
            "Reshape the weights. To weigh classes, use class_weight={0: 1.0, 1: 2.0}."
        )

    def advice(self) -> Iterator[str]:
        """What runs, but is hardly ever meant."""
        activation, name = self.output.activation, self.output.name
        classes = self.loss.endswith("categorical_crossentropy")
        if classes and not self.logits:
            if activation == "linear":
                yield (
                    f"Output {name!r} has no activation, but the loss {self.loss} "
                    "takes its numbers for probabilities.\n"
                    "Expected softmax in the last layer, or from_logits=True.\n"
                    f"Write Dense({self.units}, activation='softmax')."
                )
            if activation == "sigmoid" and self.kind == "indices":
                yield (
                    f"Output {name!r} has {self.units} units with sigmoid, but the "
                    f"loss {self.loss} is for classes of which one is true.\n"
                    "Expected softmax, which makes their probabilities sum to 1.\n"
                    f"Write Dense({self.units}, activation='softmax')."
                )
        if self.kind == "sequences" and activation == "softmax":
            yield (
                f"Output {name!r} has softmax, but the loss {self.loss} takes its "
                "numbers for logits.\n"
                "Expected the numbers before softmax: the loss applies it.\n"
                "Leave the activation away."
            )
        if self.kind == "sequences" and (found := _gap(self.y)):
            number, row = found
            yield (
                f"The targets for output {name!r} have labels behind what fills up, in "
                f"row {number}: {row.tolist()}.\n"
                "Expected the labels first. Now as many entries count as there are "
                f"labels: {row[: (row > 0).sum()].tolist()}.\n"
                "Move the labels to the left: 0 stands for no label."
            )
        if self.weight is not None and (low := _range(self.weight)) and low[0] < 0:
            yield (
                f"sample_weight for output {name!r} holds the negative weight "
                f"{low[0]:.4g}.\n"
                "Expected weights from 0 on: the loss of such samples is made larger.\n"
                "Use such weights only if they are rewards, as in policy gradients."
            )


# What each kind of loss wants of its targets


def _numbers(case: Case) -> str | None:
    return case.same_shape()


def _not_negative(case: Case) -> str | None:
    if (problem := case.same_shape()) or (limits := _range(case.y)) is None:
        return problem
    if limits[0] >= 0:
        return None
    expected, fix = {
        "poisson": ("counts or rates, from 0 on", "Use loss='mse' for other numbers."),
        "kl_divergence": (
            "probabilities, from 0 to 1",
            "Use y / y.sum(axis=-1, keepdims=True), or loss='mse' for other numbers.",
        ),
    }.get(
        case.loss,
        (
            "numbers from 0 on, of which the logarithm is taken",
            "Use loss='mse' for numbers of either sign.",
        ),
    )
    what = f"of shape {case.y.shape} hold the negative number {limits[0]:.4g}"
    return case.wrong(what, f"{expected}, for the loss {case.loss}", fix)


def _directions(case: Case) -> str | None:
    if case.units == 1 and case.axis in (-1, len(case.shape) - 1):
        return (
            f"Output {case.output.name!r} of shape {case.shape} has one unit, and the "
            "loss is cosine_similarity.\n"
            "Expected vectors: the cosine of single numbers is 1 or -1, whatever they "
            "are.\n"
            "Use loss='mse' for single numbers."
        )
    return case.same_shape()


# Labels may be noisy: so far beyond 0 and 1, or -1 and 1, they are accepted.
_NOISE = 0.5


def _signs(case: Case) -> str | None:
    if (problem := case.same_shape()) or (limits := _range(case.y)) is None:
        return problem
    if max(-limits[0], limits[1]) <= 1 + _NOISE:
        return None
    return case.wrong(
        f"of shape {case.y.shape} hold numbers from {limits[0]:.4g} to {limits[1]:.4g}",
        f"the labels -1 and 1 (or 0 and 1) for the loss {case.loss}",
        "For more than two classes use loss='categorical_hinge' with "
        "to_categorical(y); for numbers to predict use loss='mse'.",
    )


def _probabilities(case: Case) -> str | None:
    if (problem := case.same_shape()) or (limits := _range(case.y)) is None:
        return problem
    low, high = limits
    if low >= -_NOISE and high <= 1 + _NOISE:
        return None
    labels = _whole(case.y) and len(case.output.shape) == 1
    if (low, high) == (-1, 1) and labels:
        fix = "Use (y + 1) / 2, or loss='hinge' for the labels -1 and 1."
    elif (low, high) == (1, 2) and labels:
        fix = "Subtract 1, which makes 0 and 1 of 1 and 2."
    elif low >= 0 and labels and case.units == 1:
        fix = (
            f"For {int(high) + 1} classes use loss='sparse_categorical_crossentropy' "
            f"and Dense({int(high) + 1}, activation='softmax'); for numbers to predict "
            "use loss='mse'."
        )
    elif low >= 0 and 1 < high <= 255:
        fix = "Scale them, for example y / 255 for pixels; or use loss='mse'."
    else:
        fix = "Scale them to 0 and 1, or use loss='mse' for numbers to predict."
    what = f"of shape {case.y.shape} hold numbers from {low:.4g} to {high:.4g}"
    return case.wrong(what, f"labels from 0 to 1 for the loss {case.loss}", fix)


def _one_hot(case: Case) -> str | None:
    if not _meet(case.y.shape, case.shape):
        return case.wrong(
            f"have shape {case.y.shape}, but the output has shape {case.shape}",
            f"one probability per class (one-hot) for the loss {case.loss}",
            f"For class indices use to_categorical(y, {case.units}), or "
            "loss='sparse_categorical_crossentropy'."
            if len(squeezed(case.y.shape)) < len(case.shape)
            else case.other_units(),
        )
    limits = _range(case.y)
    if limits is None or limits[0] >= 0:
        return None
    return case.wrong(
        f"of shape {case.y.shape} hold the negative number {limits[0]:.4g}",
        f"one-hot rows of 0 and 1 for the loss {case.loss}",
        "Make them from class indices with to_categorical(y).",
    )


def _indices(case: Case) -> str | None:
    y, axis = case.y, case.axis
    if axis is None:
        return None
    classes, wanted = case.shape[axis], case.without_axis()
    if y.ndim == len(case.shape) and y.shape[axis] == classes:
        return case.wrong(
            f"have shape {y.shape}, one-hot over {classes} classes, but the loss is "
            f"{case.loss}",
            f"class indices of shape {wanted} for a sparse loss",
            "Use loss='categorical_crossentropy', or y.argmax(axis=-1).",
        )
    if not _meet(y.shape, wanted):
        return case.wrong(
            f"have shape {y.shape}, but the output has shape {case.shape}",
            f"class indices of shape {wanted} for the loss {case.loss}",
            f"If they are one-hot, use y.argmax(axis=-1), and {y.shape[-1]} units."
            if y.ndim == len(case.shape)
            else "Reshape the targets, or change the layers: see model.summary().",
        )
    limits = _range(y, case.options.get("ignore_class"))
    if limits is None or classes is None or case.output.masked:
        return None
    low, high = limits
    if low < 0 or high >= classes:
        bad = low if low < 0 else high
        if low < 0:
            fix = (
                f"Add {-low:.10g} to them; or, if {low:.10g} marks samples without a "
                f"class, use SparseCategoricalCrossentropy(ignore_class={low:.10g})."
            )
        elif low >= 1 and high - low < classes:
            fix = f"Subtract {low:.10g}: the smallest class is 0."
        else:
            fix = (
                f"Give the last layer {int(high) + 1} units, or number the classes "
                "from 0."
            )
        return case.wrong(
            f"of shape {y.shape} hold the class {bad:.10g}, but the output has "
            f"{classes} units",
            f"class indices from 0 to {classes - 1} for the loss {case.loss}",
            fix,
        )
    if not _whole(y):
        return case.wrong(
            f"of shape {y.shape} are not whole numbers",
            f"class indices for the loss {case.loss}",
            "Use loss='mse' for numbers to predict.",
        )
    return None


def _groups(case: Case) -> str | None:
    y = case.y
    if len(case.shape) != 2 or squeezed(y.shape) != case.shape[:1]:
        return case.wrong(
            f"have shape {y.shape}, and the output has shape {case.shape}",
            f"one label per sample, and (samples, size), for the loss {case.loss}",
            "Pass class indices (np.argmax of one-hot rows), and let the last layer "
            "give one vector per sample.",
        )
    if _whole(y):
        return None
    return case.wrong(
        f"of shape {y.shape} are not whole numbers",
        f"labels that tell like from unlike for the loss {case.loss}",
        "Number the classes: 0, 1, 2, ...",
    )


def _sequences(case: Case) -> str | None:
    y = case.y
    if y.ndim != 2 or len(case.shape) != 3:
        return case.wrong(
            f"have shape {y.shape}, and the output has shape {case.shape}",
            f"(samples, labels) and (samples, steps, classes) for the loss {case.loss}",
            "Let the last layer give one number per class for each step.",
        )
    _, steps, classes = case.shape
    limits = _range(y)
    if classes is not None and limits and (limits[0] < -1 or limits[1] >= classes):
        return case.wrong(
            f"of shape {y.shape} hold labels from {limits[0]:.10g} to "
            f"{limits[1]:.10g}, but the output has {classes} units",
            f"labels from 1 to {classes - 1}, filled up with 0 or -1, for the loss "
            f"{case.loss}",
            "Number the labels from 1: class 0 stands for no label.",
        )
    for start, rows in blocks(y):
        count = (rows > 0).sum(-1)
        most = np.full(len(rows), count.max(initial=0) * 2 if steps is None else steps)
        found = misfit(rows, count, most, (None, classes), start=start)
        if found is not None:
            what = f"of shape {y.shape}, for an output of shape {case.shape}, "
            expected = f"{found.expected}, for the loss {case.loss}"
            return case.wrong(what + found.what, expected, found.fix)
    return None


def _gap(y: np.ndarray) -> tuple[int, np.ndarray] | None:
    """The first row of labels that has one behind a 0: its number, and itself."""
    for start, rows in blocks(y):
        late = ((rows[:, :-1] <= 0) & (rows[:, 1:] > 0)).any(-1)
        if late.any():
            found = int(np.argmax(late))
            return start + found, rows[found]
    return None


_CHECKS: dict[str | None, Callable[[Case], str | None]] = {
    "numbers": _numbers,
    "not_negative": _not_negative,
    "directions": _directions,
    "signs": _signs,
    "probabilities": _probabilities,
    "one_hot": _one_hot,
    "indices": _indices,
    "groups": _groups,
    "sequences": _sequences,
}
