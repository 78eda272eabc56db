"""Element-wise primitives: meaning and derivative of each, side by side.

Where a naive composition would lose digits or give NaN (`log1p`, `expm1`, `erf`), the
function is a primitive of its own.
"""

from __future__ import annotations

import math

import numpy as np

from cornu.graph.op import Op
from cornu.graph.passes import ELEMENTWISE
from cornu.graph.spec import Spec, is_float, standardize_dtype
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import bind, convert
from cornu.ops.families import (
    NOT_FLOAT,
    PIECEWISE_CONSTANT,
    binary,
    broadcast_shape,
    unary,
    unbroadcast,
)
from cornu.ops.public import promote, public

__all__ = [
    "absolute",
    "add",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "cast",
    "ceil",
    "copy",
    "cos",
    "equal",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
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
    "mod",
    "multiply",
    "negative",
    "not_equal",
    "power",
    "round_to_even",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "stop_gradient",
    "subtract",
    "tanh",
    "true_divide",
    "where",
]

# One tensor

negative = unary(
    "negative", np.negative, lambda g, x, y: -g, "Minus x.", floats_only=False
)
absolute = unary(
    "absolute",
    np.absolute,
    lambda g, x, y: g * sign(x),
    "The absolute value of x.",
    floats_only=False,
)
sign = unary(
    "sign", np.sign, PIECEWISE_CONSTANT, "-1, 0 or 1 as x is.", floats_only=False
)
floor = unary("floor", np.floor, PIECEWISE_CONSTANT, "The next whole number below x.")
ceil = unary("ceil", np.ceil, PIECEWISE_CONSTANT, "The next whole number above x.")
round_to_even = unary(
    "round_to_even",
    np.rint,
    PIECEWISE_CONSTANT,
    "The nearest whole number; halves go to the even one.",
)
exp = unary("exp", np.exp, lambda g, x, y: g * y, "e to the power x.")
expm1 = unary(
    "expm1", np.expm1, lambda g, x, y: g * (y + 1.0), "exp(x) - 1, exact for small x."
)
log = unary("log", np.log, lambda g, x, y: g / x, "The natural logarithm of x.")
log1p = unary(
    "log1p", np.log1p, lambda g, x, y: g / (x + 1.0), "log(1 + x), exact for small x."
)
sqrt = unary("sqrt", np.sqrt, lambda g, x, y: g * 0.5 / y, "The square root of x.")
sin = unary("sin", np.sin, lambda g, x, y: g * cos(x), "The sine of x.")
cos = unary("cos", np.cos, lambda g, x, y: -(g * sin(x)), "The cosine of x.")
tanh = unary(
    "tanh", np.tanh, lambda g, x, y: g * (1.0 - y * y), "The hyperbolic tangent of x."
)


def sigmoid_numpy(x):
    """1 / (1 + exp(-x)); exp may overflow to inf, and the quotient is rightly 0."""
    return np.reciprocal(1 + np.exp(-x))


sigmoid = unary(
    "sigmoid",
    sigmoid_numpy,
    lambda g, x, y: g * y * (1.0 - y),
    "The logistic function 1 / (1 + exp(-x)).",
)


