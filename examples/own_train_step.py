"""A subclassed model with a training step of its own: the gradient tape in `fit`.

cornu run examples/own_train_step.py
"""

import keras
import numpy as np
from keras import layers, ops
from keras.datasets import synthetic_digits

keras.utils.set_random_seed(4)


class Denoiser(keras.Model):
    """Learns to remove noise; the step adds the noise and weighs two losses."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.encode = layers.Dense(width, activation="relu")
        self.drop = layers.Dropout(0.1)
        self.decode = layers.Dense(784, activation="sigmoid")
        self.noise = keras.random.SeedGenerator(5)
        self.error = keras.metrics.Mean(name="error")
        self.sparsity = keras.metrics.Mean(name="sparsity")

    def call(self, x, training=None):
        return self.decode(self.drop(self.encode(x), training=training))

    @property
    def metrics(self):
        return [self.error, self.sparsity]

    def losses_of(self, x, training):
        noisy = x
        if training:
            noisy = x + 0.3 * keras.random.normal(x.shape, seed=self.noise)
        code = self.encode(noisy)
        rebuilt = self.decode(self.drop(code, training=training))
        return ops.mean(ops.square(rebuilt - x)), ops.mean(ops.abs(code))

    def train_step(self, data):
        with keras.GradientTape() as tape:
            error, sparsity = self.losses_of(data, training=True)
            loss = error + 1e-3 * sparsity
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.error.update_state(error)
        self.sparsity.update_state(sparsity)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        error, sparsity = self.losses_of(data, training=False)
        self.error.update_state(error)
        self.sparsity.update_state(sparsity)
        return {m.name: m.result() for m in self.metrics}


(images, _), (others, _) = synthetic_digits.load_data(num_train=4000, num_test=500)
images = images.reshape((4000, 784)).astype("float32") / 255
others = others.reshape((500, 784)).astype("float32") / 255

model = Denoiser(64)
model.compile(optimizer=keras.optimizers.Adam(1e-3))
history = model.fit(
    images, epochs=4, batch_size=64, validation_data=(others,), verbose=2
)
errors = history.history["val_error"]
print(f"val_error: {errors[0]:.4f} -> {errors[-1]:.4f}")
assert errors[-1] < errors[0]

# The same step, op by op: what `fit` compiled and what Python runs are one thing.
results = []
for eagerly in (False, True):
    keras.utils.set_random_seed(6)
    twin = Denoiser(16)
    twin.noise = keras.random.SeedGenerator(7)
    twin.compile(optimizer=keras.optimizers.Adam(1e-3), run_eagerly=eagerly)
    twin.fit(images[:320], epochs=1, batch_size=32, shuffle=False, verbose=0)
    results.append(np.concatenate([w.ravel() for w in twin.get_weights()]))
print("compiled and eager differ by", float(np.abs(results[0] - results[1]).max()))
np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-6)
