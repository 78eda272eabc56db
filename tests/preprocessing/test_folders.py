"""Data sets of files in folders: what is read, told and refused.

Which files in which order is compared with Keras in tests/parity/test_datasets.py.
The numbers that TensorFlow 2.21 gave are written down here: they need no TensorFlow.
"""

import io
import logging
import os
import re
import sys
import wave

import numpy as np
import pytest
from PIL import Image

import cornu
from cornu.preprocessing import image_files
from cornu.preprocessing.audio_folders import load_recording
from cornu.preprocessing.image_files import ImageFormat, load_image
from cornu.utils import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    split_dataset,
    text_dataset_from_directory,
)

NAMES = ["one/a.png", "one/B.PNG", "one/deep/c.jpg", "two/d.bmp", "two/e.gif",
         "two/deep/er/f.jpeg", "three/g.png", "three/h.png"]  # fmt: skip


def pixels(i, shape=(6, 8, 3)):
    """The image of file number i: each has a level of its own."""
    return np.full(shape, 10 * i + 5, "uint8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for i, name in enumerate(NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(i)).save(path)
    (root / "one" / "notes.txt").write_text("no image")
    (root / "one" / "picture.webp").write_bytes(b"another format")
    (root / ".hidden").mkdir()
    (root / "file.png").write_bytes((root / "one/a.png").read_bytes())
    os.symlink(root / "three", root / "one" / "linked", target_is_directory=True)
    return str(root)


@pytest.fixture(scope="module")
def classes_alone(tmp_path_factory):
    """Eight images in three folders of classes, and nothing beside them."""
    root = tmp_path_factory.mktemp("classes")
    for i, name in enumerate(NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(i)).save(path)
    return str(root)


def images(folder, **arguments):
    """A small data set of images, silently made."""
    given = {"image_size": (4, 5), "verbose": False, **arguments}
    return image_dataset_from_directory(folder, **given)


# Which files, in which order


def test_linked_folders_are_gone_into_where_that_is_wanted(folder):
    found = images(folder, follow_links=True, shuffle=False)
    assert len(found.file_paths) == 10
    assert os.path.join(folder, "one", "linked", "g.png") in found.file_paths
    assert len(images(folder).file_paths) == 8


def test_what_is_told(folder, capsys):
    given = {"image_size": (4, 5), "seed": 1, "shuffle": False}
    image_dataset_from_directory(folder, **given)
    image_dataset_from_directory(
        folder, **given, validation_split=0.25, subset="both", labels="inferred"
    )
    image_dataset_from_directory(folder, **given, labels=None)
    assert capsys.readouterr().out.splitlines() == [
        "Found 8 files belonging to 3 classes.",
        "Found 8 files belonging to 3 classes.",
        "Using 6 files for training.",
        "Using 2 files for validation.",
        "Found 9 files.",
    ]
    images(folder)
    assert capsys.readouterr().out == ""


def test_what_is_told_goes_to_the_log_where_that_is_wanted(folder, caplog, capsys):
    cornu.utils.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "cornu"):
            image_dataset_from_directory(folder)
    finally:
        cornu.utils.enable_interactive_logging()
    assert "Found 8 files belonging to 3 classes." in caplog.text
    assert capsys.readouterr().out == ""


