"""Sequential: a list of layers, each fed with what the one before gives."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from cornu.graph import config
from cornu.graph.messages import described
from cornu.graph.symbolic import SymbolicTensor
from cornu.graph.tensor import set_keras_mask
from cornu.layers.core import Input, InputLayer
from cornu.layers.host import HostLayer, host_array
from cornu.layers.layer import Layer
from cornu.models.model import Model
from cornu.serialization import deserialize_keras_object, serialize_keras_object


class Sequential(Model):
    """A list of layers.

    Args:
        layers: the layers, first to last; `add` appends more.
        trainable: whether its weights are trained.
        name: its name.

    Raises:
        ValueError: for something that is no layer, for a layer that needs more than its
            input, and when two layers have one name.

    Example:

    >>> import cornu
    >>> model = Sequential([
    ...     cornu.layers.Dense(512, activation="relu", input_shape=(784,)),
    ...     cornu.layers.Dense(10, activation="softmax"),
    ... ])
    >>> model.output_shape, model.count_params()
    ((None, 10), 407050)
    """

    says_built = True

    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name)
        self._list: list[Layer] = []
        self._entrance: SymbolicTensor | None = None
        self._tensors: list[Any] = []  # the symbolic output of each layer
        for layer in [layers] if isinstance(layers, Layer) else layers or []:
            self._append(layer)
        self._grow()

    def add(self, layer: Layer) -> None:
        """Append a layer."""
        self._append(layer)
        self._grow()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it.

        Args:
            rebuild: a hint without meaning here: the rest is a model at once.

        Raises:
            IndexError: when there is no layer.
        """
        if not self._list:
            raise IndexError(
                f"Sequential {self.name!r} has no layer to remove.\n"
                "Expected at least one layer.\nAdd layers with model.add(layer)."
            )
        layer = self._list.pop()
        del self._tensors[len(self._list) :]
        self._outputs = None
        self._grow()
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, SymbolicTensor) and layer.call is None:
            layer = InputLayer(input_tensor=layer, name=layer.name)
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Sequential was given {described(layer)}.\nExpected layers.\n"
                "For example Sequential([Dense(64, activation='relu'), Dense(1)])."
            )
        if isinstance(layer, InputLayer):
            self._enter_at(layer)
            return
        if any(layer.name == other.name for other in self._list):
            raise ValueError(
                f"Sequential holds two layers named {layer.name!r}.\n"
                "Expected different names, by which layers are found and saved.\n"
                "Give one of them another name=, or make a new layer."
            )
        if not self._list and self._entrance is None:
            self._entrance = _entrance_of(layer)
        self._list.append(layer)

    def _enter_at(self, layer: InputLayer) -> None:
        """Begin with an Input; there can be one only, and nothing before it."""
        if self._entrance is not None or self._list:
            shape = "any" if self._entrance is None else self._entrance.shape
            raise ValueError(
                f"Sequential {self.name!r} was given an Input of shape "
                f"{layer.output.shape}, but takes inputs of shape {shape} already.\n"
                "Expected one Input, before the first layer.\n"
                "Leave it away, or make a new model."
            )
        self._entrance = layer.output

    def _grow(self) -> None:
        """Call the layers on symbolic tensors, once the shape of the input is known."""
        if self._entrance is None or not self._list:
            return
        # Layers that were there before keep their symbolic outputs, which the user may
        # have taken already.
        for layer in self._list[len(self._tensors) :]:
            _check_takes_one(layer)
            last = self._tensors[-1] if self._tensors else self._entrance
            self._tensors.append(layer(last))
        self._connect(self._entrance, self._tensors[-1])

    @property
    def inputs(self) -> list[Any]:
        """The symbolic input in a list.

        Raises:
            AttributeError: while the shape of the input is not known.
        """
        return self._known(super().inputs, "inputs")

    @property
    def outputs(self) -> list[Any]:
        """The symbolic output in a list.

        Raises:
            AttributeError: while the shape of the input is not known.
        """
        return self._known(super().outputs, "outputs")

    def _known(self, found: list[Any] | None, what: str) -> list[Any]:
        if found is None or self._outputs is None:
            raise AttributeError(
                f"Sequential {self.name!r} has no {what} yet.\n"
                "Expected layers, and an input whose shape is known.\n"
                "Begin with Input(shape=...), or call it on data first."
            )
        return found

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the entrance."""
        return list(self._list)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Pass the inputs through all layers."""
        if not self._list:
            raise ValueError(
                f"Sequential {self.name!r} was called, but has no layers.\n"
                "Expected at least one layer.\nAdd layers with model.add(layer)."
            )
        if self._outputs is not None:
            return super().call(inputs, training, mask)
        x = inputs
        if mask is not None:
            set_keras_mask(x, mask)
        for layer in self._list:
            x = layer(x)
        return x

    def _on_host(self, x: Any) -> Any:
        first = self._list[0] if self._list else None
        if self._entrance is None and isinstance(first, HostLayer):
            self.build(host_array(x, f"Sequential {self.name!r}").shape)
        return super()._on_host(x)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights for inputs of this shape (None for the batch).

        Raises:
            ValueError: when the model has been built for other inputs.
        """
        if self._outputs is not None and input_shape is not None:
            self._check_same(input_shape)
        if isinstance(input_shape, dict) or any(
            isinstance(each, (list, tuple, dict)) for each in input_shape or ()
        ):
            # Several inputs at once: there is no Input for them, and the layers say.
            return super().build(input_shape)
        if self._entrance is None and input_shape is not None and self._list:
            shape = (None, *tuple(input_shape)[1:])
            self._entrance = Input(batch_shape=shape, dtype=_input_dtype(self._list[0]))
            self._grow()
        self.built = self._outputs is not None

    def _check_same(self, shape: Any) -> None:
        assert self._entrance is not None
        wanted, given = self._entrance.shape[1:], tuple(shape)[1:]
        if len(wanted) == len(given) and all(
            n is None or m is None or n == m for n, m in zip(wanted, given, strict=True)
        ):
            return
        raise ValueError(
            f"Sequential {self.name!r} was to be built for inputs of shape "
            f"{tuple(shape)}, but takes inputs of shape {self._entrance.shape}.\n"
            "Expected the same shape, or no call of build: the model is built.\n"
            "Make a new model for other inputs."
        )

    def get_config(self) -> dict[str, Any]:
        config = {**Layer.get_config(self), "layers": []}
        if self._entrance is not None:
            layer = InputLayer(input_tensor=self._entrance)
            config["layers"].append(serialize_keras_object(layer))
            config["build_input_shape"] = tuple(self._entrance.shape)
        config["layers"] += [serialize_keras_object(each) for each in self._list]
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The model that `get_config` described, with new weights.

        Args:
            config: the description.
            custom_objects: name -> class or function of your own.
        """
        config = dict(config)
        described, shape = config.pop("layers"), config.pop("build_input_shape", None)
        config.pop("dtype", None)  # each layer has its own
        layers = deserialize_keras_object(described, custom_objects)
        model = cls(layers, **config)
        if shape and not model.built:
            model.build(shape)
        return model


def _check_takes_one(layer: Layer) -> None:
    """Raise for a layer whose call needs more than one argument."""
    takes = inspect.signature(layer.call).parameters.values()
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needs = [p.name for p in takes if p.kind in plain and p.default is p.empty]
    if len(needs) > 1:
        raise ValueError(
            f"{layer._title()} is in a Sequential model, but its call needs "
            f"{', '.join(needs)}.\n"
            "Expected layers that need their input alone.\n"
            f"Give {needs[1]!r} a default, or build the model from Input(...)."
        )


def _entrance_of(layer: Layer) -> SymbolicTensor | None:
    """The Input that a first layer brings along: its input_shape, or its own input."""
    if layer.batch_shape is not None:
        dtype = _input_dtype(layer) if layer.on_host else layer.dtype
        return Input(batch_shape=layer.batch_shape, dtype=dtype)
    inside = getattr(layer, "inputs", None) if isinstance(layer, Model) else None
    if inside:
        first = inside[0]
        return Input(batch_shape=first.shape, dtype=first.dtype)
    return None


def _input_dtype(layer: Layer) -> str:
    """dtype of the Input of a model that begins with a layer."""
    return layer.input_dtype if isinstance(layer, HostLayer) else config.floatx()
