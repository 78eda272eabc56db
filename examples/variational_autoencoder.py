"""A variational autoencoder on drawn digits, as Keras 2 books write it.

The last layer looks at `z_mean` and `z_log_var`, symbolic tensors of the outer model,
and adds a loss that is computed from them; so the model is compiled with loss=None.

    cornu run examples/variational_autoencoder.py
"""

import keras
import numpy as np
from keras import backend as K
from keras import layers
from keras.datasets import synthetic_digits
from keras.models import Model

keras.utils.set_random_seed(1)
latent_dim = 2

(x_train, _), (x_test, _) = synthetic_digits.load_data(num_train=6000, num_test=1000)
x_train = x_train.reshape((6000, 784)).astype("float32") / 255
x_test = x_test.reshape((1000, 784)).astype("float32") / 255

# The encoder: an image becomes a place in the plane, with a radius.
input_img = keras.Input(shape=(784,))
x = layers.Dense(128, activation="relu")(input_img)
z_mean = layers.Dense(latent_dim)(x)
z_log_var = layers.Dense(latent_dim)(x)


def sampling(args):
    z_mean, z_log_var = args
    epsilon = K.random_normal(
        shape=(K.shape(z_mean)[0], latent_dim), mean=0.0, stddev=1.0
    )
    return z_mean + K.exp(z_log_var) * epsilon


z = layers.Lambda(sampling)([z_mean, z_log_var])

# The decoder: a place becomes an image.
decoder_input = layers.Input(K.int_shape(z)[1:])
x = layers.Dense(128, activation="relu")(decoder_input)
x = layers.Dense(784, activation="sigmoid")(x)
decoder = Model(decoder_input, x)
z_decoded = decoder(z)


class CustomVariationalLayer(keras.layers.Layer):
    def vae_loss(self, x, z_decoded):
        x = K.flatten(x)
        z_decoded = K.flatten(z_decoded)
        xent_loss = keras.metrics.binary_crossentropy(x, z_decoded)
        kl_loss = -5e-4 * K.mean(
            1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1
        )
        return K.mean(xent_loss + kl_loss)

    def call(self, inputs):
        x, z_decoded = inputs
        self.add_loss(self.vae_loss(x, z_decoded), inputs=inputs)
        return x


y = CustomVariationalLayer()([input_img, z_decoded])
vae = Model(input_img, y)
vae.compile(optimizer="rmsprop", loss=None)
history = vae.fit(
    x=x_train,
    y=None,
    shuffle=True,
    epochs=20,
    batch_size=64,
    validation_data=(x_test, None),
    verbose=2,
)

losses = history.history["val_loss"]
encoder = Model(input_img, z_mean)
places = encoder.predict(x_test, verbose=0)
images = decoder.predict(places, verbose=0)
error = float(np.mean((images - x_test) ** 2))
blank = float(np.mean((x_train.mean(axis=0) - x_test) ** 2))
print(f"val_loss: {losses[0]:.4f} -> {losses[-1]:.4f}")
print(f"mean square error of the decoded test images: {error:.4f}")
print(f"the same if every image were the mean image:  {blank:.4f}")
assert losses[-1] < losses[0]
assert error < 0.95 * blank
