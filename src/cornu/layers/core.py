"""Layers of most networks: Dense, Activation, Dropout, Flatten, Reshape, Lambda."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

from cornu import activations, constraints, initializers, ops, regularizers
from cornu.graph import config
from cornu.graph.spec import is_float
from cornu.graph.symbolic import SymbolicTensor
from cornu.layers.layer import Layer
from cornu.layers.spec import InputSpec, sizes
from cornu.ops.random import SeedGenerator
from cornu.registry import auto_name
from cornu.serialization import deserialize_keras_object, serialize_keras_object


def Input(
    shape: Sequence[int | None] | int | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> SymbolicTensor:
    """The entrance of a model: a symbolic tensor.

    Args:
        shape: shape of one sample, None for sizes that are free.
        batch_size: size of the batch, where it is fixed.
        dtype: dtype name, floatx by default.
        sparse: whether sparse matrices of SciPy are meant to be given; arrays may be
            given as well, and matrices without this word.
        ragged: only None or False.
        batch_shape: shape with the batch, instead of `shape` and `batch_size`.
        name: its name.
        tensor: a symbolic tensor to start from.
        optional: whether None may be given for it; layers that it goes to take None.

    Returns:
        Symbolic tensor of shape (batch_size, *shape).

    Raises:
        ValueError: when no shape is given or two that differ, or when a feature is
            asked for that there is not.

    Example:

    >>> Input(shape=(784,)).shape
    (None, 784)
    """
    _refuse_features("Input", ragged=ragged)
    wanted = _batch_shape(shape, batch_size, batch_shape)
    if tensor is not None:
        dtype = dtype or tensor.dtype
        if wanted not in (None, tuple(tensor.shape)) or dtype != tensor.dtype:
            raise ValueError(
                f"Input was given a tensor of shape {tuple(tensor.shape)} and dtype "
                f"{tensor.dtype}, and with it shape {wanted} and dtype {dtype}.\n"
                "Expected the same shape and dtype.\n"
                "Pass the tensor alone: it has both."
            )
        return tensor
    if wanted is None:
        raise ValueError(
            "Input was given no shape.\nExpected the shape of one sample.\n"
            "For example Input(shape=(784,))."
        )
    name = name or auto_name("input_layer")
    made = SymbolicTensor(wanted, dtype or config.floatx(), name)
    made.optional, made.sparse = bool(optional), bool(sparse)
    if made.sparse and (len(wanted) != 2 or not is_float(made.dtype)):
        raise ValueError(
            f"Input was given sparse=True, shape {wanted} and dtype {made.dtype}.\n"
            "Expected rows of floats, (batch, width): what a sparse matrix holds.\n"
            "Leave sparse away for other data, which is dense."
        )
    return made


def _batch_shape(shape: Any, batch_size: int | None, batch_shape: Any) -> Any:
    """The shape with the batch, or None where no shape is given at all."""
    if batch_shape is None:
        if shape is None:
            return None
        return (batch_size, *sizes(shape, "shape"))
    if shape is not None or batch_size is not None:
        raise ValueError(
            f"Input was given batch_shape={batch_shape}, and shape={shape} and "
            f"batch_size={batch_size} as well.\n"
            "Expected batch_shape, or the other two.\nLeave one of them away."
        )
    return sizes(batch_shape, "batch_shape")


def _refuse_features(owner: str, **features: Any) -> None:
    """Raise for arguments of Keras that ask for something that Cornu does not have."""
    for name, value in features.items():
        if value:
            raise ValueError(
                f"{owner} was given {name}={value!r}, which is not supported.\n"
                f"Expected {name} to be left away: rows are complete.\n"
                "Pad the data to one length."
            )


class InputLayer(Layer):
    """The layer that an Input is in `model.layers`.

    Args:
        shape: shape of one sample.
        batch_size: size of the batch, where it is fixed.
        dtype: dtype name, floatx by default.
        sparse: whether sparse matrices of SciPy are meant to be given; arrays may be
            given as well, and matrices without this word.
        ragged: only None or False.
        batch_shape: shape with the batch, instead of `shape` and `batch_size`.
        input_tensor: the symbolic tensor that it stands for.
        optional: whether None may be given for it.
        name: its name.

    Raises:
        ValueError: see `Input`.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: SymbolicTensor | None = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        given = (shape, batch_size, dtype, sparse, ragged, batch_shape, name)
        tensor = Input(*given, input_tensor, optional)
        super().__init__(name=name or tensor.name)
        self._tensor, self.optional, self.sparse = (
            tensor,
            tensor.optional,
            tensor.sparse,
        )
        self.batch_shape = tuple(tensor.shape)
        self._dtype = self._variable_dtype = tensor.dtype
        self.built = True

    @property
    def input(self) -> Any:
        return self._tensor

    @property
    def output(self) -> Any:
        return self._tensor

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        features = {"sparse": self.sparse, "ragged": False, "optional": self.optional}
        own = {"batch_shape": self.batch_shape, "dtype": self.dtype, "name": self.name}
        return {**own, **features}


