"""Eager values on other libraries: native arrays, which the library differentiates."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest

import cornu
from cornu import engines, layers, ops
from cornu.graph import OPS
from cornu.graph.dispatch import edge
from cornu.graph.spec import is_float
from cornu.graph.trace import bind
from tests.engines.test_libraries import FACTORS, compare, graph_of
from tests.ops.samples import SAMPLES

PLACES = {"rtol": 1e-9, "atol": 1e-9}


# What each library calls its own things


def of_jax():
    import jax

    def gradient(function, *values):
        return jax.grad(function, tuple(range(len(values))))(*values)

    return SimpleNamespace(
        kind=jax.Array, gradient=gradient, scope=lambda: jax.enable_x64(True)
    )


def of_torch():
    import torch

    def gradient(function, *values):
        values = [v.detach().requires_grad_() for v in values]
        result = function(*values)
        if not result.requires_grad:
            return [None] * len(values)
        return torch.autograd.grad(result, values, allow_unused=True)

    return SimpleNamespace(
        kind=torch.Tensor, gradient=gradient, scope=contextlib.nullcontext
    )


def of_tensorflow():
    import tensorflow as tf

    def gradient(function, *values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            result = function(*values)
        return tape.gradient(result, values)

    return SimpleNamespace(
        kind=tf.Tensor, gradient=gradient, scope=contextlib.nullcontext
    )


LIBRARIES = {"jax": of_jax, "torch": of_torch, "tensorflow": of_tensorflow}


@pytest.fixture(params=sorted(LIBRARIES))
def library(request):
    """The library of an engine that is installed; the rest is skipped by name."""
    try:
        engines.get(request.param)
    except ImportError as error:
        pytest.skip(str(error).splitlines()[0])
    found = LIBRARIES[request.param]()
    found.name = request.param
    cornu.config.set_floatx("float64")
    cornu.config.set_backend(request.param)
    with found.scope():
        yield found
    cornu.config.set_backend("numpy")
    cornu.config.set_floatx("float32")


def host(values):
    return [None if v is None else ops.convert_to_numpy(v) for v in values]


# Operations

apply = edge(bind)
# By default a few of each kind are tried; all of them with the slow tests.
FEW = ("add", "cast", "concatenate", "conv", "dot_general", "gather", "maximum")
FEW += ("reduce_max", "relu", "scan", "softmax", "stop_gradient", "where")


def all_of(names):
    slow = pytest.mark.slow
    return [n if n in FEW else pytest.param(n, marks=slow) for n in sorted(names)]


@pytest.mark.parametrize("name", all_of(SAMPLES))
def test_an_operation_gives_native_arrays(library, name):
    if name not in OPS:
        pytest.skip("made by another test")
    op, sample = OPS[name], SAMPLES[name][-1]
    graph = graph_of(op, sample)
    given = [ops.convert_to_tensor(a) for a in sample.inputs]
    assert all(isinstance(v, library.kind) for v in given)
    found = apply(op, given, sample.params)
    found = found if isinstance(found, tuple) else (found,)
    assert all(isinstance(v, library.kind) for v in found)
    specs = [v.spec for v in graph.outputs]
    expected = [np.asarray(a) for a in graph.evaluate(*sample.inputs)]
    found = host(found)
    if name in FACTORS:
        cornu.config.set_backend("numpy")
        found, expected = (FACTORS[name](*map(ops.array, v)) for v in (found, expected))
        found, expected = host(found), host(expected)
        specs = [(a.shape, a.dtype.name) for a in expected]
    compare(found, expected, specs)


def weighed(op, sample, inputs):
    """A number that depends on every result, in its own way."""
    found = apply(op, inputs, sample.params)
    total = 0.0
    for y in found if isinstance(found, tuple) else (found,):
        if is_float(ops.dtype(y)):
            size = int(np.prod(ops.shape(y), dtype=int))
            weights = np.cos(np.arange(1, size + 1)).reshape(ops.shape(y))
            total = ops.add(total, ops.sum(ops.multiply(y, weights)))
    return total


def differentiable(name):
    sample = SAMPLES[name][-1]
    floats = [is_float(a.dtype.name) for a in sample.inputs]
    return OPS[name].no_gradient is None and all(floats) and floats


INVERTED = ("cofactor", "lu_factor")
NAMES = sorted(n for n in SAMPLES if n in OPS and differentiable(n))


@pytest.mark.parametrize("name", all_of(set(NAMES) - FACTORS.keys()))
def test_the_library_differentiates_an_operation(library, name):
    """It does so by Cornu's rule: also at kinks, where libraries differ."""
    # Some have derivatives only where the matrix has an inverse: in the first sample.
    op, sample = OPS[name], SAMPLES[name][0 if name in INVERTED else -1]
    given = [ops.convert_to_tensor(a) for a in sample.inputs]
    found = library.gradient(lambda *xs: weighed(op, sample, xs), *given)
    cornu.config.set_backend("numpy")
    tensors = [ops.convert_to_tensor(a) for a in sample.inputs]
    with cornu.GradientTape() as tape:
        total = weighed(op, sample, tensors)
    if not hasattr(total, "dtype"):
        return
    expected = tape.gradient(total, tensors)
    for a, b, x in zip(host(found), host(expected), sample.inputs, strict=True):
        zeros = np.zeros_like(x)
        a, b = zeros if a is None else a, zeros if b is None else b
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


