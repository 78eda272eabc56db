"""Model: a layer that can be trained; from a DAG of layers, or by subclassing."""

from __future__ import annotations

import json
import os
from typing import Any

from cornu.graph.messages import described, nearest
from cornu.graph.symbolic import (
    Bindings,
    SymbolicTensor,
    calls_between,
    has_symbolic,
    replay,
    symbols,
)
from cornu.graph.tensor import set_keras_mask
from cornu.graph.tree import flatten, map_structure
from cornu.layers.layer import Layer
from cornu.layers.spec import standing_for
from cornu.models import dag, quick, state_tree
from cornu.models.elsewhere import Portable
from cornu.models.entering import check_array, entered, ordered, read_as_indices
from cornu.models.host import HostPart, arrays_of
from cornu.saving import legacy, load_weights, save_model, save_weights
from cornu.saving.memory import from_bytes, to_bytes
from cornu.serialization import custom_object_scope, serialize_whole


class Model(Portable):
    """A network that can be trained.

    Made from symbolic tensors, `Model(inputs, outputs)`, or by subclassing with layers
    in `__init__` and the computation in `call`.

    Args:
        inputs: an Input, or a list or dict of them.
        outputs: symbolic tensors that follow from the inputs.
        name: its name.

    Raises:
        ValueError: when an output depends on an Input that is not among the inputs.

    Example:

    >>> import cornu
    >>> x = cornu.Input(shape=(784,))
    >>> y = cornu.layers.Dense(10, activation="softmax")(x)
    >>> cornu.Model(x, y).count_params()
    7850
    """

    says_built = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # What is made of symbolic tensors is called Functional, here as in Keras.
        functional = len(args) > 1 or {"outputs", "output"} & set(kwargs)
        kind: Any = Functional if cls is Model and functional else cls
        return super().__new__(kind, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        inputs, outputs = _functional_arguments(args, kwargs)
        self._init_trainer()
        super().__init__(**kwargs)
        self.supports_masking = True  # the layers inside pass masks on
        self._of_symbols = outputs is not None
        self._inputs: Any = None
        self._outputs: Any = None
        self._calls_in_order: list[Any] = []
        self._host: HostPart | None = None
        self._meets_text: bool | None = None  # whether a layer works on the host
        self._operations: list[dag.Operation] = []
        self._indices: set[int] = set()  # Inputs that only look up what they index
        self._symbolic_losses: list[Any] = []
        self._quick: Any = None  # programs for calls, see quick.py
        if outputs is not None:
            self._connect(inputs, outputs)

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Become the DAG from these inputs to these outputs."""
        for leaf in flatten([inputs, outputs]):
            if not isinstance(leaf, SymbolicTensor):
                raise ValueError(
                    f"Model was given {described(leaf)} as an input or output.\n"
                    "Expected symbolic tensors: what Input and calls of layers "
                    "return.\n"
                    "Start from Input(shape=...) and call the layers on it."
                )
        self._inputs, self._outputs = inputs, outputs
        self._programs.clear()  # those of a Sequential that has grown
        known = {id(x): None for x in flatten(inputs)}
        self._calls_in_order = calls_between(flatten(outputs), known)
        self._operations = dag.operations(flatten(inputs), flatten(outputs))
        parts = [each.target for each in self._operations]
        self._dag_layers = [part for part in parts if isinstance(part, Layer)]
        self._indices = read_as_indices(known, self._calls_in_order)
        self._host = self._meets_text = None
        self.built = True
        self._build_shapes = {"input_shape": map_structure(_shape_of, inputs)}
        if not self.trainable:
            self.trainable = False  # and with it all layers

    # What it is made of

    @property
    def inputs(self) -> list[Any] | None:
        """The symbolic inputs in a list, or None for a subclassed model."""
        return None if self._inputs is None else flatten(self._inputs)

    @property
    def outputs(self) -> list[Any] | None:
        """The symbolic outputs in a list, or None for a subclassed model."""
        return None if self._outputs is None else flatten(self._outputs)

    @property
    def input(self) -> Any:
        """The symbolic input, or all of them in their nesting."""
        return super().input if self._inputs is None else self._inputs

    @property
    def output(self) -> Any:
        """The symbolic output, or all of them in their nesting."""
        return super().output if self._outputs is None else self._outputs

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs: the keys of a dict, or the layers that make them."""
        if self._outputs is None:
            return []
        if isinstance(self._outputs, dict):
            return list(self._outputs)
        return [o.name for o in flatten(self._outputs)]

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs."""
        return [] if self._inputs is None else [x.name for x in flatten(self._inputs)]

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order in which data passes through them."""
        return self._sublayers() if self._inputs is None else list(self._dag_layers)

    @property
    def operations(self) -> list[Any]:
        """Layers and functions of a model of symbolic tensors, in their order."""
        return dag.named_parts(self._operations)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or by index.

        Raises:
            ValueError: when there is none, offering the nearest name.
        """
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"get_layer was asked for layer {index} of {len(layers)}.\n"
                    f"Expected an index up to {len(layers) - 1}.\nSee model.summary()."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"Model {self.name!r} has no layer named {name!r}.\n"
            f"Expected one of: {', '.join(each.name for each in layers)}.\n"
            f"{nearest(name, [each.name for each in layers])}"
        )

    # Computing

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model on tensors, arrays, or symbolic tensors."""
        if len(args) == 1 and not kwargs:
            found = quick.call(self, args[0])
            if found is not None:
                return found
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Compute the outputs; subclasses write their own."""
        if self._outputs is None:
            return super().call(inputs)
        table = Bindings()
        entrances, values = self._entering(inputs)
        for value, each in zip(values, flatten(mask), strict=False):
            if each is not None:
                set_keras_mask(value, each)
        for symbol, value in zip(entrances, values, strict=True):
            table[id(symbol)] = entered(value, symbol, id(symbol) in self._indices)
        with symbols(table):
            results = iter(replay(flatten(self._outputs), table))
            for loss in self._symbolic_losses:
                super().add_loss(replay([loss], table)[0])
        table_of = {
            id(s): v for s, v in zip(flatten(self._outputs), results, strict=True)
        }
        return map_structure(lambda s: table_of[id(s)], self._outputs)

    def _host_part(self) -> HostPart | None:
        """What of the DAG is run on the host; None where there is no such layer."""
        if self._host is None and self._outputs is not None and self._has_host_part():
            self._host = HostPart(self)
        return self._host

    def _has_host_part(self) -> bool:
        if self._meets_text is None:
            self._meets_text = self.takes_text
        return self._meets_text

    def _on_host(self, x: Any) -> Any:
        host = self._host_part()
        return x if host is None else host.run(x)

    def _entering(self, inputs: Any) -> tuple[list[Any], list[Any]]:
        """Symbolic tensors at which data enters the DAG, and what enters there."""
        if not self._has_host_part():
            return flatten(self._inputs), ordered(self, inputs)
        host = self._host
        if host is not None and host.made(inputs):
            return host.entrances, [inputs[name] for name in host.names]
        return flatten(self._inputs), arrays_of(self, inputs)

    def _check_data(self, x: Any) -> None:
        """Refuse arrays whose shape cannot be fed to this model."""
        if self._inputs is None:
            return
        for symbol, array in zip(*self._entering(x), strict=True):
            check_array(self, symbol, array)
            if array is None:
                continue
            for call in self._calls_in_order:
                alone = [id(each) for each in call.parents] == [id(symbol)]
                if alone and isinstance(call.function, Layer):
                    call.function.check_data(array, **call.kwargs)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights for inputs of this shape (None for the batch)."""
        if self.built or input_shape is None:
            self.built = True
            return
        if type(self).call is not Model.call and not _is_building(self):
            self.__dict__["_building"] = True
            try:
                self(standing_for(input_shape, self._dtype))
                self._inbound.clear()
            finally:
                self.__dict__.pop("_building")
        self.built = True

    def add_loss(self, loss: Any, inputs: Any = None) -> None:
        """Add to the loss: tensors inside `call`, or symbolic ones of the DAG."""
        for each in flatten(loss):
            if isinstance(each, SymbolicTensor):
                self._symbolic_losses.append(each)
            else:
                super().add_loss(each, inputs)

    # As plain data, and in files

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes a model like this one of, with new weights.

        Raises:
            ValueError: when a part of it cannot be described, such as a Lambda.
        """
        if not _is_functional(self):
            config = super().get_config()
            if type(self).get_config is Model.get_config and not self._of_symbols:
                config.update(self._own_arguments())
            return config
        parts = dag.get_config(self._operations, self._inputs, self._outputs)
        return {"name": self.name, "trainable": self.trainable, **parts}

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
        with custom_object_scope(custom_objects):
            if "input_layers" not in config:
                return super().from_config(config)
            config = legacy.functional_config(config)
            parts = ("layers", "input_layers", "output_layers")
            inputs, outputs = dag.from_config({key: config.pop(key) for key in parts})
            return cls(inputs=inputs, outputs=outputs, **config)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON, for `model_from_json`.

        Args:
            **kwargs: for `json.dumps`.
        """
        return json.dumps(serialize_whole(self), **kwargs)

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        zipped: bool | None = None,
        include_optimizer: bool = True,
        **kwargs: Any,
    ) -> None:
        """Write the model to a file: architecture, weights, compilation, optimizer.

        `cornu.saving.load_model` makes it again, and so does Keras 3. The file is
        written whole or not at all.

        Args:
            filepath: the file; its name ends in `.keras`, or in `.h5` or `.hdf5` for
                the format of Keras 1 and 2. Or a file object, such as an `io.BytesIO`;
                or, with `zipped=False`, the name of a folder.
            overwrite: whether an older file may be replaced.
            zipped: False for a folder with the parts of a `.keras` file in it.
            include_optimizer: whether the optimizer's state is written.
            **kwargs: only `save_format`, of Keras 2: what the name says anyway.

        Raises:
            FileExistsError: when there is one, and it may not.
            FileNotFoundError: when there is no such folder.
            ValueError: for another name or argument, and for models that cannot be
                described.
        """
        save_model(self, filepath, overwrite, zipped, include_optimizer, **kwargs)

    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        max_shard_size: float | None = None,
    ) -> None:
        """Write the weights, and the state of the optimizer, to a file.

        Keras 3 reads it into the same model, as `load_weights` reads Keras's.

        Args:
            filepath: the file; its name ends in `.weights.h5`, or in `.h5` or `.hdf5`
                for the format of Keras 1 and 2, without the optimizer's state; in
                `.weights.json` with `max_shard_size`.
            overwrite: whether an older file may be replaced.
            max_shard_size: how many gigabytes one file may hold; `filepath` then tells
                of several beside it.

        Raises:
            FileExistsError: when there is one, and it may not.
            ValueError: for another name, for a model that is not built, and for an
                array that is larger than `max_shard_size`.
        """
        save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        skip_mismatch: bool = False,
        by_name: bool = False,
        objects_to_skip: Any = None,
    ) -> None:
        """Set the weights from a file of `save_weights` or `save`.

        Args:
            filepath: the file, of Cornu or of Keras 1, 2 or 3.
            skip_mismatch: whether layers that the file does not fit keep theirs.
            by_name: whether layers are found by name; for files of Keras 1 and 2.
            objects_to_skip: layers that keep theirs in any case.

        Raises:
            FileNotFoundError: when there is no such file.
            ValueError: when it does not fit this model.
        """
        if self.optimizer is not None and not self.optimizer.built and self.built:
            self.optimizer.build(self._trained_now())
        load_weights(self, filepath, skip_mismatch, by_name, objects_to_skip)

    def __reduce__(self) -> Any:
        """Pickle and copy make the model again from what `save` writes."""
        return from_bytes, (to_bytes(self),)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """The values of all variables as nested dicts, by the parts of their paths.

        Args:
            value_format: 'backend_tensor' or 'numpy_array'.

        Returns:
            A dict of four such trees: 'trainable_variables', 'non_trainable_variables',
            'optimizer_variables' and 'metrics_variables'.

        Raises:
            ValueError: when two variables have one path.

        Example:

        >>> import cornu
        >>> model = cornu.Sequential([cornu.Input((3,)), cornu.layers.Dense(1)])
        >>> tree = model.get_state_tree("numpy_array")["trainable_variables"]
        >>> [leaf.shape for layer in tree.values() for leaf in layer.values()]
        [(3, 1), (1,)]
        """
        return state_tree.get_state_tree(self, value_format)

    def set_state_tree(self, tree: dict[str, Any]) -> None:
        """Set variables from what `get_state_tree` returns, or from a part of it.

        Args:
            tree: the trees; what they leave out stays as it is.

        Raises:
            ValueError: for a path that no variable has.
        """
        state_tree.set_state_tree(self, tree)

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers with output shapes and numbers of parameters.

        A model that is no plain chain of layers gets a column of connections, such as
        `dense[0][0]`: the first output of the first call of `dense`.

        Args:
            line_length: width in characters, by default that of the terminal, and no
                more than 88 (108 with connections).
            positions: where each column ends, as parts of the line or numbers of
                characters; by default the columns are as wide as their contents.
            print_fn: function that is called once with the whole text, instead of
                printing.
            expand_nested: whether layers of nested models are listed too.
            show_trainable: whether a column tells what is trainable.
            layer_range: names of the first and last layer to list, or regular
                expressions for them.

        Raises:
            ValueError: when `layer_range` names no layer, for positions that do not
                rise, and when the line is too narrow.
        """
        from cornu.models.summary import print_summary

        print_summary(
            self,
            line_length,
            positions,
            print_fn,
            expand_nested,
            show_trainable,
            layer_range,
        )

    def _repr_html_(self) -> str:
        """What notebooks show: the summary."""
        from cornu.models.summary import as_html

        return as_html(self)


class _OfSymbols(type):
    """Lets `isinstance(model, Functional)` be true of subclasses of Model, too."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if cls is Functional and isinstance(instance, Model):
            return instance._of_symbols
        return super().__instancecheck__(instance)


