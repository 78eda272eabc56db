"""The DAG of a functional model: its operations in order, as plain data, and back.

The order is Keras's, for numbers in files count in it. Configurations are Keras's too:
a list of layers and functions, each with the calls that it is in (`inbound_nodes`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.graph.messages import nearest
from cornu.graph.symbolic import Call, SymbolicTensor, has_symbolic
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.tree import flatten, map_structure
from cornu.layers.core import InputLayer
from cornu.layers.layer import Layer
from cornu.serialization import deserialize_keras_object, serialize_keras_object

# Keras keeps each function of `ops` as a class. These arguments, and tensors, go to its
# call; all others go to its constructor.
_CALLED_WITH = {
    "a", "array", "beta", "bias", "choicelist", "condition", "condlist",
    "constant_values", "coordinates", "data", "default", "depthwise_kernel",
    "elements", "elems", "end_points", "gamma", "images", "indices", "inputs",
    "kernel", "key", "loop_vars", "mask", "mean", "operands", "output",
    "output_length", "pointwise_kernel", "predictions", "primals", "q", "query",
    "scale", "segment_ids", "sequence_lengths", "sorted_sequence", "start",
    "start_indices", "start_points", "step", "stop", "tangents", "target",
    "target_length", "targets", "transform", "updates", "value", "values",
    "variable", "variance", "x", "x1", "x2", "xs", "y",
}  # fmt: skip
_CALLED_WITH_TOO = {
    "average": {"weights"},
    "batch_normalization": {"offset"},
    "digitize": {"bins"},
    "full_like": {"fill_value"},
    "isclose": {"atol", "rtol"},
    "lstsq": {"b"},
    "solve": {"b"},
    "solve_triangular": {"b"},
}
_NOT_CALLED_WITH = {"trapezoid": {"x"}}
# Where Keras keeps those of Cornu's modules; all others are with NumPy's functions.
_ROOMS = {
    "attention": "nn", "convolution": "nn", "ctc": "nn", "image": "image",
    "image_colors": "image", "image_warps": "image", "image_windows": "image",
    "linalg": "linalg", "math": "math", "nn": "nn", "normalization": "nn",
    "pooling": "nn",
}  # fmt: skip
# Where it keeps some that are elsewhere, or by another name.
_PLACES = {
    "allclose": "numpy.AllClose",
    "associative_scan": "core.AssociativeScan",
    "batch_normalization": "nn.BatchNorm",
    "cast": "core.Cast",
    "cdist": "math.CDist",
    "cond": "core.Cond",
    "convert_to_tensor": "core.ConvertToTensor",
    "ctc_decode": "nn.CTCDecode",
    "ctc_loss": "nn.CTCLoss",
    "depth_to_space": "nn.DepthToSpace",
    "erf": "math.Erf",
    "erfc": "math.Erfc",
    "erfinv": "math.Erfinv",
    "extract_sequences": "math.ExtractSequences",
    "fft": "math.FFT",
    "fft2": "math.FFT2",
    "fold": "nn.Fold",
    "fori_loop": "core.ForiLoop",
    "hsv_to_rgb": "image.HSVToRGB",
    "ifft2": "math.IFFT2",
    "in_top_k": "math.InTopK",
    "irfft": "math.IRFFT",
    "isin": "numpy.IsIn",
    "istft": "math.ISTFT",
    "jvp": "linalg.JVP",
    "layer_normalization": "nn.LayerNorm",
    "logdet": "math.Logdet",
    "logsumexp": "math.Logsumexp",
    "map": "core.Map",
    "multi_hot": "nn.MultiHot",
    "norm": "linalg.Norm",
    "one_hot": "nn.OneHot",
    "psnr": "nn.PSNR",
    "rfft": "math.RFFT",
    "rgb_to_grayscale": "image.RGBToGrayscale",
    "rgb_to_hsv": "image.RGBToHSV",
    "rms_normalization": "nn.RMSNorm",
    "rsqrt": "math.Rsqrt",
    "saturate_cast": "core.SaturateCast",
    "scan": "core.Scan",
    "scatter": "core.Scatter",
    "scatter_update": "core.ScatterUpdate",
    "searchsorted": "numpy.SearchSorted",
    "segment_max": "math.SegmentMax",
    "segment_min": "math.SegmentMin",
    "segment_prod": "math.SegmentProd",
    "segment_sum": "math.SegmentSum",
    "sigmoid": "nn.Sigmoid",
    "slice": "core.Slice",
    "slice_update": "core.SliceUpdate",
    "slogdet": "numpy.Slogdet",
    "space_to_depth": "nn.SpaceToDepth",
    "sparsemax": "nn.Sparsemax",
    "ssim": "image.SSIM",
    "stft": "math.STFT",
    "stop_gradient": "core.StopGradient",
    "svd": "linalg.SVD",
    "switch": "core.Switch",
    "top_k": "math.TopK",
    "unfold": "nn.Unfold",
    "unstack": "core.Unstack",
    "vectorized_map": "core.VectorizedMap",
    "while_loop": "core.WhileLoop",
}
# Functions of Cornu's own, names for which Keras has no class, and functions of which
# its class is called in another way: only Cornu reads these.
_OWN = {
    "add_n", "bartlett", "blackman", "conv_general", "dot_general", "dropout",
    "dtype", "empty", "exponential", "gru_sequence", "hamming", "hanning", "invert",
    "kaiser", "linear", "lstm_sequence", "max_windows", "mish", "random_bits",
    "rearrange", "recurrence", "remainder", "rint", "round_to_even", "scatter_add",
    "simple_rnn_sequence", "static_slice", "window_sum",
}  # fmt: skip
# Numbers that say how large something will be. What a file says of them is bounded:
# constants of that size are made while the model is.
_COUNTS = {
    "M", "N", "fft_length", "minlength", "n", "num", "num_classes", "num_segments",
    "num_tokens", "output_size", "pad_width", "repeats", "sequence_length", "size",
}  # fmt: skip
_LARGEST_COUNT = 2**26


class Operation:
    """A layer, or one call of a function, with its calls in a model.

    Args:
        target: the layer, or the function.
        name: its name, by which tensors refer to it.
    """

    def __init__(self, target: Any, name: str) -> None:
        self.target, self.name = target, name
        self.calls: list[Any] = []  # Call objects; for an Input its symbolic tensor


def named_parts(parts: list[Operation]) -> list[Any]:
    """The layers of a DAG, and its functions as what has a name."""
    return [p.target if hasattr(p.target, "name") else p for p in parts]


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
    numbers: dict[str, int] = {}  # the last that was tried, for networks are deep
    for node, calls in found:
        if not isinstance(node, Call):
            operation = Operation(InputLayer(input_tensor=node), node.name)
        elif isinstance(node.function, Layer):
            operation = Operation(node.function, node.function.name)
        else:
            own = getattr(node.function, "name", "function")
            name = base = getattr(node.function, "__name__", own)
            while name in taken:
                numbers[base] = numbers.get(base, 0) + 1
                name = f"{base}_{numbers[base]}"
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
    if name in _OWN:
        config = {"module": "cornu.ops", "class_name": name, "registered_name": name}
        return {**config, "config": {"name": part.name}}, (call.args, call.kwargs)
    bound = inspect.signature(call.function).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    args: list[Any] = []
    options: dict[str, Any] = {"name": part.name}
    kwargs: dict[str, Any] = {}
    called = _CALLED_WITH | _CALLED_WITH_TOO.get(name, set())
    called, leading = called - _NOT_CALLED_WITH.get(name, set()), True
    for parameter, value in bound.arguments.items():
        about = bound.signature.parameters[parameter]
        if about.kind is inspect.Parameter.VAR_KEYWORD:
            options.update(value)
        elif about.kind is inspect.Parameter.VAR_POSITIONAL:
            args += value
        elif parameter not in called and not has_symbolic([value]):
            leading = False
            if value is not None or about.default is not None:
                options[parameter] = value  # Keras may lack what is not asked for
        elif leading:
            args.append(value)
        else:
            kwargs[parameter] = value
    if isinstance(options.get("newshape"), int):
        options["newshape"] = (options["newshape"],)  # Keras reads no other
    if name == "get_item":  # files know no tuples, so that lists must be arrays
        args[1:] = [_as_key(each) for each in args[1:]]
    module, camel = place_in_keras(name, call.function)
    config = {
        "module": f"keras.src.ops.{module}",
        "class_name": camel,
        "config": serialize_keras_object(options),
        "registered_name": camel,
    }
    return config, map_structure(_as_constant, (args, kwargs))


def _as_constant(leaf: Any) -> Any:
    """NumPy's numbers are arrays in a DAG: they have a dtype, plain numbers none."""
    return np.asarray(leaf) if isinstance(leaf, np.generic) else leaf


