"""Networks in ONNX files: the codes of the torch network they were made of, whatever a file fixes."""

import copy
import pickle
import sys
import warnings

import numpy as np
import onnx
import psutil
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from stackit import out_of_fold
from stackit.engine.threads import single_threaded
from stackit.images import (
    CNNCodes,
    OnnxFile,
    Preprocessing,
    PretrainedNetwork,
    cifar_resnet,
    save_network,
)
from stackit.images.onnx.graph import Graph
from stackit.store.fingerprint import describe

PLAIN = Preprocessing(32, 36, "RGB", (100.0, 110.0, 120.0), (50.0, 60.0, 70.0))
OPSET = [helper.make_opsetid("", 17)]


@pytest.fixture(autouse=True)
def one_torch_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(seed, height=40, width=50):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


IMAGES = [noise(seed) for seed in range(7)]


def small():
    """A residual network with the running statistics of some images, and not the initial ones."""
    torch.manual_seed(0)
    network = cifar_resnet(8)
    for _ in range(20):
        network(torch.randn(8, 3, 32, 32))
    return network.eval()


def exported(network, path, batch_size=None, dtype=torch.float32, last=False):
    shape = (batch_size or 2, 32, 32, 3) if last else (batch_size or 2, 3, 32, 32)
    free = {} if batch_size else {"dynamic_axes": {"image": {0: "n"}, "codes": {0: "n"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of this exporter, which needs the fewest other packages
        torch.onnx.export(
            network,
            torch.zeros(shape, dtype=dtype),
            path,
            dynamo=False,
            input_names=["image"],
            output_names=["codes"],
            **free,
        )
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return exported(small(), tmp_path_factory.mktemp("onnx") / "small.onnx")


@pytest.fixture(scope="module")
def expected():
    return PretrainedNetwork(small(), PLAIN, "linear", "small")


@pytest.fixture
def network(path):
    return PretrainedNetwork(OnnxFile(path), PLAIN, name="small")


def close(codes, expected):
    np.testing.assert_allclose(codes, expected, rtol=1e-5, atol=1e-5)


def inner(file, part):
    """The last tensor of a part of the torch network."""
    return [name for name in file.layers if name.startswith(f"/{part}/")][-1]


def written(path, nodes, inputs, outputs, weights=(), **kinds):
    """A file of nodes; inputs and outputs are names with shapes."""
    infos = [
        [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), shape)
            for name, shape in ends
        ]
        for ends in (inputs.items(), outputs.items())
    ]
    arrays = [numpy_helper.from_array(np.float32(value), name) for name, value in dict(weights).items()]
    graph = helper.make_graph(nodes, "graph", *infos, arrays)
    onnx.save(helper.make_model(graph, opset_imports=OPSET, ir_version=8), path)
    return path


IMAGE = {"image": ["n", 3, 8, 8]}
CODES = {"codes": ["n", 3]}
EIGHT = Preprocessing.tensorflow(8, 8)


def means(path, inputs=IMAGE, **kinds):
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["floats"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["codes"]),
    ]
    return written(path, nodes, inputs, CODES, **kinds)


# --- the same codes


def test_codes_are_those_of_torch(network, expected):
    assert network.layer == "codes"
    close(network.codes(IMAGES), expected.codes(IMAGES))
    close(network.codes(IMAGES, n_views=10), expected.codes(IMAGES, n_views=10))


@pytest.mark.parametrize("part", ["layer1", "layer2", "layer3", "flatten"])
@pytest.mark.parametrize("pool", ["mean", "max", "flatten"])
def test_tensors_inside_are_layers(network, expected, part, pool):
    layer = inner(network.network, part)
    assert layer not in network.network.outputs
    close(network.codes(IMAGES[:3], layer, pool=pool), expected.codes(IMAGES[:3], part, pool=pool))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_where_a_file_fixes_how_many_pass_the_rest_is_filled_and_cut(tmp_path, expected, batch_size):
    file = OnnxFile(exported(small(), tmp_path / "fixed.onnx", batch_size))
    assert file.batch_size == batch_size
    fixed = PretrainedNetwork(file, PLAIN)
    for n in (1, 2, 3, 4, 7):
        close(fixed.codes(IMAGES[:n]), expected.codes(IMAGES[:n]))
    for batch_size in (1, 2, 5):
        codes = CNNCodes(fixed, batch_size=batch_size).fit_transform(IMAGES)
        close(codes, expected.codes(IMAGES))


