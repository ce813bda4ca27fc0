"""The networks of the three groups: batch norm in four places, in one, in none."""

from __future__ import annotations

from stackit.neural import BatchNormConvNetClassifier

__all__ = ["GROUPS", "group"]

GROUPS = {"batch norm in four places": (1, 2, 3, 4), "in one place": (4,), "in none": ()}


def group(places: tuple[int, ...], n_epochs: int, precision: str, seed: int) -> BatchNormConvNetClassifier:
    """Return the network of the notes with batch norm in the places named, by Adadelta as there.

    Running statistics keep 0.99 at each step, as in the notes' library.
    """
    norm = {place: ["batch_norm"] if place in places else [] for place in (1, 2, 3, 4)}
    layers = [("conv", 96, 11, "same"), *norm[1], ("max_pool", 2), *norm[2], "tanh"]
    layers += [("conv", 120, 1), *norm[3], "flatten", ("dense", 10), *norm[4], "relu"]
    return BatchNormConvNetClassifier(
        layers,
        solver="adadelta",
        learning_rate="constant",
        learning_rate_init=1.0,
        batch_size=32,
        max_iter=n_epochs,
        alpha=0.0,
        statistics="ema",
        decay=0.99,
        eps=1e-3,
        scaling=None,
        precision=precision,
        random_state=seed,
    )
