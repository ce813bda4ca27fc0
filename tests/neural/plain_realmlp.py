"""RealMLP once more, as a plain loop in torch: one net, one batch after another, each part by its formula.

It shares with stackit the standard normal and uniform numbers that a net begins with, and the seeds of its
dropout.
"""

import math
from copy import deepcopy

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch.nn import functional as F

from stackit.neural.layers.network import Network

ACTIVATIONS = {"selu": F.selu, "mish": F.mish, "relu": F.relu}
RATES = {"scale": 6.0, "frequency": 0.1, "phase": 0.1, "slope": 0.1, "bias": 0.1}
BLOCK = 3  # layers of a plan: dense, parametric, dropout


def quartile_scaled(column, train):
    """(x - median) / quartile range of the training rows; half the whole range where it is 0."""
    low, median, high = np.nanquantile(train, [0.25, 0.5, 0.75])
    spread = high - low if high > low else (np.nanmax(train) - np.nanmin(train)) / 2
    scaled = (column - median) / spread if spread > 0 else 0 * column
    return np.nan_to_num(scaled / np.sqrt(1 + (scaled / 3) ** 2))


def columns_of(levels, n):
    """One column of 1 and -1 for two levels, else one column per level; zeros for level 0."""
    if n == 2:
        return np.select([levels == 1, levels == 2], [1.0, -1.0])[:, None]
    return (levels[:, None] == np.arange(1, n + 1)).astype(float)


class Table:
    """Rows as a net reads them: scaled numbers, scaled columns of levels, and codes of embedded levels."""

    def __init__(self, X, codes, n_levels, rows):
        """Scale by these training rows; one that counts twice is there twice."""
        missing = [at for at in range(X.shape[1]) if np.isnan(X[rows, at]).any()]
        flags = [np.isnan(X[:, at]).astype(int) + 1 for at in missing]
        codes = [*([] if codes is None else codes.T), *flags]
        n_levels = [*n_levels, *(2 for _ in missing)]
        self.numbers = torch.as_tensor(
            np.column_stack([quartile_scaled(column, column[rows]) for column in X.T])
        )
        self.categories = [
            torch.as_tensor(
                np.column_stack([quartile_scaled(c, c[rows]) for c in columns_of(levels, n).T])
                if n <= 8
                else levels
            )
            for levels, n in zip(codes, n_levels, strict=True)
        ]


class PlainRealMLP:
    """One net: its state, and a forward pass that drops units where it has streams for it."""

    def __init__(self, state, p, streams):
        self.state, self.p, self.streams = state, p, streams
        self.n_hidden = len(p["hidden_layer_sizes"])

    def inputs(self, table, rows):
        x, state = table.numbers[rows], self.state
        if self.p["embedding"]:
            names = ("frequency", "phase", "weight", "bias")
            frequency, phase, weight, bias = (state[f"inputs.periodic.{name}"] for name in names)
            waves = torch.cos(2 * math.pi * frequency * x[:, :, None] + phase)
            x = torch.cat([x[:, :, None], torch.einsum("dwk,ndk->ndw", weight, waves) + bias], 2).flatten(1)
        parts = [
            state[f"inputs.levels.{at}"][category[rows]] if category.dim() == 1 else category[rows]
            for at, category in enumerate(table.categories)
        ]
        return torch.cat([x, *parts], 1) * state["inputs.scale"]

    def dense(self, h, layer):
        weight = self.state[f"layers.{layer}.weight"]
        return h @ weight.T / math.sqrt(weight.shape[1])

    def bent(self, h, at):
        slope = self.state[f"layers.{BLOCK * at + 1}.slope"]
        return (1 - slope) * h + slope * ACTIVATIONS[self.p["activation"]](h)

    def __call__(self, table, rows, dropped=0):
        h = self.inputs(table, rows)
        for at in range(self.n_hidden):
            h = self.bent(self.dense(h, BLOCK * at) + self.state[f"layers.{BLOCK * at}.bias"], at)
            if dropped:
                words = self.streams[at].random_raw(math.ceil(h.numel() / 4))
                drawn = words.view(np.int16)[: h.numel()].reshape(h.shape[1], h.shape[0]).T.astype(int)
                stays = torch.as_tensor(drawn + 2**15 >= dropped)
                h = torch.where(stays, h / (1 - dropped / 2**16), 0)
        last = BLOCK * self.n_hidden
        return self.dense(h, last) + self.state[f"layers.{last}.bias"]

    def fit_initial(self, table, rows, counts, random):
        """Outputs of deviation 1, and biases of minus a convex combination of five of them."""
        h = self.inputs(table, rows)
        order = self.dense(h, 0)[:, 0].argsort()
        h, counts = h[order], counts[order]
        for at in range(self.n_hidden + 1):
            z = self.dense(h, BLOCK * at)
            mean = (counts[:, None] * z).sum(0) / counts.sum()
            deviation = ((counts[:, None] * (z - mean) ** 2).sum(0) / counts.sum()).sqrt()
            self.state[f"layers.{BLOCK * at}.weight"] /= deviation[:, None]
            places = random.random((z.shape[1], 5))
            parts = random.exponential(size=(z.shape[1], 5))
            repeated = counts.cumsum(0).numpy()
            bias = self.state[f"layers.{BLOCK * at}.bias"]
            for unit in range(z.shape[1]):
                corners = [int(np.sum(repeated <= place * repeated[-1])) for place in places[unit]]
                share = torch.as_tensor(parts[unit] / parts[unit].sum())
                bias[unit] = -(z[corners, unit] / deviation[unit] * share).sum()
            if at < self.n_hidden:
                h = self.bent(z / deviation + bias, at)


