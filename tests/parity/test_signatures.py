"""Names, arguments, defaults and configs beside those of real Keras."""

import inspect

import pytest

import cornu
from tests.parity import cases
from tests.parity.layer_cases import CASES
from tests.parity.library import in_common
from tests.parity.reference import MINE, objects_of

MODULES = [
    "losses",
    "metrics",
    "activations",
    "regularizers",
    "constraints",
    "initializers",
    "optimizers",
    "optimizers.schedules",
]
# In Keras these are found in the code only.
PRIVATE = [
    "losses.LossFunctionWrapper",
    "metrics.accuracy",
    "metrics.cosine_similarity",
]
# The files of layers that are compared.
FILES = ("convolution", "core", "pooling", "reshaping", "separable")
FILES += ("activation", "attention", "batch_normalization", "einsum_dense")
FILES += ("embedding", "multi_head_attention", "normalization", "regularization")
FILES += ("spectral",)
FILES += ("convlstm", "gru", "lstm", "recurrent", "simple_rnn", "wrappers")
FILES += tuple(
    f"preprocessing.{name}"
    for name in ("colors", "distortions", "effects", "geometry", "hashing", "images",
                 "lookup", "mixing", "numbers", "text")
)  # fmt: skip
# Keras makes them where TensorFlow is installed.
NEED_TENSORFLOW = {
    *("layers.HashedCrossing", "layers.Hashing", "layers.IntegerLookup"),
    *("layers.StringLookup", "layers.TextVectorization"),
}
# The seed that Keras makes up is in its config.
OWN_SEED = {"layers.RandomCrop"}
LAYERS = [
    f"layers.{name}"
    for name in cornu.layers.__all__
    if getattr(cornu.layers, name).__module__ in [f"cornu.layers.{f}" for f in FILES]
]


def needed(name):
    """The arguments that a layer cannot be made without, from its first case."""
    layer = getattr(cornu.layers, name)
    found = inspect.signature(layer).parameters.values()
    names = [p.name for p in found if p.default is p.empty and p.kind < p.VAR_KEYWORD]
    cases_of = CASES.get(name) or CASES.get(layer.__name__)
    return {n: cases_of[0].config[n] for n in names} if cases_of else {}


def known(kind):
    found = [path for m in MODULES for path in objects_of(m, kind)]
    return [path for path in found if path not in PRIVATE]


CLASSES = [*known("class"), *(p for p in LAYERS if p != "layers.Input")]
FUNCTIONS = [*known("function"), "layers.Input"]
FUNCTIONS += [
    f"utils.{name}"
    for name in ("array_to_img", "get_file", "img_to_array", "load_img", "save_img")
]
DECAY = {"initial_learning_rate": 0.1, "decay_steps": 20}
SGD = {"object": "optimizers.SGD", "config": {"name": "a"}}
MAP = {"default_optimizer": SGD, "optimizer_map": {"b.*": SGD}}
# Arguments for what cannot be made without.
NEEDED = {
    "metrics.MeanMetricWrapper": {"fn": {"object": "losses.huber"}},
    "optimizers.LossScaleOptimizer": {"inner_optimizer": SGD},
    "optimizers.MultiOptimizer": {
        "optimizer_map": {"object": "optimizers.OptimizerMap", "config": MAP}
    },
    "optimizers.OptimizerMap": MAP,
    "optimizers.schedules.ExponentialDecay": {**DECAY, "decay_rate": 0.5},
    "optimizers.schedules.InverseTimeDecay": {**DECAY, "decay_rate": 0.5},
    "optimizers.schedules.PolynomialDecay": DECAY,
    "optimizers.schedules.CosineDecay": DECAY,
    "optimizers.schedules.CosineDecayRestarts": {
        "initial_learning_rate": 0.1,
        "first_decay_steps": 20,
    },
    "optimizers.schedules.PiecewiseConstantDecay": {
        "boundaries": [10],
        "values": [0.1, 0.01],
    },
    **{f"metrics.{name}": config for name, config in cases.NEEDED.items()},
    **{path: needed(path.removeprefix("layers.")) for path in LAYERS},
    "layers.InputLayer": {"shape": (3,)},
    "layers.CategoryEncoding": {"num_tokens": 3},
    "layers.Discretization": {"num_bins": 4},
    "layers.MaxNumBoundingBoxes": {"max_number": 3},
    "layers.Pipeline": {"layers": []},
    "layers.Wrapper": {"layer": {"object": "layers.Flatten", "config": {}}},
}


# Arguments of features that Cornu refuses: only these values are accepted.
REFUSED = {
    "lora_rank": None,
    "lora_alpha": None,
    "quantization_config": None,
    "gptq_unpacked_column_size": None,
}


def arguments(description):
    """(name, required?, default) of each; a name of its own stands for itself."""
    found = [p for p in description["parameters"] if p[0] not in REFUSED]
    # `name=None` and `name="huber"` are one: test_configs compares what they give.
    return [p if p[0] != "name" else p[:1] for p in found]


@pytest.mark.parametrize("path", [*CLASSES, *FUNCTIONS])
def test_signatures(both, path):
    mine, theirs = (arguments(each) for each in both.ask("describe", path=path))
    assert mine == theirs


NO_DEFAULTS = {"layers.Lambda", *NEED_TENSORFLOW, *OWN_SEED}


@pytest.mark.parametrize("path", [p for p in CLASSES if p not in NO_DEFAULTS])
def test_configs_of_defaults(both, path):
    mine, theirs = both.ask("describe", path=path, config=NEEDED.get(path, {}))
    assert mine["name"] == theirs["name"]
    assert mine["again"] == mine["config"]
    for key, value in theirs["config"].items():
        if key in REFUSED:
            assert value == REFUSED[key]
        else:
            assert in_common(mine["config"][key]) == in_common(value), key
    # Some configs of Keras forget an argument (a Huber of delta=2 comes back as one of
    # 1); what is more here has to be one.
    more = set(mine["config"]) - set(theirs["config"])
    assert more <= {p[0] for p in theirs["parameters"]}


@pytest.mark.parametrize("module", MODULES[:-1])
def test_get_knows_the_names_that_keras_knows(both, module):
    names = both.reference.answer({"do": "table", "module": module})
    theirs = both.reference.answer({"do": "aliases", "module": module, "names": names})
    bases = {"Loss", "Metric", "Regularizer", "Constraint", "Optimizer", "Initializer"}
    for name, found in zip(names, theirs, strict=True):
        if found not in {None, *bases} and hasattr(MINE.find(module), found):
            (mine,) = MINE.answer({"do": "aliases", "module": module, "names": [name]})
            assert mine == found, name


# What Keras has and Cornu has not, so that nothing gets lost; it may only become less.
NOT_YET = {"optimizers": {"legacy"}}


@pytest.mark.parametrize("module", MODULES)
def test_public_names(both, module):
    mine, theirs = both.ask("names", module=module)
    assert set(theirs) - set(mine) <= NOT_YET.get(module, set())