# Values


def test_whatever_comes_in_a_native_array_comes_out(library):
    array = np.arange(6.0).reshape(2, 3)
    native = ops.convert_to_tensor(array)
    for x in (native, array, array.tolist()):
        y = ops.multiply(x, 2)
        assert isinstance(y, library.kind)
        np.testing.assert_array_equal(host([y])[0], array * 2)
    assert ops.shape(native) == (2, 3)
    assert ops.is_tensor(native)
    assert isinstance(ops.cast(native, "int32"), library.kind)
    np.testing.assert_array_equal(host([ops.get_item(native, (0, 1))])[0], 1.0)
    stacked = ops.stack([native, native])
    assert isinstance(stacked, library.kind)
    assert ops.shape(stacked) == (2, 2, 3)
    parts = ops.split(native, 3, axis=1)
    assert [type(p) for p in parts] == [type(native)] * 3
    assert isinstance(ops.convert_to_numpy(native), np.ndarray)
    _, places = ops.top_k(native, 2)
    np.testing.assert_array_equal(host([places])[0], [[2, 1], [2, 1]])


@pytest.mark.parametrize(
    ("first", "second", "dtype"),
    [
        ("float32", "int64", "float32"),
        ("int8", "uint8", "int16"),
        ("bool", "int32", "int32"),
        ("float16", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("uint32", "int32", "int32"),
    ],
)
def test_dtypes_meet_as_they_do_everywhere(library, first, second, dtype):
    a, b = ops.ones((2,), first), ops.ones((2,), second)
    assert ops.dtype(a) == first
    assert ops.dtype(ops.add(a, b)) == dtype
    assert ops.dtype(ops.add(a, 1)) == ("int32" if first == "bool" else first)


def test_random_numbers_are_those_of_a_program(library):
    def drawn():
        seed = cornu.random.SeedGenerator(7)
        return host(
            [
                cornu.random.uniform((3, 4), seed=seed),
                cornu.random.randint((5,), 0, 100, seed=seed),
                cornu.random.dropout(np.ones((4, 4)), 0.5, seed=seed),
                cornu.random.normal((3,), seed=seed),
            ]
        )

    found = drawn()
    cornu.config.set_backend("numpy")
    *exact, normal = drawn()
    for a, b in zip(found, exact, strict=False):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(found[-1], normal, rtol=1e-12)


def test_initial_weights_are_the_same_to_the_last_bit(library):
    cornu.utils.set_random_seed(3)
    found = cornu.initializers.RandomNormal()((50,))
    assert isinstance(found, library.kind)
    weights = built().get_weights()
    cornu.config.set_backend("numpy")
    cornu.utils.set_random_seed(3)
    cornu.initializers.RandomNormal()((50,))
    for a, b in zip(weights, built().get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_variable_keeps_no_more_than_its_value():
    """What led to a moving average of PyTorch's is not kept from step to step."""
    pytest.importorskip("torch")
    cornu.config.set_backend("torch")
    try:
        layer, x = layers.BatchNormalization(), np.ones((2, 3), "float32")
        assert layer(x, training=True).requires_grad
        assert not layer.moving_mean.value.requires_grad
        assert layer.gamma.value.is_leaf
    finally:
        cornu.config.set_backend("numpy")


# Layers and losses


def built():
    """A network, the same each time that the seed is set."""
    model = cornu.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.25, seed=5),
            layers.Dense(3),
        ]
    )
    model.optimizer = None
    return model


