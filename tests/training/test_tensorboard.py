"""What TensorBoard writes, decoded by a reader of its own, and by the real one."""

import struct
import zlib

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers
from cornu.training.callbacks import event_file
from tests.training.networks import ONE_HOT, X, message, network

# A reader: CRC-32C bit by bit, as RFC 3720 defines it; fields by their wire types.


def crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def unmasked(masked):
    rotated = (masked - 0xA282EAD8) % 2**32
    return (rotated >> 17 | rotated << 15) % 2**32


def records(path):
    content = path.read_bytes()
    while content:
        length, check = struct.unpack("<QI", content[:12])
        assert unmasked(check) == crc32c(content[:8])
        event, (check,) = (
            content[12 : 12 + length],
            struct.unpack("<I", content[12 + length : 16 + length]),
        )
        assert unmasked(check) == crc32c(event)
        yield fields(event)
        content = content[16 + length :]


def varint(content, at):
    value = shift = 0
    while True:
        byte, at = content[at], at + 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(content):
    """Field number -> list of values: numbers, or bytes."""
    found, at = {}, 0
    while at < len(content):
        key, at = varint(content, at)
        if key & 7 == 0:
            value, at = varint(content, at)
        else:
            length = 8
            if key & 7 == 2:
                length, at = varint(content, at)
            value, at = content[at : at + length], at + length
            if key & 7 == 1:
                (value,) = struct.unpack("<d", value)
        found.setdefault(key >> 3, []).append(value)
    return found


def tensor_of(content):
    tensor = fields(content)
    shape = [fields(d).get(1, [0])[0] for d in fields(tensor[2][0]).get(2, [])]
    if tensor[1] == [7]:
        return tensor[8] if shape else tensor[8][0]
    return np.frombuffer(tensor[4][0], {1: "<f4", 2: "<f8"}[tensor[1][0]]).reshape(
        shape
    )


def read(folder):
    """tag -> (plugin, [(step, value)]) of all files of a folder."""
    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        first, *rest = records(path)
        assert first[3] == [b"brain.Event:2"]
        for event in rest:
            assert event[1][0] > 1e9  # wall time
            for value in fields(event[5][0])[1]:
                value = fields(value)
                plugin = fields(fields(value[9][0])[1][0])[1][0].decode()
                entry = found.setdefault(value[1][0].decode(), (plugin, []))
                entry[1].append((event.get(2, [0])[0], tensor_of(value[8][0])))
    return found


def numbers(entry):
    assert entry[0] == "scalars"
    return [(step, float(value)) for step, value in entry[1]]


def trained(folder, model=None, **options):
    model = model or network()
    board = callbacks.TensorBoard(folder, **options)
    history = model.fit(
        X, ONE_HOT, epochs=2, batch_size=8, verbose=0, callbacks=[board],
        validation_data=(X, ONE_HOT), shuffle=False,
    )  # fmt: skip
    return model, history.history, read(folder / "train"), read(folder / "validation")


def curve(values):
    return [(i, pytest.approx(v, rel=1e-6)) for i, v in enumerate(values)]


def test_the_checksum_is_that_of_the_rfc():
    assert unmasked(event_file.masked_crc32c(bytes(32))) == 0x8A9136AA  # B.4
    assert unmasked(event_file.masked_crc32c(bytes(range(32)))) == 0x46DD794E
    assert unmasked(event_file.masked_crc32c(b"\xff" * 32)) == 0x62A8AB43


def test_epochs_and_evaluations(tmp_path):
    _, history, train, validation = trained(tmp_path)
    assert set(train) == {
        "epoch_accuracy",
        "epoch_loss",
        "epoch_learning_rate",
        "keras",
    }
    assert numbers(train["epoch_loss"]) == curve(history["loss"])
    assert numbers(train["epoch_accuracy"]) == curve(history["accuracy"])
    assert numbers(train["epoch_learning_rate"]) == curve([0.001, 0.001])
    names = {"epoch_accuracy", "epoch_loss"}
    names |= {f"evaluation_{n}_vs_iterations" for n in ("accuracy", "loss")}
    assert set(validation) == names
    assert numbers(validation["epoch_loss"]) == curve(history["val_loss"])
    found = numbers(validation["evaluation_loss_vs_iterations"])
    assert found == [
        (n, pytest.approx(v, rel=1e-6))
        for n, v in zip((3, 6), history["val_loss"], strict=True)
    ]


def test_batches(tmp_path):
    class Keep(callbacks.Callback):
        seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(logs["loss"])

    model = network()
    boards = {
        (every, timed): callbacks.TensorBoard(
            tmp_path / f"{every}{timed}",
            update_freq=every,
            write_steps_per_second=timed,
        )
        for every in ("batch", 2)
        for timed in (False, True)
    }
    more = {"epochs": 2, "batch_size": 8, "verbose": 0}
    keep = Keep()
    model.fit(X, ONE_HOT, callbacks=[keep, *boards.values()], **more)
    for (every, timed), board in boards.items():
        found = read(tmp_path / board.log_dir / "train")
        steps = [2, 4, 6] if every == 2 else range(1, 7)
        expected = [(n, pytest.approx(keep.seen[n - 1], rel=1e-6)) for n in steps]
        assert numbers(found["batch_loss"]) == expected
        assert len(found["batch_accuracy"][1]) == len(expected)
        assert ("batch_steps_per_second" in found) == timed
        assert ("epoch_steps_per_second" in found) == timed
        if timed:
            assert all(v > 0 for _, v in numbers(found["epoch_steps_per_second"]))


