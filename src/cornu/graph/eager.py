"""Operations on concrete arrays: the same records, run at once, and the tape."""

from __future__ import annotations

import contextvars
import threading
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.dispatch import DISPATCH, native
from cornu.graph.op import Op
from cornu.graph.spec import Spec, standardize_dtype
from cornu.graph.tensor import TensorBase


class _Names(dict[Any, str]):
    """The names of NumPy's dtypes, which NumPy itself makes anew at every question."""

    def __missing__(self, dtype: Any) -> str:
        name = self[dtype] = dtype.name
        return name


_NAMES = _Names()


class Tensor(TensorBase):
    """A concrete tensor on the `numpy` engine.

    Args:
        array: a NumPy array, which the tensor takes over without copying.

    Example:

    >>> from cornu import ops
    >>> t = ops.convert_to_tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> t.shape, t.ndim, t.dtype
    ((2, 2), 2, 'float32')
    >>> np.asarray(t[:, 0] * 10)
    array([10., 30.], dtype=float32)
    """

    __slots__ = ("_array", "_keras_mask", "_unscaled")

    # Whether its values can be looked at: a library may be tracing a function of them.
    is_known = True

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> str:
        return _NAMES[self._array.dtype]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._array.size

    @property
    def spec(self) -> Spec:
        return Spec(self._array.shape, _NAMES[self._array.dtype])

    def numpy(self) -> np.ndarray:
        """A NumPy array of the values, the caller's own."""
        return self._array.copy()

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self._array.item()

    def tolist(self) -> Any:
        """The values as nested Python lists."""
        return self._array.tolist()

    def __repr__(self) -> str:
        text = np.array2string(self._array, separator=", ", prefix="tensor(")
        return f"tensor({text}, dtype={self.dtype})"

    def __format__(self, format_spec: str) -> str:
        return format(
            self._array.item() if self._array.ndim == 0 else self._array, format_spec
        )

    def __bool__(self) -> bool:
        return bool(self._array)

    def __float__(self) -> float:
        return float(self._array)

    def __int__(self) -> int:
        return int(self._array)

    def __index__(self) -> int:
        return self._array.__index__()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy or (dtype is not None and np.dtype(dtype) != self._array.dtype):
            return np.array(self._array, dtype, copy=copy is not False)
        view = self._array.view()
        view.flags.writeable = False  # other tensors may rest on the same memory
        return view


class Record:
    """One operation that ran while a tape was open: what a Node is to a trace."""

    __slots__ = ("inputs", "op", "outputs", "params")

    def __init__(
        self,
        op: Op,
        inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        params: dict[str, Any],
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.outputs = outputs
        self.params = params


def quiet_context() -> contextvars.Context:
    """A context in which NumPy gives inf and NaN without a warning, as IEEE 754 says.

    To run in it costs a tenth of entering `np.errstate`, and leaves the user's alone.
    """
    context = contextvars.Context()
    context.run(np.seterr, all="ignore")
    return context


class _Tapes(threading.local):
    def __init__(self) -> None:
        self.open: list[list[Record]] = []
        self.on_read: list[Any] = []  # called with each variable that is read
        self.on_loss: list[Any] = []  # called with what gradients are taken of
        # While a tape is open: the tensors that arrays of a library came in as.
        self.seen: dict[int, Tensor] | None = None
        self.quietly = quiet_context().run


TAPES = _Tapes()


def run(op: Op, inputs: tuple[Tensor, ...], params: dict[str, Any]) -> Any:
    """Run one operation at once and enter it on the open tapes."""
    if DISPATCH.native is not None and (evaluator := native()) is not None:
        return evaluator.run(op, inputs, params)
    if op.numpy is None:
        return _run_composite(op, inputs, params)
    try:
        outs = TAPES.quietly(op.numpy, *[x._array for x in inputs], **params)
    except Exception:
        op.infer(*[x.spec for x in inputs], **params)  # the shape rule explains better
        raise
    if type(outs) is tuple:
        result: Any = tuple(Tensor(o) for o in outs)
        outputs = result
    else:
        result = Tensor(outs if type(outs) is np.ndarray else np.asarray(outs))
        outputs = (result,)
    if TAPES.open:
        enter(Record(op, inputs, outputs, params))
    return result


def enter(record: Record) -> None:
    """Enter an operation that ran on the open tapes."""
    for tape in TAPES.open:
        tape.append(record)


def _run_composite(op: Op, inputs: tuple[Tensor, ...], params: dict[str, Any]) -> Any:
    assert op.expansion is not None
    tapes = TAPES.open
    own = op.gradient is not None or op.no_gradient is not None
    if not tapes or not own:
        return op.expansion(*inputs, **params)
    TAPES.open = []  # the composite has a rule of its own: one entry for it all
    try:
        result = op.expansion(*inputs, **params)
    finally:
        TAPES.open = tapes
    outputs = result if isinstance(result, tuple) else (result,)
    # A result that is an input itself would confuse the tape, which goes by identity.
    outputs = tuple(Tensor(o._array) for o in outputs)
    for tape in tapes:
        tape.append(Record(op, inputs, outputs, params))
    return outputs if isinstance(result, tuple) else outputs[0]


def is_native(value: Any) -> bool:
    """Whether it is an array of the library that operations run on."""
    if DISPATCH.native is None or (evaluator := native()) is None:
        return False
    return isinstance(value, evaluator.arrays)


def as_array(value: Any, dtype: str | None = None) -> np.ndarray:
    """`value` as a NumPy array of a dtype that Cornu computes with.

    Python floats (also in lists) become floatx, Python ints int32 where they fit;
    arrays keep theirs.

    Raises:
        TypeError: for what is no number, or of a dtype that Cornu has not.
        ValueError: for lists whose rows differ in length.
    """
    if isinstance(value, np.ndarray):
        array = value
    elif is_native(value):
        array = native().tensor(value).__array__()
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(
                f"This {type(value).__name__} cannot be made a tensor: {error}.\n"
                "Expected numbers, or nested lists whose rows have equal lengths.\n"
                "Pad the rows to one length, for example with pad_sequences."
            ) from error
        if dtype is None and not isinstance(value, np.generic):
            if array.dtype == np.float64:
                array = array.astype(config.floatx())
            elif array.dtype == np.int64 and _made_of_python_numbers(value):
                narrow = array.astype(np.int32)
                array = narrow if (narrow == array).all() else array
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        standardize_dtype(array.dtype)  # raises for all but bfloat16
    if not array.dtype.isnative:  # as some file formats have it
        array = array.astype(array.dtype.newbyteorder("="))
    return array if dtype is None else array.astype(dtype, copy=False)


def _made_of_python_numbers(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, int)
