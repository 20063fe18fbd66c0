"""Training with weight normalization and with products in PyTorch (needs torch), written to reparametrization.json.

f = x W^T on 7 rows of 5 inputs and 3 outputs, loss the mean over rows of half the squared error, full batch, f64:

    x_si = sin(1 + 5 s + i),  y_sk = cos(2 + 3 s + k),  W_ki = 0.5 cos(1 + 5 k + i)   (indices from 0)

`weight_norm` is torch.nn.utils.parametrizations.weight_norm (over all axes but the first), `spred` is W = u v with u = W, v = 1.
Recorded are the effective W, row by row, and the loss of the batch before the last of the updates.
"""
import json
import pathlib

import numpy
import torch
from torch.nn.utils import parametrizations

rows, inputs, outputs, steps = 7, 5, 3, 25
x = torch.tensor(numpy.sin(1 + numpy.arange(rows * inputs)).reshape(rows, inputs))
y = torch.tensor(numpy.cos(2 + numpy.arange(rows * outputs)).reshape(rows, outputs))
start = torch.tensor(0.5 * numpy.cos(1 + numpy.arange(outputs * inputs)).reshape(outputs, inputs))
cases = [
    ("weight_norm", {"lr": 0.1, "momentum": 0.9}), ("weight_norm", {"lr": 0.2, "weight_decay": 0.03}),
    ("spred", {"lr": 0.1, "momentum": 0.8}), ("spred", {"lr": 0.15, "weight_decay": 0.05}),
]


def train(name, options):
    if name == "spred":
        parameters = [start.clone().requires_grad_(), torch.ones_like(start).requires_grad_()]
        weight = lambda: parameters[0] * parameters[1]
    else:
        layer = torch.nn.Linear(inputs, outputs, bias=False, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(start)
        parametrizations.weight_norm(layer)
        parameters, weight = list(layer.parameters()), lambda: layer.weight
    optimizer = torch.optim.SGD(parameters, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = 0.5 * ((x @ weight().T - y) ** 2).sum(dim=1).mean()
        loss.backward()
        optimizer.step()
    return {"component": name, "options": options, "loss": loss.item(), "weight": weight().flatten().tolist()}


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(train(*case)) for case in cases)
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(f'{{"torch": "{torch.__version__}", "script": "{path.stem}.py", "steps": {steps}, "cases": [\n{lines}]}}\n')
