"""Losses for parts of outputs that are nested: their values, weights and names."""

import collections
from typing import Any

import numpy as np
import pytest

import cornu
from cornu import ops
from cornu.training.nesting import aligned, numbered, places
from tests.training.networks import message

Y = collections.namedtuple("Y", ["p", "q"])
RNG = np.random.default_rng(2)
X = RNG.normal(size=(8, 3)).astype("float32")
P, Q, R = (RNG.normal(size=(8, 1)).astype("float32") for _ in range(3))


def network(make):
    """A model whose outputs `p`, `q`, `r` are X @ 1, X @ 2 and X @ 3 in a nesting."""
    x = cornu.Input((3,))
    outputs = []
    for name, number in zip("pqr", (1.0, 2.0, 3.0), strict=True):
        fixed = cornu.initializers.Constant(number)
        layer = cornu.layers.Dense(1, use_bias=False, kernel_initializer=fixed)
        layer.name = name
        outputs.append(layer(x))
    return cornu.Model(x, make(*outputs))


def mae(number, target):
    return float(np.mean(abs(X.sum(1, keepdims=True) * number - target)))


def both(y_true, y_pred):
    """A loss that is given a part of the outputs as it is nested."""
    assert type(y_true) is type(y_pred)
    pairs = zip(numbered(y_true)[1], numbered(y_pred)[1], strict=True)
    return sum(ops.mean(ops.abs(a - b)) for a, b in pairs)


A, B = mae(1, P), mae(2, Q)
STRUCTURES = {
    "tuple": (lambda p, q, r: (p, q), [both, ("mae", "mae")], ("p_q", "p", "q")),
    "list": (lambda p, q, r: [p, q], (both, ["mae", "mae"]), ("p_q", "p", "q")),
    "dict": (
        lambda p, q, r: {"b": p, "a": q},
        [both, {"b": "mae", "a": "mae"}],
        ("b_a", "b", "a"),
    ),
    "namedtuple": (lambda p, q, r: Y(p, q), [both, Y("mae", "mae")], ("p_q", "p", "q")),
}


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.parametrize("weights", [None, "nested", "flat"])
def test_a_loss_of_all_outputs_beside_one_for_each(kind, weights):
    make, losses, names = STRUCTURES[kind]
    model = network(make)
    kept: list | None = None
    if weights == "nested":
        inner = losses[1]
        if isinstance(inner, dict):
            of_each = dict(zip(inner, (2.0, 3.0), strict=True))
        else:
            of_each = type(inner)(*(2.0, 3.0)) if kind == "namedtuple" else [2.0, 3.0]
        kept = [0.5, of_each]
    elif weights == "flat":
        kept = [0.5, 2.0, 3.0]
    model.compile("sgd", losses, loss_weights=kept)
    y = make(P, Q, R)
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    w = (1.0, 1.0, 1.0) if weights is None else (0.5, 2.0, 3.0)
    expected = {
        "loss": w[0] * (A + B) + w[1] * A + w[2] * B,
        f"{names[0]}_loss": A + B,
        f"{names[1]}_loss": A,
        f"{names[2]}_loss": B,
    }
    assert logs == pytest.approx(expected, rel=1e-5)
    assert type(model.predict(X, verbose=0)) is type(y)


def test_outputs_in_dicts_and_tuples_inside_a_dict():
    model = network(lambda p, q, r: {"a": (p, q), "b": {"c": r, "d": p}, "e": q})
    model.compile(
        cornu.optimizers.SGD(0.0),
        {
            "a": [both, (None, "mae")],
            "b": [both, {"c": "mae"}],
            "e": "mae",
        },
        metrics={"b/d": ["mse"], "e": ["mae"]},
    )
    y = {"a": (P, Q), "b": {"c": R, "d": P}, "e": Q}
    history = model.fit(X, y, batch_size=8, verbose=0).history
    c = mae(3, R)
    expected = {
        "a_loss": A + B,
        "a/q_loss": B,
        "b_loss": c + A,
        "b/c_loss": c,
        "e_loss": B,
        "q_mae": B,  # metrics by the layers alone, as in Keras
        "p_mse": float(np.mean((X.sum(1, keepdims=True) - P) ** 2)),
        "loss": A + B + B + c + A + c + B,
    }
    assert {k: v[0] for k, v in history.items()} == pytest.approx(expected, rel=1e-5)
    found = model.predict(X, verbose=0)
    assert numbered(found)[0] == numbered(y)[0]
    np.testing.assert_allclose(found["b"]["c"], 3 * X.sum(1, keepdims=True), rtol=1e-5)


def test_metrics_are_nested_as_the_outputs_are():
    model = network(lambda p, q, r: {"a": p, "b": {"c": q, "d": [r, p]}})
    metrics = {"a": "mae", "b": {"c": ["mae"], "d": ["mae", ["mse", "mae"]]}}
    model.compile("sgd", "mse", metrics=metrics)
    y = {"a": P, "b": {"c": Q, "d": [R, P]}}
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    found = {k: v for k, v in logs.items() if not k.endswith("loss")}
    mse = np.mean((X.sum(1, keepdims=True) - P) ** 2)
    expected = {"p_mae": A, "q_mae": B, "r_mae": mae(3, R), "p_mae_1": A}
    assert found == pytest.approx({**expected, "p_mse": mse}, rel=1e-5)
    model.compile("sgd", "mse", metrics={"b": {"d": ["mae"]}})
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    assert {k for k in logs if k.endswith("mae")} == {"r_mae", "p_mae"}
    model.compile("sgd", "mse", metrics={"b": {"e": ["mae"]}})
    said = message(model.evaluate, X, y)
    assert "metrics has an entry for the output 'e'.\n" in said


