"""Code as people wrote it with K from 2016 to 2020: losses, layers, callbacks."""

import numpy as np
import pytest

import cornu as keras
from cornu import backend as K
from cornu.callbacks import Callback
from cornu.layers import GRU, Dense, Dropout, Embedding, Flatten, Input, Lambda, Layer
from cornu.models import Model, Sequential

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def seeded():
    """The same numbers, whichever test ran before."""
    keras.utils.set_random_seed(0)
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def dice_coef(y_true, y_pred, smooth=1.0):
    y_true_f = K.flatten(y_true)
    y_pred_f = K.flatten(y_pred)
    intersection = K.sum(y_true_f * y_pred_f)
    return (2.0 * intersection + smooth) / (K.sum(y_true_f) + K.sum(y_pred_f) + smooth)


def dice_coef_loss(y_true, y_pred):
    return 1 - dice_coef(y_true, y_pred)


def focal_loss(gamma=2.0, alpha=0.25):
    def focal_loss_fixed(y_true, y_pred):
        pt_1 = K.switch(K.equal(y_true, 1), y_pred, K.ones_like(y_pred))
        pt_0 = K.switch(K.equal(y_true, 0), y_pred, K.zeros_like(y_pred))
        pt_1 = K.clip(pt_1, K.epsilon(), 1.0 - K.epsilon())
        pt_0 = K.clip(pt_0, K.epsilon(), 1.0 - K.epsilon())
        return -K.mean(alpha * K.pow(1.0 - pt_1, gamma) * K.log(pt_1)) - K.mean(
            (1 - alpha) * K.pow(pt_0, gamma) * K.log(1.0 - pt_0)
        )

    return focal_loss_fixed


def root_mean_squared_error(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1))


def f1(y_true, y_pred):
    tp = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    possible = K.sum(K.round(K.clip(y_true, 0, 1)))
    predicted = K.sum(K.round(K.clip(y_pred, 0, 1)))
    precision = tp / (predicted + K.epsilon())
    recall = tp / (possible + K.epsilon())
    return 2 * ((precision * recall) / (precision + recall + K.epsilon()))


