"""Networks of convolutions and pooling, built by either library."""

from __future__ import annotations

from typing import Any


def images(keras: Any) -> Any:
    """Downwards by convolution and pooling, upwards again, and to a class."""
    layers = keras.layers
    x = inputs = keras.Input((12, 10, 3))
    x = layers.Conv2D(4, 3, activation="relu", padding="same", name="first")(x)
    x = layers.MaxPooling2D()(x)
    skip = x = layers.SeparableConv2D(6, 3, padding="same", depth_multiplier=2)(x)
    x = layers.ZeroPadding2D(((0, 1), (1, 0)))(x)
    x = layers.DepthwiseConv2D((2, 3), strides=1, activation="tanh")(x)
    x = layers.AveragePooling2D(2, 2, padding="same")(x)
    x = layers.Conv2DTranspose(6, 3, strides=2, padding="same")(x)
    x = layers.Cropping2D(((0, 0), (0, 0)))(x)
    x = layers.UpSampling2D((1, 2), interpolation="bilinear")(x)
    x = layers.AdaptiveAveragePooling2D((6, 5))(x)
    x = layers.Concatenate()([x, skip])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def channels_first(keras: Any) -> Any:
    layers, first = keras.layers, {"data_format": "channels_first"}
    return keras.Sequential(
        [
            keras.Input((4, 9, 8)),
            layers.Conv2D(6, 3, groups=2, dilation_rate=2, **first),
            layers.MaxPooling2D((2, 1), **first),
            layers.UpSampling2D(2, **first),
            layers.AdaptiveMaxPooling2D(2, **first),
            layers.GlobalMaxPooling2D(keepdims=True, **first),
            layers.Flatten(**first),
        ]
    )


def sequences(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((20, 5)),
            layers.Conv1D(8, 5, padding="causal", dilation_rate=2, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Cropping1D((1, 2)),
            layers.SeparableConv1D(4, 3),
            layers.Conv1DTranspose(4, 4, strides=3, output_padding=1),
            layers.ZeroPadding1D(2),
            layers.UpSampling1D(2),
            layers.AveragePooling1D(3, padding="same"),
            layers.Permute((2, 1)),
            layers.Identity(),
            layers.GlobalMaxPooling1D(),
            layers.RepeatVector(3),
        ]
    )


def volumes(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 6, 6, 2)),
            layers.Conv3D(3, 3, strides=(1, 2, 1), padding="same"),
            layers.AveragePooling3D((1, 1, 2)),
            layers.Conv3DTranspose(2, 2, strides=2),
            layers.UpSampling3D((1, 2, 1)),
            layers.Cropping3D(1),
            layers.ZeroPadding3D(1),
            layers.MaxPooling3D(3),
            layers.GlobalAveragePooling3D(),
        ]
    )


MODELS = {
    function.__name__: function
    for function in (images, channels_first, sequences, volumes)
}
