"""The DAG of a functional model: its operations in order, as plain data, and back.

The order is Keras's, for numbers in files count in it. Configurations are Keras's too:
a list of layers and functions, each with the calls that it is in (`inbound_nodes`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from cornu.graph.messages import nearest
from cornu.graph.symbolic import Call, SymbolicTensor
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.tree import flatten, map_structure
from cornu.layers.core import InputLayer
from cornu.layers.layer import Layer
from cornu.serialization import deserialize_keras_object, serialize_keras_object

# Keras keeps each function of `ops` as a class. These arguments go to its call, all
# others to its constructor.
_CALLED_WITH = {
    "condition", "constant_values", "fill_value", "indices", "key", "output", "start",
    "step", "stop", "target", "variable", "weights", "x", "x1", "x2", "xs", "y",
}  # fmt: skip
# Where Keras keeps them, if neither in its module of NumPy's functions nor in `nn`.
_MODULES = {
    "cast": "core",
    "convert_to_tensor": "core",
    "stop_gradient": "core",
    "erf": "math",
    "logsumexp": "math",
    "rsqrt": "math",
    "norm": "linalg",
    "sigmoid": "nn",
}


class Operation:
    """A layer, or one call of a function, with its calls in a model.

    Args:
        target: the layer, or the function.
        name: its name, by which tensors refer to it.
    """

    def __init__(self, target: Any, name: str) -> None:
        self.target, self.name = target, name
        self.calls: list[Any] = []  # Call objects; for an Input its symbolic tensor


def operations(inputs: list[Any], outputs: list[Any]) -> list[Operation]:
    """What lies between inputs and outputs, those far from the outputs first.

    Args:
        inputs: the symbolic inputs; each becomes an `InputLayer`.
        outputs: symbolic tensors that follow from them.

    Returns:
        One Operation per input, layer, and call of a function.
    """
    order, first_seen, known = _traverse(inputs, outputs)
    depth_of: dict[int, int] = {}
    depths: dict[int, int] = {}
    found: dict[int, tuple[Any, list[Any]]] = {}
    for node in reversed(order):
        key = _key(node)
        depth = max(depth_of.get(id(node), 0), depths.get(key, 0))
        depths[key] = depth_of[id(node)] = depth
        found.setdefault(key, (node, []))[1].append(node)
        for symbol in _parents(node):
            parent = _node(symbol, known)
            before = depth_of.get(id(parent), 0)
            depth_of[id(parent)] = max(depth + 1, before)
    for symbol in inputs:  # an input that leads nowhere is a part all the same
        if id(symbol) not in depths:
            depths[id(symbol)], first_seen[id(symbol)] = 0, -1
            found[id(symbol)] = (symbol, [symbol])
    ordered = sorted(found, key=lambda key: (-depths[key], first_seen[key]))
    return _named([found[key] for key in ordered])


def _traverse(inputs: list[Any], outputs: list[Any]) -> Any:
    """All calls and inputs, those that others need first, and when each was met."""
    known = {id(x) for x in inputs}
    order: list[Any] = []
    first_seen: dict[int, int] = {}
    done: set[int] = set()
    stack = [(symbol, False) for symbol in reversed(outputs)]
    while stack:  # without recursion: networks are deep
        symbol, ready = stack.pop()
        node = _node(symbol, known)
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            order.append(node)
            continue
        first_seen.setdefault(_key(node), len(first_seen))
        stack.append((symbol, True))
        stack += [(p, False) for p in reversed(_parents(node))]
    return order, first_seen, known


def _node(symbol: SymbolicTensor, known: set[int]) -> Any:
    """The call that makes a symbolic tensor, or an input itself."""
    return symbol if id(symbol) in known or symbol.call is None else symbol.call


def _parents(node: Any) -> list[SymbolicTensor]:
    return node.parents if isinstance(node, Call) else []


def _key(node: Any) -> int:
    """A layer is one operation in all its calls, a function one in each."""
    shared = isinstance(node, Call) and isinstance(node.function, Layer)
    return id(node.function) if shared else id(node)


def _named(found: list[tuple[Any, list[Any]]]) -> list[Operation]:
    taken = {
        n.function.name
        for n, _ in found
        if isinstance(n, Call) and isinstance(n.function, Layer)
    }
    made = []
    for node, calls in found:
        if not isinstance(node, Call):
            operation = Operation(InputLayer(input_tensor=node), node.name)
        elif isinstance(node.function, Layer):
            operation = Operation(node.function, node.function.name)
        else:
            name = base = getattr(node.function, "__name__", "function")
            number = 0
            while name in taken:
                number += 1
                name = f"{base}_{number}"
            operation = Operation(node.function, name)
        taken.add(operation.name)
        # In the order in which the calls were made, which is that of their indices.
        made_calls = getattr(operation.target, "_inbound", calls)
        place = {id(call): i for i, call in enumerate(made_calls)}
        operation.calls = sorted(calls, key=lambda call: place.get(id(call), 0))
        made.append(operation)
    return made


# As plain data


def get_config(parts: list[Operation], inputs: Any, outputs: Any) -> dict[str, Any]:
    """The DAG as Keras writes it: 'layers', 'input_layers' and 'output_layers'.

    Args:
        parts: what `operations` found.
        inputs: the symbolic inputs in their nesting.
        outputs: the symbolic outputs in their nesting.

    Raises:
        ValueError: when a call cannot be described, naming it.
    """
    places: dict[int, list[Any]] = {}
    for part in parts:
        for i, call in enumerate(part.calls):
            made = flatten(call.outputs) if isinstance(call, Call) else [call]
            for j, symbol in enumerate(made):
                places[id(symbol)] = [part.name, i, j]

    def tensor(leaf: Any) -> Any:
        if not isinstance(leaf, SymbolicTensor):
            return leaf
        config = {"shape": list(leaf.shape), "dtype": leaf.dtype}
        config["keras_history"] = places[id(leaf)]
        return {"class_name": "__keras_tensor__", "config": config}

    layers = []
    for part in parts:
        calls = [call for call in part.calls if isinstance(call, Call)]
        if isinstance(part.target, Layer):
            described = serialize_keras_object(part.target)
            nodes = [(call.args, call.kwargs) for call in calls]
        else:
            described, node = _function_config(part, calls[0])
            nodes = [node]
        described["name"] = part.name
        described["inbound_nodes"] = [
            serialize_keras_object(
                {"args": map_structure(tensor, a), "kwargs": map_structure(tensor, k)}
            )
            for a, k in nodes
        ]
        layers.append(described)
    nested = {part.name for part in parts if type(part.target).__name__ == "Functional"}

    def place(symbol: SymbolicTensor) -> list[Any]:
        name, i, j = places[id(symbol)]
        # Keras counts from 1 here for a nested model, and only here.
        return [name, i + (name in nested), j]

    return {
        "layers": layers,
        "input_layers": map_structure(place, inputs),
        "output_layers": map_structure(place, outputs),
    }


def _function_config(part: Operation, call: Call) -> tuple[dict[str, Any], Any]:
    """A function of `ops` as Keras's class of that name, and how it is called."""
    name = getattr(call.function, "__name__", "")
    if FUNCTIONS.find(name) is not call.function:
        raise ValueError(
            f"The model holds a call of {name or call.function!r}, which no file can "
            "describe.\n"
            "Expected layers, and functions of cornu.ops.\n"
            "Put this call into the `call` method of a Layer class of your own."
        )
    bound = inspect.signature(call.function).bind(*call.args, **call.kwargs)
    args, rest, options, kwargs = [], True, {"name": part.name}, {}
    for parameter in bound.signature.parameters:
        if parameter not in _CALLED_WITH:
            if parameter in bound.arguments:
                options[parameter] = bound.arguments[parameter]
        elif parameter not in bound.arguments:
            rest = False
        elif rest:
            args.append(bound.arguments[parameter])
        else:
            kwargs[parameter] = bound.arguments[parameter]
    if any(isinstance(leaf, SymbolicTensor) for leaf in flatten(options)):
        raise ValueError(
            f"The call of {name} has a tensor among its options, which no file can "
            "describe.\nExpected tensors only where data goes in.\n"
            "Put this call into the `call` method of a Layer class of your own."
        )
    of_nn = call.function.__module__ == "cornu.ops.nn"
    where = _MODULES.get(name, "nn" if of_nn else "numpy")
    camel = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    config = {
        "module": f"keras.src.ops.{where}",
        "class_name": camel,
        "config": serialize_keras_object(options),
        "registered_name": camel,
    }
    return config, (args, kwargs)


