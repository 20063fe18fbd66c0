"""Trajectories of PyTorch's optimizers (needs torch), written to optimizers.json.

Objective, repeated in the tests of the plugins: n = 37 coordinates, i and j count from 1,

    g_i = sum_j A_ij w_j - b_i + 0.1 w_i^3,   A_ij = 2 [i = j] + 0.1 sin(i j),   b_i = cos i,   w_i(0) = sin(2 i + 0.5)

The gradient is always formed in f64; for f32 trajectories from the f32 weights, then rounded to f32.
PyTorch's SGD has no decoupled weight decay: here w is multiplied by 1 - lr weight_decay before its step.
`syre` and `anchored_l2` (followed by `with`) are run as the paper defines them: PyTorch trains theta on
loss(theta + anchor) + weight_decay sum_i D_i theta_i^2, recorded is w = theta + anchor, theta(0) = w(0) above;
anchor_i = 0.1 sin 3i, D_i = 1 + 0.4 cos 2i.
"""
import json
import pathlib

import numpy
import torch

n, steps, kept = 37, 100, [1, 2, 10, 100]
i = numpy.arange(1, n + 1)
A = 2 * numpy.eye(n) + 0.1 * numpy.sin(numpy.outer(i, i))
b, start = numpy.cos(i), numpy.sin(2 * i + 0.5)
anchor, diagonal = 0.1 * numpy.sin(3 * i), 1 + 0.4 * numpy.cos(2 * i)

variants = {
    "sgd": ("sgd", {"lr": 0.05}),
    "sgd_weight_decay": ("sgd", {"lr": 0.05, "weight_decay": 0.3}),
    "sgd_momentum": ("sgd", {"lr": 0.03, "momentum": 0.9}),
    "sgd_momentum_dampening_weight_decay": (
        "sgd", {"lr": 0.04, "momentum": 0.8, "dampening": 0.35, "weight_decay": 0.2}),
    "sgd_nesterov": ("sgd", {"lr": 0.03, "momentum": 0.85, "weight_decay": 0.1, "nesterov": True}),
    "sgd_decoupled": ("sgd", {"lr": 0.04, "momentum": 0.7, "weight_decay": 0.25, "decoupled": True}),
    "adam": ("adam", {"lr": 0.02}),
    "adam_weight_decay": ("adam", {"lr": 0.03, "beta1": 0.8, "beta2": 0.95, "eps": 1e-4, "weight_decay": 0.2}),
    "adam_amsgrad": ("adam", {"lr": 0.05, "beta1": 0.7, "beta2": 0.9, "amsgrad": True}),
    "adamw": ("adamw", {"lr": 0.02}),
    "adamw_amsgrad": ("adamw", {"lr": 0.04, "beta2": 0.98, "weight_decay": 0.5, "amsgrad": True}),
    "syre": ("syre", {"lr": 0.05, "weight_decay": 0.2}),
    "syre_momentum": ("syre", {"lr": 0.03, "momentum": 0.9, "dampening": 0.25, "weight_decay": 0.15}),
    "syre_nesterov": ("syre", {"lr": 0.04, "momentum": 0.8, "weight_decay": 0.1, "nesterov": True}),
    "anchored_l2_adam": ("anchored_l2", {"weight_decay": 0.3, "with": "adam", "lr": 0.02}),
}


def trajectory(component, options, dtype):
    """Weights after each of the steps `kept`."""
    theta = torch.tensor(start, dtype=dtype, requires_grad=True)
    options, shrink, decay, shift = dict(options), 1, None, torch.zeros(n, dtype=dtype)
    if component in ["syre", "anchored_l2"]:
        decay = options.pop("weight_decay") * torch.tensor(diagonal, dtype=dtype)
        shift = torch.tensor(anchor, dtype=dtype)
        component = options.pop("with", "sgd")
    if component == "sgd":
        if options.pop("decoupled", False):
            shrink = 1 - options["lr"] * options.pop("weight_decay")
        optimizer = torch.optim.SGD([theta], **options)
    else:
        betas = (options.pop("beta1", 0.9), options.pop("beta2", 0.999))
        optimizer = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[component]([theta], betas=betas, **options)
    result = {}
    for step in range(1, steps + 1):
        x = (theta + shift).detach().numpy().astype(numpy.float64)
        gradient = torch.tensor(A @ x - b + 0.1 * x**3, dtype=dtype)
        if decay is not None:
            gradient += torch.autograd.grad((decay * theta**2).sum(), theta)[0]
        theta.grad = gradient
        with torch.no_grad():
            theta *= shrink
        optimizer.step()
        if step in kept:
            result[step] = (theta + shift).detach().numpy().copy()
    return result


def numbers(array):
    digits = 9 if array.dtype == numpy.float32 else 17
    return [float(f"{x:.{digits}g}") for x in array]


out = {
    "torch": torch.__version__, "numpy": numpy.__version__, "script": "optimizers.py",
    "n": n, "steps": kept,
    "variants": [
        {
            "name": name, "component": component, "options": options,
            "f64": {step: numbers(w) for step, w in trajectory(component, options, torch.float64).items()},
            "f32": {step: numbers(w) for step, w in trajectory(component, options, torch.float32).items()},
        }
        for name, (component, options) in variants.items()
    ],
}
file = pathlib.Path(__file__).with_name("optimizers.json")
lines = [json.dumps({**{k: v for k, v in out.items() if k != "variants"}})[:-1] + ', "variants": [']
lines += [json.dumps(v) + ("," if v is not out["variants"][-1] else "") for v in out["variants"]] + ["]}", ""]
file.write_text("\n".join(lines))
json.loads(file.read_text())
print(f"{file}: {len(out['variants'])} variants")
