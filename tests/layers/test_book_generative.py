"""Listings in the style of the books: autoencoders, adversarial networks, letters."""

import numpy as np
import pytest

import cornu as keras
from cornu import backend as K
from cornu import layers, metrics, optimizers
from cornu.models import Model

RNG = np.random.default_rng(0)
IMG_SHAPE, LATENT_DIM = (8, 8, 1), 2


@pytest.fixture(autouse=True)
def seeded():
    """The same numbers, whichever test ran before."""
    keras.utils.set_random_seed(0)
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def blobs(n=64):
    """Images with a bright square in a corner."""
    x = RNG.uniform(0, 0.1, size=(n, *IMG_SHAPE)).astype("float32")
    for image, right in zip(x, RNG.integers(0, 2, n), strict=True):
        image[:4, 4 * right : 4 * right + 4] += 0.8
    return x


def test_variational_autoencoder_of_2017(tmp_path):
    """A Lambda that draws, and a layer that adds the loss, and looks outside itself."""
    input_img = keras.Input(shape=IMG_SHAPE)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(input_img)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", strides=(2, 2))(x)
    shape_before_flattening = K.int_shape(x)
    x = layers.Flatten()(x)
    x = layers.Dense(8, activation="relu")(x)
    z_mean = layers.Dense(LATENT_DIM)(x)
    z_log_var = layers.Dense(LATENT_DIM)(x)

    def sampling(args):
        z_mean, z_log_var = args
        epsilon = K.random_normal(
            shape=(K.shape(z_mean)[0], LATENT_DIM), mean=0.0, stddev=1.0
        )
        return z_mean + K.exp(z_log_var) * epsilon

    z = layers.Lambda(sampling)([z_mean, z_log_var])

    decoder_input = layers.Input(K.int_shape(z)[1:])
    x = layers.Dense(np.prod(shape_before_flattening[1:]), activation="relu")(
        decoder_input
    )
    x = layers.Reshape(shape_before_flattening[1:])(x)
    x = layers.Conv2DTranspose(8, 3, padding="same", activation="relu", strides=(2, 2))(
        x
    )
    x = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    decoder = Model(decoder_input, x)
    z_decoded = decoder(z)

    class CustomVariationalLayer(layers.Layer):
        def vae_loss(self, x, z_decoded):
            x = K.flatten(x)
            z_decoded = K.flatten(z_decoded)
            xent_loss = metrics.binary_crossentropy(x, z_decoded)
            kl_loss = -5e-4 * K.mean(
                1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1
            )
            return K.mean(xent_loss + kl_loss)

        def call(self, inputs):
            x = inputs[0]
            z_decoded = inputs[1]
            loss = self.vae_loss(x, z_decoded)
            self.add_loss(loss, inputs=inputs)
            return x

    y = CustomVariationalLayer()([input_img, z_decoded])
    vae = Model(input_img, y)
    vae.compile(optimizer="rmsprop", loss=None)
    x_train = blobs()
    history = vae.fit(
        x=x_train,
        y=None,
        shuffle=True,
        epochs=8,
        batch_size=16,
        validation_data=(x_train[:16], None),
        verbose=0,
    )
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    z_sample = np.array([[0.5, -0.5]])
    found = decoder.predict(z_sample, batch_size=1, verbose=0)
    assert found[0].reshape(8, 8).shape == (8, 8)
    assert ((found >= 0) & (found <= 1)).all()


def gan(latent_dim=4):
    generator_input = keras.Input(shape=(latent_dim,))
    x = layers.Dense(8 * 4 * 4)(generator_input)
    x = layers.LeakyReLU()(x)
    x = layers.Reshape((4, 4, 8))(x)
    x = layers.Conv2DTranspose(8, 4, strides=2, padding="same")(x)
    x = layers.LeakyReLU()(x)
    x = layers.Conv2D(1, 3, activation="tanh", padding="same")(x)
    generator = Model(generator_input, x)

    discriminator_input = layers.Input(shape=IMG_SHAPE)
    x = layers.Conv2D(8, 3)(discriminator_input)
    x = layers.LeakyReLU()(x)
    x = layers.Conv2D(8, 4, strides=2)(x)
    x = layers.LeakyReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.4)(x)
    x = layers.Dense(1, activation="sigmoid")(x)
    discriminator = Model(discriminator_input, x)
    discriminator.compile(
        optimizer=optimizers.RMSprop(lr=0.0008, clipvalue=1.0, decay=1e-8),
        loss="binary_crossentropy",
    )
    discriminator.trainable = False
    gan_input = keras.Input(shape=(latent_dim,))
    gan_output = discriminator(generator(gan_input))
    both = Model(gan_input, gan_output)
    both.compile(
        optimizer=optimizers.RMSprop(lr=0.0004, clipvalue=1.0, decay=1e-8),
        loss="binary_crossentropy",
    )
    return generator, discriminator, both


