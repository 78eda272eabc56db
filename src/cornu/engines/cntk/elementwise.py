"""Element by element."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cornu.engines.cntk import elementary
from cornu.engines.cntk.table import (
    LOWERINGS,
    SMALL,
    in_wider,
    lowering,
    reshape,
)
from cornu.engines.cntk.writer import Name, Writer, element
from cornu.engines.library import by_name
from cornu.graph import Node, Spec


def _plain(op: str) -> Callable[..., Name]:
    return lambda *values: values[0].writer.add(op, *values)


def _truth(op: str) -> Callable[..., Name]:
    return lambda *values: values[0].writer.add(op, *values, dtype="bool")


def _single(function: Callable[..., Name]) -> Callable[..., Name]:
    """In float32 at least: compositions leave the range of float16."""
    return lambda *values: in_wider(function, {"float16": "float32"}, *values)


LOWERINGS |= by_name(
    {
        "to_dense": lambda x: x,
        "identity": lambda x: x,
        "stop_gradient": lambda x: x,
        "absolute": lambda x: x if x.dtype == "bool" else x.do("Abs"),
        "floor": _plain("Floor"),
        "ceil": _plain("Ceil"),
        "round_to_even": _plain("Round"),
        "exp": _plain("Exp"),
        "log": _plain("Log"),
        "sqrt": _plain("Sqrt"),
        "sin": _plain("Sin"),
        "cos": _plain("Cos"),
        "tanh": _plain("Tanh"),
        "true_divide": _plain("Div"),
        "tan": lambda x: x.do("Sin") / x.do("Cos"),
        "exp2": lambda x: x.writer.constant(2, x.dtype).do("Pow", x),
        "log2": lambda x: x.do("Log") / math.log(2),
        "log10": lambda x: x.do("Log") / math.log(10),
        # ONNX Runtime's own is cut off at the ends.
        "sigmoid": lambda x: ((-x).do("Exp") + 1).do("Reciprocal"),
        "expm1": _single(elementary.expm1),
        "log1p": _single(elementary.log1p),
        "sinh": _single(elementary.sinh),
        "cosh": _single(elementary.cosh),
        "arcsinh": _single(elementary.arcsinh),
        "arccosh": _single(elementary.arccosh),
        "arctanh": _single(elementary.arctanh),
        "arcsin": _single(elementary.arcsin),
        "arccos": _single(elementary.arccos),
        "arctan": _single(elementary.arctan),
        "arctan2": _single(elementary.arctan2),
        "hypot": _single(elementary.hypot),
        "logaddexp": _single(elementary.logaddexp),
        "logaddexp2": _single(elementary.logaddexp2),
        "erfc": elementary.erfc,
        "erfinv": elementary.erfinv,
        "i0": elementary.i0,
        "erf": lambda x: elementary.erf(x) if x.dtype == "float64" else x.do("Erf"),
        "cbrt": lambda x: elementary.with_sign(x.do("Abs").do("Pow", 1 / 3), x),
        "signbit": elementary.negative,
        "trunc": lambda x: x.writer.where(x < 0, x.do("Ceil"), x.do("Floor")),
    }
)


@lowering("constant")
def _constant(onnx: Writer, node: Node) -> Name:
    return onnx.constant(node.params["value"].array)


@lowering("cast")
def _cast(onnx: Writer, node: Node, x: Name) -> Name:
    dtype = node.params["dtype"]
    if dtype == "bool" and x.dtype.startswith("float"):
        return ~x.same(0)
    if dtype.startswith("uint") and x.dtype.startswith("float"):
        return x.cast("int64").cast(dtype)
    return x.cast(dtype)


@lowering("negative", "sign")
def _negative(onnx: Writer, node: Node, x: Name) -> Name:
    op = {"negative": "Neg", "sign": "Sign"}[node.op.name]
    if op == "Sign" and x.dtype.startswith("float"):
        return onnx.where(x.do("IsNaN", dtype="bool"), x, x.do("Sign"))
    return in_wider(lambda x: x.do(op), SMALL, x)


@lowering("add", "subtract", "multiply", "maximum", "minimum")
def _arithmetic(onnx: Writer, node: Node, a: Name, b: Name) -> Name:
    name = node.op.name
    if a.dtype == "bool":
        return (a & b) if name in ("multiply", "minimum") else (a | b)
    op = {"add": "Add", "subtract": "Sub", "multiply": "Mul"}.get(
        name, name[:3].title()
    )
    wide = {"int16": "int32", "uint16": "int32"} if op in ("Max", "Min") else {}
    return in_wider(lambda a, b: onnx.add(op, a, b), wide, a, b)


@lowering("isfinite")
def _isfinite(onnx: Writer, node: Node, x: Name) -> Name:
    if not x.dtype.startswith("float"):
        return x.same(x)
    return ~(x.do("IsNaN", dtype="bool") | x.do("IsInf", dtype="bool"))


@lowering("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
def _compare(onnx: Writer, node: Node, a: Name, b: Name) -> Name:
    name = node.op.name
    if name in ("equal", "not_equal"):
        found = a.same(b)
        return ~found if name == "not_equal" else found
    op = {
        "less": "Less",
        "less_equal": "LessOrEqual",
        "greater": "Greater",
        "greater_equal": "GreaterOrEqual",
    }[name]
    a, b = (v.cast("int32") if v.dtype == "bool" else v for v in (a, b))
    return onnx.add(op, a, b, dtype="bool")


@lowering("logical_and", "logical_or", "logical_not")
def _logical(onnx: Writer, node: Node, *values: Name) -> Name:
    op = node.op.name.removeprefix("logical_").title()
    truths = [v if v.dtype == "bool" else ~v.same(0) for v in values]
    return onnx.add(op, *truths)


@lowering("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not")
def _bits(onnx: Writer, node: Node, *values: Name) -> Name:
    op = node.op.name.removeprefix("bitwise_").title()
    if values[0].dtype != "bool":
        op = f"Bitwise{op}"
    return onnx.add(op, *values)


@lowering("bitwise_left_shift", "bitwise_right_shift")
def _shift(onnx: Writer, node: Node, x: Name, n: Name) -> Name:
    """ONNX shifts what has no sign, by less than the width."""
    left, dtype = "left" in node.op.name, x.dtype
    width = np.dtype(dtype).itemsize * 8
    signed = not dtype.startswith("u")
    bare = f"uint{width}"
    minus = x < 0 if signed and not left else None
    if minus is not None:
        x = onnx.where(minus, x.do("BitwiseNot"), x)
    beyond = onnx.add("GreaterOrEqual", n, width, dtype="bool")
    n = onnx.where(beyond, 0, n)
    y = x.cast(bare).do("BitShift", n.cast(bare), direction="LEFT" if left else "RIGHT")
    y = onnx.where(beyond, 0, y.cast(dtype))
    return y if minus is None else onnx.where(minus, y.do("BitwiseNot"), y)


@lowering("where")
def _where(onnx: Writer, node: Node, condition: Name, a: Name, b: Name) -> Name:
    return onnx.where(condition, a, b)


@lowering("power")
def _power(onnx: Writer, node: Node, a: Name, b: Name) -> Name:
    if a.dtype.startswith("float"):
        return a.do("Pow", b)

    def whole(a: Name, b: Name) -> Name:
        one = a.do("Abs").same(1)
        odd = ~onnx.add("Mod", b, 2).same(0)
        inverse = onnx.where(one, onnx.where(odd, a, 1), 0)
        # By squaring: a power of floats has not the digits of large whole numbers.
        y, left, square = None, onnx.add("Max", b, 0), a
        bits = np.dtype(node.outputs[0].dtype).itemsize * 8
        for i in range(bits.bit_length()):
            used = ~onnx.add("Mod", left, 2).same(0)
            factor = onnx.where(used, square, 1)
            y = factor if y is None else y * factor
            if i < bits.bit_length() - 1:
                left, square = left / 2, square * square
        assert y is not None
        return onnx.where(b < 0, inverse, y)

    wide = dict.fromkeys(SMALL, "int64")
    return in_wider(whole, wide | {"int32": "int64"}, a, b)


@lowering("mod", "fmod", "floor_divide")
def _divide_with_rest(onnx: Writer, node: Node, a: Name, b: Name) -> Name:
    if a.dtype.startswith("float"):
        return _divide_floats(onnx, node.op.name, a, b)

    def whole(a: Name, b: Name) -> Name:
        # Of whole numbers, NumPy gives 0 where the divisor is 0.
        none = b.same(0)
        b = onnx.where(none, 1, b)
        kind = int(node.op.name == "fmod")
        y = onnx.add("Mod", a, b, fmod=kind)
        if node.op.name == "floor_divide":
            y = (a - y) / b
        return onnx.where(none, 0, y)

    return in_wider(whole, {"bool": "int32"}, a, b)


def _divide_floats(onnx: Writer, name: str, a: Name, b: Name) -> Name:
    rest = onnx.add("Mod", a, b, fmod=1)
    if name == "fmod":
        return rest
    apart = ~rest.same(0) & onnx.add("Xor", rest < 0, b < 0)
    if name == "mod":
        return onnx.where(apart, rest + b, rest)
    quotient = (a - rest) / b
    quotient = onnx.where(apart, quotient - 1, quotient)
    y = quotient.do("Floor")
    y = onnx.where((quotient - y) > 0.5, y + 1, y)
    return onnx.where(b.same(0), a / b, y)


@lowering("gcd")
def _gcd(onnx: Writer, node: Node, a: Name, b: Name) -> Name:
    """Euclid's algorithm, for all pairs at once until the last one is done."""
    shape = onnx.whole(node.outputs[0].shape)
    a, b = (v.cast("int64").do("Abs").do("Expand", shape) for v in (a, b))
    spec = Spec(node.outputs[0].shape, "int64")
    inputs = [(onnx.new("int64"), Spec((), "int64"))]
    inputs.append((onnx.new("bool"), Spec((), "bool")))
    inputs += [(onnx.new("int64"), spec), (onnx.new("int64"), spec)]
    c, d = inputs[2][0], inputs[3][0]

    def step() -> list[Name]:
        there = d > 0
        rest = onnx.add("Mod", c, onnx.where(there, d, 1))
        rest = onnx.where(there, rest, 0)
        more = rest.do("ReduceMax", keepdims=0) > 0
        return [more, onnx.where(there, d, c), rest]

    given = [onnx.constant(100, "int64"), onnx.constant(True), a, b]
    body = onnx.body(inputs, step)
    found = onnx.emit("Loop", given, ["int64", "int64"], body=body)[0]
    return found.cast(node.outputs[0].dtype)


