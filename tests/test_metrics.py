"""What metrics do beside their values: states, copies, custom ones, errors."""

import numpy as np
import pytest

import cornu
from cornu import metrics, ops
from cornu.graph.tensor import set_keras_mask
from tests.parity.cases import DECISIONS, NEEDED, data_for, options_of

CLASSES = sorted(
    {o.__name__: o for o in metrics.REGISTRY.objects.values() if isinstance(o, type)}
)
PAIRS = [n for n in CLASSES if n not in ("Mean", "Sum", "MeanMetricWrapper")]


@pytest.mark.parametrize("name", PAIRS)
def test_updates_as_a_pure_function(name):
    metric, once = (getattr(metrics, name)(**NEEDED.get(name, {})) for _ in range(2))
    args = data_for(name, (4, 3), {}, "float32")
    if name in DECISIONS:
        args = [args[0] > 0.5, args[1]]
    metric.update_state(*args)  # some make their variables only now
    state = metric.stateless_reset_state()
    metric.reset_state()
    for _ in range(2):
        state = metric.stateless_update_state(state, *args)
    assert not any(v.numpy().any() for v in metric.variables)
    once.update_state(*args)
    once.update_state(*args)
    found = metric.stateless_result(state)
    np.testing.assert_allclose(found, once.result(), rtol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_copies_have_every_option(name):
    cls = getattr(metrics, name)
    for options in options_of(name, cls):
        options = {**NEEDED.get(name, {}), **options}
        made = cls(**options, name="mine", dtype="float64")
        config = made.get_config()
        assert {key: config[key] for key in options} == options
        assert config["dtype"] == "float64"
        for again in (cls.from_config(config), metrics.get(metrics.serialize(made))):
            assert type(again) is cls
            assert again.get_config() == config


def test_a_wrapped_function_can_be_copied():
    made = metrics.MeanMetricWrapper(cornu.losses.huber, name="far", delta=0.5)
    again = metrics.deserialize(metrics.serialize(made))
    args = ([[0.0, 3.0]], [[1.0, 1.0]])
    assert float(again(*args)) == float(made(*args)) > 0
    assert again.get_config() == made.get_config()


def test_a_metric_of_metrics():
    class Both(metrics.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts = {"a": metrics.Mean(), "b": [metrics.Sum()]}
            self.seen = self.add_variable((), "zeros", name="seen")

        def update_state(self, values, sample_weight=None):
            self.seen.assign_add(1.0)
            self.parts["a"].update_state(values)
            self.parts["b"][0].update_state(values)

        def result(self):
            return self.parts["a"].result() + self.parts["b"][0].result() + self.seen

    metric = Both()
    assert len(metric.variables) == 4
    assert float(metric([1.0, 3.0])) == 2.0 + 4.0 + 1.0
    metric.reset_state()
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize("old", ["reset_states", "reset_state"])
def test_either_name_of_reset_may_be_written(old):
    class Last(metrics.Metric):
        def __init__(self):
            super().__init__(name="last")
            self.last = self.add_weight((), "zeros", name="last")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.last.assign(ops.max(y_pred))

        def result(self):
            return self.last.value

    setattr(Last, old, lambda self: self.last.assign(-1.0))
    metric = Last()
    metric([0.0], [5.0])
    metric.reset_state()
    assert float(metric.result()) == -1.0


def test_masked_means_by_hand():
    metric = metrics.MeanSquaredError()
    y, p = np.zeros((2, 3)), ops.array(np.arange(6.0).reshape(2, 3))
    set_keras_mask(p, ops.array([True, False]))
    metric.update_state(y, p)
    assert float(metric.result()) == pytest.approx((0 + 1 + 4) / 3)


def unready():
    class Unready(metrics.Metric):
        def __init__(self):
            self.add_variable(())

    return Unready()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: metrics.get("acuracy"),
        lambda: metrics.get(3),
        lambda: metrics.Metric(nmae="x"),
        lambda: metrics.Metric().update_state(1),
        lambda: metrics.Metric().result(),
        lambda: metrics.CategoricalAccuracy()(np.ones((2, 3)), np.ones((2, 4))),
        lambda: metrics.SparseCategoricalAccuracy()(np.ones(3), np.ones((2, 4))),
        lambda: metrics.SparseTopKCategoricalAccuracy()(np.eye(3), np.ones((3, 3))),
        lambda: metrics.BinaryAccuracy()(np.ones(4), np.ones((4, 4))),
        lambda: metrics.F1Score("micro")(np.ones(4), np.ones((4, 1))),
        lambda: metrics.Mean().stateless_result([1.0]),
        unready,
    ],
)
def test_errors_have_three_parts(wrong):
    with pytest.raises((ValueError, TypeError, NotImplementedError, RuntimeError)) as e:
        wrong()
    assert len(str(e.value).splitlines()) == 3


def test_weights_that_are_cut_to_whole_numbers_are_told_of_once():
    metric = metrics.MeanIoU(2)
    with pytest.warns(UserWarning, match=r"fractions.*\n.*\n.*dtype='float32'"):
        metric.update_state([0, 1], [0, 1], sample_weight=[0.5, 1.5])
    metric.update_state([0, 1], [0, 1], sample_weight=[0.5, 1.5])
    metrics.MeanIoU(2, dtype="float32").update_state([0, 1], [0, 1], [0.5, 1.5])
    metrics.MeanIoU(2).update_state([0, 1], [0, 1], [2, 1])
