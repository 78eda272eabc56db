"""Functions that ONNX Runtime lacks, or has in float32 only, made of those it has.

Compositions that keep the digits: by Kahan's formulas for log1p and expm1, half angles
for the arctangent, and the rational approximations of Cornu's own definition for erf.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cornu.engines.cntk.writer import Name


def log1p(x: Name) -> Name:
    """log(1 + x): what rounding 1 + x does to the logarithm is divided out (Kahan)."""
    u = x + 1
    plain = x.do("IsInf") | u.same(1)
    safe = x.writer.where(plain, 2, u)
    exact = safe.do("Log") * (x / (safe - 1))
    at_ends = x.writer.where(x.do("IsInf", dtype="bool"), u.do("Log"), x)
    return x.writer.where(plain, at_ends, exact)


def expm1(x: Name) -> Name:
    """exp(x) - 1, by the logarithm of what exp(x) was rounded to (Kahan)."""
    where = x.writer.where
    u = x.do("Exp")
    plain = u.same(1) | (u - 1).same(-1) | u.do("IsInf", dtype="bool")
    safe = where(plain, 2, u)
    exact = (safe - 1) * (x / safe.do("Log"))
    return where(u.same(1), x, where(plain, u - 1, exact))


def sinh(x: Name) -> Name:
    e = expm1(x.do("Abs"))
    # Halved before it may be too large.
    y = e * 0.5 + e / (e + 1) * 0.5
    half = (x.do("Abs") * 0.5).do("Exp")
    large = half * 0.5 * half
    y = x.writer.where(x.do("Abs") > 20, large, y)
    return with_sign(y, x)


def cosh(x: Name) -> Name:
    half = (x.do("Abs") * 0.5).do("Exp")
    return half * 0.5 * half + (x.do("Abs") * -1).do("Exp") * 0.5


def with_sign(y: Name, x: Name) -> Name:
    """y >= 0 with the sign of x; x itself where that is zero or NaN."""
    where = x.writer.where
    return where(x > 0, y, where(x < 0, -y, x))


def arcsinh(x: Name) -> Name:
    a = x.do("Abs")
    large = a > 1e9
    b = x.writer.where(large, 1, a)
    small = log1p(b + b * b / ((b * b + 1).do("Sqrt") + 1))
    return with_sign(x.writer.where(large, a.do("Log") + math.log(2), small), x)


def arccosh(x: Name) -> Name:
    x = x.writer.where(x < 1, math.nan, x)
    large = x > 1e9
    t = x.writer.where(large, 1, x) - 1
    small = log1p(t + (t * (t + 2)).do("Sqrt"))
    return x.writer.where(large, x.do("Log") + math.log(2), small)


def arctanh(x: Name) -> Name:
    a = x.do("Abs")
    return with_sign(log1p(a * 2 / (-a + 1)) * 0.5, x)


def arctan(x: Name) -> Name:
    """Of the inverse where |x| > 1; then the angle is halved thrice, and a series."""
    a = x.do("Abs")
    beyond = a > 1
    t = x.writer.where(beyond, x.writer.constant(1, x.dtype) / a, a)
    for _ in range(3):
        t = t / ((t * t + 1).do("Sqrt") + 1)
    s = -(t * t)
    y = polynomial(s, [1 / (2 * k + 1) for k in range(10)]) * t * 8
    return with_sign(x.writer.where(beyond, -y + math.pi / 2, y), x)


def arcsin(x: Name) -> Name:
    a = x.do("Abs")
    y = arctan(a / ((-a + 1) * (a + 1)).do("Sqrt"))
    return with_sign(y, x)


def arccos(x: Name) -> Name:
    return arctan(((-x + 1) / (x + 1)).do("Sqrt")) * 2


def arctan2(y: Name, x: Name) -> Name:
    """The angle of a point, from the smaller of its coordinates over the larger."""
    w, where = x.writer, x.writer.where
    a, b = y.do("Abs"), x.do("Abs")
    low, high = w.add("Min", a, b), w.add("Max", a, b)
    both = low.do("IsInf", dtype="bool")
    high = where(high.same(0), 1, high)
    angle = arctan(where(both, 1, low) / where(both, 1, high))
    angle = where(a > b, -angle + math.pi / 2, angle)
    angle = where(negative(x), -angle + math.pi, angle)
    return where(negative(y), -angle, angle)


def negative(x: Name) -> Name:
    """Whether x has a minus sign: 1 / -0 is minus infinity."""
    if not x.dtype.startswith("float"):
        return x < 0
    one = x.writer.constant(1, x.dtype)
    return (x < 0) | (x.same(0) & ((one / x) < 0))


def polynomial(x: Name, coefficients: Sequence[float]) -> Name:
    """The lowest power first, by Horner's rule."""
    y = None
    for c in reversed(coefficients):
        y = x.writer.constant(c, x.dtype) if y is None else y * x + c
    assert y is not None
    return y