@lowering("view")
def _view(onnx: Writer, node: Node, x: Name) -> Name:
    """ONNX sees bits as a dtype of equal size; others are cut up or put together."""
    dtype, shape = node.params["dtype"], node.outputs[0].shape
    wide, narrow = np.dtype(x.dtype).itemsize, np.dtype(dtype).itemsize
    words = bits(x, f"uint{8 * wide}")
    if 0 in shape:
        return onnx.constant(np.zeros(shape, dtype))
    if wide > narrow:
        column = reshape(words, (*node.inputs[0].shape, 1))
        parts = [
            column.do("BitShift", 8 * narrow * i, direction="RIGHT")
            for i in range(wide // narrow)
        ]
        words = onnx.add("Concat", *parts, axis=-1).cast(f"uint{8 * narrow}")
    elif wide < narrow:
        n, dense = narrow // wide, f"uint{8 * narrow}"
        rows = reshape(words, (*shape, n)).cast(dense)
        total = None
        for i in range(n):
            part = rows.do("Gather", onnx.constant(i, "int64"), axis=-1)
            part = part.do("BitShift", 8 * wide * i, direction="LEFT")
            total = part if total is None else total.do("BitwiseOr", part)
        assert total is not None
        words = total
    return reshape(bits(words, dtype), shape)


def bits(x: Name, dtype: str) -> Name:
    """The same bits as another dtype of their size."""
    if dtype == x.dtype:
        return x
    x.writer.needs(26)
    return x.do("BitCast", dtype=dtype, to=element(dtype))


@lowering("nextafter")
def _nextafter(onnx: Writer, node: Node, x: Name, y: Name) -> Name:
    """Floats of one sign are in the order of their bits as whole numbers."""
    dtype = x.dtype
    whole = dtype.replace("float", "int")
    away = onnx.add("Equal", y > x, x > 0, dtype="bool")
    n = bits(x, whole)
    moved = bits(onnx.where(away, n + 1, n - 1), dtype)
    least = onnx.constant(np.nextafter(np.zeros((), dtype), np.ones((), dtype)))
    moved = onnx.where(x.same(0), onnx.where(y > 0, least, -least), moved)
    bad = x.do("IsNaN", dtype="bool") | y.do("IsNaN", dtype="bool")
    return onnx.where(bad, x + y, onnx.where(x.same(y), y, moved))


@lowering("ldexp")
def _ldexp(onnx: Writer, node: Node, x: Name, n: Name) -> Name:
    half = n / 2
    for part in (half, n - half):
        x = x * onnx.constant(2, x.dtype).do("Pow", part.cast(x.dtype))
    return x
