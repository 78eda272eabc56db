"""The optimizers beside those of real Keras: 200 updates with each option.

From equal weights, with equal gradients; eagerly, and inside a compiled training step.
"""

import numpy as np
import pytest

import cornu
from tests.parity.cases import WRAPPERS, rng_of
from tests.parity.reference import MINE, TOLERANCE, compare, objects_of

OPTIMIZERS = [p for p in objects_of("optimizers", "class") if not p.endswith(WRAPPERS)]
STEPS = 200
COMMON = {
    "default": {},
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.1},
    "global_clipnorm": {"global_clipnorm": 0.5},
    "weight_decay": {"weight_decay": 0.02},
    "average": {"use_ema": True, "ema_momentum": 0.9},
    "average, taken": {"use_ema": True, "ema_overwrite_frequency": 7},
    "accumulated": {"gradient_accumulation_steps": 3},
    "accumulated and all the rest": {
        "gradient_accumulation_steps": 4,
        "use_ema": True,
        "ema_momentum": 0.8,
        "ema_overwrite_frequency": 3,
        "weight_decay": 0.01,
        "clipnorm": 1.0,
    },
}
OWN = {
    "SGD": [{"momentum": 0.9}, {"momentum": 0.8, "nesterov": True}],
    "RMSprop": [
        {"rho": 0.7, "epsilon": 1e-3},
        {"momentum": 0.5},
        {"centered": True},
        {"centered": True, "momentum": 0.5},
    ],
    "Adam": [
        {"amsgrad": True},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"beta_1": 0.0},
    ],
    "AdamW": [{"amsgrad": True, "weight_decay": 0.1}],
    "Adagrad": [{"initial_accumulator_value": 0.0, "epsilon": 1e-3}],
    "Adadelta": [{"rho": 0.5, "epsilon": 1e-3, "learning_rate": 1.0}],
    "Adafactor": [
        {"relative_step": False, "learning_rate": 0.3},
        {"beta_2_decay": -0.5, "clip_threshold": 0.1, "epsilon_2": 0.5},
    ],
    "Adamax": [{"beta_1": 0.5, "beta_2": 0.9}],
    "Nadam": [{"beta_1": 0.5, "beta_2": 0.9}],
    "Ftrl": [
        {"l1_regularization_strength": 0.1, "learning_rate": 0.1},
        {
            "learning_rate_power": -0.7,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.2,
            "beta": 0.3,
        },
    ],
    "Lamb": [{"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}],
    "Lion": [{"beta_1": 0.5, "beta_2": 0.9}],
    "Muon": [
        {"nesterov": False, "ns_steps": 2, "rms_rate": None},
        {"exclude_layers": ["kernel"], "adam_lr_ratio": 0.5},
        {"adam_weight_decay": 0.1, "weight_decay": None, "momentum": 0.5},
    ],
    "ScheduleFreeAdamW": [{"warmup_steps": 20, "beta_1": 0.5}],
}
SCHEDULES = [
    {"object": f"optimizers.schedules.{name}", "config": config}
    for name, config in [
        (
            "ExponentialDecay",
            {"initial_learning_rate": 0.1, "decay_steps": 20, "decay_rate": 0.5},
        ),
        (
            "PiecewiseConstantDecay",
            {"boundaries": [10, 40], "values": [0.1, 0.05, 0.01]},
        ),
        (
            "CosineDecay",
            {
                "initial_learning_rate": 0.0,
                "decay_steps": 60,
                "warmup_target": 0.1,
                "warmup_steps": 20,
            },
        ),
    ]
]


def options():
    for path in OPTIMIZERS:
        name = path.split(".")[1]
        for i, own in enumerate(OWN.get(name, [])):
            yield pytest.param(path, own, id=f"{name}-{i}")
        for label, common in COMMON.items():
            if name == "AdamW" and not label.startswith(("default", "accumulated and")):
                continue  # it is an Adam, and has nothing of its own but a default
            yield pytest.param(path, common, id=f"{name}-{label}")


def problem(dtype):
    """Weights, and gradients of very different sizes, some of them zero."""
    rng = rng_of("problem")
    weights = [rng.normal(size=(4, 3)), rng.normal(size=(3,))]
    sizes = 10.0 ** rng.uniform(-4, 1, STEPS)
    sizes[5] = 0.0
    gradients = [[rng.normal(size=w.shape) * s for w in weights] for s in sizes]
    cast = [[g.astype(dtype) for g in each] for each in gradients]
    return [w.astype(dtype) for w in weights], cast


class Products(cornu.layers.Layer):
    """Its loss is the sum of weights times inputs, so its gradients are its inputs."""

    def __init__(self, values, **kwargs):
        super().__init__(**kwargs)
        self.values = values

    def build(self, input_shape):
        self.parts = [
            self.add_weight(v.shape, lambda shape, dtype, v=v: v, name=name)
            for v, name in zip(self.values, ("kernel", "bias"), strict=True)
        ]

    def call(self, inputs):
        at = 0
        for part in self.parts:
            n = part.spec.size
            given = cornu.ops.reshape(inputs[0, at : at + n], part.shape)
            self.add_loss(cornu.ops.sum(part * given))
            at += n
        return inputs


def compiled(optimizer, weights, gradients, constraint=None, exclude=None):
    """The same updates as steps of a model that `fit` compiles."""
    opt = MINE.make(optimizer)
    if exclude:
        opt.exclude_from_weight_decay(var_names=exclude)
    x = np.array([np.concatenate([g.ravel() for g in each]) for each in gradients])
    layer = Products(weights)
    model = cornu.Sequential([cornu.Input((x.shape[1],)), layer])
    layer.parts[0].constraint = MINE.make(constraint)
    model.compile(opt)
    model.fit(x, batch_size=1, shuffle=False, verbose=0)
    return layer.get_weights()


def check(both, optimizer, dtype="float64", rtol=1e-9, atol=1e-12, **request):
    """Compare both, and compare what `fit` compiles with Keras as well."""
    weights, gradients = problem(dtype)
    mine, theirs = both.ask(
        "optimize",
        optimizer=optimizer,
        weights=weights,
        gradients=gradients,
        floatx=dtype,
        **request,
    )
    compare(mine, theirs, rtol, atol)
    with MINE.floatx(dtype):
        found = compiled(optimizer, weights, gradients, **request)
    compare(found, theirs["final"], rtol, atol, "compiled")


@pytest.mark.parametrize(("path", "config"), list(options()))
def test_200_updates(both, path, config):
    check(both, {"object": path, "config": {"learning_rate": 0.02, **config}})


@pytest.mark.parametrize("path", OPTIMIZERS)
def test_a_scaled_loss_is_divided_out_of_the_gradients_again(both, path):
    """`apply` divides what it is given; a training step multiplies the loss first."""
    weights, gradients = problem("float64")
    optimizer = {"object": path, "config": {"loss_scale_factor": 4.0}}
    both.same(
        "optimize",
        optimizer=optimizer,
        weights=weights,
        gradients=gradients,
        floatx="float64",
    )
    with MINE.floatx("float64"):
        scaled = compiled(optimizer, weights, gradients)
        plain = compiled({"object": path, "config": {}}, weights, gradients)
    compare(scaled, plain, *TOLERANCE["float64"])


@pytest.mark.parametrize("path", OPTIMIZERS)
def test_200_updates_in_float32(both, path):
    for config in OWN.get(path.split(".")[1], [{}]):
        optimizer = {"object": path, "config": {"learning_rate": 0.02, **config}}
        check(both, optimizer, "float32", 1e-4, 1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s["object"].split(".")[2])
@pytest.mark.parametrize("path", ["optimizers.SGD", "optimizers.AdamW"])
def test_schedules_inside_updates(both, path, schedule):
    check(both, {"object": path, "config": {"learning_rate": schedule}})


def test_a_schedule_counts_every_step_of_accumulation(both):
    config = {"learning_rate": SCHEDULES[0], "gradient_accumulation_steps": 3}
    check(both, {"object": "optimizers.Adam", "config": config})


@pytest.mark.parametrize("path", OPTIMIZERS)
def test_constraints_and_what_takes_no_part_in_decay(both, path):
    optimizer = {"object": path, "config": {"weight_decay": 0.1}}
    constraint = {"object": "constraints.MaxNorm", "config": {"max_value": 0.9}}
    check(both, optimizer, constraint=constraint, exclude=["bias"])


SGD = {"object": "optimizers.SGD", "config": {"learning_rate": 0.02, "momentum": 0.9}}
ADAM = {"object": "optimizers.Adam", "config": {"weight_decay": 0.01}}
AVERAGED = {
    "object": "optimizers.Adam",
    "config": {"use_ema": True, "ema_overwrite_frequency": 5, "clipnorm": 1.0},
}


@pytest.mark.parametrize("inner", [SGD, ADAM, AVERAGED])
@pytest.mark.parametrize("growth", [1, 7, 2000])
def test_a_loss_scale_with_gradients_that_are_not_finite(both, inner, growth):
    """Steps with such a gradient are left out, also by the inner optimizer."""
    weights, gradients = problem("float64")
    for i, number in ((3, np.inf), (4, np.nan), (90, -np.inf)):
        gradients[i][0][0, 0] = number
    config = {
        "inner_optimizer": inner,
        "initial_scale": 8.0,
        "dynamic_growth_steps": growth,
    }
    # With growth at every step the scale leaves float32 after 125 steps.
    both.same(
        "optimize",
        optimizer={"object": "optimizers.LossScaleOptimizer", "config": config},
        weights=weights,
        gradients=gradients[:100],
        floatx="float64",
    )


def test_a_loss_scale_changes_nothing_in_fit():
    """The scale is a power of 2: what is multiplied is divided out again."""
    weights, gradients = problem("float64")
    scaled = {
        "object": "optimizers.LossScaleOptimizer",
        "config": {"inner_optimizer": SGD, "dynamic_growth_steps": 30},
    }
    with MINE.floatx("float64"):
        found = compiled(scaled, weights, gradients)
        plain = compiled(SGD, weights, gradients)
    compare(found, plain, *TOLERANCE["float64"])


@pytest.mark.parametrize("factor", [None, 4.0])
def test_an_optimizer_for_each_variable(both, factor):
    # A path that no key matches has the default.
    chosen = {"default_optimizer": SGD, "optimizer_map": {".*(bias|1)": ADAM}}
    config = {
        "optimizer_map": {"object": "optimizers.OptimizerMap", "config": chosen},
        "loss_scale_factor": factor,
    }
    optimizer = {"object": "optimizers.MultiOptimizer", "config": config}
    weights, gradients = problem("float64")
    both.same(
        "optimize",
        optimizer=optimizer,
        weights=weights,
        gradients=gradients,
        floatx="float64",
    )
    with MINE.floatx("float64"):
        found = compiled(optimizer, weights, gradients)
        kernel = compiled(SGD, weights, gradients)[0]
        bias = compiled(ADAM, weights, gradients)[1]
    compare(found, [kernel, bias], *TOLERANCE["float64"])
