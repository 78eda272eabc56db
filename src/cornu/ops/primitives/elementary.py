"""More element-wise primitives: the functions of a good calculator.

NumPy has nearly all of them, and a composition would lose digits or overflow. No engine
needs them to train (`core=False`).
"""

from __future__ import annotations

import functools
import math

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec, is_float
from cornu.graph.trace import bind, convert
from cornu.ops.families import (
    NOT_FLOAT,
    PIECEWISE_CONSTANT,
    binary,
    broadcast_shape,
    unary,
    unbroadcast,
)
from cornu.ops.primitives.elementwise import (
    cast,
    exp,
    not_equal,
    sqrt,
    where,
)
from cornu.ops.public import floating, public

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "cosh",
    "erfc",
    "erfinv",
    "exp2",
    "fmod",
    "gcd",
    "hypot",
    "i0",
    "ldexp",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "nextafter",
    "signbit",
    "sinh",
    "tan",
    "trunc",
]

_one = functools.partial(unary, core=False)
_two = functools.partial(binary, core=False)

# Trigonometry

tan = _one("tan", np.tan, lambda g, x, y: g * (1.0 + y * y), "The tangent of x.")
arcsin = _one(
    "arcsin",
    np.arcsin,
    lambda g, x, y: g / sqrt((1.0 - x) * (1.0 + x)),
    "The angle from -pi/2 to pi/2 whose sine is x.",
)
arccos = _one(
    "arccos",
    np.arccos,
    lambda g, x, y: -g / sqrt((1.0 - x) * (1.0 + x)),
    "The angle from 0 to pi whose cosine is x.",
)
arctan = _one(
    "arctan",
    np.arctan,
    lambda g, x, y: g / (1.0 + x * x),
    "The angle from -pi/2 to pi/2 whose tangent is x.",
)
sinh = _one("sinh", np.sinh, lambda g, x, y: g * cosh(x), "The hyperbolic sine of x.")
cosh = _one("cosh", np.cosh, lambda g, x, y: g * sinh(x), "The hyperbolic cosine of x.")
arcsinh = _one(
    "arcsinh",
    np.arcsinh,
    lambda g, x, y: g / hypot(x, 1.0),
    "The number whose hyperbolic sine is x.",
)
arccosh = _one(
    "arccosh",
    np.arccosh,
    lambda g, x, y: g / sqrt((x - 1.0) * (x + 1.0)),
    "The number from 0 on whose hyperbolic cosine is x.",
)
arctanh = _one(
    "arctanh",
    np.arctanh,
    lambda g, x, y: g / ((1.0 - x) * (1.0 + x)),
    "The number whose hyperbolic tangent is x.",
)

# Powers and logarithms

log2 = _one(
    "log2", np.log2, lambda g, x, y: g / (x * math.log(2.0)), "The logarithm to base 2."
)
log10 = _one(
    "log10",
    np.log10,
    lambda g, x, y: g / (x * math.log(10.0)),
    "The logarithm to base 10.",
)
exp2 = _one("exp2", np.exp2, lambda g, x, y: g * y * math.log(2.0), "2 to the power x.")
cbrt = _one("cbrt", np.cbrt, lambda g, x, y: g / (y * y * 3.0), "The cube root of x.")

# Error functions and Bessel's


