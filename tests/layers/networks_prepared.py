"""Models of layers that prepare numbers and images; for `exchange.py`."""

import numpy as np

DATA = np.random.default_rng(2).normal(3.0, 2.0, (100, 4)).astype("float32")


def prepared(keras):
    """Numbers in bins, and numbers normalized."""
    first = keras.layers.Normalization()
    first.adapt(DATA)
    # To learn these, Keras needs TensorFlow.
    second = keras.layers.Discretization([1.0, 2.0, 3.0, 5.0])
    x = keras.Input((4,))
    bins = keras.layers.CategoryEncoding(6, "count")(second(x))
    y = keras.layers.Concatenate()([first(x), keras.layers.Rescaling(3.0, 1)(bins)])
    return keras.Model(x, keras.layers.Dense(2)(y))


def augmented(keras):
    """A network of images, with layers that act while training alone."""
    make = keras.layers
    return keras.Sequential(
        [
            keras.Input((9, 8, 3)),
            make.RandomFlip("horizontal", seed=1),
            make.RandomRotation(0.1, fill_mode="nearest"),
            make.RandomZoom(0.2, (-0.1, 0.1)),
            make.RandomContrast((0.1, 0.2)),
            make.RandAugment(num_ops=1),
            make.Pipeline([make.CenterCrop(6, 6), make.Resizing(5, 4)]),
            make.Flatten(),
            make.Dense(2),
        ]
    )


MODELS = {"prepared": prepared, "augmented": augmented}