def place_in_keras(name: str, function: Any) -> tuple[str, str]:
    """The module and the name of Keras's class for a function of ops."""
    if name in _PLACES:
        module, _, camel = _PLACES[name].partition(".")
        return module, camel
    module = _ROOMS.get(function.__module__.removeprefix("cornu.ops."), "numpy")
    return module, "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _as_key(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(_as_key(part) for part in key)
    return np.array(key) if isinstance(key, list) else key


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
    made = _connected(described, targets)

    def symbol(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: symbol(each) for key, each in tree.items()}
        if len(tree) == 3 and isinstance(tree[0], str):
            name, i, j = tree
            nested = described[name]["class_name"] == "Functional"
            return made[name, max(i - nested, 0)][j]
        return type(tree)([symbol(each) for each in tree])

    return symbol(config["input_layers"]), symbol(config["output_layers"])


def _forget_default(target: Any, kwargs: dict[str, Any]) -> None:
    """Drop what Keras notes of a layer's own `training=True`: models overrule that."""
    told = kwargs.get("training")
    if isinstance(target, Layer) and told == target._training_by_default():
        kwargs.pop("training", None)


def _connected(described: dict[str, Any], targets: dict[str, Any]) -> dict[Any, Any]:
    """Make all calls, each once its inputs are there; their outputs by (name, call)."""
    made: dict[tuple[str, int], list[Any]] = {}
    calls: dict[tuple[str, int], Any] = {}
    waiting: dict[tuple[str, int], int] = {}
    needed_by: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for name, each in described.items():
        for i, node in enumerate(each.get("inbound_nodes") or []):
            args, kwargs = calls[name, i] = _arguments(node)
            leaves = flatten([args, kwargs])
            needs = {(p.name, p.node) for p in leaves if isinstance(p, _Place)}
            if i:
                needs.add((name, i - 1))  # so that calls keep their numbers
            waiting[name, i] = len(needs)
            for key in needs:
                needed_by.setdefault(key, []).append((name, i))
    ready = [key for key, count in waiting.items() if not count]
    for name, target in targets.items():
        if isinstance(target, InputLayer):
            made[name, 0] = [target.output]
            ready += _freed((name, 0), waiting, needed_by)
    ready.reverse()
    while ready:
        key = ready.pop()
        args, kwargs = calls[key]
        _forget_default(targets[key[0]], kwargs)
        made[key] = _called(key[0], targets[key[0]], args, kwargs, made)
        ready += reversed(_freed(key, waiting, needed_by))
    missing = [name for name, i in calls if (name, i) not in made]
    if missing:
        raise ValueError(
            "The model's description is not complete: the inputs of "
            f"{missing[0]!r} are not in it.\n"
            "Expected calls that lead from the inputs to the outputs.\n"
            "Take the description from get_config() or to_json()."
        )
    return made


