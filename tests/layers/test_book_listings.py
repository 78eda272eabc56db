"""Listings in the style of the books, from 2017 to today, on small made data.

Convolution: what is learned, and what is seen of it with K.gradients and K.function.
"""

import numpy as np
import pytest

import cornu as keras
from cornu import backend as K
from cornu import layers, models, optimizers

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def seeded():
    """The same numbers, whichever test ran before."""
    keras.utils.set_random_seed(0)
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def digits(n=120, size=12):
    """Images with a bright bar, whose direction is to be told."""
    x = RNG.uniform(0, 0.3, size=(n, size, size, 1)).astype("float32")
    y = RNG.integers(0, 2, n)
    for i, (place, label) in enumerate(zip(RNG.integers(0, size, n), y, strict=True)):
        if label:
            x[i, place] = 1.0
        else:
            x[i, :, place] = 1.0
    return x, y


def convnet(size=12, classes=2, activation="relu"):
    model = models.Sequential()
    model.add(layers.Conv2D(8, (3, 3), activation="relu", input_shape=(size, size, 1)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Conv2D(16, (3, 3), activation="relu", name="last_conv"))
    model.add(layers.Flatten())
    model.add(layers.Dense(16, activation=activation))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def test_a_small_convnet_is_trained_saved_and_loaded(tmp_path):
    from cornu.utils import to_categorical

    x, y = digits()
    model = convnet()
    model.compile(
        optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(x, to_categorical(y), epochs=8, batch_size=16, verbose=0)
    assert history.history["acc"][-1] > history.history["acc"][0]
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    loss, acc = model.evaluate(x, to_categorical(y), verbose=0)
    assert acc > 0.8
    model.save(str(tmp_path / "bars.h5"))
    again = models.load_model(str(tmp_path / "bars.h5"))
    found = again.evaluate(x, to_categorical(y), verbose=0)
    np.testing.assert_allclose(found, [loss, acc], rtol=1e-5)


def test_generators_with_dropout_and_binary_labels():
    x, y = digits()

    def batches(x, y, size):
        while True:
            for start in range(0, len(x) - size + 1, size):
                yield x[start : start + size], y[start : start + size]

    model = models.Sequential()
    model.add(layers.Conv2D(8, (3, 3), activation="relu", input_shape=(12, 12, 1)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(16, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(
        loss="binary_crossentropy",
        optimizer=optimizers.RMSprop(lr=1e-2),
        metrics=["acc"],
    )
    history = model.fit_generator(
        batches(x[:80], y[:80], 20),
        steps_per_epoch=4,
        epochs=6,
        validation_data=batches(x[80:], y[80:], 20),
        validation_steps=2,
        verbose=0,
    )
    assert len(history.history["val_acc"]) == 6
    assert history.history["loss"][-1] < history.history["loss"][0]
    loss, acc = model.evaluate_generator(batches(x[80:], y[80:], 20), steps=2)
    assert loss > 0
    assert 0 <= acc <= 1


def test_features_are_extracted_and_layers_frozen():
    """A base that is pretrained, then a classifier, then some layers of the base."""
    x, y = digits()
    conv_base = models.Sequential(name="base")
    conv_base.add(layers.Conv2D(8, 3, activation="relu", input_shape=(12, 12, 1)))
    conv_base.add(layers.MaxPooling2D(2))
    conv_base.add(layers.Conv2D(8, 3, activation="relu", name="block5_conv1"))
    features = conv_base.predict(x, verbose=0)
    assert features.shape == (120, 3, 3, 8)
    top = models.Sequential()
    top.add(layers.Dense(16, activation="relu", input_dim=3 * 3 * 8))
    top.add(layers.Dropout(0.5))
    top.add(layers.Dense(1, activation="sigmoid"))
    top.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    flat = np.reshape(features, (120, 3 * 3 * 8))
    history = top.fit(flat, y, epochs=5, batch_size=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]

    model = models.Sequential()
    model.add(conv_base)
    model.add(layers.Flatten())
    model.add(layers.Dense(1, activation="sigmoid"))
    assert len(model.trainable_weights) == 6
    conv_base.trainable = False
    assert len(model.trainable_weights) == 2
    model.compile(loss="binary_crossentropy", optimizer=optimizers.RMSprop(lr=2e-5))
    before = conv_base.get_weights()
    model.fit(x, y, epochs=1, verbose=0)
    assert all(map(np.array_equal, before, conv_base.get_weights()))

    conv_base.trainable = True
    set_trainable = False
    for layer in conv_base.layers:
        if layer.name == "block5_conv1":
            set_trainable = True
        layer.trainable = set_trainable
    model.compile(loss="binary_crossentropy", optimizer=optimizers.RMSprop(lr=1e-2))
    model.fit(x, y, epochs=1, verbose=0)
    after = conv_base.get_weights()
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])


def test_activations_on_the_way():
    x, _ = digits(4)
    model = convnet()
    layer_outputs = [layer.output for layer in model.layers[:3]]
    activation_model = models.Model(inputs=model.input, outputs=layer_outputs)
    activations = activation_model.predict(x[:1], verbose=0)
    assert [a.shape for a in activations] == [
        (1, 10, 10, 8),
        (1, 5, 5, 8),
        (1, 3, 3, 16),
    ]
    by_hand = model.layers[1](model.layers[0](x[:1]))
    np.testing.assert_allclose(activations[1], by_hand, rtol=1e-5)


def test_what_a_filter_responds_to():
    model = convnet()
    improved = 0
    for filter_index in range(4):
        layer_output = model.get_layer("last_conv").output
        loss = K.mean(layer_output[:, :, :, filter_index])
        grads = K.gradients(loss, model.input)[0]
        grads /= K.sqrt(K.mean(K.square(grads))) + 1e-5
        iterate = K.function([model.input], [loss, grads])
        image = np.random.default_rng(1).random((1, 12, 12, 1)) * 0.2 + 0.5
        first, _ = iterate([image])
        for _ in range(20):
            _, step = iterate([image])
            image += step * 0.1
        last, _ = iterate([image])
        improved += last > first
        assert last >= first  # equal where no place responds at all
    assert improved


def test_a_map_of_class_activations():
    x, _ = digits(4)
    model = convnet(activation="tanh")
    preds = model.predict(x[:1], verbose=0)
    class_output = model.output[:, np.argmax(preds[0])]
    last_conv_layer = model.get_layer("last_conv")
    grads = K.gradients(class_output, last_conv_layer.output)[0]
    pooled_grads = K.mean(grads, axis=(0, 1, 2))
    iterate = K.function([model.input], [pooled_grads, last_conv_layer.output[0]])
    pooled_grads_value, conv_layer_output_value = iterate([x[:1]])
    for i in range(16):
        conv_layer_output_value[:, :, i] *= pooled_grads_value[i]
    heatmap = np.mean(conv_layer_output_value, axis=-1)
    assert heatmap.shape == (3, 3)
    # The same by what the class gains when a channel grows.
    head = models.Model(last_conv_layer.output, class_output)
    maps = models.Model(model.input, last_conv_layer.output).predict(x[:1], verbose=0)
    grown = maps.astype("float64").repeat(16, axis=0)
    for i in range(16):
        grown[i, :, :, i] += 1e-2
    slopes = (head.predict(grown, verbose=0) - head.predict(maps, verbose=0)) / 1e-2
    np.testing.assert_allclose(pooled_grads_value * 9, slopes, atol=2e-3)


def test_deep_dream():
    """Ascent on the activations of several layers, of images of any size."""
    K.set_learning_phase(0)
    try:
        base = models.Sequential(name="inception")
        base.add(layers.Conv2D(4, 3, activation="relu", input_shape=(None, None, 3)))
        base.add(layers.BatchNormalization(name="mixed2"))
        base.add(layers.Conv2D(6, 3, activation="relu", name="mixed3"))
        layer_contributions = {"mixed2": 0.2, "mixed3": 3.0}
        layer_dict = {layer.name: layer for layer in base.layers}
        loss = K.variable(0.0)
        for layer_name in layer_contributions:
            activation = layer_dict[layer_name].output
            scaling = K.prod(K.cast(K.shape(activation), "float32"))
            inside = activation[:, 2:-2, 2:-2, :]
            contribution = layer_contributions[layer_name]
            loss = loss + contribution * K.sum(K.square(inside)) / scaling
        dream = base.input
        grads = K.gradients(loss, dream)[0]
        grads /= K.maximum(K.mean(K.abs(grads)), 1e-7)
        fetch = K.function([dream], [loss, grads])
        image = RNG.normal(size=(1, 14, 12, 3))
        values = []
        for _ in range(5):
            loss_value, grad_values = fetch([image])
            values.append(loss_value)
            image += 0.05 * grad_values
        assert values == sorted(values)
    finally:
        K.set_learning_phase(None)


def content_loss(base, combination):
    return K.sum(K.square(combination - base))


def gram_matrix(x):
    features = K.batch_flatten(K.permute_dimensions(x, (2, 0, 1)))
    return K.dot(features, K.transpose(features))


def style_loss(style, combination, size):
    S, C = gram_matrix(style), gram_matrix(combination)
    return K.sum(K.square(S - C)) / (4.0 * (3**2) * (size**2))


def total_variation_loss(x, height, width):
    a = K.square(x[:, : height - 1, : width - 1, :] - x[:, 1:, : width - 1, :])
    b = K.square(x[:, : height - 1, : width - 1, :] - x[:, : height - 1, 1:, :])
    return K.sum(K.pow(a + b, 1.25))


def test_style_transfer():
    size = 10
    target_image = K.constant(RNG.normal(size=(1, size, size, 3)))
    style_image = K.constant(RNG.normal(size=(1, size, size, 3)))
    combination_image = K.placeholder((1, size, size, 3))
    input_tensor = K.concatenate([target_image, style_image, combination_image], axis=0)
    x = layers.Conv2D(4, 3, padding="same", name="block1", activation="tanh")(
        input_tensor
    )
    x = layers.Conv2D(4, 3, padding="same", name="block2", activation="tanh")(x)
    model = models.Model(combination_image, x)
    outputs_dict = {layer.name: layer.output for layer in model.layers}
    features = outputs_dict["block2"]
    loss = K.variable(0.0)
    loss = loss + 0.025 * content_loss(features[0, :, :, :], features[2, :, :, :])
    for name in ("block1", "block2"):
        features = outputs_dict[name]
        loss = loss + style_loss(features[1, :, :, :], features[2, :, :, :], size)
    loss = loss + 1e-4 * total_variation_loss(combination_image, size, size)
    grads = K.gradients(loss, combination_image)[0]
    fetch_loss_and_grads = K.function([combination_image], [loss, grads])
    at = RNG.normal(size=(1, size, size, 3))
    value, slope = fetch_loss_and_grads([at])
    way = np.zeros_like(at)
    way[0, 4, 5, 1] = 1e-2
    by_difference = (
        fetch_loss_and_grads([at + way])[0] - fetch_loss_and_grads([at - way])[0]
    ) / 2e-2
    np.testing.assert_allclose(slope[0, 4, 5, 1], by_difference, rtol=2e-2, atol=1e-4)
    for _ in range(10):
        at = at - 0.05 * fetch_loss_and_grads([at])[1]
    assert fetch_loss_and_grads([at])[0] < value


def xception(size, classes):
    """Residual blocks of separable convolutions: editions 2 and 3."""
    inputs = keras.Input(shape=(size, size, 3))
    x = layers.RandomFlip("horizontal")(inputs)
    x = layers.Rescaling(1.0 / 255)(x)
    x = layers.Conv2D(filters=8, kernel_size=5, use_bias=False)(x)
    for filters in [8, 16]:
        residual = x
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)(
            residual
        )
        x = layers.add([x, residual])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.25)(x)
    return keras.Model(inputs, layers.Dense(classes, activation="sigmoid")(x))


def test_mini_xception(tmp_path):
    x, y = digits(80, 16)
    x = np.repeat(x, 3, axis=-1) * 255
    model = xception(16, 1)
    model.compile(
        loss="binary_crossentropy",
        optimizer=optimizers.Adam(3e-3),
        metrics=["accuracy"],
    )
    callbacks = [
        keras.callbacks.ModelCheckpoint(
            filepath=tmp_path / "best.keras", save_best_only=True, monitor="loss"
        )
    ]
    history = model.fit(x, y, epochs=6, batch_size=16, verbose=0, callbacks=callbacks)
    assert history.history["loss"][-1] < history.history["loss"][0]
    best = keras.models.load_model(tmp_path / "best.keras")
    assert best.count_params() == model.count_params()
    assert best.predict(x[:3], verbose=0).shape == (3, 1)
