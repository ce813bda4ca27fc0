"""The nets once more, as a plain loop in torch: one net, step after step, each option by its formula.

`expected` trains what an estimator's parameters ask for and predicts with it. It shares with stackit the
weights that a net begins with, which are tested by themselves, and the names of the parameters.
"""

import math

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch.nn import functional as F

from stackit.neural.layers.network import Network

ACTIVATIONS = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "logistic": torch.sigmoid,
    "identity": lambda h: h,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
}
LEARNED = ("weight", "bias", "gamma", "beta", "scale", "frequency", "phase")


def layers_of(p, n_outputs):
    """Each layer as a tuple, from the parameters of an estimator."""
    if "layers" in p:
        hidden = [(layer,) if isinstance(layer, str) else layer for layer in p["layers"]]
    else:
        hidden = [
            layer
            for width in p["hidden_layer_sizes"]
            for layer in (("dense", width), ("batch_norm",), (p["activation"],))
        ]
    return [*hidden, ("dense", n_outputs), *([("batch_norm",)] if p["output"] == "batch_norm" else [])]


def scaled(x, train, kind):
    """(x - centre) / spread of each column, or channel, by the training rows."""
    columns = np.moveaxis(train, 1, 0).reshape(train.shape[1], -1)
    if kind == "standard":
        centre, spread = columns.mean(1), columns.std(1)
    elif kind == "robust":
        low, centre, high = np.percentile(columns, [25, 50, 75], axis=1)
        spread = np.where(high > low, high - low, np.ptp(columns, axis=1) / 2)
    else:
        centre, spread = 0 * columns[:, 0], 1 + 0 * columns[:, 0]
    centre, spread = (part.reshape(-1, *[1] * (x.ndim - 2)) for part in (centre, spread))
    return torch.as_tensor((x - centre) / spread)


def inputs(x, codes, state, p):
    """What the first layer sees: (n, features)."""
    if p.get("smooth_clip"):
        x = x / torch.sqrt(1 + (x / 3) ** 2)
    if p.get("embedding") == "periodic":
        frequency, phase, weight, bias = (
            state[f"inputs.periodic.{part}"] for part in ("frequency", "phase", "weight", "bias")
        )
        waves = torch.cos(2 * math.pi * frequency * x[:, :, None] + phase)
        sums = torch.einsum("dwk,ndk->ndw", weight, waves) + bias
        x = torch.cat([x[:, :, None], sums], 2).flatten(1)
    if codes is not None:
        levels = [state[f"inputs.levels.{at}"] for at in range(codes.shape[1])]
        x = torch.cat([x, *(level[codes[:, at]] for at, level in enumerate(levels))], 1)
    return x * state["inputs.scale"] if p.get("learned_scaling") else x


class PlainNet:
    """One net: its state, and a forward pass; in training the running statistics follow with `momentum`."""

    def __init__(self, state, p, n_outputs):
        self.state, self.p, self.layers = state, p, layers_of(p, n_outputs)

    def __call__(self, x, codes, momentum=None):
        h = inputs(x, codes, self.state, self.p)
        for at, (kind, *sizes) in enumerate(self.layers):
            weight, bias = self.state.get(f"layers.{at}.weight"), self.state.get(f"layers.{at}.bias")
            assert kind not in ("dense", "conv") or len(weight) == sizes[0]
            if weight is not None and self.p["parametrization"] == "ntk":
                weight = weight / math.sqrt(weight[0].numel())
            if kind == "dense":
                h = F.linear(h, weight, bias)
            elif kind == "conv":
                h = F.conv2d(h, weight, bias, padding=sizes[2] if len(sizes) > 2 else "valid")
            elif kind == "max_pool":
                h = F.max_pool2d(h, sizes[0])
            elif kind == "flatten":
                h = h.flatten(1)
            elif kind == "batch_norm":
                h = self.normalised(h, at, momentum)
            else:
                h = ACTIVATIONS[kind](h)
        return h

    def normalised(self, h, at, momentum):
        gamma, beta, mean, var = (
            self.state[f"layers.{at}.{name}"] for name in ("gamma", "beta", "running_mean", "running_var")
        )
        axes, m = [0, *range(2, h.ndim)], h.numel() / h.shape[1]
        if momentum is not None:
            batch_mean, batch_var = h.mean(axes), h.var(axes, correction=0)
            mean.mul_(1 - momentum).add_(momentum * batch_mean.detach())
            var.mul_(1 - momentum).add_(momentum * batch_var.detach() * m / (m - 1))
            mean, var = batch_mean, batch_var
        shape = [1, -1] + [1] * (h.ndim - 2)
        mean, var, gamma, beta = (part.reshape(shape) for part in (mean, var, gamma, beta))
        return (h - mean) / torch.sqrt(var + self.p["eps"]) * gamma + beta


