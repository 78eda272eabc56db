"""Texts and sequences beside real Keras, the book's listings, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu.compat import hook
from cornu.preprocessing import sequence, text
from tests.preprocessing import asked


@pytest.fixture(scope="module")
def keras():
    """What real Keras answers."""
    script = Path(asked.__file__)
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    environment = os.environ | settings | {"PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if "No module named" in done.stderr:
        pytest.skip("real Keras on JAX cannot be imported")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def plain(value):
    """As it is after a way through JSON: tuples are lists."""
    return json.loads(json.dumps(value))


def test_texts_as_in_keras(keras):
    mine = plain(asked.of_texts(text))
    for name, theirs in keras["texts"].items():
        assert mine[name] == theirs, name
    assert set(mine) == set(keras["texts"])


def test_sequences_as_in_keras(keras):
    mine = plain(asked.of_sequences(sequence, cornu.utils.pad_sequences))
    assert set(mine) == set(keras["sequences"])
    table = mine.pop("table")
    np.testing.assert_allclose(table, keras["sequences"].pop("table"), rtol=1e-12)
    for name, theirs in keras["sequences"].items():
        assert mine[name] == theirs, name


def test_one_hot_numbers_equal_words_equally():
    numbers = text.one_hot("the cat the mat", 20)
    assert numbers[0] == numbers[2]
    assert all(1 <= n < 20 for n in numbers)
    assert numbers == text.hashing_trick("the cat the mat", 20)


def test_nothing_is_padded_to_nothing():
    assert sequence.pad_sequences([]).shape == (0, 0)
    assert sequence.pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)


def test_a_series_is_trained_on():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(30, 2))
    windows = sequence.TimeseriesGenerator(data, data[:, :1], 3, batch_size=9)
    cornu.utils.set_random_seed(0)
    model = cornu.Sequential([cornu.layers.Flatten(), cornu.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(windows, epochs=2, verbose=0).history
    assert len(history["loss"]) == 2
    assert np.all(np.isfinite(history["loss"]))
    config = json.loads(windows.to_json())["config"]
    np.testing.assert_array_equal(json.loads(config["data"]), data)


LISTING = """
from keras.preprocessing.text import Tokenizer
from keras.preprocessing.sequence import pad_sequences
from keras import preprocessing
samples = ['The cat sat on the mat.', 'The dog ate my homework.']
tokenizer = Tokenizer(num_words=1000)
tokenizer.fit_on_texts(samples)
sequences = tokenizer.texts_to_sequences(samples)
one_hot_results = tokenizer.texts_to_matrix(samples, mode='binary')
word_index = tokenizer.word_index
data = pad_sequences(sequences, maxlen=8)
same = preprocessing.sequence.pad_sequences(sequences, maxlen=8)
"""


def test_the_listings_of_chapter_6():
    found = {}
    hook.install()
    try:
        exec(LISTING, found)
    finally:
        hook.uninstall()
    assert found["sequences"] == [[1, 2, 3, 4, 1, 5], [1, 6, 7, 8, 9]]
    assert len(found["word_index"]) == 9
    assert found["one_hot_results"].sum(1).tolist() == [5, 5]
    expected = [[0, 0, 1, 2, 3, 4, 1, 5], [0, 0, 0, 1, 6, 7, 8, 9]]
    assert found["data"].tolist() == found["same"].tolist() == expected


REFUSED = {
    "no list": (lambda: sequence.pad_sequences(iter([])), "list of sequences"),
    "no sequence": (lambda: sequence.pad_sequences([1]), "which has no length"),
    "shapes": (lambda: sequence.pad_sequences([[[1]], [[1, 2]]]), "of sequence 1"),
    "padding": (lambda: sequence.pad_sequences([[1]], padding="both"), "padding is"),
    "text": (lambda: sequence.pad_sequences([[1]], value="a"), "dtype=object"),
    "lengths": (lambda: sequence.TimeseriesGenerator([1], [1, 2], 1), "equal lengths"),
    "no window": (lambda: sequence.TimeseriesGenerator([1], [1], 1), "after the first"),
    "mode": (lambda: text.Tokenizer(9).sequences_to_matrix([], "tf"), "mode is 'tf'"),
    "not fitted": (lambda: text.Tokenizer().texts_to_matrix([]), "fit_on_texts"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words) as raised:
        call()
    assert len(str(raised.value).splitlines()) == 3


def test_old_and_unknown_arguments_of_a_tokenizer():
    with pytest.warns(UserWarning, match="num_words"):
        assert text.Tokenizer(nb_words=3).num_words == 3
    with pytest.raises(TypeError, match="num_word"):
        text.Tokenizer(num_word=3)