def hypot(a: Name, b: Name) -> Name:
    w, where = a.writer, a.writer.where
    a, b = a.do("Abs"), b.do("Abs")
    high, low = w.add("Max", a, b), w.add("Min", a, b)
    ratio = low / where(high.same(0), 1, high)
    y = high * (ratio * ratio + 1).do("Sqrt")
    infinite = a.do("IsInf", dtype="bool") | b.do("IsInf", dtype="bool")
    return where(infinite, math.inf, y)


def logaddexp(a: Name, b: Name) -> Name:
    high = a.writer.add("Max", a, b)
    y = high + log1p((-(a - b).do("Abs")).do("Exp"))
    return a.writer.where(a.same(b), a + math.log(2), y)


def logaddexp2(a: Name, b: Name) -> Name:
    high = a.writer.add("Max", a, b)
    d = -(a - b).do("Abs")
    more = log1p(a.writer.constant(2, a.dtype).do("Pow", d)) / math.log(2)
    return a.writer.where(a.same(b), a + 1, high + more)


def erf(x: Name) -> Name:
    """By the rational approximations of Sun's fdlibm (s_erf.c)."""
    w, where = x.writer, x.writer.where
    a = x.do("Abs")
    s = a * a
    small = a + a * (polynomial(s, _SMALL[0]) / polynomial(s, _SMALL[1]))
    t = a - 1
    ratio = polynomial(t, _MIDDLE[0]) / polynomial(t, _MIDDLE[1])
    middle = ratio + 8.45062911510467529297e-01
    b = w.add("Min", w.add("Max", a, 1), 6)
    t = w.constant(1, x.dtype) / (b * b)
    near = polynomial(t, _NEAR[0]) / polynomial(t, _NEAR[1])
    far = polynomial(t, _FAR[0]) / polynomial(t, _FAR[1])
    inside = where(b < 1 / 0.35, near, far) - b * b - 0.5625
    large = -(inside.do("Exp") / b) + 1
    y = where(a < 0.84375, small, where(a < 1.25, middle, large))
    return with_sign(y, x)


def erfc(x: Name) -> Name:
    """1 - erf(x), with all digits where it is small; in float64, as the definition."""
    dtype, x = x.dtype, x.cast("float64")
    w, where = x.writer, x.writer.where
    a = x.do("Abs")
    s = a * a
    r = x * (polynomial(s, _SMALL[0]) / polynomial(s, _SMALL[1]))
    small = where(x < 0.25, -(x + r) + 1, -(r + (x - 0.5)) + 0.5)
    t = a - 1
    ratio = polynomial(t, _MIDDLE[0]) / polynomial(t, _MIDDLE[1])
    erx = 8.45062911510467529297e-01
    middle = where(x > 0, -ratio + (1 - erx), ratio + erx + 1)
    b = w.add("Min", w.add("Max", a, 1), 28)
    t = w.constant(1.0) / (b * b)
    near = polynomial(t, _NEAR[0]) / polynomial(t, _NEAR[1])
    far = polynomial(t, _FAR[0]) / polynomial(t, _FAR[1])
    # The square of a number with 24 bits is exact, and what it leaves is small.
    z = b.cast("float32").cast("float64")
    inside = (z - b) * (z + b) + where(b < 1 / 0.35, near, far)
    tail = (-(z * z) - 0.5625).do("Exp") * inside.do("Exp") / b
    large = where(x > 0, where(a > 28, 0, tail), -tail + 2)
    y = where(a < 0.84375, small, where(a < 1.25, middle, large))
    return where(x.do("IsNaN", dtype="bool"), x, y).cast(dtype)