def rate_of(step, n_steps, p):
    """The learning rate of a step, counted from 0."""
    init, n_epochs = p["learning_rate_init"], p["max_iter"]
    total = n_epochs * n_steps
    if p["learning_rate"] == "cosine":
        return init / 2 * (1 + math.cos(math.pi * step / total))
    if p["learning_rate"] == "cyclic":
        length = math.ceil(total / p["n_snapshots"])
        return init / 2 * (1 + math.cos(math.pi * (step % length) / length))
    if p["learning_rate"] == "linear":
        epoch, after = step // n_steps, p["decay_after"] or 0
        return init if epoch < after else init * (n_epochs - epoch) / (n_epochs - after)
    if p["learning_rate"] == "one_cycle":
        one = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=init)
        schedule = torch.optim.lr_scheduler.OneCycleLR(one, max_lr=init, total_steps=total)
        for _ in range(step):
            one.step()
            schedule.step()
        return one.param_groups[0]["lr"]
    return init


def momentum_of(step, p):
    """The weight of a batch in the running statistics."""
    if p["statistics"] == "cumulative":
        return 1 / (step + 1)
    warm = (1 + step) / (10 + step)
    return 1 - (p["decay"] if p["statistics"] == "ema" else min(p["decay"], warm))


def optimizer_of(parameters, p):
    """Weights decay, and nothing else does."""
    rate = p["learning_rate_init"]
    if p["solver"] == "adam":
        return torch.optim.Adam(parameters, lr=rate, betas=(p["beta_1"], p["beta_2"]))
    if p["solver"] == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=p["momentum"], nesterov=p["momentum"] > 0)
    return torch.optim.Adadelta(parameters, lr=rate, rho=0.95)


class Target:
    """Classes, or numbers that are standardised by the training rows: losses and predictions."""

    def __init__(self, y, train, p):
        self.classifies = np.asarray(y).dtype.kind != "f"
        self.y = torch.as_tensor(y)
        if self.classifies:
            self.n_outputs, weight = len(np.unique(y)), p["class_weight"]
            counts = np.bincount(np.asarray(y)[train], minlength=self.n_outputs)
            if weight == "balanced":
                weight = {label: counts.sum() / (len(counts) * n) for label, n in enumerate(counts)}
            self.weight = torch.tensor(
                [(weight or {}).get(label, 1.0) for label in range(len(counts))]
            ).double()
            self.smoothing = p["label_smoothing"]
        else:
            self.n_outputs = 1 if self.y.ndim == 1 else self.y.shape[1]
            own = self.y.reshape(len(self.y), -1)[train]
            self.centre, self.spread = own.mean(0), own.std(0, correction=0)

    def loss(self, outputs, rows, smoothing=None):
        if not self.classifies:
            wanted = (self.y.reshape(len(self.y), -1)[rows] - self.centre) / self.spread
            return ((outputs - wanted) ** 2).mean()
        smoothing = self.smoothing if smoothing is None else smoothing
        log_p = outputs - torch.logsumexp(outputs, 1, keepdim=True)
        q = (1 - smoothing) * F.one_hot(self.y[rows], self.n_outputs).double() + smoothing / self.n_outputs
        weight = self.weight[self.y[rows]]
        return (weight * -(q * log_p).sum(1)).sum() / weight.sum()

    def predicted(self, outputs):
        """The average over nets, of probabilities or of numbers."""
        if self.classifies:
            return torch.stack([torch.softmax(one, 1) for one in outputs]).mean(0).numpy()
        numbers = torch.stack(outputs).mean(0) * self.spread + self.centre
        return (numbers[:, 0] if self.y.ndim == 1 else numbers).numpy()


def copied(state):
    return {name: value.detach().clone() for name, value in state.items()}


