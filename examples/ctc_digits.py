"""Reading strips of digits without being told where each digit stands.

A strip holds two to five drawn digits, of any width and at any distance. The network
sees it as a sequence of columns, and CTC learns from the labels alone which columns are
which digit. All strips are filled up to one width, so the steps of each are told.

    cornu run examples/ctc_digits.py
    cornu run examples/ctc_digits.py --strips 320 --epochs 2 --accuracy 0
"""

import argparse
import time

import keras
import numpy as np
from keras import backend as K
from keras import layers, ops
from keras.datasets import synthetic_digits

HEIGHT, WIDTH, LONGEST = 28, 152, 5
BLANK = 0  # the class that stands for no digit
POOLED = 4  # so many columns make one step
BATCH = 32


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strips", type=int, default=8000, help="to learn from")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--accuracy", type=float, default=0.95, help="part of sequences to get right"
    )
    return parser.parse_args()


def cropped(image):
    """The columns of a digit that hold ink: a 1 is narrow, a 0 is wide."""
    ink = np.flatnonzero(image.max(0) > 40)
    return image[:, ink[0] : ink[-1] + 1]


def make_strips(images, digits, count, seed):
    """Strips, their labels filled up with -1, and the number of steps of each."""
    rng = np.random.default_rng(seed)
    strips = np.zeros((count, HEIGHT, WIDTH), "float32")
    labels = np.full((count, LONGEST), -1, "int32")
    steps = np.zeros(count, "int32")
    for row in range(count):
        chosen = rng.integers(0, len(images), rng.integers(2, LONGEST + 1))
        labels[row, : len(chosen)] = digits[chosen] + 1  # 0 is the blank
        end = rng.integers(1, 6)
        for image in images[chosen]:
            digit = np.roll(cropped(image), rng.integers(-2, 3), 0)
            place = strips[row, :, end : end + digit.shape[1]]
            np.maximum(place, digit[:, : place.shape[1]], out=place)
            end += digit.shape[1] + rng.integers(2, 10)
        steps[row] = -(-min(end, WIDTH) // POOLED)
    return {"strip": strips[..., None] / 255, "steps": steps}, labels


class Reader(keras.Model):
    """A functional model whose loss knows how long each strip is."""

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        count = ops.sum(ops.cast(y >= 0, "int32"), axis=1)
        return ops.mean(ops.ctc_loss(y, y_pred, count, x["steps"], BLANK))


def make_reader():
    strip = keras.Input((HEIGHT, WIDTH, 1), name="strip")
    steps = keras.Input((), dtype="int32", name="steps")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(strip)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(40, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.Permute((2, 1, 3))(x)  # columns first: they are the steps
    x = layers.Reshape((WIDTH // POOLED, -1))(x)
    x = layers.Dropout(0.1)(x)
    there = ops.arange(WIDTH // POOLED) < ops.expand_dims(steps, 1)
    x = layers.Bidirectional(layers.GRU(64, return_sequences=True))(x, mask=there)
    return Reader({"strip": strip, "steps": steps}, layers.Dense(11)(x))


def sequences(found):
    """The digits of decoded rows, without what fills them up."""
    return [[int(c) - 1 for c in row if c > BLANK] for row in np.asarray(found)]


def right(found, wanted):
    """How many whole sequences are what they should be."""
    return float(np.mean([a == b for a, b in zip(found, wanted, strict=True)]))


args = parsed()
keras.utils.set_random_seed(args.seed)
_, (others, their_digits) = synthetic_digits.load_data(args.seed, 0, 4000)
x_test, y_test = make_strips(others, their_digits, 1000, args.seed)
wanted = sequences(y_test)
print(
    f"{args.epochs} times {args.strips} strips of 2 to {LONGEST} digits to learn from"
)

model = make_reader()
rate = keras.optimizers.schedules.CosineDecay(
    3e-3, args.epochs * -(-args.strips // BATCH), alpha=0.01
)
model.compile(optimizer=keras.optimizers.Adam(rate))
losses, start = [], time.perf_counter()
for epoch in range(1, args.epochs + 1):  # new digits, and new strips, each time
    seed = 1000 * (args.seed + 1) + epoch
    (images, digits), _ = synthetic_digits.load_data(seed, 3 * args.strips, 0)
    x, y = make_strips(images, digits, args.strips, seed)
    history = model.fit(x, y, batch_size=BATCH, verbose=0)
    losses += history.history["loss"]
    print(f"epoch {epoch}: loss {losses[-1]:.3f}, {time.perf_counter() - start:.0f} s")

logits = model.predict(x_test, verbose=0)
greedy, _ = ops.ctc_decode(logits, x_test["steps"], mask_index=BLANK)
# The beam follows several sequences, each over all the ways to place it.
few = slice(0, 50)
beams, scores = ops.ctc_decode(
    logits[few], x_test["steps"][few], "beam_search", beam_width=8, top_paths=2
)
# The same in the words of Keras 2: probabilities, and the last class is the blank.
old = K.softmax(np.roll(logits[few], -1, axis=-1))
(old,), _ = K.ctc_decode(old, x_test["steps"][few], greedy=True)

found = sequences(greedy[0])
best, second = sequences(beams[0]), sequences(beams[1])
for row in range(5):
    p = np.exp(np.asarray(scores)[row])
    print(f"strip of {wanted[row]}: read {found[row]}")
    print(f"    by beam {best[row]} ({p[0]:.3f}), then {second[row]} ({p[1]:.3f})")
accuracy = right(found, wanted)
parts = right(found[few], wanted[few]), right(best, wanted[few])
print("the first 50 strips: {:.2f} right greedily, {:.2f} by beam".format(*parts))
print(f"whole sequences right: {accuracy:.3f} of {len(wanted)} that were never seen")
assert sequences(np.asarray(old) + 1) == found[few]
if args.epochs > 1:
    assert losses[-1] < losses[0]
assert accuracy >= args.accuracy, f"{accuracy} is less than {args.accuracy}"
