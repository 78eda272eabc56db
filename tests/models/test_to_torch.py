"""A model as a module of PyTorch's, beside its own numbers and PyTorch's."""

import copy

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.graph.tree import flatten
from cornu.training.nonfinite import NonFiniteWarning
from tests.models.elsewhere import MODELS, fed, made

torch = pytest.importorskip("torch")
R = np.random.default_rng(0)


def tensors(x):
    return [torch.from_numpy(a) for a in x] if isinstance(x, list) else torch.tensor(x)


def numbers(y):
    return [t.detach().numpy() for t in flatten(y)]


def alike(found, expected, places=1e-9):
    for a, b in zip(flatten(found), flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=places, atol=places)


def weighed(outputs):
    """A number that depends on each output, in the words of either library."""
    return sum((y * y * (i + 1)).sum() for i, y in enumerate(flatten(outputs)))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_outputs_gradients_and_state_are_those_of_the_model(name, training):
    model, x = made(name, "float64"), fed(made(name, "float64"), 4)
    module = model.to_torch().train(training)
    twin = made(name, "float64")
    given = tensors(x)
    for leaf in flatten(given):
        leaf.requires_grad_(leaf.is_floating_point())
    outputs = module(given)
    weighed(outputs).backward()
    inputs = [ops.convert_to_tensor(a) for a in flatten(x)]
    with cornu.GradientTape() as tape:
        expected = twin(inputs if isinstance(x, list) else inputs[0], training=training)
        loss = sum(ops.sum(y * y * (i + 1)) for i, y in enumerate(flatten(expected)))
    weights = twin.trainable_variables
    floats = [a for a in inputs if a.dtype == "float64"]
    slopes = tape.gradient(loss, [*weights, *floats])
    alike(numbers(outputs), [y.numpy() for y in flatten(expected)])
    leaves = [leaf for leaf in flatten(given) if leaf.requires_grad]
    mine = dict(module.named_parameters())
    for v, g in zip(weights, slopes, strict=False):
        alike(mine[v.path.replace("/", ".")].grad.numpy(), g.numpy())
    for leaf, g in zip(leaves, slopes[len(weights) :], strict=True):
        alike(leaf.grad.numpy(), g.numpy())
    state = module.state_dict()
    for v, w in zip(model.variables, twin.variables, strict=True):
        alike(v.numpy(), w.numpy())
        if any(
            v is each for each in model.weights
        ):  # seeds have one path, and are numbered
            alike(state[v.path.replace("/", ".")].numpy(), w.numpy())
    assert len(state) == len(model.variables)


@pytest.mark.parametrize("name", ["mlp", "lstm", "transformer"])
def test_gradients_beside_finite_differences(name):
    model = made(name, "float64")
    module, x = model.to_torch(), tensors(fed(model, 2))

    def function(*values):
        named = dict(zip(names, values, strict=True))
        return torch.func.functional_call(module, named, (x,))

    names = [n for n, _ in module.named_parameters()][-2:]
    values = [p for n, p in module.named_parameters() if n in names]
    assert torch.autograd.gradcheck(function, values)
    assert torch.autograd.gradgradcheck(function, values)


def test_a_dense_network_is_that_of_pytorch():
    model = made("mlp", "float64")
    x = torch.from_numpy(fed(model, 5))
    module = model.to_torch()
    own = [torch.nn.Parameter(p.detach().clone()) for p in module.parameters()]
    h = torch.relu(x @ own[0] + own[1])
    h = torch.nn.functional.gelu(h @ own[2] + own[3])
    y = torch.softmax(h @ own[4] + own[5], -1)
    found = module(x)
    alike(found.detach().numpy(), y.detach().numpy())
    for loss in (y, found):
        (-loss.log()[:, 1]).sum().backward()
    for p, q in zip(module.parameters(), own, strict=True):
        alike(p.grad.numpy(), q.grad.numpy())


