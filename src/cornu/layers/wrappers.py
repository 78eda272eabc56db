"""Layers around another layer: in both directions, and at each step of time."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from cornu import ops
from cornu.graph.messages import described
from cornu.graph.tree import flatten
from cornu.layers.layer import Layer
from cornu.layers.tracking import building
from cornu.serialization import deserialize_keras_object, serialize_keras_object


def _check_layer(layer: Any, owner: str, argument: str = "layer") -> None:
    if not isinstance(layer, Layer):
        raise ValueError(
            f"{owner} was given {argument}={described(layer)}.\n"
            "Expected a layer, made and not yet called on anything.\n"
            f"For example {owner}(LSTM(32))."
        )


class Wrapper(Layer):
    """Base of the layers that hold another one.

    Args:
        layer: the layer inside.

    Raises:
        ValueError: for something that is no layer.

    Example:

    >>> class Twice(Wrapper):
    ...     def call(self, inputs):
    ...         return self.layer(self.layer(inputs))
    >>> Twice(cornu.layers.Dense(3))(np.zeros((2, 3), "float32")).shape
    (2, 3)
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        _check_layer(layer, type(self).__name__)
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            with building(self), building(self.layer):
                self.layer.build(input_shape)
            self.layer.built = True
        self.built = True

    def get_config(self) -> dict[str, Any]:
        layer = serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The layer that `get_config` described."""
        config = dict(config)
        layer = deserialize_keras_object(config.pop("layer"), custom_objects)
        return cls(layer, **config)


class TimeDistributed(Wrapper):
    """A layer that is called on each step of a sequence, with the same weights.

    All steps are computed at once, as samples of one large batch. Where that would be
    something else, they are computed one after the other: for layers that learn from
    their batch while training (BatchNormalization), stateful ones, and those of your
    own, which may look at the whole batch.

    Args:
        layer: the layer.

    Input of shape (batch, steps, ...), and a mask of shape (batch, steps), of which the
    layer sees a part at each step; output of shape (batch, steps, ...).

    Raises:
        ValueError: for something that is no layer, when the input has less than three
            axes, and when the mask does not fit it.

    Example:

    >>> TimeDistributed(cornu.layers.Dense(4))(np.zeros((2, 10, 3), "float32")).shape
    (2, 10, 4)
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(
                f"{self._title()} was called on an input of shape {input_shape}.\n"
                "Expected three axes at least: (batch, steps, ...).\n"
                "Call the layer inside without TimeDistributed, or add an axis."
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        batch, steps = inputs.shape[:2]
        if mask is not None and tuple(mask.shape[:2]) != (batch, steps):
            raise ValueError(
                f"{self._title()} was given a mask of shape {tuple(mask.shape)} for an "
                f"input of shape {tuple(inputs.shape)}.\n"
                f"Expected ({batch}, {steps}): one boolean for each step of each "
                "sample.\nCompute the mask from the same data."
            )
        if self._one_by_one(training):
            outputs = [
                self._inside(inputs[:, i], None if mask is None else mask[:, i])
                for i in range(steps)
            ]
            return ops.stack(outputs, 1)
        together = ops.reshape(inputs, (batch * steps, *inputs.shape[2:]))
        if mask is not None:
            mask = ops.reshape(mask, (batch * steps, *mask.shape[2:]))
        outputs = self._inside(together, mask)
        return ops.reshape(outputs, (batch, steps, *outputs.shape[1:]))

    def _inside(self, inputs: Any, mask: Any) -> Any:
        takes = mask is not None and self.layer._accepts("mask")
        return self.layer(inputs, **({"mask": mask} if takes else {}))

    def _one_by_one(self, training: Any) -> bool:
        inside = self.layer._flatten_layers()
        learns = training and any(not v.trainable for v in self.layer.weights)
        return learns or any(
            getattr(each, "stateful", False)
            or not type(each).__module__.startswith("cornu.")
            for each in inside
        )


_OPTIONS = ("go_backwards", "stateful", "return_sequences", "return_state")


def _check_recurrent(layer: Any, argument: str) -> None:
    _check_layer(layer, "Bidirectional", argument)
    missing = [name for name in _OPTIONS if not hasattr(layer, name)]
    if missing:
        raise ValueError(
            f"Bidirectional was given {argument}={layer!r}, which has no "
            f"{', no '.join(missing)}.\n"
            "Expected a recurrent layer, or one with the same attributes.\n"
            "For example Bidirectional(LSTM(32))."
        )


_MERGE: dict[Any, Any] = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2.0,
    "concat": lambda a, b: ops.concatenate([a, b], -1),
    None: lambda a, b: (a, b),
}


