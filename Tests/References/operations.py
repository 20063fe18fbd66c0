"""Operations by PyTorch and NumPy (needs both), written to operations.json: values, gradients, running statistics.

Every case has its inputs (multiples of 1/64, exact in f32), a cotangent c of the result, and the gradients of the sum of c times the
result in the inputs that are differentiated (null for indices and masks).
"""
import json
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20)


def numbers(*shape, low=-2.0, high=2.0):
    return torch.from_numpy(np.asarray(np.round(rng.uniform(low, high, shape) * 64) / 64))


def whole(n, *shape):
    return torch.from_numpy(rng.integers(0, n, shape))


cases = []


def add(name, inputs, function, attributes=None, axes=None, fixed=()):
    """`fixed`: numbers of inputs without a gradient."""
    inputs = [x if torch.is_tensor(x) else torch.as_tensor(x) for x in inputs]
    free = [i for i, x in enumerate(inputs) if i not in fixed and x.is_floating_point()]
    for i in free:
        inputs[i].requires_grad_()
    value = torch.as_tensor(function(*inputs)).to(torch.float64)
    c = numbers(*value.shape)
    gradients = [None] * len(inputs)
    if free and value.requires_grad:
        for i, g in zip(free, torch.autograd.grad((c * value).sum(), [inputs[i] for i in free], allow_unused=True)):
            gradients[i] = (torch.zeros_like(inputs[i]) if g is None else g).flatten().tolist()
    else:
        for i in free:
            gradients[i] = [0.0] * inputs[i].numel()
    cases.append({
        "name": name, "attributes": attributes or {}, "axes": axes,
        "inputs": [{"shape": list(x.shape), "values": x.detach().to(torch.float64).flatten().tolist()} for x in inputs],
        "shape": list(value.shape), "value": value.detach().flatten().tolist(), "c": c.flatten().tolist(),
        "gradients": gradients})


def flag(x):
    return x.to(torch.float64)


# Pieces.
add("slice", [numbers(7, 5)], lambda x: x[1:6:2], {"axis": 0, "begin": 1, "end": -1, "step": 2})
add("slice", [numbers(3, 7, 2)], lambda x: x[:, -3:], {"axis": 1, "begin": -3})
add("slice", [numbers(11)], lambda x: x[2::3], {"axis": -1, "begin": 2, "step": 3})
add("pad", [numbers(3, 5, 2)], lambda x: F.pad(x, (0, 0, 2, 1)), {"axis": 1, "before": 2, "after": 1})
add("pad", [numbers(7)], lambda x: F.pad(x, (0, 4)), {"axis": 0, "after": 4})
add("concat", [numbers(3, 2), numbers(3, 5), numbers(3, 1)], lambda *x: torch.cat(x, 1), {"axis": 1})
add("concat", [numbers(2, 1, 5), numbers(2, 4, 5)], lambda *x: torch.cat(x, -2), {"axis": -2})
add("stack", [numbers(3, 5), numbers(3, 5)], lambda *x: torch.stack(x, 1), {"axis": 1})
add("stack", [numbers(4), numbers(4), numbers(4)], lambda *x: torch.stack(x, -1), {"axis": -1})
add("permute", [numbers(2, 3, 4, 5)], lambda x: x.permute(0, 2, 1, 3), axes=[0, 2, 1, 3])
add("permute", [numbers(3, 5, 7)], lambda x: x.permute(2, 0, 1), axes=[2, 0, 1])

# Rows by number.
add("gather", [numbers(7, 3), whole(7, 11)], lambda t, i: t[i])
add("gather", [numbers(5, 2, 3), whole(5, 4, 2)], lambda t, i: t[i])
add("gather", [numbers(5), whole(5, 3)], lambda t, i: t[i])
add("scatter_add", [whole(7, 11), numbers(11, 3)], lambda i, v: torch.zeros(7, 3).index_add(0, i, v), {"rows": 7})
add("scatter_add", [whole(4, 2, 3), numbers(2, 3, 5)],
    lambda i, v: torch.zeros(4, 5).index_add(0, i.flatten(), v.reshape(6, 5)), {"rows": 4})