def test_only_batches_that_are_written_cost_logs(tmp_path, monkeypatch):
    model, asked = network(), []
    own = type(model)._logs
    monkeypatch.setattr(model, "_logs", lambda *a: asked.append(1) or own(model, *a))
    board = callbacks.TensorBoard(tmp_path, update_freq=10)
    model.fit(X, ONE_HOT, batch_size=1, verbose=0, callbacks=[board])
    assert len(asked) == 3  # after 10 and 20 batches, and at the end of the epoch


def test_weights(tmp_path):
    model, _, train, _ = trained(tmp_path, histogram_freq=1, write_images=True)
    for weight in model.weights:
        plugin, found = train[f"{weight.path}/histogram"]
        assert plugin == "histograms"
        assert [step for step, _ in found] == [0, 1]
        values, last = weight.numpy(), found[-1][1]
        assert last.shape == (30, 3)
        assert last[:, 2].sum() == values.size
        assert last[0, 0] == values.min()
        assert last[-1, 1] == values.max()
        np.testing.assert_array_equal(last[1:, 0], last[:-1, 1])
        edges = np.append(last[:, 0], last[-1, 1])
        np.testing.assert_array_equal(last[:, 2], np.histogram(values, edges)[0])
        plugin, found = train[f"{weight.path}/image"]
        assert plugin == "images"
        expected = values if values.ndim == 2 else values[:, np.newaxis]
        if values.ndim == 2 and values.shape[0] > values.shape[1]:
            expected = values.T
        width, height, *pictures = found[-1][1]
        assert (int(height), int(width)) == expected.shape
        grey = np.floor(np.clip(expected, 0, 1).astype("float64") * 255.5)
        np.testing.assert_array_equal(pixels(pictures[0]), np.minimum(grey, 255))


def pixels(png):
    """The rows of an 8-bit grey PNG file without filters."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) == (8, 0)
    (length,) = struct.unpack(">I", png[33:37])
    data = png[41 : 41 + length]
    (check,) = struct.unpack(">I", png[41 + length : 45 + length])
    assert check == zlib.crc32(b"IDAT" + data)
    rows = np.frombuffer(zlib.decompress(data), "u1").reshape(height, width + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


@pytest.mark.parametrize(
    ("shape", "images"),
    [
        ((5,), (1, 5, 1, 1)),
        ((7, 2), (1, 2, 7, 1)),
        ((3, 4, 5), (5, 3, 4, 1)),
        ((2, 3, 4, 3), (2, 3, 4, 3)),
        ((2, 3, 4, 5), None),
        ((), None),
    ],
)
def test_weights_that_are_images(shape, images):
    from cornu.training.callbacks.tensorboard import as_images

    found = as_images(np.zeros(shape, "float32"))
    assert (found is None) if images is None else (found.shape == images)


def test_the_graph_is_the_configuration_of_the_model(tmp_path):
    model, _, train, _ = trained(tmp_path)
    plugin, [(step, text)] = train["keras"]
    assert (plugin, step) == ("graph_keras_model", 0)
    assert text.decode() == model.to_json()
    assert "keras" not in trained(tmp_path / "none", write_graph=False)[2]


def test_embeddings_for_the_projector(tmp_path):
    model = cornu.Sequential(
        [layers.Input((4,)), layers.Embedding(9, 2, name="words"), layers.Flatten()]
    )
    model.compile("sgd", "mse")
    board = callbacks.TensorBoard(
        tmp_path, embeddings_freq=1, embeddings_metadata={"words": "words.txt"}
    )
    rows = np.arange(8).reshape(2, 4)
    model.fit(rows, np.zeros((2, 8)), verbose=0, callbacks=[board])
    table = np.loadtxt(tmp_path / "train" / "words.tsv", dtype="float32")
    np.testing.assert_array_equal(table, model.get_weights()[0])
    assert (tmp_path / "projector_config.pbtxt").read_text() == (
        'embeddings {\n  tensor_name: "words"\n  tensor_path: "train/words.tsv"\n'
        '  metadata_path: "words.txt"\n}\n'
    )
    board = callbacks.TensorBoard(
        tmp_path, embeddings_freq=1, embeddings_metadata={"word": "words.txt"}
    )
    options = {"verbose": 0, "callbacks": [board]}
    assert "Did you mean 'words'?" in message(
        model.fit, rows, np.zeros((2, 8)), **options
    )


def test_what_it_does_not_do_is_refused():
    assert "profile" in message(callbacks.TensorBoard, profile_batch=(10, 20))
    assert "'epoch' or 'batch'" in message(callbacks.TensorBoard, update_freq="epochs")
    assert "update_freq=0" in message(callbacks.TensorBoard, update_freq=0)
    assert "histogram_freq=-1" in message(callbacks.TensorBoard, histogram_freq=-1)


def test_what_is_no_number_is_left_out_and_said(tmp_path):
    model = network(metrics=[cornu.metrics.F1Score()])  # one number per class
    with pytest.warns(UserWarning, match="out: it is an array of shape") as told:
        train = trained(tmp_path, model)[2]
    assert len(told) == 2  # of the epochs, and of the evaluations
    assert "epoch_loss" in train


def test_the_real_tensorboard_reads_it(tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    util = pytest.importorskip("tensorboard.util.tensor_util")
    _, history, _, _ = trained(tmp_path, histogram_freq=1, write_images=True)
    found = accumulator.EventAccumulator(str(tmp_path / "train")).Reload()
    losses = [
        util.make_ndarray(e.tensor_proto).item() for e in found.Tensors("epoch_loss")
    ]
    np.testing.assert_allclose(losses, history["loss"], rtol=1e-6)
    assert found.SummaryMetadata("keras").plugin_data.plugin_name == "graph_keras_model"
