"""Multilayer perceptrons with batch norm, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import Tags

from stackit.neural.estimators.network import BatchNormNetwork
from stackit.neural.estimators.outputs import Classifies, Regresses
from stackit.neural.estimators.parameters import check_choice
from stackit.neural.layers.layers import ACTIVATIONS
from stackit.neural.layers.network import Layer, NetworkPlan
from stackit.validation import invalid_value

__all__ = ["BatchNormMLPClassifier", "BatchNormMLPRegressor"]


class _MLP(BatchNormNetwork):
    """What both kinds of multilayer perceptrons have in common."""

    activation: str
    categories: str
    embedding: str | None
    hidden_layer_sizes: Sequence[int]
    learned_scaling: bool
    output: str
    parametrization: str
    smooth_clip: bool

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        return tags

    def _plan(self, shape: tuple[int, ...], n_levels: tuple[int, ...], n_outputs: int) -> NetworkPlan:
        check_choice("activation", self.activation, tuple(ACTIVATIONS))
        check_choice("categories", self.categories, ("auto", "one_hot", "embedding"))
        check_choice("embedding", self.embedding, (None, "periodic"))
        check_choice("output", self.output, ("linear", "batch_norm"))
        check_choice("parametrization", self.parametrization, ("standard", "ntk"))
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object)).tolist()
        if not all(isinstance(size, int | np.integer) and size > 0 for size in sizes):
            raise invalid_value(
                "hidden_layer_sizes",
                "whole numbers above 0",
                f"hidden_layer_sizes={self.hidden_layer_sizes!r}",
                "Pass hidden_layer_sizes=(128, 64)",
            )
        hidden: list[Layer] = [
            layer for size in sizes for layer in (("dense", int(size)), "batch_norm", self.activation)
        ]
        last: list[Layer] = [("dense", n_outputs), *(["batch_norm"] if self.output == "batch_norm" else [])]
        return NetworkPlan(
            layers=(*hidden, *last),
            shape=shape,
            n_levels=n_levels,
            ntk=self.parametrization == "ntk",
            statistics=self.statistics,
            decay=self.decay,
            eps=self.eps,
            categories=self.categories,
            embedding=self.embedding,
            clip=self.smooth_clip,
            scaling=self.learned_scaling,
        )


class BatchNormMLPClassifier(Classifies, _MLP):
    """A multilayer perceptron with batch norm, for classes: every hidden layer is act(BN(W h)).

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The width of each hidden layer.
    activation : {"relu", "tanh", "logistic", "identity", "selu", "gelu", "silu", "mish"}
        What follows batch norm.
    solver : {"adam", "sgd", "adadelta"}
        The optimiser; "sgd" has Nesterov's momentum.
    alpha : float
        Decay of the weights: each step takes this part off them, beside the gradient, and less of it as the
        learning rate falls (Loshchilov and Hutter, arXiv 1711.05101). Gamma, beta and biases do not decay. It
        is no term of the loss, and so not comparable with scikit-learn's.
    batch_size : int or "auto"
        About how many rows a batch has: all batches of an epoch are of equal size, or differ by one row.
        "auto" is a sixteenth of the rows, but 32 at least and 256 at most.
    learning_rate : {"cosine", "constant", "linear", "one_cycle", "cyclic"}
        How the learning rate changes: see `stackit.neural.training.learning_rates.learning_rates`.
    learning_rate_init : float
        Where it starts; with "one_cycle" its maximum.
    decay_after : int, optional
        The epoch after which "linear" falls.
    max_iter : int
        The number of epochs.
    early_stopping : bool
        Whether a part of the training rows is watched: training stops when the loss there has not become
        better for `n_iter_no_change` epochs, and the best weights are kept.
    validation_fraction : float
        How large that part is, of each class as of all.
    n_iter_no_change, tol : int, float
        How many epochs to wait, and how much lower a loss must be to be better.
    statistics : {"population", "ema_warmup", "ema", "cumulative"}
        What batch norm predicts with. "population": statistics computed over the training rows after
        training. Otherwise the running ones: "ema" keeps the part `decay` of what it has in each step, which
        is wrong until some 5 / (1 - decay) steps are done; "ema_warmup" keeps
        min(decay, (1 + n) / (10 + n)) after n steps; "cumulative" is the mean over all steps.
    decay, eps : float
        Of the running statistics, and what is added to variances.
    parametrization : {"standard", "ntk"}
        "ntk" draws weights from N(0, 1) and divides them by sqrt(fan-in) as they are used.
    output : {"linear", "batch_norm"}
        Whether the last layer is W h + b, or BN(W h).
    scaling : {"standard", "robust", None}
        How numbers are standardised, by the training rows: mean and standard deviation, or median and
        quartiles.
    smooth_clip : bool
        Whether standardised numbers are bent into (-3, 3).
    learned_scaling : bool
        Whether each input has a learned factor.
    embedding : None or "periodic"
        Whether each number is also seen through sixteen cosines (Gorishniy et al., arXiv 2203.05556).
    categories : {"auto", "one_hot", "embedding"}
        How columns of a frame that are no numbers enter; "auto" embeds those of more than eight levels.
    label_smoothing : float
        The part of each label that is dealt out over all classes; leave it at 0 for log loss.
    class_weight : dict, "balanced" or None
        How much the loss of each class counts.
    n_estimators : int
        How many networks of different seeds are trained, at once, and averaged.
    n_snapshots : int
        With ``learning_rate="cyclic"``: how many cycles there are; the networks at their ends are averaged
        (Huang et al., arXiv 1704.00109).
    weight_averaging : float, optional
        The part of the epochs after which the weights after each epoch are averaged (Izmailov et al., arXiv
        1803.05407); 0.75 is usual. Statistics are computed anew for the average.
    momentum, beta_1, beta_2 : float
        Of the optimiser: `momentum` of "sgd", the others of "adam".
    precision : {"auto", "float32", "float64", "bfloat16"}
        Of matrix products; with "bfloat16" parameters and statistics are float32. "auto" is float64 for up to
        2000 rows on a CPU, and float32 otherwise.
    compile : bool
        Whether torch compiles the network; seldom faster on a CPU.
    device : str
        "auto" is CUDA, Apple's, or the CPU.
    random_state : int, RandomState or None
        Of weights, batches and splits: the same number gives the same network.
    verbose : int
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The labels.
    network_ : stackit.neural.layers.network.Network
        The networks, with batch norm; predictions are made with batch norm folded into the weights.
    columns_ : stackit.neural.estimators.columns.Columns
        Which columns are numbers, and the levels of the others.
    history_ : list of dict
        For each network and epoch: loss, learning rate and, where rows are watched, their loss and accuracy.
    n_iter_ : int
        The number of epochs.

    References
    ----------
    Ioffe, S. and Szegedy, C. (2015). Batch normalization: accelerating deep network training by reducing
    internal covariate shift. arXiv 1502.03167.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> net = BatchNormMLPClassifier(hidden_layer_sizes=(16,), max_iter=20, random_state=0).fit(X, y)
    >>> net.predict_proba(X).shape
    (178, 3)
    >>> bool(net.score(X, y) > 0.9)
    True
    """

    def __init__(  # noqa: PLR0913 - what can be chosen of a network, all by keyword but the usual two
        self,
        hidden_layer_sizes: Sequence[int] = (128, 64),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.03,
        batch_size: int | str = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 1e-2,
        decay_after: int | None = None,
        max_iter: int = 20,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        statistics: str = "population",
        decay: float = 0.99,
        eps: float = 1e-5,
        parametrization: str = "standard",
        output: str = "linear",
        scaling: str | None = "standard",
        smooth_clip: bool = False,
        learned_scaling: bool = False,
        embedding: str | None = None,
        categories: str = "auto",
        label_smoothing: float = 0.0,
        class_weight: Any = None,
        n_estimators: int = 1,
        n_snapshots: int = 1,
        weight_averaging: float | None = None,
        momentum: float = 0.9,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        precision: str = "auto",
        compile: bool = False,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.decay_after = decay_after
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.statistics = statistics
        self.decay = decay
        self.eps = eps
        self.parametrization = parametrization
        self.output = output
        self.scaling = scaling
        self.smooth_clip = smooth_clip
        self.learned_scaling = learned_scaling
        self.embedding = embedding
        self.categories = categories
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.n_estimators = n_estimators
        self.n_snapshots = n_snapshots
        self.weight_averaging = weight_averaging
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.precision = precision
        self.compile = compile
        self.device = device
        self.random_state = random_state
        self.verbose = verbose


class BatchNormMLPRegressor(Regresses, _MLP):
    """A multilayer perceptron with batch norm, for numbers: squared error of the standardised target.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init
        As in `BatchNormMLPClassifier`.
    decay_after, max_iter, early_stopping, validation_fraction, n_iter_no_change, tol
        As in `BatchNormMLPClassifier`.
    statistics, decay, eps, parametrization, output, scaling, smooth_clip, learned_scaling
        As in `BatchNormMLPClassifier`.
    embedding, categories, n_estimators, n_snapshots, weight_averaging, momentum, beta_1, beta_2
        As in `BatchNormMLPClassifier`.
    precision, compile, device, random_state, verbose
        As in `BatchNormMLPClassifier`.

    Attributes
    ----------
    centre_, scale_ : (n_outputs,) arrays
        Mean and standard deviation of the target in the training rows; 0 where it is constant.
    network_, columns_, history_, n_iter_
        As in `BatchNormMLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = BatchNormMLPRegressor(hidden_layer_sizes=(16,), max_iter=20, random_state=0).fit(X, y)
    >>> net.predict(X).shape
    (442,)
    """

    label_smoothing = 0.0

    def __init__(  # noqa: PLR0913 - as above
        self,
        hidden_layer_sizes: Sequence[int] = (128, 64),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.03,
        batch_size: int | str = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 1e-2,
        decay_after: int | None = None,
        max_iter: int = 20,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        statistics: str = "population",
        decay: float = 0.99,
        eps: float = 1e-5,
        parametrization: str = "standard",
        output: str = "linear",
        scaling: str | None = "standard",
        smooth_clip: bool = False,
        learned_scaling: bool = False,
        embedding: str | None = None,
        categories: str = "auto",
        n_estimators: int = 1,
        n_snapshots: int = 1,
        weight_averaging: float | None = None,
        momentum: float = 0.9,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        precision: str = "auto",
        compile: bool = False,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.decay_after = decay_after
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.statistics = statistics
        self.decay = decay
        self.eps = eps
        self.parametrization = parametrization
        self.output = output
        self.scaling = scaling
        self.smooth_clip = smooth_clip
        self.learned_scaling = learned_scaling
        self.embedding = embedding
        self.categories = categories
        self.n_estimators = n_estimators
        self.n_snapshots = n_snapshots
        self.weight_averaging = weight_averaging
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.precision = precision
        self.compile = compile
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