def _freed(key: Any, waiting: dict[Any, int], needed_by: dict[Any, Any]) -> list[Any]:
    """The calls that waited for this one alone."""
    freed = []
    for each in needed_by.get(key, []):
        waiting[each] -= 1
        if not waiting[each]:
            freed.append(each)
    return freed


def _called(
    name: str, target: Any, args: Any, kwargs: Any, made: dict[Any, list[Any]]
) -> list[Any]:
    def value(leaf: Any) -> Any:
        return made[leaf.name, leaf.node][leaf.tensor] if _is_place(leaf) else leaf

    args, kwargs = map_structure(value, (args, kwargs))
    symbols = [s for s in flatten([args, kwargs]) if isinstance(s, SymbolicTensor)]
    if not symbols:
        raise ValueError(
            f"{name!r} in the model's description is called without a tensor.\n"
            "Expected calls that lead from the inputs to the outputs.\n"
            "Take the description from get_config() or to_json()."
        )
    _refuse_huge(name, target, symbols, kwargs)
    return flatten(target(*args, **kwargs))


def _refuse_huge(name: str, target: Any, symbols: list[Any], kwargs: Any) -> None:
    """Raise where sizes that a file gives would fill the memory at once."""
    settings = vars(target) if isinstance(target, Layer) else target.options
    given = [v for k, v in {**settings, **kwargs}.items() if k in _COUNTS]
    counts = [n for n in flatten(given) if isinstance(n, int) and n > 0]
    if not counts:
        return
    axes = [n for symbol in symbols for n in symbol.shape if n]
    times = bool({"output_size", "repeats", "size"} & set(settings))
    total = max(axes, default=1) * max(counts) if times else sum(counts)
    if total > _LARGEST_COUNT:
        raise ValueError(
            f"{name!r} in the model's description asks for {total} elements along one "
            f"axis.\nExpected no more than {_LARGEST_COUNT} in a file.\n"
            "Do not use this file: it is damaged, or meant to fill your memory."
        )