def test_what_cornu_does_not_differentiate_pytorch_does_not_either():
    x = cornu.Input((3,), dtype="float64")
    y = ops.relu(x) + ops.stop_gradient(x) * x + ops.maximum(x, 0.0)
    module = cornu.Model(x, y).to_torch()
    given = torch.tensor([[0.0, 2.0, -1.0]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(module(given).sum(), given, create_graph=True)
    with cornu.GradientTape() as tape:
        given_here = ops.convert_to_tensor(given.detach().numpy())
        loss = ops.sum(
            ops.relu(given_here)
            + ops.stop_gradient(given_here) * given_here
            + ops.maximum(given_here, 0.0)
        )
    alike(slope.detach().numpy(), tape.gradient(loss, given_here).numpy())
    assert slope[0, 1] == 4  # 1 + 2 + 1: the factor that is held counts as a number


# Memory


def shared(model, module):
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return all(
        named[v.path.replace("/", ".")].data_ptr() == v._array.ctypes.data
        for v in model.variables
    )


def network():
    cornu.utils.clear_session()
    cornu.utils.set_random_seed(5)
    return cornu.Sequential(
        [
            cornu.Input((4,)),
            layers.Dense(6, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )


X = R.normal(size=(16, 4)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")


def test_training_by_pytorch_is_seen_by_the_model():
    model = network()
    before = model.layers[0].kernel.value
    module, kept = model.to_torch(), before.numpy()
    optimizer = torch.optim.Adam(module.parameters(), 0.03)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(torch.tensor(X)), torch.tensor(Y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3
    assert shared(model, module)
    alike(model.predict(X, verbose=0), numbers(module.eval()(X)), 1e-5)
    # What was handed out before stays what it was.
    np.testing.assert_array_equal(before.numpy(), kept)
    assert not np.array_equal(model.layers[0].kernel.numpy(), kept)
    value = model.layers[0].kernel.value
    held = value.numpy()
    with torch.no_grad():
        module.dense.kernel.add_(1)
    np.testing.assert_array_equal(value.numpy(), held)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), held + 1)


@pytest.mark.parametrize("engine", ["numpy", "torch", "jax"])
def test_training_by_cornu_is_seen_by_pytorch(engine):
    pytest.importorskip(engine)
    model, twin = network(), network()
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=1, verbose=0, batch_size=8, shuffle=False)
    module = model.to_torch()
    cornu.config.set_backend(engine)
    try:
        model.fit(X, Y, epochs=2, verbose=0, batch_size=8, shuffle=False)
        with torch.no_grad():
            module.dense.bias.add_(0.5)
        model.fit(X, Y, epochs=1, verbose=0, batch_size=8, shuffle=False)
        expected = model.predict(X, verbose=0)
    finally:
        cornu.config.set_backend("numpy")
    assert shared(model, module)
    alike(numbers(module.eval()(X)), expected, 1e-5)
    twin.compile("adam", "mse")
    twin.fit(X, Y, epochs=3, verbose=0, batch_size=8, shuffle=False)
    bias = twin.layers[0].bias
    bias.assign(bias.numpy() + np.float32(0.5))
    twin.fit(X, Y, epochs=1, verbose=0, batch_size=8, shuffle=False)
    places = 1e-6 if engine == "numpy" else 1e-4
    for v, w in zip(model.weights, twin.weights, strict=True):
        alike(v.numpy(), w.numpy(), places)


def test_new_weights_and_eager_steps_reach_the_same_memory(tmp_path):
    model = network()
    module = model.to_torch()
    model.set_weights([w * 0 + 1 for w in model.get_weights()])
    assert float(module.dense.kernel.detach().mean()) == 1
    model.compile("sgd", "mse", run_eagerly=True)
    model.train_on_batch(X, Y)
    assert shared(model, module)
    model.save_weights(tmp_path / "w.weights.h5")
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()
    assert not model.layers[0].kernel.numpy().any()
    model.load_weights(tmp_path / "w.weights.h5")
    assert shared(model, module)
    alike(numbers(module.eval()(X)), model.predict(X, verbose=0), 1e-5)
    other = network().to_torch()
    other.load_state_dict(module.state_dict())
    alike(numbers(other.eval()(X)), numbers(module(X)), 0)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("eagerly", [False, True])
def test_a_step_that_is_not_finite_leaves_lent_weights_as_they_were(eagerly):
    model = network()
    module = model.to_torch()
    model.layers[3].set_weights([np.full((6, 1), 1e30), np.zeros(1)])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    before = model.get_weights()
    stop = cornu.callbacks.TerminateOnNaN()
    with pytest.warns(NonFiniteWarning):
        model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[stop])
    assert shared(model, module)
    for v, w in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(v, w)


def test_a_copy_elsewhere_is_brought_back():
    model = network()
    module = model.to_torch()
    moved = copy.deepcopy(module.dense.kernel.detach()) + 2
    module.dense.kernel = torch.nn.Parameter(moved)
    assert not np.array_equal(model.layers[0].kernel.numpy(), moved.numpy())
    module.to_cornu()
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), moved.numpy())