def erfc_numpy(x):
    """1 - erf(x), with all digits where it is small, by Sun's fdlibm (s_erf.c)."""
    a = np.abs(x).astype(np.float64)
    s = a * a
    p = np.polyval(
        [
            -2.37630166566501626084e-05,
            -5.77027029648944159157e-03,
            -2.84817495755985104766e-02,
            -3.25042107247001499370e-01,
            1.28379167095512558561e-01,
        ],
        s,
    )
    q = np.polyval(
        [
            -3.96022827877536812320e-06,
            1.32494738004321644526e-04,
            5.08130628187576562776e-03,
            6.50222499887672944485e-02,
            3.97917223959155352819e-01,
            1.0,
        ],
        s,
    )
    # x - 1/2 is exact from 1/4 on; below, 1 - erf(x) loses nothing.
    v = np.copysign(a, x)
    r = v * (p / q)
    small = np.where(v < 0.25, 1 - (v + r), 0.5 - (r + (v - 0.5)))
    t = a - 1
    p = np.polyval(
        [
            -2.16637559486879084300e-03,
            3.54783043256182359371e-02,
            -1.10894694282396677476e-01,
            3.18346619901161753674e-01,
            -3.72207876035701323847e-01,
            4.14856118683748331666e-01,
            -2.36211856075265944077e-03,
        ],
        t,
    )
    q = np.polyval(
        [
            1.19844998467991074170e-02,
            1.36370839120290507362e-02,
            1.26171219808761642112e-01,
            7.18286544141962662868e-02,
            5.40397917702171048937e-01,
            1.06420880400844228286e-01,
            1.0,
        ],
        t,
    )
    erx = 8.45062911510467529297e-01
    middle = np.where(x > 0, (1 - erx) - p / q, 1 + (erx + p / q))
    b = np.clip(a, 1.0, 28.0)
    t = 1 / (b * b)
    near = np.polyval(
        [
            -9.81432934416914548592e00,
            -8.12874355063065934246e01,
            -1.84605092906711035994e02,
            -1.62396669462573470355e02,
            -6.23753324503260060396e01,
            -1.05586262253232909814e01,
            -6.93858572707181764372e-01,
            -9.86494403484714822705e-03,
        ],
        t,
    ) / np.polyval(
        [
            -6.04244152148580987438e-02,
            6.57024977031928170135e00,
            1.08635005541779435134e02,
            4.29008140027567833386e02,
            6.45387271733267880336e02,
            4.34565877475229228821e02,
            1.37657754143519042600e02,
            1.96512716674392571292e01,
            1.0,
        ],
        t,
    )
    far = np.polyval(
        [
            -4.83519191608651397019e02,
            -1.02509513161107724954e03,
            -6.37566443368389627722e02,
            -1.60636384855821916062e02,
            -1.77579549177547519889e01,
            -7.99283237680523006574e-01,
            -9.86494292470009928597e-03,
        ],
        t,
    ) / np.polyval(
        [
            -2.24409524465858183362e01,
            4.74528541206955367215e02,
            2.55305040643316442583e03,
            3.19985821950859553908e03,
            1.53672958608443695994e03,
            3.25792512996573918826e02,
            3.03380607434824582924e01,
            1.0,
        ],
        t,
    )
    # The square of a number with 24 bits is exact, and what it leaves is small.
    z = b.astype(np.float32).astype(np.float64)
    ratio = np.where(b < 1 / 0.35, near, far)
    tail = np.exp(-z * z - 0.5625) * np.exp((z - b) * (z + b) + ratio) / b
    large = np.where(x > 0, np.where(a > 28, 0.0, tail), 2 - tail)
    y = np.where(a < 0.84375, small, np.where(a < 1.25, middle, large))
    return np.where(np.isnan(x), np.nan, y).astype(x.dtype)


erfc = _one(
    "erfc",
    erfc_numpy,
    lambda g, x, y: g * exp(-(x * x)) * (-2.0 / math.sqrt(math.pi)),
    "1 - erf(x), exact also where it is small.",
)


def erfinv_numpy(x):
    """The inverse of erf, by Wichura's algorithm AS 241 (1988)."""
    q = x.astype(np.float64) / 2
    r = 0.180625 - q * q
    middle = q * (
        np.polyval(
            [
                2.5090809287301226727e3,
                3.3430575583588128105e4,
                6.7265770927008700853e4,
                4.5921953931549871457e4,
                1.3731693765509461125e4,
                1.9715909503065514427e3,
                1.3314166789178437745e2,
                3.3871328727963666080e0,
            ],
            r,
        )
        / np.polyval(
            [
                5.2264952788528545610e3,
                2.8729085735721942674e4,
                3.9307895800092710610e4,
                2.1213794301586595867e4,
                5.3941960214247511077e3,
                6.8718700749205790830e2,
                4.2313330701600911252e1,
                1.0,
            ],
            r,
        )
    )
    # Outside of it, from the probability of the tail.
    outside = np.clip(0.5 - np.abs(q), 0.0, 0.5)
    r = np.sqrt(-np.log(np.maximum(outside, 1e-320)))
    near = np.polyval(
        [
            7.74545014278341407640e-4,
            2.27238449892691845833e-2,
            2.41780725177450611770e-1,
            1.27045825245236838258e0,
            3.64784832476320460504e0,
            5.76949722146069140550e0,
            4.63033784615654529590e0,
            1.42343711074968357734e0,
        ],
        r - 1.6,
    ) / np.polyval(
        [
            1.05075007164441684324e-9,
            5.47593808499534494600e-4,
            1.51986665636164571966e-2,
            1.48103976427480074590e-1,
            6.89767334985100004550e-1,
            1.67638483018380384940e0,
            2.05319162663775882187e0,
            1.0,
        ],
        r - 1.6,
    )
    far = np.polyval(
        [
            2.01033439929228813265e-7,
            2.71155556874348757815e-5,
            1.24266094738807843860e-3,
            2.65321895265761230930e-2,
            2.96560571828504891230e-1,
            1.78482653991729133580e0,
            5.46378491116411436990e0,
            6.65790464350110377720e0,
        ],
        r - 5,
    ) / np.polyval(
        [
            2.04426310338993978564e-15,
            1.42151175831644588870e-7,
            1.84631831751005468180e-5,
            7.86869131145613259100e-4,
            1.48753612908506148525e-2,
            1.36929880922735805310e-1,
            5.99832206555887937690e-1,
            1.0,
        ],
        r - 5,
    )
    tail = np.copysign(np.where(r <= 5, near, far), q)
    y = np.where(np.abs(q) <= 0.425, middle, tail) / np.sqrt(2)
    y = np.where(np.abs(q) == 0.5, np.copysign(np.inf, q), y)
    return np.where(np.abs(q) <= 0.5, y, np.nan).astype(x.dtype)


