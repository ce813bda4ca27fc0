"""The codes of a pretrained network as features: photographs in, a matrix out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from stackit.images.io.batching import Fault, ImageBatch, Seen, in_order, load_image
from stackit.images.io.cache import CodeCache
from stackit.images.io.photographs import MAX_PIXELS
from stackit.images.io.sources import Photograph, list_photographs, photographs
from stackit.images.network import POOLS, Codes, PretrainedNetwork
from stackit.images.preprocessing import VIEWS
from stackit.images.weights.catalogue import file_of, shared
from stackit.progress import progress_bar
from stackit.validation import format_list, invalid_value, warn

__all__ = ["CNNCodes"]

ON_ERROR = ("raise", "nan", "skip")


class CNNCodes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns photographs into the codes of a pretrained network: the output of one of its layers.

    Nothing is learned from X, so that codes leak nothing between folds.

    Parameters
    ----------
    network : str or PretrainedNetwork
        One of `PUBLISHED`, or a network of your own with its preprocessing: a torch module or an ONNX file.
    layer : str, optional
        One of the network's layers; without it the usual one.
    weights : path, optional
        As in `pretrained`, where the network is given by name.
    root : path, optional
        The folder or zip archive that the names in X are in. Names that lead out of it, by ``..``, as whole
        paths or behind links, are at fault like photographs that are broken.
    pool : {"mean", "max", "flatten"}
        What becomes of layers that give an image a channel.
    n_views : {1, 2, 10}
        The centre of each photograph; the mean of the codes of it and its mirror image; or of four corners
        and the centre with theirs.
    batch_size : int
        How many photographs pass through the network at once; the last batch has the rest. Memory depends
        on it, and not on how many photographs there are.
    on_error : {"raise", "nan", "skip"}
        What happens when a photograph is missing, broken, tiny, huge or in none of the formats AVIF, BMP,
        GIF, JPEG, JPEG 2000, PNG, TIFF and WebP. The first is named in an error; or all are named in a
        warning, and have rows of NaN, or none: then `skipped_` says which.
    cache : path, optional
        A folder where codes are kept under the content of their photographs and of the network: none passes
        through it twice, also in another program. Without it, equal photographs of one call pass once.
        (Beside this, one fixed image passes in each call, by which it is seen that the network is the same.)
    max_pixels : int
        Larger photographs are refused before they are decoded.
    n_jobs : int, optional
        Threads that read and decode photographs while the network works; None means 1, -1 all cores.
    verbose : int
        1 shows a progress bar.

    Attributes
    ----------
    network_ : PretrainedNetwork
        Network, weights and preprocessing; one for all that were given the same one, or read it from the same
        file. Leave it as it is.
    n_codes_ : int
        The columns of what `transform` gives.
    skipped_ : list of (int, str, str)
        Row, name and fault of each photograph that the last `transform` could not take.

    Notes
    -----
    Codes of one photograph can differ in the last digits with the photographs beside it in a batch, as
    sums of floats do.

    A store of finished fits knows photographs in `root` by the sizes and times of all that are there, and
    those whose whole paths are in X by these paths alone: change their content, and it gives what was before.

    Examples
    --------
    >>> from stackit.images import Preprocessing, PretrainedNetwork, cifar_resnet
    >>> network = PretrainedNetwork(cifar_resnet(8), Preprocessing.torchvision(32, 32), "flatten", "tiny")
    >>> images = np.zeros((3, 40, 50, 3), np.uint8)
    >>> codes = CNNCodes(network).fit_transform(images)
    >>> codes.shape, codes.dtype
    ((3, 64), dtype('float32'))
    """

    def __init__(  # noqa: PLR0913 - what can be chosen of a way through a network, all by keyword but two
        self,
        network: str | PretrainedNetwork = "mobilenet_v1_0.75",
        layer: str | None = None,
        *,
        weights: str | os.PathLike[str] | None = None,
        root: str | os.PathLike[str] | None = None,
        pool: str = "mean",
        n_views: int = 1,
        batch_size: int = 32,
        on_error: str = "raise",
        cache: str | os.PathLike[str] | None = None,
        max_pixels: int = MAX_PIXELS,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.layer = layer
        self.weights = weights
        self.root = root
        self.pool = pool
        self.n_views = n_views
        self.batch_size = batch_size
        self.on_error = on_error
        self.cache = cache
        self.max_pixels = max_pixels
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any = None, y: Any = None) -> CNNCodes:
        """Read the network; X is not looked at.

        Parameters
        ----------
        X, y : ignored

        Raises
        ------
        ValueError
            When a parameter is not as it must be, or a file of weights not the network's.
        FileNotFoundError
            When there is no file of weights.
        """
        self._check_parameters()
        network = self.network
        self.network_ = shared(network, self.weights) if isinstance(network, str) else network
        self.layer_ = self.network_.check_layer(self.layer)
        side = self.network_.preprocessing.size
        blank = np.zeros((1, 1, side, side, 3), np.uint8)
        self.n_codes_ = self.network_.codes_of_views(blank, self.layer_, self.pool).shape[1]
        self.pool_ = self.pool
        return self

    def transform(self, X: Any) -> Codes:
        """Return the codes of photographs.

        Parameters
        ----------
        X : path, sequence of paths, or images
            A folder or a zip archive, whose photographs are taken in the order of `list_photographs`; paths,
            or names inside `root`, also as a column of a data frame; an array (n, height, width, 3) or
            (n, height, width) of bytes; a list of such images or of ``PIL`` images.

        Returns
        -------
        (n, n_codes_) array of float32
            With ``on_error="skip"``, without the rows of `skipped_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            When X is none of these, a photograph is broken, tiny or huge, or a parameter was changed to what
            it must not be.
        OSError
            When a photograph cannot be read.

        Warns
        -----
        UserWarning
            When photographs are skipped.
        """
        self._check_fitted()
        with ExitStack() as stack:
            sources = photographs(X, self.root, self.max_pixels, stack)
            codes, faults = self._codes_of(sources, stack)
        self.skipped_ = [
            (row, sources[row].name, invalid_value.text) for row, invalid_value in faults.items()
        ]
        if faults:
            named = format_list(f"{name} ({text})" for _, name, text in self.skipped_)
            kind = "have no row" if self.on_error == "skip" else "have rows of NaN"
            warn(f"Photographs must be whole; {len(faults)} of {len(sources)} {kind}: {named}")
        return self._without(list(faults), codes, X) if self.on_error == "skip" else codes

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return ``<network>_<layer>_<number>`` for each column."""
        check_is_fitted(self)
        stem = f"{self.network_.name}_{self.layer_}"
        return np.array([f"{stem}_{number}" for number in range(self.n_codes_)], dtype=object)

    def files_read(self) -> list[Path]:
        """Return the files that codes depend on beside X and the parameters: weights, photographs of `root`.

        A store knows by their sizes and times whether what it keeps is of these photographs.
        """
        found = []
        with suppress(ValueError, OSError):  # `fit` says what is wrong
            if isinstance(self.network, str):
                found.append(file_of(self.network, self.weights))
            if self.root is not None:
                root = Path(self.root).expanduser()
                found += (
                    [root] if root.is_file() else [root / file for file in list_photographs(root)["file"]]
                )
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def _check_fitted(self) -> None:
        check_is_fitted(self)
        self._check_parameters()
        if self.pool != self.pool_:
            raise invalid_value("pool", f"that of fit, {self.pool_!r}", f"pool={self.pool!r}", "Fit it again")

    def _without(self, rows: list[int], codes: Codes, X: Any) -> Any:
        """The codes without some rows; as a table, where one is wanted whose index is that of X."""
        left = np.delete(codes, rows, axis=0)
        wanted = getattr(self, "_sklearn_output_config", {}).get(
            "transform", get_config()["transform_output"]
        )
        if wanted != "pandas" or not isinstance(X, pd.DataFrame | pd.Series):
            return left
        # scikit-learn would give it the whole index.
        return pd.DataFrame(left, X.index.delete(rows), self.get_feature_names_out())

    def _check_parameters(self) -> None:
        choices = {"pool": POOLS, "n_views": VIEWS, "on_error": ON_ERROR}
        for name, allowed in choices.items():
            if (value := getattr(self, name)) not in allowed:
                expected = f"one of {', '.join(map(str, allowed))}"
                raise invalid_value(name, expected, f"{name}={value!r}", f"Pass {allowed[0]!r}")
        for name in ("batch_size", "max_pixels"):
            if not isinstance(value := getattr(self, name), int | np.integer) or value < 1:
                raise invalid_value(name, "a positive integer", f"{name}={value!r}", "Leave it out")
        if self.n_jobs is not None and not (isinstance(self.n_jobs, int | np.integer) and self.n_jobs):
            raise invalid_value(
                "n_jobs", "an integer other than 0, or None", f"n_jobs={self.n_jobs!r}", "Pass -1"
            )
        self._check_network()

    def _check_network(self) -> None:
        if not isinstance(self.network, str | PretrainedNetwork):
            got = f"network={type(self.network).__name__}"
            raise invalid_value(
                "network", "a name or a PretrainedNetwork", got, "Say what its preprocessing is"
            )
        if isinstance(self.network, str) and self.network.endswith(".onnx"):
            advice = "Pass PretrainedNetwork(OnnxFile(path), preprocessing)"
            raise invalid_value("network", "with its preprocessing", f"network={self.network!r}", advice)
        if isinstance(self.network, PretrainedNetwork) and self.weights is not None:
            got = f"weights={str(self.weights)!r}"
            raise invalid_value("weights", "None beside a network that has its own", got, "Leave them out")

    def _codes_of(self, sources: list[Photograph], stack: ExitStack) -> tuple[Codes, dict[int, Fault]]:
        """The codes, and what is wrong with which rows."""
        cache = self._kept()
        codes = np.full((len(sources), self.n_codes_), np.nan, np.float32)
        faults: dict[int, Fault] = {}
        advance = stack.enter_context(progress_bar(len(sources), self.verbose, "photographs"))
        through = partial(self.network_.codes_of_views, layer=self.layer_, pool=self.pool)
        batch = ImageBatch(self.batch_size, through, codes, cache)
        for row, seen in enumerate(self._seen(sources, cache, stack)):
            if isinstance(seen, Fault):
                if self.on_error == "raise":
                    raise seen.kind(f"{sources[row].name}: {seen.text}")
                faults[row] = seen
            else:
                batch.take(row, *seen)
            advance(sources[row].name)
        batch.pass_through()
        return codes, faults

    def _kept(self) -> CodeCache | None:
        """The codes that are kept of this way through the network, as it is now."""
        if self.cache is None:
            return None
        way = f"{self.network_.digest} {self.layer_} {self.pool} {self.n_views}"
        return CodeCache(
            Path(self.cache).expanduser(), way, self.network_.probe_output(self.layer_, self.pool)
        )

    def _seen(self, sources: list[Photograph], cache: CodeCache | None, stack: ExitStack) -> Iterator[Seen]:
        """What threads make of the photographs, in their order, and never more than two batches ahead."""
        seen = partial(load_image, cache=cache, network=self.network_, n_views=self.n_views)
        n_threads = joblib.effective_n_jobs(self.n_jobs)
        pool = stack.enter_context(ThreadPoolExecutor(n_threads))
        # What waits is not begun when something goes wrong.
        stack.callback(pool.shutdown, cancel_futures=True)
        return in_order((pool.submit(seen, source) for source in sources), 2 * self.batch_size)