def test_what_is_held_out_keeps_its_order(classes_alone):
    _, held = images(classes_alone, subset="both", validation_split=0.5, seed=7)
    first, second = (np.concatenate([x for x, _ in held]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_without_a_seed_numpy_makes_one_up(classes_alone):
    np.random.seed(3)
    seed = np.random.RandomState(3).randint(10**6)
    assert (
        images(classes_alone).file_paths == images(classes_alone, seed=seed).file_paths
    )


def test_each_pass_is_shuffled_anew_and_the_same_for_a_seed(classes_alone):
    def passes():
        dataset = images(classes_alone, seed=2, batch_size=None)
        return [[int(y) for _, y in dataset] for _ in range(4)]

    found = passes()
    assert found == passes()
    assert len({tuple(labels) for labels in found}) > 1


# Labels


def test_labels(classes_alone):
    def labels(**arguments):
        dataset = images(classes_alone, shuffle=False, **arguments)
        found = np.concatenate([y.numpy() for _, y in dataset])
        assert len(dataset) == -(-len(found) // arguments.get("batch_size", 32))
        return found

    plain = labels()
    assert plain.dtype == "int32"
    assert plain.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    categorical = labels(label_mode="categorical", batch_size=3)
    np.testing.assert_array_equal(categorical, np.eye(3, dtype="float32")[plain])
    assert categorical.dtype == "float32"
    binary = labels(label_mode="binary", class_names=["two", "one"])
    assert binary.dtype == "float32"
    assert binary.tolist() == [[0], [0], [0], [1], [1], [1]]
    given = [2, 0, 2, 0, 0, 5, 5, 2]
    assert labels(labels=given).tolist() == given
    rows = labels(labels=given, label_mode="categorical")
    # As many columns as there are classes; a number beyond them has a row of zeros.
    assert rows.tolist() == [[n == 0, n == 1, n == 2] for n in given]


def test_no_labels(folder):
    for arguments in ({"labels": None}, {"label_mode": None}):
        dataset = images(folder, **arguments)
        (batch,) = dataset
        assert batch.shape == (9, 4, 5, 3)
        assert dataset.class_names is None
    single = images(folder, label_mode=None, batch_size=None)
    assert next(iter(single)).shape == (4, 5, 3)
    assert len(single) == 9


# Images


def test_images(folder):
    def first(**arguments):
        dataset = images(folder, shuffle=False, **arguments)
        return next(iter(dataset))[0].numpy()

    rgb = first()
    assert rgb.dtype == "float32"
    assert rgb.shape == (8, 4, 5, 3)
    levels = rgb[[0, 1, 3, 5]].mean((1, 2, 3))
    assert levels.tolist() == [15, 5, 65, 35]
    assert first(color_mode="grayscale").shape == (8, 4, 5, 1)
    rgba = first(color_mode="rgba")
    assert rgba.shape == (8, 4, 5, 4)
    assert (rgba[..., 3] == 255).all()
    assert first(data_format="channels_first").shape == (8, 3, 4, 5)
    assert first(image_size=7).shape == (8, 7, 7, 3)
    assert first(batch_size=3).shape == (3, 4, 5, 3)
    assert first(smart_resize=True).shape == (8, 4, 5, 3)


def test_images_follow_the_data_format_of_the_configuration(folder):
    cornu.config.set_image_data_format("channels_first")
    try:
        assert next(iter(images(folder)))[0].shape == (8, 3, 4, 5)
    finally:
        cornu.config.set_image_data_format("channels_last")


# What tf.image.resize made of a line of five pixels: of three, of five, and of eight.
LINE = [0, 50, 100, 30, 200]
RESIZED = {
    "bilinear": (
        [16.667, 100.0, 143.333],
        [0.0, 50.0, 100.0, 30.0, 200.0],
        [0.0, 21.875, 53.125, 84.375, 78.125, 34.375, 125.625, 200.0],
    ),
    "nearest": (
        [0.0, 100.0, 200.0],
        [0.0, 50.0, 100.0, 30.0, 200.0],
        [0.0, 0.0, 50.0, 100.0, 100.0, 30.0, 200.0, 200.0],
    ),
    "bicubic": (
        [12.054, 100.0, 150.753],
        [0.0, 50.0, 100.0, 30.0, 200.0],
        [-3.598, 17.222, 53.345, 93.237, 78.931, 28.003, 129.361, 212.232],
    ),
    "area": (
        [20.0, 76.0, 132.0],
        [0.0, 50.0, 100.0, 30.0, 200.0],
        [0.0, 20.0, 50.0, 90.0, 86.0, 30.0, 132.0, 200.0],
    ),
    "lanczos3": (
        [9.081, 100.0, 148.405],
        [0.0, 50.0, 100.0, 30.0, 200.0],
        [-3.548, 13.138, 55.577, 104.332, 70.238, 25.569, 128.131, 219.553],
    ),
    "lanczos5": (
        [3.017, 100.0, 147.513],
        [0.0, 50.0, 100.0, 30.0, 200.0],
        [-0.226, 5.672, 58.079, 114.877, 61.525, 24.265, 128.217, 223.016],
    ),
    "gaussian": (
        [16.962, 87.219, 142.329],
        [5.96, 50.0, 87.219, 55.562, 179.735],
        [3.004, 21.891, 52.673, 82.574, 76.836, 53.517, 125.57, 189.785],
    ),
    "mitchellcubic": (
        [14.542, 93.333, 145.299],
        [2.941, 50.0, 93.333, 43.333, 190.0],
        [-0.703, 19.36, 53.27, 88.117, 76.903, 41.112, 126.94, 202.391],
    ),
}


@pytest.mark.parametrize("interpolation", RESIZED)
@pytest.mark.parametrize("axis", [0, 1])
def test_resizing_is_that_of_tensorflow(interpolation, axis):
    # TensorFlow rounds where a pixel is for its cubic weights, to 1/1024.
    exact = interpolation != "bicubic"
    for n, expected in zip((3, 5, 8), RESIZED[interpolation], strict=True):
        # The other axis is constant, and as long: smoothing leaves it as it is.
        line = np.repeat(np.array(LINE, "uint8")[:, None], 4, axis=1)[..., None]
        size = (n, 4)
        if axis:
            line, size = line.transpose(1, 0, 2), (4, n)
        found = image_files.resized(line, size, interpolation)
        assert found.dtype == "float32"
        rows = np.broadcast_to(
            np.expand_dims(np.array(expected), 1 - axis), found.shape[:2]
        )
        np.testing.assert_allclose(found[..., 0], rows, atol=1e-3 if exact else 0.1)


@pytest.mark.parametrize("interpolation", cornu.ops.image.INTERPOLATIONS)
@pytest.mark.parametrize("size", [(9, 23), (40, 7), (20, 31)])
def test_resizing_is_that_of_the_operation(interpolation, size):
    image = np.random.default_rng(1).integers(0, 256, (20, 31, 3)).astype("uint8")
    mine = image_files.resized(image, size, interpolation)
    theirs = cornu.ops.image.resize(image.astype("float32"), size, interpolation)
    np.testing.assert_allclose(mine, np.asarray(theirs), rtol=1e-5, atol=1e-3)


def test_proportions(tmp_path):
    image = np.arange(24, dtype="uint8").reshape(4, 6)
    path = str(tmp_path / "a.png")
    Image.fromarray(image).save(path)

    def loaded(size, **arguments):
        return load_image(path, ImageFormat(size, 1, **arguments))[..., 0]

    np.testing.assert_array_equal(loaded((4, 4), crop=True), image[:, 1:5])
    np.testing.assert_array_equal(loaded((2, 6), crop=True), image[1:3])
    # As tf.image.resize_with_pad gave it.
    np.testing.assert_allclose(
        loaded((3, 3), pad=True), [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5], [0, 0, 0]]
    )
    middle = [
        [1.1, 2.3, 3.5, 4.7, 5.9],
        [9.1, 10.3, 11.5, 12.7, 13.9],
        [17.1, 18.3, 19.5, 20.7, 21.9],
    ]
    expected = np.pad(np.array(middle), ((1, 2), (0, 0)))
    np.testing.assert_allclose(loaded((6, 5), pad=True), expected, rtol=1e-5)


def test_kinds_of_image_files(tmp_path):
    rng = np.random.default_rng(2)
    color = rng.integers(0, 256, (5, 6, 4)).astype("uint8")

    def decoded(image, name, channels, **options):
        path = str(tmp_path / name)
        image.save(path, **options)
        return image_files.decoded(path, channels)

    rgba = Image.fromarray(color)
    np.testing.assert_array_equal(decoded(rgba, "a.png", 4), color)
    np.testing.assert_array_equal(decoded(rgba, "a.png", 3), color[..., :3])
    gray = decoded(rgba, "a.png", 1)[..., 0]
    luma = color[..., :3] @ [0.299, 0.587, 0.114]  # ITU-R 601
    assert np.abs(gray - luma).max() <= 1
    deep = rng.integers(0, 2**16, (5, 6)).astype("uint16")
    np.testing.assert_array_equal(
        decoded(Image.fromarray(deep), "deep.png", 3), np.stack([deep >> 8] * 3, -1)
    )
    palette = Image.fromarray(color[..., :3]).quantize(16)
    shown = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(decoded(palette, "p.png", 3), shown)
    clear = decoded(palette, "clear.png", 3, transparency=bytes(range(16)))
    np.testing.assert_array_equal(clear, shown)
    bits = Image.fromarray(color[..., 0] > 128)
    np.testing.assert_array_equal(
        decoded(bits, "bits.png", 1)[..., 0], 255 * (color[..., 0] > 128)
    )
    frames = [Image.fromarray(np.full((5, 6), n, "uint8")) for n in (7, 90)]
    moving = decoded(
        frames[0], "m.gif", 3, save_all=True, append_images=frames[1:], duration=9
    )
    assert (moving == 7).all()


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 256, (40, 40)).astype("uint8")
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, "PNG")
    content = whole.getvalue()
    for name, broken in (("1.png", b"no image"), ("2.png", content[:700])):
        (tmp_path / name).write_bytes(broken)
        path = str(tmp_path / name)
        with pytest.raises(ValueError, match=re.escape(repr(path))) as caught:
            load_image(path, ImageFormat((4, 4)))
        assert str(caught.value).count("\n") == 2
    dataset = images(str(tmp_path), labels=None)
    with pytest.raises(ValueError, match=r"The image '.*\.png' cannot be read"):
        list(dataset)
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        load_image(str(tmp_path / "gone.png"), ImageFormat((4, 4)))


