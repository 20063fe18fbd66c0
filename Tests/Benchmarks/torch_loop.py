"""Steps per second of a run's workload in PyTorch's eager mode, one thread: python3 torch_loop.py RUN_FOLDER STEPS.

Same sizes, batches, loss and optimizer as the run, on random rows; weight decay is the optimizer's own.
"""
import json
import pathlib
import sys
import time

import torch

torch.set_num_threads(1)
torch.manual_seed(0)
study = json.loads((pathlib.Path(sys.argv[1]) / "run.json").read_text())["configuration"]
steps = int(sys.argv[2])
batch, optimizer, data = study["train"]["batch_size"], study["optimizer"], study["dataset"]
digits = data["plugin"].endswith("digits")
inputs, outputs = (64, 10) if digits else (data["d_in"], data["d_out"])
rows = data["train_rows"]
x = torch.randn(rows, inputs)
y = torch.randint(outputs, (rows,)) if digits else torch.randn(rows, outputs)

layers, width = [], inputs
for next_width in study["model"]["widths"]:
    layers += [torch.nn.Linear(width, next_width), {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[study["model"]["activation"]]()]
    width = next_width
model = torch.nn.Sequential(*layers, torch.nn.Linear(width, outputs))
loss_of = torch.nn.CrossEntropyLoss() if digits else lambda f, t: 0.5 * (f - t).square().sum(1).mean()
decay = sum(r["weight_decay"] for r in study.get("regularizers", {}).values())
update = torch.optim.SGD(model.parameters(), lr=optimizer["lr"], momentum=optimizer["momentum"], weight_decay=decay)


def train(count):
    order, position = torch.randperm(rows), 0
    for _ in range(count):
        if position + batch > rows:
            order, position = torch.randperm(rows), 0
        index = order[position : position + batch]
        position += batch
        update.zero_grad(set_to_none=True)
        loss_of(model(x[index]), y[index]).backward()
        update.step()


train(200)
start = time.perf_counter()
train(steps)
print(steps / (time.perf_counter() - start))
