"""Primitives of linear algebra, as LAPACK has them, with their textbook gradients.

Matrices are the last two axes; the axes before them run together. LAPACK knows float32
and float64: what is smaller is computed in float32.
"""

from __future__ import annotations

import numpy as np

from cornu.graph.gradients import vector_jacobian
from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert
from cornu.ops.primitives.elementwise import multiply, where
from cornu.ops.primitives.indexing import argsort, pick_along_axis
from cornu.ops.primitives.linear import matmul
from cornu.ops.primitives.shapes import broadcast_to, expand_dims, transpose

__all__: list[str] = []


def swapped(x):
    """Each matrix with its rows as columns."""
    n = x.ndim
    return transpose(x, (*range(n - 2), n - 1, n - 2))


def eye_like(x):
    """The unit matrix beside the matrices of x, which are square."""
    n = x.shape[-1]
    return broadcast_to(convert(np.eye(n, dtype=x.dtype)), x.shape)


def lower(x, k=0):
    """Each matrix with zeros above the k-th diagonal."""
    return where(np.tri(x.shape[-2], x.shape[-1], k, dtype=bool), x, 0.0)


def upper(x, k=0):
    """Each matrix with zeros below the k-th diagonal."""
    return where(np.tri(x.shape[-2], x.shape[-1], k - 1, dtype=bool), 0.0, x)


def _on_diagonal(x):
    """The matrices with x on their diagonal."""
    return multiply(expand_dims(x, -1), convert(np.eye(x.shape[-1], dtype=x.dtype)))


def _square(x: Spec, name: str) -> Spec:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"[{name}] matrices of shape {x.shape} were given.\n"
            "Expected square ones: (..., n, n).\n"
            "Use ops.lstsq or ops.pinv for others."
        )
    return x


# Systems of equations


def solve_numpy(a, b):
    """x with a @ x = b, by Gauss's elimination with pivots; NaN for singular a."""
    wide = np.result_type(a.dtype, np.float32)
    a, x = a.astype(wide), b.astype(wide)
    try:
        return np.linalg.solve(a, x).astype(b.dtype)
    except np.linalg.LinAlgError:
        for i in np.ndindex(a.shape[:-2]):
            try:
                x[i] = np.linalg.solve(a[i], x[i])
            except np.linalg.LinAlgError:
                x[i] = np.nan
        return x.astype(b.dtype)


def _infer_solve(a: Spec, b: Spec, **params) -> Spec:
    _square(a, "solve")
    if b.ndim != a.ndim or b.shape[:-1] != a.shape[:-1] or a.dtype != b.dtype:
        raise ValueError(
            f"[solve] got {a} and {b}.\n"
            "Expected (..., n, n) and (..., n, k), of one dtype.\n"
            "Call the public functions of cornu.ops, which broadcast and cast."
        )
    return b


def solve(a, b):
    """See `solve_numpy`; for matrices that fit each other."""
    return bind(solve_op, (a, b), {})


def _solve_gradient(g, ins, x):
    a, _ = ins
    g_b = solve(swapped(a), g)
    return lambda: -matmul(g_b, swapped(x)), lambda: g_b


solve_op = Op(
    "solve",
    infer=_infer_solve,
    numpy=solve_numpy,
    gradient=_solve_gradient,
    doc="The solution of a system of linear equations.",
    core=False,
)


def solve_triangular_numpy(a, b, *, lower):
    """x with a @ x = b, row by row; the other triangle of `a` is not looked at."""
    wide = np.result_type(a.dtype, np.float32)
    a, x, n = a.astype(wide), b.astype(wide), a.shape[-1]
    for i in range(n) if lower else reversed(range(n)):
        known = slice(0, i) if lower else slice(i + 1, n)
        x[..., i, :] -= (a[..., i, None, known] @ x[..., known, :])[..., 0, :]
        x[..., i, :] /= a[..., i, i, None]
    return x.astype(b.dtype)


def solve_triangular(a, b, is_lower):
    """See `solve_triangular_numpy`; for matrices that fit each other."""
    return bind(solve_triangular_op, (a, b), {"lower": is_lower})


