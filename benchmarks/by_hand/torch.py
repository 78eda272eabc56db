# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""The networks by hand in PyTorch: modules, its optimizer, a loop over batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

BATCH = 128


def _epoch(
    model: Any, x: Any, y: Any, loss_of: Any, hits_of: Any
) -> Callable[[], None]:
    x, y = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y)
    optimizer = torch.optim.RMSprop(model.parameters(), 1e-3, alpha=0.9, eps=1e-7)

    def run() -> None:
        order = torch.randperm(len(x))
        total, hits = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            a, b = x[rows], y[rows]
            optimizer.zero_grad()
            p = model(a)
            loss = loss_of(p, b)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            hits += hits_of(p.detach(), b)
        float(total), int(hits)

    return run


def _of_classes(model: Any, x: Any, y: Any) -> Callable[[], None]:
    return _epoch(
        model, x, y, F.cross_entropy, lambda p, b: (p.argmax(-1) == b.argmax(-1)).sum()
    )


def dense(x: Any, y: Any) -> Callable[[], None]:
    """Two layers."""
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
    return _of_classes(model, x, y)


def convnet(x: Any, y: Any) -> Callable[[], None]:
    """Three convolutions, channels first as PyTorch has them."""
    model = nn.Sequential(
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
    return _of_classes(model, x.transpose(0, 3, 1, 2), y)


class _Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10_000, 32)
        self.lstm = nn.LSTM(32, 32, batch_first=True)
        self.last = nn.Linear(32, 1)

    def forward(self, x: Any) -> Any:
        return self.last(self.lstm(self.words(x))[1][0][0])


def lstm(x: Any, y: Any) -> Callable[[], None]:
    """An embedding and PyTorch's own LSTM."""
    return _epoch(
        _Words(),
        x,
        y,
        F.binary_cross_entropy_with_logits,
        lambda p, b: ((p > 0) == (b > 0.5)).sum(),
    )