def data(steps=4, batch=8):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(steps, batch, 6))
    return x, rng.integers(0, 3, size=(steps, batch))


KINDS = {
    "conv": (lambda: layers.Conv2D(3, 2, padding="same"), (2, 5, 5, 2)),
    "max_pool": (lambda: layers.MaxPooling2D(2), (2, 4, 4, 2)),
    "lstm": (lambda: layers.LSTM(4), (2, 5, 3)),
    "gru": (lambda: layers.GRU(4, return_sequences=True), (2, 5, 3)),
    "layer_norm": (lambda: layers.LayerNormalization(), (2, 5)),
    "softmax": (lambda: layers.Dense(4, activation="softmax"), (2, 5)),
    "network": (built, (3, 6)),
}


@pytest.mark.parametrize(
    "kind",
    [k if k == "network" else pytest.param(k, marks=pytest.mark.slow) for k in KINDS],
)
def test_a_layer_is_seen_through(library, kind):
    """Its gradients with respect to the input, and its outputs."""
    make, shape = KINDS[kind]
    array = np.random.default_rng(0).normal(size=shape)
    cornu.utils.set_random_seed(3)
    layer = make()
    x = ops.convert_to_tensor(array)
    y = layer(x)
    assert isinstance(y, library.kind)
    found = library.gradient(lambda x: ops.sum(ops.square(layer(x))), x)
    found = host([y, *found])
    cornu.config.set_backend("numpy")
    x = ops.convert_to_tensor(array)
    with cornu.GradientTape() as tape:
        total = ops.sum(ops.square(layer(x)))
    expected = host([layer(x), tape.gradient(total, x)])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, **PLACES)


def test_masks_go_from_layer_to_layer(library):
    words = np.array([[3, 1, 0, 0], [2, 2, 4, 0]])
    cornu.utils.set_random_seed(3)
    embedding, recurrent = layers.Embedding(5, 3, mask_zero=True), layers.LSTM(4)
    found = recurrent(embedding(ops.convert_to_tensor(words)))
    assert isinstance(found, library.kind)
    found = host([found])
    cornu.config.set_backend("numpy")
    expected = host([recurrent(embedding(words))])
    np.testing.assert_allclose(found, expected, **PLACES)


# Training loops as users of each library write them


def loss_of():
    return cornu.losses.SparseCategoricalCrossentropy(from_logits=True)


def numpy_loop(model, optimizer):
    """The loop that the others are compared with, by the tape."""
    loss_fn, losses = loss_of(), []
    for x, y in zip(*data(), strict=True):
        with cornu.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        grads = tape.gradient(loss, model.trainable_weights)
        optimizer.apply(grads, model.trainable_weights)
        losses.append(float(loss))
    return losses


def jax_loop(model, optimizer):
    import jax

    loss_fn, losses = loss_of(), []
    optimizer.build(model.trainable_variables)

    def compute_loss(trainable, fixed, x, y):
        logits, fixed = model.stateless_call(trainable, fixed, x, training=True)
        return loss_fn(y, logits), fixed

    with_gradients = jax.value_and_grad(compute_loss, has_aux=True)

    @jax.jit
    def step(state, x, y):
        trainable, fixed, of_optimizer = state
        (loss, fixed), grads = with_gradients(trainable, fixed, x, y)
        trainable, of_optimizer = optimizer.stateless_apply(
            of_optimizer, grads, trainable
        )
        return loss, (trainable, fixed, of_optimizer)

    state = tuple(
        [v.value for v in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            optimizer.variables,
        )
    )
    for x, y in zip(*data(), strict=True):
        loss, state = step(state, x, y)
        assert isinstance(loss, jax.Array)
        losses.append(float(loss))
    for variables, values in zip(
        (model.trainable_variables, model.non_trainable_variables),
        state[:2],
        strict=True,
    ):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    return losses


def torch_loop(model, optimizer):
    """The gradients are PyTorch's, and so is the optimizer."""
    import torch

    loss_fn, losses = loss_of(), []
    weights = [v.value for v in model.trainable_weights]
    assert all(w.requires_grad and w.is_leaf for w in weights)
    own = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
    for x, y in zip(*data(), strict=True):
        own.zero_grad()
        loss = loss_fn(torch.from_numpy(y), model(torch.from_numpy(x), training=True))
        loss.backward()
        own.step()
        losses.append(loss.item())
    assert all(v.value is w for v, w in zip(model.trainable_weights, weights))
    return losses


