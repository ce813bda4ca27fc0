"""Networks in ONNX files, run by onnxruntime: any tensor of their graph is a layer."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from stackit.arrays import FilePath
from stackit.images.onnx.graph import Graph
from stackit.images.preprocessing import Preprocessing
from stackit.validation import format_list, import_optional, invalid_value

__all__ = ["OnnxFile"]

Array = npt.NDArray[Any]
# Where channels, height and width are in the shape of the input.
LAYOUTS = {"NCHW": (1, 2, 3), "NHWC": (3, 1, 2)}
DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
}
# Sessions that stay open per file: each holds the weights up to its layer in memory.
MAX_SESSIONS = 4
TOLERANCE = 1e-3


class OnnxFile:
    """A network in an ONNX file, for `PretrainedNetwork`; onnxruntime computes it on the CPU.

    The file and the weight files next to it are read once and kept in memory, so pickled copies do not need
    them. Every tensor of the graph can be a layer, not only the outputs of the graph, and nothing after it is
    computed. Where the file fixes the batch size, the last batch is filled with copies, and their output is
    dropped. It uses as many threads as torch may use here: one in a fit that runs next to others.

    Parameters
    ----------
    path : path
        The file.
    layout : {"NCHW", "NHWC"}
        Whether channels come before or after height and width in the input. Layers are assumed to have the
        same layout; where they do not, pass `channels` to `PretrainedNetwork`.

    Attributes
    ----------
    layers : list of str
        All computed tensors in their order; a viewer such as Netron shows which is which.
    outputs : list of str
        The outputs of the graph.
    batch_size : int or None
        The number of images per batch that the file fixes; None where it fixes none.

    Raises
    ------
    ImportError
        When onnx or onnxruntime is not installed.
    ValueError
        When it is not an ONNX file, onnxruntime cannot run it, its input is not one batch of images with
        three channels, or it was exported in training mode.
    OSError
        When the file, or a weight file next to it, cannot be read.

    References
    ----------
    https://onnx.ai/onnx/repo-docs/IR.html

    Examples
    --------
    >>> import tempfile
    >>> from onnx import TensorProto, helper, save
    >>> from stackit.images import Preprocessing, PretrainedNetwork
    >>> image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 8])
    >>> codes = helper.make_tensor_value_info("codes", TensorProto.FLOAT, ["n", 3])
    >>> nodes = [helper.make_node("GlobalAveragePool", ["image"], ["mean"])]
    >>> nodes.append(helper.make_node("Flatten", ["mean"], ["codes"]))
    >>> graph = helper.make_graph(nodes, "mean colour", [image], [codes])
    >>> opset = [helper.make_opsetid("", 17)]
    >>> path = tempfile.mkdtemp() + "/colours.onnx"
    >>> save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    >>> file = OnnxFile(path)
    >>> file.layers
    ['mean', 'codes']
    >>> network = PretrainedNetwork(file, Preprocessing.tensorflow(8, 8), "codes", "colours")
    >>> network.codes([np.full((9, 9, 3), 255, np.uint8)])
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, path: FilePath, *, layout: str = "NCHW") -> None:
        import_optional("onnxruntime", "onnx")
        if layout not in LAYOUTS:
            raise invalid_value("layout", "'NCHW' or 'NHWC'", f"{layout=}", "Look at the shape of its input")
        self.name, self.layout = Path(path).name, layout
        self.content = np.fromfile(path, np.uint8)
        graph = self._graph()
        self.layers, self.outputs = graph.tensors, graph.outputs
        self.weight_files = {file: _read_next_to(Path(path), file) for file in graph.files}
        if training := graph.in_training_mode:
            raise ValueError(
                f"{self.name} normalises {format_list(training)} by the statistics of each batch, not by its "
                "running statistics. Export it for inference."
            )
        self._start()
        self._read_input(self._session(self.outputs[0], torch.get_num_threads()))

    def __repr__(self) -> str:
        return f"OnnxFile({self.name!r}, layout={self.layout!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    @property
    def digest(self) -> str:
        """The sha256 of the file, its weight files and its layout."""
        digest = hashlib.sha256(f"{self.layout} {sorted(self.weight_files)}".encode())
        for content in (self.content, *(self.weight_files[file] for file in sorted(self.weight_files))):
            digest.update(f" {len(content)} ".encode())
            digest.update(content.data)
        return digest.hexdigest()

    @property
    def top_layers(self) -> list[str]:
        """The layers as an error lists them: the outputs of the graph first."""
        return [*self.outputs, *(name for name in self.layers if name not in self.outputs)]

    @property
    def default_layer(self) -> str | None:
        """The only output of the graph; None where there are several."""
        return self.outputs[0] if len(self.outputs) == 1 else None

    @property
    def channels(self) -> str | None:
        """Where layers are assumed to have their channels."""
        return "last" if self.layout == "NHWC" else None

    def check_preprocessing(self, preprocessing: Preprocessing) -> None:
        """Raise unless the network takes images as this preprocessing makes them."""
        crop_size, sides = preprocessing.crop_size, [side for side in self.sides if side is not None]
        if any(side != crop_size for side in sides):
            pixels = "×".join(map(str, sides))
            raise invalid_value("crop_size", f"{self.name}'s {pixels} pixels", f"{crop_size=}", "Pass that")
        if self.dtype == "uint8" and (preprocessing.mean, preprocessing.std) != ((0,) * 3, (1,) * 3):
            got = f"mean={preprocessing.mean}, std={preprocessing.std}"
            expected = f"0 and 1, as {self.name} takes bytes"
            raise invalid_value("mean and std", expected, got, "The network scales them itself")

    def output(self, layer: str, batch: torch.Tensor) -> torch.Tensor:
        """Return the output of a layer; row i depends only on image i.

        Parameters
        ----------
        layer : str
            One of `layers`.
        batch : (n, 3, height, width) tensor of floats
            Preprocessed images.

        Returns
        -------
        (n, ...) tensor
            One row per image, in the shape of the layer.

        Raises
        ------
        ValueError
            When onnxruntime cannot compute the layer, or the layer does not have one row of numbers per
            image, or the output for an image depends on the other images of its batch.
        """
        images = batch.permute(0, 2, 3, 1) if self.layout == "NHWC" else batch
        array = images.cpu().contiguous().numpy().astype(self.dtype, copy=False)
        if layer not in self._checked_layers:
            self._check_rows_are_independent(layer, array)
            self._checked_layers.add(layer)
        step = self.batch_size or len(array)
        parts = [self._run(layer, array[start : start + step]) for start in range(0, len(array), step)]
        return torch.from_numpy(np.concatenate(parts))

    def _start(self) -> None:
        """Set up what copies do not share: sessions, and the layers that were checked in them."""
        self._session = lru_cache(MAX_SESSIONS)(self._open_session)
        self._checked_layers: set[str] = set()

    def _graph(self) -> Graph:
        try:
            return Graph(self.content.data)
        except ValueError as error:
            text = f"{self.name} is not an ONNX file, or is damaged ({error}). Download it again."
            raise ValueError(text) from error

    def _open_session(self, layer: str, n_threads: int) -> Any:
        """Return a session of onnxruntime that ends with a layer."""
        onnxruntime = import_optional("onnxruntime", "onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
        options.log_severity_level = 3  # it warns of weights that nothing before the layer needs
        # Waiting threads must not keep the cores from fits that run at the same time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        files = list(self.weight_files.values())
        sizes = [*map(len, files)]
        options.add_external_initializers_from_files_in_memory(list(self.weight_files), files, sizes)
        try:
            content = self._graph().up_to(layer)
            return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common class
            raise ValueError(
                f"onnxruntime {onnxruntime.__version__} cannot run {self.name} ({_first_line(error)}). "
                "Export it again, with an older opset."
            ) from error

    def _read_input(self, session: Any) -> None:
        """Read the batch size, the height and width, and the type of the input."""
        inputs = session.get_inputs()
        shape = [size if isinstance(size, int) else None for size in inputs[0].shape] if inputs else []
        channels, *sides = LAYOUTS[self.layout]
        is_batch = len(inputs) == 1 and inputs[0].type in DTYPES and len(shape) == 4
        if not is_batch or shape[channels] not in (3, None):
            found = format_list(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise ValueError(
                f"{self.name} must have one input, images of layout {self.layout} with three channels; "
                f"it has {found}. Pass the other layout, or export it for photographs."
            )
        self.input, self.dtype = inputs[0].name, DTYPES[inputs[0].type]
        self.batch_size, self.sides = shape[0], [shape[side] for side in sides]

    def _run(self, layer: str, images: Array) -> Array:
        """Return the output of a layer for at most as many images as a batch may have."""
        n = len(images)
        full = np.concatenate([images, np.repeat(images[-1:], (self.batch_size or n) - n, axis=0)])
        session = self._session(layer, torch.get_num_threads())
        try:
            (output,) = session.run([layer], {self.input: full})
        except Exception as error:  # its errors have no common class
            text = f"{self.name} fails at {layer=} ({_first_line(error)}). Choose another layer."
            raise ValueError(text) from error
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
            raise invalid_value("layer", "a tensor of numbers", f"{layer=}", "Choose another layer")
        if output.shape[:1] != full.shape[:1]:
            got = f"{layer=} of shape {output.shape} for {len(full)} images"
            advice = "Choose another layer, or export it again"
            raise invalid_value("layer", "a tensor with one row per image", got, advice)
        return output[:n]

    def _check_rows_are_independent(self, layer: str, like: Array) -> None:
        """Raise where the codes of the first image change with the other images of its batch."""
        rng, shape = np.random.default_rng(0), (self.batch_size or 2, *like.shape[1:])
        images = rng.integers(0, 256, shape, np.uint8)
        others = np.concatenate([images[:1], images[1:] // 16])  # darker, so that the batch mean differs
        scale = 1 if self.dtype == "uint8" else 128
        first, second = (
            self._run(layer, np.divide(batch, scale).astype(self.dtype))[0] for batch in (images, others)
        )
        tolerance = TOLERANCE * np.abs(first).max(initial=0, where=np.isfinite(first))
        if not np.allclose(first, second, rtol=0, atol=tolerance, equal_nan=True):
            raise ValueError(
                f"The codes of an image at {layer=} of {self.name} depend on the other images of its batch, "
                "or on chance. Export it for inference."
            )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _read_next_to(path: Path, file: str) -> npt.NDArray[np.uint8]:
    """Read a weight file in the folder of an ONNX file; links count as what their names say."""
    place = path.parent / file
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise ValueError(f"{path.name} has weights in {file!r}, outside its own folder. Put them next to it.")
    if not place.is_file():
        raise FileNotFoundError(f"{path.name} has weights in {file}, which is not next to it. Put it there.")
    return np.fromfile(place, np.uint8)