def test_targets_of_the_outputs_that_have_a_loss():
    model = network(lambda p, q, r: [p, q, r])
    for losses, y, loss in (
        (["mae", None, None], P, A),
        ([None, "mae", "mae"], [Q, R], B + mae(3, R)),
    ):
        model.compile("sgd", losses)
        found = model.evaluate(X, y, verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(loss, rel=1e-5)
    assert "y holds 1 array" in message(model.evaluate, X, [Q])


def test_one_loss_is_for_all_outputs_however_nested():
    model = network(lambda p, q, r: {"a": [p, q], "b": r})
    model.compile("sgd", "mae", weighted_metrics=["mae"])
    y, weight = {"a": [P, Q], "b": R}, np.arange(8.0)
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    c = mae(3, R)
    assert logs["loss"] == pytest.approx(A + B + c, rel=1e-5)
    assert logs["q_mae"] == logs["a/q_loss"] == pytest.approx(B, rel=1e-5)
    weighted = model.evaluate(X, y, sample_weight=weight, verbose=0, return_dict=True)
    off = abs(X.sum(1, keepdims=True) - P)[:, 0]
    assert weighted["a/p_loss"] == pytest.approx((off * weight).mean(), rel=1e-5)
    only = {"a": [weight, np.ones(8)], "b": np.ones(8)}
    partly = model.evaluate(X, y, sample_weight=only, verbose=0, return_dict=True)
    assert partly["a/p_loss"] == weighted["a/p_loss"]
    assert partly["a/q_loss"] == pytest.approx(B, rel=1e-5)


def test_inputs_are_nested_too():
    a, b, c = (cornu.Input((1,), name=n) for n in "abc")
    total = cornu.layers.Add()([a, b, c])
    model = cornu.Model(
        {"x": a, "o": {"y": b, "z": c}}, {"t": total, "o": {"u": a * 2}}
    )
    given = {"x": P, "o": {"y": Q, "z": R}}
    found = model.predict(given, verbose=0)
    np.testing.assert_allclose(found["t"], P + Q + R, rtol=1e-6)
    np.testing.assert_array_equal(found["o"]["u"], model(given)["o"]["u"])
    model.compile("sgd", "mse")
    expected = np.mean((P + Q + R) ** 2) + np.mean(4 * P**2)
    y = {"t": 0 * P, "o": {"u": 0 * P}}
    assert model.evaluate(given, y, verbose=0, return_dict=True)["loss"] == (
        pytest.approx(expected, rel=1e-5)
    )


def test_targets_find_their_output():
    where, names = {"b": [0, 1], "a": 2}, ["b/p", "b/q", "a"]
    for given in ({"b": [1, 2], "a": 3}, {"a": 3, "b": (1, 2)}, [1, 2, 3], [[1, 2], 3]):
        assert aligned(given, where, names, "target") == [1, 2, 3]
    assert aligned({"a": 3}, where, names, "target") == [None, None, 3]
    assert aligned(None, where, names, "target") == [None] * 3
    assert aligned({"q": 5}, [0, 1], ["p", "q"], "target") == [None, 5]
    for given in ([1], [1, 2, 3, 4], 5, {"b": [1], "a": 2}):
        said = message(aligned, given, where, names, "target")
        assert "targets were given for 3 outputs (b/p, b/q, a)" in said


def test_structures_that_cannot_be_meant():
    where, names = {"b": {"p": 0, "q": 1}, "a": 2}, ["b/p", "b/q", "a"]
    said = message(places, {"b": {"r": "mse"}}, None, where, names)
    assert "for the output 'r'.\nExpected names of outputs: p, q." in said
    assert "'x'" in message(places, {"a": {"x": "mse"}}, None, where, names)
    said = message(places, {"a": "mse", "b": {"p": "mae"}}, [1, 2, 3], where, names)
    assert "3 entries, but there are 2 losses (a, b/p)" in said


def test_a_compute_loss_may_make_more_outputs_of_one():
    class Split(cornu.Model):
        def compute_loss(
            self, x=None, y=None, y_pred: Any = None, sample_weight=None, **more
        ):
            return super().compute_loss(x, y, [y_pred, y_pred * 2], sample_weight)

    x = cornu.Input((3,))
    fixed = cornu.initializers.Ones()
    model = Split(x, cornu.layers.Dense(1, kernel_initializer=fixed)(x))
    model.compile("sgd", ["mae", "mae"])
    logs = model.fit(X, (P, Q), batch_size=8, verbose=0).history
    assert logs["loss"] == pytest.approx([A + B], rel=1e-5)
    assert logs["mae_1_loss"] == pytest.approx([B], rel=1e-5)