def _solve_triangular_gradient(g, ins, x, **params):
    a, is_lower = ins[0], params["lower"]
    g_b = solve_triangular(swapped(a), g, not is_lower)
    keep = lower if is_lower else upper
    return lambda: keep(-matmul(g_b, swapped(x))), lambda: g_b


solve_triangular_op = Op(
    "solve_triangular",
    infer=_infer_solve,
    numpy=solve_triangular_numpy,
    gradient=_solve_triangular_gradient,
    doc="The solution of a triangular system of linear equations.",
    core=False,
)

# Determinants


def det_numpy(x):
    """The determinant."""
    wide = np.result_type(x.dtype, np.float32)
    return np.asarray(np.linalg.det(x.astype(wide))).astype(x.dtype)


def _infer_det(x: Spec) -> Spec:
    return Spec(_square(x, "det").shape[:-2], x.dtype)


def det(x):
    """See `det_numpy`."""
    return bind(det_op, (x,), {})


def _beside(g):
    return expand_dims(g, (-2, -1))


det_op = Op(
    "det",
    infer=_infer_det,
    numpy=det_numpy,
    gradient=lambda g, ins, y: (multiply(_beside(g), bind(cofactor_op, ins, {})),),
    doc="The determinant.",
    core=False,
)


def cofactor_numpy(x):
    """The derivatives of the determinant, also where it is 0: by singular values."""
    wide = np.result_type(x.dtype, np.float32)
    u, s, vh = np.linalg.svd(x.astype(wide))
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    y = (u * others[..., None, :]) @ vh * np.round(sign)[..., None, None]
    return y.astype(x.dtype)


def _cofactor_gradient(g, ins, y):
    # Of second derivatives: for matrices that have an inverse.
    def by_inverse(x):
        return multiply(_beside(det(x)), solve(swapped(x), eye_like(x)))

    return vector_jacobian(by_inverse, ins, [g])


cofactor_op = Op(
    "cofactor",
    infer=lambda x: _square(x, "cofactor"),
    numpy=cofactor_numpy,
    gradient=_cofactor_gradient,
    doc="The derivatives of the determinant by the elements of the matrix.",
    core=False,
)


def slogdet_numpy(x):
    """Sign of the determinant, and the logarithm of its size."""
    wide = np.result_type(x.dtype, np.float32)
    sign, size = np.linalg.slogdet(x.astype(wide))
    return np.asarray(sign).astype(x.dtype), np.asarray(size).astype(x.dtype)


def _slogdet_gradient(g, ins, outs):
    (x,) = ins
    if g[1] is None:
        return (None,)
    return (lambda: multiply(_beside(g[1]), solve(swapped(x), eye_like(x))),)


slogdet_op = Op(
    "slogdet",
    infer=lambda x: (_infer_det(x), _infer_det(x)),
    numpy=slogdet_numpy,
    gradient=_slogdet_gradient,
    doc="The sign of the determinant and the logarithm of its size.",
    core=False,
)

# Factors


def cholesky_numpy(x):
    """The lower triangle L with L @ L.T = (x + x.T) / 2; NaN where there is none."""
    wide = np.result_type(x.dtype, np.float32)
    a = x.astype(wide)
    a = (a + np.swapaxes(a, -1, -2)) / 2
    try:
        return np.linalg.cholesky(a).astype(x.dtype)
    except np.linalg.LinAlgError:
        for i in np.ndindex(a.shape[:-2]):
            try:
                a[i] = np.linalg.cholesky(a[i])
            except np.linalg.LinAlgError:
                a[i] = np.nan
        return a.astype(x.dtype)


def _cholesky_gradient(g, ins, y):
    # Murray, "Differentiation of the Cholesky decomposition" (2016).
    inner = lower(matmul(swapped(y), lower(g)))
    inner = inner - _halved_diagonal(inner)
    outside = solve_triangular(swapped(y), inner, False)
    outside = solve_triangular(swapped(y), swapped(outside), False)
    return ((outside + swapped(outside)) * 0.5,)


def _halved_diagonal(x):
    return multiply(
        x, convert(np.eye(x.shape[-1], dtype=x.dtype) * np.asarray(0.5, x.dtype))
    )


