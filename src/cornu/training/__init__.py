"""Training: the step as a graph, the loop, data, progress, callbacks, history."""