add("take_along", [numbers(7, 5), whole(5, 7)], lambda x, i: torch.gather(x, -1, i[:, None])[:, 0])
add("take_along", [numbers(2, 3, 5), whole(5, 2, 3, 4)], lambda x, i: torch.gather(x, -1, i))
add("one_hot", [whole(5, 7)], lambda i: F.one_hot(i, 5), {"classes": 5})
add("argmax", [numbers(7, 5)], lambda x: np.argmax(x.detach().numpy(), -1))
add("argmax", [torch.round(numbers(3, 5, 2))], lambda x: np.argmax(x.detach().numpy(), 1), {"axis": 1})
add("iota", [], lambda: np.arange(7), {"count": 7})
add("eye", [], lambda: np.eye(3, 5), {"rows": 3, "columns": 5})
add("tri", [], lambda: np.tri(5, 7, 1), {"rows": 5, "columns": 7, "offset": 1})
add("tri", [], lambda: np.tri(3, 3, -1), {"rows": 3, "offset": -1})

# Cumulative.
add("cumsum", [numbers(3, 7)], lambda x: x.cumsum(-1))
add("cumsum", [numbers(3, 7, 2)], lambda x: x.flip(1).cumsum(1).flip(1), {"axis": 1, "reverse": 1})
add("cumsum", [numbers(3, 260)], lambda x: x.cumsum(0) - x, {"axis": 0, "exclusive": 1})
add("cumprod", [numbers(3, 7)], lambda x: x.cumprod(-1))
zero = numbers(5, 3)
zero[2, 1] = 0
zero[4, 1] = 0
add("cumprod", [zero.clone()], lambda x: x.cumprod(0), {"axis": 0})
add("prod", [zero.clone()], lambda x: x.prod(0), {"axis": 0})

# Elementwise.
for name, function, low in [
    ("log1p", torch.log1p, -0.9), ("expm1", torch.expm1, -2), ("floor", torch.floor, -2), ("rsqrt", torch.rsqrt, 0.25),
    ("softsign", F.softsign, -2), ("mish", F.mish, -2), ("hard_tanh", F.hardtanh, -2),
    ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), -2), ("gelu", F.gelu, -2), ("silu", F.silu, -2),
    ("selu", F.selu, -2), ("softplus", F.softplus, -2), ("elu", F.elu, -2), ("erf", torch.erf, -2),
    ("normal_cdf", torch.special.ndtr, -2), ("leaky_relu", F.leaky_relu, -2),
    ("logical_not", lambda x: flag(torch.logical_not(x)), -2),
]:
    add(name, [numbers(3, 7, low=low)], function)
add("elu", [numbers(7, 3)], lambda x: F.elu(x, 1.5), {"alpha": 1.5})
add("clamp", [numbers(7, 3)], lambda x: x.clamp(-0.51, 1.26), {"low": -0.51, "high": 1.26})
add("pow", [numbers(3, 5, low=0.25), numbers(5)], torch.pow)
half = [torch.round(numbers(7, 5)), torch.round(numbers(5))]  # with zeros and equal numbers
for name, function in [
    ("less", torch.lt), ("less_equal", torch.le), ("greater", torch.gt), ("greater_equal", torch.ge), ("equal", torch.eq),
    ("not_equal", torch.ne), ("logical_and", torch.logical_and), ("logical_or", torch.logical_or),
]:
    add(name, [x.clone() for x in half], lambda a, b: flag(function(a, b)))

# Reductions.
for name, function in [
    ("sum", lambda x, a, k=False: x.sum(a, keepdim=k)), ("mean", lambda x, a, k=False: x.mean(a, keepdim=k)),
    ("max", lambda x, a, k=False: x.amax(a, keepdim=k)), ("min", lambda x, a, k=False: x.amin(a, keepdim=k)),
    ("var", lambda x, a, k=False: x.var(a, correction=0, keepdim=k)),
    ("logsumexp", lambda x, a, k=False: x.logsumexp(a, keepdim=k)),
]:
    add(name, [numbers(3, 5, 7)], lambda x: function(x, (1,)), {"axis": 1})
    add(name, [torch.round(numbers(3, 5))], lambda x: function(x, (-1,), True), {"axis": -1, "keep": 1})
    add(name, [numbers(3, 5, 7)], lambda x: function(x, (0, 2)), axes=[0, -1])
    add(name, [numbers(2, 3, 5, 2)], lambda x: function(x, (1, 2)), axes=[2, 1])
    add(name, [numbers(7, 3)], lambda x: function(x, (0, 1)))
add("prod", [numbers(3, 5, 2)], lambda x: x.prod(2).prod(0), axes=[0, 2])
add("prod", [numbers(7, 2)], lambda x: x.prod(0, keepdim=True), {"axis": 0, "keep": 1})
add("var", [numbers(3, 7)], lambda x: x.var(-1, correction=1), {"axis": -1, "ddof": 1})

