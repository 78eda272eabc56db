"""Layers of one's own, as the book writes them: in models, in files, as functions."""

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.graph import GradientTape
from cornu.graph.tensor import keras_mask
from tests.layers.own_layers import (
    Decoder3,
    Experts,
    PositionalEmbedding,
    Sampler,
    TransformerDecoder,
    TransformerEncoder,
)

OWN = {
    cls.__name__: cls
    for cls in (Experts, PositionalEmbedding, TransformerDecoder, TransformerEncoder)
}
RNG = np.random.default_rng(0)
WORDS, LENGTH = 20, 8


def texts(n=400):
    """Words with padding behind; a text is positive if it has a word below 4."""
    x = RNG.integers(2, WORDS, (n, LENGTH)).astype("int32")
    x[np.arange(LENGTH) >= RNG.integers(3, LENGTH + 1, n)[:, None]] = 0
    return x, ((x > 0) & (x < 4)).any(1).astype("float32")


def saved_and_read(model, path):
    model.save(path)
    return cornu.models.load_model(path, custom_objects=OWN)


def test_the_text_classifier_of_the_book_learns(tmp_path):
    """Listings 11.22 and 11.25: a Transformer encoder, with and without positions."""
    cornu.utils.set_random_seed(1)
    inputs = cornu.Input(shape=(None,), dtype="int64")
    x = PositionalEmbedding(LENGTH, WORDS, 16)(ops.cast(inputs, "int32"))
    x = TransformerEncoder(16, 32, 2)(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dropout(0.1)(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    model = cornu.Model(inputs, outputs)
    optimizer = cornu.optimizers.RMSprop(3e-3)
    model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    (x_train, y_train), (x_test, y_test) = texts(), texts(100)
    history = model.fit(
        x_train, y_train, epochs=8, batch_size=40, verbose=0,
        validation_data=(x_test, y_test),
    ).history  # fmt: skip
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["val_accuracy"][-1] > 0.85
    again = saved_and_read(model, tmp_path / "encoder.keras")
    expected = model.predict(x_test, verbose=0)
    np.testing.assert_allclose(again.predict(x_test, verbose=0), expected, rtol=1e-5)
    scores = model.evaluate(x_test, y_test, verbose=0)
    np.testing.assert_allclose(again.evaluate(x_test, y_test, verbose=0), scores, 1e-5)


def test_padding_changes_nothing():
    """What the encoder says of a text does not depend on the padding behind it."""
    embedding, encoder = (
        PositionalEmbedding(LENGTH, WORDS, 8),
        TransformerEncoder(8, 8, 2),
    )
    x = np.array([[5, 2, 9, 3, 0, 0, 0, 0]], "int32")
    embedded = embedding(x)
    np.testing.assert_array_equal(keras_mask(embedded), x != 0)
    long = encoder(embedded).numpy()[:, :4]
    short = encoder(embedding(x[:, :4])).numpy()
    np.testing.assert_allclose(long, short, rtol=1e-4, atol=1e-5)


def translator():
    """Listing 11.36: words in, the same words in reverse order out."""
    source = cornu.Input((LENGTH,), dtype="int32", name="source")
    x = PositionalEmbedding(LENGTH, WORDS, 16)(source)
    encoded = TransformerEncoder(16, 32, 2)(x)
    target = cornu.Input((LENGTH,), dtype="int32", name="target")
    x = PositionalEmbedding(LENGTH, WORDS, 16)(target)
    x = TransformerDecoder(16, 32, 2)(x, encoded)
    x = layers.Dropout(0.1)(x)
    outputs = layers.Dense(WORDS, activation="softmax")(x)
    return cornu.Model([source, target], outputs)


def test_the_translator_of_the_book_learns(tmp_path):
    cornu.utils.set_random_seed(2)
    model = translator()
    model.compile(
        cornu.optimizers.Adam(3e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    source = RNG.integers(2, WORDS, (300, LENGTH)).astype("int32")
    wanted = source[:, ::-1]
    target = np.concatenate([np.ones((300, 1)), wanted[:, :-1]], 1).astype("int32")
    data = {"source": source, "target": target}
    first = model.evaluate(data, wanted, verbose=0)[0]
    loss = model.fit(data, wanted, epochs=12, batch_size=30, verbose=0).history["loss"]
    assert loss[-1] < 0.75 * first
    y = model.predict(data, verbose=0)
    later = {**data, "target": np.where(np.arange(LENGTH) < 4, target, 1)}
    z = model.predict(later, verbose=0)
    np.testing.assert_allclose(z[:, :4], y[:, :4], rtol=1e-4, atol=1e-5)  # causal
    again = saved_and_read(model, tmp_path / "translator.keras")
    np.testing.assert_allclose(again.predict(data, verbose=0), y, rtol=1e-4, atol=1e-6)


def test_the_decoder_of_the_third_edition_takes_masks_by_name():
    source, target = texts(4)[0], texts(4)[0]
    words = cornu.Input((LENGTH,), dtype="int32")
    other = cornu.Input((LENGTH,), dtype="int32")
    table = PositionalEmbedding(LENGTH, WORDS, 8)
    x = Decoder3(8, 16, 2)(table(other), source=table(words), source_mask=words != 0)
    model = cornu.Model([words, other], table(x, reverse=True))
    y = model.predict([source, target], verbose=0)
    assert y.shape == (4, LENGTH, WORDS)
    noise = np.where(source == 0, 7, source)
    assert not np.allclose(model.predict([noise, target], verbose=0), y)
    eager = model([source, target])
    np.testing.assert_allclose(eager, y, rtol=1e-4, atol=1e-5)


def test_a_table_that_is_used_in_both_directions_is_one_weight():
    table = PositionalEmbedding(LENGTH, WORDS, 4)
    words = cornu.Input((LENGTH,), dtype="int32")
    model = cornu.Model(words, table(layers.Dense(4)(table(words)), reverse=True))
    assert model.count_params() == (WORDS + LENGTH) * 4 + 20
    x, _ = texts(8)
    variable = table.token_embeddings.embeddings
    with GradientTape() as tape:
        loss = ops.mean(ops.square(model(x)))
    found = tape.gradient(loss, variable).numpy()
    before = variable.numpy()
    step = 1e-3 * np.sign(found)

    def loss_at(value):
        variable.assign(value)
        return float(ops.mean(ops.square(model(x))))

    slope = (loss_at(before + step) - loss_at(before - step)) / 2
    assert slope == pytest.approx(1e-3 * np.abs(found).sum(), rel=1e-2)


def test_two_twins_share_their_weights():
    """Chapter 7.1.5 of the first edition: a Siamese network."""
    twin = layers.Dense(3, name="twin")
    left, right = cornu.Input((4,)), cornu.Input((4,))
    merged = layers.concatenate([twin(left), twin(right)])
    model = cornu.Model([left, right], layers.Dense(1, activation="sigmoid")(merged))
    assert [layer.name for layer in model.layers].count("twin") == 1
    assert model.count_params() == 15 + 7
    model.compile("sgd", "binary_crossentropy")
    a, b = RNG.normal(size=(2, 32, 4))
    loss = model.fit([a, b], (a[:, 0] > b[:, 0]), epochs=20, verbose=0).history["loss"]
    assert loss[-1] < loss[0]


def test_the_variational_autoencoder_of_the_book(tmp_path):
    cornu.utils.set_random_seed(3)
    x = RNG.uniform(size=(200, 2)) @ RNG.uniform(size=(2, 12)) / 2
    inputs = cornu.Input((12,))
    hidden = layers.Dense(16, activation="relu")(inputs)
    z_mean, z_log_var = layers.Dense(2)(hidden), layers.Dense(2)(hidden)
    sampler = Sampler()
    outputs = layers.Dense(12, activation="sigmoid")(sampler(z_mean, z_log_var))
    vae = cornu.Model(inputs, outputs)
    vae.compile(cornu.optimizers.Adam(0.01), loss="mse")
    losses = vae.fit(x, x, epochs=10, batch_size=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    encoder = cornu.Model(inputs, [z_mean, z_log_var])
    mean, log_var = encoder.predict(x, verbose=0)
    kl = -0.5 * (1 + log_var - mean**2 - np.exp(log_var)).sum(1).mean()
    vae(x)
    assert float(vae.losses[0]) == pytest.approx(kl, rel=1e-4)
    loss = vae.evaluate(x, x, batch_size=200, verbose=0)
    assert loss > kl  # it is part of the loss that is told


def test_layers_in_lists_and_dicts_are_found_and_saved(tmp_path):
    inputs = cornu.Input((3,))
    model = cornu.Model(inputs, Experts(3)(inputs))
    model.compile("sgd", "mse")
    assert len(model.weights) == 8  # four Dense layers
    x = RNG.normal(size=(20, 3))
    before = model.get_weights()
    model.fit(x, x, epochs=2, verbose=0)
    assert not any(map(np.array_equal, before, model.get_weights()))
    again = saved_and_read(model, tmp_path / "experts.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )
    model.layers[-1].trainable = False
    assert model.trainable_weights == []


def test_as_functions_of_their_variables():
    """`stateless_call`: nothing of the layer changes, and averages come back."""
    layer = layers.BatchNormalization(momentum=0.5)
    x = RNG.normal(2.0, size=(50, 3)).astype("float32")
    layer.build(x.shape)
    before = layer.get_weights()
    trained = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]
    y, after = layer.stateless_call(trained, fixed, x, training=True)
    np.testing.assert_allclose(np.mean(y, axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(after[0], x.mean(0) / 2, rtol=1e-4)
    assert all(map(np.array_equal, before, layer.get_weights()))
    sampler = Sampler()
    sampler(x, x)
    states = [v.value for v in sampler.non_trainable_variables]
    _, _, losses = sampler.stateless_call([], states, x, x, return_losses=True)
    assert len(losses) == 1
    encoder = TransformerEncoder(4, 8, 2)
    steps = RNG.normal(size=(2, 5, 4)).astype("float32")
    expected = encoder(steps)
    values = [v.value * 1.0 for v in encoder.trainable_variables]
    seeds = [v.value for v in encoder.non_trainable_variables]
    found, _ = encoder.stateless_call(values, seeds, steps)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    zeros = [v * 0 for v in values]
    assert not np.any(encoder.stateless_call(zeros, seeds, steps)[0].numpy())