def test_without_pillow(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"pip install 'cornu\[image\]'"):
        images(folder)


# Texts


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    root = tmp_path_factory.mktemp("texts")
    for i, name in enumerate(["neg/0.txt", "neg/1.TXT", "pos/0.txt", "pos/x.md"]):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(f"text {i}\r\nnúmero".encode())
    (root / "pos" / "latin.txt").write_bytes("ñ".encode("latin-1"))
    return str(root)


def test_texts(texts):
    def made(**arguments):
        return text_dataset_from_directory(
            texts, shuffle=False, verbose=False, **arguments
        )

    ((batch, labels),) = made()
    assert batch.shape == (4,)
    assert batch.tolist()[:3] == [f"text {i}\r\nnúmero" for i in range(3)]
    assert batch[3].encode("utf-8", "surrogateescape") == b"\xf1"
    assert labels.tolist() == [0, 0, 1, 1]
    assert made().class_names == ["neg", "pos"]
    short = [text for text, _ in made(max_length=9, batch_size=None)]
    assert short[:2] == ["text 0\r\nn", "text 1\r\nn"]
    (alone,) = made(label_mode=None)
    assert alone.tolist() == batch.tolist()
    train, held = made(validation_split=0.25, subset="both")
    assert [len(train.file_paths), len(held.file_paths)] == [3, 1]


