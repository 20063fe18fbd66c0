"""Factors of PyTorch's learning-rate schedulers (needs torch), written to schedules.json.

For each case the lr of a group with base lr 1 before each of N optimizer steps, from torch.optim.lr_scheduler; warmup is
LinearLR from 1/(warmup + 1) to 1 over `warmup` steps, chained with SequentialLR. `inverse_sqrt`, which PyTorch lacks, is
LambdaLR with the formula sqrt(timescale/(timescale + u)). Milestones count from the begin of the run, those of
MultiStepLR from where it begins.
"""
import json
import pathlib

import torch
from torch.optim import lr_scheduler as lrs

cases = [
    ("constant", 23, {}), ("constant", 23, {"warmup": 7}),
    ("step", 31, {"size": 5, "gamma": 0.3}), ("step", 31, {"warmup": 4, "size": 6, "gamma": 0.7}),
    ("multistep", 29, {"milestones": [3, 11, 20], "gamma": 0.2}),
    ("multistep", 29, {"warmup": 6, "milestones": [10, 17], "gamma": 0.5}),
    ("exponential", 19, {"gamma": 0.9}), ("exponential", 19, {"warmup": 3, "gamma": 0.85}),
    ("cosine", 37, {}), ("cosine", 37, {"warmup": 9, "min_factor": 0.05}),
    ("linear", 26, {}), ("linear", 26, {"warmup": 5, "end_factor": 0.1}),
    ("inverse_sqrt", 41, {"timescale": 8}), ("inverse_sqrt", 41, {"warmup": 7, "timescale": 8}),
]


def scheduler(optimizer, name, steps, options):
    warmup, gamma = options.get("warmup", 0), options.get("gamma")
    rest = steps - warmup
    if name == "constant":
        main = lrs.LambdaLR(optimizer, lambda u: 1)
    elif name == "step":
        main = lrs.StepLR(optimizer, options["size"], gamma)
    elif name == "multistep":
        main = lrs.MultiStepLR(optimizer, [m - warmup for m in options["milestones"]], gamma)
    elif name == "exponential":
        main = lrs.ExponentialLR(optimizer, gamma)
    elif name == "cosine":
        main = lrs.CosineAnnealingLR(optimizer, rest, eta_min=options.get("min_factor", 0))
    elif name == "linear":
        main = lrs.LinearLR(optimizer, 1, options.get("end_factor", 0), rest)
    else:
        main = lrs.LambdaLR(optimizer, lambda u: (options["timescale"] / (options["timescale"] + u)) ** 0.5)
    if warmup == 0:
        return main
    first = lrs.LinearLR(optimizer, 1 / (warmup + 1), 1, warmup)
    return lrs.SequentialLR(optimizer, [first, main], [warmup])


def factors(name, steps, options):
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    schedule = scheduler(optimizer, name, steps, options)
    result = []
    for _ in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return result


if __name__ == "__main__":
    records = [
        {"component": name, "steps": steps, "options": options, "factors": factors(name, steps, options)}
        for name, steps, options in cases
    ]
    lines = ",\n".join(json.dumps(record) for record in records)
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(f'{{"torch": "{torch.__version__}", "script": "schedules.py", "cases": [\n{lines}]}}\n')