def erf_numpy(x):
    """The error function, by the rational approximations of Sun's fdlibm (s_erf.c)."""
    a = np.abs(x).astype(np.float64)
    s = a * a
    p = 1.28379167095512558561e-01 + s * (
        -3.25042107247001499370e-01
        + s
        * (
            -2.84817495755985104766e-02
            + s * (-5.77027029648944159157e-03 + s * (-2.37630166566501626084e-05))
        )
    )
    q = 1 + s * (
        3.97917223959155352819e-01
        + s
        * (
            6.50222499887672944485e-02
            + s
            * (
                5.08130628187576562776e-03
                + s * (1.32494738004321644526e-04 + s * (-3.96022827877536812320e-06))
            )
        )
    )
    small = a + a * (p / q)
    t = a - 1
    p = -2.36211856075265944077e-03 + t * (
        4.14856118683748331666e-01
        + t
        * (
            -3.72207876035701323847e-01
            + t
            * (
                3.18346619901161753674e-01
                + t
                * (
                    -1.10894694282396677476e-01
                    + t
                    * (3.54783043256182359371e-02 + t * (-2.16637559486879084300e-03))
                )
            )
        )
    )
    q = 1 + t * (
        1.06420880400844228286e-01
        + t
        * (
            5.40397917702171048937e-01
            + t
            * (
                7.18286544141962662868e-02
                + t
                * (
                    1.26171219808761642112e-01
                    + t * (1.36370839120290507362e-02 + t * 1.19844998467991074170e-02)
                )
            )
        )
    )
    middle = 8.45062911510467529297e-01 + p / q
    b = np.clip(a, 1.0, 6.0)
    t = 1 / (b * b)
    near_p = -9.86494403484714822705e-03 + t * (
        -6.93858572707181764372e-01
        + t
        * (
            -1.05586262253232909814e01
            + t
            * (
                -6.23753324503260060396e01
                + t
                * (
                    -1.62396669462573470355e02
                    + t
                    * (
                        -1.84605092906711035994e02
                        + t
                        * (-8.12874355063065934246e01 + t * -9.81432934416914548592e00)
                    )
                )
            )
        )
    )
    near_q = 1 + t * (
        1.96512716674392571292e01
        + t
        * (
            1.37657754143519042600e02
            + t
            * (
                4.34565877475229228821e02
                + t
                * (
                    6.45387271733267880336e02
                    + t
                    * (
                        4.29008140027567833386e02
                        + t
                        * (
                            1.08635005541779435134e02
                            + t
                            * (
                                6.57024977031928170135e00
                                + t * -6.04244152148580987438e-02
                            )
                        )
                    )
                )
            )
        )
    )
    far_p = -9.86494292470009928597e-03 + t * (
        -7.99283237680523006574e-01
        + t
        * (
            -1.77579549177547519889e01
            + t
            * (
                -1.60636384855821916062e02
                + t
                * (
                    -6.37566443368389627722e02
                    + t
                    * (-1.02509513161107724954e03 + t * (-4.83519191608651397019e02))
                )
            )
        )
    )
    far_q = 1 + t * (
        3.03380607434824582924e01
        + t
        * (
            3.25792512996573918826e02
            + t
            * (
                1.53672958608443695994e03
                + t
                * (
                    3.19985821950859553908e03
                    + t
                    * (
                        2.55305040643316442583e03
                        + t
                        * (4.74528541206955367215e02 + t * (-2.24409524465858183362e01))
                    )
                )
            )
        )
    )
    ratio = np.where(b < 1 / 0.35, near_p / near_q, far_p / far_q)
    large = 1 - np.exp(-b * b - 0.5625 + ratio) / b
    y = np.where(a < 0.84375, small, np.where(a < 1.25, middle, large))
    return np.copysign(np.where(np.isnan(x), np.nan, y), x).astype(x.dtype)


erf = unary(
    "erf",
    erf_numpy,
    lambda g, x, y: g * exp(-(x * x)) * (2.0 / math.sqrt(math.pi)),
    "The error function of x.",
)
isfinite = unary(
    "isfinite",
    np.isfinite,
    NOT_FLOAT,
    "Whether x is neither infinite nor NaN.",
    floats_only=False,
    dtype="bool",
)
logical_not = unary(
    "logical_not", np.logical_not, NOT_FLOAT, "Not x.", floats_only=False, dtype="bool"
)
bitwise_not = unary(
    "bitwise_not",
    np.bitwise_not,
    NOT_FLOAT,
    "The bits of x flipped.",
    floats_only=False,
)

# Two tensors

add = binary("add", np.add, lambda g, a, b, y: (lambda: g, lambda: g), "x1 + x2.")
subtract = binary(
    "subtract", np.subtract, lambda g, a, b, y: (lambda: g, lambda: -g), "x1 - x2."
)
multiply = binary(
    "multiply",
    np.multiply,
    lambda g, a, b, y: (lambda: g * b, lambda: g * a),
    "x1 * x2.",
)
true_divide = binary(
    "true_divide",
    np.true_divide,
    lambda g, a, b, y: (lambda: g / b, lambda: -(g * y) / b),
    "x1 / x2.",
    floats_only=True,
)