def tensorflow_loop(model, optimizer, decorate=lambda function: function):
    import tensorflow as tf

    loss_fn, losses = loss_of(), []
    optimizer.build(model.trainable_weights)

    @decorate
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        grads = tape.gradient(loss, model.trainable_weights)
        optimizer.apply(grads, model.trainable_weights)
        return loss

    for x, y in zip(*data(), strict=True):
        loss = step(tf.constant(x), tf.constant(y))
        assert isinstance(loss, tf.Tensor)
        losses.append(float(loss))
    return losses


def tf_function_loop(model, optimizer):
    import tensorflow as tf

    return tensorflow_loop(model, optimizer, tf.function)


def trained(loop):
    cornu.utils.set_random_seed(3)
    model = built()
    losses = loop(model, cornu.optimizers.SGD(0.1, momentum=0.9))
    return [*losses, *model.get_weights()]


LOOPS = [
    ("jax", jax_loop),
    ("torch", torch_loop),
    ("tensorflow", tensorflow_loop),
    ("tensorflow", tf_function_loop),
    *((name, numpy_loop) for name in LIBRARIES),
]


@pytest.mark.parametrize(
    ("library", "loop"),
    LOOPS,
    indirect=["library"],
    ids=lambda v: getattr(v, "__name__", v),
)
def test_a_loop_learns_what_the_tape_of_numpy_learns(library, loop):
    found = trained(loop)
    cornu.config.set_backend("numpy")
    for a, b in zip(found, trained(numpy_loop), strict=True):
        np.testing.assert_allclose(a, b, **PLACES)


# What Cornu itself runs op by op


class OwnStep(cornu.Sequential):
    """A step as a user writes it, with Cornu's tape."""

    def train_step(self, data):
        x, y = data
        with cornu.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(grads, self.trainable_variables)
        return {"loss": loss, "double": ops.multiply(loss, 2)}


