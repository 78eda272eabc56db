"""Recurrent layers, their cells, and the wrappers of layers over time."""

import numpy as np
from hypothesis import strategies as st

from tests.parity.layer_cases import case

L2 = {"class_name": "L2", "config": {"l2": 0.1}}
STATE = np.random.default_rng(3).normal(size=(3, 4))


def layer(name, **config):
    """A layer inside another."""
    return {"object": f"layers.{name}", "config": config}


X, LONG = (3, 4, 2), (3, 6, 2)
ALL = {"return_sequences": True, "return_state": True}
PENALTIES = {
    "kernel_regularizer": L2,
    "recurrent_regularizer": "l1",
    "bias_regularizer": L2,
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "non_neg",
    "bias_constraint": "unit_norm",
}
CASES = {
    "SimpleRNN": [
        case(X, units=4),
        case(X, units=4, use_bias=False, activation="relu", _mask="pre", **ALL),
        case(LONG, units=4, go_backwards=True, _mask="some", name="mine"),
        case(X, units=4, recurrent_initializer="zeros", dropout=0.5, **PENALTIES),
    ],
    "LSTM": [
        case(X, units=4),
        case(LONG, units=4, activity_regularizer="l2", _mask="post", **ALL),
        case(X, units=4, go_backwards=True, return_sequences=True, use_bias=False),
        case(X, units=4, activation="softsign", recurrent_activation="hard_sigmoid"),
        case(X, units=4, zero_output_for_mask=True, _mask="some", **ALL),
        case(X, units=4, _call={"initial_state": [STATE, STATE / 2]}, _mask="none"),
        case(X, units=4, unit_forget_bias=False, bias_initializer="ones", **PENALTIES),
        case(X, units=4, unroll=True, dropout=0.2, recurrent_dropout=0.3, seed=1),
        case(X, units=4, activation=None, recurrent_activation="relu", _mask="post"),
    ],
    "GRU": [
        case(X, units=4),
        case(LONG, units=4, reset_after=False, _mask="post", **ALL),
        case(X, units=4, reset_after=False, use_bias=False, go_backwards=True),
        case(X, units=4, use_bias=False, return_sequences=True, _mask="pre"),
        case(X, units=4, activation="relu", recurrent_activation="hard_sigmoid"),
        case(X, units=4, _call={"initial_state": STATE}, return_state=True),
        case(X, units=4, implementation=1, activation="elu", **PENALTIES),
    ],
    "SimpleRNNCell": [
        case((3, 2), (3, 4), units=4, _how="args", use_bias=False),
        case((3, 2), units=4, _how="args", _call={"states": [STATE]}),
    ],
    "LSTMCell": [
        case((3, 2), units=4, _how="args", _call={"states": [STATE, STATE / 2]}),
        case((3, 2), units=4, _how="args", _call={"states": [STATE, STATE]}, seed=2),
    ],
    "GRUCell": [
        case((3, 2), (3, 4), units=4, _how="args"),
        case((3, 2), units=4, _how="args", _call={"states": [STATE]}, **PENALTIES),
        case((3, 2), (3, 4), units=4, reset_after=False, _how="args"),
    ],
    "StackedRNNCells": [
        case(
            (3, 2),
            cells=[layer("LSTMCell", units=4), layer("GRUCell", units=4)],
            _how="args",
            _call={"states": [[STATE, STATE], STATE]},
        ),
    ],
    "RNN": [
        case(X, cell=layer("SimpleRNNCell", units=4), _mask="some", **ALL),
        case(
            X,
            cell=[layer("LSTMCell", units=3), layer("LSTMCell", units=2)],
            _mask="post",
            **ALL,
        ),
        case(
            X,
            cell=[layer("LSTMCell", units=3), layer("SimpleRNNCell", units=2)],
            go_backwards=True,
            _mask="some",
        ),
        case(
            X,
            cell=[layer("GRUCell", units=3), layer("GRUCell", units=2, use_bias=False)],
            return_sequences=True,
            zero_output_for_mask=True,
            _mask="pre",
        ),
    ],
    "ConvLSTM1D": [
        case((2, 3, 6, 2), filters=3, kernel_size=3),
        case((2, 3, 6, 2), filters=2, kernel_size=2, strides=2, padding="same", **ALL),
        case(
            (2, 3, 7, 2),
            filters=2,
            kernel_size=2,
            dilation_rate=2,
            unit_forget_bias=False,
            recurrent_activation="hard_sigmoid",
            **PENALTIES,
        ),
    ],
    "ConvLSTM2D": [
        case((2, 3, 5, 4, 2), filters=3, kernel_size=(3, 2), padding="same"),
        case(
            (2, 3, 2, 4, 5),
            filters=2,
            kernel_size=3,
            data_format="channels_first",
            go_backwards=True,
            activity_regularizer="l2",
            **ALL,
        ),
    ],
    "ConvLSTM3D": [
        case((2, 2, 3, 4, 3, 2), filters=2, kernel_size=2, return_sequences=True),
    ],
    "Bidirectional": [
        case(X, layer=layer("LSTM", units=4)),
        case(X, layer=layer("GRU", units=4, return_sequences=True), merge_mode="sum"),
        case(
            LONG,
            layer=layer("LSTM", units=4, return_sequences=True),
            merge_mode="ave",
            _mask="post",
        ),
        case(
            X,
            layer=layer("SimpleRNN", units=4, **ALL),
            merge_mode=None,
            _mask="some",
        ),
        case(
            X,
            layer=layer("LSTM", units=4),
            backward_layer=layer("GRU", units=4, go_backwards=True),
            merge_mode="mul",
            name="both",
        ),
        case(
            X,
            layer=layer("GRU", units=4, return_state=True),
            _call={"initial_state": [STATE, STATE / 2]},
        ),
    ],
    "TimeDistributed": [
        case(X, layer=layer("Dense", units=4, activation="tanh"), _mask="post"),
        case((2, 3, 5, 2), layer=layer("LSTM", units=3)),
        case(X, layer=layer("Dropout", rate=0.5)),
    ],
    "Wrapper": [],
}

