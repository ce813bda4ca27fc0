"""Multilayer perceptrons with batch norm, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from sklearn.utils import Tags

from stackit.neural.estimators.batchnorm import BatchNormNetwork
from stackit.neural.estimators.outputs import NetClassifier, NetRegressor
from stackit.neural.estimators.parameters import check_choice, check_sizes
from stackit.neural.layers.layers import ACTIVATIONS
from stackit.neural.layers.network import Layer, NetworkPlan

__all__ = ["BatchNormMLPClassifier", "BatchNormMLPRegressor"]


@dataclass(eq=False, repr=False)
class _MLP(BatchNormNetwork):
    """The parameters and the architecture of multilayer perceptrons."""

    hidden_layer_sizes: Sequence[int] = (128, 64)
    activation: str = "relu"
    _: KW_ONLY
    smooth_clip: bool = False
    learned_scaling: bool = False
    embedding: str | None = None
    categories: str = "auto"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        return tags

    def _plan(self, shape: tuple[int, ...], n_levels: tuple[int, ...], n_outputs: int) -> NetworkPlan:
        check_choice("activation", self.activation, tuple(ACTIVATIONS))
        check_choice("categories", self.categories, ("auto", "one_hot", "embedding"))
        check_choice("embedding", self.embedding, (None, "periodic"))
        hidden: list[Layer] = [
            layer
            for size in check_sizes(self.hidden_layer_sizes)
            for layer in (("dense", size), "batch_norm", self.activation)
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


@dataclass(eq=False, repr=False)
class BatchNormMLPClassifier(NetClassifier, _MLP):
    """A multilayer perceptron with batch norm, for classes: every hidden layer is act(BN(W h)).

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The width of each hidden layer.
    activation : {"relu", "tanh", "logistic", "identity", "selu", "gelu", "silu", "mish"}
        The nonlinearity after batch norm.
    solver : {"adam", "sgd", "adadelta"}
        The optimiser; "sgd" has Nesterov momentum.
    alpha : float
        Decoupled weight decay: each step subtracts this part of the weights, less as the learning rate falls
        (Loshchilov and Hutter, arXiv 1711.05101). Gamma, beta and biases do not decay. It is not part of the
        loss, so its values are not comparable with those of scikit-learn.
    batch_size : int or "auto"
        The approximate number of rows per batch: all batches of an epoch have the same size, or differ by one
        row. "auto" is a sixteenth of the rows, but at least 32 and at most 256.
    learning_rate : {"cosine", "constant", "linear", "one_cycle", "cyclic", "coslog4"}
        How the learning rate changes: see `learning_rates`.
    learning_rate_init : float
        Its initial value; with "one_cycle" its maximum.
    decay_after : int, optional
        The epoch after which "linear" falls.
    max_iter : int
        The number of epochs.
    early_stopping : bool
        Whether a part of the training rows is used for validation: training stops when the loss there has not
        improved for `n_iter_no_change` epochs, and the best weights are kept.
    validation_fraction : float
        The size of this part, stratified by class.
    n_iter_no_change, tol : int, float
        The number of epochs to wait, and the smallest decrease of the loss that counts.
    statistics : {"population", "ema_warmup", "ema", "cumulative"}
        The statistics that batch norm predicts with. "population": those of the training rows, computed after
        training. Otherwise moving averages: "ema" keeps the part `decay` in each step, which is wrong until
        some 5 / (1 - decay) steps are done; "ema_warmup" keeps min(decay, (1 + n) / (10 + n)) after n steps;
        "cumulative" is the mean over all steps.
    decay, eps : float
        The decay of the moving averages, and what is added to variances.
    parametrization : {"standard", "ntk"}
        "ntk" draws weights from N(0, 1) and divides them by sqrt(fan-in) in each use.
    output : {"linear", "batch_norm"}
        Whether the last layer is W h + b, or BN(W h).
    scaling : {"standard", "robust", None}
        How numbers are standardised by the training rows: mean and standard deviation, or median and
        quartiles.
    smooth_clip : bool
        Whether standardised numbers are smoothly clipped to (-3, 3).
    learned_scaling : bool
        Whether each input has a learned factor.
    embedding : None or "periodic"
        Whether each number is also embedded by sixteen cosines (Gorishniy et al., arXiv 2203.05556).
    categories : {"auto", "one_hot", "embedding"}
        How columns of a frame that are not numbers are encoded; "auto" embeds those of more than eight
        levels.
    label_smoothing : float
        The part of each label that is spread over all classes; use 0 for log loss.
    class_weight : dict, "balanced" or None
        The weight of each class in the loss.
    n_estimators : int
        The number of networks of different seeds, trained at once and averaged.
    n_snapshots : int
        With ``learning_rate="cyclic"``: the number of cycles; the networks at their ends are averaged
        (Huang et al., arXiv 1704.00109).
    weight_averaging : float, optional
        The part of the epochs after which the weights after each epoch are averaged (Izmailov et al., arXiv
        1803.05407); 0.75 is usual. Statistics are recomputed for the average.
    momentum, beta_1, beta_2 : float
        Of the optimiser: `momentum` for "sgd", the others for "adam".
    precision : {"auto", "float32", "float64", "bfloat16"}
        Of matrix products; with "bfloat16" parameters and statistics are float32. "auto" is float64 for up to
        2000 rows on a CPU, and float32 otherwise.
    compile : bool
        Whether torch compiles the network; rarely faster on a CPU.
    device : str
        "auto" is CUDA, then Apple's GPU, then the CPU.
    random_state : int, RandomState or None
        The seed of weights, batches and splits.
    verbose : int
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The labels.
    network_ : stackit.neural.layers.network.Network
        The networks, with batch norm; predictions use batch norm folded into the weights.
    columns_ : stackit.neural.estimators.columns.InputColumns
        The columns that are numbers, and the levels of the others.
    history_ : list of dict
        For each network and epoch: loss, learning rate and, with validation rows, their loss and accuracy.
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


@dataclass(eq=False, repr=False)
class BatchNormMLPRegressor(NetRegressor, _MLP):
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
