"""Listings in the style of the books on made sequences: recurrence and attention."""

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops
from cornu.layers import GRU, LSTM, Dense, Embedding, Flatten, SimpleRNN
from cornu.models import Model, Sequential
from cornu.optimizers import RMSprop

RNG = np.random.default_rng(0)
MAXLEN, WORDS = 12, 30


@pytest.fixture(autouse=True)
def seeded():
    """The same numbers, whichever test ran before."""
    keras.utils.set_random_seed(0)
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def reviews(n=160):
    """Lists of words of different lengths; those with a word below 5 are good."""
    labels = RNG.integers(0, 2, n)
    texts = []
    for label in labels:
        words = RNG.integers(5, WORDS, RNG.integers(4, MAXLEN + 4)).tolist()
        if label:
            words[-2] = int(RNG.integers(1, 5))
        texts.append(words)
    return texts, labels.astype("float32")


def padded(texts, where="pre"):
    """Equal lengths: zeros before (or after), and the last (or first) words."""
    rows = np.zeros((len(texts), MAXLEN), "int32")
    for row, words in zip(rows, texts, strict=True):
        if where == "pre":
            row[max(MAXLEN - len(words), 0) :] = words[-MAXLEN:]
        else:
            row[: len(words)] = words[:MAXLEN]
    return rows


TEXTS, LABELS = reviews()
PADDED = padded(TEXTS)


def trained(model, x=PADDED, y=LABELS, epochs=6, loss="binary_crossentropy"):
    """The loss falls, and what evaluate says is what predict gives."""
    model.compile(optimizer=RMSprop(lr=1e-2), loss=loss, metrics=["acc"])
    history = model.fit(
        x, y, epochs=epochs, batch_size=32, validation_split=0.2, verbose=0
    )
    assert set(history.history) >= {"acc", "val_acc", "loss", "val_loss"}
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
    return model


def test_embedding_and_flatten():
    """The length of the input is that of the layer, as Flatten needs it."""
    model = Sequential()
    model.add(Embedding(WORDS, 8, input_length=MAXLEN))
    model.add(Flatten())
    model.add(Dense(1, activation="sigmoid"))
    assert model.layers[1].output_shape == (None, MAXLEN * 8)
    assert model.count_params() == WORDS * 8 + MAXLEN * 8 + 1
    trained(model)