class Functional(Model, metaclass=_OfSymbols):
    """A model made of symbolic tensors: what `Model(inputs, outputs)` gives."""


def _is_functional(model: Model) -> bool:
    """Whether a model is its DAG, and can be made of that alone."""
    return model._inputs is not None and type(model).__init__ is Model.__init__


def _shape_of(symbol: SymbolicTensor) -> tuple[int | None, ...]:
    return tuple(symbol.shape)


def _is_building(model: Model) -> bool:
    return "_building" in model.__dict__


def _functional_arguments(args: tuple, kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """(inputs, outputs) of `Model(inputs, outputs)`, or None twice."""
    inputs = kwargs.pop("inputs", kwargs.pop("input", None))
    outputs = kwargs.pop("outputs", kwargs.pop("output", None))
    rest = list(args)
    if inputs is None and rest:
        inputs = rest.pop(0)
    if outputs is None and rest:
        outputs = rest.pop(0)
    if rest and "name" not in kwargs:
        kwargs["name"] = rest.pop(0)
    if (inputs is None) != (outputs is None):
        raise TypeError(
            "Model was given inputs without outputs, or outputs without inputs.\n"
            "Expected both: Model(inputs, outputs).\n"
            "Build the outputs by calling layers on the inputs."
        )
    if outputs is not None and not has_symbolic([inputs]):
        raise TypeError(
            f"Model was given {described(inputs)} as inputs.\n"
            "Expected symbolic tensors: what Input returns.\n"
            "Start from Input(shape=...), or use Sequential for a list of layers."
        )
    return inputs, outputs
