"""Convolutions, pooling and patches by PyTorch (needs torch), written to convolution.json: values and gradients.

Tensors are by formula, channels last, i counting from 0: element i of tensor t is ((13 i + 7 i² + 5 t) mod 19 - 9) / 8, so that
everything is exact in f32 and f64 (t = 0 for x, 1 for the weight, 2 for the cotangent of the result).
"""
import json
import pathlib

import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def tensor(number, shape):
    i = torch.arange(torch.Size(shape).numel())
    return ((((13 * i + 7 * i * i + 5 * number) % 19) - 9) / 8).reshape(shape)


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def pair(a, name, default):
    both = a.get(name, default)
    return a.get(name + "_h", both), a.get(name + "_w", both)


def padding(a):
    p = a.get("padding", 0)
    return [a.get("padding_" + side, p) for side in ("left", "right", "top", "bottom")]


def conv2d(a, x, w):
    y = F.conv2d(F.pad(channels_first(x), padding(a)), channels_first(w), stride=pair(a, "stride", 1),
                 dilation=pair(a, "dilation", 1), groups=a.get("groups", 1))
    return channels_last(y)


def pool(function):
    def apply(a, x):
        size = pair(a, "size", None)
        stride = pair(a, "stride", None)
        return channels_last(function(channels_first(x), size, [s or k for s, k in zip(stride, size)], a.get("padding", 0)))
    return apply


def patches(a, x):
    size, stride, dilation = pair(a, "size", None), pair(a, "stride", 1), pair(a, "dilation", 1)
    columns = F.unfold(F.pad(channels_first(x), padding(a)), size, dilation, 0, stride)  # [rows, c kh kw, positions]
    rows, _, positions = columns.shape
    return columns.reshape(rows, x.shape[3], -1, positions).permute(0, 3, 2, 1).reshape(rows * positions, -1)


functions = {"conv2d": conv2d, "max_pool": pool(F.max_pool2d), "average_pool": pool(F.avg_pool2d), "patches": patches}
cases = [
    ("conv2d", {}, [2, 7, 5, 3], [4, 3, 2, 3]),
    ("conv2d", {"stride": 2, "padding": 1}, [3, 7, 6, 5], [4, 3, 2, 5]),
    ("conv2d", {"stride_h": 3, "stride_w": 2, "padding_top": 2, "padding_left": 1, "padding_right": 3}, [2, 8, 7, 3],
     [5, 4, 3, 3]),
    ("conv2d", {"dilation": 2, "padding": 2}, [2, 7, 6, 3], [5, 3, 2, 3]),
    ("conv2d", {"dilation_h": 2, "stride": 3, "padding": 3}, [2, 9, 7, 3], [5, 3, 4, 3]),
    ("conv2d", {"groups": 2}, [2, 7, 5, 6], [4, 3, 2, 3]),
    ("conv2d", {"groups": 3, "stride": 2, "padding": 1, "dilation": 2}, [2, 9, 7, 6], [12, 3, 2, 2]),
    ("conv2d", {"groups": 6, "stride": 2, "padding": 1}, [3, 7, 5, 6], [6, 3, 2, 1]),
    ("conv2d", {"groups": 3}, [2, 5, 4, 3], [6, 2, 3, 1]),
    ("conv2d", {"padding": 2}, [3, 2, 1, 4], [5, 4, 3, 4]),
    ("conv2d", {"stride": 2}, [3, 5, 4, 6], [7, 1, 1, 6]),
    ("conv2d", {"stride": 3, "padding": 1}, [2, 8, 5, 3], [4, 2, 1, 3]),
    ("conv2d", {"padding": 1}, [2, 4, 3, 5], [37, 3, 2, 5]),
    ("conv2d", {"padding": 1}, [1, 4, 3, 33], [64, 2, 1, 33]),
    ("max_pool", {"size": 2}, [2, 7, 5, 3]),
    ("max_pool", {"size": 3, "stride": 2, "padding": 1}, [3, 7, 6, 5]),
    ("max_pool", {"size_h": 3, "size_w": 2, "stride_h": 1, "stride_w": 3}, [2, 5, 7, 67]),
    ("max_pool", {"size": 2}, [3, 6, 4, 19]),
    ("max_pool", {"size_h": 3, "size_w": 2}, [2, 6, 4, 5]),
    ("average_pool", {"size": 2}, [2, 7, 5, 3]),
    ("average_pool", {"size_h": 2, "size_w": 3}, [2, 4, 6, 21]),
    ("average_pool", {"size": 3, "stride": 2, "padding": 1}, [3, 7, 6, 5]),
    ("average_pool", {"size_h": 3, "size_w": 2, "stride_h": 1, "stride_w": 3}, [2, 5, 7, 4]),
    ("patches", {"size_h": 3, "size_w": 2, "stride": 2, "padding_top": 1, "padding_right": 2}, [2, 7, 5, 3]),
    ("patches", {"size": 2, "dilation_w": 3, "padding": 1}, [3, 5, 6, 4]),
]
results = []
for name, attributes, *shapes in cases:
    inputs = [tensor(t, shape).requires_grad_() for t, shape in enumerate(shapes)]
    value = functions[name](attributes, *inputs)
    value.backward(tensor(2, value.shape))
    results.append({
        "name": name, "attributes": attributes, "shapes": shapes, "shape": list(value.shape),
        "value": value.flatten().tolist(), "gradients": [x.grad.flatten().tolist() for x in inputs]})
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"torch": torch.__version__, "cases": results}).replace('{"name"', '\n{"name"') + "\n")
