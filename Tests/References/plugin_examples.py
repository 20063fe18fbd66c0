"""Recomputes the expected numbers of the examples in plugin.json, without the plugins' C code.

Optimizers: PyTorch's own optimizers, started from the given state. Regularizers, datasets: NumPy and math.fsum. Models: models.py.
Samplers, initializers, losses of views and activations: samples.py. Datasets made of datasets: wrappers.py. Random streams: streams.py. Exit status 1 if a manifest disagrees; --write puts the numbers into the manifests.
"""
import json
import math
import pathlib
import sys

import numpy
import torch

import models
import samples
import wrappers
from streams import Stream

plugins = pathlib.Path(__file__).parents[2] / "Plugins"


# Optimizers

def torch_step(optimizer, w, g, state):
    w.grad = g.clone()
    if state:
        optimizer.state[w] = state
    optimizer.step()
    return optimizer.state[w]


def sgd(p, t, decoupled=False):
    w, g, velocity = t("w"), t("g"), t("velocity")
    decay = p["weight_decay"]
    if decoupled:
        w *= 1 - p["lr"] * decay
        decay = 0
    w.requires_grad_()
    optimizer = torch.optim.SGD([w], lr=p["lr"], momentum=p["momentum"], dampening=p["dampening"],
                                weight_decay=decay, nesterov=p["nesterov"])
    begun = p["step"] > 0 and p["momentum"] != 0
    state = torch_step(optimizer, w, g, {"momentum_buffer": velocity.clone()} if begun else {})
    buffer = state.get("momentum_buffer")
    return {"w": w.detach(), "velocity": velocity if buffer is None else buffer}