class Bidirectional(Layer):
    """A recurrent layer, and one like it that runs from the last step to the first.

    Args:
        layer: an RNN, LSTM, GRU, ..., or another layer that has `go_backwards`,
            `return_sequences`, `return_state` and `stateful`. Two layers are made from
            its configuration, with weights of their own.
        merge_mode: what becomes of the two outputs: 'concat', 'sum', 'mul', 'ave', or
            None for both in a tuple.
        weights: the weights to begin with, of the forward layer and then of the other.
        backward_layer: the layer that runs backwards, where it is to be another one.

    Input of shape (batch, steps, ...), and a mask of shape (batch, steps). With
    `return_sequences` the outputs of both stand in the order of the steps, and are 0
    at steps that are masked. An `initial_state` has those of the forward layer first.

    Raises:
        ValueError: for something that is no layer, an unknown `merge_mode`, and when
            the two layers run in one direction or differ in what they return.

    Example:

    >>> both = Bidirectional(cornu.layers.LSTM(4, return_sequences=True))
    >>> both(np.zeros((2, 10, 3), "float32")).shape
    (2, 10, 8)
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        _check_recurrent(layer, "layer")
        if backward_layer is not None:
            _check_recurrent(backward_layer, "backward_layer")
        if merge_mode not in _MERGE:
            raise ValueError(
                f"Bidirectional was given merge_mode={merge_mode!r}.\n"
                f"Expected one of {', '.join(map(repr, _MERGE))}.\n"
                "Leave it away for 'concat'."
            )
        super().__init__(**kwargs)
        self.forward_layer = _again(layer, "forward", layer.go_backwards)
        self.backward_layer: Any = backward_layer
        if backward_layer is None:
            self.backward_layer = _again(layer, "backward", True)
        self._check_directions()
        for each in (self.forward_layer, self.backward_layer):
            if getattr(each, "zero_output_for_mask", None) is not None:
                each.zero_output_for_mask = each.return_sequences
        self.merge_mode = merge_mode
        self._initial_weights = weights
        self.stateful, self.return_state = layer.stateful, layer.return_state
        self.return_sequences = layer.return_sequences
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_directions(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        for name in _OPTIONS:
            a, b = getattr(forward, name), getattr(backward, name)
            differ = name == "go_backwards"
            if (a == b) == differ:
                raise ValueError(
                    f"Bidirectional was given layers with {name}={a} and {b}.\n"
                    f"Expected {'different' if differ else 'equal'} values.\n"
                    f"Make backward_layer with {name}={not b}."
                )

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> None:
        with building(self):
            for layer in (self.forward_layer, self.backward_layer):
                if not layer.built:
                    with building(layer):
                        layer.build(sequences_shape)
                    layer.built = True
        self.built = True
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)
            self._initial_weights = None

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: Any = None,
    ) -> Any:
        halves: Any = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            if 2 * half != len(initial_state):
                raise ValueError(
                    f"{self._title()} was given {len(initial_state)} initial states.\n"
                    "Expected an even number: those of the forward layer, then those "
                    "of the backward layer.\nPass both, as [h, c, h, c] for LSTM."
                )
            halves = list(initial_state[:half]), list(initial_state[half:])
        results = []
        for layer, states in zip(
            (self.forward_layer, self.backward_layer), halves, strict=True
        ):
            given = {"initial_state": states, "mask": mask}
            kwargs = {k: v for k, v in given.items() if v is not None}
            y = layer(sequences, **kwargs)
            results.append(list(y) if self.return_state else [y])
        (y, *states), (back, *other) = results
        if self.return_sequences:
            back = ops.flip(back, 1)
        output = _MERGE[self.merge_mode](y, back)
        if not self.return_state:
            return output
        outputs = output if self.merge_mode is None else (output,)
        return (*outputs, *states, *other)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        mask = flatten(previous_mask)[0]
        mask = mask if self.return_sequences else None
        return (mask, mask) if self.merge_mode is None else mask

    @property
    def states(self) -> Any:
        """The kept states of both layers; None where there are none."""
        states = self.forward_layer.states, self.backward_layer.states
        return None if None in states else (*states[0], *states[1])

    def reset_state(self) -> None:
        """Begin anew: the kept states of both layers become zeros.

        Raises:
            AttributeError: when they keep none.
        """
        if not self.stateful:
            raise AttributeError(
                f"{self._title()} is not stateful: it keeps no states.\n"
                "Expected a layer inside with stateful=True.\n"
                "Make it so, or leave this call away."
            )
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize_keras_object(self.forward_layer),
            "backward_layer": serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The layer that `get_config` described."""
        # Both layers are made of this description; what it describes is not built.
        config = {**config, "layer": _unbuilt(config.get("layer"))}
        for name in ("layer", "backward_layer"):
            config[name] = deserialize_keras_object(config.get(name), custom_objects)
        return cls(**config)


def _again(layer: Any, direction: str, go_backwards: bool) -> Any:
    """A layer of the same configuration, with new weights, for a direction."""
    config = _unbuilt(copy.deepcopy(serialize_keras_object(layer)))
    name = layer.name.removeprefix(f"{direction}_")
    config["config"] |= {"name": f"{direction}_{name}", "go_backwards": go_backwards}
    made = deserialize_keras_object(config, _found_in(layer))
    if hasattr(layer, "use_cudnn"):
        made.use_cudnn = layer.use_cudnn
    return made


def _unbuilt(config: Any) -> Any:
    """A description without the shapes that layers were built for, inner ones too."""
    if isinstance(config, (list, tuple)):
        return type(config)(map(_unbuilt, config))
    if isinstance(config, dict):
        return {k: _unbuilt(v) for k, v in config.items() if k != "build_config"}
    return config


def _found_in(layer: Layer) -> dict[str, Any]:
    """The classes and functions of a layer by name, for the user's are in no list."""
    parts = [*layer._flatten_layers(), getattr(layer, "cell", layer)]
    found: dict[str, Any] = {type(part).__name__: type(part) for part in parts}
    for part in parts:
        values = vars(part).values()
        found |= {v.__name__: v for v in values if inspect.isfunction(v)}
    return found
