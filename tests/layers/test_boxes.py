"""As many bounding boxes for every image."""

import numpy as np
import pytest

from cornu import layers

BOXES = np.arange(24.0, dtype="float32").reshape(2, 3, 4)
LABELS = np.arange(6).reshape(2, 3)
IMAGES = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)


def data(**more):
    boxes = {"boxes": BOXES, "labels": LABELS}
    return {"images": IMAGES, "bounding_boxes": boxes, **more}


def test_the_first_ones():
    layer = layers.MaxNumBoundingBoxes(2, bounding_box_format="xyxy")
    found = layer(data(labels=np.array([1, 2])))
    np.testing.assert_array_equal(found["bounding_boxes"]["boxes"], BOXES[:, :2])
    np.testing.assert_array_equal(found["bounding_boxes"]["labels"], LABELS[:, :2])
    np.testing.assert_array_equal(found["images"], IMAGES)
    assert found["images"].dtype == "uint8"
    np.testing.assert_array_equal(found["labels"], [1, 2])


def test_filled_up():
    found = layers.MaxNumBoundingBoxes(5, fill_value=-7)(data())["bounding_boxes"]
    assert found["boxes"].shape == (2, 5, 4)
    np.testing.assert_array_equal(found["boxes"][:, :3], BOXES)
    assert (np.asarray(found["boxes"])[:, 3:] == -7).all()
    assert np.asarray(found["labels"]).tolist() == [
        [0, 1, 2, -7, -7],
        [3, 4, 5, -7, -7],
    ]


def test_one_image():
    one = {"images": IMAGES[0]}
    one["bounding_boxes"] = {"boxes": BOXES[0], "labels": LABELS[0]}
    found = layers.MaxNumBoundingBoxes(4)(one)
    assert found["bounding_boxes"]["boxes"].shape == (4, 4)
    assert np.asarray(found["bounding_boxes"]["labels"]).tolist() == [0, 1, 2, -1]
    np.testing.assert_array_equal(layers.MaxNumBoundingBoxes(4)(IMAGES[0]), IMAGES[0])


def test_its_configuration_has_all_of_it():
    layer = layers.MaxNumBoundingBoxes(4, 9, bounding_box_format="xywh")
    again = layers.MaxNumBoundingBoxes.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.fill_value == 9


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda: layers.MaxNumBoundingBoxes(0), ["max_number=0", "positive"]),
        (
            lambda: layers.MaxNumBoundingBoxes(2)(
                {"images": IMAGES, "bounding_boxes": {"boxes": BOXES}}
            ),
            ["'labels' of shape (batch, n)", "(2, 3, 4)"],
        ),
        (
            lambda: layers.MaxNumBoundingBoxes(2)(
                {
                    "images": IMAGES,
                    "bounding_boxes": {"boxes": BOXES, "labels": LABELS[:, :2]},
                }
            ),
            ["(2, 2)"],
        ),
        (lambda: layers.STFTSpectrogram("loud"), ["mode='loud'", "'psd'"]),
        (lambda: layers.STFTSpectrogram(frame_length=8, frame_step=9), ["frame_step"]),
        (lambda: layers.STFTSpectrogram(scaling="loud"), ["scaling='loud'"]),
        (
            lambda: layers.STFTSpectrogram()(np.zeros((1, 20, 1), "float32")),
            ["20 samples", "frame_length=256"],
        ),
        (
            lambda: layers.MelSpectrogram()(np.zeros((1, 20), "float32")),
            ["(1, 20)", "1024"],
        ),
        (lambda: layers.MelSpectrogram(64, sequence_length=70), ["=70"]),
    ],
)
def test_messages(run, words):
    with pytest.raises(ValueError) as caught:
        run()
    message = str(caught.value)
    assert message.count("\n") == 2
    assert all(word in message for word in words), message


def test_other_sizes_than_powers_of_two_are_told():
    with pytest.warns(UserWarning, match="power of two"):
        layers.STFTSpectrogram(frame_length=8, fft_length=12)