def test_pretrained_words():
    embedding_matrix = RNG.normal(size=(WORDS, 6))
    model = Sequential()
    model.add(Embedding(WORDS, 6, input_length=MAXLEN))
    model.add(Flatten())
    model.add(Dense(8, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    model.layers[0].set_weights([embedding_matrix])
    model.layers[0].trainable = False
    trained(model)
    found = model.layers[0].get_weights()[0]
    np.testing.assert_array_equal(found, embedding_matrix.astype("float32"))


def test_simple_rnn_by_hand():
    """out_t = tanh(W x_t + U out_{t-1} + b), in NumPy beside the layer."""
    layer = SimpleRNN(8, return_sequences=True)
    x = RNG.normal(size=(1, 20, 4)).astype("float32")
    found = np.asarray(layer(x))
    W, U, b = layer.get_weights()
    state = np.zeros(8)
    for t in range(20):
        state = np.tanh(x[0, t] @ W + state @ U + b)
        np.testing.assert_allclose(found[0, t], state, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "recurrent",
    [
        lambda: [SimpleRNN(16)],
        lambda: [SimpleRNN(12, return_sequences=True), SimpleRNN(12)],
        lambda: [LSTM(16)],
        lambda: [layers.Bidirectional(LSTM(12))],
        lambda: [GRU(12, dropout=0.1, recurrent_dropout=0.1)],
    ],
)
def test_recurrent_networks_on_text(recurrent):
    model = Sequential()
    model.add(Embedding(WORDS, 12))
    for layer in recurrent():
        model.add(layer)
    model.add(Dense(1, activation="sigmoid"))
    trained(model, epochs=8)


def weather(n=400):
    """Temperature and two more, of which the first has a daily wave."""
    t = np.arange(n)
    wave = np.sin(2 * np.pi * t / 24)
    data = np.stack([wave, np.cos(2 * np.pi * t / 24), RNG.normal(size=n)], axis=-1)
    data = data - data[:200].mean(axis=0)
    return data / data[:200].std(axis=0)


def generator(data, lookback, delay, lo, hi, shuffle=False, batch_size=16, step=2):
    """Batches without an end, as chapter 6.3 writes them."""
    if hi is None:
        hi = len(data) - delay - 1
    i = lo + lookback
    while 1:
        if shuffle:
            rows = RNG.integers(lo + lookback, hi, size=batch_size)
        else:
            if i + batch_size >= hi:
                i = lo + lookback
            rows = np.arange(i, min(i + batch_size, hi))
            i += len(rows)
        samples = np.zeros((len(rows), lookback // step, data.shape[-1]))
        targets = np.zeros((len(rows),))
        for j in range(len(rows)):
            indices = range(rows[j] - lookback, rows[j], step)
            samples[j] = data[indices]
            targets[j] = data[rows[j] + delay][0]
        yield samples, targets


@pytest.mark.parametrize(
    "body",
    [
        lambda: [
            Flatten(input_shape=(8, 3)),
            Dense(16, activation="relu"),
        ],
        lambda: [
            GRU(
                12,
                dropout=0.1,
                recurrent_dropout=0.2,
                return_sequences=True,
                input_shape=(None, 3),
            ),
            GRU(12, activation="relu", dropout=0.1, recurrent_dropout=0.2),
        ],
        lambda: [layers.Bidirectional(GRU(8), input_shape=(None, 3))],
        lambda: [
            layers.Conv1D(12, 3, activation="relu", input_shape=(None, 3)),
            layers.MaxPooling1D(2),
            layers.Conv1D(12, 2, activation="relu"),
            GRU(8, dropout=0.1, recurrent_dropout=0.2),
        ],
        lambda: [
            layers.Conv1D(12, 3, activation="relu", input_shape=(None, 3)),
            layers.GlobalMaxPooling1D(),
        ],
    ],
)
def test_forecasts_with_generators(body):
    data = weather()
    train = generator(data, 16, 4, 0, 250, shuffle=True)
    val = generator(data, 16, 4, 251, None)
    model = Sequential()
    for layer in body():
        model.add(layer)
    model.add(layers.Dense(1))
    model.compile(optimizer=RMSprop(), loss="mae")
    history = model.fit_generator(
        train,
        steps_per_epoch=15,
        epochs=4,
        validation_data=val,
        validation_steps=4,
        verbose=0,
    )
    losses = history.history["loss"]
    assert losses[-1] < losses[0]
    assert len(history.history["val_loss"]) == 4


def test_question_answering_has_two_inputs():
    text_input = layers.Input(shape=(None,), dtype="int32", name="text")
    embedded_text = layers.Embedding(WORDS, 8)(text_input)
    encoded_text = layers.LSTM(8)(embedded_text)
    question_input = layers.Input(shape=(None,), dtype="int32", name="question")
    embedded_question = layers.Embedding(WORDS, 4)(question_input)
    encoded_question = layers.LSTM(4)(embedded_question)
    concatenated = layers.concatenate([encoded_text, encoded_question], axis=-1)
    answer = layers.Dense(5, activation="softmax")(concatenated)
    model = Model([text_input, question_input], answer)
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["acc"])
    text = RNG.integers(1, WORDS, size=(60, 9))
    question = RNG.integers(1, WORDS, size=(60, 4))
    answers = keras.utils.to_categorical(question[:, 0] % 5)
    first = model.fit([text, question], answers, epochs=1, batch_size=20, verbose=0)
    again = model.fit(
        {"text": text, "question": question},
        answers,
        epochs=12,
        batch_size=20,
        verbose=0,
    )
    assert again.history["loss"][-1] < first.history["loss"][0]


# Editions 2 and 3


@keras.saving.register_keras_serializable(package="book")
class PositionalEmbedding(layers.Layer):
    def __init__(self, sequence_length, input_dim, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.token_embeddings = layers.Embedding(input_dim, output_dim)
        self.position_embeddings = layers.Embedding(sequence_length, output_dim)
        self.sequence_length = sequence_length
        self.input_dim = input_dim
        self.output_dim = output_dim

    def call(self, inputs):
        length = ops.shape(inputs)[-1]
        positions = ops.arange(0, length, 1)
        embedded_tokens = self.token_embeddings(inputs)
        return embedded_tokens + self.position_embeddings(positions)

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "output_dim": self.output_dim,
                "sequence_length": self.sequence_length,
                "input_dim": self.input_dim,
            }
        )
        return config


@keras.saving.register_keras_serializable(package="book")
class TransformerEncoder(layers.Layer):
    def __init__(self, embed_dim, dense_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim = embed_dim
        self.dense_dim = dense_dim
        self.num_heads = num_heads
        self.attention = layers.MultiHeadAttention(
            num_heads=num_heads, key_dim=embed_dim
        )
        self.dense_proj = keras.Sequential(
            [layers.Dense(dense_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm_1 = layers.LayerNormalization()
        self.layernorm_2 = layers.LayerNormalization()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is not None:
            mask = mask[:, None, :]
        attention_output = self.attention(inputs, inputs, attention_mask=mask)
        proj_input = self.layernorm_1(inputs + attention_output)
        proj_output = self.dense_proj(proj_input)
        return self.layernorm_2(proj_input + proj_output)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "embed_dim": self.embed_dim,
                "num_heads": self.num_heads,
                "dense_dim": self.dense_dim,
            }
        )
        return config


@keras.saving.register_keras_serializable(package="book")
class TransformerDecoder(layers.Layer):
    def __init__(self, embed_dim, dense_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim = embed_dim
        self.dense_dim = dense_dim
        self.num_heads = num_heads
        self.attention_1 = layers.MultiHeadAttention(num_heads, embed_dim)
        self.attention_2 = layers.MultiHeadAttention(num_heads, embed_dim)
        self.dense_proj = keras.Sequential(
            [layers.Dense(dense_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm_1 = layers.LayerNormalization()
        self.layernorm_2 = layers.LayerNormalization()
        self.layernorm_3 = layers.LayerNormalization()
        self.supports_masking = True

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "embed_dim": self.embed_dim,
                "num_heads": self.num_heads,
                "dense_dim": self.dense_dim,
            }
        )
        return config

    def get_causal_attention_mask(self, inputs):
        batch_size, sequence_length = ops.shape(inputs)[0], ops.shape(inputs)[1]
        i = ops.arange(sequence_length)[:, None]
        j = ops.arange(sequence_length)
        mask = ops.cast(i >= j, dtype="int32")
        mask = ops.reshape(mask, (1, sequence_length, sequence_length))
        return ops.tile(mask, (batch_size, 1, 1))

    def call(self, inputs, encoder_outputs, mask=None):
        causal_mask = self.get_causal_attention_mask(inputs)
        padding_mask = None
        if mask is not None:
            padding_mask = ops.cast(mask[:, None, :], dtype="int32")
            padding_mask = ops.minimum(padding_mask, causal_mask)
        attention_output_1 = self.attention_1(
            query=inputs, value=inputs, key=inputs, attention_mask=causal_mask
        )
        attention_output_1 = self.layernorm_1(inputs + attention_output_1)
        attention_output_2 = self.attention_2(
            query=attention_output_1,
            value=encoder_outputs,
            key=encoder_outputs,
            attention_mask=padding_mask,
        )
        attention_output_2 = self.layernorm_2(attention_output_1 + attention_output_2)
        proj_output = self.dense_proj(attention_output_2)
        return self.layernorm_3(attention_output_2 + proj_output)


def test_a_text_is_classified_by_an_encoder(tmp_path):
    x = padded(TEXTS, "post")
    inputs = keras.Input(shape=(None,), dtype="int64")
    y = PositionalEmbedding(MAXLEN, WORDS, 16)(inputs)
    y = TransformerEncoder(16, 16, 2)(y)
    with pytest.warns(UserWarning, match="mask, which ends here"):
        y = layers.GlobalMaxPooling1D()(y)
    y = layers.Dropout(0.5)(y)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(y))
    model.compile("rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, LABELS, epochs=8, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.save(tmp_path / "encoder.keras")
    own = {
        "TransformerEncoder": TransformerEncoder,
        "PositionalEmbedding": PositionalEmbedding,
    }
    path = tmp_path / "encoder.keras"
    with pytest.warns(UserWarning, match="mask, which ends here"):
        again = keras.models.load_model(path, custom_objects=own)
    expected = model.predict(x[:9], verbose=0)
    np.testing.assert_allclose(again.predict(x[:9], verbose=0), expected, rtol=1e-5)


def test_padding_does_not_count_for_the_encoder():
    """What is attended to is masked: more zeros at the end change nothing before."""
    embedding = PositionalEmbedding(MAXLEN, WORDS, 8)
    encoder = TransformerEncoder(8, 8, 2)
    words = RNG.integers(1, WORDS, (2, 5))
    longer = np.pad(words, ((0, 0), (0, 4)))
    short = encoder(embedding(words))
    long = encoder(embedding(longer))
    np.testing.assert_allclose(long[:, :5], short, rtol=1e-4, atol=1e-5)


def translator(length, embed_dim=16):
    encoder_inputs = keras.Input(shape=(None,), dtype="int64", name="english")
    x = PositionalEmbedding(length, WORDS, embed_dim)(encoder_inputs)
    encoder_outputs = TransformerEncoder(embed_dim, 32, 2)(x)
    decoder_inputs = keras.Input(shape=(None,), dtype="int64", name="spanish")
    x = PositionalEmbedding(length, WORDS, embed_dim)(decoder_inputs)
    x = TransformerDecoder(embed_dim, 32, 2)(x, encoder_outputs)
    x = layers.Dropout(0.5)(x)
    decoder_outputs = layers.Dense(WORDS, activation="softmax")(x)
    return keras.Model([encoder_inputs, decoder_inputs], decoder_outputs)


def test_a_translator_is_trained_saved_and_used(tmp_path):
    length = 6
    source = RNG.integers(2, WORDS, (96, length))
    target = np.concatenate([np.ones((96, 1), int), source[:, ::-1]], axis=1)
    data = {"english": source, "spanish": target[:, :-1]}
    model = translator(length)
    model.compile(
        optimizer="rmsprop",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(data, target[:, 1:], epochs=6, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.save(tmp_path / "translator.keras")
    again = keras.models.load_model(tmp_path / "translator.keras")
    expected = model.predict(data, verbose=0)
    found = again.predict(data, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    # A word depends on none that come after it.
    changed = {**data, "spanish": data["spanish"].copy()}
    changed["spanish"][:, 4:] = 3
    found = model.predict(changed, verbose=0)
    np.testing.assert_allclose(found[:, :4], expected[:, :4], rtol=1e-4, atol=1e-6)
    assert not np.allclose(found[:, 4:], expected[:, 4:])
    decoded = [1]
    for i in range(length):
        sentence = np.array([decoded + [0] * (length - len(decoded))])
        tokens = model([source[:1], sentence])
        decoded.append(int(np.argmax(tokens[0, i, :])))
    assert len(decoded) == length + 1


def test_sequence_to_sequence_with_recurrent_layers():
    source = keras.Input(shape=(None,), dtype="int64", name="english")
    x = layers.Embedding(WORDS, 12, mask_zero=True)(source)
    encoded_source = layers.Bidirectional(layers.GRU(16), merge_mode="sum")(x)
    past_target = keras.Input(shape=(None,), dtype="int64", name="spanish")
    x = layers.Embedding(WORDS, 12, mask_zero=True)(past_target)
    decoder_gru = layers.GRU(16, return_sequences=True)
    x = decoder_gru(x, initial_state=encoded_source)
    x = layers.Dropout(0.5)(x)
    target_next_step = layers.Dense(WORDS, activation="softmax")(x)
    model = keras.Model([source, past_target], target_next_step)
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy")
    words = RNG.integers(1, WORDS, (64, 6))
    words[:20, 4:] = 0
    history = model.fit([words, words], words, epochs=5, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
