"""Samplers, initializers and losses of two views and of activations, without the plugins' code: for plugin_examples.py."""
import math

import numpy
import torch

from streams import Stream


def array(value):
    return numpy.array(value["data"], dtype=float).reshape(value["shape"])


class Epoch:
    """The streams of a sampler in one epoch."""

    def __init__(self, seed, scope, epoch):
        self.seed, self.scope, self.epoch = seed, scope, epoch

    def permutation(self, name, count):
        return Stream(self.seed, f"{self.scope}/{name}").permutation(count, self.epoch)

    def uniform(self, name, count):
        return Stream(self.seed, f"{self.scope}/{name}").uniform(0, count, self.epoch)


# Samplers: rows of one epoch

def balanced(p, epoch, rows):
    labels = array(p["y"]).astype(int)
    classes = [c for c in range(int(p["classes"])) if c in labels]
    order, used, shuffled = [], dict.fromkeys(classes, 0), {}
    for place in range(rows):
        c = classes[(place + p["epoch"]) % len(classes)]
        own = numpy.flatnonzero(labels == c)
        turn, position = divmod(used[c], len(own))
        if position == 0:
            shuffled[c] = own[epoch.permutation(f"class {c}/{turn}", len(own))]
        order.append(shuffled[c][position])
        used[c] += 1
    return order


def weighted(p, epoch, rows):
    sums = numpy.cumsum(array(p["w"]))
    return [int(numpy.argmax(sums > u * sums[-1])) for u in epoch.uniform("rows", rows)]


def with_replacement(p, epoch, rows):
    return [math.floor(u * rows) for u in epoch.uniform("rows", rows)]


def sequential(p, epoch, rows):
    return list(range(rows))


def first(p, epoch, rows):
    return epoch.permutation("order", p["size"])


