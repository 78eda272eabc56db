"""Layers that change images at random: what holds for all, and each by its formula."""

import colorsys

import numpy as np
import pytest
import scipy.ndimage

import cornu
from cornu import layers
from cornu.graph import GradientTape
from cornu.ops.random import SeedGenerator

RNG = np.random.default_rng(11)
IMAGES = RNG.uniform(0, 255, (4, 9, 8, 3)).astype("float32")
RANGE = {"value_range": (0, 255)}
ALL = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.3},
    "RandomZoom": {"height_factor": 0.3, "width_factor": (-0.4, 0.2)},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomShear": {"x_factor": 0.4, "y_factor": 0.2},
    "RandomPerspective": {"scale": 0.5},
    "RandomElasticTransform": {},
    "RandomBrightness": {"factor": 0.4},
    "RandomContrast": {"factor": 0.6},
    "RandomSaturation": {"factor": 0.9},
    "RandomHue": {"factor": 0.8},
    "RandomGrayscale": {},
    "RandomColorJitter": {"brightness_factor": 0.2, "contrast_factor": 0.4,
                          "saturation_factor": 0.6, "hue_factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.8},
    "RandomPosterization": {"factor": 6},
    "RandomSharpness": {"factor": 0.9},
    "RandomGaussianBlur": {"kernel_size": (3, 5)},
    "RandomInvert": {},
    "RandomErasing": {},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": (0.3, 0.6)},
    "MixUp": {"alpha": 0.8},
    "CutMix": {},
    "RandAugment": {},
    "AugMix": {},
}  # fmt: skip


def make(name, **more):
    return getattr(layers, name)(**ALL[name], **more)


def array(x):
    return np.asarray(x)


def test_all_random_layers_are_tried():
    from cornu.layers.preprocessing.images import RandomImageLayer

    classes = (getattr(layers, name) for name in layers.__all__)
    found = {
        c.__name__
        for c in classes
        if isinstance(c, type) and issubclass(c, RandomImageLayer)
    }
    assert found == set(ALL) | {"RandomCrop"}


@pytest.mark.parametrize("name", ALL)
def test_nothing_happens_at_inference(name):
    layer = make(name)
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)
    found = layer(IMAGES.astype("uint8"), training=False)
    assert found.dtype == ("uint8" if name == "RandomGrayscale" else "float32")
    x = cornu.Input(IMAGES.shape[1:])
    model = cornu.Model(x, layer(x))
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), IMAGES)


@pytest.mark.parametrize("name", ALL)
def test_a_seed_decides(name):
    layer, again = make(name, seed=5), make(name, seed=5)
    first, second = array(layer(IMAGES)), array(layer(IMAGES))
    np.testing.assert_array_equal(again(IMAGES), first)
    np.testing.assert_array_equal(again(IMAGES), second)
    others = [array(make(name, seed=s)(IMAGES)) for s in (6, 7, 8)]
    assert any(np.abs(first - each).max() > 0.1 for each in [second, *others])
    assert first.shape == IMAGES.shape
    assert first.dtype == "float32"
    assert np.isfinite(first).all()
    assert layer.get_config()["seed"] == 5
    copy = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(copy(IMAGES), first)


