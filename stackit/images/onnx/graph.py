"""The graph of an ONNX file: its tensors, and the part of it that leads to one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackit.validation import import_optional

__all__ = ["Graph"]


class Graph:
    """The graph in the content of an ONNX file; raises ValueError where there is none."""

    def __init__(self, content: bytes | memoryview) -> None:
        onnx = import_optional("onnx", "onnx")
        damaged = import_optional("google.protobuf.message", "onnx").DecodeError
        try:
            self.model = onnx.ModelProto.FromString(content)
        except damaged as error:
            raise ValueError(str(error)) from error
        graph = self.model.graph
        # The messages stay valid when `up_to` takes them out of the model.
        self.nodes = [
            (node, {*_inputs_of(node)}, [name for name in node.output if name]) for node in graph.node
        ]
        self.outputs: list[str] = [output.name for output in graph.output]
        if not self.outputs:
            raise ValueError("it has no graph with an output")
        computed = [name for _, _, names in self.nodes for name in names]
        self.tensors = [*computed, *(name for name in self.outputs if name not in computed)]
        files = {file for tensor in graph.initializer for file in _files_of(tensor)}
        if not all(isinstance(name, str) for name in (*self.tensors, *files)):
            raise ValueError("it has names that are not UTF-8")
        self.files = sorted(files)
        # The outputs of batch normalisation by the statistics of each batch.
        self.in_training_mode = [
            names[0] for node, _, names in self.nodes if any(map(_is_training_mode, node.attribute))
        ]

    def up_to(self, tensor: str) -> bytes:
        """Return a file with this one output, of no stated type, and the nodes that lead to it."""
        needed, kept = {tensor}, []
        for node, inputs, outputs in reversed(self.nodes):
            if needed.intersection(outputs):
                needed |= inputs
                kept.append(node)
        graph = self.model.graph
        del graph.node[:], graph.output[:]
        graph.node.extend(reversed(kept))
        graph.output.add(name=tensor)
        content: bytes = self.model.SerializeToString()
        return content


def _inputs_of(node: Any) -> Iterator[str]:
    """Yield the tensors that a node reads, including those that only its inner graphs read."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            yield from (output.name for output in graph.output)
            for inner in graph.node:
                yield from _inputs_of(inner)


def _is_training_mode(attribute: Any) -> bool:
    is_set: bool = attribute.name == "training_mode" and attribute.i != 0
    return is_set


def _files_of(tensor: Any) -> Iterator[str]:
    """Yield the files outside the ONNX file that hold a tensor's values."""
    return (entry.value for entry in tensor.external_data if entry.key == "location")