def _target(described: dict[str, Any]) -> Callable[..., Any]:
    """The layer of a description, or what calls the function that it names."""
    module = str(described.get("module") or "")
    if not module.startswith("keras.src.ops.") and module != "cornu.ops":
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
    wanted = str(described["class_name"])
    FUNCTIONS.find("abs")  # which has them all loaded
    named = {place.partition(".")[2]: name for name, place in _PLACES.items()}
    plain = wanted.lower().replace("_", "")
    for name, function in FUNCTIONS.items():
        if name == named.get(wanted) or name.replace("_", "") == plain:
            return _Function(function, described.get("config") or {}, module)
    known = [name for name in FUNCTIONS if not name.startswith("_")]
    raise ValueError(
        f"The model calls keras.ops {wanted!r}, which Cornu does not have.\n"
        f"Expected a function of cornu.ops.\n{nearest(plain, known)}"
    )


class _Function:
    """A function of `ops` with the options that stand in a file.

    Args:
        function: the function.
        config: its description.
        module: where it is found; one of Cornu's own is called as it was.
    """

    def __init__(
        self, function: Callable[..., Any], config: dict[str, Any], module: str
    ) -> None:
        self.function = function
        self.as_it_was = module == "cornu.ops"
        self.options = deserialize_keras_object(
            {k: v for k, v in config.items() if k != "name"}
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.as_it_was:
            return self.function(*args, **kwargs)
        takes = inspect.signature(self.function).parameters
        several = {p.kind for p in takes.values()} & {inspect.Parameter.VAR_POSITIONAL}
        positions = [name for name in takes if name not in self.options]
        given = {} if several else dict(zip(positions, args, strict=False))
        unknown = {k: v for k, v in self.options.items() if k not in takes}
        options = {k: v for k, v in self.options.items() if k in takes}
        asked = {k: v for k, v in unknown.items() if v not in (None, False)}
        if asked or (len(given) != len(args) and not several):
            raise ValueError(
                f"The model calls {self.function.__name__} with {asked or args}, which "
                "Cornu's does not take.\n"
                f"Expected some of: {', '.join(takes)}.\n"
                "Build the model in Python, and load its weights alone."
            )
        if several:  # einsum(subscripts, *operands)
            named = {
                k: options.pop(k)
                for k in list(options)
                if takes[k].kind is inspect.Parameter.KEYWORD_ONLY
            }
            return self.function(*options.values(), *args, **named, **kwargs)
        if isinstance(given.get("key"), list):
            given["key"] = tuple(given["key"])  # of a file, which has lists only
        return self.function(**given, **options, **kwargs)


class _Place:
    """Which tensor is meant: output `tensor` of call `node` of the layer `name`."""

    def __init__(self, name: str, node: int, tensor: int) -> None:
        self.name, self.node, self.tensor = name, int(node), int(tensor)


def _is_place(leaf: Any) -> bool:
    return isinstance(leaf, _Place)


def _arguments(call: Any) -> tuple[Any, Any]:
    """Arguments of a call in a description, with a `_Place` for each tensor."""

    def read(part: Any) -> Any:
        if isinstance(part, dict):
            if part.get("class_name") == "__keras_tensor__":
                return _Place(*part["config"]["keras_history"])
            if "class_name" in part:
                return deserialize_keras_object(part)
            return {key: read(each) for key, each in part.items()}
        if isinstance(part, (list, tuple)):
            return type(part)([read(each) for each in part])
        return part

    return tuple(read(list(call["args"]))), read(call["kwargs"])
