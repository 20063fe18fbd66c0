"""What a network and a recursive feature machine find in the same data: principal angles between the leading eigenspaces of
(W - W_0)^T (W - W_0) of the first layer and of the machine's metric M.

usage: python3 shared_subspace.py NETWORK_RUN MACHINE_RUN STEP     (exit status 1 if a cosine is not above 0.9)

The network's study records layer.weight_change and layer.input of fc1, and targets, at STEP; the machine has the Laplace kernel, bandwidth 10 and
regularization 1e-4. That both had the same rows is seen by the machine's first metric, which is formed here from those of the network.
"""
import sys

import numpy as np

from run_folder import Run


def first_metric(x, y, width=10, ridge=1e-4):
    squares = (x**2).sum(1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0))
    np.fill_diagonal(distance, 0)
    kernel = np.exp(-distance / width)
    weights = np.linalg.solve(kernel + ridge * np.eye(len(x)), y[:, 0])
    np.fill_diagonal(distance, np.inf)  # a row has no slope of its own
    slopes = weights * kernel / (width * distance)
    gradients = slopes @ x - slopes.sum(1)[:, None] * x
    gradients -= gradients.mean(0)
    metric = gradients.T @ gradients
    return metric / metric.max()


def leading(matrix, k=2):
    return np.linalg.eigh(matrix)[1][:, -k:]


def cosines(a, b):
    """Of the principal angles between the spans of orthonormal columns, the smallest last."""
    return np.linalg.svd(a.T @ b, compute_uv=False)


def main(network, machine, step):
    arrays = dict(Run(network).arrays())[step]
    metrics = [arrays["metric"] for _, arrays in Run(machine).arrays()]
    off = np.abs(metrics[1] - first_metric(arrays["fc1/layer.input"], arrays["targets"])).max()
    change = arrays["fc1/layer.weight_change"]
    truth = np.eye(len(metrics[-1]))[:, :2]
    learned, found = leading(change.T @ change), leading(metrics[-1])
    print(f"same rows: metric off by {off:.1e}")
    for name, pair in (("network and machine", (learned, found)), ("network and the inputs that matter", (learned, truth)),
                       ("machine and the inputs that matter", (found, truth))):
        print(f"{name}: {' '.join(f'{c:.4f}' for c in cosines(*pair))}")
    return 0 if off < 1e-9 and cosines(learned, found)[-1] > 0.9 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
