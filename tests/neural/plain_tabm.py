"""TabM once more, as a plain loop in torch: one net, head after head, each option by its formula.

It shares with stackit what a net begins with: its weights, and the streams of random numbers for dropout.
"""

import math

import numpy as np
import torch
from scipy.stats import norm
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import QuantileTransformer

from stackit.neural.layers.network import Network
from tests.neural.plain_nets import Target, copied, n_batches, scaled


def inputs(train, x, kind):
    """Numbers as a net reads them."""
    if kind != "quantile":
        return scaled(x, train, kind)
    count = max(min(len(train) // 30, 1000), 10)
    fitted = QuantileTransformer(n_quantiles=count, output_distribution="normal", subsample=None).fit(train)
    lowest = norm.ppf(1e-7 - np.spacing(1))
    return torch.as_tensor(fitted.transform(x)).clamp(lowest, -lowest)


def outputs(state, x, p, streams=None):
    """The outputs of each head, (heads, n, n_outputs); with streams, units are dropped."""
    share = round(p["dropout"] * 2**16) / 2**16
    hidden = [x] * p["n_heads"]
    for at in range(len(p["hidden_layer_sizes"])):
        names = ("weight", "input_scale", "output_scale", "bias")
        weight, r, s, b = (state[f"layers.{at}.{name}"] for name in names)
        hidden = [torch.relu(((h * r[head]) @ weight.T) * s[head] + b[head]) for head, h in enumerate(hidden)]
        if streams is not None and share:
            n_numbers = len(hidden) * hidden[0].numel()
            numbers = streams[at].random_raw(math.ceil(n_numbers / 4)).view(np.int16)[:n_numbers]
            stays = torch.as_tensor(numbers >= share * 2**16 - 2**15).view(len(hidden), *hidden[0].shape)
            hidden = [h * kept / (1 - share) for h, kept in zip(hidden, stays, strict=True)]
    weight, b = (state[f"layers.{len(p['hidden_layer_sizes'])}.{name}"] for name in ("weight", "bias"))
    return torch.stack([h @ weight[head].T + b[head] for head, h in enumerate(hidden)])


def average(of_heads, target):
    """The average of heads, in terms in which the loss of `Target` is that of the average."""
    return of_heads.softmax(2).mean(0).log() if target.classifies else of_heads.mean(0)


def after_each_epoch(state, streams, x, target, rows, seed, p):
    """Train one net; yield its state after each epoch."""
    order, n_steps = np.random.default_rng(seed), n_batches(len(rows), p)
    learned = [name for name in state if name.startswith("layers.")]
    optimizer = torch.optim.AdamW(
        [
            {"params": [state[name].requires_grad_()], "weight_decay": p["alpha"] * name.endswith("weight")}
            for name in learned
        ],
        lr=p["learning_rate_init"],
        betas=(p["beta_1"], p["beta_2"]),
    )
    for _ in range(p["max_iter"]):
        for batch in np.array_split(order.permutation(rows), n_steps):
            optimizer.zero_grad()
            of_heads = outputs(state, x[batch], p, streams)
            sum(target.loss(one, batch) / p["n_heads"] for one in of_heads).backward()
            if p["max_norm"] is not None:
                torch.nn.utils.clip_grad_norm_([state[name] for name in learned], p["max_norm"])
            optimizer.step()
        yield copied(state)


@torch.no_grad()
def best_of(states, x, target, watched, p):
    """The state with the best average on watched rows, before too many epochs without a better one."""
    best, best_loss, best_epoch = None, math.inf, -1
    for epoch, state in enumerate(states):
        average_here = average(outputs(state, x[watched], p), target)
        loss = target.loss(average_here, watched, smoothing=0).item()
        if loss < best_loss - p["tol"]:
            best, best_loss, best_epoch = state, loss, epoch
        if epoch - best_epoch == p["n_iter_no_change"]:
            break
    return best


def expected(fitted, X, y, X_new):
    """What an estimator that was fitted to X and y ought to predict for new rows."""
    p = {"label_smoothing": 0.0} | fitted.get_params()
    seeds = np.random.RandomState(p["random_state"]).randint(2**31 - 1, size=p["n_estimators"]).tolist()
    rows, watched = np.arange(len(X)), None
    if p["early_stopping"]:
        share = max(1, round(p["validation_fraction"] * len(X)))
        stratify = y if np.asarray(y).dtype.kind != "f" else None
        rows, watched = train_test_split(rows, test_size=share, random_state=seeds[0], stratify=stratify)
        rows = np.sort(rows)
    target = Target(y, rows, p)
    x, x_new = (inputs(X[rows], table, p["scaling"]) for table in (X, X_new))
    predicted = []
    for seed in seeds:
        network = Network(fitted.network_.plan, 1).initialise([seed]).double()
        streams = [dropout.streams[0] for dropout in network.dropouts]
        states = list(after_each_epoch(network.state_of(0), streams, x, target, rows, seed, p))
        state = states[-1] if watched is None else best_of(states, x, target, watched, p)
        with torch.no_grad():
            predicted += outputs(state, x_new, p)
    return target.predicted(predicted)
