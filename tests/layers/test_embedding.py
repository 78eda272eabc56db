"""Embeddings and EinsumDense: what no reference tells."""

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu.graph.tensor import keras_mask

WORDS = np.array([[1, 2, 0], [3, 0, 0]])


def test_weights_to_start_from_as_a_matrix_or_in_a_list():
    table = np.arange(8.0, dtype="float32").reshape(4, 2)
    for given in (table, [table], table.tolist()):
        layer = L.Embedding(4, 2, weights=given)
        np.testing.assert_array_equal(layer(WORDS), table[WORDS])
    tied = L.ReversibleEmbedding(4, 2, weights=table)
    np.testing.assert_allclose(tied(table, reverse=True), table @ table.T)


def test_floats_are_indices_too():
    layer = L.Embedding(4, 2)
    np.testing.assert_array_equal(layer(WORDS.astype("float64")), layer(WORDS))
    assert layer(WORDS).dtype == "float32"


@pytest.mark.parametrize("length", [3, (3,)])
def test_the_input_length_of_keras_2_tells_flatten_its_size(length):
    """Listing 6.7 of the book's first edition."""
    model = cornu.Sequential()
    model.add(L.Embedding(100, 8, input_length=length))
    model.add(L.Flatten())
    model.add(L.Dense(1, activation="sigmoid"))
    assert model.output_shape == (None, 1)
    assert model.layers[-1].kernel.shape == (24, 1)
    assert "input_length" not in model.layers[0].get_config()
    other = L.Embedding(100, 8, input_length=3, batch_input_shape=(5, 3))
    assert other.batch_shape == (5, 3)


def test_the_mask_is_what_is_not_zero():
    assert keras_mask(L.Embedding(4, 2)(WORDS)) is None
    for cls in (L.Embedding, L.ReversibleEmbedding):
        layer = cls(4, 2, mask_zero=True)
        np.testing.assert_array_equal(keras_mask(layer(WORDS)), WORDS != 0)
    assert keras_mask(layer(np.zeros((2, 3, 2)), reverse=True)) is None


def compiled(*stack):
    model = cornu.Sequential([cornu.Input((3,), dtype="int32"), *stack])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("wrong", [-1, 4])
def test_numbers_out_of_range_are_refused_before_the_first_step(wrong):
    model = compiled(L.Embedding(4, 2, name="words"), L.Flatten(), L.Dense(1))
    model.fit(WORDS, WORDS[:, :1], verbose=0)
    before = model.get_weights()
    bad = WORDS.copy()
    bad[1, 2] = wrong
    for run in (
        lambda: model.fit(bad, WORDS[:, :1], verbose=0),
        lambda: model.evaluate(bad, WORDS[:, :1], verbose=0),
        lambda: model.predict(bad, verbose=0),
        lambda: model.train_on_batch(bad, WORDS[:, :1]),
    ):
        with pytest.raises(IndexError) as caught:
            run()
        assert f"'words': its input holds the number {wrong} (at [1, 2])" in str(
            caught.value
        )
    assert all(map(np.array_equal, before, model.get_weights()))


class Shifted(L.Layer):
    """Looks up its input plus 1, so that nobody knows the indices beforehand."""

    def __init__(self):
        super().__init__()
        self.table = L.Embedding(4, 2, name="inner")

    def call(self, inputs):
        return self.table(inputs + 1)


@pytest.mark.parametrize("wrong", [-2, 3])
def test_a_program_refuses_them_too(wrong):
    model = compiled(Shifted(), L.Flatten(), L.Dense(1))
    good = np.clip(WORDS, 0, 2)
    model.predict(good, verbose=0)
    good[0, 0] = wrong
    with pytest.raises(IndexError) as caught:
        model.predict(good, verbose=0)
    lines = str(caught.value).split("\n")
    assert len(lines) == 3
    assert lines[0].startswith("Layer 'inner' was given a number that is negative or")
    assert lines[1] == "Expected whole numbers from 0 to 3."


def test_only_rows_that_were_looked_up_are_trained():
    model = compiled(L.Embedding(6, 2, name="words"), L.Flatten(), L.Dense(1))
    table = model.layers[0].embeddings
    before = table.numpy()
    model.fit(WORDS, np.ones((2, 1)), verbose=0)
    changed = (table.numpy() != before).any(-1)
    assert changed.tolist() == [True, True, True, True, False, False]


def test_a_constraint_holds_after_each_step():
    layer = L.Embedding(6, 2, embeddings_constraint="unit_norm")
    model = compiled(layer, L.Flatten(), L.Dense(1))
    model.fit(WORDS, np.ones((2, 1)), verbose=0)
    np.testing.assert_allclose(np.linalg.norm(layer.embeddings, axis=0), 1, rtol=1e-5)


def test_masking_by_an_array_goes_into_files(tmp_path):
    x = np.array([[[1.0, 2.0], [1.0, 3.0]]], "float32")
    layer = L.Masking(np.array([1.0, 2.0]))
    assert keras_mask(layer(x)).tolist() == [[False, True]]
    model = cornu.Sequential([cornu.Input((2, 2)), layer])
    model.save(tmp_path / "m.keras")
    again = cornu.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), layer(x))


def test_an_equation_decides_what_a_kernel_spreads_over():
    """Glorot's limit is that of the sizes that are summed, and made."""
    layer = L.EinsumDense("abc,cde->abde", (None, 6, 7))
    layer.build((None, 5, 50))
    limit = np.sqrt(6 / (50 + 42))
    assert limit * 0.9 < np.abs(layer.kernel.numpy()).max() <= limit
    heads = L.MultiHeadAttention(6, 7, kernel_initializer=cornu.initializers.HeNormal())
    heads(np.zeros((1, 2, 500), "float32"), np.zeros((1, 2, 500), "float32"))
    kernels = [v.numpy() for v in heads.weights if v.name == "kernel"]
    np.testing.assert_allclose(kernels[0].std(), np.sqrt(2 / 500), rtol=0.05)
    np.testing.assert_allclose(kernels[3].std(), np.sqrt(2 / 42), rtol=0.05)
    assert not np.array_equal(kernels[0], kernels[1])  # each draws its own


def test_further_axes_keep_their_order():
    # Keras turns them round when it tells the shape of the output.
    layer = L.EinsumDense("...x,xy->...y", 7)
    assert layer.compute_output_shape((None, 2, 3, 4)) == (None, 2, 3, 7)
    assert layer(np.zeros((5, 2, 3, 4))).shape == (5, 2, 3, 7)