cholesky_op = Op(
    "cholesky",
    infer=lambda x: _square(x, "cholesky"),
    numpy=cholesky_numpy,
    gradient=_cholesky_gradient,
    doc="The lower triangle whose product with its transpose is the matrix.",
    core=False,
)


def lu_numpy(x):
    """Both triangles in one matrix, the row that each row was exchanged with, and the
    order of the rows that came of it."""
    wide = np.result_type(x.dtype, np.float32)
    (m, n), lead = x.shape[-2:], x.shape[:-2]
    count = int(np.prod(lead))  # -1 would not do for empty matrices
    lu = np.array(x, wide).reshape(count, m, n)
    k = min(m, n)
    pivots = np.zeros((len(lu), k), np.int32)
    order = np.tile(np.arange(m, dtype=np.int32), (len(lu), 1))
    for a, p, rows in zip(lu, pivots, order):
        for i in range(k):
            p[i] = i + np.argmax(np.abs(a[i:, i]))
            a[[i, p[i]]] = a[[p[i], i]]
            rows[[i, p[i]]] = rows[[p[i], i]]
            if a[i, i] != 0:
                a[i + 1 :, i] /= a[i, i]
            a[i + 1 :, i + 1 :] -= a[i + 1 :, i, None] * a[i, i + 1 :]
    lu = lu.reshape(x.shape).astype(x.dtype)
    return lu, pivots.reshape(*lead, k), order.reshape(*lead, m)


def _infer_lu(x: Spec):
    m, n = x.shape[-2:]
    lead = x.shape[:-2]
    return x, Spec((*lead, min(m, n)), "int32"), Spec((*lead, m), "int32")


def _lu_gradient(g, ins, outs):
    (x,), (lu, _, order) = ins, outs
    if g[0] is None:
        return (None,)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"A gradient was asked of lu_factor of matrices of shape {x.shape}.\n"
            "Expected square ones.\nUse ops.qr for tall matrices."
        )
    unit = eye_like(x)
    left, right = lower(lu, -1) + unit, upper(lu)
    inner = lower(matmul(swapped(left), lower(g[0], -1)), -1)
    inner = inner + upper(matmul(upper(g[0]), swapped(right)))
    y = solve_triangular(swapped(left), inner, False)
    y = swapped(solve_triangular(right, swapped(y), False))
    return (pick_along_axis(y, expand_dims(argsort(order), -1), y.ndim - 2),)


lu_op = Op(
    "lu_factor",
    infer=_infer_lu,
    numpy=lu_numpy,
    gradient=_lu_gradient,
    hidden=1,
    doc="The triangles of Gauss's elimination, and how rows were exchanged.",
    core=False,
)


def qr_numpy(x, *, complete):
    """Orthonormal columns, and the triangle that makes the matrix of them."""
    wide = np.result_type(x.dtype, np.float32)
    q, r = np.linalg.qr(x.astype(wide), mode="complete" if complete else "reduced")
    return q.astype(x.dtype), r.astype(x.dtype)


def _infer_qr(x: Spec, *, complete: bool):
    (m, n), lead = x.shape[-2:], x.shape[:-2]
    k = m if complete else min(m, n)
    return Spec((*lead, m, k), x.dtype), Spec((*lead, k, n), x.dtype)


def _qr_gradient(g, ins, outs, *, complete):
    (x,), (q, r), (g_q, g_r) = ins, outs, g
    m, n = x.shape[-2:]
    if m < n or (complete and m != n):
        raise ValueError(
            f"A gradient was asked of qr of matrices of shape {x.shape}"
            f"{' with mode=complete' if complete else ''}.\n"
            "Expected at least as many rows as columns, and mode='reduced'.\n"
            "Factor the transposed matrix, or leave mode away."
        )
    # Walter and Lehmann, "Algorithmic differentiation of linear algebra functions"
    # (2010): what is lost of the symmetry is filled up from the lower triangle.
    inner = 0.0
    if g_r is not None:
        inner = matmul(r, swapped(g_r))
    if g_q is not None:
        inner = inner - matmul(swapped(g_q), q)
    inner = lower(inner) + swapped(lower(inner, -1))
    total = matmul(q, inner)
    total = total if g_q is None else total + g_q
    return (swapped(solve_triangular(r, swapped(total), False)),)