def adam(p, t, optimizer_type):
    w, g, m, v, v_max = t("w").requires_grad_(), t("g"), t("m"), t("v"), t("v_max")
    optimizer = optimizer_type([w], lr=p["lr"], betas=(p["beta1"], p["beta2"]), eps=p["eps"],
                               weight_decay=p["weight_decay"], amsgrad=p["amsgrad"])
    state = {"step": torch.tensor(float(p["step"])), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    if p["amsgrad"]:
        state["max_exp_avg_sq"] = v_max.clone()
    state = torch_step(optimizer, w, g, state)
    v_max = state.get("max_exp_avg_sq", v_max)
    return {"w": w.detach(), "m": state["exp_avg"], "v": state["exp_avg_sq"], "v_max": v_max}


def syre(p, t):
    """PyTorch's SGD on the loss plus the penalty, differentiated by autograd."""
    w, g, anchor, diagonal, velocity = t("w").requires_grad_(), t("g"), t("anchor"), t("diagonal"), t("velocity")
    penalty = p["weight_decay"] * (diagonal * (w - anchor) ** 2).sum()
    (slope,) = torch.autograd.grad(penalty, w)
    optimizer = torch.optim.SGD([w], lr=p["lr"], momentum=p["momentum"], dampening=p["dampening"],
                                nesterov=p["nesterov"])
    begun = p["step"] > 0 and p["momentum"] != 0
    state = torch_step(optimizer, w, g + slope, {"momentum_buffer": velocity.clone()} if begun else {})
    buffer = state.get("momentum_buffer")
    return {"w": w.detach(), "velocity": velocity if buffer is None else buffer}


# Regularizers

def l2(p, t):
    w, g = t("w"), t("g")
    if p["only"] == "weights" and p["role"] != 0:
        return {"g": g, "value": 0}
    factor = 0.5 if p["convention"] == "half" else 1
    return {"g": g + 2 * factor * p["weight_decay"] * w,
            "value": factor * p["weight_decay"] * math.fsum(float(x) ** 2 for x in w)}


def anchored_l2(p, t):
    w, g, anchor, diagonal = t("w"), t("g"), t("anchor"), t("diagonal")
    terms = [float(d) * (float(x) - float(a)) ** 2 for d, x, a in zip(diagonal, w, anchor)]
    return {"g": g + 2 * p["weight_decay"] * diagonal * (w - anchor), "value": p["weight_decay"] * math.fsum(terms)}


# Datasets: `stream(name)` is the component's stream, `split` the example's.

def digits(p, stream, split):
    records = numpy.frombuffer((plugins / "Digits/digits.bin").read_bytes(), numpy.uint8).reshape(1797, 65)
    order = stream("order").permutation(1797) if p["shuffle"] else range(1797)
    pixels, labels = records[order, :64].astype(float), records[order, 64].astype(int)
    train = pixels[:p["train_rows"]]
    if p["standardize"]:
        std = train.std(axis=0)
        pixels = numpy.where(std > 0, (pixels - train.mean(axis=0)) / numpy.where(std > 0, std, 1), 0)
    else:
        pixels = pixels / 16
    first = p["train_rows"] if split == "test" else 0
    rows = slice(first + p["begin"], first + p["end"])
    return {"x": pixels[rows], "y": labels[rows]}


def matrix(stream, rows, columns, draw="normal"):
    return getattr(stream, draw)(0, rows * columns).reshape(rows, columns)


def targets(p, stream, split, y):
    noise = matrix(stream(f"noise.{split}"), p["end"], p["d_out"])
    return y + p["noise"] * noise[p["begin"]:p["end"]]


def whiten(a):
    """a (a^T a)^(-1/2), by the eigenvectors of a^T a."""
    values, vectors = numpy.linalg.eigh(a.T @ a)
    return a @ (vectors / numpy.sqrt(values)) @ vectors.T


def linear_teacher(p, stream, split):
    if p["coefficients"]:
        w = numpy.reshape(p["coefficients"], (p["d_out"], p["d_in"]))
    else:
        s = p["singular_values"] or numpy.geomspace(p["top"], p["bottom"], p["rank"])
        v = whiten(matrix(stream("teacher.right"), p["d_in"], len(s)))
        u = whiten(matrix(stream("teacher.left"), p["d_out"], len(s)))
        w = u * s @ v.T
        assert numpy.allclose(numpy.linalg.svd(w)[1][:len(s)], sorted(s, reverse=True), rtol=1e-12)
    x = matrix(stream(f"x.{split}"), p[f"{split}_rows"], p["d_in"])
    if split == "train":
        x = whiten(x) * math.sqrt(len(x))
        assert abs(x.T @ x / len(x) - numpy.eye(p["d_in"])).max() < 1e-12
    x = x[p["begin"]:p["end"]]
    return {"x": x, "y": targets(p, stream, split, x @ w.T)}


def sine_teacher(p, stream, split):
    z = p["scale"] * matrix(stream("teacher"), p["d_in"], p["d_out"], "uniform")
    x = matrix(stream(f"x.{split}"), p["end"], p["d_in"])[p["begin"]:]
    return {"x": x, "y": targets(p, stream, split, numpy.sin(x @ z))}


def mlp_teacher(p, stream, split):
    x = matrix(stream(f"x.{split}"), p["end"], p["d_in"])[p["begin"]:]
    gain, activation = (1, numpy.tanh) if p["activation"] == "tanh" else (math.sqrt(2), lambda h: numpy.maximum(h, 0))
    h = x
    for k in range(p["depth"]):
        h = activation(h @ matrix(stream(f"teacher.{k + 1}"), h.shape[1], p["width"]) * gain / math.sqrt(h.shape[1]))
    y = h @ matrix(stream("teacher.head"), p["width"], p["d_out"]) / math.sqrt(p["width"])
    return {"x": x, "y": targets(p, stream, split, y)}


def noise(p, stream, split):
    shape = (p["d_in"],) if "d_in" in p else (p["height"], p["width"], p["channels"])
    x = matrix(stream(f"x.{split}"), p["end"], math.prod(shape)).reshape(p["end"], *shape)
    labels = (stream(f"y.{split}").uniform(0, p["end"]) * p["classes"]).astype(int)
    return {"x": x[p["begin"]:], "y": labels[p["begin"]:]}


def simplex_clusters(p, stream, split):
    """Corners in Helmert's coordinates, turned by a random orthogonal map."""
    k, d, rows = p["classes"], p["d"], range(p["begin"], p["end"])
    corners = numpy.zeros((k, k - 1))
    for j in range(k - 1):
        corners[: j + 1, j], corners[j + 1, j] = 1, -(j + 1)
    corners *= p["radius"] / numpy.linalg.norm(corners, axis=0) * math.sqrt(k / (k - 1))
    means = corners @ whiten(matrix(stream("turn"), d, k - 1)).T
    assert numpy.allclose(means @ means.T, p["radius"] ** 2 * (numpy.eye(k) * k - 1) / (k - 1))
    y = numpy.array([i % k for i in rows])
    if p["spread"] == "axes":
        points = math.sqrt(d) * numpy.repeat(numpy.eye(d), 2, axis=0) * numpy.tile([[1], [-1]], (d, 1))
        x = numpy.array([points[i // k % (2 * d)] for i in rows])
    else:
        x = matrix(stream(f"x.{split}"), p["end"], d)[p["begin"]:]
    return {"x": means[y] + p["sigma"] * x, "y": y}


def one_hot_samples(p, stream, split):
    rows = range(p["begin"], p["end"])
    return {"x": numpy.eye(p["rows"])[rows], "y": numpy.array([i % p["classes"] for i in rows])}


def random_tokens(p, stream, split):
    length = p["length"]
    tokens = (stream(f"tokens.{split}").uniform(0, p["end"] * (length + 1)) * p["vocabulary"]).astype(int)
    rows = tokens.reshape(p["end"], length + 1)[p["begin"]:]
    return {"x": rows[:, :-1], "y": rows[:, 1:]}


def copy_memory(p, stream, split):
    symbols, count, delay = p["symbols"], p["count"], p["delay"]
    shown = (stream(f"symbols.{split}").uniform(0, p["end"] * count) * symbols).astype(int)
    shown = shown.reshape(p["end"], count)[p["begin"]:]
    x = numpy.full((len(shown), delay + 2 * count), symbols)
    y = x.copy()
    x[:, :count], x[:, count + delay - 1], y[:, count + delay:] = shown, symbols + 1, shown
    return {"x": x, "y": y}


def modular_arithmetic(p, stream, split):
    pairs = numpy.array(stream("pairs").permutation(p["p"] ** 2))
    train = math.floor(p["fraction"] * len(pairs) + 0.5)
    pairs = (pairs[:train] if split == "train" else pairs[train:])[p["begin"]:p["end"]]
    a, b = pairs // p["p"], pairs % p["p"]
    y = {"add": a + b, "subtract": a - b, "multiply": a * b}[p["operation"]]
    return {"x": numpy.stack([a, b, numpy.full(len(a), p["p"])], 1), "y": y % p["p"]}


# Models: PyTorch's modules with the given parameters

def model(component, p):
    names = {name for name, value in p.items() if isinstance(value, dict)}
    x, y = torch.tensor(p["x"]["data"], dtype=torch.float64), torch.tensor(p["y"]["data"])
    x, y = x.reshape(p["x"]["shape"]), y.reshape(p["y"]["shape"])
    outputs = p.get("classes", y.shape[-1])
    if component == "conv_net":
        norm = (lambda w: torch.nn.GroupNorm(p["groups"], w)) if p["norm"] == "group" else lambda w: torch.nn.Identity()
        net = models.ConvNet(x.shape[3], p["channels"], p["pool_after"], outputs, models.activations[p["activation"]],
                             torch.nn.functional.max_pool2d, norm)
        pieces = models.plain
        if not p["bias"]:
            for name, tensor in net.named_parameters():
                if name.endswith("bias") and "norm" not in name:
                    tensor.data.zero_()
    elif component == "resnet":
        net, pieces = models.ResNet(x.shape[3], p["width"], p["blocks"], outputs), models.plain
    elif component == "transformer":
        net = models.Transformer(x.shape[-1], x.shape[1], p["d_model"], p["heads"], p["layers"],
                                 p["d_model"] * p["mlp_ratio"], outputs, p["activation"], p["causal"],
                                 p["norm_position"] == "pre", p["output"], tokens=x.ndim == 2)
        pieces = models.transformer_names(p["d_model"])
    else:
        kind = {"tanh": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[p["cell"]]
        net = models.RecurrentNet(kind, x.shape[2], p["hidden"], p["layers"], outputs, p["output"])
        pieces = models.recurrent_names
    net.double().eval()
    for name, tensor in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        for other, part in pieces(name):
            if other not in names:
                continue
            value = torch.tensor(p[other]["data"], dtype=torch.float64).reshape(p[other]["shape"])
            tensor[part] = value.permute(0, 3, 1, 2) if value.ndim == 4 else value
    with torch.no_grad():
        return {"output": net(x)}


# Activations

def activation(name, p):
    """The function, or its first or second derivative by autograd."""
    functions = {
        "squared_relu": lambda x: torch.relu(x) ** 2,
        "bent_identity": lambda x: (torch.sqrt(x * x + 1) - 1) / 2 + x,
        "swish_beta": lambda x: x * torch.sigmoid(p["beta"] * x),
    }
    orders = {"": 0, "_slope": 1, "_curvature": 2}
    base, order = next((b, o) for b in functions for suffix, o in orders.items() if b + suffix == name)
    x = torch.tensor(p["x"]["data"], dtype=torch.float64, requires_grad=True)
    y = functions[base](x)
    for _ in range(order):
        y, = torch.autograd.grad(y.sum(), x, create_graph=True)
    return {"y": y.detach()}


updates = {
    "sgd": lambda p, t: sgd(p, t, p["decoupled"]),
    "adam": lambda p, t: adam(p, t, torch.optim.Adam),
    "adamw": lambda p, t: adam(p, t, torch.optim.AdamW),
    "syre": syre, "l2": l2, "anchored_l2": anchored_l2,
}
datasets = {
    "digits": digits, "linear_teacher": linear_teacher, "sine_teacher": sine_teacher, "mlp_teacher": mlp_teacher,
    "noise": noise, "noise_images": noise, "random_tokens": random_tokens, "copy_memory": copy_memory,
    "modular_arithmetic": modular_arithmetic, "noisy_pairs": samples.noisy_pairs,
    "simplex_clusters": simplex_clusters, "one_hot_samples": one_hot_samples,
} | wrappers.datasets


def expected(plugin, component, example):
    """Arrays and numbers by name, in f64 or f32."""
    defaults = {o["id"]: o["default"] for o in component.get("params", []) if "default" in o}
    options = defaults | example["given"]
    if component["id"] in datasets:
        scope = f'{plugin["id"]}/{component["id"]}'
        stream = lambda name: Stream(int(options["seed"]), f"{scope}/{name}")
        return datasets[component["id"]](options, stream, example["split"])
    if component["kind"] == "sampler":
        return samples.sampler(plugin, component, options)
    if component["id"] == "translated":
        return samples.translated(plugin, options)
    if component["kind"] == "initializer":
        return samples.initializer(plugin, component, options)
    if component["kind"] == "loss":
        return samples.loss(component, options)
    if component["kind"] == "activation":
        return activation(component["id"], options)
    if component["kind"] == "model":
        return model(component["id"], options)
    dtype = torch.float32 if example.get("dtype") == "f32" else torch.float64
    return updates[component["id"]](options, lambda name: torch.tensor(options[name]["data"], dtype=dtype))


# Reading and writing manifests

def text(value):
    """Shortest decimal that gives the number back in its precision."""
    if isinstance(value, (int, float)):
        return repr(value)
    array = numpy.asarray(value)
    numbers = [f"{x:g}" if x == int(x) and abs(x) < 1e6 else str(x) for x in array.ravel()]
    return f'{{ "shape": {list(array.shape)}, "data": [{", ".join(numbers)}] }}'


def wrapped(line, indent, width=118):
    words, lines = line.split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append(indent + "  " + word)
        else:
            lines[-1] += (" " if lines[-1] else "") + word if lines[-1] else indent + word
    return "\n".join(lines)


def expect_text(values):
    indent = " " * 10
    line = '"expect": { ' + ", ".join(f'"{name}": {text(value)}' for name, value in values.items()) + " }"
    if len(line) + 8 <= 118:
        return line
    parts = [wrapped(f'"{name}": {text(value)}', indent) for name, value in values.items()]
    return '"expect": {\n' + ",\n".join(parts) + "\n" + " " * 8 + "}"


def expect_ranges(source):
    """The places of `"expect": {…}` in a manifest's text."""
    start = source.find('"expect": {')
    while start >= 0:
        depth, end = 0, source.index("{", start)
        while True:
            depth += {"{": 1, "}": -1}.get(source[end], 0)
            end += 1
            if depth == 0:
                break
        yield start, end
        start = source.find('"expect": {', end)


def close(expect, values, example):
    if set(expect) != set(values):
        return False
    for name, value in values.items():
        given = expect[name]
        array = numpy.array(given["data"]).reshape(given["shape"]) if isinstance(given, dict) else given
        if numpy.shape(array) != numpy.shape(value):
            return False
        if not numpy.allclose(array, numpy.asarray(value), rtol=example.get("rtol", 0), atol=example.get("atol", 0)):
            return False
    return True


def main():
    write, failures = "--write" in sys.argv[1:], 0
    for name in ["Activations", "Activity", "Adam", "Clusters", "ConvNet", "DatasetWrappers", "Digits", "Distillation", "Initializers", "L2", "Noise",
                 "RecurrentNet",
                 "ResNet", "SGD", "Samplers", "Sequences", "Syre", "Teachers", "Transformer", "TwoViews"]:
        path = plugins / name / "plugin.json"
        source = path.read_text()
        plugin = json.loads(source)
        cases = [(component, example) for component in plugin["components"] for example in component["examples"]]
        results = [expected(plugin, component, example) for component, example in cases]
        for (component, example), values in zip(cases, results):
            agrees = close(example["expect"], values, example)
            failures += not agrees
            print(f'{"ok  " if agrees else "DIFF"} {name}/{component["id"]}: {example["name"]}')
        if write:
            for (start, end), values in reversed(list(zip(expect_ranges(source), results))):
                source = source[:start] + expect_text(values) + source[end:]
            path.write_text(source)
    sys.exit(0 if write or failures == 0 else 1)


if __name__ == "__main__":
    main()
