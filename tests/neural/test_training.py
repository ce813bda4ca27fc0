"""Nets side by side learn what the same nets of plain torch modules learn, each from its own rows alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from stackit.neural import BatchNormMLPClassifier
from stackit.neural.layers.layers import BatchNorm
from stackit.neural.layers.network import Network, NetworkPlan
from stackit.neural.training.batches import batches, n_batches
from stackit.neural.training.config import TrainingConfig
from stackit.neural.training.inputs import InputRows, InputTable
from stackit.neural.training.loop import train
from stackit.neural.training.losses import Dataset, NetSpec

DENSE = NetworkPlan(
    (("dense", 16), "batch_norm", "relu", ("dense", 8), "batch_norm", "tanh", ("dense", 3)), (5,)
)
NTK = NetworkPlan((("dense", 16), "batch_norm", "relu", ("dense", 3), "batch_norm"), (5,), ntk=True)
CONV = NetworkPlan(
    (
        *(("conv", 4, 3, "same"), "batch_norm", "relu", ("max_pool", 2), "batch_norm"),
        *(("conv", 6, 2), "relu", "flatten", ("dense", 7), "batch_norm", "relu", ("dense", 3)),
    ),
    (2, 6, 6),
)
PLANS = pytest.mark.parametrize("plan", [DENSE, NTK, CONV], ids=["dense", "ntk", "conv"])
SOLVERS = ["adam", "sgd", "adadelta"]


class Ntk(torch.nn.Linear):
    """A layer of torch with weights divided by the root of their fan-in."""

    def forward(self, x):
        return F.linear(x, self.weight / math.sqrt(self.in_features), self.bias)


def torch_net(plan):
    """The same layers, of torch's own modules, for one network."""
    modules, n = [], plan.shape[0]
    spatial = plan.shape[1:]
    for at, layer in enumerate(plan.layers):
        kind, *sizes = [layer] if isinstance(layer, str) else layer
        biased = plan.layers[at + 1 : at + 2] != ("batch_norm",)
        if kind == "dense":
            modules.append((Ntk if plan.ntk else torch.nn.Linear)(n, sizes[0], bias=biased))
            n = sizes[0]
        elif kind == "conv":
            padding = sizes[2] if len(sizes) > 2 else "valid"
            modules.append(torch.nn.Conv2d(n, sizes[0], sizes[1], padding=padding, bias=biased))
            n = sizes[0]
            spatial = spatial if padding == "same" else tuple(side - sizes[1] + 1 for side in spatial)
        elif kind == "max_pool":
            modules.append(torch.nn.MaxPool2d(sizes[0]))
            spatial = tuple(side // sizes[0] for side in spatial)
        elif kind == "flatten":
            modules.append(torch.nn.Flatten())
            n, spatial = n * math.prod(spatial), ()
        elif kind == "batch_norm":
            modules.append((torch.nn.BatchNorm2d if spatial else torch.nn.BatchNorm1d)(n))
        else:
            modules.append({"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[kind]())
    return torch.nn.Sequential(*modules).double()


def as_torch(state):
    """Names of torch's modules for what a network has learned."""
    renamed = {"gamma": "weight", "beta": "bias"}
    pairs = [name.split(".")[1:] for name in state if name.startswith("layers.")]
    return {f"{at}.{renamed.get(what, what)}": state[f"layers.{at}.{what}"] for at, what in pairs}


def take_over(net, state):
    """Give a net of torch the weights and statistics of one of ours."""
    kept = {name: value for name, value in net.state_dict().items() if name.endswith("tracked")}
    net.load_state_dict(as_torch(state) | kept)
    return net


def data(plan, n=61, seed=0):
    random = np.random.default_rng(seed)
    x = torch.as_tensor(random.normal(size=(n, *plan.shape)))
    return x, torch.as_tensor(random.integers(3, size=n)), random


def unequal_folds(random, n=61):
    """Rows of three nets: as many batches, but not as many rows."""
    return [random.permutation(n)[:size] for size in (49, 51, 50)]


def torch_optimizer(net, solver, rate):
    if solver == "adam":
        return torch.optim.Adam(net.parameters(), lr=rate)
    if solver == "adadelta":
        return torch.optim.Adadelta(net.parameters(), lr=rate, rho=0.95)
    return torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, nesterov=True)


def train_by_torch(net, x, y, spec, solver, n_epochs, count):
    """Train one net in a plain loop: cosine, running statistics with the decay that warms up."""
    rate, total, step = 0.05, n_epochs * count, 0
    optimizer, order = torch_optimizer(net, solver, rate), np.random.default_rng(spec.seed)
    for _ in range(n_epochs):
        for rows in np.array_split(order.permutation(spec.rows), count):
            for norm in net.modules():
                if hasattr(norm, "running_mean"):
                    norm.momentum = 1 - min(0.99, (1 + step) / (10 + step))
            for group in optimizer.param_groups:
                group["lr"] = rate / 2 * (1 + math.cos(math.pi * step / total))
            optimizer.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
            step += 1
    return net


@PLANS
@pytest.mark.parametrize("solver", SOLVERS)
def test_training_is_that_of_plain_torch_modules(plan, solver):
    x, y, random = data(plan)
    specs = [NetSpec(rows, seed) for seed, rows in enumerate(unequal_folds(random))]
    network = Network(plan, 3).initialise([5, 6, 7]).double()
    nets = [take_over(torch_net(plan), network.state_of(at)) for at in range(3)]
    training = TrainingConfig(
        4, 16, solver=solver, learning_rate="cosine", learning_rate_init=0.05, population=False
    )
    trained = train(network, Dataset(InputTable(x), y), specs, training)
    predicting = network.of_states([one.states[0] for one in trained]).eval()
    outputs = predicting(InputTable(x).expand(3, torch.float64))
    for at, (net, spec) in enumerate(zip(nets, specs, strict=True)):
        train_by_torch(net, x, y, spec, solver, n_epochs=4, count=3)
        ours, theirs = as_torch(trained[at].states[0]), net.state_dict()
        for name, value in ours.items():
            torch.testing.assert_close(value, theirs[name], rtol=1e-9, atol=1e-9, msg=name)
        torch.testing.assert_close(outputs[at].T, net.eval()(x), rtol=1e-9, atol=1e-9)


@PLANS
def test_outputs_gradients_and_running_statistics_of_a_step_are_torchs(plan):
    x, y, random = data(plan)
    network = Network(plan, 3).initialise([5, 6, 7]).double().train()
    nets = [take_over(torch_net(plan), network.state_of(at)) for at in range(3)]
    rows = torch.as_tensor(np.stack([random.permutation(61)[:20] for _ in range(3)]))
    outputs = network(InputTable(x).take(rows, torch.float64))
    F.cross_entropy(outputs, y[rows], reduction="none").mean(1).sum().backward()
    for at, net in enumerate(nets):
        for norm in net.modules():
            if hasattr(norm, "running_mean"):
                norm.momentum = 0.9  # one minus the warm decay before the first update
        theirs = net(x[rows[at]])
        F.cross_entropy(theirs, y[rows[at]]).backward()
        torch.testing.assert_close(outputs[at].T, theirs, rtol=1e-9, atol=1e-12)
        gradients = {name: p.grad[at] for name, p in network.named_parameters()}
        named = dict(net.named_parameters())
        for name, gradient in as_torch(gradients).items():
            torch.testing.assert_close(gradient, named[name].grad, rtol=1e-9, atol=1e-12, msg=name)
        statistics = {name: value for name, value in network.state_of(at).items() if "running" in name}
        for name, value in as_torch(statistics).items():
            torch.testing.assert_close(value, net.state_dict()[name], rtol=1e-9, atol=1e-12, msg=name)


@PLANS
def test_a_folded_network_predicts_the_same(plan):
    x, _, random = data(plan)
    network = Network(plan, 3).initialise([5, 6, 7]).double()
    with torch.no_grad():
        for norm in network.norms:  # as after training: no parameter and no statistic as it began
            for tensor in (norm.gamma, norm.beta, norm.running_mean, norm.running_var):
                tensor.copy_(torch.as_tensor(random.uniform(0.5, 2, tensor.shape)))
    rows = InputTable(x).expand(3, torch.float64)
    folded = network.eval().folded()
    assert not [module for module in folded.modules() if isinstance(module, BatchNorm)]
    torch.testing.assert_close(folded(rows), network(rows), rtol=1e-9, atol=1e-10)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.booleans(), st.lists(st.integers(2, 9), min_size=1, max_size=3))
def test_rows_that_stand_in_and_weights_that_count_rows_enter_no_statistic(seed, images, sizes):
    """Weight 0 is a row that is not there, weight 2 one that is there twice: forward, backward, running."""
    random = np.random.default_rng(seed)
    n_nets, width, pixels = len(sizes), max(sizes), (3, 2) if images else ()
    x = torch.as_tensor(random.normal(size=(n_nets, width, 4, *pixels)), dtype=torch.float64)
    weights = torch.zeros(n_nets, width, dtype=torch.float64)
    for net, size in enumerate(sizes):
        weights[net, :size] = torch.as_tensor(random.integers(1, 3, size=size))
    norm = BatchNorm(n_nets, 4, statistics="ema", decay=0.9).double().train()
    norm.gamma.data.uniform_(0.5, 2, generator=torch.Generator().manual_seed(seed))
    h = x.transpose(0, 1).flatten(1, 2) if images else x.transpose(1, 2)
    h = h.contiguous().requires_grad_()
    y = norm(h, weights)
    weights_of_y = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).view(y.shape)
    counted = weights.T.repeat_interleave(4, 1)[..., None, None] if images else weights[:, None]
    (y * weights_of_y * counted).sum().backward()
    per_net = h.grad.view(width, n_nets, 4, *pixels).transpose(0, 1) if images else h.grad.transpose(1, 2)
    predictions = y.view(width, n_nets, 4, *pixels).transpose(0, 1) if images else y.transpose(1, 2)
    upstream = weights_of_y.view(width, n_nets, 4, *pixels).transpose(0, 1) if images else None
    upstream = weights_of_y.transpose(1, 2) if upstream is None else upstream
    for net, size in enumerate(sizes):
        times = weights[net, :size].long()
        alone = x[net, :size].clone().requires_grad_()
        theirs = torch.nn.BatchNorm2d(4) if images else torch.nn.BatchNorm1d(4)
        theirs = theirs.double()
        theirs.weight.data.copy_(norm.gamma[net].detach())
        repeated = theirs(alone.repeat_interleave(times, 0))
        (repeated * upstream[net, :size].repeat_interleave(times, 0)).sum().backward()
        ours = predictions[net, :size].repeat_interleave(times, 0)
        torch.testing.assert_close(ours, repeated, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(per_net[net, :size], alone.grad, rtol=1e-6, atol=1e-8)
        assert not per_net[net, size:].any()
        torch.testing.assert_close(norm.running_mean[net], theirs.running_mean, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(norm.running_var[net], theirs.running_var, rtol=1e-9, atol=1e-12)


@given(st.lists(st.integers(2, 400), min_size=1, max_size=4), st.integers(2, 64))
def test_batches_hold_every_row_once_and_never_one_row_alone(sizes, batch_size):
    count = n_batches(min(sizes), batch_size)
    rows = [np.arange(size) + 1000 * at for at, size in enumerate(sizes)]
    seen = [[] for _ in sizes]
    for batch in batches(rows, count):
        for net, of_net in enumerate(batch.rows.numpy()):
            real = slice(None) if batch.real is None else batch.real[net].numpy()
            assert len(of_net[real]) >= 2
            seen[net] += of_net[real].tolist()
    assert seen == [of_net.tolist() for of_net in rows]


@given(st.integers(2, 10**5), st.integers(2, 512))
def test_batches_are_about_as_large_as_requested(n_rows, batch_size):
    count = n_batches(n_rows, batch_size)
    assert n_rows // count >= 2
    assert n_rows <= batch_size or 2 / 3 <= n_rows / count / batch_size <= 1.5 + 1 / batch_size


def test_a_network_that_has_stopped_does_not_change_and_does_not_stop_others():
    """Net 1 watches rows with labels of chance: it stops early, net 0 goes on as if it were alone."""
    x, _, random = data(DENSE, n=300)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    y[200:] = torch.as_tensor(random.integers(3, size=100))
    specs = [
        NetSpec(np.arange(100), 3, validation=np.arange(100, 200)),
        NetSpec(np.arange(100), 4, validation=np.arange(200, 300)),
    ]
    training = TrainingConfig(30, 16, learning_rate_init=0.01, patience=3, tol=0.0, population=False)

    def trained(specs):
        network = Network(DENSE, len(specs)).initialise(spec.seed for spec in specs).double()
        return train(network, Dataset(InputTable(x), y), specs, training)

    together, alone = trained(specs), [*trained(specs[:1]), *trained(specs[1:])]
    assert len(together[1].history) < len(together[0].history)
    for ours, theirs in zip(together, alone, strict=True):
        assert len(ours.history) == len(theirs.history)
        losses = [record["validation_loss"] for record in ours.history]
        assert len(losses) in (30, int(np.argmin(losses)) + 1 + 3)
        for name, value in ours.states[0].items():
            torch.testing.assert_close(value, theirs.states[0][name], rtol=1e-9, atol=1e-11)


def test_nets_know_nothing_of_each_others_rows():
    """A row turned into nonsense changes the nets that have it, and no bit of those that have not."""
    x, y, random = data(DENSE)
    specs = [NetSpec(np.arange(30), 0), NetSpec(np.arange(30, 61), 1)]
    changed = x.clone()
    changed[:30] = 1e3 * torch.as_tensor(random.normal(size=(30, 5)))
    first, second = (
        train(
            Network(DENSE, 2).initialise([0, 1]).double(),
            Dataset(InputTable(table), y),
            specs,
            TrainingConfig(3, 10, learning_rate_init=0.01),
        )
        for table in (x, changed)
    )
    for name, value in first[1].states[0].items():
        torch.testing.assert_close(value, second[1].states[0][name], rtol=0, atol=0)
    assert not torch.equal(first[0].states[0]["layers.0.weight"], second[0].states[0]["layers.0.weight"])


def test_statistics_of_the_population_are_those_of_the_paper():
    x, y, _ = data(DENSE, n=60)
    network = Network(DENSE, 1).initialise([0]).double()
    (trained,) = train(network, Dataset(InputTable(x), y), [NetSpec(np.arange(60), 0)], TrainingConfig(2, 20))
    state = trained.states[0]
    first = x @ state["layers.0.weight"].T
    torch.testing.assert_close(state["layers.1.running_mean"], first.mean(0))
    torch.testing.assert_close(state["layers.1.running_var"], first.var(0, correction=1))


def test_bfloat16_keeps_statistics_in_float32():
    x, y, _ = data(DENSE)
    network = Network(DENSE, 2).initialise([0, 1])
    specs = [NetSpec(np.arange(30), 0), NetSpec(np.arange(30, 61), 1)]
    dataset = Dataset(InputTable(x.float()), y)
    trained = train(network, dataset, specs, TrainingConfig(2, 10, precision=torch.bfloat16))
    assert {value.dtype for value in trained[0].states[0].values()} == {torch.float32}
    assert all(value.isfinite().all() for value in trained[0].states[0].values())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch's own modules
def test_a_compiled_network_learns_the_same():
    x, y, _ = data(DENSE, n=60)

    def trained(compiled):
        network = Network(DENSE, 2).initialise([0, 1]).double()
        specs = [NetSpec(np.arange(30), 0), NetSpec(np.arange(30, 60), 1)]
        return train(network, Dataset(InputTable(x), y), specs, TrainingConfig(2, 10, compile=compiled))

    for ours, theirs in zip(trained(True), trained(False), strict=True):
        for name, value in ours.states[0].items():
            torch.testing.assert_close(value, theirs.states[0][name], rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("weighted", [False, True])
def test_a_network_is_compiled_once_however_many_steps_there_are(monkeypatch, weighted):
    """The compiler takes the graph and runs it as it is: to make machine code of it takes half a minute."""
    from torch._dynamo.testing import CompileCounter

    counter, compiler = CompileCounter(), torch.compile
    monkeypatch.setattr(torch, "compile", lambda network: compiler(network, backend=counter))
    random = np.random.default_rng(0)
    X, y, weights = random.normal(size=(60, 5)), np.arange(60) % 3, np.arange(1.0, 61) if weighted else None
    net = BatchNormMLPClassifier((8,), max_iter=6, batch_size=6, n_estimators=2, statistics="ema_warmup")
    plain = net.set_params(random_state=0).fit(X, y, weights).predict_proba(X)
    assert counter.frame_count == 0
    compiled = net.set_params(compile=True).fit(X, y, weights).predict_proba(X)
    np.testing.assert_allclose(compiled, plain, rtol=1e-9)
    assert 1 <= counter.frame_count <= 2


def test_mixed_rows_are_numbers_and_what_stands_for_levels():
    plan = NetworkPlan((("dense", 4), "batch_norm", "relu", ("dense", 2)), (2,), n_levels=(3, 20))
    network = Network(plan, 2).initialise([0, 1]).eval()
    codes = torch.tensor([[1, 4], [0, 0]]).expand(2, -1, -1)
    h = network.inputs(InputRows(torch.ones(2, 2, 2), codes))
    assert h.shape == (2, 2 + 3 + 9, 2)
    assert h[0, 2:5].T.tolist() == [[1, 0, 0], [0, 0, 0]]  # one-hot; zeros for a level never seen
    assert not h[:, 5:, 1].any()
    assert h[:, 5:, 0].all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_each_parameter_has_its_own_rate_and_decay(solver):
    """A rate of 0 leaves the first weights to their decay, of 0 the last biases as they are."""
    x, y, _ = data(DENSE)
    plan = replace(
        DENSE, learning=(("layers.0.weight", 0.0, 2.0), ("*.bias", 0.0, 0.0), ("*.gamma", 1.0, 1.0))
    )
    network = Network(plan, 1).initialise([0]).double()
    before = network.state_of(0)
    config = TrainingConfig(1, 61, solver=solver, alpha=0.1, population=False)
    (trained,) = train(network, Dataset(InputTable(x), y), [NetSpec(np.arange(61), 0)], config)
    (after,) = trained.states
    torch.testing.assert_close(after["layers.0.weight"], 0.8 * before["layers.0.weight"], rtol=1e-12, atol=0)
    assert torch.equal(after["layers.6.bias"], before["layers.6.bias"])
    assert (after["layers.1.gamma"] < 0.95).all()
    assert not torch.equal(after["layers.3.weight"], 0.9 * before["layers.3.weight"])


def test_regularization_falls_in_the_second_half():
    """At a rate of 0 only decay moves a weight: 1 - 0.1 s for the shares s = 1, 1, 1, 0.5."""
    x, y, _ = data(DENSE)
    plan = replace(DENSE, learning=(("*", 0.0, 1.0),))
    network = Network(plan, 1).initialise([0]).double()
    before = network.state_of(0)
    config = TrainingConfig(4, 61, alpha=0.1, regularization="flat_cos", population=False)
    (trained,) = train(network, Dataset(InputTable(x), y), [NetSpec(np.arange(61), 0)], config)
    kept = 0.9**3 * 0.95
    torch.testing.assert_close(
        trained.states[0]["layers.0.weight"], kept * before["layers.0.weight"], rtol=1e-12, atol=0
    )
