"""PyTorch without a framework above it: the loop that its tutorials show."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.works import Work


def make(work: Work, x: Any, y: np.ndarray) -> Callable[[], float | None] | None:
    """The work in eager PyTorch."""
    last = os.environ.get("CHANNELS_LAST") == "1"
    if last and work.network != "convnet":
        return None
    torch.manual_seed(0)
    net = _NETWORKS[work.network]()
    if last:
        net = net.to(memory_format=torch.channels_last)
    if work.kind in ("predict", "call"):
        return _calls(work, net, x)
    inputs = x if not isinstance(x, np.ndarray) else torch.tensor(x)
    if work.network == "convnet":
        inputs = inputs.permute(0, 3, 1, 2)
        if not last:
            inputs = inputs.contiguous()
    targets = torch.tensor(y)
    loss_of: Callable[..., Any] = _LOSSES.get(work.network, nn.CrossEntropyLoss())
    optimizer = torch.optim.RMSprop(net.parameters(), 1e-3, alpha=0.9, eps=1e-7)

    def epoch() -> float:
        total, hits = torch.zeros(()), torch.zeros(())
        # A loop by hand takes the batches as they lie.
        order = None if work.kind == "tape" else torch.randperm(len(targets))
        for start in range(0, len(targets), work.batch):
            stop = start + work.batch
            rows = slice(start, stop) if order is None else order[start:stop]
            a, b = _batch(inputs, rows), targets[rows]
            optimizer.zero_grad()
            out = net(a)
            loss = loss_of(out, b)
            loss.backward()
            optimizer.step()
            if work.kind == "tape":
                continue
            with torch.no_grad():
                total += loss * len(b)
                hits += _hits(work, out, b)
        return float(loss if work.kind == "tape" else total / len(targets))

    return epoch


def _batch(inputs: Any, rows: Any) -> Any:
    if isinstance(inputs, torch.Tensor):
        return inputs[rows]
    part = inputs[np.asarray(rows)]  # a sparse matrix of SciPy
    return torch.sparse_csr_tensor(
        torch.from_numpy(part.indptr),
        torch.from_numpy(part.indices),
        torch.from_numpy(part.data),
        part.shape,
    )


def _hits(work: Work, out: Any, b: Any) -> Any:
    if work.network == "houses":
        return (out - b).abs().sum()
    if out.shape[-1] == 1:
        return ((out > 0) == (b > 0.5)).sum()
    return (out.argmax(-1) == b.argmax(-1)).sum()


def _calls(work: Work, net: Any, x: np.ndarray) -> Callable[[], None]:
    row = torch.tensor(x[:1])

    def run() -> None:
        with torch.inference_mode():
            for _ in range(work.calls):
                found = torch.softmax(net(row), -1)
                if work.kind == "predict":
                    found.numpy()

    return run


class _Recurrent(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10_000, 32)
        self.recurrent = kind(32, 32, batch_first=True)
        self.dense = nn.Linear(32, 1)

    def forward(self, x: Any) -> Any:
        outputs, _ = self.recurrent(self.embedding(x))
        return self.dense(outputs[:, -1])


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(128, 4, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(128), nn.LayerNorm(128)
        self.wide, self.narrow = nn.Linear(128, 512), nn.Linear(512, 128)
        self.classes = nn.Linear(128, 10)

    def forward(self, x: Any) -> Any:
        attended, _ = self.attention(x, x, x, need_weights=False)
        a = self.norm1(x + attended)
        b = self.norm2(a + self.narrow(torch.relu(self.wide(a))))
        return self.classes(b.mean(1))


def _dense(*widths: int) -> Any:
    layers: list[Any] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _reviews() -> Any:
    return _dense(10_000, 16, 16, 1)


def _convnet() -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(576, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


_NETWORKS: dict[str, Callable[[], Any]] = {
    "mlp": lambda: _dense(784, 512, 10),
    "convnet": _convnet,
    "reviews": _reviews,
    "lstm": lambda: _Recurrent(nn.LSTM),
    "gru": lambda: _Recurrent(nn.GRU),
    "transformer": _Transformer,
    "houses": lambda: _dense(13, 64, 64, 1),
}
_LOSSES = {
    "reviews": nn.BCEWithLogitsLoss(),
    "lstm": nn.BCEWithLogitsLoss(),
    "gru": nn.BCEWithLogitsLoss(),
    "houses": nn.MSELoss(),
}