@pytest.mark.parametrize(
    "loss", [dice_coef_loss, focal_loss(), root_mean_squared_error]
)
def test_own_losses_and_metrics(loss):
    x = RNG.normal(size=(80, 6))
    y = (x[:, :1] > 0).astype("float32")
    model = Sequential()
    model.add(Dense(8, activation="tanh", input_dim=6))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss=loss, optimizer="adam", metrics=[dice_coef, f1])
    history = model.fit(x, y, epochs=10, batch_size=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert len(history["f1"]) == len(history["dice_coef"]) == 10


def test_targets_of_one_axis_meet_outputs_of_two():
    """(n,) beside (n, 1), also in a function of the user's: nothing becomes (n, n)."""

    def error(y_true, y_pred):
        assert y_true.shape == y_pred.shape
        return K.mean(K.abs(y_true - y_pred))

    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", error, metrics=[error, "mae"])
    x, y = RNG.normal(size=(20, 2)), RNG.normal(size=20)
    model.fit(x, y, verbose=0)
    found = model.evaluate(x, y, verbose=0)
    expected = np.abs(model.predict(x, verbose=0)[:, 0] - y).mean()
    np.testing.assert_allclose(found, [expected] * 3, rtol=1e-5)


class Attention(Layer):
    """Raffel's attention over steps, that so many notebooks of 2018 carry."""

    def __init__(self, step_dim, bias=True, **kwargs):
        self.supports_masking = True
        self.init = keras.initializers.get("glorot_uniform")
        self.bias = bias
        self.step_dim = step_dim
        self.features_dim = 0
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        assert len(input_shape) == 3
        self.W = self.add_weight(
            (input_shape[-1],), initializer=self.init, name=f"{self.name}_W"
        )
        self.features_dim = input_shape[-1]
        if self.bias:
            self.b = self.add_weight(
                (input_shape[1],), initializer="zero", name=f"{self.name}_b"
            )
        self.built = True

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        features_dim = self.features_dim
        step_dim = self.step_dim
        eij = K.reshape(
            K.dot(
                K.reshape(x, (-1, features_dim)), K.reshape(self.W, (features_dim, 1))
            ),
            (-1, step_dim),
        )
        if self.bias:
            eij += self.b
        eij = K.tanh(eij)
        a = K.exp(eij)
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        a = K.expand_dims(a)
        return K.sum(x * a, axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.features_dim


def test_attention_over_steps():
    x = RNG.integers(1, 20, (60, 7))
    y = (x[:, 2] > 10).astype("float32")
    model = Sequential()
    model.add(Embedding(20, 8, input_length=7, mask_zero=True))
    model.add(GRU(8, return_sequences=True))
    model.add(Attention(7))
    model.add(Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy")
    history = model.fit(x, y, epochs=12, batch_size=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.layers[2].output_shape == (None, 8)


def euclidean_distance(vects):
    x, y = vects
    sum_square = K.sum(K.square(x - y), axis=1, keepdims=True)
    return K.sqrt(K.maximum(sum_square, K.epsilon()))


def contrastive_loss(y_true, y_pred):
    margin = 1
    square_pred = K.square(y_pred)
    margin_square = K.square(K.maximum(margin - y_pred, 0))
    return K.mean(y_true * square_pred + (1 - y_true) * margin_square)


def test_siamese_networks():
    """Keras's own example mnist_siamese.py, in small."""
    inputs = Input(shape=(4, 4))
    x = Flatten()(inputs)
    x = Dense(16, activation="relu")(x)
    x = Dropout(0.0)(x)
    base_network = Model(inputs, Dense(8, activation="relu")(x))
    input_a, input_b = Input(shape=(4, 4)), Input(shape=(4, 4))
    distance = Lambda(
        euclidean_distance, output_shape=lambda shapes: (shapes[0][0], 1)
    )([base_network(input_a), base_network(input_b)])
    model = Model([input_a, input_b], distance)
    model.compile(loss=contrastive_loss, optimizer=keras.optimizers.RMSprop())
    a = RNG.normal(size=(80, 4, 4))
    same = RNG.integers(0, 2, 80).astype("float32")
    b = np.where(same[:, None, None] > 0, a, RNG.normal(size=a.shape))
    history = model.fit([a, b], same, batch_size=20, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_triplet_loss_of_one_output():
    def triplet_loss(y_true, y_pred, alpha=0.2):
        anchor, positive, negative = y_pred[:, 0:3], y_pred[:, 3:6], y_pred[:, 6:9]
        pos_dist = K.sum(K.square(anchor - positive), axis=-1)
        neg_dist = K.sum(K.square(anchor - negative), axis=-1)
        return K.mean(K.maximum(pos_dist - neg_dist + alpha, 0.0))

    one = Sequential(
        [Dense(3, input_shape=(5,)), Lambda(lambda x: K.l2_normalize(x, 1))]
    )
    inputs = [Input((5,)) for _ in range(3)]
    merged = keras.layers.concatenate([one(x) for x in inputs], axis=-1)
    model = Model(inputs, merged)
    model.compile("sgd", triplet_loss)
    a = RNG.normal(size=(40, 5))
    data = [a, a + 0.1, RNG.normal(size=(40, 5))]
    history = model.fit(data, np.zeros((40, 1)), epochs=5, verbose=0).history
    assert history["loss"][-1] <= history["loss"][0]
    found = np.asarray(one(a))
    np.testing.assert_allclose((found**2).sum(-1), 1, rtol=1e-5)


def squash(vectors, axis=-1):
    s_squared_norm = K.sum(K.square(vectors), axis, keepdims=True)
    scale = s_squared_norm / (1 + s_squared_norm) / K.sqrt(s_squared_norm + K.epsilon())
    return scale * vectors


class CapsuleLayer(Layer):
    """Routing by agreement, as Xifeng Guo wrote it."""

    def __init__(self, num_capsule, dim_capsule, routings=3, **kwargs):
        super().__init__(**kwargs)
        self.num_capsule = num_capsule
        self.dim_capsule = dim_capsule
        self.routings = routings

    def build(self, input_shape):
        self.input_num_capsule = input_shape[1]
        self.input_dim_capsule = input_shape[2]
        self.W = self.add_weight(
            shape=[
                self.num_capsule,
                self.input_num_capsule,
                self.dim_capsule,
                self.input_dim_capsule,
            ],
            initializer="glorot_uniform",
            name="W",
        )
        self.built = True

    def call(self, inputs, training=None):
        inputs_expand = K.expand_dims(inputs, 1)
        inputs_tiled = K.tile(inputs_expand, [1, self.num_capsule, 1, 1])
        inputs_hat = K.map_fn(
            lambda x: K.batch_dot(
                K.reshape(x, (-1, 1, self.input_dim_capsule)),
                K.reshape(self.W, (-1, self.dim_capsule, self.input_dim_capsule)),
                [2, 2],
            ),
            elems=inputs_tiled,
        )
        shape = (-1, self.num_capsule, self.input_num_capsule, self.dim_capsule)
        inputs_hat = K.reshape(inputs_hat, shape)
        b = K.zeros_like(inputs_hat[:, :, :, 0])
        outputs = inputs_hat[:, :, 0]
        for i in range(self.routings):
            c = K.softmax(b, axis=1)
            outputs = squash(K.sum(K.expand_dims(c) * inputs_hat, 2))
            if i < self.routings - 1:
                b += K.sum(inputs_hat * K.expand_dims(outputs, 2), axis=-1)
        return outputs


def test_capsules():
    x = RNG.normal(size=(24, 6, 4))
    y = keras.utils.to_categorical((x[:, 0, 0] > 0).astype(int), 2)
    inputs = Input((6, 4))
    capsules = CapsuleLayer(2, 5)(inputs)
    length = Lambda(lambda v: K.sqrt(K.sum(K.square(v), -1) + K.epsilon()))(capsules)
    model = Model(inputs, length)
    model.compile("adam", "mse")
    history = model.fit(x, y, epochs=8, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.output_shape == (None, 2)


class CyclicLR(Callback):
    """Of Bradley Kenstler: the rate goes up and down."""

    def __init__(self, base_lr=0.001, max_lr=0.006, step_size=4.0):
        super().__init__()
        self.base_lr, self.max_lr, self.step_size = base_lr, max_lr, step_size
        self.clr_iterations = 0.0
        self.history = {}

    def clr(self):
        cycle = np.floor(1 + self.clr_iterations / (2 * self.step_size))
        x = np.abs(self.clr_iterations / self.step_size - 2 * cycle + 1)
        return self.base_lr + (self.max_lr - self.base_lr) * np.maximum(0, (1 - x))

    def on_train_begin(self, logs=None):
        K.set_value(self.model.optimizer.lr, self.base_lr)

    def on_batch_end(self, epoch, logs=None):
        logs = logs or {}
        self.clr_iterations += 1
        self.history.setdefault("lr", []).append(
            float(K.get_value(self.model.optimizer.lr))
        )
        K.set_value(self.model.optimizer.lr, self.clr())


def test_a_callback_sets_the_rate():
    model = Sequential([Dense(1, input_dim=3)])
    model.compile("sgd", "mse")
    cyclic = CyclicLR()
    x = RNG.normal(size=(40, 3))
    model.fit(x, x[:, :1], batch_size=5, epochs=2, verbose=0, callbacks=[cyclic])
    rates = cyclic.history["lr"]
    np.testing.assert_allclose(rates[:5], [0.001, 0.00225, 0.0035, 0.00475, 0.006])
    np.testing.assert_allclose(rates[8], 0.001, rtol=1e-5)


class OldBatchNormalization(Layer):
    """Statistics kept by the layer, as those of 2017 did."""

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")
        self.moving_mean = self.add_weight(
            shape=shape, initializer="zeros", name="moving_mean", trainable=False
        )
        self.moving_variance = self.add_weight(
            shape=shape, initializer="ones", name="moving_variance", trainable=False
        )
        self.built = True

    def call(self, inputs, training=None):
        normed, mean, variance = K.normalize_batch_in_training(
            inputs, self.gamma, self.beta, [0], epsilon=1e-3
        )
        if training:
            K.moving_average_update(self.moving_mean, mean, 0.9)
            K.moving_average_update(self.moving_variance, variance, 0.9)

        def normalize_inference():
            return K.batch_normalization(
                inputs,
                self.moving_mean,
                self.moving_variance,
                self.beta,
                self.gamma,
                epsilon=1e-3,
            )

        return K.in_train_phase(normed, normalize_inference, training=training)


def test_a_layer_that_keeps_statistics():
    """As Keras's own layer, over some steps of training and after them."""
    x = RNG.normal(2.0, 3.0, size=(64, 4))
    y = x[:, :1]
    found = []
    for layer in (
        OldBatchNormalization(),
        keras.layers.BatchNormalization(momentum=0.9),
    ):
        keras.utils.set_random_seed(1)
        model = Sequential([Input((4,)), layer, Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse")
        model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0)
        found.append((model.get_weights(), model.predict(x, verbose=0)))
    for a, b in zip(*(weights for weights, _ in found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-4, atol=1e-5)


def test_labels_under_their_old_name():
    to_categorical = keras.utils.to_categorical
    expected = [[1, 0, 0], [0, 0, 1]]
    assert to_categorical(y=[0, 2], num_classes=3).tolist() == expected
    assert to_categorical([0, 2], 3).tolist() == expected
    for arguments in ({}, {"x": [0], "y": [0]}):
        with pytest.raises(TypeError, match="Expected the labels once"):
            to_categorical(**arguments)
    with pytest.raises(TypeError, match="both x and y"):
        to_categorical([0], y=[0])
