"""Operations of the user's own, and functions between symbolic tensors."""

from typing import Any

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from tests.training.networks import message

ONES = np.ones((2, 3), "float32")


class Mixed(cornu.Operation):
    def call(self, x, y, z: Any = None):
        return x + 2 * y + 3 * z


class Told(Mixed):
    """Says what comes out, which is its input."""

    def compute_output_spec(self, x, y, z=None):
        return x


class Two(cornu.Operation):
    def call(self, x):
        return x, x + 1


class Affine(cornu.Operation):
    def __init__(self, alpha, *, beta=1.0, name=None):
        super().__init__(name=name)
        self.alpha, self.beta = alpha, beta

    def call(self, x):
        return self.alpha * x + self.beta


class More(cornu.Operation):
    def __init__(self, alpha, beta=1.0, **kwargs):
        super().__init__(**kwargs)


class Several(cornu.Operation):
    def __init__(self, alpha, *args, name=None):
        super().__init__(name=name)


@pytest.mark.parametrize("cls", [Mixed, Told])
@pytest.mark.parametrize("how", ["args", "kwargs", "both"])
def test_an_operation_is_called_on_arrays_and_on_symbols(cls, how):
    op = cls(name="mixed")

    def call(x, y, z):
        if how == "args":
            return op(x, y, z)
        return op(x=x, y=y, z=z) if how == "kwargs" else op(x, y=y, z=z)

    np.testing.assert_array_equal(call(ONES, ONES, ops.array(ONES)), 6 * ONES)
    x, y, z = (cornu.Input((3,), batch_size=2) for _ in range(3))
    with pytest.raises(AttributeError, match="no symbolic input"):
        _ = op.output
    first = call(x, y, z)
    assert (first.shape, first.name) == ((2, 3), "mixed")
    assert op.input == [x, y, z]
    call(x, y, z)
    assert op.output is first
    model = cornu.Model([x, y, z], first)
    np.testing.assert_array_equal(model([ONES, ONES, 2 * ONES]), 9 * ONES)
    np.testing.assert_array_equal(model.predict([ONES, ONES, ONES]), 6 * ONES)


def test_an_operation_with_two_outputs_is_part_of_a_model():
    x = cornu.Input((3,))
    a, b = Two()(x)
    model = cornu.Model(x, [a, layers.Dense(1, kernel_initializer="ones")(b)])
    first, second = model.predict(ONES, verbose=0)
    np.testing.assert_array_equal(first, ONES)
    np.testing.assert_array_equal(second, [[6.0], [6.0]])
    assert any("two" in part.name for part in model.operations)


def test_an_operation_describes_itself():
    assert Mixed(name="m").get_config() == {"name": "m"}
    config = {"alpha": 0.5, "beta": 1.0, "name": "a"}
    for cls in (Affine, More):
        assert cls(0.5, name="a").get_config() == config
        unnamed = cls(0.5)
        assert unnamed.get_config() == {**config, "name": unnamed.name}
        assert cls.from_config(config).get_config() == config
    for op in (Affine(object()), Several(1, 2, 3)):
        with pytest.raises(NotImplementedError, match="no plain values"):
            op.get_config()
    for name in ("a/b", 5):
        assert "Expected text without '/'" in message(Mixed, name=name)
    with pytest.raises(NotImplementedError, match="has no call method"):
        cornu.Operation()(ONES)


def test_a_function_of_symbolic_tensors():
    x, y = cornu.Input((3,), batch_size=2), cornu.Input((3,), batch_size=2)
    total = x + y
    function = cornu.Function([x, y], [total * 3, total**2], name="f")
    assert function.name == "f"
    found = function([ONES, ONES])
    assert type(found) is list
    np.testing.assert_array_equal(found[0], 6 * ONES)
    np.testing.assert_array_equal(found[1], 4 * ONES)
    again = [cornu.Input((3,), batch_size=2) for _ in range(2)]
    outer = cornu.Function(again, function(again))
    np.testing.assert_array_equal(outer([ONES, ONES])[1], 4 * ONES)
    named = cornu.Function({"x": x, "y": y}, {"t": total})
    np.testing.assert_array_equal(named({"x": ONES, "y": ONES})["t"], 2 * ONES)


def test_a_function_knows_its_shapes():
    x = cornu.Input((3,))
    function = cornu.Function(x, layers.Dense(5)(x))
    assert function.compute_output_spec(cornu.KerasTensor((4, 3))).shape == (4, 5)
    assert function.compute_output_shape((None, 3)) == (None, 5)
    assert function(cornu.KerasTensor((4, 3))).shape == (4, 5)


def test_a_function_may_begin_in_the_middle():
    x = cornu.Input((3,))
    middle = x * 2
    function = cornu.Function(middle, (middle + 1) ** 2)
    assert [part.name for part in function.operations] == ["add", "power"]
    np.testing.assert_array_equal(function(ONES), 4 * ONES)


def test_what_a_function_refuses():
    x, y = cornu.Input((3,), batch_size=2), cornu.Input((3,), batch_size=2)
    function = cornu.Function([x, y], x + y)
    assert "nested as" in message(function, ONES)
    for bad in (np.ones((2, 3, 3)), np.ones((4, 3))):
        assert "Expected (2, 3)" in message(function, [bad, ONES])
    assert "one at least" in message(cornu.Function, [], x)
    assert "one at least" in message(cornu.Function, x, [])
    assert "is needed" in message(cornu.Function, x, x + y)