def n_batches(n, p):
    size = p["batch_size"]
    if size == "auto":
        size = min(256, max(32, 2 ** round(math.log2(n / 16))))
    return max(1, min(round(n / size), n // 2))


def after_each_step(initial, data, rows, seed, p):
    """Train one net; yield its state after each step."""
    x, codes, target = data
    state, order, n_steps = copied(initial), np.random.default_rng(seed), n_batches(len(rows), p)
    net = PlainNet(state, p, target.n_outputs)
    learned = [name for name in state if name.endswith(LEARNED) or _is_embedding(name, state[name])]
    optimizer = optimizer_of([state[name].requires_grad_() for name in learned], p)
    batches = (
        batch for _ in range(p["max_iter"]) for batch in np.array_split(order.permutation(rows), n_steps)
    )
    for step, batch in enumerate(batches):
        rate = optimizer.param_groups[0]["lr"] = rate_of(step, n_steps, p)
        optimizer.zero_grad()
        part = None if codes is None else codes[batch]
        target.loss(net(x[batch], part, momentum_of(step, p)), batch).backward()
        with torch.no_grad():
            for name in learned:
                if name.endswith("weight"):
                    state[name] *= 1 - p["alpha"] * rate / p["learning_rate_init"]
        optimizer.step()
        yield copied(state)


@torch.no_grad()
def best_of(states, data, watched, p):
    """The state of the lowest loss on watched rows, before there were too many epochs without a lower one."""
    x, codes, target = data
    best, best_loss, best_epoch = None, math.inf, -1
    for epoch, state in enumerate(states):
        part = None if codes is None else codes[watched]
        outputs = PlainNet(state, p, target.n_outputs)(x[watched], part)
        loss = target.loss(outputs, watched, smoothing=0).item()
        if loss < best_loss - p["tol"]:
            best, best_loss, best_epoch = state, loss, epoch
        if epoch - best_epoch == p["n_iter_no_change"]:
            break
    return best


@torch.no_grad()
def train(initial, data, rows, watched, seed, p):
    """Return the states that predict, with the statistics that they predict with."""
    with torch.enable_grad():
        states = list(after_each_step(initial, data, rows, seed, p))
    n_steps, total = n_batches(len(rows), p), len(states)
    after_epochs, length = states[n_steps - 1 :: n_steps], math.ceil(total / p["n_snapshots"])
    if p["early_stopping"]:
        chosen = [best_of(after_epochs, data, watched, p)]
    elif p["weight_averaging"] is not None:
        averaged = after_epochs[math.floor(p["weight_averaging"] * p["max_iter"]) :]
        chosen = [{name: torch.stack([one[name] for one in averaged]).mean(0) for name in initial}]
    else:
        chosen = [states[min(end, total) - 1] for end in range(length, total + length, length)]
    x, codes, target = data
    for state in chosen:
        if p["statistics"] == "population" or p["weight_averaging"] is not None:
            part = None if codes is None else codes[rows]
            PlainNet(state, p, target.n_outputs)(x[rows], part, momentum=1.0)
    return chosen


def _is_embedding(name, level):
    """Levels that are embedded are learned; one-hot rows are not."""
    return ".levels." in name and not set(level.flatten().tolist()) <= {0.0, 1.0}


@torch.no_grad()
def begun(fitted, seed):
    """The weights that a net of this seed begins with, in float64."""
    return Network(fitted.network_.plan, 1).initialise([seed]).double().state_of(0)


def expected(fitted, X, y, X_new, codes=None, codes_new=None):
    """What an estimator that was fitted to X and y ought to predict for new rows."""
    p = fitted.get_params() | {"decay_after": fitted.decay_after}
    p.setdefault("label_smoothing", 0.0)
    seeds = np.random.RandomState(p["random_state"]).randint(2**31 - 1, size=p["n_estimators"])
    rows, watched = np.arange(len(X)), None
    if p["early_stopping"]:
        share = max(1, round(p["validation_fraction"] * len(X)))
        stratify = y if np.asarray(y).dtype.kind != "f" else None
        rows, watched = train_test_split(rows, test_size=share, random_state=seeds[0], stratify=stratify)
        rows = np.sort(rows)
    target = Target(y, rows, p)
    x, x_new = (scaled(table, X[rows], p["scaling"]) for table in (X, X_new))
    outputs = []
    for seed in seeds.tolist():
        for state in train(begun(fitted, seed), (x, codes, target), rows, watched, seed, p):
            with torch.no_grad():
                outputs.append(PlainNet(state, p, target.n_outputs)(x_new, codes_new))
    return target.predicted(outputs)