# Recordings


def record(path, samples, rate=8000, width=2):
    """Write numbers from -1 to 1 as a .wav file of so many bytes each."""
    samples = np.asarray(samples)
    numbers = np.round(samples * (2.0 ** (8 * width - 1) - 1)).astype("<i8")
    if width == 1:
        numbers = numbers + 128
    content = numbers.reshape(-1, 1).view("u1")[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(content)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_recordings_of_each_width(tmp_path, width):
    samples = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    record(tmp_path / "a.wav", samples, width=width)
    found = load_recording(str(tmp_path / "a.wav"))
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, samples, atol=2.0 ** (2 - 8 * width) + 1e-7)


def test_recordings(tmp_path):
    for i, n in enumerate((30, 50, 40)):
        folder = tmp_path / ("a" if i < 2 else "b")
        folder.mkdir(exist_ok=True)
        record(folder / f"{i}.wav", np.full(n, 0.5))

    def made(**arguments):
        return audio_dataset_from_directory(
            tmp_path, shuffle=False, verbose=False, **arguments
        )

    ((sound, labels),) = made()
    assert sound.shape == (3, 50, 1)
    assert labels.tolist() == [0, 0, 1]
    assert (np.asarray(sound)[0, 30:] == 0).all()
    np.testing.assert_allclose(np.asarray(sound)[0, :30], 16383.5 / 32768, atol=1e-4)
    assert next(iter(made(output_sequence_length=35)))[0].shape == (3, 35, 1)
    lengths = [x.shape for x, _ in made(batch_size=None)]
    assert lengths == [(30, 1), (50, 1), (40, 1)]
    assert isinstance(made(validation_split=0.4, subset="both"), tuple)
    assert next(iter(made(sampling_rate=4000)))[0].shape == (3, 25, 1)


def test_another_rate_is_the_same_sound(tmp_path):
    times = np.arange(8000) / 8000
    record(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 100 * times))
    found = load_recording(str(tmp_path / "a.wav"), rate=6000)[:, 0]
    expected = 0.5 * np.sin(2 * np.pi * 100 * np.arange(6000) / 6000)
    np.testing.assert_allclose(found[100:-100], expected[100:-100], atol=2e-3)


def test_a_recording_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF no recording")
    with pytest.raises(ValueError, match=r"a\.wav'? cannot be read"):
        load_recording(str(tmp_path / "a.wav"))


# Two parts


def test_two_parts():
    x, y = np.arange(18).reshape(9, 2), np.arange(9)

    def of(dataset):
        return [int(np.ravel(b)[0]) for _, b in dataset]

    left, right = split_dataset((x, y), left_size=6)
    assert (of(left), of(right)) == (list(range(6)), [6, 7, 8])
    assert left.element_spec[0].shape == (2,)
    left, right = split_dataset([x, y], left_size=6, shuffle=True)
    assert sorted(of(left) + of(right)) == list(range(9))
    batches = cornu.utils.Dataset.from_tensor_slices((x, y)).batch(4).prefetch(1)
    left, right = split_dataset(batches, right_size=3)
    assert [a.shape for a, _ in left] == [(4, 2), (2, 2)]
    assert [b.tolist() for _, b in right] == [[6, 7, 8]]
    rows = split_dataset(((x[i], y[i]) for i in range(9)), left_size=2)
    assert of(rows[1]) == list(range(2, 9))

    class Samples:  # as torch.utils.data.Dataset
        def __len__(self):
            return 9

        def __getitem__(self, index):
            return x[index], y[index]

    assert of(split_dataset(Samples(), right_size=2)[1]) == [7, 8]