def curriculum(p, epoch, rows):
    difficulty = array(p["difficulty"]) * (-1 if p["hardest_first"] else 1)
    ranked = numpy.argsort(difficulty, kind="stable")
    share = min(1, p["begin"] + (1 - p["begin"]) * p["epoch"] / p["epochs"])
    count = max(1, math.ceil(share * rows - 1e-9 * rows))
    turns = [epoch.permutation(f"order/{turn}", count) for turn in range(-(-rows // count))]
    return [ranked[i] for turn in turns for i in turn][:rows]


def tasks_in_order(p, epoch, rows):
    tasks = array(p["tasks"]).astype(int)
    count = int(p["classes"])
    order = []
    for turn in range(count):
        own = numpy.flatnonzero(tasks == (p["epoch"] * count + turn) // p["epochs"] % count)
        order.extend(own[epoch.permutation(f"pass {turn}", rows // count)])
    return order


samplers = {f.__name__: f for f in (tasks_in_order, balanced, weighted, with_replacement, sequential, first, curriculum)}


def sampler(plugin, component, p):
    p = {"seed": "0", "epoch": 0} | p
    epoch = Epoch(int(p["seed"]), f'{plugin["id"]}/{component["id"]}', p["epoch"])
    columns = [p[a["name"]]["shape"][0] for a in component["call"]["args"] if a["from"] == "column"]
    return {"order": numpy.array(samplers[component["id"]](p, epoch, (columns or [p.get("row_count")])[0]))}


# Initializers: values of a parameter called w

def scaled(p, w, normal):
    return p["alpha"] * w


def orthogonal(p, w, normal):
    """The orthogonal polar factor of a normal matrix."""
    u, _, vt = numpy.linalg.svd(normal("values", w.size).reshape(w.shape[0], -1), full_matrices=False)
    return (p["gain"] * u @ vt).reshape(w.shape)


def low_rank(p, w, normal):
    u, s, vt = numpy.linalg.svd(w.reshape(w.shape[0], -1), full_matrices=False)
    kept = numpy.where(numpy.arange(len(s)) < p["rank"], s, 0)
    if p["keep_norm"]:
        kept = kept * numpy.linalg.norm(s) / numpy.linalg.norm(kept)
    return (u * kept @ vt).reshape(w.shape)


def identity(p, w, normal):
    return p["gain"] * numpy.eye(*w.shape)


def constant(p, w, normal):
    return numpy.full(w.shape, p["value"])


def clones(p, w, normal):
    """The i-th of h units belongs to group floor(i groups/h), whose first member all of it copy."""
    if p["axis"] == "columns":
        return clones(p | {"axis": "rows"}, w.reshape(w.shape[0], -1).T, normal).T.reshape(w.shape)
    group = numpy.arange(len(w)) * p["groups"] // len(w)
    return w[[list(group).index(g) for g in group]] if p["groups"] < len(w) else w


initializers = {f.__name__: f for f in (scaled, orthogonal, low_rank, identity, constant, clones)}


def translated(plugin, p):
    """theta and w = theta + theta_0."""
    theta = array(p["w"])
    stream = Stream(int(p.get("seed", "0")), f'{plugin["id"]}/translated/anchor/w')
    return {"theta": theta, "value": theta + p["sigma0"] / math.sqrt(p["fan_in"]) * stream.normal(0, theta.size).reshape(theta.shape)}


def initializer(plugin, component, p):
    scope = f'{plugin["id"]}/{component["id"]}'
    normal = lambda name, count: Stream(int(p.get("seed", "0")), f"{scope}/{name}/w").normal(0, count)
    return {"value": initializers[component["id"]](p, array(p["w"]), normal)}


# Losses

def barlow_twins(p, t):
    """As in the authors' main.py, with batch normalization as torch has it."""
    z1, z2 = t("output"), t("z2")
    norm = torch.nn.BatchNorm1d(z1.shape[1], affine=False, eps=p["eps"]).double()
    c = norm(z1).T @ norm(z2) / len(z1)
    diagonal = torch.diagonal(c)
    off = (c ** 2).sum() - (diagonal ** 2).sum()
    loss = ((diagonal - 1) ** 2).sum() + p["redundancy"] * off
    return loss, {"output": z1, "z2": z2}


def data_loss(p, output):
    """Of each sample."""
    if p["base"] == "cross_entropy":
        labels = torch.tensor(p["y"]["data"], dtype=torch.long)
        return torch.nn.functional.cross_entropy(output, labels, reduction="none")
    targets = torch.tensor(array(p["y"])).reshape(output.shape)
    return 0.5 * ((output - targets) ** 2).sum(dim=1)


def activity(p, t):
    output, h = t("output"), t("h")
    size = h.abs() if p["norm"] == "l1" else h ** 2
    loss = data_loss(p, output) + p["strength"] * size.reshape(len(h), -1).mean(dim=1)
    return loss, {"output": output, "h": h}


def decov(p, t):
    output, h = t("output"), t("h")
    centred = h.reshape(-1, h.shape[-1])
    centred = centred - centred.mean(dim=0)
    c = centred.T @ centred / len(centred)
    penalty = 0.5 * ((c ** 2).sum() - (torch.diagonal(c) ** 2).sum())
    return data_loss(p, output).mean() + p["strength"] * penalty, {"output": output, "h": h}


def distillation(p, t):
    z, v, size = t("output"), t("v"), p["temperature"]
    hard = torch.nn.functional.cross_entropy(z, torch.tensor(p["y"]["data"], dtype=torch.long), reduction="none")
    soft = torch.nn.functional.kl_div(torch.log_softmax(z / size, 1), torch.softmax(v / size, 1), reduction="none")
    return (1 - p["alpha"]) * hard + p["alpha"] * size ** 2 * soft.sum(dim=1), {"output": z, "v": v}


losses = {f.__name__: f for f in (barlow_twins, activity, decov, distillation)}


def loss(component, p):
    tensor = lambda name: torch.tensor(array(p[name]), requires_grad=True)
    value, inputs = losses[component["id"]](p, tensor)
    gradients = torch.autograd.grad(value.sum(), list(inputs.values()))
    result = value.detach().numpy()
    return {"sample_loss": result if result.ndim else float(result)} | {
        f"{name}_grad": gradient.numpy() for name, gradient in zip(inputs, gradients)}


# Datasets

def noisy_pairs(p, stream, split):
    d, k, rows = p["d_in"], p["latents"], range(p["begin"], p["end"])
    mixing = stream("mixing").normal(0, d * k).reshape(d, k) / math.sqrt(k)
    draw = lambda name, n: numpy.array([stream(f"{name}.{split}").normal(i * n, n) for i in rows])
    z = draw("latents", k)
    signal = z @ mixing.T
    return {"x": signal + p["noise"] * draw("first", d), "x2": signal + p["noise"] * draw("second", d), "y": z}
