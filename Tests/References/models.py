"""Models by PyTorch (needs torch and safetensors), written to models/*.safetensors: parameters, a batch, loss and all gradients.

    python3 Tests/References/models.py

Networks are PyTorch's own modules where it has them (Linear, Conv2d, BatchNorm2d, TransformerEncoderLayer, RNN, GRU, LSTM). A file
holds, by the plugins' names and in their layouts, parameter/* and statistic/* (f32, so that both precisions begin alike), batch/x and
batch/y, loss, output and gradient/* (f64), and after/*: parameters and statistics after three steps of gradient descent.
"""
import json
import pathlib
from collections import OrderedDict

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

folder = pathlib.Path(__file__).parent / "models"
lr, steps = 0.1, 3


class Reference:
    """A network, and where its tensors are in the plugin: {torch's name: [(plugin's name, slice of the first axis)]}."""

    def __init__(self, name, plugin, options, net, x, y, names, classes=None, x_classes=None, loss=None):
        self.name, self.plugin, self.options, self.net, self.x, self.y = name, plugin, options, net, x, y
        self.names, self.classes, self.x_classes = names, classes, x_classes
        self.loss = loss or (lambda f, y: F.cross_entropy(f.flatten(0, -2), y.flatten()))
        self.loss_plugin = "mean_squared_error" if loss else "cross_entropy"

    def pieces(self, tensors):
        """Tensors by the plugin's names: convolutions as [out, height, width, in]."""
        result = {}
        for name, tensor in tensors:
            if name.endswith("num_batches_tracked"):
                continue
            for other, part in self.names(name):
                piece = tensor.detach()[part]
                result[other] = (piece.permute(0, 2, 3, 1) if piece.ndim == 4 else piece).contiguous().clone()
        return result

    def gradients(self):
        self.net.zero_grad()
        output = self.net(self.x)
        loss = self.loss(output, self.y)
        loss.backward()
        return output, loss

    def write(self):
        net = self.net.double().train()
        with torch.no_grad():
            for parameter in net.parameters():  # not 0 and 1, and exact in f32
                if parameter.ndim == 1:
                    parameter += 0.3 * torch.randn_like(parameter)
                parameter.copy_(parameter.float())
        arrays = {"batch/x": self.x, "batch/y": self.y}
        for name, tensor in self.pieces(net.state_dict().items()).items():
            arrays[f"parameter/{name}"] = tensor.float()
        output, loss = self.gradients()
        arrays["output"], arrays["loss"] = output.detach().contiguous(), loss.detach().reshape(1)
        for name, tensor in self.pieces((n, p.grad) for n, p in net.named_parameters()).items():
            arrays[f"gradient/{name}"] = tensor
        # Batches are moved by the running statistics once already: begin the three steps anew.
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.reset_running_stats()
        for _ in range(steps):
            self.gradients()
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter -= lr * parameter.grad
        kept = self.pieces(net.state_dict().items())
        for name in [n for n in kept if n.endswith((".mean", ".variance"))] or [list(kept)[-1]]:
            arrays[f"after/{name}"] = kept[name]
        about = {"model": self.plugin, "options": json.dumps(self.options), "loss": self.loss_plugin, "lr": str(lr),
                 "steps": str(steps), "torch": torch.__version__}
        if self.classes:
            about["classes"] = str(self.classes)
        if self.x_classes:
            about["x_classes"] = str(self.x_classes)
        folder.mkdir(exist_ok=True)
        save_file(arrays, folder / f"{self.name}.safetensors", about)


def half_squares(f, y):
    """The mean over samples and positions of half the squared distance."""
    return 0.5 * (f - y).square().sum(-1).mean()


whole = slice(None)
norm_names = {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "variance"}


def plain(name):
    """The plugin's name of a tensor: parameters of normalizations are scale, shift, mean and variance."""
    module, kind = name.rsplit(".", 1)
    return [(f"{module}.{norm_names[kind] if 'norm' in module else kind}", whole)]


def renamed(table):
    """Names after replacing beginnings of modules."""
    def names(name):
        for old, new in table.items():
            name = name.replace(old, new)
        return plain(name)
    return names


# Networks

activations = {"relu": F.relu, "tanh": torch.tanh, "gelu": F.gelu}


class MLP(nn.Module):
    def __init__(self, inputs, widths, outputs, norm, activation, residual):
        super().__init__()
        self.layers, self.residual, self.activation = [], residual, activation
        for i, width in enumerate(widths, 1):
            layer = nn.Linear(inputs, width), norm(width)
            self.layers.append(layer)
            self.add_module(f"fc{i}", layer[0])
            self.add_module(f"norm{i}", layer[1])
            inputs = width
        self.head = nn.Linear(inputs, outputs)

    def forward(self, x):
        for i, (linear, norm) in enumerate(self.layers):
            y = self.activation(norm(linear(x)))
            x = x + y if self.residual and i > 0 else y
        return self.head(x)


