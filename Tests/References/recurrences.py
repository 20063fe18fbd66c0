"""Gradients of recurrences by PyTorch in f64 (needs torch), written to recurrences.json.

7 steps, 2 rows, 3 inputs, 5 hidden units; numbers by formula over the blocks in the order below, i counting from 0:
parameter_i = 0.5 sin(0.7 i + 1) + 0.1 cos(i²), x_i = sin(1.3 i + 0.2), h0_i = 0.3 cos(i), c0_i = 0.3 sin(2 i + 1),
weight of the outputs u_i = cos(0.9 i + 0.4).
rnn:   h = tanh(x Wᵀ + b + h Vᵀ), W [5, 3], V [5, 5], b [5]
lstm:  gates i, f, g, o = x Wᵀ + b + h Vᵀ, W [20, 3], V [20, 5], b [20];  c = σ(f) c + σ(i) tanh(g), h = σ(o) tanh(c)
loss = Σ_t u_t · h_t + |last carries|²; `truncated`: the carries are detached before steps 3 and 6.
`second` is the gradient of Σ gradient_i cos(1.1 i) over all parameters, without truncation and with it.
"""
import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)
steps, rows, inputs, hidden = 7, 2, 3, 5


def formula(count, f):
    return f(torch.arange(count).double())


x = formula(steps * rows * inputs, lambda i: torch.sin(1.3 * i + 0.2)).reshape(steps, rows, inputs)
h0 = formula(rows * hidden, lambda i: 0.3 * torch.cos(i)).reshape(rows, hidden)
c0 = formula(rows * hidden, lambda i: 0.3 * torch.sin(2 * i + 1)).reshape(rows, hidden)
u = formula(steps * rows * hidden, lambda i: torch.cos(0.9 * i + 0.4)).reshape(steps, rows, hidden)


def rnn(x, carry, W, V, b):
    return (torch.tanh(x @ W.T + b + carry[0] @ V.T),)


def lstm(x, carry, W, V, b):
    i, f, g, o = (x @ W.T + b + carry[0] @ V.T).chunk(4, 1)
    c = torch.sigmoid(f) * carry[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


result = {}
for name, cell, gates, initial in [("rnn", rnn, 1, (h0,)), ("lstm", lstm, 4, (h0, c0))]:
    shapes = [(gates * hidden, inputs), (gates * hidden, hidden), (gates * hidden,)]
    sizes = [torch.Size(s).numel() for s in shapes]
    theta = formula(sum(sizes), lambda i: 0.5 * torch.sin(0.7 * i + 1) + 0.1 * torch.cos(i * i))
    for suffix, truncate in [("", steps), (" truncated", 3)]:
        parameters = [p.reshape(s).clone().requires_grad_() for p, s in zip(theta.split(sizes), shapes)]
        first = [c.clone().requires_grad_() for c in initial]
        sequence = x.clone().requires_grad_()
        carry, loss = tuple(first), 0
        for t in range(steps):
            if t and t % truncate == 0:
                carry = tuple(c.detach() for c in carry)
            carry = cell(sequence[t], carry, *parameters)
            loss = loss + (u[t] * carry[0]).sum()
        loss = loss + sum((c * c).sum() for c in carry)
        gradients = torch.autograd.grad(loss, parameters + [sequence] + first, create_graph=True)
        flat = torch.cat([g.flatten() for g in gradients[:3]])
        second = torch.autograd.grad(
            (flat * formula(len(flat), lambda i: torch.cos(1.1 * i))).sum(), parameters + [sequence])
        result[name + suffix + " loss"] = loss.reshape(1)
        result[name + suffix] = torch.cat([g.flatten() for g in gradients])
        result[name + suffix + " second"] = torch.cat([g.flatten() for g in second])
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"torch": torch.__version__, "values": {
    key: value.flatten().tolist() for key, value in result.items()}}, indent=0) + "\n")
