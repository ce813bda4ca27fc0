"""Networks in ONNX files, run by onnxruntime: any tensor of their graph is a layer."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import FilePath
from stackit.images.onnx.graph import Graph, read_graph
from stackit.images.preprocessing import Preprocessing
from stackit.validation import format_list, import_optional, invalid_value

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", "images")

__all__ = ["OnnxFile"]

Array = npt.NDArray[Any]
Content = npt.NDArray[np.uint8]
WHAT = "An ONNX file"
LAYOUTS = {"NCHW": (1, 2, 3), "NHWC": (3, 1, 2)}
"""Where channels, height and width are in what a network takes."""
TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}
TYPES |= {"tensor(uint8)": "uint8"}
MOST_OPEN = 4
"""How many layers of one file are kept ready: each has the weights in memory that lead to it."""
TOLERANCE = 1e-3


class OnnxFile:
    """A network in an ONNX file, for `PretrainedNetwork`; onnxruntime computes it on the CPU.

    The file, with the files of weights beside it, is read once and kept: what is pickled or copied to other
    processes needs it no more. Every tensor of its graph can be asked for, whether the graph gives it or not,
    and nothing after it is computed. Where the file fixes how many images pass at once, the last ones are
    passed together with copies of themselves, whose answers are left out. As many threads are used as torch
    may use here, one in a fit that runs beside others.

    Parameters
    ----------
    path : path
        The file.
    layout : {"NCHW", "NHWC"}
        Whether channels come before height and width or after them in what it takes. That of layers is taken
        to be the same; where it is not, say so by `channels` of `PretrainedNetwork`.

    Attributes
    ----------
    layers : list of str
        All tensors that are computed, in their order; a viewer such as Netron shows which is which.
    outputs : list of str
        Those that the graph gives by itself.
    n_at_once : int or None
        How many images must pass at once; None where any number may.

    Raises
    ------
    ImportError
        When onnxruntime is not installed.
    ValueError
        When it is no ONNX file, onnxruntime cannot run it, it does not take one batch of images with three
        channels, or was written in training mode.
    OSError
        When the file or one beside it cannot be read.

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
    >>> graph = helper.make_graph(nodes, "mean channel_order", [image], [codes])
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
        self.beside = {file: _beside(Path(path), file) for file in graph.files}
        if learning := [node.outputs[0] for node in graph.nodes if node.learns]:
            expected = "with batch normalisation by its running statistics"
            raise self._refused(
                expected, f"that of each batch in {format_list(learning)}", "Export it for inference"
            )
        self._begin()
        self._take_input(self._session(self.outputs[0], torch.get_num_threads()))

    def __repr__(self) -> str:
        return f"OnnxFile({self.name!r}, layout={self.layout!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    @property
    def digest(self) -> str:
        """The sha256 of the file, of those beside it and of how it is read."""
        digest = hashlib.sha256(f"{self.layout} {sorted(self.beside)}".encode())
        for content in (self.content, *(self.beside[file] for file in sorted(self.beside))):
            digest.update(f" {len(content)} ".encode())
            digest.update(content.data)
        return digest.hexdigest()

    @property
    def shown_layers(self) -> list[str]:
        """The layers in the order in which an error names them: those first that the graph gives."""
        return [*self.outputs, *(name for name in self.layers if name not in self.outputs)]

    @property
    def usual_layer(self) -> str | None:
        """The layer that is meant where none is named: the only output."""
        return self.outputs[0] if len(self.outputs) == 1 else None

    @property
    def channels(self) -> str | None:
        """Where the channels of layers are taken to be."""
        return "last" if self.layout == "NHWC" else None

    def check(self, preprocessing: Preprocessing) -> None:
        """Raise unless the network takes images as a preprocessing makes them."""
        size, sides = preprocessing.size, [side for side in self.sides if side is not None]
        if any(side != size for side in sides):
            raise invalid_value(
                "size", f"{self.name}'s {'×'.join(map(str, sides))} pixels", f"{size=}", "Pass that"
            )
        if self.dtype == "uint8" and (preprocessing.mean, preprocessing.std) != ((0,) * 3, (1,) * 3):
            got = f"mean={preprocessing.mean}, std={preprocessing.std}"
            raise invalid_value(
                "mean and std", f"0 and 1, as {self.name} takes bytes", got, "Leave them to the network"
            )

    def output(self, layer: str, batch: torch.Tensor) -> torch.Tensor:
        """Return what a layer gives for (n, 3, height, width) floats.

        Raises
        ------
        ValueError
            When it does not give one row an image, or what it gives depends on the images beside.
        """
        images = batch.permute(0, 2, 3, 1) if self.layout == "NHWC" else batch
        array = images.cpu().contiguous().numpy().astype(self.dtype, copy=False)
        if layer not in self._sound:
            self._check_rows_are_alone(layer, array)
            self._sound.add(layer)
        step = self.n_at_once or len(array)
        parts = [self._passed(layer, array[start : start + step]) for start in range(0, len(array), step)]
        return torch.from_numpy(np.concatenate(parts))

    def _begin(self) -> None:
        """Make room for what no copy takes along: sessions, and the layers that were found sound in them."""
        self._session = lru_cache(MOST_OPEN)(self._opened)
        self._sound: set[str] = set()

    def _graph(self) -> Graph:
        try:
            return read_graph(self.content.data)
        except ValueError as error:
            advice = "Fetch it anew: it is damaged or of another format"
            raise self._refused("a whole one", str(error), advice) from error

    def _opened(self, layer: str, n_threads: int) -> Any:
        """A session of onnxruntime that ends with a layer."""
        onnxruntime = import_optional("onnxruntime", "onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
        options.log_severity_level = 3  # its warnings are of weights that nothing before the layer needs
        # Threads that wait must not keep the cores from fits beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        files = list(self.beside.values())
        options.add_external_initializers_from_files_in_memory(list(self.beside), files, [*map(len, files)])
        try:
            content = self._graph().up_to(layer)
            return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no class of their own
            expected = f"one that onnxruntime {onnxruntime.__version__} can run"
            raise self._refused(
                expected, _first_line(error), "Export it anew, with an older opset"
            ) from error

    def _take_input(self, session: Any) -> None:
        """Take over how many images there must be, of which size and type."""
        inputs = session.get_inputs()
        shape = [size if isinstance(size, int) else None for size in inputs[0].shape] if inputs else []
        if len(inputs) != 1 or inputs[0].type not in TYPES or len(shape) != 4 or not self._coloured(shape):
            expected = f"one with one input, of numbers {self.layout} with three channels"
            got = format_list(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise self._refused(expected, got, "Pass the other layout, or export it for photographs")
        self.input, self.dtype = inputs[0].name, TYPES[inputs[0].type]
        self.n_at_once, self.sides = shape[0], [shape[at] for at in LAYOUTS[self.layout][1:]]

    def _coloured(self, shape: list[int | None]) -> bool:
        return shape[LAYOUTS[self.layout][0]] in (3, None)

    def _passed(self, layer: str, some: Array) -> Array:
        """What a layer gives for at most as many images as may pass at once."""
        n = len(some)
        full = np.concatenate([some, np.repeat(some[-1:], (self.n_at_once or n) - n, axis=0)])
        session = self._session(layer, torch.get_num_threads())
        try:
            (output,) = session.run([layer], {self.input: full})
        except Exception as error:  # its errors have no class of their own
            raise self._refused(
                f"one that gives {layer!r}", _first_line(error), "Choose another layer"
            ) from error
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
            raise invalid_value(
                "layer", "one that gives one tensor of numbers", f"{layer=}", "Choose another layer"
            )
        if output.shape[:1] != full.shape[:1]:
            got = f"{layer=} of shape {output.shape} for {len(full)} images"
            raise invalid_value(
                "layer", "one with a row an image", got, "Choose another layer, or export it anew"
            )
        return output[:n]

    def _check_rows_are_alone(self, layer: str, like: Array) -> None:
        """Raise where the first of two images has other codes when the second is another one."""
        rng, shape = np.random.default_rng(0), (self.n_at_once or 2, *like.shape[1:])
        one = rng.integers(0, 256, shape, np.uint8)
        other = np.concatenate([one[:1], one[1:] // 16])  # darker, so that the mean of both is another one
        scale = 1 if self.dtype == "uint8" else 128
        first, again = (
            self._passed(layer, np.divide(images, scale).astype(self.dtype))[0] for images in (one, other)
        )
        if not np.allclose(first, again, rtol=0, atol=_tolerance(first), equal_nan=True):
            expected = "one whose codes do not depend on the images beside, nor on chance"
            raise invalid_value("layer", expected, f"{layer=} of {self.name}", "Export it for inference")

    def _refused(self, expected: str, got: str, advice: str) -> ValueError:
        return invalid_value(WHAT, expected, f"{self.name!r} ({got})", advice)


def _tolerance(codes: Array) -> float:
    return float(TOLERANCE * np.abs(codes).max(initial=0, where=np.isfinite(codes)))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _beside(path: Path, file: str) -> Content:
    """The content of a file of weights beside an ONNX file; files elsewhere are none of its business."""
    # By its words: in a cache of a hub both are links to files of other names.
    place = path.parent / file
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise invalid_value(
            WHAT, "one with its weights beside it", f"{path.name!r} ({file!r})", "Put them there"
        )
    if not place.is_file():
        raise FileNotFoundError(f"{path.name} has weights in {file}, which is not beside it. Put it there.")
    return np.fromfile(place, np.uint8)