def test_adversarial_training(tmp_path):
    """`trainable` counts as it was when each model was compiled."""
    generator, discriminator, both = gan()
    images = blobs()
    start = 0
    for step in range(6):
        random_latent_vectors = RNG.normal(size=(8, 4))
        generated_images = generator.predict(random_latent_vectors, verbose=0)
        real_images = images[start : start + 8]
        combined_images = np.concatenate([generated_images, real_images])
        labels = np.concatenate([np.ones((8, 1)), np.zeros((8, 1))])
        labels += 0.05 * RNG.random(labels.shape)
        before = discriminator.get_weights(), generator.get_weights()
        d_loss = discriminator.train_on_batch(combined_images, labels)
        after = discriminator.get_weights(), generator.get_weights()
        assert not np.array_equal(before[0][0], after[0][0])
        assert all(map(np.array_equal, before[1], after[1]))
        a_loss = both.train_on_batch(random_latent_vectors, np.zeros((8, 1)))
        last = discriminator.get_weights(), generator.get_weights()
        assert all(map(np.array_equal, after[0], last[0]))
        assert not np.array_equal(after[1][0], last[1][0])
        start = 0 if start + 16 > len(images) else start + 8
        assert np.isfinite([d_loss, a_loss]).all()
        if step == 5:
            both.save_weights(str(tmp_path / "gan.h5"))
    other = gan()[2]
    other.load_weights(str(tmp_path / "gan.h5"))
    at = RNG.normal(size=(3, 4))
    np.testing.assert_allclose(
        other.predict(at, verbose=0), both.predict(at, verbose=0), rtol=1e-5
    )


def reweight_distribution(original_distribution, temperature=0.5):
    distribution = np.log(original_distribution) / temperature
    distribution = np.exp(distribution)
    return distribution / np.sum(distribution)


def test_text_letter_by_letter():
    """A network that goes on writing, with temperature."""
    text = "the cat sat on the mat and the rat ran at the cat " * 6
    maxlen, step = 10, 3
    chars = sorted(set(text))
    char_indices = {char: chars.index(char) for char in chars}
    starts = range(0, len(text) - maxlen, step)
    x = np.zeros((len(starts), maxlen, len(chars)), dtype=bool)
    y = np.zeros((len(starts), len(chars)), dtype=bool)
    for i, start in enumerate(starts):
        for t, char in enumerate(text[start : start + maxlen]):
            x[i, t, char_indices[char]] = 1
        y[i, char_indices[text[start + maxlen]]] = 1
    model = keras.models.Sequential()
    model.add(layers.LSTM(24, input_shape=(maxlen, len(chars))))
    model.add(layers.Dense(len(chars), activation="softmax"))
    optimizer = keras.optimizers.RMSprop(lr=0.02)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer)
    history = model.fit(x, y, batch_size=16, epochs=12, verbose=0)
    assert history.history["loss"][-1] < 0.6 * history.history["loss"][0]
    generated_text = text[:maxlen]
    for _ in range(20):
        sampled = np.zeros((1, maxlen, len(chars)))
        for t, char in enumerate(generated_text[-maxlen:]):
            sampled[0, t, char_indices[char]] = 1.0
        preds = model.predict(sampled, verbose=0)[0].astype("float64")
        preds = reweight_distribution(preds, 0.5)
        generated_text += chars[np.argmax(RNG.multinomial(1, preds / preds.sum(), 1))]
    assert len(generated_text) == maxlen + 20


class Sampler(layers.Layer):
    """Editions 2 and 3 write the same with a layer and a train_step."""

    def call(self, z_mean, z_log_var):
        epsilon = keras.random.normal(shape=keras.ops.shape(z_mean))
        return z_mean + keras.ops.exp(0.5 * z_log_var) * epsilon


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.sampler = Sampler()
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    def call(self, inputs):
        return self.encoder(inputs)

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        ops = keras.ops
        original = x
        z_mean, z_log_var = y_pred
        reconstruction = self.decoder(self.sampler(z_mean, z_log_var))
        reconstruction_loss = ops.mean(
            ops.sum(keras.losses.binary_crossentropy(x, reconstruction), axis=(1, 2))
        )
        kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
        total_loss = reconstruction_loss + ops.mean(kl_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.kl_loss_tracker.update_state(kl_loss)
        assert original is x
        return total_loss


def test_variational_autoencoder_of_today():
    image_inputs = keras.Input(shape=IMG_SHAPE)
    x = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(image_inputs)
    x = layers.Flatten()(x)
    x = layers.Dense(8, activation="relu")(x)
    z_mean = layers.Dense(LATENT_DIM, name="z_mean")(x)
    z_log_var = layers.Dense(LATENT_DIM, name="z_log_var")(x)
    encoder = keras.Model(image_inputs, [z_mean, z_log_var], name="encoder")
    latent_inputs = keras.Input(shape=(LATENT_DIM,))
    x = layers.Dense(4 * 4 * 8, activation="relu")(latent_inputs)
    x = layers.Reshape((4, 4, 8))(x)
    x = layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(x)
    decoder_outputs = layers.Conv2D(1, 3, activation="sigmoid", padding="same")(x)
    decoder = keras.Model(latent_inputs, decoder_outputs, name="decoder")
    vae = VAE(encoder, decoder)
    vae.compile(optimizer=keras.optimizers.Adam(1e-2))
    history = vae.fit(blobs(), epochs=6, batch_size=16, verbose=0)
    assert {"loss", "reconstruction", "kl_loss"} <= set(history.history)
    assert history.history["loss"][-1] < history.history["loss"][0]