def power_numpy(x1, x2):
    """x1 ** x2; a negative whole exponent of whole numbers gives what integers can."""
    if x1.dtype.kind in "iu":
        powers = np.power(x1, np.maximum(x2, 0))
        inverse = np.where(np.abs(x1) == 1, np.where(x2 % 2 == 0, 1, x1), 0)
        return np.where(x2 < 0, inverse, powers).astype(x1.dtype)
    return np.power(x1, x2)


def _power_gradient(g, a, b, y):
    # At a = 0 the logarithm is -inf and y * log(a) NaN; the true derivative is 0.
    def by_base():
        return g * b * power(a, where(equal(b, 0.0), 1.0, b - 1.0))

    def by_exponent():
        return g * y * log(where(equal(a, 0.0), 1.0, a))

    return by_base, by_exponent


power = binary(
    "power", power_numpy, _power_gradient, "x1 to the power x2.", counts_booleans=True
)


def _shared_by_ties(g, a, b, y):
    # Where both are equal, each gets half, as in JAX.
    def part(x, other):
        share = where(equal(x, other), 0.5, 1.0).astype(g.dtype)
        return where(equal(x, y), g * share, 0.0)

    return lambda: part(a, b), lambda: part(b, a)


maximum = binary("maximum", np.maximum, _shared_by_ties, "The larger of x1 and x2.")
minimum = binary("minimum", np.minimum, _shared_by_ties, "The smaller of x1 and x2.")


def mod_numpy(x1, x2):
    """The rest of floor division, with the sign of x2; integers over 0 give 0."""
    return np.mod(x1, x2)


mod = binary(
    "mod",
    mod_numpy,
    lambda g, a, b, y: (lambda: g, lambda: -(g * floor_divide(a, b))),
    "The remainder of x1 // x2, with the sign of x2.",
    counts_booleans=True,
)
floor_divide = binary(
    "floor_divide",
    np.floor_divide,
    PIECEWISE_CONSTANT,
    "x1 / x2, rounded down.",
    counts_booleans=True,
)
equal = binary("equal", np.equal, NOT_FLOAT, "Whether x1 == x2.", dtype="bool")
not_equal = binary(
    "not_equal", np.not_equal, NOT_FLOAT, "Whether x1 != x2.", dtype="bool"
)
less = binary("less", np.less, NOT_FLOAT, "Whether x1 < x2.", dtype="bool")
less_equal = binary(
    "less_equal", np.less_equal, NOT_FLOAT, "Whether x1 <= x2.", dtype="bool"
)
greater = binary("greater", np.greater, NOT_FLOAT, "Whether x1 > x2.", dtype="bool")
greater_equal = binary(
    "greater_equal", np.greater_equal, NOT_FLOAT, "Whether x1 >= x2.", dtype="bool"
)
logical_and = binary(
    "logical_and", np.logical_and, NOT_FLOAT, "x1 and x2.", dtype="bool"
)
logical_or = binary("logical_or", np.logical_or, NOT_FLOAT, "x1 or x2.", dtype="bool")
bitwise_and = binary(
    "bitwise_and", np.bitwise_and, NOT_FLOAT, "The bits in both.", names_are_x_y=True
)
bitwise_or = binary(
    "bitwise_or", np.bitwise_or, NOT_FLOAT, "The bits in either.", names_are_x_y=True
)
bitwise_xor = binary(
    "bitwise_xor",
    np.bitwise_xor,
    NOT_FLOAT,
    "The bits in one only.",
    names_are_x_y=True,
)
bitwise_left_shift = binary(
    "bitwise_left_shift",
    np.left_shift,
    NOT_FLOAT,
    "x shifted left by y bits.",
    counts_booleans=True,
    names_are_x_y=True,
)
bitwise_right_shift = binary(
    "bitwise_right_shift",
    np.right_shift,
    NOT_FLOAT,
    "x shifted right by y bits.",
    counts_booleans=True,
    names_are_x_y=True,
)

