"""Trains the network of a recorded run again in NumPy, f64, and compares the parameters with the run's checkpoint.

The run must be an mlp (tanh) on labels with cross_entropy, at most one l2 (convention half), sgd or sharpness_aware (not
adaptive), maybe with the rule feedback_alignment or sign_symmetry, and precision f64, with
`record: {quantities: [layer.input, layer.weight, layer.bias, labels], at: first}` over the whole training split. Initial
parameters and rows are the recorded ones; the order of the rows is drawn here (streams.py); gradients are written out by hand.
"""
import json
import struct
import sys

import numpy as np

import run_folder
from streams import Stream


def checkpoint(path):
    """Tensors of a safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            kind = {"F32": "<f4", "F64": "<f8"}[entry["dtype"]]
            tensors[name] = np.frombuffer(data[8 + size + begin : 8 + size + end], kind).reshape(entry["shape"])
    return tensors


def batches(rows, batch, steps, seed):
    """Whole batches of a fresh permutation for each epoch; all rows in their own order if the batch is all of them."""
    order = Stream(seed, "order")
    for step in range(steps):
        epoch, position = divmod(step, rows // batch)
        if batch == rows:
            yield np.arange(rows)
        else:
            if position == 0:
                permutation = np.array(order.permutation(rows, step=epoch))
            yield permutation[position * batch : (position + 1) * batch]


def gradients(weights, biases, x, labels, backward=None):
    """Of the mean over the rows of −log softmax(z)_label; errors come back through `backward`, or the weights."""
    backward = backward or weights
    hidden = [x]
    for w, b in zip(weights[:-1], biases[:-1]):
        hidden.append(np.tanh(hidden[-1] @ w.T + b))
    z = hidden[-1] @ weights[-1].T + biases[-1]
    p = np.exp(z - z.max(axis=1, keepdims=True))
    g = p / p.sum(axis=1, keepdims=True)
    g[np.arange(len(x)), labels] -= 1
    g /= len(x)
    by_weight, by_bias = [], []
    for layer in reversed(range(len(weights))):
        by_weight.insert(0, g.T @ hidden[layer])
        by_bias.insert(0, g.sum(axis=0))
        g = (g @ backward[layer]) * (1 - hidden[layer] ** 2)
    return by_weight + by_bias


def compare(run, comparison):
    settings, train = run.settings, run.settings["train"]
    optimizer = settings["optimizer"]
    decay = sum(r["weight_decay"] for r in settings.get("regularizers", {}).values())
    seed = json.loads((run.folder / "run.json").read_text())["seed"]
    _, arrays = next(run.arrays())
    names = sorted((key[: -len("/layer.weight")] for key in arrays if key.endswith("/layer.weight")), key=lambda n: (n == "head", n))
    weights = [arrays[f"{name}/layer.weight"].copy() for name in names]
    biases = [arrays[f"{name}/layer.bias"].copy() for name in names]
    x, labels = arrays[f"{names[0]}/layer.input"], arrays["labels"]

    parameters = weights + biases
    velocities = [np.zeros_like(p) for p in parameters]

    # The random weights of a rule do not move.
    saved = checkpoint(run.folder / "checkpoint.safetensors")
    rule = settings.get("rule", {}).get("plugin", "")

    def backward():
        if not rule:
            return None
        feedback = [saved[f"parameter/rule.{name}.feedback"].reshape(w.shape) for name, w in zip(names, weights)]
        if rule.endswith("/sign_symmetry"):
            return [np.abs(b) * np.sign(w) for b, w in zip(feedback, weights)]
        return feedback

    def objective(x, labels):
        slopes = gradients(weights, biases, x, labels, backward())
        return [g + decay * p for g, p in zip(slopes, parameters)]

    for rows in batches(len(x), train["batch_size"], train["steps"], seed):
        slopes = objective(x[rows], labels[rows])
        if rho := optimizer.get("rho", 0):
            # The gradient of loss and decay at the worst point of a ball, then back.
            norm = np.sqrt(sum((g**2).sum() for g in slopes))
            start = [p.copy() for p in parameters]
            for p, g in zip(parameters, slopes):
                p += rho * g / norm
            slopes = objective(x[rows], labels[rows])
            for p, first in zip(parameters, start):
                p[...] = first
        for p, v, g in zip(parameters, velocities, slopes):
            v *= optimizer["momentum"]
            v += g
            p -= optimizer["lr"] * v

    keys = [f"{name}.weight" for name in names] + [f"{name}.bias" for name in names]
    for key, parameter, velocity in zip(keys, parameters, velocities):
        for tensor, expected in [(f"parameter/{key}", parameter), (f"optimizer/velocity/{key}", velocity)]:
            found = saved[tensor].reshape(expected.shape)
            for index in np.ndindex(expected.shape):
                comparison.check(f"{tensor}{list(index)}", float(found[index]), float(expected[index]))


if __name__ == "__main__":
    run_folder.main(compare, tolerance=1e-10)
