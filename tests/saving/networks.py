"""The same networks in Cornu and in Keras: this file is run by both.

    python networks.py KIND write|read FOLDER

with real Keras writes `keras.weights.h5`, or reads `cornu.weights.h5`; either way it
writes predictions before and after three more steps of training to an .npz file.
"""

import sys

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float64")
Y = RNG.normal(size=(12, 2)).astype("float64")
KINDS = ("sequential", "functional", "subclassed", "adam")


def make(keras, kind):
    """A compiled network of this kind."""
    layers = keras.layers
    if kind in ("sequential", "adam"):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(5, activation="tanh", name="first"),
                layers.Dropout(0.0),
                layers.Dense(2),
            ]
        )
    elif kind == "functional":
        x = keras.Input((4,))
        shared = layers.Dense(3)
        inner = keras.Sequential([keras.Input((3,)), layers.Dense(3)], name="inner")
        y = layers.Add()([shared(x), inner(shared(x))])
        z = keras.Input((3,))
        deep = keras.Model(z, layers.Dense(3, use_bias=False)(z))
        model = keras.Model(x, layers.Dense(2)(deep(y)))
    else:

        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.start = layers.Dense(4)
                self.blocks = [layers.Dense(4), layers.Dense(4)]
                self.heads = {"out": layers.Dense(2)}
                self.scale = self.add_weight(shape=(2,), initializer="ones")

            def call(self, x):
                x = self.start(x)
                for block in self.blocks:
                    x = block(x)
                return self.heads["out"](x) * self.scale

        model = Net()
    model.compile("adam" if kind == "adam" else "rmsprop", "mse")
    model.fit(X, Y, epochs=1, batch_size=4, shuffle=False, verbose=0)
    return model


def course(model):
    """Predictions before and after three more steps."""
    before = model.predict(X, verbose=0)
    model.fit(X, Y, epochs=1, batch_size=4, shuffle=False, verbose=0)
    return {"before": before, "after": model.predict(X, verbose=0)}


if __name__ == "__main__":
    import keras

    keras.config.set_floatx("float64")
    kinds, what, folder = sys.argv[1:]
    for kind in kinds.split(","):
        model = make(keras, kind)
        if what == "write":
            model.save_weights(f"{folder}/{kind}-keras.weights.h5")
        else:
            model.load_weights(f"{folder}/{kind}-cornu.weights.h5")
        np.savez(f"{folder}/{kind}-{what}.npz", **course(model))
