"""The codes of a pretrained network as features: photographs in, a table out."""

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

from stackit.images.io.batching import FailedImage, ImageBatch, LoadedImage, load_image, prefetch
from stackit.images.io.cache import CodeCache
from stackit.images.io.photographs import MAX_PIXELS
from stackit.images.io.sources import Photograph, list_photographs, photographs
from stackit.images.network import POOLS, Codes, PretrainedNetwork
from stackit.images.preprocessing import VIEWS
from stackit.images.weights.catalogue import shared, weights_file
from stackit.progress import progress_bar
from stackit.validation import format_list, invalid_value, warn

__all__ = ["CNNCodes"]

ON_ERROR = ("raise", "nan", "skip")


class CNNCodes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns photographs into the codes of a pretrained network: the output of one of its layers.

    Nothing is learned from X, so codes cannot leak between folds.

    Parameters
    ----------
    network : str or PretrainedNetwork
        One of `PUBLISHED`, or your own network with its preprocessing: a torch module or an ONNX file.
    layer : str, optional
        One of the network's layers; by default its own choice.
    weights : path, optional
        As in `pretrained`, for a network by name.
    root : path, optional
        The folder or zip archive that the names in X are in. Names that lead out of it, by ``..``, as
        absolute paths or through links, fail like broken photographs.
    pool : {"mean", "max", "flatten"}
        How the output of convolutional layers is reduced: mean or maximum per channel, or all pixels.
    n_views : {1, 2, 10}
        The centre of each photograph; the mean of the codes of it and its mirror image; or the mean over four
        corners and the centre with their mirror images.
    batch_size : int
        The number of photographs per batch; the last batch has the rest. Memory depends on it, and not on the
        number of photographs.
    on_error : {"raise", "nan", "skip"}
        What happens when a photograph is missing, broken, tiny, huge or in none of the formats AVIF, BMP,
        GIF, JPEG, JPEG 2000, PNG, TIFF and WebP. Either an error names the first, or a warning names all and
        they get rows of NaN, or no rows: then `skipped_` lists them.
    cache : path, optional
        A folder where codes are cached under the content of their photographs and of the network, also for
        other programs. Without it, equal photographs of one call are computed once.
    max_pixels : int
        Larger photographs are refused before they are decoded.
    n_jobs : int, optional
        The threads that read and decode photographs while the network computes; None means 1, -1 all cores.
    verbose : int
        1 shows a progress bar.

    Attributes
    ----------
    network_ : PretrainedNetwork
        Network, weights and preprocessing. Estimators share it when they were given the same one, or read the
        same file: do not change it.
    n_codes_ : int
        The number of columns that `transform` returns.
    skipped_ : list of (int, str, str)
        Row, name and error of each photograph that failed in the last `transform`.

    Notes
    -----
    Codes of one photograph can differ in the last digits with the other photographs of its batch, as sums of
    floats do.

    A store of finished fits identifies photographs in `root` by their sizes and times, and photographs with
    full paths in X by these paths alone: when such a file changes, the store returns the old fit.

    Examples
    --------
    >>> from stackit.images import Preprocessing, PretrainedNetwork, cifar_resnet
    >>> network = PretrainedNetwork(cifar_resnet(8), Preprocessing.torchvision(32, 32), "flatten", "tiny")
    >>> images = np.zeros((3, 40, 50, 3), np.uint8)
    >>> codes = CNNCodes(network).fit_transform(images)
    >>> codes.shape, codes.dtype
    ((3, 64), dtype('float32'))
    """

    def __init__(  # noqa: PLR0913 - the options of a network's use, all by keyword but two
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
        """Read the network; X and y are not used.

        Parameters
        ----------
        X, y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When a parameter is not valid, or the weights do not belong to the network.
        FileNotFoundError
            When there is no file of weights.
        """
        self._check_parameters()
        network = self.network
        self.network_ = shared(network, self.weights) if isinstance(network, str) else network
        self.layer_ = self.network_.check_layer(self.layer)
        side = self.network_.preprocessing.crop_size
        blank = np.zeros((1, 1, side, side, 3), np.uint8)
        self.n_codes_ = self.network_.codes_of_views(blank, self.layer_, self.pool).shape[1]
        self.pool_ = self.pool
        return self

    def transform(self, X: Any) -> Codes:
        """Return the codes of photographs.

        Parameters
        ----------
        X : path, sequence of paths, or images
            A folder or a zip archive, with photographs in the order of `list_photographs`; paths, or names
            inside `root`, also as a column of a data frame; an array (n, height, width, 3) or
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
            When X is none of these, a photograph is broken, tiny or huge, or a parameter is no longer valid.
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
            codes, failed = self._codes_of(sources, stack)
        self.skipped_ = [(row, sources[row].name, error.text) for row, error in failed.items()]
        if failed:
            named = format_list(f"{name} ({text})" for _, name, text in self.skipped_)
            rows = "no rows" if self.on_error == "skip" else "rows of NaN"
            warn(f"{len(failed)} of {len(sources)} photographs cannot be used and get {rows}: {named}")
        return self._without(list(failed), codes, X) if self.on_error == "skip" else codes

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return ``<network>_<layer>_<number>`` for each column."""
        check_is_fitted(self)
        stem = f"{self.network_.name}_{self.layer_}"
        return np.array([f"{stem}_{number}" for number in range(self.n_codes_)], dtype=object)

    def files_read(self) -> list[Path]:
        """Return the files that codes depend on besides X and the parameters: weights, photographs of `root`.

        A store tells by their sizes and times whether a finished fit is still valid.
        """
        found = []
        with suppress(ValueError, OSError):  # `fit` raises these
            if isinstance(self.network, str):
                found.append(weights_file(self.network, self.weights))
            if self.root is not None:
                root = Path(self.root).expanduser()
                names = [""] if root.is_file() else list_photographs(root)["file"]
                found += [root / name for name in names]
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
        """Return the codes without some rows; as a data frame with the index of X where one is configured."""
        kept = np.delete(codes, rows, axis=0)
        configured = getattr(self, "_sklearn_output_config", {})
        container = configured.get("transform", get_config()["transform_output"])
        if container != "pandas" or not isinstance(X, pd.DataFrame | pd.Series):
            return kept
        # scikit-learn would use the index of all rows.
        return pd.DataFrame(kept, X.index.delete(rows), self.get_feature_names_out())

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
            got = f"n_jobs={self.n_jobs!r}"
            raise invalid_value("n_jobs", "an integer other than 0, or None", got, "Pass -1")
        self._check_network()

    def _check_network(self) -> None:
        if not isinstance(self.network, str | PretrainedNetwork):
            got = f"network={type(self.network).__name__}"
            advice = "Pass PretrainedNetwork(network, preprocessing)"
            raise invalid_value("network", "a name or a PretrainedNetwork", got, advice)
        if isinstance(self.network, str) and self.network.endswith(".onnx"):
            raise ValueError(
                f"network={self.network!r} is an ONNX file without its preprocessing. "
                "Pass PretrainedNetwork(OnnxFile(path), preprocessing)."
            )
        if isinstance(self.network, PretrainedNetwork) and self.weights is not None:
            got = f"weights={str(self.weights)!r} was passed with a PretrainedNetwork, which has its own"
            raise ValueError(f"{got}. Leave them out.")

    def _codes_of(self, sources: list[Photograph], stack: ExitStack) -> tuple[Codes, dict[int, FailedImage]]:
        """Return the codes, and the errors by row."""
        cache = self._open_cache()
        codes = np.full((len(sources), self.n_codes_), np.nan, np.float32)
        failed: dict[int, FailedImage] = {}
        advance = stack.enter_context(progress_bar(len(sources), self.verbose, "photographs"))
        compute = partial(self.network_.codes_of_views, layer=self.layer_, pool=self.pool)
        batch = ImageBatch(self.batch_size, compute, codes, cache)
        for row, image in enumerate(self._load(sources, cache, stack)):
            if isinstance(image, FailedImage):
                if self.on_error == "raise":
                    raise image.kind(f"{sources[row].name}: {image.text}")
                failed[row] = image
            else:
                batch.add(row, *image)
            advance(sources[row].name)
        batch.flush()
        return codes, failed

    def _open_cache(self) -> CodeCache | None:
        """Return the cache for the network as it is now."""
        if self.cache is None:
            return None
        configuration = f"{self.network_.digest} {self.layer_} {self.pool} {self.n_views}"
        probe_output = self.network_.probe_output(self.layer_, self.pool)
        return CodeCache(Path(self.cache).expanduser(), configuration, probe_output)

    def _load(
        self, sources: list[Photograph], cache: CodeCache | None, stack: ExitStack
    ) -> Iterator[LoadedImage]:
        """Load photographs in threads; yield them in their order, at most two batches ahead."""
        load = partial(load_image, cache=cache, network=self.network_, n_views=self.n_views)
        pool = stack.enter_context(ThreadPoolExecutor(joblib.effective_n_jobs(self.n_jobs)))
        # After an error, what waits is not started.
        stack.callback(pool.shutdown, cancel_futures=True)
        return prefetch((pool.submit(load, source) for source in sources), 2 * self.batch_size)
