"""What either library is asked to do, described as data.

The same code asks Cornu in the test's process and Keras in another one; only gradients,
masks and loops over updates differ between them. This file imports neither.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


def direction(shape: tuple[int, ...]) -> np.ndarray:
    """Weights of the elements of a result, all different, to take a gradient along."""
    n = int(np.prod(shape, dtype=int))
    return 1.0 + 0.5 * np.cos(np.arange(n, dtype="float64")).reshape(shape)


class Library:
    """One of the two libraries.

    Args:
        keras: its namespace.
    """

    def __init__(self, keras: Any) -> None:
        self.keras = keras

    # What differs

    def value_and_gradient(self, function: Callable[..., Any], x: Any) -> Any:
        """`function(x)`, and its gradient by `x` along `direction`."""
        raise NotImplementedError

    def masked(self, function: Callable[..., Any], mask: Any) -> Callable[..., Any]:
        """`function(y_true, y_pred, ...)` of outputs that carry a mask."""
        raise NotImplementedError

    def apply_all(self, optimizer: Any, variables: Any, gradients: Any) -> None:
        """Apply one list of gradients after the other."""
        raise NotImplementedError

    def compiled_metric(self, identifier: Any, y_true: Any, y_pred: Any) -> Any:
        """The metric that `compile` makes of an identifier for such data."""
        raise NotImplementedError

    def reset_names(self) -> None:
        """Count automatic names from the beginning again."""
        raise NotImplementedError

    def table(self, module: str) -> list[str]:
        """Every name that `get` of a module knows."""
        raise NotImplementedError

    # Objects

    def find(self, path: str) -> Any:
        """What a dotted path below the namespace leads to."""
        found = self.keras
        for name in path.split("."):
            found = getattr(found, name)
        return found

    def make(self, value: Any) -> Any:
        """Data in which `{"object": path, "config": {...}}` stands for objects."""
        if isinstance(value, dict) and "object" in value:
            found = self.find(value["object"])
            if "config" not in value:
                return found
            return found(**self.make(value["config"]))
        if isinstance(value, dict):
            return {k: self.make(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self.make(v) for v in value)
        return value

    @contextmanager
    def floatx(self, dtype: str) -> Any:
        before = self.keras.config.floatx()
        self.keras.config.set_floatx(dtype)
        try:
            yield
        finally:
            self.keras.config.set_floatx(before)

    def answer(self, request: dict[str, Any]) -> Any:
        """Do what a request says; errors are results too."""
        request = dict(request)
        procedure = getattr(self, request.pop("do"))
        with self.floatx(request.pop("floatx", "float32")):
            try:
                return data(procedure(**request))
            except Exception as error:
                return {"error": type(error).__name__, "message": str(error)}

    # What can be asked

    def call(
        self,
        target: Any,
        args: Any = (),
        kwargs: Any = None,
        gradient: int | None = None,
        mask: Any = None,
    ) -> Any:
        """Call an object: its value, and the gradient by one of its arguments."""
        function = self.make(target)
        if mask is not None:
            function = self.masked(function, mask)
        kwargs = self.make(kwargs or {})
        args = self.make(list(args))
        if gradient is None:
            return {"value": function(*args, **kwargs)}

        def of_one(x: Any) -> Any:
            given = [*args[:gradient], x, *args[gradient + 1 :]]
            return function(*given, **kwargs)

        value, found = self.value_and_gradient(of_one, args[gradient])
        return {"value": value, "gradient": found}

    def metric(self, target: Any, updates: Any, mask: Any = None) -> Any:
        """A metric's results after each of several updates, and after a reset."""
        metric = self.make(target)
        update = metric.update_state
        if mask is not None:
            update = self.masked(update, mask)
        results = []
        for args, kwargs in updates:
            update(*args, **kwargs)
            results.append(array(metric.result()))
        variables = [[v.name, array(v)] for v in metric.variables]
        metric.reset_state()
        return {
            "results": results,
            "variables": variables,
            "reset": metric.result(),
            "name": metric.name,
        }

    def resolve(self, identifier: Any, y_true: Any, y_pred: Any) -> Any:
        """What a metric of `compile` becomes, and its value on this data."""
        metric = self.compiled_metric(self.make(identifier), y_true, y_pred)
        metric.update_state(y_true, y_pred)
        return {
            "class": type(metric).__name__,
            "name": metric.name,
            "value": metric.result(),
        }

    def describe(self, path: str, config: Any = None) -> Any:
        """The signature of an object, and the config of one that is made of defaults.

        Args:
            path: where it is.
            config: arguments to make an object with, where it needs some.
        """
        found = self.find(path)
        kind = "class" if inspect.isclass(found) else "function"
        parameters = self.parameters(found)
        result = {"kind": kind, "parameters": parameters}
        if kind == "class" and config is not None:
            self.reset_names()
            made = found(**self.make(config))
            result["config"] = made.get_config()
            again = found.from_config(made.get_config())
            result["again"] = again.get_config()
            result["name"] = getattr(made, "name", None)
        return result

    def aliases(self, module: str, names: Any) -> Any:
        """What `get` of a module makes of each name; None where it raises."""

        def of_one(name: str) -> str | None:
            try:
                found = self.find(module).get(name)
            except Exception:  # Keras raises whatever its constructors do
                return None
            return getattr(found, "__name__", type(found).__name__)

        return [of_one(name) for name in names]

    def names(self, module: str) -> list[str]:
        """The public names of a module."""
        return [n for n in dir(self.find(module)) if not n.startswith("_")]

    def exports(self, module: str, names: Any = None) -> Any:
        """The public classes and functions of a module, with their parameters.

        Args:
            module: where they are.
            names: which to ask for; all by default.

        Returns:
            name -> list of (name, 'required' or 'default', default), None where an
            object tells no signature.
        """
        try:
            room = self.find(module)
        except AttributeError:
            return {}
        found = {}
        for name in names or [n for n in dir(room) if not n.startswith("_")]:
            try:
                each = getattr(room, name)
            except AttributeError:
                continue
            if not inspect.ismodule(each):
                found[name] = self.parameters(each)
        return found

    def parameters(self, function: Any) -> list[Any] | None:
        """What a function or class takes, except `**kwargs` and `*args`."""
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return None
        return [
            [
                p.name,
                "required" if p.default is p.empty else "default",
                None if p.default is p.empty else plain(p.default),
            ]
            for p in signature.parameters.values()
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]

    def schedule(self, target: Any, steps: Any) -> Any:
        """The rates of a schedule."""
        schedule = self.make(target)
        return [array(schedule(int(n))) for n in steps]

    def optimize(
        self,
        optimizer: Any,
        weights: Any,
        gradients: Any,
        names: Any = ("kernel", "bias"),
        constraint: Any = None,
        exclude: Any = None,
    ) -> Any:
        """What becomes of weights and of the optimizer's state after many updates.

        Args:
            optimizer: the optimizer.
            weights: initial values of the variables.
            gradients: for each step, one gradient per variable.
            names: names of the variables.
            constraint: constraint on the first variable.
            exclude: names that take no part in weight decay.
        """
        self.reset_names()
        opt = self.make(optimizer)
        if exclude:
            opt.exclude_from_weight_decay(var_names=list(exclude))
        variables = [
            self.keras.Variable(w, name=n) for w, n in zip(weights, names, strict=True)
        ]
        variables[0].constraint = self.make(constraint)
        opt.build(variables)
        self.apply_all(opt, variables, gradients)
        result = {
            "weights": [array(v) for v in variables],
            "state": [[v.name, v.path, array(v)] for v in opt.variables],
            "name": opt.name,
        }
        opt.finalize_variable_values(variables)
        return {**result, "final": [array(v) for v in variables]}

    def layer(self, target: Any, x: Any, weights: Any = None) -> Any:
        """A layer's output, gradient, weights, names, losses and shapes."""
        self.reset_names()
        layer = self.make(target)
        layer(x)
        if weights is not None:
            layer.set_weights(weights)
        value, gradient = self.value_and_gradient(layer, x)
        layer(x)
        return {
            "value": value,
            "gradient": gradient,
            "losses": [array(loss) for loss in layer.losses],
            "weights": [[v.name, v.path, array(v)] for v in layer.weights],
            "trainable": [v.path for v in layer.trainable_weights],
            "shape": list(layer.compute_output_shape((None, *x.shape[1:]))),
            "count": layer.count_params(),
        }

    def every_layer(
        self,
        target: Any,
        inputs: Any,
        how: str = "one",
        masks: Any = None,
        call: Any = None,
        training: bool | None = None,
        gradient: bool = True,
    ) -> Any:
        """All that can be seen of a layer that is called once.

        Args:
            target: the layer.
            inputs: arrays.
            how: whether they are 'one' input, a 'list', or several 'args'.
            masks: a mask for each, or None.
            call: further arguments of the call.
            training: its flag.
            gradient: whether gradients are taken.
        """
        self.reset_names()
        layer = self.make(target)
        kwargs = dict(call or {})
        if training is not None:
            kwargs["training"] = training

        def run(*tensors: Any) -> Any:
            if masks is not None:
                tensors = tuple(map(self.carrying, tensors, masks))
            return layer(*([list(tensors)] if how == "list" else tensors), **kwargs)

        run(*inputs)
        layer.set_weights(self.values_for(layer.weights))
        result: dict[str, Any] = {}
        if gradient:
            of_inputs, of_weights = self.gradients(layer, run, inputs)
            result["gradients"] = {"inputs": of_inputs, "weights": of_weights}
        outputs = run(*inputs)
        shapes = [(None, *x.shape[1:]) for x in inputs]
        config = layer.get_config()
        return {
            **result,
            "value": outputs,
            "mask": self.mask_of(outputs),
            "losses": [array(loss) for loss in layer.losses],
            "weights": [[v.name, v.path, array(v)] for v in layer.weights],
            "trainable": [v.path for v in layer.trainable_weights],
            "supports_masking": layer.supports_masking,
            "shape": None
            if how == "args"
            else layer.compute_output_shape(shapes if how == "list" else shapes[0]),
            "config": in_common(config),
            "again": in_common(type(layer).from_config(config).get_config()),
        }

    def precise_layer(
        self, target: Any, inputs: Any, how: str = "one", call: Any = None
    ) -> Any:
        """The dtypes of a layer that is called once: what comes out, and the weights.

        Args:
            target: the layer.
            inputs: arrays.
            how: whether they are 'one' input, a 'list', or several 'args'.
            call: further arguments of the call.
        """
        self.reset_names()
        layer = self.make(target)
        outputs = layer(*([list(inputs)] if how == "list" else inputs), **(call or {}))
        return {
            "outputs": [str(x.dtype) for x in outputs_of(outputs)],
            "weights": [[v.name, str(v.dtype)] for v in layer.weights],
            "compute": layer.compute_dtype,
            "variable": layer.variable_dtype,
            "policy": layer.dtype_policy.name,
        }

    def values_for(self, weights: Any) -> list[np.ndarray]:
        """Values for weights, the same in both libraries."""
        rng = np.random.default_rng(7)
        values = []
        for v in weights:
            old = array(v)
            new = rng.normal(size=old.shape) / 2
            if "variance" in v.name or "norm" in v.name:
                new = np.abs(new) + 0.5
            floats = old.dtype.kind == "f"
            values.append(new.astype(old.dtype) if floats else old)
        return values

    def carrying(self, tensor: Any, mask: Any) -> Any:
        """The tensor, with a mask that it carries."""
        raise NotImplementedError

    def mask_of(self, outputs: Any) -> Any:
        """The masks that tensors carry."""
        if isinstance(outputs, (list, tuple)):
            return [self.mask_of(each) for each in outputs]
        mask = getattr(outputs, "_keras_mask", None)
        return None if mask is None else array(mask)

    def gradients(self, layer: Any, run: Callable[..., Any], inputs: Any) -> Any:
        """Gradients of the outputs by inputs and weights, along `direction`."""
        raise NotImplementedError

    def train(self, **request: Any) -> Any:
        """Build a model, train it, and tell all that can be seen of it."""
        return train(self, **request)

    def course(self, **request: Any) -> Any:
        """Tell a callback of a made-up course of training, and note what it does."""
        return course(self, **request)

    def csv(self, config: Any, runs: Any, before: str | None = None) -> str:
        """The file of a CSVLogger after several trainings with these logs.

        Args:
            config: its arguments, without the name of the file.
            runs: for each training the logs of its epochs.
            before: what is in the file already.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log.csv"
            if before is not None:
                path.write_bytes(before.encode())
            for logs in runs:
                log = self.keras.callbacks.CSVLogger(str(path), **config)
                log.set_params({"epochs": len(logs)})
                log.on_train_begin({})
                for epoch, told in enumerate(logs):
                    log.on_epoch_end(epoch, dict(told))
                log.on_train_end({})
            return path.read_bytes().decode()


def course(
    library: Library, callback: Any, logs: list[dict[str, Any]], rate: float = 1.0
) -> Any:
    """See `Library.course`.

    Args:
        library: which of the two.
        callback: its description.
        logs: what it is told at the end of each epoch.
        rate: the learning rate in the beginning.

    Returns:
        Of each epoch the logs, the learning rate and what the callback counts; and the
        weight in the end, which is the number of an epoch.
    """
    library.reset_names()
    layers = library.keras.layers
    net = library.keras.Sequential([layers.Input((1,)), layers.Dense(1)])
    net.compile("sgd", "mse", metrics=["accuracy"])
    net.train_on_batch(np.zeros((2, 1)), np.zeros((2, 1)))
    net.optimizer.learning_rate = rate
    made = library.make(callback)
    made.set_model(net)
    made.set_params({"epochs": len(logs), "do_validation": True})
    made.on_train_begin({})
    found = []
    for epoch, told in enumerate(logs):
        made.on_epoch_begin(epoch, {})
        net.set_weights([np.full((1, 1), epoch), np.zeros(1)])
        seen = dict(told)
        made.on_epoch_end(epoch, seen)
        names = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
        counted = [getattr(made, name, None) for name in names]
        counted = [None if each is None else float(each) for each in counted]
        found.append([seen, float(net.optimizer.learning_rate), *counted])
        if net.stop_training:
            break
    made.on_train_end({})
    return {"epochs": found, "weight": float(net.get_weights()[0].sum())}


def train(
    library: Library,
    model: Any,
    compile: Any,
    weights: Any = None,
    fit: Any = None,
    batches: Any = (),
    x: Any = None,
    y: Any = None,
    evaluate: Any = None,
    batch_size: int = 32,
) -> Any:
    """See `Library.train`.

    Args:
        library: which of the two.
        model: a Sequential model as a list of layers, the Input first; or a dict of
            "body", such a list, and "heads", the layers of several outputs.
        compile: arguments of `compile`.
        weights: initial weights.
        fit: arguments of `fit`.
        batches: (method, arguments) to call after it.
        x: inputs to evaluate and predict on.
        y: their targets.
        evaluate: further arguments of `evaluate`.
        batch_size: batch size of evaluation and prediction.
    """
    library.reset_names()
    net = build(library, model)
    net.compile(**library.make(compile))
    if weights is not None:
        net.set_weights(weights)
    result: dict[str, Any] = {}
    if fit is not None:
        history = net.fit(verbose=0, shuffle=False, **library.make(fit))
        result["history"] = dict(history.history)
        result["epochs"] = list(history.epoch)
    result["batches"] = [
        getattr(net, method)(**arguments) for method, arguments in batches
    ]
    if x is not None:
        more = {"verbose": 0, "batch_size": batch_size}
        result["evaluate"] = net.evaluate(x, y, **more, **(evaluate or {}))
        result["evaluate_dict"] = net.evaluate(x, y, return_dict=True, **more)
        result["predict"] = net.predict(x, **more)
        result["predict_on_batch"] = net.predict_on_batch(x[:batch_size])
    result["weights"] = [array(w) for w in net.get_weights()]
    result["state"] = [[v.path, array(v)] for v in net.optimizer.variables]
    # Keras keeps those of `compile` in one object that calls itself a metric.
    metrics = [each for m in net.metrics for each in getattr(m, "metrics", [m])]
    result["names"] = {
        "model": net.name,
        "layers": [layer.name for layer in net.layers],
        "weights": [[v.name, v.path] for v in net.weights],
        "metrics": [[m.name, type(m).__name__] for m in metrics],
        "optimizer": net.optimizer.name,
    }
    return result


def build(library: Library, model: Any) -> Any:
    """See `train`."""
    if isinstance(model, list):
        return library.keras.Sequential(library.make(model))
    x, *layers = library.make(model["body"])
    y = x
    for layer in layers:
        y = layer(y)
    outputs = [head(y) for head in library.make(model["heads"])]
    return library.keras.Model(x, outputs, name="net")


def array(value: Any) -> np.ndarray:
    """A tensor, a variable or a number as an array."""
    return np.array(value.numpy() if hasattr(value, "numpy") else value)


def data(value: Any) -> Any:
    """Results as plain values and arrays."""
    if isinstance(value, dict):
        return {k: data(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        kind = tuple if hasattr(value, "_fields") else type(value)
        return kind(data(v) for v in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return array(value)


def in_common(config: Any) -> Any:
    """A config without what only one of the libraries writes."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return config["config"]["name"]
        left_out = ("quantization_config", "shared_object_id", "build_config")
        return {k: in_common(v) for k, v in config.items() if k not in left_out}
    if isinstance(config, (list, tuple)):
        return [in_common(v) for v in config]
    return config


def outputs_of(value: Any) -> list[Any]:
    """Tensors in lists and tuples, one after the other."""
    if isinstance(value, (list, tuple)):
        return [each for part in value for each in outputs_of(part)]
    return [value]


def plain(value: Any) -> Any:
    """A default value as data; objects by what they are called."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return getattr(value, "__name__", type(value).__name__)