# And back


def from_config(config: dict[str, Any]) -> tuple[Any, Any]:
    """The symbolic inputs and outputs of a DAG that `get_config` or Keras wrote.

    Args:
        config: dict with 'layers', 'input_layers' and 'output_layers'.

    Raises:
        ValueError: when a part is unknown, or calls refer to what is not there.
    """
    described = {each["name"]: each for each in config["layers"]}
    targets = {name: _target(each) for name, each in described.items()}
    made: dict[tuple[str, int], list[Any]] = {}
    waiting: list[tuple[str, int, Any]] = []
    for name, each in described.items():
        if isinstance(targets[name], InputLayer):
            made[name, 0] = [targets[name].output]  # pyright: ignore
        waiting += [(name, i, n) for i, n in enumerate(each.get("inbound_nodes", []))]
    while waiting:
        left = [each for each in waiting if not _connect(each, targets, made)]
        if len(left) == len(waiting):
            raise ValueError(
                "The model's description is not complete: the inputs of "
                f"{left[0][0]!r} are not in it.\n"
                "Expected calls that lead from the inputs to the outputs.\n"
                "Take the description from get_config() or to_json()."
            )
        waiting = left

    def symbol(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: symbol(each) for key, each in tree.items()}
        if len(tree) == 3 and isinstance(tree[0], str):
            name, i, j = tree
            nested = described[name]["class_name"] == "Functional"
            return made[name, max(i - nested, 0)][j]
        return [symbol(each) for each in tree]

    return symbol(config["input_layers"]), symbol(config["output_layers"])


