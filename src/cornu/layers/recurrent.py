"""RNN: a cell, called for each step of a sequence, with states that it hands on."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.graph.messages import described
from cornu.graph.tensor import keras_mask
from cornu.graph.tree import flatten, map_structure
from cornu.graph.variable import Variable
from cornu.layers.cells import Cell, DropoutRNNCell
from cornu.layers.layer import Layer
from cornu.layers.spec import InputSpec
from cornu.layers.tracking import CALLS, Tracked, building
from cornu.registry import to_snake_case
from cornu.serialization import deserialize_keras_object, serialize_keras_object

# What is asked of cells, which may be any objects


def check_cell(cell: Any, owner: str) -> None:
    """Raise for what is no cell."""
    missing = [name for name in ("call", "state_size") if not hasattr(cell, name)]
    if missing:
        raise ValueError(
            f"{owner} was given {described(cell)} as a cell, which has no "
            f"{' and no '.join(missing)}.\n"
            "Expected a cell: call(inputs, states) gives (output, new states), and "
            "state_size is a whole number, or a list with one per state.\n"
            "Use LSTMCell, GRUCell or SimpleRNNCell, or write a Layer with both."
        )


def first_states(cell: Any, batch_size: int | None, dtype: str) -> Any:
    """The states that a cell begins with: its own, or zeros of its state_size."""
    if getattr(cell, "get_initial_state", None) is not None:
        return cell.get_initial_state(batch_size=batch_size)

    def zeros(size: Any) -> Any:
        if isinstance(size, (list, tuple)):
            return [zeros(each) for each in size]
        return ops.zeros((batch_size, size), dtype=dtype)

    return zeros(cell.state_size)


def output_size(cell: Any) -> int:
    """The width of what a cell puts out."""
    size = getattr(cell, "output_size", None)
    return flatten(cell.state_size)[0] if size is None else size


def build_cell(cell: Any, input_shape: Any) -> None:
    """Build a cell that is a layer for the shape of one step."""
    if isinstance(cell, Layer) and not cell.built:
        cell.build(input_shape)
        cell.built = True


def call_cell(cell: Any, inputs: Any, states: Any, training: Any) -> tuple[Any, Any]:
    """One step of a cell."""
    takes = isinstance(cell, Layer) and cell._accepts("training")
    function: Any = cell if callable(cell) else cell.call
    return function(inputs, states, **({"training": training} if takes else {}))


def runs_at_once(cell: Any) -> bool:
    """Whether `cell.sequence` does what calls of the cell would do, step by step."""
    if isinstance(cell, StackedRNNCells):
        return all(map(runs_at_once, cell.cells))
    for cls in type(cell).__mro__:
        if "call" in vars(cls):  # a subclass with another call goes step by step
            return "sequence" in vars(cls)
    return False


def output_among(states: Any, cell: Any) -> Any:
    """The state that is the output of a cell which runs at once: the first, of a stack
    the last cell's first."""
    if isinstance(cell, StackedRNNCells):
        return output_among(states[-1], cell.cells[-1])
    return flatten(states)[0]


def draw_dropout(cell: Any, inputs: Any, states: Any) -> None:
    """Let cells draw the masks of their dropout, before the loop that uses them."""
    if isinstance(cell, StackedRNNCells):
        for each, of_cell in zip(cell.cells, states, strict=True):
            draw_dropout(each, inputs, of_cell)
            inputs = ops.zeros((inputs.shape[0], output_size(each)), inputs.dtype)
    elif isinstance(cell, DropoutRNNCell):
        cell.get_dropout_mask(inputs)
        cell.get_recurrent_dropout_mask(flatten(states)[0])


def forget_dropout(cell: Any) -> None:
    """The next sequence gets other masks."""
    for each in cell._flatten_layers() if isinstance(cell, Layer) else [cell]:
        if isinstance(each, DropoutRNNCell):
            each.reset_dropout_mask()
            each.reset_recurrent_dropout_mask()