# Choice, dtype, and gradients that stop


def _infer_where(condition: Spec, x1: Spec, x2: Spec) -> Spec:
    if condition.dtype != "bool" or x1.dtype != x2.dtype:
        raise TypeError(
            f"[where] got dtypes {condition.dtype}, {x1.dtype} and {x2.dtype}.\n"
            "Expected bool, and one dtype for both values: casts are explicit.\n"
            "Call ops.where, which casts."
        )
    shape = broadcast_shape(x1.shape, x2.shape, "where")
    return Spec(broadcast_shape(condition.shape, shape, "where"), x1.dtype)


ELEMENTWISE.add("where")
where_op = Op(
    "where",
    infer=_infer_where,
    numpy=np.where,
    gradient=lambda g, ins, out: (
        None,
        lambda: unbroadcast(where(ins[0], g, 0.0), ins[1].shape),
        lambda: unbroadcast(where(ins[0], 0.0, g), ins[2].shape),
    ),
    doc="x1 where the condition holds, x2 elsewhere.",
)


@public
def where(condition, x1=None, x2=None):
    """Choose element by element: `x1` where `condition` holds, else `x2`.

    Args:
        condition: boolean tensor; other dtypes count as `!= 0`.
        x1: tensor or number.
        x2: tensor or number; all three broadcast. Without them the result is that of
            `nonzero`.

    Returns:
        Tensor of the common shape and of the dtype that `x1` and `x2` have in common.
        The gradient of what is not chosen is 0, also where it is infinite or NaN.

    Raises:
        ValueError: when one of `x1` and `x2` is given without the other.
    """
    if x1 is None or x2 is None:
        if x1 is not None or x2 is not None:
            raise ValueError(
                "[where] one of x1 and x2 was given without the other.\n"
                "Expected both, or none.\nUse 0 for the one that is missing."
            )
        return FUNCTIONS["nonzero"](condition)
    x1, x2 = promote(x1, x2)
    condition = convert(condition)
    if condition.dtype != "bool":
        condition = not_equal(condition, 0)
    return bind(where_op, (condition, x1, x2), {})


def cast_numpy(x, *, dtype):
    """The values in another dtype; floats are cut towards zero for integers."""
    return x.astype(dtype)


cast_op = Op(
    "cast",
    infer=lambda x, *, dtype: Spec(x.shape, dtype),
    numpy=cast_numpy,
    gradient=lambda g, ins, out, *, dtype: (
        cast(g, ins[0].dtype) if is_float(ins[0].dtype) else None,
    ),
    doc="The values in another dtype.",
)


@public
def cast(x, dtype):
    """Convert to another dtype.

    Args:
        x: tensor or array.
        dtype: dtype name; floats are cut towards zero for integers.

    Returns:
        Tensor of the same shape and of dtype `dtype`.
    """
    dtype = standardize_dtype(dtype)
    x = convert(x)
    return x if x.dtype == dtype else bind(cast_op, (x,), {"dtype": dtype})


def identity_numpy(x):
    """x itself."""
    return x


identity_op = Op(
    "identity",
    infer=lambda x: x,
    numpy=identity_numpy,
    gradient=lambda g, ins, out: (g,),
    doc="x itself.",
)
stop_gradient_op = Op(
    "stop_gradient",
    infer=lambda x: x,
    numpy=identity_numpy,
    no_gradient="stopping gradients is what it is for",
    doc="x itself, through which no gradient flows.",
)


@public
def copy(x):
    """`x` as a tensor of its own, told apart from `x` by whoever takes gradients."""
    return bind(identity_op, (x,), {})


@public
def stop_gradient(variable):
    """`variable` itself, through which no gradient flows."""
    return bind(stop_gradient_op, (variable,), {})


FUNCTIONS["remainder"] = mod
FUNCTIONS["divide"] = true_divide
FUNCTIONS["rint"] = round_to_even
FUNCTIONS["invert"] = bitwise_not