def _target(described: dict[str, Any]) -> Callable[..., Any]:
    """The layer of a description, or what calls the function that it names."""
    module = str(described.get("module") or "")
    if not module.startswith("keras.src.ops."):
        layer = deserialize_keras_object(
            {k: v for k, v in described.items() if k not in ("name", "inbound_nodes")}
        )
        if not isinstance(layer, Layer):
            raise ValueError(
                f"{described['name']!r} in the model's description is "
                f"{type(layer).__name__}.\nExpected a layer.\n"
                "Take the description from get_config() or to_json()."
            )
        return layer
    wanted = described["class_name"].lower()
    for name, function in FUNCTIONS.items():
        if name.replace("_", "") == wanted:
            return _Function(function, described.get("config") or {})
    known = [name for name in FUNCTIONS if not name.startswith("_")]
    raise ValueError(
        f"The model calls keras.ops {described['class_name']!r}, which Cornu does not "
        f"have.\nExpected a function of cornu.ops.\n{nearest(wanted, known)}"
    )


class _Function:
    """A function of `ops` with the options that stand in a file."""

    def __init__(self, function: Callable[..., Any], config: dict[str, Any]) -> None:
        self.function = function
        self.name = config.get("name")
        self.options = deserialize_keras_object(
            {k: v for k, v in config.items() if k != "name"}
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        takes = inspect.signature(self.function).parameters
        positions = [name for name in takes if name in _CALLED_WITH]
        given = dict(zip(positions, args, strict=False))
        unknown = {k: v for k, v in self.options.items() if k not in takes}
        options = {k: v for k, v in self.options.items() if k in takes}
        asked = {k: v for k, v in unknown.items() if v not in (None, False)}
        if asked or len(given) != len(args):
            raise ValueError(
                f"The model calls {self.function.__name__} with {asked or args}, which "
                "Cornu's does not take.\n"
                f"Expected some of: {', '.join(takes)}.\n"
                "Build the model in Python, and load its weights alone."
            )
        return self.function(**given, **options, **kwargs)


def _connect(node: Any, targets: dict[str, Any], made: dict[Any, list[Any]]) -> bool:
    """Make one call of the DAG; False when its inputs are not there yet."""
    name, i, call = node
    args, kwargs = _arguments(call)
    missing = False

    def symbol(place: _Place) -> Any:
        nonlocal missing
        outputs = made.get((place.name, place.node))
        missing = missing or outputs is None
        return None if outputs is None else outputs[place.tensor]

    def value(leaf: Any) -> Any:
        return symbol(leaf) if isinstance(leaf, _Place) else leaf

    args, kwargs = map_structure(value, (args, kwargs))
    if missing:
        return False
    made[name, i] = flatten(targets[name](*args, **kwargs))
    return True


class _Place:
    """Which tensor is meant: output `tensor` of call `node` of the layer `name`."""

    def __init__(self, name: str, node: int, tensor: int) -> None:
        self.name, self.node, self.tensor = name, int(node), int(tensor)


def _arguments(call: Any) -> tuple[Any, Any]:
    """Arguments of a call in a description, with a `_Place` for each tensor."""
    if isinstance(call, list):  # as Keras 1 and 2 wrote it: [[name, node, tensor, {}]]
        places = [_Place(*each[:3]) for each in call]
        kwargs = call[0][3] if call and len(call[0]) > 3 else {}
        return (places[0] if len(places) == 1 else places,), kwargs

    def read(part: Any) -> Any:
        if isinstance(part, dict):
            if part.get("class_name") == "__keras_tensor__":
                return _Place(*part["config"]["keras_history"])
            if "class_name" in part:
                return deserialize_keras_object(part)
            return {key: read(each) for key, each in part.items()}
        return [read(each) for each in part] if isinstance(part, list) else part

    return tuple(read(list(call["args"]))), read(call["kwargs"])