class Turned(torch.nn.Module):
    """A network that takes channels last, as those of TensorFlow do, and gives images so, too."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def test_channels_come_last_where_it_is_said(tmp_path, expected):
    turned = Turned(torch.nn.Sequential(*list(small().children())[:6])).eval()
    path = exported(turned, tmp_path / "last.onnx", last=True)
    network = PretrainedNetwork(OnnxFile(path, layout="NHWC"), PLAIN)
    inside = PretrainedNetwork(OnnxFile(path, layout="NHWC"), PLAIN, channels="first")
    before = list(dict(small().named_children()))[5]
    for pool in ("mean", "max"):
        close(network.codes(IMAGES, pool=pool), expected.codes(IMAGES, before, pool=pool))
        layer = inner(inside.network, "network")
        close(inside.codes(IMAGES, layer, pool=pool), expected.codes(IMAGES, before, pool=pool))
    with pytest.raises(
        ValueError, match=r"must have one input, images of layout NCHW with .*\[.*32, 32, 3\].*other layout"
    ):
        OnnxFile(path)


@pytest.mark.parametrize("kind", ["FLOAT16", "DOUBLE"])
def test_numbers_are_of_the_type_that_a_file_takes(tmp_path, kind):
    path = means(tmp_path / "x.onnx", image=getattr(TensorProto, kind))
    network = PretrainedNetwork(OnnxFile(path), EIGHT)
    square = np.asarray(
        Image.fromarray(IMAGES[0]).crop((5, 0, 45, 40)).resize((8, 8), Image.Resampling.BILINEAR)
    )
    codes = network.codes([IMAGES[0]])
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes[0], square.mean((0, 1)) / 127.5 - 1, atol=2e-3)


def test_a_file_that_takes_bytes_gets_them(tmp_path):
    nodes = [helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT)]
    nodes += [helper.make_node("ReduceMean", ["floats"], ["codes"], axes=[2, 3], keepdims=0)]
    path = written(tmp_path / "bytes.onnx", nodes, IMAGE, CODES, image=TensorProto.UINT8)
    plain = Preprocessing(8, 8, "BGR", (0.0,) * 3, (1.0,) * 3)
    image = noise(0, 8, 8)
    close(PretrainedNetwork(OnnxFile(path), plain).codes([image])[0], image.mean((0, 1))[::-1])
    with pytest.raises(
        ValueError, match=r"mean and std must be 0 and 1, as bytes.onnx takes bytes; got mean=\(127"
    ):
        PretrainedNetwork(OnnxFile(path), EIGHT)


# --- weights next to a file


def with_external_weights(path, folder):
    onnx.save(
        onnx.load(path),
        folder / "small.onnx",
        save_as_external_data=True,
        location="w.data",
        size_threshold=0,
    )
    return folder / "small.onnx"


def test_weights_may_be_next_to_a_file(path, tmp_path, network):
    apart = PretrainedNetwork(OnnxFile(with_external_weights(path, tmp_path)), PLAIN)
    expected = network.codes(IMAGES)
    close(apart.codes(IMAGES), expected)
    layer = inner(apart.network, "layer1")
    close(apart.codes(IMAGES, layer), network.codes(IMAGES, layer))
    content = bytearray((tmp_path / "w.data").read_bytes())
    content[-2] ^= 1
    (tmp_path / "w.data").write_bytes(content)
    assert PretrainedNetwork(OnnxFile(tmp_path / "small.onnx"), PLAIN).digest != apart.digest
    (tmp_path / "w.data").unlink()
    close(pickle.loads(pickle.dumps(apart)).codes(IMAGES), expected)
    with pytest.raises(FileNotFoundError, match=r"small.onnx has weights in w.data, which is not next to it"):
        OnnxFile(tmp_path / "small.onnx")


def test_weights_elsewhere_are_not_looked_for(path, tmp_path):
    (tmp_path / "in").mkdir()
    file = with_external_weights(path, tmp_path)
    content = onnx.load(file, load_external_data=False)
    for tensor in content.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "../w.data" if entry.key == "location" else entry.value
    onnx.save(content, tmp_path / "in" / "x.onnx")
    with pytest.raises(ValueError, match=r"x.onnx has weights in '../w.data', outside its own folder"):
        OnnxFile(tmp_path / "in" / "x.onnx")


# --- a network like any other


def test_codes_are_kept_by_the_content_of_the_file(path, tmp_path, network):
    kept = CNNCodes(network, cache=tmp_path / "kept", batch_size=3).fit()
    first = kept.transform(IMAGES)
    moved = tmp_path / "moved.onnx"
    moved.write_bytes(path.read_bytes())
    again = PretrainedNetwork(OnnxFile(moved), PLAIN)
    assert again.digest == network.digest
    again.network.output = None  # whoever computes fails
    assert np.array_equal(CNNCodes.transform(copy.copy(kept).set_params(network=again), IMAGES), first)
    others = (
        PretrainedNetwork(OnnxFile(path), Preprocessing.tensorflow(32, 36)),
        PretrainedNetwork(OnnxFile(path), PLAIN, channels="last"),
    )
    assert len({network.digest, *(other.digest for other in others)}) == 3


def test_networks_are_cloned_pickled_and_described(network):
    before = describe(network)
    codes = CNNCodes(network, n_views=2).fit()
    expected = codes.transform(IMAGES)
    for twin in (clone(codes), pickle.loads(pickle.dumps(codes))):
        np.testing.assert_array_equal(twin.fit_transform(IMAGES), expected)
    assert network.digest
    assert describe(network) == before == describe(pickle.loads(pickle.dumps(network)))
    assert before != describe(PretrainedNetwork(network.network, PLAIN, channels="last"))


def test_photographs_are_stacked_in_processes_and_random_labels_stay_random(path, network, expected):
    """With labels dealt out at random, no row is predicted better than by chance; n_jobs changes nothing."""
    rng = np.random.default_rng(0)
    X = np.stack([noise(seed, 32, 32) for seed in range(60)])
    y = rng.permutation(np.arange(60) % 2)
    estimators = [("codes", make_pipeline(CNNCodes(network), LogisticRegression(max_iter=1000)))]
    two, one = (out_of_fold(estimators, X, y, cv=3, n_jobs=n, random_state=0) for n in (2, 1))
    np.testing.assert_allclose(two.meta_train, one.meta_train, rtol=1e-5)
    assert 0.25 < np.mean((one.meta_train["codes"] > 0.5) == y) < 0.75
    torchs = [("codes", make_pipeline(CNNCodes(expected), LogisticRegression(max_iter=1000)))]
    by_torch = out_of_fold(torchs, X, y, cv=3, n_jobs=1, random_state=0)
    np.testing.assert_allclose(one.meta_train, by_torch.meta_train, atol=1e-3)


def test_a_fit_in_parallel_has_one_thread(path):
    """A session of one thread works in the thread of its caller, and starts no other."""
    before = psutil.Process().num_threads()
    network = PretrainedNetwork(OnnxFile(path), PLAIN)
    network.codes(IMAGES)
    assert psutil.Process().num_threads() == before
    torch.set_num_threads(3)
    network.codes(IMAGES)
    assert psutil.Process().num_threads() == before + 2
    with single_threaded():
        again = PretrainedNetwork(OnnxFile(path), PLAIN)
        again.codes(IMAGES)
    assert psutil.Process().num_threads() == before + 2


# --- the graph


def test_only_what_leads_to_a_layer_is_computed(path):
    content = path.read_bytes()
    graph = Graph(memoryview(content))
    whole = onnx.load_from_string(content).graph
    assert graph.tensors == [name for node in whole.node for name in node.output]
    assert graph.outputs == ["codes"]
    sizes = []
    for layer in graph.tensors:
        part = onnx.load_from_string(graph.up_to(layer)).graph
        assert [output.name for output in part.output] == [layer]
        assert part.initializer == whole.initializer
        known = {"", "image", *(one.name for one in part.initializer)}
        for node in part.node:
            assert known.issuperset(node.input)
            known.update(node.output)
        assert layer in known
        sizes.append(len(part.node))
    assert sizes[-1] == len(whole.node)
    assert min(sizes) == 1


def test_what_only_inner_graphs_read_is_kept(tmp_path):
    def branch(name, output):
        ends = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
        return helper.make_graph([helper.make_node("Mul", ["mean", "two"], [output])], name, [], ends)

    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("ReduceSum", ["image"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "low"], ["bright"]),
        helper.make_node(
            "If", ["bright"], ["doubled"], then_branch=branch("a", "x"), else_branch=branch("b", "y")
        ),
        helper.make_node("Relu", ["doubled"], ["codes"]),
    ]
    weights = {"two": 2.0, "low": 0.0}
    path = written(tmp_path / "if.onnx", nodes, IMAGE, {"codes": None}, weights)
    network = PretrainedNetwork(OnnxFile(path), EIGHT, "doubled")
    close(network.codes([np.full((9, 9, 3), 255, np.uint8)]), [[2, 2, 2]])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_refused_or_read_and_nothing_else(tmp_path, data):
    content = bytearray(means(tmp_path / "x.onnx").read_bytes())
    cut = data.draw(st.integers(0, len(content)))
    if data.draw(st.booleans()):
        content = content[:cut]
    elif cut < len(content):
        content[cut] = data.draw(st.integers(0, 255))
    try:
        graph = Graph(memoryview(bytes(content)))
    except ValueError:
        return
    for layer in graph.tensors:
        assert isinstance(graph.up_to(layer), bytes)


# --- refusals


@pytest.mark.parametrize(
    "content", [b"", b"hello world", b"PK\x03\x04 no archive", b"\x93NUMPY", b"\x08\x08", b":\x02\x0a\x00"]
)
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"x.onnx is not an ONNX file, or is damaged \(.*\). Download it again"
    ):
        OnnxFile(tmp_path / "x.onnx")


def test_a_file_that_is_cut_off_or_missing_is_refused(path, tmp_path):
    (tmp_path / "x.onnx").write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"x.onnx is not an ONNX file, or is damaged"):
        OnnxFile(tmp_path / "x.onnx")
    with pytest.raises(FileNotFoundError):
        OnnxFile(tmp_path / "y.onnx")


def test_a_file_that_onnxruntime_cannot_run_is_refused(tmp_path):
    nodes = [helper.make_node("Conjure", ["image"], ["codes"], domain="magic")]
    with pytest.raises(ValueError, match=r"onnxruntime \S+ cannot run x.onnx \(.*magic.*older opset"):
        OnnxFile(written(tmp_path / "x.onnx", nodes, IMAGE, CODES))


@pytest.mark.parametrize(
    ("inputs", "kinds"),
    [
        ({"image": ["n", 3, 8]}, {}),
        ({"image": ["n", 4, 8, 8]}, {}),
        ({"image": ["n", 8, 8, 3]}, {}),
        (IMAGE | {"size": [1]}, {}),
        (IMAGE, {"image": TensorProto.INT64, "codes": TensorProto.INT64}),
    ],
    ids=["rank", "four channels", "channels last", "two inputs", "integers"],
)
def test_a_file_that_takes_no_photographs_is_refused(tmp_path, inputs, kinds):
    nodes = [helper.make_node("Flatten", ["image"], ["codes"])]
    path = written(tmp_path / "x.onnx", nodes, inputs, {"codes": None}, **kinds)
    with pytest.raises(
        ValueError, match=r"x.onnx must have one input, images of layout NCHW .*; it has image"
    ):
        OnnxFile(path)


def test_a_layer_that_is_none_is_refused_with_the_names_of_those_there_are(network, path):
    with pytest.raises(
        ValueError, match=r"layer must be one of small's: codes, .*Conv_output_0.*; got layer='fc8'"
    ):
        network.codes(IMAGES, "fc8")
    with pytest.raises(ValueError, match="got layer='linear'"):
        CNNCodes(network, "linear").fit()


def test_of_several_outputs_one_must_be_named(tmp_path):
    nodes = [helper.make_node("GlobalAveragePool", ["image"], ["mean"])]
    nodes.append(helper.make_node("Flatten", ["mean"], ["codes"]))
    path = written(tmp_path / "x.onnx", nodes, IMAGE, CODES | {"mean": None})
    with pytest.raises(
        ValueError, match=r"layer must be one of network's: codes, mean; got layer=None. Choose one"
    ):
        PretrainedNetwork(OnnxFile(path), EIGHT)
    assert PretrainedNetwork(OnnxFile(path), EIGHT, "mean").codes(IMAGES).shape == (7, 3)


def test_layers_without_one_row_per_image_are_refused(tmp_path):
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["all"], keepdims=0),
        helper.make_node("ReduceMean", ["image"], ["sum"], axes=[0], keepdims=1),
        helper.make_node("Flatten", ["image"], ["codes"]),
    ]
    network = PretrainedNetwork(
        OnnxFile(written(tmp_path / "x.onnx", nodes, IMAGE, {"codes": None})), EIGHT, "codes"
    )
    for layer, shape in (("all", r"\(\)"), ("sum", r"\(1, 3, 8, 8\)")):
        with pytest.raises(
            ValueError, match=rf"layer must be a tensor with one row per image; got .* of shape {shape}"
        ):
            network.codes(IMAGES, layer)


def test_the_size_is_that_of_the_file(path):
    with pytest.raises(ValueError, match=r"crop_size must be small.onnx's 32×32 pixels; got crop_size=24"):
        PretrainedNetwork(OnnxFile(path), Preprocessing.tensorflow(24, 24))


def test_batch_normalisation_by_each_batch_is_refused(tmp_path):
    weights = {"scale": np.ones(3), "bias": np.zeros(3), "mean": np.zeros(3), "variance": np.ones(3)}
    nodes = [
        helper.make_node("BatchNormalization", ["image", *weights], ["codes", "m", "v"], training_mode=1),
    ]
    with pytest.raises(
        ValueError, match=r"x.onnx normalises codes by the statistics of each batch, not by its running"
    ):
        OnnxFile(written(tmp_path / "x.onnx", nodes, IMAGE, {"codes": None}, weights))


@pytest.mark.parametrize("batch_size", ["n", 1, 4])
def test_outputs_that_depend_on_chance_are_refused(tmp_path, batch_size):
    nodes = [
        helper.make_node("RandomNormalLike", ["image"], ["noise"]),
        helper.make_node("Add", ["image", "noise"], ["codes"]),
    ]
    path = written(tmp_path / "x.onnx", nodes, {"image": [batch_size, 3, 8, 8]}, {"codes": None})
    with pytest.raises(
        ValueError, match=r"layer='codes' of x.onnx depend on the other images of its batch, or on chance"
    ):
        PretrainedNetwork(OnnxFile(path), EIGHT).codes(IMAGES)


@pytest.mark.parametrize("batch_size", ["n", 4])
def test_outputs_that_depend_on_the_other_images_are_refused(tmp_path, batch_size):
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[0, 2, 3], keepdims=1),
        helper.make_node("Sub", ["image", "mean"], ["codes"]),
    ]
    path = written(tmp_path / "x.onnx", nodes, {"image": [batch_size, 3, 8, 8]}, {"codes": None})
    with pytest.raises(
        ValueError, match=r"layer='codes' of x.onnx depend on the other images of its batch, or on chance"
    ):
        PretrainedNetwork(OnnxFile(path), EIGHT).codes(IMAGES)


def test_a_file_is_no_network_until_its_preprocessing_is_said(path):
    with pytest.raises(
        ValueError, match=r"is an ONNX file without its preprocessing. Pass PretrainedNetwork\(OnnxFile"
    ):
        CNNCodes(str(path)).fit()
    with pytest.raises(ValueError, match="a name or a PretrainedNetwork; got network=OnnxFile"):
        CNNCodes(OnnxFile(path)).fit()
    with pytest.raises(ValueError, match="layout must be 'NCHW' or 'NHWC'; got layout='HWC'"):
        OnnxFile(path, layout="HWC")


def test_without_onnxruntime_the_install_command_is_said(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"onnxruntime is needed .* pip install 'stackit\[onnx\]'"):
        OnnxFile(path)


def test_a_network_in_an_onnx_file_is_not_written_to_another(network, tmp_path):
    with pytest.raises(ValueError, match="'small' is an ONNX file and cannot be saved"):
        save_network(network, tmp_path / "it.safetensors")
    assert not (tmp_path / "it.safetensors").exists()


def test_external_weights_may_be_links_to_files_of_other_names(path, tmp_path):
    apart = with_external_weights(path, tmp_path)
    blobs, folder = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    folder.mkdir()
    for at, file in enumerate(sorted(apart.parent.iterdir())):
        if file.is_file():
            (folder / file.name).symlink_to(file.rename(blobs / str(at)))
    assert OnnxFile(folder / apart.name).layers


def test_layers_of_whole_numbers_are_pooled_as_numbers(tmp_path):
    nodes = [
        helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT32),
        helper.make_node("Cast", ["whole"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["floats"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["codes"]),
    ]
    plain = Preprocessing(8, 8, "RGB", (0.0,) * 3, (1.0,) * 3)
    network = PretrainedNetwork(OnnxFile(written(tmp_path / "x.onnx", nodes, IMAGE, CODES)), plain)
    close(network.codes(IMAGES, "whole"), network.codes(IMAGES, "codes"))
