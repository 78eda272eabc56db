"""How each operation is written in NumPy: one short function per operation.

A lowering gets the writer and the node, and writes lines. Operations without one call
their NumPy meaning and copy the result: correct, and easy to improve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cornu.engines.numpy import blas, sparse, windows
from cornu.engines.numpy.layout import Factor, factors, in_shape, view_of
from cornu.graph.node import Node, Value
from cornu.graph.op import OPS
from cornu.graph.spec import Spec, is_float

if TYPE_CHECKING:
    from cornu.engines.numpy.planner import Plan
    from cornu.engines.numpy.writer import Writer

# Element-wise functions of NumPy that take `out=`. The result may overwrite any input.
UFUNCS = {
    name: f"np.{name}"
    for name in [
        "absolute",
        "add",
        "ceil",
        "cos",
        "equal",
        "exp",
        "expm1",
        "floor",
        "greater",
        "greater_equal",
        "isfinite",
        "less",
        "less_equal",
        "log",
        "log1p",
        "logical_and",
        "logical_not",
        "logical_or",
        "maximum",
        "minimum",
        "multiply",
        "negative",
        "not_equal",
        "sign",
        "sin",
        "sqrt",
        "subtract",
        "tanh",
        "true_divide",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "bitwise_not",
        "floor_divide",
        "mod",
    ]
}
UFUNCS |= {
    "round_to_even": "np.rint",
    "bitwise_left_shift": "np.left_shift",
    "bitwise_right_shift": "np.right_shift",
}


def shares(node: Node) -> Sequence[int]:
    """Positions of the inputs whose memory the result may take over."""
    name = node.op.name
    if name in UFUNCS or name == "sigmoid":
        return range(len(node.inputs))
    if name == "power" and node.outputs[0].dtype.startswith("float"):
        return (0, 1)
    if name == "where":
        return (1, 2)
    if name == "fusion":
        return range(len(node.inputs))
    return (0,) if name == "scatter_add" else ()


def scratch(plan: Plan, node: Node) -> list[Spec]:
    """Extra memory that a node needs while it runs."""
    match node.op.name:
        case "where":
            shape, dtype = node.inputs[0].shape, "bool"
            if _by_bits(node) and not any(_is_zero(plan, v) for v in node.inputs[1:]):
                dtype = _bits(node)
            return [Spec(shape, dtype)]
        case "argmax" | "argmin":
            return [Spec(node.outputs[0].shape, "int64")]
        case "dot_general":
            sides = _factors(plan, node)
            return [
                Spec(side.copied, node.outputs[0].dtype)
                for side in sides
                if side.copied is not None
            ]
        case "conv" | "conv_input_grad" | "conv_kernel_grad":
            return [Spec((_Convolution(node).scratch,), node.outputs[0].dtype)]
        case "window_argmax":
            return [Spec(node.outputs[0].shape, "bool")] * 2
        case "window_put":
            g = node.inputs[0].spec
            return [Spec(g.shape, "bool"), g]
        case "scan":
            return [Spec((plan.body(node, "body").nbytes,), "uint8")]
        case "cond" | "while_loop":
            of_cond = node.op.name == "cond"
            names = ("on_true", "on_false") if of_cond else ("condition", "body")
            bodies = [plan.body(node, p) for p in names]
            return [Spec((max(b.nbytes for b in bodies),), "uint8")]
    return []


def lower(w: Writer, node: Node) -> None:
    """Write the lines of one node."""
    function = UFUNCS.get(node.op.name)
    if function is not None:
        texts = ", ".join(w.text(v) for v in node.inputs)
        w.line(f"{function}({texts}, out={w.out(node)})", node)
        return
    LOWERINGS.get(node.op.name, _by_meaning)(w, node)


LOWERINGS: dict[str, Callable[[Writer, Node], None]] = {**sparse.LOWERINGS}


def lowering(name: str) -> Callable[[Any], Any]:
    """Enter a function as the lowering of an operation."""

    def enter(function: Any) -> Any:
        LOWERINGS[name] = function
        return function

    return enter


def _by_meaning(w: Writer, node: Node) -> None:
    function = w.helper(OPS[node.op.name].numpy)
    params = [f"{k}={_param(v)}" for k, v in node.params.items()]
    call = f"{function}({', '.join([*(w.array(v) for v in node.inputs), *params])})"
    if len(node.outputs) == 1:
        w.line(f"{w.out(node)}[...] = {call}", node)
        return
    w.line(f"results = {call}", node)
    for i in range(len(node.outputs)):
        w.line(f"{w.out(node, i)}[...] = results[{i}]", node)


def _param(value: Any) -> str:
    if isinstance(value, (bool, int, float, str, tuple, type(None), slice)):
        if isinstance(value, float) and not np.isfinite(value):
            return f"float('{value}')"
        return repr(value)
    raise TypeError(
        f"The parameter {value!r} cannot be written into a program.\n"
        "Expected numbers, strings and tuples.\n"
        "Give the operation a lowering in cornu/engines/numpy/lowerings.py."
    )


# One pass over memory


@lowering("fusion")
def _fusion(w: Writer, node: Node) -> None:
    body = node.params["body"]
    arrays = [w.array(v) for v in node.inputs]
    outs = [w.out(node, i) for i in range(len(node.outputs))]
    name = w.fusion(body, outs[-1])
    w.line(f"{name}({', '.join([*arrays, *outs])})", node)


# Moving


def _copy_of_view(w: Writer, node: Node) -> None:
    """A reshape of something that does not lie in order: copied into order."""
    out, source = w.out(node), w.array(node.inputs[0])
    w.line(f"{out}{in_shape(node.inputs[0].shape)}[...] = {source}", node)


LOWERINGS["reshape"] = _copy_of_view


@lowering("broadcast_to")
@lowering("transpose")
@lowering("slice")
@lowering("flip")
@lowering("identity")
@lowering("stop_gradient")
def _view_copied(w: Writer, node: Node) -> None:
    found = view_of(node, np.empty(node.inputs[0].shape))
    text = found[1] if found else ""
    w.line(f"{w.out(node)}[...] = {w.array(node.inputs[0])}{text}", node)


@lowering("cast")
def _cast(w: Writer, node: Node) -> None:
    source = w.array(node.inputs[0])
    w.line(f"np.copyto({w.out(node)}, {source}, casting='unsafe')", node)


@lowering("concatenate")
def _concatenate(w: Writer, node: Node) -> None:
    parts = ", ".join(w.array(v) for v in node.inputs)
    axis = node.params["axis"]
    w.line(f"np.concatenate([{parts}], axis={axis}, out={w.out(node)})", node)


@lowering("pad")
def _pad(w: Writer, node: Node) -> None:
    source, out = node.inputs[0], w.out(node)
    cut, inner = [], []
    for n, (lo, hi) in zip(source.shape, node.params["pads"], strict=True):
        cut.append(f"{max(0, -lo)}:{n - max(0, -hi)}")
        inner.append(f"{max(0, lo)}:{max(0, lo) + n + min(0, lo) + min(0, hi)}")
    if any(lo > 0 or hi > 0 for lo, hi in node.params["pads"]):
        w.line(f"{out}.fill({_param(node.params['value'])})", node)
    into, part = ", ".join(inner) or "...", ", ".join(cut) or "..."
    w.line(f"{out}[{into}] = {w.array(source)}[{part}]", node)


@lowering("slice_grad")
def _slice_grad(w: Writer, node: Node) -> None:
    p, out = node.params, w.out(node)
    parts = zip(p["starts"], p["stops"], p["steps"], strict=True)
    index = ", ".join(f"{a}:{b}:{c}" for a, b, c in parts)
    w.line(f"{out}.fill(0)", node)
    w.line(f"{out}[{index}] = {w.array(node.inputs[0])}", node)


# Element by element, beyond what one function does


# `np.copyto(where=)` and `np.where` branch at each element. Where the condition is as
# good as random, as the signs of activities are, that costs twenty times what moving
# the elements does. So big arrays are chosen from by their bits: `x where c, else 0` is
# the bits of x times 0 or 1, whatever x is, NaN included; and `a where c, else b` is
# b ^ ((a ^ b) & -c).
_MANY = 4096


def _by_bits(node: Node) -> bool:
    return node.outputs[0].spec.size > _MANY


def _bits(node: Node) -> str:
    return f"int{8 * np.dtype(node.outputs[0].dtype).itemsize}"


def _is_zero(plan: Plan, value: Value) -> bool:
    """Whether all bits of a value are known to be 0 (those of -0.0 are not)."""
    if plan.home(value).place.kind != "literal":
        return False
    source = plan.home(value).place.value.node
    return source is not None and not any(source.params["value"].array.tobytes())


def _where_by_bits(w: Writer, node: Node) -> None:
    condition, yes, no = node.inputs
    bits = _bits(node)
    out, mask = w.bits(node.outputs[0], bits), w.text(condition)
    (extra,) = w.scratch(node)
    if _is_zero(w.plan, no):
        w.line(f"np.multiply({w.bits(yes, bits)}, {mask}, out={out})", node)
    elif _is_zero(w.plan, yes):
        w.line(f"np.logical_not({mask}, out={extra})")
        w.line(f"np.multiply({w.bits(no, bits)}, {extra}, out={out})", node)
    else:
        other = no
        w.line(f"np.subtract(0, {mask}, out={extra}, dtype='{bits}')")
        if w.same(no, node.outputs[0]):
            other = yes  # what `no` holds is overwritten first
            w.line(f"np.invert({extra}, out={extra})")
        w.line(f"np.bitwise_xor({w.bits(yes, bits)}, {w.bits(no, bits)}, out={out})")
        w.line(f"np.bitwise_and({out}, {extra}, out={out})")
        w.line(f"np.bitwise_xor({out}, {w.bits(other, bits)}, out={out})", node)


@lowering("where")
def _where(w: Writer, node: Node) -> None:
    condition, yes, no = node.inputs
    if w.same(yes, node.outputs[0]) and w.same(no, node.outputs[0]):
        return  # both are one, which is the result
    if _by_bits(node):
        _where_by_bits(w, node)
        return
    out, mask = w.out(node), w.text(condition)
    if w.same(yes, node.outputs[0]):
        (other,) = w.scratch(node)
        w.line(f"np.logical_not({mask}, out={other})")
        w.line(f"np.copyto({out}, {w.text(no)}, where={other})", node)
        return
    if not w.same(no, node.outputs[0]):
        w.line(f"np.copyto({out}, {w.text(no)})", node)
    w.line(f"np.copyto({out}, {w.text(yes)}, where={mask})", node)


@lowering("sigmoid")
def _sigmoid(w: Writer, node: Node) -> None:
    out = w.out(node)
    w.line(f"np.negative({w.text(node.inputs[0])}, out={out})", node)
    w.line(f"np.exp({out}, out={out})", node)
    w.line(f"np.add({out}, 1, out={out})", node)
    w.line(f"np.reciprocal({out}, out={out})", node)


@lowering("power")
def _power(w: Writer, node: Node) -> None:
    if not node.outputs[0].dtype.startswith("float"):
        _by_meaning(w, node)
        return
    texts = ", ".join(w.text(v) for v in node.inputs)
    w.line(f"np.power({texts}, out={w.out(node)})", node)


# Reductions

_REDUCE = {"reduce_sum": "add", "reduce_prod": "multiply"}
_REDUCE |= {"reduce_max": "maximum", "reduce_min": "minimum"}


def _reduce(w: Writer, node: Node) -> None:
    function = _REDUCE[node.op.name]
    axis, keep = node.params["axis"], node.params["keepdims"]
    axis = axis[0] if len(axis) == 1 else axis
    options = f"axis={axis}" + (", keepdims=True" if keep else "")
    # NumPy would add small integers and booleans in int64.
    dtype = node.outputs[0].dtype
    if function in ("add", "multiply") and not is_float(dtype) and dtype != "int64":
        options += f", dtype='{dtype}'"
    source = w.array(node.inputs[0])
    w.line(f"np.{function}.reduce({source}, {options}, out={w.out(node)})", node)


for _name in _REDUCE:
    LOWERINGS[_name] = _reduce


@lowering("argmax")
@lowering("argmin")
def _arg(w: Writer, node: Node) -> None:
    (wide,) = w.scratch(node)
    source, axis = w.array(node.inputs[0]), node.params["axis"]
    w.line(f"np.{node.op.name}({source}, axis={axis}, out={wide})", node)
    w.line(f"np.copyto({w.out(node)}, {wide}, casting='unsafe')", node)


@lowering("cumsum")
def _cumsum(w: Writer, node: Node) -> None:
    if node.params["reverse"]:
        _by_meaning(w, node)
        return
    source, axis = w.array(node.inputs[0]), node.params["axis"]
    w.line(f"np.cumsum({source}, axis={axis}, out={w.out(node)})", node)


# Products


def _factors(plan: Plan, node: Node) -> tuple[Factor, Factor]:
    return factors(node, *(plan.home(v).array for v in node.inputs))


@lowering("dot_general")
def _dot_general(w: Writer, node: Node) -> None:
    extra = iter(w.scratch(node))
    texts = []
    for side, value in zip(_factors(w.plan, node), node.inputs, strict=True):
        name = w.array(value)
        if side.copied is not None:
            ordered = next(extra)
            w.line(f"{ordered}[...] = {name}{side.turned}", node)
            name = ordered
        texts.append(name + side.text)
    out = w.out(node)
    (ca, _), (ba, bb) = node.params["contract"], node.params["batch"]
    a, b = node.inputs
    free = a.ndim - len(ca) - len(ba), b.ndim - len(ca) - len(bb)
    if free != (1, 1):
        groups = [a.shape[i] for i in ba]
        fa = [n for i, n in enumerate(a.shape) if i not in ca and i not in ba]
        rows = int(np.prod(fa, dtype=np.int64))
        size = int(np.prod(groups, dtype=np.int64)) * rows
        columns = node.outputs[0].spec.size // size if size else blas.columns_of(node)
        out += in_shape([*groups, rows, columns])
    if w.plan.on_kernels and blas.is_beaten_at(node):
        w.line(f"{w.kernel('matmul')}({', '.join(texts)}, {out})", node)
    else:
        w.line(f"np.matmul({', '.join(texts)}, out={out})", node)


# Windows


class _Convolution:
    """How one of the three convolutions runs: block by block of samples.

    Attributes:
        apart: whether each channel is convolved by itself, without products.
        block: how many samples are dealt with at a time.
        turned: whether windows are copied tap by tap, instead of place by place.
        scratch: elements of extra memory.
    """

    def __init__(self, node: Node) -> None:
        p, kind = node.params, node.op.name
        values = [v.shape for v in (*node.inputs, *node.outputs)]
        order = {"conv": (0, 1, 2), "conv_input_grad": (2, 1, 0)}
        x, kernel, y = (values[i] for i in order.get(kind, (0, 2, 1)))
        groups, channels = p["groups"], kernel[-2]
        self.apart = groups > 1 and channels == 1
        border = 0
        if any(map(any, p["padding"])):
            sizes = zip(x[1:-1], p["padding"], strict=True)
            border = math.prod(n + lo + hi for n, (lo, hi) in sizes) * x[-1]
        places, taps = math.prod(y[1:-1]), math.prod(kernel[:-2])
        if self.apart:
            each = places * (x[-1] if kind == "conv_input_grad" else y[-1])
        else:
            each = places * channels * (1 if kind == "conv_input_grad" else taps)
        size = np.dtype(node.outputs[0].dtype).itemsize
        limit = _FEW_BYTES if self.apart else _MANY_BYTES
        self.block = max(1, min(x[0], limit // max(1, (border + each) * size)))
        self.scratch = self.block * (border + each)
        if kind == "conv_kernel_grad":
            self.scratch += y[-1] if self.apart else y[-1] // groups * taps * channels
        together = channels * (kernel[-3] if p["dilation"][-1] == 1 else 1)
        self.turned = together < 12


# Windows that are copied for one product may take so many bytes; what is worked on
# element by element should stay near.
_MANY_BYTES, _FEW_BYTES = 2**24, 2**18


@lowering("conv")
@lowering("conv_input_grad")
@lowering("conv_kernel_grad")
def _conv(w: Writer, node: Node) -> None:
    how, kind = _Convolution(node), node.op.name
    name = kind.replace("conv", "depthwise" if how.apart else "convolve", 1)
    params = {k: node.params[k] for k in ("strides", "padding", "dilation")}
    params |= {} if how.apart else {"groups": node.params["groups"]}
    params["block"] = how.block
    if not how.apart and kind != "conv_input_grad":
        params["turned"] = how.turned
    w.helper(windows.windows_of)
    w.helper(windows.bordered)
    if kind != "conv_input_grad":
        w.helper(windows.blocks_of)
        w.helper(windows.side_by_side)
    _by_window_function(w, node, getattr(windows, name), params, ["scratch"])


@lowering("window_argmax")
def _window_argmax(w: Writer, node: Node) -> None:
    w.helper(windows.seen_by)
    names = ["miss", "free"]
    _by_window_function(w, node, windows.first_of_maximum, node.params, names)


@lowering("window_put")
def _window_put(w: Writer, node: Node) -> None:
    w.helper(windows.seen_by)
    params = {k: v for k, v in node.params.items() if k != "sizes"}
    _by_window_function(w, node, windows.put_at_taps, params, ["hit", "part"])


@lowering("window_sum_grad")
def _window_sum_grad(w: Writer, node: Node) -> None:
    w.helper(windows.seen_by)
    params = {k: v for k, v in node.params.items() if k != "sizes"}
    _by_window_function(w, node, windows.spread_over_windows, params, [])


def _by_window_function(
    w: Writer,
    node: Node,
    function: Callable[..., Any],
    params: dict[str, Any],
    extra: list[str],
) -> None:
    """One call of a function of `windows.py`, with names for its extra memory."""
    out = w.out(node)
    if not node.outputs[0].spec.size or not all(v.spec.size for v in node.inputs):
        w.line(f"{out}.fill(0)", node)
        return
    arguments = [w.array(v) for v in node.inputs]
    arguments += [f"{k}={_param(v)}" for k, v in params.items()]
    scratches = zip(extra, w.scratch(node), strict=True)
    arguments += [f"{k}={name}" for k, name in scratches]
    w.line(f"{w.helper(function)}({', '.join(arguments)}, out={out})", node)


# By index


@lowering("gather")
def _gather(w: Writer, node: Node) -> None:
    x, indices = (w.array(v) for v in node.inputs)
    axis = node.params["axis"]
    w.line(f"np.take({x}, {indices}, axis={axis}, out={w.out(node)})", node)


@lowering("sort")
def _sort(w: Writer, node: Node) -> None:
    out = w.out(node)
    w.line(f"np.copyto({out}, {w.array(node.inputs[0])})", node)
    w.line(f"{out}.sort(axis={node.params['axis']}, kind='stable')", node)


# With sub-graphs


@lowering("scan")
def _scan(w: Writer, node: Node) -> None:
    p = node.params
    body, n_carry, n_xs = p["body"], p["n_carry"], p["n_xs"]
    carry = [w.out(node, i) for i in range(n_carry)]
    for name, value in zip(carry, node.inputs, strict=False):
        w.line(f"np.copyto({name}, {w.text(value)})", node)
    stacks = [w.out(node, i) for i in range(n_carry, len(node.outputs))]
    # Named before the loop: a view may need a line of its own.
    given = [w.array(v) for v in node.inputs[n_carry:]]
    steps = f"{p['length']}"
    steps = f"reversed(range({steps}))" if p["reverse"] else f"range({steps})"
    t = w.fresh("t")
    w.line(f"for {t} in {steps}:", node)
    with w.inside(node, "body") as inner:
        for i, value in enumerate(body.inputs):
            if i < n_carry:
                inner.call(value, carry[i])
            elif i < n_carry + n_xs:
                # An array also where one step is a single number.
                inner.call(value, f"{given[i - n_carry]}[{t}, ...]", wish="x_t")
            else:
                inner.call(value, given[i - n_carry])
        late = []
        for stack, value in zip(stacks, body.outputs[n_carry:], strict=True):
            if id(value) in inner.plan.early:
                inner.line(f"{stack}[{t}, ...] = {inner.text(value)}")
            elif id(value) in inner.plan.stacked and id(value) not in inner.called:
                inner.call(value, f"{stack}[{t}, ...]", wish="y_t")
            else:
                late.append((stack, value))
        inner.nodes()
        for stack, value in late:
            inner.line(f"{stack}[{t}, ...] = {inner.text(value)}")
        copies = inner.plan.copies
        names = [inner.called[id(slot.before)] for slot in copies]
        inner.assign_all(names, [s.after for s in copies if s.after is not None])


@lowering("cond")
def _cond(w: Writer, node: Node) -> None:
    outs = [w.out(node, i) for i in range(len(node.outputs))]
    given = [w.array(v) for v in node.inputs[1:]]  # views are named before the branch
    for keyword, param in (("if", "on_true"), ("else", "on_false")):
        test = f" {w.text(node.inputs[0])}" if keyword == "if" else ""
        w.line(f"{keyword}{test}:", node)
        body = node.params[param]
        with w.inside(node, param) as inner:
            for value, name in zip(body.inputs, given, strict=True):
                inner.call(value, name)
            inner.nodes()
            inner.assign_all(outs, body.outputs)
            if not outs:
                inner.line("pass")


@lowering("while_loop")
def _while_loop(w: Writer, node: Node) -> None:
    n, limit = node.params["n_carry"], node.params["limit"]
    carry = [w.out(node, i) for i in range(n)]
    for name, value in zip(carry, node.inputs, strict=False):
        w.line(f"np.copyto({name}, {w.text(value)})", node)
    given = [w.array(v) for v in node.inputs[n:]]
    w.line("while True:" if limit is None else f"for _ in range({limit}):", node)
    for param in ("condition", "body"):
        graph = node.params[param]
        with w.inside(node, param) as inner:
            for value, name in zip(graph.inputs, [*carry, *given], strict=True):
                inner.call(value, name)
            inner.nodes()
            if param == "condition":
                inner.line(f"if not {inner.text(graph.outputs[0])}:")
                inner.line("    break")
            else:
                inner.assign_all(carry, graph.outputs)
