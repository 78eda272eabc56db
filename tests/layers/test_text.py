"""TextVectorization: values of Keras's tests, and of Keras on TensorFlow."""

import numpy as np
import pytest

from cornu.layers import TextVectorization

FOO = ["foo bar", "bar baz", "baz bada boom"]


def words_of(layer):
    return layer.get_vocabulary(include_special_tokens=False)


def test_sentences_become_indices():
    layer = TextVectorization(output_sequence_length=4)
    layer.adapt(FOO)
    assert layer.get_vocabulary() == [
        *("", "[UNK]", "baz", "bar", "foo", "boom", "bada"),
    ]
    found = layer([["foo qux bar"], ["qux baz"]])
    assert found.tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]
    assert found.dtype == "int64"
    assert layer(np.array(["foo foo foo foo foo"])).tolist() == [[4, 4, 4, 4]]
    free = TextVectorization(vocabulary=["baz", "bar", "foo"])
    assert free(["foo qux bar", "qux"]).tolist() == [[4, 1, 3], [1, 0, 0]]
    assert free([""]).shape == (1, 0)
    assert free("foo bar").tolist() == [4, 3]


@pytest.mark.parametrize(
    ("standardize", "expected"),
    [
        ("lower_and_strip_punctuation", ["hello", "Éis", "x"]),
        ("lower", ["he-llo", "'Éis'", "x!"]),
        ("strip_punctuation", ["Hello", "Éis", "x"]),
        (None, ["He-llo", "'Éis'", "x!"]),
        (np.char.upper, ["HE-LLO", "'ÉIS'", "X!"]),
    ],
)
def test_standardization(standardize, expected):
    """As in TensorFlow, only ASCII letters become small."""
    layer = TextVectorization(standardize=standardize)
    layer.adapt(["He-llo 'Éis' x!"])
    assert sorted(words_of(layer)) == sorted(expected)


def test_a_function_gets_an_array_of_strings():
    seen = []

    def standardize(texts):
        seen.append((texts.dtype.kind, texts.shape))
        return np.char.replace(np.char.lower(texts), "-", " ")

    layer = TextVectorization(standardize=standardize, vocabulary=["foo", "bar"])
    assert layer(["Foo-bar", "bar"]).tolist() == [[2, 3], [3, 0]]
    assert layer(np.array([[b"FOO"]])).tolist() == [[2]]
    assert seen == [("U", (2,)), ("U", (1, 1))]


def test_splitting():
    letters = TextVectorization(split="character", vocabulary=list("abcde"))
    assert letters(["abcf"]).tolist() == [[2, 3, 4, 1]]
    own = TextVectorization(
        split=lambda texts: [t.split("|") for t in texts], standardize=None,
        vocabulary=["foo", "bar"],
    )  # fmt: skip
    assert own(["foo|bar|x", "bar"]).tolist() == [[2, 3, 1], [3, 0, 0]]
    whole = TextVectorization(split=None, vocabulary=["foo", "bar"])
    assert whole([["foo"], ["bar"], ["b c"]]).tolist() == [[2], [3], [1]]
    # ASCII spaces separate, as in TensorFlow; others do not, and neither does \x1c.
    spaces = TextVectorization()
    spaces.adapt(["a\tb  c\n", "\u00a0d\x1ce f"])
    assert sorted(words_of(spaces)) == ["a", "b", "c", "f", "\xa0d\x1ce"]


def test_ngrams():
    layer = TextVectorization(ngrams=2)
    layer.adapt(["foo bar baz", "x"])
    assert set(words_of(layer)) == {"foo", "bar", "baz", "foo bar", "bar baz", "x"}
    some = TextVectorization(ngrams=(1, 3))
    some.adapt(["foo bar baz"])
    assert set(words_of(some)) == {"foo", "bar", "baz", "foo bar baz"}
    given = TextVectorization(ngrams=2, vocabulary=["foo", "bar", "foo bar"])
    assert given(["foo bar"]).tolist() == [[2, 3, 4]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("multi_hot", [[0, 1, 1, 0], [0, 1, 0, 1]]),
        ("count", [[0, 1, 1, 0], [0, 2, 0, 1]]),
        ("tf_idf", [[0, 0.3, 0.5, 0], [0, 0.6, 0, 0.2]]),
    ],
)
def test_vectors(mode, expected):
    config = {"vocabulary": ["foo", "bar", "baz"], "output_mode": mode}
    if mode == "tf_idf":
        config["idf_weights"] = [0.3, 0.5, 0.2]
    layer = TextVectorization(**config)
    found = layer(["foo bar", "baz foo foo"])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == "float32"
    wide = TextVectorization(**config, max_tokens=8, pad_to_max_tokens=True)
    assert wide(["foo"]).shape == (1, 8)


def test_weights_of_words_are_learned():
    """One text is a document: log(1 + texts / (1 + texts with the word))."""
    layer = TextVectorization(output_mode="tf_idf")
    layer.adapt(["foo bar", "bar bar baz", "baz"])
    assert layer.get_vocabulary() == ["[UNK]", "bar", "baz", "foo"]
    bar, baz, foo = np.log(1 + 3 / (1 + np.array([2, 2, 1])))
    mean = (bar + baz + foo) / 3
    found = layer(["bar bar qux", "foo baz"])
    expected = [[mean, 2 * bar, 0, 0], [0, 0, baz, foo]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_learning_from_batches_and_anew():
    layer = TextVectorization(max_tokens=5)
    layer.adapt(iter([["a b c", "a"], np.array([["a b"]])]))
    assert layer.get_vocabulary() == ["", "[UNK]", "a", "b", "c"]
    layer.adapt((text for text in [["x y"], ["z"]]), steps=1)
    assert layer.get_vocabulary() == ["", "[UNK]", "y", "x"]
    assert layer.vocabulary_size() == 4


def test_a_config_makes_the_layer_again():
    layer = TextVectorization(
        max_tokens=20, ngrams=(1, 2), output_sequence_length=5, vocabulary=["a", "b"]
    )
    again = TextVectorization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again(["b a"]).tolist() == layer(["b a"]).tolist()
    assert layer.get_config()["vocabulary_size"] == 4


def test_long_texts_cost_no_more_memory_than_they_have():
    """An array of NumPy's own strings would give each text the place of the longest."""
    layer = TextVectorization(vocabulary=["a"], output_mode="count")
    texts = ["a"] * 20_000 + ["a " * 50_000]
    found = layer(texts)
    assert found.shape == (20_001, 2)
    assert np.asarray(found)[-1].tolist() == [0, 50_000]
