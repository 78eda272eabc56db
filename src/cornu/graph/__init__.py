"""The data-flow graph: specs, nodes, tracing, gradients, passes. Knows no engine."""

from cornu.graph.eager import Tensor
from cornu.graph.gradients import GradientTape, gradient_graph, gradients
from cornu.graph.graph import Graph
from cornu.graph.node import Node, Scope, Source, Value
from cornu.graph.op import OPS, Op
from cornu.graph.spec import Spec, is_float, standardize_dtype
from cornu.graph.symbolic import SymbolicTensor
from cornu.graph.tensor import TensorBase
from cornu.graph.trace import Trace, bind, convert, current, no_trace, trace
from cornu.graph.variable import Variable
from cornu.graph.verify import verify

__all__ = [
    "OPS",
    "GradientTape",
    "Graph",
    "Node",
    "Op",
    "Scope",
    "Source",
    "Spec",
    "SymbolicTensor",
    "Tensor",
    "TensorBase",
    "Trace",
    "Value",
    "Variable",
    "bind",
    "convert",
    "current",
    "gradient_graph",
    "gradients",
    "is_float",
    "no_trace",
    "standardize_dtype",
    "trace",
    "verify",
]