class Step(cornu.Model):
    """Its training step gives what the layer gives."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def train_step(self, data):
        return {"y": self.layer(data[0] if isinstance(data, tuple) else data)}


@pytest.mark.parametrize("name", ALL)
def test_a_program_draws_what_eager_calls_draw(name):
    model = Step(make(name, seed=3))
    model.compile("sgd")
    model.built = True
    eager = make(name, seed=3)
    for _ in range(2):
        found = model.train_on_batch(IMAGES, return_dict=True)["y"]
        np.testing.assert_allclose(found, eager(IMAGES), rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("name", ALL)
def test_layouts_and_single_images(name):
    expected = array(make(name, seed=2)(IMAGES))
    if name != "RandomErasing":  # whose noise is of another shape
        first = make(name, seed=2, data_format="channels_first")
        found = np.moveaxis(array(first(np.moveaxis(IMAGES, -1, 1))), 1, -1)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-3)
    one = array(make(name, seed=2)(IMAGES[:1]))
    np.testing.assert_allclose(make(name, seed=2)(IMAGES[0]), one[0], rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    [n for n in ALL if n not in ("RandomPosterization", "RandAugment", "AugMix")],
)
def test_gradients_reach_the_images(name):
    layer = make(name, seed=1)
    x = cornu.ops.array(IMAGES.astype("float32"))
    with GradientTape() as tape:
        total = cornu.ops.sum(layer(x))
    gradient = array(tape.gradient(total, x))
    assert np.isfinite(gradient).all()
    assert gradient.any()


# Each beside a formula: what is drawn is taken from the layer itself.


def drawn(layer, images=IMAGES):
    x = cornu.ops.array(images)
    parameters = layer.draw(x, SeedGenerator(9))
    return parameters, array(layer.apply(x, parameters))


def test_half_of_the_images_are_mirrored():
    images = np.broadcast_to(IMAGES[:1], (400, *IMAGES.shape[1:]))
    found = array(layers.RandomFlip("horizontal", seed=1)(images))
    mirrored = np.array([np.array_equal(f, IMAGES[0, :, ::-1]) for f in found])
    same = np.array([np.array_equal(f, IMAGES[0]) for f in found])
    assert (mirrored ^ same).all()
    assert 160 < mirrored.sum() < 240
    found = array(layers.RandomFlip("vertical", seed=1)(images[:50]))
    assert any(np.array_equal(f, IMAGES[0, ::-1]) for f in found)


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "reflect"])
def test_affine_layers_are_scipys(mode):
    scipys = {"constant": "grid-constant", "wrap": "grid-wrap"}.get(mode, mode)

    def expected(matrix):
        a0, a1, a2, b0, b1, b2 = (0.0 if m is None else m for m in matrix)
        return scipy.ndimage.affine_transform(
            IMAGES[1, ..., 0].astype("float64"), [[b1, b0], [a1, a0]], [b2, a2],
            order=1, mode=scipys,
        )  # fmt: skip

    h, w = IMAGES.shape[1:3]
    cy, cx = (h - 1) / 2, (w - 1) / 2
    more = {"fill_mode": mode, "dtype": "float64"}
    turn = layers.RandomRotation(0.4, **more)
    angles, found = drawn(turn, IMAGES.astype("float64"))
    c, s = (f(np.deg2rad(array(angles)[1])) for f in (np.cos, np.sin))
    matrix = [c, -s, cx - c * cx + s * cy, s, c, cy - s * cx - c * cy]
    np.testing.assert_allclose(found[1, ..., 0], expected(matrix), atol=1e-9)
    zoom = layers.RandomZoom(0.4, 0.3, **more)
    (tall, wide), found = drawn(zoom, IMAGES.astype("float64"))
    z, v = array(wide)[1], array(tall)[1]
    matrix = [z, 0, cx * (1 - z), 0, v, cy * (1 - v)]
    np.testing.assert_allclose(found[1, ..., 0], expected(matrix), atol=1e-9)
    shear = layers.RandomShear(0.4, 0.3, **more)
    (x, y), found = drawn(shear, IMAGES.astype("float64"))
    matrix = [1, array(x)[1], 0, array(y)[1], 1, 0]
    np.testing.assert_allclose(found[1, ..., 0], expected(matrix), atol=1e-9)
    shift = layers.RandomTranslation(0.4, 0.3, **more)
    (down, right), found = drawn(shift, IMAGES.astype("float64"))
    matrix = [1, 0, -array(right)[1] * w, 0, 1, -array(down)[1] * h]
    np.testing.assert_allclose(found[1, ..., 0], expected(matrix), atol=1e-9)


@pytest.mark.parametrize(
    ("layer", "low", "high"),
    [
        (layers.RandomRotation((-0.1, 0.3)), -36, 108),
        (layers.RandomBrightness(0.2), -0.2, 0.2),
        (layers.RandomContrast((0.4, 0.2)), 0.6, 1.2),
        (layers.RandomContrast(0.3), 0.7, 1.3),
        (layers.RandomColorDegeneration(0.5), 0.0, 0.5),
        (layers.RandomSharpness((0.2, 0.4)), 0.2, 0.4),
    ],
)
def test_factors_are_equally_likely_between_their_limits(layer, low, high):
    found = array(layer.draw(np.zeros((2000, 1, 1, 1)), SeedGenerator(1))).ravel()
    assert low <= found.min() < low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) < found.max() <= high
    assert abs(found.mean() - (low + high) / 2) < 0.05 * (high - low)


def test_contrast():
    factor, found = drawn(layers.RandomContrast(0.8))
    mean = IMAGES.mean((1, 2), keepdims=True)
    expected = np.clip((IMAGES - mean) * array(factor) + mean, 0, 255)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


def test_hue_and_saturation():
    images = IMAGES / 255
    turn, found = drawn(layers.RandomHue(0.8, value_range=(0, 1)), images)
    strength, stronger = drawn(
        layers.RandomSaturation((0.6, 0.9), value_range=(0, 1)), images
    )
    for i in range(4):
        for pixel, a, b in zip(
            images[i].reshape(-1, 3), found[i].reshape(-1, 3),
            stronger[i].reshape(-1, 3), strict=True,
        ):  # fmt: skip
            h, s, v = colorsys.rgb_to_hsv(*pixel.astype(float))
            turned = colorsys.hsv_to_rgb((h + float(array(turn)[i, 0, 0])) % 1, s, v)
            np.testing.assert_allclose(a, turned, atol=1e-5)
            strong = min(s * float(array(strength)[i, 0, 0]), 1)
            np.testing.assert_allclose(b, colorsys.hsv_to_rgb(h, strong, v), atol=1e-5)


def test_gray_and_negatives_of_some():
    gray = IMAGES @ np.array([0.2989, 0.587, 0.114], "float32")
    for layer, other in (
        (layers.RandomGrayscale(0.5), gray[..., None].repeat(3, -1)),
        (layers.RandomInvert(), 255 - IMAGES),
    ):
        seen = set()
        for seed in range(12):
            x = cornu.ops.array(IMAGES)
            found = array(layer.apply(x, layer.draw(x, SeedGenerator(seed))))
            for i in range(4):
                changed = np.allclose(found[i], other[i], atol=1e-2)
                assert changed or np.array_equal(found[i], IMAGES[i])
                seen.add(changed)
        assert seen == {True, False}
    whole = layers.RandomGrayscale(1.0)(IMAGES.astype("uint8"))
    assert whole.dtype == "uint8"


def test_solarization_and_posterization():
    (added, threshold), found = drawn(layers.Solarization(0.3, (0.3, 0.6)))
    x = np.clip(IMAGES + array(added), 0, 255)
    expected = np.where(x < array(threshold), x, 255 - x)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert (array(threshold) >= 0.3 * 255).all()
    shift, found = drawn(layers.RandomPosterization(8))
    levels = IMAGES.astype("uint8") >> array(shift) << array(shift)
    np.testing.assert_array_equal(found, levels)
    many = layers.RandomPosterization((2, 4)).draw(np.zeros((500, 1, 1, 1)), 1)
    assert set(array(many).ravel().tolist()) == {4, 5, 6}  # 2, 3 and 4 bits are kept


def test_equalization_is_a_table_per_image():
    images = IMAGES.astype("uint8")
    found = array(layers.Equalization()(images))
    for i in range(4):
        for c in range(3):
            x = images[i, ..., c]
            sums = np.bincount(x.ravel(), minlength=256).cumsum()
            least = sums[sums > 0].min()
            table = np.round((sums - least) * 255 / (sums[-1] - least))
            np.testing.assert_array_equal(found[i, ..., c], table.clip(0)[x])
    np.testing.assert_array_equal(layers.Equalization()(images * 0 + 7), images * 0 + 7)


def test_auto_contrast_in_both_layouts():
    low, high = (f(axis=(1, 2), keepdims=True) for f in (IMAGES.min, IMAGES.max))
    expected = (IMAGES - low) * 255 / (high - low)
    np.testing.assert_allclose(layers.AutoContrast()(IMAGES), expected, atol=1e-2)
    first = layers.AutoContrast(data_format="channels_first")
    found = array(first(np.moveaxis(IMAGES, -1, 1)))
    np.testing.assert_allclose(np.moveaxis(found, 1, -1), expected, atol=1e-2)


def test_a_crop_is_a_part():
    layer = layers.RandomCrop(4, 5, seed=1)
    places = set()
    for _ in range(40):
        found = array(layer(IMAGES))
        here = [
            (i, j)
            for i in range(6)
            for j in range(4)
            if np.array_equal(found, IMAGES[:, i : i + 4, j : j + 5])
        ]
        assert len(here) == 1
        places.add(here[0])
    assert {i for i, _ in places} == set(range(6))
    assert {j for _, j in places} == set(range(4))
    # At inference, and of smaller images, the largest part in the middle.
    expected = cornu.ops.image.resize(IMAGES, (4, 5), crop_to_aspect_ratio=True)
    np.testing.assert_array_equal(layer(IMAGES, training=False), expected)
    large = layers.RandomCrop(12, 6)
    expected = cornu.ops.image.resize(IMAGES, (12, 6), crop_to_aspect_ratio=True)
    np.testing.assert_array_equal(large(IMAGES), expected)
    np.testing.assert_array_equal(layers.RandomCrop(9, 8)(IMAGES), IMAGES)


def test_erasing_paints_rectangles():
    layer = layers.RandomErasing((1.0, 1.0), (0.2, 0.3), fill_value=7.0, seed=4)
    images = np.zeros((200, 20, 20, 1), "float32")
    found = array(layer(images))[..., 0] == 7.0
    for mask in found:
        rows, columns = mask.any(1), mask.any(0)
        np.testing.assert_array_equal(mask, np.outer(rows, columns))
    assert 0.17 < found.mean() < 0.33
    assert found[:, 1:, 1:].any(0).all()  # anywhere, but that they begin after 0
    colors = layers.RandomErasing((1.0, 1.0), (1.0, 1.0), fill_value=(1, 2, 3))
    np.testing.assert_array_equal(colors(IMAGES)[0, 0, 0], [1, 2, 3])


def test_mixing_mixes_labels_alike():
    labels = np.eye(4, dtype="float32")
    flat = np.broadcast_to(labels[:, None, None], (4, 40, 40, 4)).copy()
    data = {"images": flat, "labels": labels, "other": 3}
    found = layers.MixUp(0.8, seed=2)(data)
    np.testing.assert_allclose(found["images"][:, 2, 3], found["labels"], atol=1e-6)
    np.testing.assert_allclose(array(found["labels"]).sum(-1), 1, atol=1e-6)
    assert found["other"] == 3
    for seed in range(5):
        found = layers.CutMix(seed=seed)(data)
        np.testing.assert_allclose(
            array(found["images"]).mean((1, 2)), found["labels"], atol=0.06
        )
    alone = layers.CutMix()(IMAGES[0])
    np.testing.assert_array_equal(alone, IMAGES[0])


@pytest.mark.parametrize("name", ["RandomFlip", "RandomRotation", "RandomTranslation",
                                  "RandomPerspective", "RandAugment"])  # fmt: skip
def test_masks_move_with_their_images(name):
    config = {"interpolation": "nearest"} if name != "RandomFlip" else {}
    if name == "RandAugment":
        config["num_ops"] = 1
    shapes = (RNG.uniform(size=(4, 9, 8, 1)) > 0.5).astype("float32")
    for seed in range(3):
        layer = make(name, seed=seed, **config)
        data = {"images": shapes * np.ones(3, "float32"), "segmentation_masks": shapes}
        found = layer(data)
        if name != "RandAugment":
            np.testing.assert_array_equal(
                array(found["images"])[..., :1], found["segmentation_masks"]
            )
        assert set(np.unique(array(found["segmentation_masks"]))) <= {0.0, 1.0}
        same = layer(data, training=False)
        np.testing.assert_array_equal(same["segmentation_masks"], shapes)


def test_policies_do_one_thing_after_the_other():
    """RandAugment of no strength leaves images; the choice is of the seed."""
    calm = layers.RandAugment(factor=0.0, num_ops=1)
    known = [type(part).__name__ for part in calm._parts]
    assert len(known) == 11
    calmed = {"RandomShear", "RandomTranslation", "RandomRotation", "RandomBrightness"}
    calmed |= {"RandomContrast", "RandomColorDegeneration"}
    x = cornu.ops.array(IMAGES)
    for i, name in enumerate(known):
        found = array(calm._one_of(i, x, SeedGenerator(1).next()))
        if name in calmed:
            np.testing.assert_allclose(found, IMAGES, atol=1e-2)
        else:
            assert np.abs(found - IMAGES).max() > 1
    nothing = array(calm._one_of(len(known), x, SeedGenerator(1).next()))
    np.testing.assert_array_equal(nothing, IMAGES)


def test_augmix_is_a_mixture():
    layer = layers.AugMix(chain_depth=0, seed=1)
    np.testing.assert_allclose(layer(IMAGES), IMAGES, rtol=1e-5)
    weights, share, numbers, keys = layers.AugMix(alpha=0.01).draw(IMAGES, 3)
    assert abs(float(cornu.ops.sum(weights)) - 1) < 1e-5
    assert 0 <= float(share) <= 1
    assert numbers.shape == (3, 3)
    assert len(keys) == 3


def test_a_pipeline_is_its_layers(tmp_path):
    parts = [layers.Rescaling(2.0), layers.RandomFlip(seed=3), layers.CenterCrop(4, 4)]
    pipeline = layers.Pipeline(parts)
    expected = layers.CenterCrop(4, 4)(layers.RandomFlip(seed=3)(IMAGES * 2))
    np.testing.assert_array_equal(pipeline(IMAGES), expected)
    again = layers.Pipeline.from_config(pipeline.get_config())
    assert again.get_config() == pipeline.get_config()
    x = cornu.Input(IMAGES.shape[1:])
    model = cornu.Model(x, pipeline(x))
    model.save(tmp_path / "a.keras")
    found = cornu.saving.load_model(tmp_path / "a.keras").predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(found, IMAGES[:, 2:6, 2:6] * 2)


def test_augmentation_inside_a_network_that_trains():
    """As in the book: while it trains images vary, at inference they do not."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 96)
    images = rng.uniform(size=(96, 8, 8, 1)) + 2 * labels[:, None, None, None]
    model = cornu.Sequential(
        [
            cornu.Input((8, 8, 1)),
            layers.RandomFlip("horizontal", seed=1),
            layers.RandomRotation(0.1, seed=2),
            layers.RandomZoom(0.2, seed=3),
            layers.Rescaling(0.5),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(cornu.optimizers.Adam(0.05), "binary_crossentropy", ["accuracy"])
    losses = model.fit(images, labels, epochs=16, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]
    assert model.evaluate(images, labels, verbose=0)[1] > 0.9
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), model.predict(images, verbose=0)
    )
