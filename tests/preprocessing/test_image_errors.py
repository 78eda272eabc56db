"""Images: what is refused, what is told, and what other libraries are needed for."""

import io
import os
import pickle
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu.preprocessing import image
from tests.preprocessing import asked_images

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("scipy")
BATCH = np.arange(5 * 4 * 6 * 3, dtype="float32").reshape(5, 4, 6, 3)
ONE = BATCH[0]
Generator = image.ImageDataGenerator


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with small images, and some that are none."""
    made = tmp_path_factory.mktemp("made")
    asked_images.make(made)
    (made / "page.png").write_text("<html>not found</html>")
    whole = (made / "modes" / "RGB.png").read_bytes()
    (made / "cut.png").write_bytes(whole[: len(whole) // 2])
    damaged = bytearray(whole)
    middle = len(whole) // 2
    damaged[middle : middle + 20] = bytes(20)
    (made / "damaged.png").write_bytes(damaged)
    (made / "empty").mkdir()
    return made


def table(**columns):
    pandas = pytest.importorskip("pandas")
    names = ["cats/cats.0.png", "dogs/dogs.0.png", "dogs/dogs.1.png"]
    return pandas.DataFrame({"filename": names, "class": ["a", "b", "b"], **columns})


def from_table(folder, df=None, **given):
    given = {"directory": str(folder / "images"), "target_size": (4, 4), **given}
    return Generator(validation_split=0.4).flow_from_dataframe(
        table() if df is None else df, **given
    )


def from_folder(folder, where="images", **given):
    given = {"target_size": (4, 4), **given}
    return Generator().flow_from_directory(folder / where, **given)


# name: (call of a folder, words of the message)
REFUSED = {
    "no such file": (lambda f: image.load_img(f / "gone.png"), "There is no file"),
    "a page": (lambda f: image.load_img(f / "page.png"), "page.png' is no image"),
    "cut off": (lambda f: image.load_img(f / "cut.png"), "cut.png' cannot be read"),
    "damaged": (lambda f: image.load_img(f / "damaged.png"), "cannot be read"),
    "nothing": (lambda f: image.load_img(io.BytesIO()), "io.BytesIO is no image"),
    "no path": (lambda f: image.load_img(3), "was given int"),
    "mode": (lambda f: image.load_img(f, color_mode="gray"), "color_mode is 'gray'"),
    "kind": (
        lambda f: image.load_img(f, target_size=(2, 2), interpolation="cubic"),
        "interpolation is 'cubic'",
    ),
    "size": (lambda f: image.load_img(f, target_size=(2, 0)), r"target_size is \(2, 0"),
    "array": (lambda f: image.img_to_array(BATCH), "of shape"),
    "batch": (lambda f: image.array_to_img(BATCH), "Take one of a batch"),
    "channels": (lambda f: image.array_to_img(ONE[..., :2]), "channels are last"),
    "no pixels": (lambda f: image.array_to_img(ONE[:0]), "was given an array"),
    "format": (lambda f: image.array_to_img(ONE, "last"), "array_to_img was given"),
    "ending": (lambda f: image.save_img(f / "a.jpgg", ONE), "Did you mean"),
    "no ending": (lambda f: image.save_img(io.BytesIO(), ONE), "'' is no format"),
    "resize": (lambda f: image.smart_resize(ONE[0], (2, 2)), "of three axes"),
    "resize to": (lambda f: image.smart_resize(ONE, (2, 2, 3)), "size is"),
    "axes": (lambda f: image.apply_affine_transform(ONE, channel_axis=1), "first or"),
    "one axis": (lambda f: image.random_rotation(ONE[0], 3), "one image"),
    "fill": (lambda f: image.random_shear(ONE, 3, fill_mode="edge"), "fill_mode is"),
    "zoom": (lambda f: image.random_zoom(ONE, 0.2), "zoom_range is 0.2"),
    "light": (lambda f: image.random_brightness(ONE, 2), "brightness_range is 2"),
    "zooms": (lambda f: Generator(zoom_range=[1, 2, 3]), "zoom_range is"),
    "lights": (lambda f: Generator(brightness_range=0.3), "brightness_range is 0.3"),
    "split": (lambda f: Generator(validation_split=20), "validation_split is 20"),
    "filled": (lambda f: Generator(fill_mode="near"), "Did you mean 'nearest'"),
    "shift": (lambda f: Generator(width_shift_range="a"), "width_shift_range is 'a'"),
    "axis": (lambda f: Generator(data_format="first"), "ImageDataGenerator was given"),
    "axes of a batch": (lambda f: Generator().flow(ONE), "four axes"),
    "to fit": (lambda f: Generator().fit(ONE), "four axes"),
    "list": (lambda f: Generator().flow([ONE, ONE, ONE]), "np.stack"),
    "lengths": (lambda f: Generator().flow(BATCH, [1, 2]), "y has length 2"),
    "weights": (
        lambda f: Generator().flow(BATCH, sample_weight=[1]),
        "sample_weight has length 1",
    ),
    "more": (lambda f: Generator().flow([BATCH, ONE]), "an array of x"),
    "subset": (lambda f: Generator().flow(BATCH, subset="test"), "subset is 'test'"),
    "sorted": (
        lambda f: Generator(validation_split=0.4).flow(
            BATCH, [0, 0, 1, 1, 1], subset="training"
        ),
        "Shuffle images and labels",
    ),
    "batch size": (lambda f: Generator().flow(BATCH, batch_size=0), "batch_size is 0"),
    "number": (lambda f: Generator().flow(BATCH)[1], "batch 1 was asked for"),
    "integers": (lambda f: Generator().standardize(np.ones(3, int)), "dtype int"),
    "saved": (lambda f: Generator().flow(BATCH, save_to_dir=f / "a"), "save_to_dir is"),
    "base": (lambda f: image.Iterator(3, 1, False, None)[0], "does not say how"),
    "folder": (lambda f: from_folder(f, "gone"), "There is no folder"),
    "no classes": (lambda f: from_folder(f, "modes"), "no images in the folders of"),
    "no images": (lambda f: from_folder(f, "empty"), "of the 0 classes"),
    "labels": (lambda f: from_folder(f, class_mode="raw"), "class_mode is 'raw'"),
    "sizes": (lambda f: from_folder(f, target_size=4), "target_size is 4"),
    "colour": (lambda f: from_folder(f, color_mode="bw"), "color_mode is 'bw'"),
    "column": (lambda f: from_table(f, x_col="file"), "no column 'file'"),
    "numbers": (lambda f: from_table(f, table(filename=[1, 2, 3])), "holds 1"),
    "classes": (lambda f: from_table(f, table(n=1), y_col="n"), "class_mode='raw'"),
    "binary": (
        lambda f: from_table(
            f, table(k=["a", "b", "c"]), y_col="k", class_mode="binary"
        ),
        "there are 3 classes",
    ),
    "outputs": (lambda f: from_table(f, class_mode="multi_output"), "list of columns"),
    "weight": (lambda f: from_table(f, weight_col="class"), "Expected numbers"),
    "unknown": (lambda f: from_table(f, shufle=True), "unknown argument 'shufle'"),
    "none left": (lambda f: from_table(f, classes=["c"]), "no row is left"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told_in_three_parts(folder, name):
    call, words = REFUSED[name]
    expected = (ValueError, TypeError, OSError, NotImplementedError)
    with pytest.raises(expected, match=words) as raised:
        call(folder)
    assert len(str(raised.value).splitlines()) >= 3


TOLD = {
    "jpeg": (
        lambda f: image.save_img(f / "a.jpg", np.ones((2, 2, 4))),
        "no alpha channel",
    ),
    "channels": (lambda f: Generator().flow(BATCH[..., :2]), "with 2 channels"),
    "whitening": (lambda f: Generator(zca_whitening=True), "featurewise_center=True"),
    "both": (
        lambda f: Generator(
            zca_whitening=True,
            featurewise_center=True,
            featurewise_std_normalization=True,
        ),
        "featurewise_std_normalization=False",
    ),
    "deviation": (
        lambda f: Generator(samplewise_std_normalization=True),
        "samplewise_center=True",
    ),
    "not fitted": (
        lambda f: next(Generator(featurewise_center=True).flow(BATCH)),
        "Call generator.fit",
    ),
    "class": (lambda f: from_folder(f, classes=["cats", "emus"]), "the class 'emus'"),
    "files": (
        lambda f: from_table(f, table(filename=["cats/cats.0.png", "b", "c"])),
        "2 of the 3 names",
    ),
    "classes": (lambda f: from_table(f, class_mode=None, classes=["a"]), "no meaning"),
    "sort": (lambda f: from_table(f, sort=True), "sort= has no meaning any more"),
    "other": (lambda f: from_table(f, class_mode="other"), "class_mode='raw'"),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_in_three_parts(folder, name):
    call, words = TOLD[name]
    with pytest.warns((UserWarning, DeprecationWarning), match=words) as told:
        call(folder)
    assert all(len(str(each.message).splitlines()) >= 3 for each in told)
    assert {Path(each.filename).name for each in told} == {Path(__file__).name}


def test_a_tiff_is_told(tmp_path):
    (tmp_path / "a").mkdir()
    image.save_img(tmp_path / "a" / "a.TIFF", ONE)
    with pytest.warns(UserWarning, match="is a TIFF"):
        flow = from_folder(tmp_path, ".")
    assert flow.samples == 1


@pytest.mark.parametrize(
    ("library", "call"),
    [
        ("PIL", lambda: image.array_to_img(ONE)),
        ("PIL", lambda: image.load_img("a.png")),
        ("PIL", lambda: image.save_img("a.png", ONE)),
        ("PIL", lambda: image.apply_brightness_shift(ONE, 2)),
        ("scipy", lambda: image.random_rotation(ONE, 3)),
        ("scipy", lambda: next(Generator(rotation_range=3).flow(BATCH))),
    ],
)
def test_what_is_not_installed(monkeypatch, folder, library, call):
    for name in [n for n in sys.modules if n.split(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.chdir(folder / "modes")
    (folder / "modes" / "a.png").write_bytes(b"")
    with pytest.raises(ModuleNotFoundError) as raised:
        call()
    what, expected, fix = str(raised.value).splitlines()
    assert what.endswith("which is not installed.")
    assert expected == "Expected it beside Cornu."
    assert fix == "Install it: pip install 'cornu[image]'."


def test_arrays_need_no_library(monkeypatch):
    """Without changes in shape or light, neither of the libraries is used."""
    for name in [n for n in sys.modules if n.split(".")[0] in ("PIL", "scipy")]:
        monkeypatch.setitem(sys.modules, name, None)
    generator = Generator(rescale=1 / 255, horizontal_flip=True, channel_shift_range=3)
    assert next(generator.flow(BATCH, batch_size=2)).shape == (2, 4, 6, 3)
    assert image.img_to_array(ONE).shape == (4, 6, 3)


def test_writing_is_all_or_nothing(tmp_path, monkeypatch):
    image.save_img(tmp_path / "a.png", ONE)
    before = (tmp_path / "a.png").read_bytes()

    def broken(self, path, format=None, **kwargs):
        path.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(KeyboardInterrupt):
        image.save_img(tmp_path / "a.png", ONE)
    assert (tmp_path / "a.png").read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_formats_and_their_options(tmp_path):
    """.tif, at which Keras fails, too; and what Pillow's `save` takes."""
    for name, kind in {"a.tif": "TIFF", "a.JPG": "JPEG", b"a.bmp": "BMP"}.items():
        path = os.path.join(
            os.fsencode(tmp_path) if name == b"a.bmp" else tmp_path, name
        )
        image.save_img(path, ONE, scale=False)
        with Image.open(os.fsdecode(path)) as picture:
            assert picture.format == kind
            if kind != "JPEG":
                np.testing.assert_array_equal(picture, ONE)
    noise = np.random.default_rng(0).uniform(size=(40, 40, 3))
    image.save_img(tmp_path / "small", noise, file_format="jpg", quality=5)
    image.save_img(tmp_path / "large", noise, file_format="jpg", quality=95)
    sizes = [(tmp_path / name).stat().st_size for name in ("small", "large")]
    assert 3 * sizes[0] < sizes[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image.save_img(tmp_path / "a.png", np.ones((2, 2, 4)))


def test_gray_as_keras_2_said_it(folder):
    path = folder / "modes" / "RGB.png"
    for old in ({"grayscale": True}, {"color_mode": True}):
        assert image.load_img(path, **old, target_size=(4, 4)).mode == "L"
    assert image.load_img(path, False, (4, 5)).size == (5, 4)
    with pytest.raises(TypeError, match="Did you mean 'target_size'"):
        image.load_img(path, target_sise=(4, 4))


def test_tensors_are_taken_and_given():
    tensor = cornu.ops.array(ONE)
    assert image.array_to_img(tensor).size == (6, 4)
    made = image.smart_resize(tensor, (2, 2))
    assert isinstance(made, cornu.Tensor)
    assert isinstance(image.smart_resize(ONE, (2, 2)), np.ndarray)
    np.testing.assert_array_equal(made, image.smart_resize(ONE, (2, 2)))


def test_channels_first_everywhere():
    """Also with changes of light, at which Keras fails."""
    options = {"brightness_range": (1.2, 1.2), "horizontal_flip": True}
    given = BATCH.transpose(0, 3, 1, 2)
    last = next(Generator(**options).flow(BATCH, seed=1))
    first = next(Generator(**options, data_format="channels_first").flow(given, seed=1))
    np.testing.assert_array_equal(first, last.transpose(0, 3, 1, 2))
    cornu.config.set_image_data_format("channels_first")
    try:
        again = next(Generator(**options).flow(given, seed=1))
        assert image.img_to_array(image.array_to_img(given[0])).shape == (3, 4, 6)
    finally:
        cornu.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(again, first)


def test_weights_of_a_subset_are_those_of_its_images():
    """Keras gives those of the first images, whichever part it is."""
    weights = np.arange(5.0)
    generator = Generator(validation_split=0.4)
    for subset, expected in (("validation", [0, 1]), ("training", [2, 3, 4])):
        flow = generator.flow(
            BATCH, weights, sample_weight=weights, subset=subset, shuffle=False,
            ignore_class_split=True,
        )  # fmt: skip
        _, labels, found = next(flow)
        assert labels.tolist() == found.tolist() == expected


def test_the_users_images_are_left_as_they_are():
    before = BATCH.copy()
    generator = Generator(
        rescale=3, samplewise_center=True, preprocessing_function=lambda x: x * 2
    )
    generator.fit(BATCH, augment=True)
    next(generator.flow(BATCH))
    np.testing.assert_array_equal(BATCH, before)


def test_numpys_generator_is_seeded_only_where_a_seed_is_given():
    np.random.seed(7)
    state = np.random.get_state()[1].copy()
    flow = Generator().flow(BATCH, shuffle=False)
    len(flow), flow.reset()
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    next(Generator().flow(BATCH, shuffle=False, seed=5))
    drawn = np.random.random()
    np.random.seed(5)  # two for each image: whether it is flipped, and turned over
    np.random.random(2 * len(BATCH))
    assert np.random.random() == drawn


def test_iterators_can_be_sent_to_other_processes(folder):
    flow = from_folder(folder, batch_size=4, seed=3)
    next(flow)
    again = pickle.loads(pickle.dumps(flow))
    assert again.filenames == flow.filenames
    np.testing.assert_array_equal(again[1][0], flow[1][0])
    assert len(next(again)[0]) == 4


@pytest.mark.parametrize("how", ["alone", "threads", "processes"])
def test_workers_make_each_image_once(how):
    images = np.arange(20.0).reshape(20, 1, 1, 1) * np.ones((20, 2, 2, 1))
    model = cornu.Sequential(
        [cornu.Input((2, 2, 1)), cornu.layers.GlobalAveragePooling2D()]
    )
    flow = Generator().flow(images, batch_size=3, seed=2)
    if how != "alone":
        flow.workers, flow.use_multiprocessing = 2, how == "processes"
    found = model.predict(flow, verbose=0)[:, 0]
    assert sorted(found) == list(range(20))
    assert list(found) != list(range(20))


def test_threads_that_begin_at_once_share_one_order(monkeypatch):
    draw = np.random.permutation

    def slowly(n):
        time.sleep(0.05)  # so that other threads ask while there is no order yet
        return draw(n)

    monkeypatch.setattr(np.random, "permutation", slowly)
    images = np.arange(20.0).reshape(20, 1, 1, 1)
    flow = Generator().flow(images, batch_size=3)
    with ThreadPoolExecutor(4) as threads:
        batches = list(threads.map(flow.__getitem__, range(len(flow))))
    assert sorted(np.concatenate(batches).ravel().tolist()) == list(range(20))
