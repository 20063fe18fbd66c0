"""Derivatives of an MLP by torch.func in f64 (needs torch), written to derivatives.json.

Widths 5-7-4-3, tanh then exact GELU, cross-entropy averaged over 6 rows; all numbers by formula, i counting from 0:
x_i = sin(1.3 i + 0.2), label_r = (2 r + 1) mod 3, parameter theta_i = 0.6 sin(0.7 i + 1) + 0.1 cos(i²) over the blocks
w1 [7, 5], b1 [7], w2 [4, 7], b2 [4], w3 [3, 4], b3 [3] in this order, vector v_i = cos(1.1 i), cotangent u_i = sin(0.9 i + 0.4).
The hyperparameter scales the logits: z = exp(s) (h w3ᵀ + b3), s = 0.3.
"""
import json
import pathlib

import torch
from torch.func import grad, hessian, jacrev, jvp, vjp, vmap

torch.set_default_dtype(torch.float64)
rows, shapes = 6, [(7, 5), (7,), (4, 7), (4,), (3, 4), (3,)]
count = sum(torch.Size(shape).numel() for shape in shapes)
i = torch.arange(count)
x = torch.sin(1.3 * torch.arange(rows * 5) + 0.2).reshape(rows, 5)
labels = (2 * torch.arange(rows) + 1) % 3
theta = 0.6 * torch.sin(0.7 * i + 1) + 0.1 * torch.cos((i * i).double())
v = torch.cos(1.1 * i)
u = torch.sin(0.9 * torch.arange(rows * 3) + 0.4).reshape(rows, 3)
scale = torch.tensor(0.3)


def outputs(theta, s, x):
    parts = [p.reshape(s) for p, s in zip(theta.split([torch.Size(s).numel() for s in shapes]), shapes)]
    h = torch.tanh(x @ parts[0].T + parts[1])
    h = torch.nn.functional.gelu(h @ parts[2].T + parts[3])
    return torch.exp(s) * (h @ parts[4].T + parts[5])


def loss_of(z, labels):
    return torch.nn.functional.cross_entropy(z, labels)


def loss(theta, s=scale, x=x, labels=labels):
    return loss_of(outputs(theta, s, x), labels)


z = outputs(theta, scale, x)
J = jacrev(outputs)(theta, scale, x).reshape(rows * 3, count)
H_L = hessian(loss_of)(z, labels).reshape(rows * 3, rows * 3)
H = hessian(loss)(theta)
G = vmap(lambda x, y: grad(loss)(theta, scale, x[None], y[None]))(x, labels)
J_x = jacrev(lambda x: outputs(theta, scale, x[None])[0])(x[2])
result = {
    "loss": loss(theta), "gradient": grad(loss)(theta), "hvp": H @ v, "hessian_row_11": H[11],
    "hessian_trace": H.trace(), "ggnvp": J.T @ (H_L @ (J @ v)), "gaussian_fisher": J.T @ (J @ v) / (rows * 0.7),
    "empirical_fisher": G.T @ (G @ v) / rows, "sample_norms": (G * G).sum(1), "gram": G @ G.T,
    "sample_gradient_4": G[4],
    "jvp": jvp(lambda t: outputs(t, scale, x), (theta,), (v,))[1],
    "vjp": vjp(lambda t: outputs(t, scale, x), theta)[1](u)[0], "jacobian_of_input_2": J_x,
    "mixed": grad(lambda s: grad(loss)(theta, s) @ v)(scale),
    "mixed_gradient": jacrev(lambda s: grad(loss)(theta, s))(scale),
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"torch": torch.__version__, "values": {
    key: value.flatten().tolist() for key, value in result.items()}}, indent=0) + "\n")