qr_op = Op(
    "qr",
    infer=_infer_qr,
    numpy=qr_numpy,
    gradient=_qr_gradient,
    doc="Orthonormal columns, and the triangle that makes the matrix of them.",
    core=False,
)


def eigh_numpy(x):
    """Eigenvalues of (x + x.T) / 2 in ascending order, and its eigenvectors."""
    wide = np.result_type(x.dtype, np.float32)
    a = x.astype(wide)
    w, v = np.linalg.eigh((a + np.swapaxes(a, -1, -2)) / 2)
    return w.astype(x.dtype), v.astype(x.dtype)


def _apart(w):
    """1 / (w_j - w_i), and 0 on the diagonal."""
    same = np.eye(w.shape[-1], dtype=bool)
    difference = expand_dims(w, -2) - expand_dims(w, -1)
    return where(same, 0.0, 1.0 / where(same, 1.0, difference))


def _eigh_gradient(g, ins, outs):
    (w, v), (g_w, g_v) = outs, g
    inner = 0.0 if g_w is None else _on_diagonal(g_w)
    if g_v is not None:
        inner = inner + multiply(_apart(w), matmul(swapped(v), g_v))
    y = matmul(matmul(v, inner), swapped(v))
    return ((y + swapped(y)) * 0.5,)


eigh_op = Op(
    "eigh",
    infer=lambda x: (Spec(_square(x, "eigh").shape[:-1], x.dtype), x),
    numpy=eigh_numpy,
    gradient=_eigh_gradient,
    doc="Eigenvalues and eigenvectors of a symmetric matrix.",
    core=False,
)


def svd_numpy(x, *, full):
    """Left singular vectors, singular values in descending order, and right vectors as
    rows."""
    wide = np.result_type(x.dtype, np.float32)
    parts = np.linalg.svd(x.astype(wide), full_matrices=full)
    return tuple(part.astype(x.dtype) for part in parts)


def _infer_svd(x: Spec, *, full: bool):
    (m, n), lead = x.shape[-2:], x.shape[:-2]
    k = min(m, n)
    return (
        Spec((*lead, m, m if full else k), x.dtype),
        Spec((*lead, k), x.dtype),
        Spec((*lead, n if full else k, n), x.dtype),
    )


def _svd_gradient(g, ins, outs, *, full):
    (x,), (u, s, vh), (g_u, g_s, g_vh) = ins, outs, g
    m, n = x.shape[-2:]
    k = min(m, n)
    if full and m != n and (g_u is not None or g_vh is not None):
        raise ValueError(
            f"A gradient was asked of the singular vectors of matrices of shape "
            f"{x.shape} with full_matrices=True.\n"
            "Expected full_matrices=False: the vectors beyond are not determined.\n"
            "Call ops.svd(x, full_matrices=False)."
        )
    u, vh = u[..., :, :k], vh[..., :k, :]
    v = swapped(vh)
    inner = 0.0 if g_s is None else _on_diagonal(g_s)
    by_s, s_columns = expand_dims(s, -1), expand_dims(s, -2)
    # 1 / (s_j^2 - s_i^2), without the squares' loss of digits.
    apart = multiply(_apart(s), 1.0 / (by_s + s_columns))
    outside = None
    if g_u is not None:
        turn = matmul(swapped(u), g_u)
        inner = inner + multiply(multiply(apart, turn - swapped(turn)), s_columns)
        if m > k:
            beyond = (g_u - matmul(u, turn)) / s_columns
            outside = matmul(beyond, vh)
    if g_vh is not None:
        g_v = swapped(g_vh)
        turn = matmul(vh, g_v)
        inner = inner + multiply(by_s, multiply(apart, turn - swapped(turn)))
        if n > k:
            beyond = (g_v - matmul(v, turn)) / s_columns
            more = matmul(u, swapped(beyond))
            outside = more if outside is None else outside + more
    y = matmul(matmul(u, inner), vh)
    return (y if outside is None else y + outside,)


svd_op = Op(
    "svd",
    infer=_infer_svd,
    numpy=svd_numpy,
    gradient=_svd_gradient,
    doc="Singular vectors and singular values.",
    core=False,
)
