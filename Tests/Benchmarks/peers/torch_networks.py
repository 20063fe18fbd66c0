"""The workloads' networks as one writes them in PyTorch; parameters have the host's names, those of norms PyTorch's."""
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

activations = {"tanh": nn.Tanh, "relu": nn.ReLU}


def network(workload):
    """A network with PyTorch's first weights, or the exported ones."""
    model = workload.model
    if workload.is_a(model, "mlp"):
        net = mlp(workload.inputs[0], model["widths"], workload.outputs, model["activation"])
    elif workload.is_a(model, "conv_net"):
        net = conv_net(workload.inputs[2], model["channels"], model["pool_after"], workload.classes)
    elif workload.is_a(model, "transformer"):
        net = Transformer(workload.classes, workload.inputs[0], model["d_model"], model["heads"], model["layers"])
    else:
        raise SystemExit(f'no peer for the model {model["plugin"]}')
    if workload.exported:
        values = {name.replace(".scale", ".weight").replace(".shift", ".bias"): torch.tensor(array)
                  for name, array in workload.exported_arrays("parameter").items()}
        # Convolutions: [out, height, width, in] there, [out, in, height, width] here.
        net.load_state_dict({name: v.permute(0, 3, 1, 2) if v.ndim == 4 else v for name, v in values.items()})
    return net


def mlp(inputs, widths, outputs, activation):
    layers = OrderedDict()
    for i, width in enumerate(widths, 1):
        layers[f"fc{i}"] = nn.Linear(inputs, width)
        layers[f"activation{i}"] = activations[activation]()
        inputs = width
    layers["head"] = nn.Linear(inputs, outputs)
    return nn.Sequential(layers)


def conv_net(inputs, channels, pool_after, classes):
    layers = OrderedDict()
    for i, width in enumerate(channels, 1):
        layers[f"conv{i}"] = nn.Conv2d(inputs, width, 3, padding=1)
        layers[f"activation{i}"] = nn.ReLU()
        if i in pool_after:
            layers[f"pool{i}"] = nn.MaxPool2d(2)
        inputs = width
    layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["head"] = nn.Linear(inputs, classes)
    return nn.Sequential(layers)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.query, self.key, self.value, self.out = (nn.Linear(d, d) for _ in range(4))
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        rows, length, d = x.shape
        h = self.norm1(x)
        q, k, v = (f(h).view(rows, length, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(h.transpose(1, 2).reshape(rows, length, d))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Transformer(nn.Module):
    """Causal, norms in front, learned positions, own unembedding; logits [rows, length, vocabulary]."""

    def __init__(self, vocabulary, length, d, heads, layers):
        super().__init__()
        self.embedding, self.positions = nn.Embedding(vocabulary, d), nn.Embedding(length, d)
        self.layers = layers
        for i in range(1, layers + 1):
            self.add_module(f"block{i}", Block(d, heads))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, vocabulary)

    def forward(self, x):
        h = self.embedding(x) + self.positions.weight
        for i in range(1, self.layers + 1):
            h = getattr(self, f"block{i}")(h)
        return self.head(self.norm(h))


def loss_function(workload):
    """The mean loss of a batch."""
    loss = workload.loss
    if workload.is_a(loss, "cross_entropy"):
        return lambda f, y: F.cross_entropy(f.flatten(0, -2), y.flatten())
    factor = (0.5 if loss["half"] else 1) / (workload.outputs if loss["over"] == "mean" else 1)
    return lambda f, y: factor * (f - y).square().sum(-1).mean()
