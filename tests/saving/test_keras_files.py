"""`.keras` files of models of all kinds: exchanged with real Keras 3, and Cornu's own.

Equal predictions, evaluation, course of training, names and order of layers and weights
on both sides, in float64.
"""

import warnings

import pytest

import cornu
from cornu import optimizers
from tests.saving import both, course, own, zoo

KINDS = [
    kind
    for kind in zoo.MODELS
    if not kind.startswith("optimizer_")
    or kind[10:] in optimizers.REGISTRY.objects
    or kind[10].islower()
]
# Once for each kind of thing by default: these repeat what others show.
LONG = [
    kind
    for kind in KINDS
    if kind.startswith(("optimizer_", "schedule_"))
    and kind not in ("optimizer_Adam", "optimizer_Muon", "schedule_CosineDecay")
]
EXCHANGED = [
    pytest.param(kind, marks=pytest.mark.slow if kind in LONG else ())
    for kind in KINDS
    if kind not in zoo.CORNU_ALONE
]


def loaded(kind, path, **options):
    """Cornu's answer; the frozen part of the GAN loses its optimizer's state."""
    with warnings.catch_warnings():
        if kind == "gan":
            warnings.filterwarnings("ignore", "The state of RMSprop")
        return both.mine("load", kind=kind, path=path, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind, tmp_path):
    path = str(tmp_path / "a.keras")
    made = both.mine("make", kind=kind, path=path)
    del made["json"]
    both.same(loaded(kind, path), made)


@pytest.mark.parametrize("kind", EXCHANGED)
def test_keras_reads_what_cornu_wrote(kind, keras, tmp_path):
    path = str(tmp_path / "a.keras")
    made = both.mine("make", kind=kind, path=path)
    del made["json"]
    both.same(made, keras.ask("load", kind=kind, path=path))


@pytest.mark.parametrize("kind", EXCHANGED)
def test_cornu_reads_what_keras_wrote(kind, keras, tmp_path):
    path = str(tmp_path / "a.keras")
    made = keras.ask("make", kind=kind, path=path)
    del made["json"]
    both.same(loaded(kind, path), made)


def test_models_in_models_are_each_seen_once():
    """What Keras cannot read back: parts of several models stay one thing."""
    model = zoo.MODELS["shared_across"](cornu)
    again = cornu.models.model_from_json(model.to_json())
    assert len(again.weights) == len(model.weights) == 6
    deep = again.get_layer("deep")
    assert again.get_layer("middle").layers[0] is deep
    assert again.get_layer("both") is deep.layers[1]


def test_dropout_goes_on_with_the_masks_that_would_have_come(tmp_path):
    x, y = course.data_for(model := zoo.MODELS["dropout"](cornu))
    model.save(tmp_path / "a.keras")
    other = cornu.models.load_model(tmp_path / "a.keras")
    for each in (model, other):
        each.fit(x, y, verbose=0, shuffle=False)
    both.same(other.get_weights(), model.get_weights(), 0, 0)


def test_a_model_is_loaded_without_its_compilation(tmp_path):
    for kind in ("gan", "own_layers"):
        path = str(tmp_path / "a.keras")
        made = both.mine("make", kind=kind, path=path)
        found = loaded(kind, path, compile=False)
        assert "steps" not in found
        both.same(found["before"], made["before"])
    model = cornu.models.load_model(path, own.own(cornu), compile=False)
    assert not model.compiled


def test_what_cannot_be_described_is_told_and_left_away(tmp_path):
    def odd(y_true, y_pred):
        return cornu.ops.mean(y_true - y_pred)

    model = cornu.Sequential([cornu.Input((2,)), cornu.layers.Dense(1)])
    model.compile("sgd", lambda a, b: odd(a, b))
    with pytest.warns(UserWarning, match="without its compilation"):
        model.save(tmp_path / "a.keras")
    assert not cornu.models.load_model(tmp_path / "a.keras").compiled
    model.compile("sgd", odd)
    model.save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match="odd") as caught:
        cornu.models.load_model(tmp_path / "a.keras")
    assert len(str(caught.value).splitlines()) == 3
    assert cornu.models.load_model(tmp_path / "a.keras", {"odd": odd}).loss is odd


def test_the_optimizer_may_stay_behind(tmp_path):
    model = zoo.small(cornu, optimizer="adam")
    model.save(tmp_path / "a.keras", include_optimizer=False)
    found = cornu.models.load_model(tmp_path / "a.keras")
    both.same(found.get_weights(), model.get_weights(), 0, 0)
    assert int(found.optimizer.iterations) == 0


def test_a_state_that_does_not_fit_is_told(tmp_path):
    model = zoo.small(cornu, optimizer="adam")
    model.save_weights(tmp_path / "a.weights.h5")
    other = zoo.small(cornu, optimizer="sgd")
    with pytest.warns(UserWarning, match="The state of SGD 'sgd.*' was not loaded"):
        other.load_weights(tmp_path / "a.weights.h5")
    both.same(other.get_weights(), model.get_weights(), 0, 0)
