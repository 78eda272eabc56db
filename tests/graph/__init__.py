"""Tests of the graph: tracing, gradients, passes, eager tensors."""
