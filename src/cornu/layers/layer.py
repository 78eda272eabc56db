"""The base of all layers: weights, building, calling, and what is asked of them."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cornu import dtype_policies, regularizers, stateless
from cornu.graph import config
from cornu.graph.dispatch import Edged
from cornu.graph.messages import described, refuse_unknown
from cornu.graph.node import user_source
from cornu.graph.symbolic import (
    SymbolicTensor,
    compute_output_spec,
    has_symbolic,
    record,
    replaying,
)
from cornu.graph.trace import current, no_trace
from cornu.graph.tree import flatten, map_structure
from cornu.graph.variable import Variable
from cornu.layers import masks
from cornu.layers.precision import Precise
from cornu.layers.spec import (
    as_shape,
    check_shape_names,
    first_shape,
    noting_build,
    shape_of,
    shapes_for,
    standing_for,
)
from cornu.layers.tracking import CALLS, building
from cornu.registry import auto_name
from cornu.serialization import is_plain

# Arguments of features that Cornu refuses. Files of Keras hold them, unset.
_UNSET = ("quantization_config", "lora_rank", "lora_alpha")
_UNSET += ("gptq_unpacked_column_size",)

# The losses that calls have added to layers, until the next call.
ADDED: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()


class Layer(Precise, Edged):
    """A function with weights; the base class of all layers and models.

    Subclasses create weights in `build(input_shape)` (or `__init__`) with `add_weight`,
    and compute in `call(inputs, ...)`.

    Args:
        trainable: whether the weights are trained.
        dtype: dtype of weights and computation; floatx by default.
        name: name of the layer; made from the class by default.
        activity_regularizer: penalty on the output.
        autocast: whether inputs of another floating dtype are cast.
        input_shape: (keyword) shape of the input without the batch, for the first layer
            of a Sequential model; also `input_dim=n` and `batch_input_shape=`.

    Raises:
        TypeError: for unknown arguments, naming the nearest.

    Example:

    >>> import cornu
    >>> class Scale(cornu.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()(np.ones((2, 3), "float32")).shape
    (2, 3)
    """

    _edges = ("__call__", "adapt", "call", "losses", "stateless_call")
    # Whether it takes arrays, text among them, and is no part of a compiled program.
    on_host = False
    # Whether it takes whole numbers as they are, whatever dtype its Input has.
    takes_indices = False
    # Whether its `build` says itself when it is built, as those of models do.
    says_built = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls) and not vars(cls).get("says_built"):
            cls.build = noting_build(cls.build)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        layer.__dict__["_init_arguments"] = (args, kwargs)
        return layer

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.batch_shape = first_shape(kwargs)
        for feature in _UNSET:
            if kwargs.get(feature, 0) is None:
                del kwargs[feature]
        known = ["name", "trainable", "dtype", "autocast", "activity_regularizer"]
        known += ["input_shape", *_parameters(type(self))]
        refuse_unknown(type(self).__name__, kwargs, known)
        self.name = str(name) if name else auto_name(type(self).__name__)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self.built = False
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask
        self.input_spec: Any = None
        self._set_policy(dtype_policies.get(dtype))
        self._trainable = _as_flag(type(self).__name__, trainable)
        self._weights: list[Variable] = []
        self._inbound: list[Any] = []  # the calls on symbolic tensors
        self._build_shapes: dict[str, Any] = {}  # what build was called with
        self._source = user_source()

    @property
    def takes_text(self) -> bool:
        """Whether it, or a layer inside, works on the host, where text is known."""
        return any(layer.on_host for layer in self._flatten_layers())

    # Losses

    def add_loss(self, loss: Any, inputs: Any = None) -> None:
        """Add to the loss of the model that the layer is part of.

        Args:
            loss: scalar tensor, or several; a tensor with axes is averaged.
            inputs: what Keras 2 needed to know; the graph knows it already.
        """
        for each in flatten(loss):
            loss = each() if callable(each) else each
            ADDED.setdefault(self, []).append(loss)

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` and the regularizers of this and all layers below add."""
        found = [x for layer in self._flatten_layers() for x in ADDED.get(layer, ())]
        for v in self.trainable_variables:
            if v.regularizer is not None:
                found.append(v.regularizer(v))
        return found

    def _clear_losses(self) -> None:
        if ADDED:  # looking through all layers takes longer than a small one computes
            for layer in self._flatten_layers():
                ADDED.pop(layer, None)

    # Building and calling

    def build(self, input_shape: Any) -> None:
        """Create the weights; subclasses override it.

        Args:
            input_shape: shape of the input, None for the batch.
        """
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; subclasses override it."""
        raise NotImplementedError(
            f"{self._title()} has no call method.\n"
            "Expected `def call(self, inputs)` that computes the output.\n"
            "Define it in the class."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer on tensors, arrays, or symbolic tensors."""
        self._check_initialized()
        if (has_symbolic(args) or has_symbolic(kwargs.values())) and not replaying():
            return self._call_symbolic(args, kwargs)
        args = tuple(self._convert(a) for a in args)
        kwargs = {k: self._convert(v) for k, v in kwargs.items()}
        if args:
            self._check_input(args[0])
        self._build_once(args, kwargs)
        outermost = not CALLS.stack
        if outermost:
            self._clear_losses()
        training = self._training(kwargs)
        previous = None
        if kwargs.get("mask") is not None or masks.has_mask(args, kwargs):
            previous = masks.fill(self._call_names(), args, kwargs)
        CALLS.stack.append(self)
        CALLS.training.append(training)
        CALLS.computing.append(self)
        try:
            with self._scope(), self._computing():
                outputs = self.call(*args, **kwargs)
                if self.activity_regularizer is not None:
                    for out in flatten(outputs):
                        # As in Keras, the penalty is the mean over the batch.
                        rows = max(out.shape[0], 1)
                        self.add_loss(self.activity_regularizer(out) / rows)
        finally:
            CALLS.stack.pop()
            CALLS.training.pop()
            CALLS.computing.pop()
        if previous is not None or type(self).compute_mask is not Layer.compute_mask:
            first = args[0] if args else next(iter(kwargs.values()), None)
            masks.attach(self, first, outputs, previous)
        return outputs

    def check_data(self, array: Any, **kwargs: Any) -> None:
        """Refuse an array that it is to be fed in `fit`; nothing is refused here.

        Args:
            array: all samples of an input of the model that goes straight to it.
            **kwargs: further arguments of its call.
        """

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the output, which subclasses may override.

        Without it `supports_masking = True` lets the mask of the input pass.

        Args:
            inputs: the first argument of the call.
            previous_mask: its mask, in its nesting; None where it has none.
        """
        return previous_mask

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Call the layer as a function of its variables, which stay as they are.

        Args:
            trainable_variables: values, in the order of `trainable_variables`.
            non_trainable_variables: values, in the order of `non_trainable_variables`.
            *args: what the layer is called on.
            return_losses: whether the losses that the call adds are returned too.
            **kwargs: further arguments of the call.

        Returns:
            The outputs, and the new values of the variables that do not train (and the
            losses).

        Raises:
            ValueError: when the layer is not built, or values are missing.
        """
        if not self.built:
            raise ValueError(
                f"{self._title()} is not built: it has no variables yet.\n"
                "Expected layer.build(input_shape), or a call on data, before.\n"
                "Call the layer once on an input."
            )
        fixed = self.non_trainable_variables
        variables = [*self.trainable_variables, *fixed]

        def call() -> Any:
            outputs = self(*args, **kwargs)
            return outputs, list(self.losses) if return_losses else None

        values = [*trainable_variables, *non_trainable_variables]
        (outputs, losses), after = stateless.run(variables, values, call)
        after = after[len(variables) - len(fixed) :]
        return (outputs, after, losses) if return_losses else (outputs, after)

    def _call_symbolic(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        if not self.built:
            with no_trace():
                self._check_input(args[0] if args else None)
                self._build_from(args, kwargs)
        outputs = record(self, args, kwargs, self.name, self._output_spec)
        first = next(o for o in flatten(outputs) if isinstance(o, SymbolicTensor))
        self._inbound.append(first.call)
        self._clear_losses()
        return outputs

    @contextmanager
    def _scope(self) -> Iterator[None]:
        trace = current()
        if trace is None:
            yield
        else:
            with trace.layer(self.name, self._source):
                yield

    def _training(self, kwargs: dict[str, Any]) -> Any:
        """The training flag of this call: given, or that of the layer around it."""
        training = kwargs.get("training")
        if training is None and CALLS.training:
            training = CALLS.training[-1]
        if training is None:
            training = self._training_by_default()
        fixed = config.learning_phase()
        if fixed is not None:
            training = bool(fixed)
        if self._accepts("training"):
            kwargs["training"] = training
        elif "training" in kwargs:
            del kwargs["training"]
        return training

    def _training_by_default(self) -> Any:
        """What `call` itself says where nobody else does, as augmentation does."""
        cached = self.__dict__.setdefault("_call_arguments", {})
        if "training=" not in cached:
            said = inspect.signature(self.call).parameters.get("training")
            default = None if said is None else said.default
            nothing = default is inspect.Parameter.empty
            cached["training="] = None if nothing else default
        return cached["training="]

    def _accepts(self, argument: str) -> bool:
        cached = self.__dict__.setdefault("_call_arguments", {})
        if argument not in cached:
            parameters = inspect.signature(self.call).parameters
            cached[argument] = argument in parameters or any(
                p.kind is p.VAR_KEYWORD for p in parameters.values()
            )
        return cached[argument]

    def _call_names(self) -> list[str]:
        return list(inspect.signature(self.call).parameters)

    def _check_input(self, value: Any) -> None:
        specs = flatten(self.input_spec) if self.input_spec is not None else []
        for spec, tensor in zip(specs, flatten(value), strict=False):
            if spec is None or (tensor is None and spec.optional):
                continue
            if tensor is None or not hasattr(tensor, "shape"):
                raise TypeError(
                    f"{self._title()} was called on {described(tensor)}.\n"
                    "Expected a tensor or an array of numbers.\n"
                    "Pass for example np.zeros((32, 784), 'float32'), or an Input."
                )
            wrong = spec.misfit(tuple(tensor.shape), str(tensor.dtype))
            if wrong is not None:
                raise ValueError(self._misfit_message(*wrong))

    def _misfit_message(self, what: str, wanted: str) -> str:
        return (
            f"{self._title()}: {what}.\nExpected {wanted}.\n"
            "Reshape the data, or check the layer before this one."
        )

    def _build_once(self, args: tuple, kwargs: dict[str, Any]) -> None:
        if not self.built:
            with no_trace():
                self._build_from(args, kwargs)

    def _build_from(self, args: tuple, kwargs: dict[str, Any]) -> None:
        takes = list(inspect.signature(self.build).parameters)
        if len(takes) > 1:  # build(query_shape, value_shape): one shape per argument
            check_shape_names(self._title(), self.build, self.call)
            shapes = shapes_for(self.build, self.call, args, kwargs)
        else:
            given = args[0] if args else next(iter(kwargs.values()), None)
            shapes = {"input_shape": map_structure(shape_of, given)}
        self._build_for(shapes, len(takes) > 1)

    def _build_for(self, shapes: dict[str, Any], by_name: bool) -> None:
        with building(self):
            if by_name:
                self.build(**shapes)
            else:
                self.build(shapes["input_shape"])
        self._build_shapes = shapes
        self.built = True

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built for, as files hold them; None if not."""
        if not self._build_shapes:
            return None
        if len(self._build_shapes) == 1:
            return {"input_shape": next(iter(self._build_shapes.values()))}
        return {"shapes_dict": self._build_shapes}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layer for the shapes of `get_build_config`."""
        if self.built:
            return
        shapes = config.get("shapes_dict") or {"input_shape": config.get("input_shape")}
        shapes = {name: as_shape(shape) for name, shape in shapes.items()}
        with no_trace():
            self._build_for(shapes, "shapes_dict" in config)

    # In files

    def save_own_variables(self, store: Any) -> None:
        """Put what files keep of this layer into a store: arrays by name.

        Args:
            store: takes `store[name] = array`.
        """
        for i, variable in enumerate(self._in_files()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take from a store what `save_own_variables` put there.

        Args:
            store: gives `store[name]`.
        """
        for i, variable in enumerate(self._in_files()):
            variable.assign(store[str(i)])

    def _in_files(self) -> list[Variable]:
        """Its own variables in the order of files: those that are trained first."""
        return sorted(self._own_variables(), key=lambda v: not v.trains)

    # Asked of a layer

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's first call.

        Raises:
            AttributeError: when it was not called on a symbolic tensor.
        """
        parents = self._first_call().parents
        return parents[0] if len(parents) == 1 else parents

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's first call.

        Raises:
            AttributeError: when it was not called on a symbolic tensor.
        """
        return self._first_call().outputs

    @property
    def input_shape(self) -> Any:
        """Shape of `input`, None for the batch."""
        return map_structure(shape_of, self.input)

    @property
    def output_shape(self) -> Any:
        """Shape of `output`, None for the batch."""
        return map_structure(shape_of, self.output)

    def _first_call(self) -> Any:
        if not self._inbound:
            raise AttributeError(
                f"{self._title()} has no symbolic input or output yet.\n"
                "Expected a layer that is part of a model whose input shape is known.\n"
                "Give the model an Input (or input_shape=), or call it on data first."
            )
        return self._inbound[0]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors of the outputs: the call is traced, or the class tells."""
        try:
            return compute_output_spec(self, *args, **kwargs)
        except Exception:
            if not _is_own(self.compute_output_shape):
                raise
            shapes = shapes_for(self.compute_output_shape, self.call, args, kwargs)
            return standing_for(self.compute_output_shape(**shapes), self._dtype)

    def _output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """`compute_output_spec`; a subclass's own counts where the call tells nothing.

        Tracing comes first, for it knows of masks and dtypes what classes leave out.
        """
        try:
            return Layer.compute_output_spec(self, *args, **kwargs)
        except Exception:
            if not _is_own(self.compute_output_spec):
                raise
            specs = self.compute_output_spec(*args, **kwargs)
            # New ones, for those of the class may be the inputs themselves.
            return map_structure(lambda s: SymbolicTensor(s.shape, s.dtype), specs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the output, from the shapes of the arguments (None for open).

        Args:
            *args: one shape, or a list of shapes, per argument of `call`.
            **kwargs: the same by name, as in `value_shape=`.
        """
        symbols = [standing_for(shape, self._dtype) for shape in args]
        named = {
            name.removesuffix("_shape"): standing_for(shape, self._dtype)
            for name, shape in kwargs.items()
        }
        if "input" in named:
            symbols.insert(0, named.pop("input"))
        return map_structure(shape_of, self.compute_output_spec(*symbols, **named))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make the same layer again.

        Raises:
            NotImplementedError: where a subclass has arguments of its own that are no
                plain values, and does not add them.
        """
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": _described(self._policy),
        }
        if self.activity_regularizer is not None:
            penalty = regularizers.serialize(self.activity_regularizer)
            config["activity_regularizer"] = penalty
        if type(self).get_config is Layer.get_config and _parameters(type(self)):
            config.update(self._own_arguments())
        return config

    def _own_arguments(self) -> dict[str, Any]:
        """The arguments that a subclass adds, as it was given them; plain values."""
        args, kwargs = self.__dict__["_init_arguments"]
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        found: dict[str, Any] = {}
        for name, value in list(bound.arguments.items())[1:]:
            several = (
                bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
            )
            found.update(value if several else {name: value})
        own = {
            k: v for k, v in found.items() if k not in ("name", "trainable", "dtype")
        }
        hidden = [name for name, value in own.items() if not is_plain(value)]
        if hidden:
            raise NotImplementedError(
                f"{self._title()} has arguments that are no plain values "
                f"({', '.join(hidden)}), but no get_config().\n"
                "Expected a get_config that describes them, so that the layer can be "
                "made again from a file.\n"
                "Define: def get_config(self): return {**super().get_config(), "
                f"'{hidden[0]}': ...}}"
            )
        return own

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _described(policy: Any) -> Any:
    """A policy in a configuration: its name says it all, unless it is a map."""
    if isinstance(policy, dtype_policies.DTypePolicyMap):
        return dtype_policies.serialize(policy)
    return policy.name


def _as_flag(owner: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(
            f"{owner} was given trainable={value!r}.\n"
            "Expected True or False.\nLeave it away for True."
        )
    return value


def _is_own(method: Any) -> bool:
    """Whether a method is the user's: what Cornu's own layers raise is meant."""
    return not method.__module__.startswith("cornu.")


def _parameters(cls: type) -> list[str]:
    """Names of the arguments that a class adds to those of Layer."""
    names: list[str] = []
    for base in cls.__mro__:
        if base is Layer:
            break
        init = base.__dict__.get("__init__")
        if init is None:
            continue
        for p in list(inspect.signature(init).parameters.values())[1:]:
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in names:
                names.append(p.name)
    common = ("name", "trainable", "dtype", "activity_regularizer", "autocast")
    return [n for n in names if n not in common]