class Watch(cornu.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        weight = self.model.trainable_variables[0]
        self.seen.append(float(ops.sum(ops.square(weight))))


WAYS = [(True, False), (False, True), (False, False)]


@pytest.mark.parametrize(
    ("own", "eagerly"),
    [(True, True), *(pytest.param(*p, marks=pytest.mark.slow) for p in WAYS)],
)
def test_fit_is_the_same_everywhere(library, own, eagerly):
    def told():
        cornu.utils.set_random_seed(3)
        parts = [layers.Input((6,)), layers.Dense(5, activation="tanh")]
        parts += [layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(3)]
        model = (OwnStep if own else cornu.Sequential)(parts)
        model.compile(
            "adam",
            loss_of(),
            metrics=[] if own else ["accuracy"],
            run_eagerly=eagerly,
        )
        x, y = (a.reshape(-1, *a.shape[2:]) for a in data())
        watch = Watch()
        history = model.fit(x, y, 8, 2, verbose=0, callbacks=[watch]).history
        weights = model.get_weights()
        seen = [*history.values(), watch.seen, model.predict(x, verbose=0), *weights]
        return [*seen, [] if own else model.evaluate(x, y, verbose=0)]

    found = told()
    cornu.config.set_backend("numpy")
    for a, b in zip(found, told(), strict=True):
        np.testing.assert_allclose(a, b, **PLACES)


def test_metrics_take_and_give_native_arrays(library):
    metric = cornu.metrics.SparseCategoricalAccuracy()
    logits = ops.convert_to_tensor(np.eye(3))
    metric.update_state(ops.convert_to_tensor([0, 1, 1]), logits)
    assert isinstance(metric.result(), library.kind)
    assert float(metric.result()) == pytest.approx(2 / 3)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_a_variable_has_one_value_wherever_it_is_asked(library):
    """From NumPy to the library, through a program, and back."""
    cornu.utils.set_random_seed(3)
    model = built()
    model.compile("sgd", loss_of())
    x, y = (a[0] for a in data())
    before = model.trainable_weights[0].value
    assert isinstance(ops.convert_to_tensor(before), library.kind)
    model.fit(x, y, verbose=0)
    weight = model.trainable_weights[0]
    after = weight.numpy()
    np.testing.assert_array_equal(host([weight.value])[0], after)
    cornu.config.set_backend("numpy")
    np.testing.assert_array_equal(weight.value, after)
    weight.assign(after + 1)
    cornu.config.set_backend(library.name)
    np.testing.assert_array_equal(host([weight.value])[0], after + 1)
    weight.assign_add(ops.ones_like(weight))
    np.testing.assert_array_equal(weight.numpy(), after + 1 + 1)
    assert float(cornu.Variable(2.0)) == 2.0
    assert f"{cornu.Variable(2.0):.1f}" == "2.0"


def test_a_tape_of_ours_tells_of_what_it_did_not_see(library):
    x = ops.convert_to_tensor(np.arange(3.0))
    with cornu.GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(ops.square(x))
    grad = tape.gradient(y, x)
    assert isinstance(grad, library.kind)
    np.testing.assert_array_equal(host([grad])[0], [0.0, 2.0, 4.0])
    unseen = ops.sum(x)
    with cornu.GradientTape() as tape:
        pass
    with pytest.raises(RuntimeError, match="not computed while it was open") as error:
        tape.gradient(unseen, x)
    assert len(str(error.value).splitlines()) == 3
    assert {"jax": "jax.grad", "torch": "backward", "tensorflow": "tf.GradientTape"}[
        library.name
    ] in str(error.value)


def test_gradients_stop_where_they_are_told_to(library):
    @ops.custom_gradient
    def clipped(x):
        return ops.square(x), lambda g: ops.clip(g * 2 * x, -1, 1)

    x = ops.convert_to_tensor([1.0, -3.0])
    found = library.gradient(
        lambda x: ops.sum(ops.add(clipped(x), ops.stop_gradient(ops.exp(x)))), x
    )
    np.testing.assert_array_equal(host(found)[0], [1.0, -1.0])


class Native(layers.Layer):
    """A layer that calls the library itself."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def build(self, shape):
        self.scale = self.add_weight((shape[-1],), initializer="ones")

    def call(self, inputs):
        return ops.multiply(self.function(inputs), self.scale)


def test_functions_of_the_library_work_inside_a_layer(library):
    function = {
        "jax": lambda x: __import__("jax").nn.tanh(x.__jax_array__()),
        "torch": lambda x: __import__("torch").tanh(x),
        "tensorflow": lambda x: __import__("tensorflow").tanh(x),
    }[library.name]
    layer, x = Native(function), ops.convert_to_tensor([[0.5, -1.0]])
    found = library.gradient(lambda x: ops.sum(layer(x)), x)
    np.testing.assert_allclose(host(found)[0], 1 - np.tanh([[0.5, -1.0]]) ** 2, 1e-9)


def test_second_gradients(library):
    if library.name == "jax":
        import jax

        found = jax.grad(jax.grad(lambda x: ops.power(x, 3.0)))(2.0)
        assert float(found) == pytest.approx(12.0)
    elif library.name == "torch":
        import torch

        x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
        (first,) = torch.autograd.grad(ops.power(x, 3.0), x, create_graph=True)
        assert float(torch.autograd.grad(first, x)[0]) == pytest.approx(12.0)
    else:
        import tensorflow as tf

        x = tf.constant(2.0, tf.float64)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = ops.power(x, 3.0)
            first = inner.gradient(y, x)
        assert float(outer.gradient(first, x)) == pytest.approx(12.0)


def test_jax_maps_and_compiles_what_loops_and_branches():
    jax = pytest.importorskip("jax")
    cornu.config.set_backend("jax")
    try:
        halve = jax.jit(
            lambda x: ops.while_loop(
                lambda x: ops.greater(x, 1.0), lambda x: ops.divide(x, 2.0), x
            )
        )
        assert float(halve(jax.numpy.float32(12.0))) == 0.75
        choose = jax.jit(lambda x: ops.cond(x > 0, lambda: ops.exp(x), lambda: x))
        assert float(choose(jax.numpy.float32(-1.0))) == -1.0
        x = np.arange(6, dtype="float32").reshape(3, 2)
        found = jax.vmap(lambda row: ops.sum(ops.square(row)))(x)
        np.testing.assert_array_equal(found, [1.0, 13.0, 41.0])
    finally:
        cornu.config.set_backend("numpy")


EAGER_IN_NUMPY = sorted(set(engines.available()) - LIBRARIES.keys())


@pytest.mark.parametrize("name", EAGER_IN_NUMPY)
def test_other_engines_leave_eager_values_to_numpy(name):
    try:
        cornu.config.set_backend(name)
    except ImportError as error:
        pytest.skip(str(error).splitlines()[0])
    try:
        assert type(ops.add(1.0, 2.0)) is cornu.graph.Tensor
    finally:
        cornu.config.set_backend("numpy")
