"""A training loop written by hand with GradientTape, beside PyTorch's eager one.

    python -m benchmarks.custom_loop [rounds]

Both train the notes' network on MNIST for 100 batches of 128, in turn; the ratio of
their times is printed. PyTorch has to be installed.
"""

from __future__ import annotations

import statistics
import sys
import time

BATCH, STEPS = 128, 100


def main(rounds: int = 9) -> None:
    """Print the times of 100 steps, in turn, and their ratios."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: pip install torch")
        return
    import cornu
    from benchmarks.data import digits

    x, y = digits()
    x, y = x[: BATCH * STEPS], y[: BATCH * STEPS].argmax(-1)
    cornu.utils.set_random_seed(0)
    model = cornu.Sequential(
        [
            cornu.Input((784,)),
            cornu.layers.Dense(512, activation="relu"),
            cornu.layers.Dense(10),
        ]
    )
    optimizer = cornu.optimizers.RMSprop(1e-3)
    loss_of = cornu.losses.SparseCategoricalCrossentropy(from_logits=True)

    def ours() -> None:
        for start in range(0, len(x), BATCH):
            with cornu.GradientTape() as tape:
                logits = model(x[start : start + BATCH], training=True)
                loss = loss_of(y[start : start + BATCH], logits)
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply(gradients, model.trainable_weights)

    net = torch.nn.Sequential(
        torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)
    )
    mover = torch.optim.RMSprop(net.parameters(), 1e-3, alpha=0.9)
    criterion = torch.nn.CrossEntropyLoss()
    inputs, targets = torch.tensor(x), torch.tensor(y)

    def theirs() -> None:
        for start in range(0, len(x), BATCH):
            mover.zero_grad()
            logits = net(inputs[start : start + BATCH])
            criterion(logits, targets[start : start + BATCH]).backward()
            mover.step()

    found = []
    for _ in range(rounds + 1):
        times = []
        for loop in (ours, theirs):
            start = time.perf_counter()
            loop()
            times.append(time.perf_counter() - start)
        found.append(times)
    found = found[1:]  # the first round makes weights and warms up
    ratios = [a / b for a, b in found]
    for name, column in (("Cornu", 0), ("PyTorch", 1)):
        print(f"{name:<9}{statistics.median(t[column] for t in found):.3f} s")
    print(
        f"ratio    {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