class Dense(Layer):
    """A fully connected layer: activation(inputs @ kernel + bias).

    Args:
        units: width of the output.
        activation: name or function; none by default.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (width, units).
        bias_initializer: initializer of the bias of shape (units,).
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the output.
        kernel_constraint: constraint on the kernel.
        bias_constraint: constraint on the bias.

    Input of shape (batch, ..., width), output of shape (batch, ..., units).

    Raises:
        ValueError: when `units` is not positive, or the width of the input is not the
            one that the layer was built for.

    Example:

    >>> import numpy as np
    >>> Dense(10, activation="softmax")(np.zeros((2, 784), "float32")).shape
    (2, 10)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(units, Integral) or isinstance(units, bool) or units <= 0:
            raise ValueError(
                f"Dense was given units={units!r}.\nExpected a positive whole number.\n"
                "For example Dense(10) for ten classes."
            )
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        if width is None:
            raise ValueError(
                f"{self._title()}: the last axis of its input is open (shape "
                f"{input_shape}).\nExpected a known width, the kernel depends on it.\n"
                "Give the Input a last axis of known size."
            )
        self.kernel = self.add_weight(
            (width, self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        else:
            self.bias = None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: width})
        self.built = True

    def call(self, inputs: Any) -> Any:
        x = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)

    def _misfit_message(self, what: str, wanted: str) -> str:
        if not self.built or "axis -1" not in what:
            return super()._misfit_message(what, wanted)
        width, shape = self.kernel.shape[0], self.kernel.shape
        size = what.split("has size ")[1].split(" ")[0]
        return (
            f"{self._title()}: the last axis of its input is {size}, but its "
            "kernel was "
            f"built for {width} (kernel shape {shape}).\n"
            f"Expected an input of width {width}.\n"
            f"Build a new layer for inputs of width {size}, or feed it the output "
            "of the "
            "layer it was built on."
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


class Activation(Layer):
    """An activation function as a layer.

    Args:
        activation: name or function.

    Example:

    >>> Activation("relu")([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        activation = activations.serialize(self.activation)
        return {**super().get_config(), "activation": activation}


class Dropout(Layer):
    """Sets a random part of its input to 0 while training, and scales up the rest.

    Args:
        rate: part that becomes 0, from 0 to 1.
        noise_shape: shape of the mask, None where it is the input's.
        seed: seed of the mask; random by default.

    Raises:
        ValueError: when `rate` is outside 0 to 1.

    Example:

    >>> import numpy as np
    >>> Dropout(0.5)(np.ones((2, 2), "float32")).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(rate, Real) or not 0 <= rate <= 1:
            raise ValueError(
                f"Dropout was given rate={rate!r}.\nExpected a number from 0 to 1, the "
                "part of the input that is dropped.\nFor example Dropout(0.5)."
            )
        self.rate = float(rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: Any = None) -> Any:
        if not training or self.seed_generator is None:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        shape = None
        if self.noise_shape is not None:
            shape = tuple(
                n if m is None else m
                for n, m in zip(inputs.shape, self.noise_shape, strict=True)
            )
        return ops.dropout(inputs, self.seed_generator.next(), self.rate, shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "noise_shape": self.noise_shape,
            "seed": self.seed,
        }


class Flatten(Layer):
    """All axes but the batch as one.

    Args:
        data_format: 'channels_last' or 'channels_first' (channels are then moved last
            before flattening, so that both give one order).

    Example:

    >>> import numpy as np
    >>> Flatten()(np.zeros((2, 28, 28), "float32")).shape
    (2, 784)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format, "Flatten")
        self.input_spec = InputSpec(min_ndim=1)
        self.built = True

    def call(self, inputs: Any) -> Any:
        x = inputs
        if self.data_format == "channels_first" and x.ndim > 2:
            x = ops.transpose(x, (0, *range(2, x.ndim), 1))
        return ops.reshape(x, (x.shape[0], math.prod(x.shape[1:])))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """Each sample in another shape.

    Args:
        target_shape: shape of one sample; one size may be -1.

    Example:

    >>> import numpy as np
    >>> Reshape((7, -1))(np.zeros((2, 28), "float32")).shape
    (2, 7, 4)
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        open_axes = isinstance(target_shape, (list, tuple)) and [
            n for n in target_shape if not isinstance(n, Integral) or n < 0
        ]
        if open_axes is False or open_axes not in ([], [-1]):
            raise ValueError(
                f"Reshape was given target_shape={target_shape!r}.\n"
                "Expected the sizes of the axes of one sample; one may be -1.\n"
                "For example Reshape((28, 28, 1))."
            )
        self.target_shape = tuple(int(n) for n in target_shape)

    def build(self, input_shape: Any) -> None:
        have, want = input_shape[1:], self.target_shape
        sizes = [n for n in want if n != -1]
        if None not in have and (
            math.prod(have) % max(math.prod(sizes), 1)
            or (len(sizes) == len(want) and math.prod(have) != math.prod(sizes))
        ):
            raise ValueError(
                f"{self._title()}: samples of shape {tuple(have)} cannot take the "
                f"shape {want}.\n"
                f"Expected sizes with the product {math.prod(have)}; one may be -1.\n"
                "Change target_shape, or the layer before this one."
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (inputs.shape[0], *self.target_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": self.target_shape}


class Lambda(Layer):
    """A function as a layer.

    Args:
        function: `f(inputs)`, or `f(inputs, mask=, training=)`, in `ops` or `K`.
        output_shape: what Keras needs on some back ends; the graph knows it already.
        mask: the mask of the output, or a function `f(inputs, mask)` that gives it.
        arguments: further keyword arguments for the function.

    Example:

    >>> import numpy as np
    >>> Lambda(lambda x: x * 2)(np.array([1.0, 2.0])).tolist()
    [2.0, 4.0]
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(
                f"Lambda was given {function!r}.\nExpected a function of the inputs.\n"
                "For example Lambda(lambda x: x / 255)."
            )
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = True
        takes = inspect.signature(function).parameters
        self._takes = [name for name in ("training", "mask") if name in takes]
        self.built = True

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        given = {"training": training, "mask": mask}
        extra = {name: given[name] for name in self._takes}
        return self.function(inputs, **{**extra, **self.arguments})

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        if getattr(self.function, "__name__", "<lambda>") == "<lambda>":
            raise ValueError(
                f"{self._title()} holds Python code, which no file may carry.\n"
                "Expected a layer that is made from plain values.\n"
                "Write `def` instead of lambda, and pass the function in "
                "custom_objects= on loading; or write a Layer class."
            )
        named = {"function": self.function, "arguments": self.arguments}
        if self.mask is not None:
            named["mask"] = self.mask
        return {**super().get_config(), **serialize_keras_object(named)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        config = dict(config)
        for part in ("function", "mask", "arguments"):
            if part in config:
                config[part] = deserialize_keras_object(config[part])
        if isinstance(config["function"], str):
            raise ValueError(
                f"There is no function {config['function']!r} for a Lambda layer.\n"
                "Expected one that was announced: files hold no code.\n"
                f"Pass custom_objects={{{config['function']!r}: ...}}."
            )
        return cls(**config)