def erfinv(x: Name) -> Name:
    """By Wichura's algorithm AS 241 (1988), in float64, as in the definition."""
    dtype, q = x.dtype, x.cast("float64") * 0.5
    w, where = q.writer, q.writer.where
    a = q.do("Abs")
    r = -(q * q) + 0.180625
    middle = q * (polynomial(r, _QUANTILE[0]) / polynomial(r, _QUANTILE[1]))
    outside = w.add("Max", -a + 0.5, 1e-320)
    r = (-outside.do("Log")).do("Sqrt")
    near = polynomial(r - 1.6, _TAIL[0]) / polynomial(r - 1.6, _TAIL[1])
    far = polynomial(r - 5, _FAR_TAIL[0]) / polynomial(r - 5, _FAR_TAIL[1])
    tail = with_sign(where(r > 5, far, near), q)
    y = where(a > 0.425, tail, middle) / math.sqrt(2)
    y = where(a.same(0.5), with_sign(w.constant(math.inf), q), y)
    return where(a > 0.5, math.nan, y).cast(dtype)


def i0(x: Name) -> Name:
    """Its power series, and far out the asymptotic one (Abramowitz and Stegun 9.7)."""
    dtype, a = x.dtype, x.cast("float64").do("Abs")
    near = a.writer.add("Min", a, 25)
    terms = [1 / math.factorial(k) ** 2 for k in range(70)]
    small = polynomial(near * near * 0.25, terms)
    far = a.writer.add("Max", a, 25)
    term, terms = 1.0, []
    for k in range(25):
        terms.append(term)
        term *= (2 * k + 1) ** 2 / (8 * (k + 1))
    series = polynomial(a.writer.constant(1.0) / far, terms)
    half = (far * 0.5).do("Exp")
    large = half * (series / (far * (2 * math.pi)).do("Sqrt")) * half
    y = a.writer.where(a > 25, large, small)
    return a.writer.where(a.do("IsNaN", dtype="bool"), a, y).cast(dtype)


_SMALL = (
    [
        1.28379167095512558561e-01,
        -3.25042107247001499370e-01,
        -2.84817495755985104766e-02,
        -5.77027029648944159157e-03,
        -2.37630166566501626084e-05,
    ],
    [
        1.0,
        3.97917223959155352819e-01,
        6.50222499887672944485e-02,
        5.08130628187576562776e-03,
        1.32494738004321644526e-04,
        -3.96022827877536812320e-06,
    ],
)
_MIDDLE = (
    [
        -2.36211856075265944077e-03,
        4.14856118683748331666e-01,
        -3.72207876035701323847e-01,
        3.18346619901161753674e-01,
        -1.10894694282396677476e-01,
        3.54783043256182359371e-02,
        -2.16637559486879084300e-03,
    ],
    [
        1.0,
        1.06420880400844228286e-01,
        5.40397917702171048937e-01,
        7.18286544141962662868e-02,
        1.26171219808761642112e-01,
        1.36370839120290507362e-02,
        1.19844998467991074170e-02,
    ],
)
_NEAR = (
    [
        -9.86494403484714822705e-03,
        -6.93858572707181764372e-01,
        -1.05586262253232909814e01,
        -6.23753324503260060396e01,
        -1.62396669462573470355e02,
        -1.84605092906711035994e02,
        -8.12874355063065934246e01,
        -9.81432934416914548592e00,
    ],
    [
        1.0,
        1.96512716674392571292e01,
        1.37657754143519042600e02,
        4.34565877475229228821e02,
        6.45387271733267880336e02,
        4.29008140027567833386e02,
        1.08635005541779435134e02,
        6.57024977031928170135e00,
        -6.04244152148580987438e-02,
    ],
)
_FAR = (
    [
        -9.86494292470009928597e-03,
        -7.99283237680523006574e-01,
        -1.77579549177547519889e01,
        -1.60636384855821916062e02,
        -6.37566443368389627722e02,
        -1.02509513161107724954e03,
        -4.83519191608651397019e02,
    ],
    [
        1.0,
        3.03380607434824582924e01,
        3.25792512996573918826e02,
        1.53672958608443695994e03,
        3.19985821950859553908e03,
        2.55305040643316442583e03,
        4.74528541206955367215e02,
        -2.24409524465858183362e01,
    ],
)
# Wichura's algorithm AS 241 (1988).
_QUANTILE = (
    [
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ],
    [
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ],
)
_TAIL = (
    [
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ],
    [
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ],
)
_FAR_TAIL = (
    [
        6.65790464350110377720e0,
        5.46378491116411436990e0,
        1.78482653991729133580e0,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ],
    [
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ],
)
