"""Layers of most networks, and those that merge several tensors."""

from hypothesis import strategies as st

from tests.parity.layer_cases import case

L2 = {"class_name": "L2", "config": {"l2": 0.1}}
TWO = {"_how": "list"}
CASES = {
    "Dense": [
        case((5, 3), units=4),
        case((2, 4, 3), units=4, use_bias=False, activation="relu"),
        case((2, 3), units=4, activation="softmax", activity_regularizer="l2"),
        case((2, 3), units=4, kernel_regularizer=L2, bias_regularizer="l1"),
        case((2, 5, 3), units=2, name="mine", _mask="post"),
    ],
    "Activation": [
        case((3, 4), activation="relu"),
        case((2, 3, 4), activation="softmax", _mask="some"),
    ],
    "Dropout": [case((3, 4), rate=0.5), case((3, 4), rate=0.0, _training=True)],
    "Flatten": [case((3, 4, 5)), case((2, 3, 4), data_format="channels_first")],
    "InputLayer": [],
    "Lambda": [],
    "Reshape": [
        case((2, 12), target_shape=(3, -1)),
        case((2, 3, 4), target_shape=(12,)),
    ],
    "Concatenate": [
        case((2, 3, 4), (2, 3, 2), **TWO),
        case((2, 3, 4), (2, 2, 4), axis=1, _mask="post", **TWO),
    ],
    "Dot": [
        case((2, 3), (2, 3), axes=1, **TWO),
        case((2, 3, 4), (2, 4, 3), axes=(1, 2), normalize=True, **TWO),
    ],
    "Subtract": [case((2, 3), (2, 3), **TWO)],
}
for _name in ("Add", "Average", "Maximum", "Minimum", "Multiply"):
    CASES[_name] = [
        case((2, 3), (2, 3), (2, 3), **TWO),
        case((2, 4, 3), (2, 4, 3), _mask="post", **TWO),
    ]

_dims = st.integers(1, 4)
DRAWN = {
    "Dense": st.builds(
        lambda shape, **config: case(tuple(shape), **config),
        st.lists(_dims, min_size=2, max_size=4),
        units=_dims,
        use_bias=st.booleans(),
        activation=st.sampled_from([None, "relu", "tanh", "softmax"]),
    )
}