class StackedRNNCells(Layer):
    """Cells as one cell: each is called on the output of the one before.

    Args:
        cells: list of cells.

    Raises:
        ValueError: for something that is no cell.

    Example:

    >>> cells = [cornu.layers.LSTMCell(8), cornu.layers.GRUCell(4)]
    >>> RNN(StackedRNNCells(cells))(np.zeros((2, 10, 3), "float32")).shape
    (2, 4)
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell, type(self).__name__)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of the cells."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The output size of the last cell."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The first states of all cells."""
        dtype = self.compute_dtype
        return [first_states(cell, batch_size, dtype) for cell in self.cells]

    def build(self, input_shape: Any) -> None:
        with building(self):
            for cell in self.cells:
                build_cell(cell, input_shape)
                input_shape = (input_shape[0], output_size(cell))
        self.built = True

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        new_states = []
        for cell, old in zip(self.cells, states, strict=True):
            nested = isinstance(old, (list, tuple))
            given = list(old) if nested else [old]
            inputs, new = call_cell(cell, inputs, given, training)
            new = list(new) if isinstance(new, (list, tuple)) else [new]
            new_states.append(new if nested else new[0])
        return inputs, new_states

    def sequence(
        self, x: Any, states: Any, mask: Any, go_backwards: bool, training: bool
    ) -> tuple[Any, list[Any]]:
        """All steps of the first cell, then all of the second, ..."""
        if go_backwards:
            x, mask = ops.flip(x, 0), None if mask is None else ops.flip(mask, 0)
        last = []
        for cell, first in zip(self.cells, states, strict=True):
            nested = isinstance(first, (list, tuple))
            given = list(first) if nested else [first]
            x, new = cell.sequence(x, given, mask, False, training)
            last.append(new if nested else new[0])
        return x, last

    def get_config(self) -> dict[str, Any]:
        cells = [serialize_keras_object(cell) for cell in self.cells]
        return {**super().get_config(), "cells": cells}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The cells that `get_config` described."""
        config = dict(config)
        cells = deserialize_keras_object(config.pop("cells"), custom_objects)
        return cls(cells, **config)


class RNN(Layer):
    """A layer that calls a cell for each step of a sequence.

    A cell is a Layer, or another object, with

    - `call(inputs, states)`, which gives the output of a step and the new states;
    - `state_size`, a whole number, or a list with one per state, nested as they are;
    - `output_size`, by default the first state size;
    - `get_initial_state(batch_size=None)`, by default zeros.

    The loop is one operation, `scan`, in a compiled program, whatever the cell does.
    LSTMCell, GRUCell and SimpleRNNCell, and stacks of them, compute what they make of
    the inputs for all steps at once.

    Args:
        cell: the cell, or a list of cells, each of which is fed by the one before.
        return_sequences: whether the outputs of all steps are returned, and not only
            the last one.
        return_state: whether the last states are returned too.
        go_backwards: whether to run from the last step to the first; the outputs stand
            in the order in which they are computed.
        stateful: whether the states at the end of a batch are those at the start of the
            next, sample by sample, until `reset_state()`.
        unroll: a hint without meaning here.
        zero_output_for_mask: whether the output of a step that is masked is 0; by
            default it is that of the step before.

    Call arguments:
        sequences: tensor of shape (batch, steps, ...); a list of it and of the first
            states is taken too, as in Keras 2.
        initial_state: the first states: a tensor, or a list of them.
        mask: booleans of shape (batch, steps); where one is False the states stay as
            they are.
        training: whether cells with dropout use it.

    Returns:
        The last output of shape (batch, output_size), or all of them (batch, steps,
        output_size); with `return_state`, a tuple of this and the states.

    Raises:
        ValueError: for something that is no cell, and when the input, the mask, a state
            or (with `stateful`) the size of the batch does not fit.

    Example:

    >>> class Minimal(cornu.layers.Layer):
    ...     def __init__(self, units, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.state_size = units
    ...     def build(self, input_shape):
    ...         shape = (input_shape[-1] + self.state_size, self.state_size)
    ...         self.kernel = self.add_weight(shape)
    ...     def call(self, inputs, states):
    ...         both = cornu.ops.concatenate([inputs, states[0]], -1)
    ...         output = cornu.ops.tanh(both @ self.kernel)
    ...         return output, [output]
    >>> RNN(Minimal(4), return_sequences=True)(np.zeros((2, 10, 3), "float32")).shape
    (2, 10, 4)
    """

    _untracked = Tracked._untracked | {"states"}  # files do not hold them

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(cell, type(self).__name__)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful = go_backwards, stateful
        self.unroll, self.zero_output_for_mask = unroll, zero_output_for_mask
        self.single_state = not isinstance(cell.state_size, (list, tuple))
        self.supports_masking = True
        self.states: Any = None

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the states."""
        size = self.cell.state_size
        return list(size) if isinstance(size, (list, tuple)) else [size]

    # Building, and states

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> None:
        with building(self):
            build_cell(self.cell, (sequences_shape[0], *sequences_shape[2:]))
            if self.stateful and self.states is None:
                self._make_states(sequences_shape)
        self.built = True

    def _make_states(self, shape: Any) -> None:
        if shape[0] is None:
            raise ValueError(
                f"{self._title()} is stateful, but the size of its batch is open "
                f"(shape {shape}).\n"
                "Expected a fixed size: it keeps a state for each sample.\n"
                f"Give the Input a batch_size, as Input({shape[1:]}, batch_size=32)."
            )
        path = "/".join(layer.name for layer in CALLS.stack)

        def variable(value: Any) -> Variable:
            made = Variable(value, None, self.dtype, False, "rnn_state")
            made.path = f"{path}/rnn_state"
            return made

        self.states = map_structure(variable, self.get_initial_state(shape[0]))

    def get_initial_state(self, batch_size: int | None) -> list[Any]:
        """The states that the layer begins with, in a list.

        Args:
            batch_size: number of samples.
        """
        states = first_states(self.cell, batch_size, self.compute_dtype)
        return list(states) if isinstance(states, (list, tuple)) else [states]

    def reset_state(self, states: Any = None) -> None:
        """Begin anew: the kept states of a stateful layer become zeros.

        Args:
            states: what they become instead: an array, or a list of them.

        Raises:
            ValueError: when the layer keeps none, or their number or a shape differs.
        """
        if states is None and not self.stateful:
            return
        kept = flatten(self.states)
        values = [0] * len(kept) if states is None else flatten(states)
        if self.states is None or len(values) != len(kept):
            have = f"keeps {len(kept)} states" if self.states else "keeps no states yet"
            raise ValueError(
                f"{self._title()} {have}, and was to set {len(values)}.\n"
                "Expected a layer with stateful=True that is built, and one array for "
                "each of its states.\nCall the layer on a batch first."
            )
        for variable, value in zip(kept, values, strict=True):
            variable.assign(ops.zeros_like(variable) if states is None else value)

    reset_states = reset_state

    # Calling

    def __call__(self, sequences: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the layer; a list of the sequences and the first states is taken too."""
        leaves = flatten(sequences) if isinstance(sequences, (list, tuple)) else []
        tensors = all(hasattr(leaf, "shape") for leaf in leaves)
        if len(leaves) > 1 and tensors and len(leaves[0].shape) > 2:
            sequences, *kwargs["initial_state"] = list(sequences)
        return super().__call__(sequences, *args, **kwargs)

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        mask = self._checked_mask(sequences, mask)
        first = self._starting_states(sequences, initial_state)
        last_output, outputs, states = self.inner_loop(sequences, first, mask, training)
        forget_dropout(self.cell)
        if self.stateful:
            for variable, state in zip(
                flatten(self.states), flatten(states), strict=True
            ):
                variable.assign(state)
        output = outputs if self.return_sequences else last_output
        return (output, *states) if self.return_state else output

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: Any = False
    ) -> tuple[Any, Any, Any]:
        """The last output, all outputs, and the last states."""
        if runs_at_once(self.cell):
            return self._all_at_once(sequences, initial_state, mask, training)
        if training:
            one = ops.zeros((sequences.shape[0], *sequences.shape[2:]), sequences.dtype)
            draw_dropout(self.cell, one, initial_state)

        def step(inputs: Any, states: Any) -> tuple[Any, Any]:
            return call_cell(self.cell, inputs, states, training)

        return ops.recurrence(
            step,
            sequences,
            initial_state,
            mask,
            self.go_backwards,
            self.zero_output_for_mask,
        )

    def _all_at_once(self, x: Any, states: Any, mask: Any, training: Any) -> Any:
        x = ops.swapaxes(x, 0, 1)
        counts = None if mask is None else ops.swapaxes(mask, 0, 1)
        back = self.go_backwards
        outputs, states = self.cell.sequence(x, states, counts, back, training)
        last = output_among(states, self.cell)
        if self.zero_output_for_mask and counts is not None:
            counts = ops.flip(counts, 0) if back else counts
            counts = ops.reshape(counts, (*counts.shape, *[1] * (outputs.ndim - 2)))
            outputs = ops.where(counts, outputs, 0.0)
            last = ops.where(counts[-1], last, 0.0)
        return last, ops.swapaxes(outputs, 0, 1), states

    def _checked_mask(self, sequences: Any, mask: Any) -> Any:
        # Keras forgets the mask of the input where an initial state is given.
        mask = flatten(mask)[0] if mask is not None else keras_mask(sequences)
        if mask is None:
            return None
        if tuple(mask.shape) != tuple(sequences.shape[:2]):
            raise ValueError(
                f"{self._title()} was given a mask of shape {tuple(mask.shape)} for "
                f"sequences of shape {tuple(sequences.shape)}.\n"
                f"Expected {tuple(sequences.shape[:2])}: one boolean for each step of "
                "each sample.\nCompute the mask from the same data."
            )
        return ops.cast(mask, "bool")

    def _starting_states(self, sequences: Any, given: Any) -> list[Any]:
        batch = sequences.shape[0]
        if self.stateful and flatten(self.states)[0].shape[0] != batch:
            size = flatten(self.states)[0].shape[0]
            raise ValueError(
                f"{self._title()} is stateful and keeps the states of {size} samples, "
                f"but was called on a batch of {batch}.\n"
                f"Expected {size} samples, as it was built for.\n"
                f"Use batch_size={size} in fit, evaluate and predict, and data whose "
                "length is a multiple of it."
            )
        if given is None:
            kept = self.states if self.stateful else self.get_initial_state(batch)
            return map_structure(self._of_dtype, list(kept))
        states = list(given) if isinstance(given, (list, tuple)) else [given]
        wanted = [tuple(s.shape) for s in flatten(self.get_initial_state(batch))]
        shapes = [tuple(s.shape) for s in flatten(states)]
        if shapes != wanted:
            raise ValueError(
                f"{self._title()} was given initial states of shapes "
                f"{', '.join(map(str, shapes))}.\n"
                f"Expected {', '.join(map(str, wanted))}.\n"
                "Take them from a layer of the same size with return_state=True."
            )
        return map_structure(self._of_dtype, states)

    def _of_dtype(self, state: Any) -> Any:
        return ops.cast(state, self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        mask = flatten(previous_mask)[0]
        if mask is not None and self.go_backwards:
            mask = ops.flip(mask, 1)  # Keras leaves it in the order of the input
        mask = mask if self.return_sequences else None
        return [mask, *[None] * len(self.state_size)] if self.return_state else mask

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
            "cell": serialize_keras_object(self.cell),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The layer that `get_config` described."""
        config = dict(config)
        cell = deserialize_keras_object(config.pop("cell"), custom_objects)
        return cls(cell, **config)


class OverCell(RNN):
    """Base of the layers over one kind of cell, whose arguments they take.

    Args:
        given: the arguments of the layer by name.
    """

    cell_class: type[Cell]
    sequence_axes = "(batch, steps, width)"

    def __init__(self, given: dict[str, Any], /, **kwargs: Any) -> None:
        takes = inspect.signature(self.cell_class.__init__).parameters
        of_cell = {k: given.pop(k) for k in [*given] if k in takes}
        of_cell |= {k: kwargs.pop(k) for k in ("implementation",) if k in kwargs}
        of_cell |= {k: kwargs[k] for k in ("dtype", "trainable") if k in kwargs}
        of_cell["name"] = to_snake_case(self.cell_class.__name__)
        use_cudnn = given.pop("use_cudnn", "auto")
        try:
            cell = self.cell_class(**of_cell)
        except ValueError as error:  # who wrote LSTM(0) knows of no cell in it
            inside = rf"^{self.cell_class.__name__}( '\w+')?"
            text = re.sub(inside, type(self).__name__, str(error))
            raise ValueError(text) from None
        super().__init__(cell, **given, **kwargs)
        self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=self.sequence_axes.count(",") + 1)

    def __getattr__(self, name: str) -> Any:
        # The arguments of the cell are attributes of the layer too.
        cell = self.__dict__.get("cell")
        if cell is None or name not in cell._own:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")
        return getattr(cell, name)

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        axes = {-1: sequences_shape[-1]}
        self.input_spec = InputSpec(ndim=len(sequences_shape), axes=axes)

    def _misfit_message(self, what: str, wanted: str) -> str:
        if "axis -1" not in what:
            return (
                f"{self._title()}: {what}.\n"
                f"Expected {wanted}: {self.sequence_axes}.\n"
                "Add the axis that is missing, for example with x[..., None], or let "
                "the layer before return_sequences."
            )
        width, shape = self.cell.kernel.shape[-2], self.cell.kernel.shape
        size = what.split("has size ")[1].split(" ")[0]
        return (
            f"{self._title()}: the last axis of its input is {size}, but its kernel "
            f"was built for {width} (kernel shape {shape}).\n"
            f"Expected an input of width {width}.\n"
            f"Build a new layer for inputs of width {size}, or feed it the output of "
            "the layer it was built on."
        )

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "activity_regularizer": None}
        config |= Layer.get_config(self)
        del config["cell"]
        return {**config, **self.cell.own_config()}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The layer that `get_config` described."""
        return cls(**config)
