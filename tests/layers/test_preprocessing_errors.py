"""What layers that prepare data refuse: each in three parts, in the user's terms."""

import numpy as np
import pytest

import cornu
from cornu import layers as L

X = np.zeros((2, 4, 4, 3), "float32")
WORDS = ["a", "b"]


def given(make, *data):
    return lambda: make()(*data)


def adapted(make, data):
    def run():
        layer = make()
        layer.adapt(data)

    return run


def small_vocabulary():
    x = cornu.Input((1,), dtype="string")
    layer = L.StringLookup(output_mode="count")
    layer.adapt(WORDS)
    layer(x)
    layer.adapt(["a", "b", "c"])


def built_twice():
    layer = L.Normalization()
    layer.build((None, 3))
    layer.adapt(np.zeros((2, 4)))


TABLE = [
    # Vocabularies
    (lambda: L.StringLookup(max_tokens=1), ["max_tokens=1"]),
    (lambda: L.StringLookup(num_oov_indices=-1), ["num_oov_indices=-1", "0 or more"]),
    (lambda: L.StringLookup(pad_to_max_tokens=True), ["without max_tokens"]),
    (lambda: L.StringLookup(output_mode="hot"), ["'hot'", "'multi_hot'"]),
    (lambda: L.StringLookup(invert=True, output_mode="count"), ["invert=True"]),
    (lambda: L.StringLookup(sparse=True), ["sparse=True", "dense"]),
    (lambda: L.StringLookup(idf_weights=[1.0]), ["idf_weights", "'int'"]),
    (lambda: L.StringLookup(vocabulary=WORDS, output_mode="tf_idf"), ["idf_weights"]),
    (lambda: L.StringLookup(vocabulary=[]), ["an empty vocabulary"]),
    (lambda: L.StringLookup(vocabulary=["a", "a"]), ["['a'] twice"]),
    (lambda: L.StringLookup(vocabulary=["a", "m"], mask_token="m"), ["'m'", "special"]),
    (lambda: L.StringLookup(vocabulary=WORDS, max_tokens=2), ["3 tokens"]),
    (lambda: L.StringLookup(vocabulary=WORDS, output_mode="tf_idf",
                            idf_weights=[1.0]), ["(1,)", "2 words"]),
    (lambda: L.StringLookup(salt="x"), ["salt='x'"]),
    (lambda: L.IntegerLookup(salt=3), ["salt=[3, 3]", "'farmhash'"]),
    (lambda: L.IntegerLookup(oov_method="sha"), ["'sha'", "'floormod'"]),
    (lambda: L.IntegerLookup(vocabulary_dtype="int32"), ["'int32'", "'int64'"]),
    (adapted(lambda: L.StringLookup(vocabulary=WORDS), WORDS), ["was given"]),
    (lambda: L.StringLookup().set_vocabulary(WORDS, [1.0, 2.0]), ["set_vocabulary"]),
    (given(L.StringLookup, WORDS), ["no vocabulary yet", "adapt"], RuntimeError),
    (given(lambda: L.StringLookup(output_mode="count"),
           cornu.Input((1,), dtype="string")), ["no vocabulary yet"], RuntimeError),
    (small_vocabulary, ["has 4 tokens now, and had 3"], RuntimeError),
    (given(lambda: L.StringLookup(vocabulary=WORDS), [1, 2]), ["int", "text"],
     TypeError),
    (given(lambda: L.IntegerLookup(vocabulary=[1]), [0.5]), ["float64", "whole"],
     TypeError),
    (given(lambda: L.StringLookup(vocabulary=WORDS), [["a"], ["a", "b"]]),
     ["different lengths"]),
    (lambda: L.StringLookup(vocabulary="/no/such/file"), ["/no/such/file"],
     FileNotFoundError),
    (adapted(L.StringLookup, 3), ["int", "iterable"], TypeError),
    # Text
    (lambda: L.TextVectorization(standardize="upper"), ["'upper'", "'lower'"]),
    (lambda: L.TextVectorization(split="comma"), ["'comma'", "'whitespace'"]),
    (lambda: L.TextVectorization(ngrams="two"), ["ngrams='two'"]),
    (lambda: L.TextVectorization(ngrams=(1, "2")), ["ngrams=(1, '2')"]),
    (lambda: L.TextVectorization(output_sequence_length="x"), ["'x'"]),
    (lambda: L.TextVectorization(output_mode="count", output_sequence_length=4),
     ["output_sequence_length=4"]),
    (lambda: L.TextVectorization(ragged=True), ["ragged=True"]),
    (given(L.TextVectorization, WORDS), ["no vocabulary yet"], RuntimeError),
    (given(lambda: L.TextVectorization(vocabulary=WORDS), [WORDS]),
     ["(1, 2)", "split=None"]),
    (given(lambda: L.TextVectorization(vocabulary=WORDS, split=lambda t: [WORDS]),
           ["a", "b", "c"]), ["1 lists of 3 texts"]),
    (given(lambda: L.TextVectorization(vocabulary=WORDS, standardize=lambda t: t[:1]),
           ["a", "b"]), ["1 texts of 2"]),
    # Hashes
    (lambda: L.Hashing(0), ["num_bins=0"]),
    (lambda: L.Hashing(3, salt=[1]), ["salt=[1]"]),
    (lambda: L.Hashing(3, dtype="float32"), ["'float32'", "'int64'"]),
    (lambda: L.Hashing(3, output_mode="tf_idf"), ["'tf_idf'"]),
    (given(lambda: L.HashedCrossing(3), [["a"]]), ["two or more"]),
    (given(lambda: L.HashedCrossing(3), [["a"], ["a", "b"]]), ["(1,), (2,)"]),
    (given(lambda: L.HashedCrossing(3), [[1.0], [2.0]]), ["float64"], TypeError),
    # Numbers
    (lambda: L.Normalization(mean=1.0), ["one of them is None"]),
    (lambda: L.Normalization(mean=[1.0], variance=[1.0, 2.0]), ["(1,)", "(2,)"]),
    (lambda: L.Normalization(mean=[[1.0]], variance=[[1.0]]), ["(1, 1)"]),
    (lambda: L.Normalization(axis=3).build((None, 2)), ["(3,)", "(None, 2)"]),
    (lambda: L.Normalization().build((None, None)), ["(None, None)", "known size"]),
    (given(lambda: L.Normalization(mean=[1.0] * 3, variance=[1.0] * 3),
           np.zeros((2, 4))), ["(3,)", "(4,)"]),
    (built_twice, ["(2, 4)", "(3,)"]),
    (adapted(L.Normalization, []), ["no batch at all"]),
    (adapted(lambda: L.Normalization(mean=1.0, variance=2.0), X), ["was given"]),
    (lambda: L.Discretization(), ["one of them"]),
    (lambda: L.Discretization([1.0], 3), ["bin_boundaries=[1.0]", "num_bins=3"]),
    (given(lambda: L.Discretization(num_bins=3), X), ["no bins yet"], RuntimeError),
    (adapted(lambda: L.Discretization([1.0]), X), ["num_bins"]),
    (lambda: L.CategoryEncoding(), ["num_tokens=None", "IntegerLookup"]),
    (lambda: L.CategoryEncoding(3, "int"), ["'int'"]),
    (lambda: L.CategoryEncoding(3)([1], count_weights=[1.0]), ["'multi_hot'"]),
    # Images
    (lambda: L.Resizing(0, 3), ["height=0", "Resizing(224, 224)"]),
    (lambda: L.Resizing(3, 3, "cubic"), ["'cubic'", "'bicubic'"]),
    (given(lambda: L.Resizing(2, 2), np.zeros((3, 3))), ["(3, 3)", "expand_dims"]),
    (given(lambda: L.Resizing(2, 2, crop_to_aspect_ratio=True,
                              pad_to_aspect_ratio=True), X), ["one of them"]),
    (lambda: L.CenterCrop(2.5, 3), ["height=2.5"]),
    (lambda: L.RandomFlip("sideways"), ["'sideways'", "'horizontal'"]),
    (lambda: L.RandomFlip(bounding_box_format="xyxy"), ["'xyxy'", "not supported"]),
    (given(L.RandomFlip, {"images": X, "bounding_boxes": X}), ["boxes"]),
    (lambda: L.RandomRotation(2), ["factor=2", "-1.0 to 1.0"]),
    (lambda: L.RandomRotation((0.1, 0.2, 0.3)), ["(0.1, 0.2, 0.3)"]),
    (lambda: L.RandomRotation(0.1, fill_mode="mirror"), ["'mirror'", "'reflect'"]),
    (lambda: L.RandomZoom(-1.0), ["height_factor=-1.0"]),
    (lambda: L.RandomZoom(0.1, interpolation="cubic"), ["'cubic'"]),
    (lambda: L.RandomTranslation(0.1, "x"), ["width_factor='x'"]),
    (lambda: L.RandomShear(x_factor=(-0.3, 0.2)), ["x_factor"]),
    (lambda: L.RandomPerspective(scale=2.0), ["scale"]),
    (lambda: L.RandomBrightness(0.1, value_range=3), ["value_range=3"]),
    (lambda: L.RandomGaussianBlur(kernel_size=4), ["kernel_size=4", "odd"]),
    (lambda: L.RandomPosterization(9), ["factor=9", "1 to 8"]),
    (given(lambda: L.RandomHue(0.1), X[..., :2]), ["3 channels", "(2, 4, 4, 2)"]),
    (given(lambda: L.RandomCrop(2, 2), np.zeros((2, 2))), ["(2, 2)"]),
    (lambda: L.RandomRotaton(0.1), ["RandomRotation"], AttributeError),
    (lambda: L.MelSpectogram(), ["MelSpectrogram"], AttributeError),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[1][0])
def test_what_is_refused_and_how(row):
    run, parts, error = (*row, ValueError)[:3]
    with pytest.raises(error) as caught:
        run()
    message = str(caught.value)
    assert message.count("\n") == 2, message
    for part in parts:
        assert part in message