@pytest.mark.parametrize(
    ("data", "arguments", "error", "said"),
    [
        (np.zeros(2), {}, ValueError, "neither left_size nor right_size"),
        (np.zeros(0), {"left_size": 0.5}, ValueError, "without samples"),
        ([], {"left_size": 0.5}, ValueError, "without samples"),
        (3, {"left_size": 0.5}, TypeError, "split_dataset was given 3"),
        (
            [np.zeros(2), np.zeros(3)],
            {"left_size": 0.5},
            ValueError,
            r"shapes \(2,\), \(3,\)",
        ),
        (
            np.zeros(3),
            {"left_size": 1, "preferred_backend": "torch"},
            ValueError,
            "preferred_backend='torch'",
        ),
    ],
)
def test_two_parts_that_are_refused(data, arguments, error, said):
    with pytest.raises(error, match=said) as caught:
        split_dataset(data, **arguments)
    assert str(caught.value).count("\n") == 2


# What is refused


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"directory": "nowhere"}, FileNotFoundError, "There is no folder 'nowhere'"),
        (
            {"directory": "nowhere", "labels": None},
            FileNotFoundError,
            "There is no folder 'nowhere'",
        ),
        ({"labels": [1, 2]}, ValueError, "2 labels were given for 9 files"),
        ({"labels": ["a"] * 9}, ValueError, "labels holds 'a'"),
        ({"labels": "given"}, ValueError, "labels='given' was given"),
        ({"label_mode": "one-hot"}, ValueError, "label_mode='one-hot'"),
        ({"label_mode": "binary"}, ValueError, "for the classes"),
        ({"class_names": ["one", "tow"]}, ValueError, "Did you mean 'two'"),
        ({"class_names": ["one"], "labels": None}, ValueError, "class_names="),
        ({"class_names": ["one"], "label_mode": None}, ValueError, "class_names="),
        ({"color_mode": "bgr"}, ValueError, "color_mode='bgr'"),
        ({"image_size": (3, 0)}, ValueError, r"image_size=\(3, 0\)"),
        ({"interpolation": "bilinea"}, ValueError, "Did you mean 'bilinear'"),
        (
            {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
            ValueError,
            "one of them at most",
        ),
        ({"format": "grain"}, ValueError, "format='grain'"),
        ({"validation_split": 0.2}, ValueError, "validation_split and subset"),
        ({"subset": "training"}, ValueError, "validation_split and subset"),
        (
            {"validation_split": 1.5, "subset": "training"},
            ValueError,
            "validation_split=1.5",
        ),
        ({"validation_split": 0.2, "subset": "test"}, ValueError, "subset='test'"),
        (
            {"validation_split": 0.2, "subset": "both"},
            ValueError,
            "no seed",
        ),
        (
            {"validation_split": 0.01, "subset": "validation", "seed": 1},
            ValueError,
            "No validation images were found",
        ),
        ({"smart_size": True}, TypeError, "unknown argument 'smart_size'"),
        ({"batch_size": 0}, ValueError, "batch_size=0"),
    ],
)
def test_what_is_refused(arguments, error, said, folder, capsys):
    with pytest.raises(error, match=said) as caught:
        image_dataset_from_directory(**{"directory": folder, **arguments})
    assert str(caught.value).count("\n") == 2
    assert capsys.readouterr().err == ""


def test_nothing_found(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "text.md").write_text("x")
    for function, what in (
        (image_dataset_from_directory, "images"),
        (text_dataset_from_directory, "texts"),
        (audio_dataset_from_directory, "recordings"),
    ):
        with pytest.raises(ValueError, match=f"No {what} were found") as caught:
            function(tmp_path, verbose=False)
        assert str(caught.value).count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"ragged": True}, "ragged=True"),
        ({"sampling_rate": 0}, "sampling_rate=0"),
        ({"output_sequence_length": 2.5}, "output_sequence_length=2.5"),
    ],
)
def test_audio_that_is_refused(arguments, said, tmp_path):
    with pytest.raises(ValueError, match=said) as caught:
        audio_dataset_from_directory(tmp_path, **arguments)
    assert str(caught.value).count("\n") == 2
