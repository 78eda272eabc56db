"""A generative adversarial network of two compiled models that share weights.

The discriminator is compiled while it is trainable. Then it is frozen, and the model of
generator and discriminator is compiled: each model trains what was trainable when it
was compiled.

    cornu run examples/gan.py
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
latent_dim, batch_size, steps = 4, 64, 400


def real_points(n):
    """Points near a circle of radius 2."""
    angle = rng.uniform(0, 2 * np.pi, n)
    points = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (points + rng.normal(0, 0.05, points.shape)).astype("float32")


generator_input = keras.Input(shape=(latent_dim,))
x = layers.Dense(32, activation="tanh")(generator_input)
x = layers.Dense(32, activation="tanh")(x)
generator = keras.models.Model(generator_input, layers.Dense(2)(x))

discriminator_input = layers.Input(shape=(2,))
x = layers.Dense(32, activation="relu")(discriminator_input)
x = layers.Dropout(0.2)(x)
x = layers.Dense(1, activation="sigmoid")(x)
discriminator = keras.models.Model(discriminator_input, x)

discriminator.compile(
    optimizer=keras.optimizers.RMSprop(lr=0.004, clipvalue=1.0, decay=1e-8),
    loss="binary_crossentropy",
)

discriminator.trainable = False
gan_input = keras.Input(shape=(latent_dim,))
gan = keras.models.Model(gan_input, discriminator(generator(gan_input)))
gan.compile(
    optimizer=keras.optimizers.RMSprop(lr=0.002, clipvalue=1.0, decay=1e-8),
    loss="binary_crossentropy",
)


def changed(before, model):
    after = model.get_weights()
    return any(not np.array_equal(a, b) for a, b in zip(before, after))


for step in range(steps):
    noise = rng.normal(size=(batch_size, latent_dim))
    generated = generator.predict(noise, verbose=0)
    points = np.concatenate([generated, real_points(batch_size)])
    labels = np.concatenate([np.ones((batch_size, 1)), np.zeros((batch_size, 1))])
    labels += 0.05 * rng.random(labels.shape)

    before = discriminator.get_weights(), generator.get_weights()
    d_loss = discriminator.train_on_batch(points, labels)
    assert changed(before[0], discriminator)
    assert not changed(before[1], generator)

    before = discriminator.get_weights(), generator.get_weights()
    noise = rng.normal(size=(batch_size, latent_dim))
    a_loss = gan.train_on_batch(noise, np.zeros((batch_size, 1)))
    assert not changed(before[0], discriminator)
    assert changed(before[1], generator)
    if step % 100 == 0:
        print(f"step {step}: discriminator {d_loss:.3f}, adversarial {a_loss:.3f}")

made = generator.predict(rng.normal(size=(1000, latent_dim)), verbose=0)
radius = np.linalg.norm(made, axis=1)
print(f"radius of the generated points: {radius.mean():.2f} (2.00 is real)")
assert 1.0 < radius.mean() < 3.0