@pytest.mark.parametrize("how", ["copy", "pickle"])
def test_copies_have_a_model_of_their_own(how, tmp_path):
    model = network()
    module = model.to_torch()
    module(X)  # in train mode: the state goes on
    module.dense.bias.requires_grad_(False)
    if how == "copy":
        other = copy.deepcopy(module)
    else:
        torch.save(module, tmp_path / "module.pt")
        other = torch.load(tmp_path / "module.pt", weights_only=False)
    assert not other.dense.bias.requires_grad
    for a, b in zip(module.state_dict().values(), other.state_dict().values()):
        assert a.data_ptr() != b.data_ptr()
    for _ in range(2):
        alike(numbers(other(X)), numbers(module(X)), 1e-6)
    before = model.get_weights()
    with torch.no_grad():
        for p in other.parameters():
            p.zero_()
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_averages_of_pytorch():
    module = network().to_torch()
    averaged = torch.optim.swa_utils.AveragedModel(module)
    kernels = []
    for _ in range(2):
        with torch.no_grad():
            module.dense.kernel.add_(1)
        averaged.update_parameters(module)
        kernels.append(module.dense.kernel.detach().numpy().copy())
    alike(averaged.module.dense.kernel.detach().numpy(), np.mean(kernels, 0), 1e-6)
    assert averaged.eval()(torch.tensor(X)).shape == (16, 1)


def test_autocast_changes_no_dtype():
    module = network().to_torch().eval()
    expected = numbers(module(X))
    with torch.autocast("cpu", torch.bfloat16):
        y = module(torch.tensor(X))
    y.sum().backward()
    np.testing.assert_array_equal(numbers(y), expected)


# Modes


def test_dropout_draws_from_the_seed_of_the_layer():
    model, twin = network(), network()
    module = model.to_torch().train()
    for _ in range(3):
        expected = twin(X, training=True).numpy()
        alike(numbers(module(X)), expected, 1e-5)
    seed = model.layers[2].seed_generator.state.numpy()
    assert seed[1] == 3
    np.testing.assert_array_equal(seed, twin.layers[2].seed_generator.state.numpy())
    assert module.seed_generator_state.tolist() == seed.tolist()
    module.eval()
    np.testing.assert_array_equal(numbers(module(X)), numbers(module(X)))


def test_one_graph_per_signature():
    module = network().to_torch().eval()
    for n in (1, 5, 16, 5, 1):
        alike(numbers(module(X[:n])), numbers(module(X))[0][:n], 1e-5)
    assert len(module._steps) == 3


def test_a_layer_that_is_not_trained_is_not_trained_there():
    model = network()
    model.layers[0].trainable = False
    module = model.to_torch()
    assert not module.dense.kernel.requires_grad
    assert module.dense_1.kernel.requires_grad
    module(X).sum().backward()
    assert module.dense.kernel.grad is None
    assert module.dense_1.kernel.grad is not None


def test_penalties_are_told():
    dense = layers.Dense(2, kernel_regularizer=cornu.regularizers.L2(3), name="dense")
    model = cornu.Sequential([cornu.Input((4,)), dense])
    module = model.to_torch().train()
    module(X)
    (penalty,) = module.losses
    kernel = module.dense.kernel
    alike(penalty.item(), 3 * (kernel.detach() ** 2).sum().item(), 1e-5)
    penalty.backward()
    alike(kernel.grad.numpy(), 6 * kernel.detach().numpy(), 1e-5)


def test_names_that_modules_have_already():
    model = cornu.Sequential(
        [cornu.Input((4,)), layers.Dense(3, name="train"), layers.Dense(2, name="a.b")]
    )
    module = model.to_torch()
    names = ["train_1.kernel", "train_1.bias", "a_b.kernel", "a_b.bias"]
    assert list(module.state_dict()) == names
    alike(numbers(module(X)), model.predict(X, verbose=0), 1e-5)


# What is refused


@pytest.mark.parametrize("case", ["unbuilt", "text", "dtype"])
def test_refusals_have_three_parts(case):
    def run():
        if case == "unbuilt":
            cornu.Sequential([layers.Dense(2)]).to_torch()
        if case == "text":
            look = layers.StringLookup(vocabulary=["a", "b"])
            x = cornu.Input((1,), dtype="string")
            cornu.Model(x, layers.Embedding(4, 2)(look(x))).to_torch()
        if case == "dtype":
            network().to_torch().double()(torch.ones(2, 4))

    with pytest.raises((TypeError, ValueError)) as caught:
        run()
    assert len(str(caught.value).splitlines()) == 3