_flags = st.booleans()
_mask = st.sampled_from([None, "post", "pre", "some", "none"])
_names = st.sampled_from(["tanh", "relu", "sigmoid", None, "softsign", "hard_sigmoid"])
_sizes = st.integers(1, 4)
_common = {
    "units": _sizes,
    "activation": _names,
    "use_bias": _flags,
    "return_sequences": _flags,
    "return_state": _flags,
    "go_backwards": _flags,
    "dropout": st.sampled_from([0.0, 0.5]),
    "_mask": _mask,
}


def built(strategies):
    """Cases of one class, of a shape and these options."""

    def make(shape, **config):
        if config.get("go_backwards") and config.get("return_sequences"):
            # Keras lets the mask stand in the order of the input.
            config["_mask"] = None
        return case(shape, **config)

    shapes = st.tuples(st.integers(1, 3), st.integers(1, 5), _sizes)
    return st.builds(make, shapes, **strategies)


_zero = {"zero_output_for_mask": _flags}
_gates = {"recurrent_activation": _names, "recurrent_dropout": st.just(0.0), **_zero}
DRAWN = {
    "SimpleRNN": built({**_common, **_zero}),
    "LSTM": built({**_common, **_gates, "unit_forget_bias": _flags}),
    "GRU": built({**_common, **_gates, "reset_after": _flags}),
}


def _inside(options):
    """A recurrent layer for Bidirectional."""
    names = st.sampled_from(["LSTM", "GRU", "SimpleRNN"])
    return st.builds(lambda name, **config: layer(name, **config), names, **options)


DRAWN["Bidirectional"] = st.builds(
    lambda shape, **config: case(shape, **config),
    st.tuples(st.integers(1, 3), st.integers(1, 4), _sizes),
    layer=_inside(
        {"units": _sizes, "return_sequences": _flags, "return_state": _flags}
    ),
    merge_mode=st.sampled_from(["sum", "mul", "concat", "ave", None]),
    _mask=_mask,
)


def _over_time(shape, layer, mask):
    if layer["object"] in ("layers.LSTM", "layers.GRU", "layers.SimpleRNN"):
        mask = None  # one boolean per sample is no mask of its steps
    return case(shape, layer=layer, _mask=mask)


DRAWN["TimeDistributed"] = st.builds(
    _over_time,
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(2, 4), _sizes),
    layer=st.one_of(
        _inside({"units": _sizes, "return_sequences": _flags}),
        st.builds(
            lambda **config: layer("Dense", **config), units=_sizes, activation=_names
        ),
        st.builds(
            lambda **config: layer("Conv1D", **config),
            filters=_sizes,
            kernel_size=st.integers(1, 2),
            padding=st.sampled_from(["valid", "same"]),
        ),
        st.just(layer("LayerNormalization")),
        st.just(layer("Flatten")),
    ),
    mask=_mask,
)


def _stack(shape, names, units, **config):
    if set(names) != {"LSTMCell"}:
        # Keras tells of a single state as a tensor, and returns it in a list.
        config["return_state"] = False
    cells = [layer(name, units=n) for name, n in zip(names, units, strict=False)]
    return case(shape, cell=cells, **config)


DRAWN["RNN"] = st.builds(
    _stack,
    st.tuples(st.integers(1, 3), st.integers(1, 4), _sizes),
    st.lists(
        st.sampled_from(["LSTMCell", "GRUCell", "SimpleRNNCell"]),
        min_size=2,
        max_size=3,
    ),
    st.tuples(_sizes, _sizes, _sizes),
    return_sequences=_flags,
    return_state=_flags,
    **_zero,
    _mask=_mask,
)


def _conv_lstm(filters, kernel, padding, stride, dilation, first, n, **config):
    size = max(3, (kernel - 1) * dilation + 1)
    sizes = (size, size + 1, size)[:n]
    shape = (2, 2, 2, *sizes) if first else (2, 2, *sizes, 2)
    return case(
        shape,
        filters=filters,
        kernel_size=kernel,
        padding=padding,
        strides=1 if dilation > 1 else stride,
        dilation_rate=dilation,
        data_format="channels_first" if first else "channels_last",
        **config,
    )


for _n in (1, 2, 3):
    DRAWN[f"ConvLSTM{_n}D"] = st.builds(
        _conv_lstm,
        st.integers(1, 2),
        st.integers(1, 3),
        st.sampled_from(["valid", "same"]),
        st.integers(1, 2),
        st.integers(1, 2),
        _flags,
        st.just(_n),
        use_bias=_flags,
        return_sequences=_flags,
        return_state=_flags,
        go_backwards=_flags,
    )