erfinv = _one(
    "erfinv",
    erfinv_numpy,
    lambda g, x, y: g * exp(y * y) * (math.sqrt(math.pi) / 2.0),
    "The number whose error function is x.",
)


def i0_numpy(x):
    """The modified Bessel function of the first kind and order 0."""
    return np.i0(x.astype(np.float64)).astype(x.dtype)


i0 = _one(
    "i0",
    i0_numpy,
    "its derivative, the Bessel function i1, is not among the operations",
    "The modified Bessel function of the first kind and order 0.",
)

# Signs and whole numbers

_trunc = _one("trunc", np.trunc, PIECEWISE_CONSTANT, "x cut towards zero.")


@public
def trunc(x):
    """x cut towards zero; whole numbers stay as they are."""
    x = convert(x)
    return _trunc(x) if is_float(x.dtype) else x


signbit = _one(
    "signbit",
    np.signbit,
    NOT_FLOAT,
    "Whether x has a minus sign; -0.0 has one.",
    floats_only=False,
    dtype="bool",
)
gcd = _two("gcd", np.gcd, NOT_FLOAT, "The greatest common divisor of whole numbers.")
fmod = _two(
    "fmod",
    np.fmod,
    lambda g, a, b, y: (lambda: g, lambda: -(g * _trunc(a / b))),
    "The remainder of x1 / x2, with the sign of x1.",
    counts_booleans=True,
)
nextafter = _two(
    "nextafter",
    np.nextafter,
    "the neighbour of a float is no smooth function of it",
    "The next float after x1 in the direction of x2.",
    floats_only=True,
)

# Two tensors

arctan2 = _two(
    "arctan2",
    np.arctan2,
    lambda g, a, b, y: (
        lambda: g * b / (a * a + b * b),
        lambda: -g * a / (a * a + b * b),
    ),
    "The angle of the point (x2, x1), from -pi to pi.",
    floats_only=True,
)


def _share_of_hypot(g, side, y):
    # At the origin there is no slope; like that of the absolute value it is put at 0.
    return where(not_equal(y, 0.0), g * side / where(not_equal(y, 0.0), y, 1.0), 0.0)


hypot = _two(
    "hypot",
    np.hypot,
    lambda g, a, b, y: (
        lambda: _share_of_hypot(g, a, y),
        lambda: _share_of_hypot(g, b, y),
    ),
    "sqrt(x1**2 + x2**2), without overflow.",
    floats_only=True,
)


def _below(x, y):
    """x - y, and 0 where both are the same infinity."""
    return where(not_equal(x, y), x - y, 0.0)


logaddexp = _two(
    "logaddexp",
    np.logaddexp,
    lambda g, a, b, y: (
        lambda: g * exp(_below(a, y)),
        lambda: g * exp(_below(b, y)),
    ),
    "log(exp(x1) + exp(x2)), without overflow.",
    floats_only=True,
)
logaddexp2 = _two(
    "logaddexp2",
    np.logaddexp2,
    lambda g, a, b, y: (
        lambda: g * exp2(_below(a, y)),
        lambda: g * exp2(_below(b, y)),
    ),
    "log2(2**x1 + 2**x2), without overflow.",
    floats_only=True,
)


def ldexp_numpy(x1, x2):
    """x1 * 2**x2."""
    return np.ldexp(x1, x2).astype(x1.dtype)


def _infer_ldexp(x1: Spec, x2: Spec) -> Spec:
    return Spec(broadcast_shape(x1.shape, x2.shape, "ldexp"), x1.dtype)


ldexp_op = Op(
    "ldexp",
    infer=_infer_ldexp,
    numpy=ldexp_numpy,
    gradient=lambda g, ins, out: (
        lambda: unbroadcast(ldexp(g, ins[1]), ins[0].shape),
        None,
    ),
    doc="x1 * 2**x2 for whole x2.",
    core=False,
)


@public
def ldexp(x1, x2):
    """x1 * 2**x2, exact also where 2**x2 alone is too large or too small.

    Args:
        x1: tensor; whole numbers become floatx.
        x2: tensor of whole numbers, which broadcasts with `x1`.

    Raises:
        TypeError: when `x2` is not of whole numbers.
    """
    x1, x2 = floating(x1), convert(x2)
    if is_float(x2.dtype) or x2.dtype == "bool":
        raise TypeError(
            f"[ldexp] the exponent x2 has dtype {x2.dtype}.\n"
            "Expected whole numbers.\nFor others write x1 * ops.exp2(x2)."
        )
    return bind(ldexp_op, (x1, cast(x2, "int32")), {})
