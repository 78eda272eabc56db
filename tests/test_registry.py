"""Names of objects and for objects, in every room that has a registry."""

import numpy as np
import pytest

from cornu import (
    constraints,
    initializers,
    losses,
    metrics,
    ops,
    optimizers,
    registry,
    regularizers,
    serialization,
    stateless,
)
from cornu.graph import Variable
from cornu.optimizers import schedules
from tests.parity.cases import NEEDED, WRAPPERS, options_of

ROOMS = [losses, metrics, regularizers, constraints, initializers, optimizers]
NEEDS_ARGUMENTS = {*NEEDED, *map(registry.to_snake_case, NEEDED)}
EVERY_NAME = [
    pytest.param(room, name, id=f"{room.__name__.split('.')[1]}-{name}")
    for room in ROOMS
    for name in room.REGISTRY.objects
    if name not in ("LossFunctionWrapper", "loss_function_wrapper")
    if name not in ("MeanMetricWrapper", "mean_metric_wrapper")
    if name not in NEEDS_ARGUMENTS
    if name not in (*WRAPPERS, *map(str.lower, WRAPPERS))
]


@pytest.mark.parametrize(("room", "name"), EVERY_NAME)
def test_names_lead_there_and_back(room, name):
    found = room.get(name)
    entered = room.REGISTRY.objects[name]
    assert found is entered or type(found) is entered
    assert room.get(found) is found
    config = room.serialize(found)
    again = room.deserialize(config)
    assert again is found or type(again) is type(found)
    assert room.serialize(again) == config or "seed" in str(config)


@pytest.mark.parametrize("room", ROOMS)
def test_classes_and_none(room):
    entered = next(o for o in room.REGISTRY.objects.values() if isinstance(o, type))
    assert type(room.get(entered)) is entered
    assert room.get(None) is None
    assert room.serialize(None) is None


LOSSES = {o.__name__ for o in losses.REGISTRY.objects.values() if isinstance(o, type)}


@pytest.mark.parametrize("name", sorted(LOSSES - {"LossFunctionWrapper"}))
def test_losses_keep_their_options(name):
    cls = getattr(losses, name)
    for options in options_of(name):
        made = cls(**options, name="mine", reduction="sum")
        config = made.get_config()
        assert {**config, **options, "name": "mine", "reduction": "sum"} == config
        assert cls.from_config(config).get_config() == config


def test_a_wrapped_function_keeps_its_arguments():
    made = losses.LossFunctionWrapper(losses.huber, name="far", delta=0.5)
    again = losses.deserialize(losses.serialize(made))
    assert float(again([0.0], [3.0])) == float(made([0.0], [3.0])) == 0.5 * 3 - 0.125


def test_objects_of_ones_own():
    class Cubes(regularizers.Regularizer):
        def __init__(self, factor=1.0):
            self.factor = factor

        def __call__(self, x):
            return self.factor * ops.sum(abs(x) ** 3)

        def get_config(self):
            return {"factor": self.factor}

    config = regularizers.serialize(Cubes(2.0))
    assert config["module"] == __name__
    again = regularizers.deserialize(config, custom_objects={"Cubes": Cubes})
    assert float(again(np.array([1.0, -2.0]))) == 18.0
    with pytest.raises(ValueError, match="no regularizer named 'Cubes'"):
        regularizers.deserialize(config)
    serialization.CUSTOM_OBJECTS["mine>Cubes"] = Cubes
    try:
        config = regularizers.serialize(Cubes(2.0))
        assert config["registered_name"] == "mine>Cubes"
        assert regularizers.get(config).factor == 2.0
        assert type(regularizers.get("Cubes")) is Cubes
    finally:
        del serialization.CUSTOM_OBJECTS["mine>Cubes"]


def test_automatic_names():
    registry.reset_names()
    names = [registry.auto_name(n) for n in ("Dense", "Dense", "Conv2D", "dense")]
    assert names == ["dense", "dense_1", "conv2d", "dense_2"]
    registry.reset_names()
    assert registry.auto_name("Dense") == "dense"


def test_state_is_put_back_even_after_an_error():
    v = Variable([1.0])

    def fails():
        v.assign([5.0])
        raise KeyError("x")

    with pytest.raises(KeyError):
        stateless.run([v], [np.array([2.0])], fails)
    assert float(v[0]) == 1.0
    with pytest.raises(ValueError, match="one value per variable"):
        stateless.run([v], [], lambda: None)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: regularizers.L2(-1.0),
        lambda: regularizers.L1("much"),
        lambda: regularizers.L1L2(l1=float("nan")),
        lambda: regularizers.L1(l3=1.0),
        lambda: regularizers.OrthogonalRegularizer(mode="cells"),
        lambda: regularizers.OrthogonalRegularizer()(np.ones(3)),
        lambda: regularizers.Regularizer().get_config(),
        lambda: regularizers.get("l3"),
        lambda: constraints.get("maximal"),
        lambda: constraints.MaxNorm(max=3),
        lambda: schedules.deserialize({"class_name": "Decay", "config": {}}),
    ],
)
def test_errors_have_three_parts(wrong):
    with pytest.raises((ValueError, TypeError, NotImplementedError)) as caught:
        wrong()
    assert len(str(caught.value).splitlines()) == 3