# Softmax with masks, products.
def masked(x, mask):
    y = torch.softmax(x.masked_fill(mask == 0, -torch.inf), -1)
    return torch.where((mask != 0).any(-1, keepdim=True), y, torch.zeros(()))


add("softmax", [numbers(2, 3, 5, 7), torch.tril(torch.ones(5, 7))], masked, fixed=[1])
add("softmax", [numbers(3, 5), torch.tensor([[1., 0, 2, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, -1, 0]])], masked, fixed=[1])
add("softmax", [numbers(7, 3)], lambda x: x.softmax(-1))
add("log_softmax", [numbers(2, 5, 3)], lambda x: x.log_softmax(-1))
add("matmul", [numbers(2, 1, 3, 4), numbers(5, 4, 7)], torch.matmul)
add("matmul", [numbers(3, 4), numbers(2, 5, 4, 7)], torch.matmul)
add("matmul", [numbers(2, 5, 3, 4), numbers(2, 1, 7, 4)], lambda a, b: a @ b.mT, {"transpose_b": 1})
add("matmul", [numbers(3, 1, 4, 5), numbers(2, 4, 7)], lambda a, b: a.mT @ b, {"transpose_a": 1})

# Normalization.
add("layer_norm", [numbers(3, 4, 5), numbers(5), numbers(5)], lambda x, a, b: F.layer_norm(x, (5,), a, b))
add("layer_norm", [numbers(3, 4, 5), numbers(4, 5)], lambda x, a: F.layer_norm(x, (4, 5), a, eps=0.01),
    {"axes": 2, "epsilon": 0.01})
add("layer_norm", [numbers(7, 5)], lambda x: F.layer_norm(x, (5,)))
add("rms_norm", [numbers(3, 4, 5), numbers(5)], lambda x, a: F.rms_norm(x, (5,), a, 1e-5))
add("rms_norm", [numbers(3, 4, 5)], lambda x: F.rms_norm(x, (4, 5), None, 0.1), {"axes": 2, "epsilon": 0.1})
add("group_norm", [numbers(2, 3, 5, 6), numbers(6), numbers(6)],
    lambda x, a, b: F.group_norm(x.movedim(-1, 1), 3, a, b).movedim(1, -1), {"groups": 3})
add("batch_norm", [numbers(7, 3), numbers(3), numbers(3, low=0.5), numbers(3), numbers(3)],
    lambda x, m, v, a, b: F.batch_norm(x, m, v, a, b, training=False), fixed=[1, 2])
add("batch_norm", [numbers(2, 5, 3, 4), numbers(4), numbers(4, low=0.5)],
    lambda x, m, v: F.batch_norm(x.movedim(-1, 1), m, v, training=False, eps=0.1).movedim(1, -1), {"epsilon": 0.1},
    fixed=[1, 2])

# Batch normalization in training: three steps, each with the output's cotangent and the gradients; then the statistics.
training = []
for shape, momentum in [((7, 3), 0.1), ((2, 5, 3, 4), 0.25)]:
    channels = shape[-1]
    mean, variance = torch.zeros(channels), torch.ones(channels)
    a, b = numbers(channels).requires_grad_(), numbers(channels).requires_grad_()
    steps = []
    for _ in range(3):
        x, c = numbers(*shape).requires_grad_(), numbers(*shape)
        y = F.batch_norm(x.movedim(-1, 1), mean, variance, a, b, True, momentum).movedim(1, -1)
        g = torch.autograd.grad((c * y).sum(), [x, a, b])
        steps.append({
            "x": x.flatten().tolist(), "c": c.flatten().tolist(), "value": y.flatten().tolist(),
            "gradients": [t.flatten().tolist() for t in g]})
    training.append({
        "shape": list(shape), "momentum": momentum, "scale": a.tolist(), "shift": b.tolist(), "steps": steps,
        "mean": mean.tolist(), "variance": variance.tolist()})

target = pathlib.Path(__file__).with_suffix(".json")
lines = ",\n".join(json.dumps(case) for case in cases)
runs = ",\n".join(json.dumps(run) for run in training)
target.write_text(
    f'{{"torch": "{torch.__version__}", "numpy": "{np.__version__}", "cases": [\n{lines}\n],\n"batch_norm": [\n{runs}\n]}}\n')
print(len(cases), "cases,", target.stat().st_size, "bytes")