class ConvNet(nn.Module):
    def __init__(self, inputs, channels, pool_after, outputs, activation, pool, norm, kernel=3):
        super().__init__()
        self.count, self.pool_after, self.activation, self.pool = len(channels), pool_after, activation, pool
        for i, width in enumerate(channels, 1):
            setattr(self, f"conv{i}", nn.Conv2d(inputs, width, kernel, padding="same"))
            setattr(self, f"norm{i}", norm(width))
            inputs = width
        self.head = nn.Linear(inputs, outputs)

    def forward(self, x):
        x = x.permute(0, 3, 1, 2)
        for i in range(1, self.count + 1):
            x = self.activation(getattr(self, f"norm{i}")(getattr(self, f"conv{i}")(x)))
            if i in self.pool_after:
                x = self.pool(x, 2)
        return self.head(x.mean((2, 3)))


class BasicBlock(nn.Module):
    """torchvision.models.resnet.BasicBlock."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.projects = stride != 1 or inputs != width
        if self.projects:
            self.shortcut = nn.Conv2d(inputs, width, 1, stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(width)

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + (self.shortcut_norm(self.shortcut(x)) if self.projects else x))


class ResNet(nn.Module):
    """torchvision.models.resnet.ResNet with the stem for small images (He et al. 2016, section 4.2)."""

    def __init__(self, inputs, width, blocks, outputs):
        super().__init__()
        self.stem = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        inputs = width
        for stage, count in enumerate(blocks):
            row = []
            for block in range(count):
                row.append((f"block{block + 1}",
                            BasicBlock(inputs, width << stage, 2 if stage > 0 and block == 0 else 1)))
                inputs = width << stage
            setattr(self, f"stage{stage + 1}", nn.Sequential(OrderedDict(row)))
        self.stages = [getattr(self, f"stage{i + 1}") for i in range(len(blocks))]
        self.head = nn.Linear(inputs, outputs)

    def forward(self, x):
        x = F.relu(self.stem_norm(self.stem(x.permute(0, 3, 1, 2))))
        for stage in self.stages:
            x = stage(x)
        return self.head(x.mean((2, 3)))


class Transformer(nn.Module):
    """Layers are torch.nn.TransformerEncoderLayer."""

    def __init__(self, inputs, length, d, heads, layers, hidden, outputs, activation, causal, pre, at, tied=False,
                 tokens=True):
        super().__init__()
        self.embedding = nn.Embedding(inputs, d) if tokens else nn.Linear(inputs, d)
        self.positions = nn.Embedding(length, d)
        self.block = nn.ModuleList(
            nn.TransformerEncoderLayer(d, heads, hidden, dropout=0, activation=activation, batch_first=True,
                                       norm_first=pre) for _ in range(layers))
        self.norm = nn.LayerNorm(d) if pre else None
        self.head = None if tied else nn.Linear(d, outputs)
        self.mask = nn.Transformer.generate_square_subsequent_mask(length, dtype=torch.float64) if causal else None
        self.at = at

    def forward(self, x):
        h = self.embedding(x) + self.positions.weight
        for block in self.block:
            h = block(h, src_mask=self.mask)
        if self.norm:
            h = self.norm(h)
        h = {"each": h, "last": h[:, -1], "mean": h.mean(1)}[self.at]
        return self.head(h) if self.head else h @ self.embedding.weight.T


def transformer_names(d):
    def names(name):
        if not name.startswith("block."):
            return plain(name)
        _, index, rest = name.split(".", 2)
        block = f"block{int(index) + 1}"
        if "in_proj" in rest:  # queries, keys and values below each other
            kind = rest.rsplit("_", 1)[1]
            return [(f"{block}.{part}.{kind}", slice(i * d, (i + 1) * d)) for i, part in enumerate(("query", "key", "value"))]
        for old, new in {"self_attn.out_proj": "out", "linear1": "fc1", "linear2": "fc2"}.items():
            rest = rest.replace(old, new)
        return plain(f"{block}.{rest}")
    return names


class RecurrentNet(nn.Module):
    def __init__(self, kind, inputs, hidden, layers, outputs, at, vocabulary=None, truncate=None):
        super().__init__()
        self.truncate = truncate
        self.embedding = nn.Embedding(vocabulary, inputs) if vocabulary else None
        self.rnn = kind(inputs, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, outputs)
        self.at = at

    def forward(self, x):
        x = self.embedding(x) if self.embedding else x
        pieces, state = [], None
        for piece in x.split(self.truncate or x.shape[1], 1):
            h, state = self.rnn(piece, state)
            pieces.append(h)
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        h = torch.cat(pieces, 1)
        return self.head({"each": h, "last": h[:, -1], "mean": h.mean(1)}[self.at])


def recurrent_names(name):
    if not name.startswith("rnn."):
        return plain(name)
    kind, part, layer = name.removeprefix("rnn.").split("_")
    return [(f"rnn{int(layer[1:]) + 1}.{'input' if part == 'ih' else 'hidden'}.{kind}", whole)]


# Batches

def real(*shape):
    """f32 numbers in f64."""
    return torch.randn(*shape, dtype=torch.float32).double()


def labels(classes, *shape):
    return torch.randint(classes, shape)


def references():
    norms = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d, "rms": lambda width: nn.RMSNorm(width, eps=1e-5)}
    for norm, make in norms.items():
        residual = norm != "batch"
        yield Reference(
            f"mlp-{norm}", "mlp", {"widths": [7, 7, 7], "norm": norm, "residual": residual, "activation": "tanh"},
            MLP(5, [7, 7, 7], 3, make, torch.tanh, residual), real(11, 5), labels(3, 11), plain, classes=3)
    yield Reference(
        "conv_net", "conv_net", {"channels": [5, 4, 6], "pool_after": [1], "norm": "none"},
        ConvNet(3, [5, 4, 6], [1], 7, F.relu, F.max_pool2d, lambda width: nn.Identity()), real(4, 8, 10, 3), labels(7, 4),
        plain, classes=7)
    yield Reference(
        "conv_net-batch", "conv_net",
        {"channels": [4, 6], "pool_after": [1], "norm": "batch", "activation": "gelu", "pool": "average", "kernel": 2},
        ConvNet(3, [4, 6], [1], 7, F.gelu, F.avg_pool2d, nn.BatchNorm2d, kernel=2), real(4, 6, 8, 3), labels(7, 4), plain,
        classes=7)
    yield Reference(
        "resnet", "resnet", {"width": 2, "blocks": [2, 1, 1]}, ResNet(3, 2, [2, 1, 1], 5), real(6, 8, 8, 3), labels(5, 6), plain,
        classes=5)
    yield Reference(
        "transformer-causal", "transformer",
        {"d_model": 12, "heads": 3, "layers": 2, "mlp_ratio": 2, "causal": True, "norm_position": "pre", "output": "each"},
        Transformer(7, 5, 12, 3, 2, 24, 7, "gelu", True, True, "each"), labels(7, 4, 5), labels(7, 4, 5),
        transformer_names(12), classes=7, x_classes=7)
    yield Reference(
        "transformer-post", "transformer",
        {"d_model": 8, "heads": 2, "layers": 2, "mlp_ratio": 3, "causal": False, "norm_position": "post", "output": "mean",
         "activation": "relu"},
        Transformer(3, 5, 8, 2, 2, 24, 6, "relu", False, False, "mean", tokens=False), real(4, 5, 3), labels(6, 4),
        transformer_names(8), classes=6)
    yield Reference(
        "transformer-tied", "transformer",
        {"d_model": 8, "heads": 2, "layers": 1, "mlp_ratio": 2, "output": "last", "unembedding": "tied", "bias": True},
        Transformer(6, 5, 8, 2, 1, 16, 6, "gelu", True, True, "last", tied=True), labels(6, 4, 5), labels(6, 4),
        transformer_names(8), classes=6, x_classes=6)
    for cell, kind in {"tanh": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}.items():
        yield Reference(
            f"recurrent-{cell}", "recurrent_net", {"cell": cell, "hidden": 6, "layers": 2, "output": "last"},
            RecurrentNet(kind, 3, 6, 2, 5, "last"), real(4, 7, 3), labels(5, 4), recurrent_names, classes=5)
    yield Reference(
        "recurrent-tokens", "recurrent_net",
        {"cell": "lstm", "hidden": 4, "layers": 1, "embedding": 3, "output": "each"},
        RecurrentNet(nn.LSTM, 3, 4, 1, 2, "each", vocabulary=5), labels(5, 3, 6), real(3, 6, 2), recurrent_names,
        x_classes=5, loss=half_squares)
    yield Reference(
        "recurrent-truncated", "recurrent_net",
        {"cell": "lstm", "hidden": 4, "layers": 2, "truncate": 3, "output": "mean"},
        RecurrentNet(nn.LSTM, 3, 4, 2, 5, "mean", truncate=3), real(4, 8, 3), labels(5, 4), recurrent_names, classes=5)


if __name__ == "__main__":
    torch.manual_seed(0)
    for reference in references():
        reference.write()
