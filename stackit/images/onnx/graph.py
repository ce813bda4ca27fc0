"""The graph in an ONNX file, read from its bytes: which tensors there are, and the part that gives one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Graph", "Node", "read_graph"]

# Numbers of fields in onnx.proto, of which only these matter here.
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_OUTPUT = 1, 5, 12
NODE_INPUT, NODE_OUTPUT, NODE_ATTRIBUTE = 1, 2, 5
ATTRIBUTE_NAME, ATTRIBUTE_INTEGER, ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS = 1, 3, 6, 11
VALUE_NAME = 1
TENSOR_EXTERNAL = 13
KEY, VALUE = 1, 2
# How many bytes a field of fixed width has, by its wire type.
FIXED = {1: 8, 5: 4}
BYTES = 2


class Field(NamedTuple):
    """A field of a message: its number, what it holds (empty for numbers), a number, and all its bytes."""

    number: int
    content: memoryview
    integer: int
    whole: memoryview


@dataclass(frozen=True)
class Node:
    """A step of a graph.

    Parameters
    ----------
    whole : memoryview
        Its bytes in the file.
    inputs : frozenset of str
        The tensors that it reads, those that only its inner graphs read among them.
    outputs : tuple of str
        The tensors that it gives.
    learns : bool
        Whether it is batch normalisation that still takes the statistics of each batch.
    """

    whole: memoryview
    inputs: frozenset[str]
    outputs: tuple[str, ...]
    learns: bool


@dataclass(frozen=True)
class Graph:
    """What a file holds.

    Parameters
    ----------
    nodes : list of Node
        In the order of computation.
    outputs : list of str
        The tensors that the graph gives.
    files : list of str
        The files beside it that hold weights.
    about, rest : list of memoryview
        The fields of the file beside its graph, and those of the graph beside nodes and outputs.
    """

    nodes: list[Node]
    outputs: list[str]
    files: list[str]
    about: list[memoryview]
    rest: list[memoryview]

    @property
    def tensors(self) -> list[str]:
        """All tensors that are computed, in their order."""
        found = [name for node in self.nodes for name in node.outputs]
        return found + [name for name in self.outputs if name not in found]

    def up_to(self, tensor: str) -> bytes:
        """Return the content of a file whose only output is a tensor, with the nodes that lead to it.

        Its type is left out: who runs it infers that.
        """
        needed, kept = {tensor}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed |= node.inputs
                kept.append(node.whole)
        output = _field(GRAPH_OUTPUT, _field(VALUE_NAME, tensor.encode()))
        graph = b"".join([*self.rest, *reversed(kept), output])
        return b"".join([*self.about, _field(MODEL_GRAPH, graph)])


def read_graph(content: memoryview) -> Graph:
    """Return the graph of a file.

    Parameters
    ----------
    content : memoryview
        The file's bytes; the graph refers to them and copies none.

    Raises
    ------
    ValueError
        When they are no ONNX file.

    References
    ----------
    The format is that of protocol buffers with the messages of onnx.proto: a field is a number, a type and
    a content; fields may come in any order, and those that a reader does not know are left as they are.

    Examples
    --------
    >>> node = _field(NODE_INPUT, b"image") + _field(NODE_OUTPUT, b"codes")
    >>> output = _field(VALUE_NAME, b"codes")
    >>> content = _field(MODEL_GRAPH, _field(GRAPH_NODE, node) + _field(GRAPH_OUTPUT, output))
    >>> read_graph(memoryview(content)).tensors
    ['codes']
    """
    model = list(_fields(content))
    # A message that is there several times is one, with the fields of all.
    graph = [field for part in model if part.number == MODEL_GRAPH for field in _fields(part.content)]
    if not any(field.number == GRAPH_OUTPUT for field in graph):
        raise ValueError("there is no graph in it that gives something")
    return Graph(
        nodes=[_node(field) for field in graph if field.number == GRAPH_NODE],
        outputs=[_text(field.content, VALUE_NAME) for field in graph if field.number == GRAPH_OUTPUT],
        files=sorted({name for field in graph for name in _files_of(field)}),
        about=[field.whole for field in model if field.number != MODEL_GRAPH],
        rest=[field.whole for field in graph if field.number not in (GRAPH_NODE, GRAPH_OUTPUT)],
    )


def _node(field: Field) -> Node:
    parts = list(_fields(field.content))
    attributes = [list(_fields(part.content)) for part in parts if part.number == NODE_ATTRIBUTE]
    return Node(
        whole=field.whole,
        inputs=frozenset(_inputs_of(field.content)),
        outputs=tuple(
            name for part in parts if part.number == NODE_OUTPUT and (name := _decoded(part.content))
        ),
        learns=any(_says_training(attribute) for attribute in attributes),
    )


def _inputs_of(node: memoryview) -> Iterator[str]:
    """What a node reads; also what nodes inside it read, whose own tensors do no harm among them."""
    for part in _fields(node):
        if part.number == NODE_INPUT:
            yield _decoded(part.content)
        elif part.number == NODE_ATTRIBUTE:
            for inner in _fields(part.content):
                if inner.number in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
                    yield from _read_inside(inner.content)


def _read_inside(graph: memoryview) -> Iterator[str]:
    """What the nodes of an inner graph read, and its outputs, which may be tensors from outside."""
    for field in _fields(graph):
        if field.number == GRAPH_NODE:
            yield from _inputs_of(field.content)
        elif field.number == GRAPH_OUTPUT:
            yield _text(field.content, VALUE_NAME)


def _says_training(attribute: list[Field]) -> bool:
    names = [_decoded(part.content) for part in attribute if part.number == ATTRIBUTE_NAME]
    return names == ["training_mode"] and any(
        part.integer for part in attribute if part.number == ATTRIBUTE_INTEGER
    )


def _files_of(field: Field) -> Iterator[str]:
    """The files beside an ONNX file that a tensor's values are in."""
    if field.number == GRAPH_INITIALIZER:
        for part in _fields(field.content):
            if part.number == TENSOR_EXTERNAL and _text(part.content, KEY) == "location":
                yield _text(part.content, VALUE)


def _text(message: memoryview, number: int) -> str:
    return next((_decoded(field.content) for field in _fields(message) if field.number == number), "")


def _decoded(content: memoryview) -> str:
    return str(content, "utf-8")


def _fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message of protocol buffers."""
    at, nothing = 0, message[:0]
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        kind, content, integer = tag & 7, nothing, 0
        if kind == 0:
            integer, at = _varint(message, at)
        elif kind in (*FIXED, BYTES):
            size, at = (FIXED[kind], at) if kind in FIXED else _varint(message, at)
            content, at = message[at : at + size], at + size
        else:
            raise ValueError(f"a field of type {kind}")
        if at > len(message):
            raise ValueError("it ends within a field")
        yield Field(tag >> 3, content, integer, message[start:at])


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("it ends within a number")


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes."""
    return _number(number << 3 | BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    low = bytearray()
    while value > 127:
        low.append(value & 127 | 128)
        value >>= 7
    return bytes([*low, value])