def share_of(t):
    return 1.0 if t < 0.5 else (1 + math.cos(math.pi * (2 * t - 1))) / 2


def train(net, table, target, rows, counts, seed, p):
    """Train one net in place; yield after each epoch."""
    order, n_steps = np.random.default_rng(seed), max(1, len(rows) // p["batch_size"])
    learned = {name: value.requires_grad_() for name, value in net.state.items() if _is_learned(name, value)}
    factors = {name: RATES.get(name.split(".")[-1], 1.0) for name in learned}
    factors |= {name: 0.1 for name in learned if ".periodic." in name}
    groups = [{"params": [value], "name": name} for name, value in learned.items()]
    adam = torch.optim.Adam(groups, betas=(0.9, p["beta_2"]))
    for epoch in range(p["max_iter"]):
        permuted = order.permutation(rows)[: n_steps * p["batch_size"]]
        for at, batch in enumerate(np.array_split(permuted, n_steps)):
            t = (epoch * n_steps + at) / (p["max_iter"] * n_steps)
            rate = p["learning_rate_init"] * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))) / 2
            adam.zero_grad()
            dropped = round(2**16 * p["dropout"] * share_of(t))
            losses = target.losses(net(table, batch, dropped), batch)
            ((losses * counts[batch]).sum() / counts[batch].sum()).backward()
            with torch.no_grad():
                for group in adam.param_groups:
                    name = group["name"]
                    group["lr"] = rate * factors[name]
                    if not name.endswith(".bias") or ".periodic." in name:
                        learned[name] *= 1 - p["alpha"] * share_of(t) * rate * factors[name] ** 2
            adam.step()
        yield


class Target:
    """Classes or numbers: the loss of each row, and predictions."""

    def __init__(self, y, rows, counts, p):
        self.classifies, self.y, self.p = np.asarray(y).dtype.kind != "f", torch.as_tensor(y), p
        if self.classifies:
            self.n_outputs = len(np.unique(y))
        else:
            own, share = self.y[rows], counts[rows] / counts[rows].sum()
            self.n_outputs, self.low, self.high = 1, own.min(), own.max()
            self.centre = (own * share).sum()
            self.spread = ((own - self.centre) ** 2 * share).sum().sqrt()

    def losses(self, outputs, rows, smoothing=None):
        if not self.classifies:
            return (outputs[:, 0] - (self.y[rows] - self.centre) / self.spread) ** 2
        smoothing = self.p["label_smoothing"] if smoothing is None else smoothing
        q = (1 - smoothing) * F.one_hot(self.y[rows], self.n_outputs) + smoothing / self.n_outputs
        return -(q * torch.log_softmax(outputs, 1)).sum(1)

    def predicted(self, outputs):
        if self.classifies:
            return torch.stack([torch.softmax(one, 1) for one in outputs]).mean(0).numpy()
        numbers = [(one[:, 0] * self.spread + self.centre).clamp(self.low, self.high) for one in outputs]
        return torch.stack(numbers).mean(0).numpy()


def _is_learned(name, value):
    fixed = ".levels." in name and not value.shape[1] == 8
    return not fixed and name not in ("inputs.centre", "inputs.factor")


def expected(fitted, X, y, X_new, codes=None, n_levels=(), weights=None):
    """What an estimator that was fitted to X and y ought to predict for new rows; codes are of both."""
    p = {"label_smoothing": 0.0} | fitted.get_params()
    seeds = np.random.RandomState(p["random_state"]).randint(2**31 - 1, size=p["n_estimators"])
    rows, watched = np.arange(len(X)), None
    if p["early_stopping"]:
        share = max(1, round(p["validation_fraction"] * len(X)))
        stratify = y if np.asarray(y).dtype.kind != "f" else None
        rows, watched = map(
            np.sort, train_test_split(rows, test_size=share, random_state=seeds[0], stratify=stratify)
        )
    counts = torch.ones(len(X), dtype=torch.float64) if weights is None else torch.as_tensor(weights).double()
    repeated = np.repeat(rows, counts[rows].int())
    table = Table(np.concatenate([X, X_new]), codes, n_levels, repeated)
    target, outputs = Target(y, rows, counts, p), []
    for seed in seeds.tolist():
        drawn = Network(fitted.network_.plan, 1).initialise([seed])
        streams = [deepcopy(dropout.streams[0]) for dropout in drawn.dropouts]
        net = PlainRealMLP(drawn.double().state_of(0), p, streams)
        net.fit_initial(table, rows, counts[rows], np.random.default_rng([seed, 2]))
        best, best_loss = None, math.inf
        for _ in train(net, table, target, rows, counts, seed, p):
            with torch.no_grad():
                if watched is not None:
                    losses = target.losses(net(table, watched), watched, smoothing=0)
                    loss = (losses * counts[watched]).sum().item() / counts[watched].sum().item()
                    if loss >= best_loss:
                        continue
                    best_loss = loss
                best = net(table, np.arange(len(X), len(X) + len(X_new)))
        outputs.append(best)
    return target.predicted(outputs)
