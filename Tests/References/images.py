#!/usr/bin/env python3
"""Writes the files of Plugins/Images/examples and prints what the examples of its plugin.json expect.

The readers here are NumPy's: np.frombuffer with big-endian types, and a transposition of planes.
    images.py          writes the files and prints the expected values
    images.py --check  compares the files with what it would write
"""
import gzip
import io
import json
import pathlib
import sys

import numpy as np

folder = pathlib.Path(__file__).resolve().parents[2] / "Plugins/Images/examples"


def idx(array, code):
    header = bytes([0, 0, code, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def compressed(data):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=0) as file:
        file.write(data)
    return out.getvalue()


images = (np.arange(7 * 5 * 3) * 37 % 256).astype(np.uint8).reshape(7, 5, 3)
images[:, 0, 0] = 9
labels = np.array([2, 0, 3, 1, 3, 0, 2], np.uint8)
test_images = (np.arange(2 * 5 * 3) * 11 % 256).astype(np.uint8).reshape(2, 5, 3)
test_labels = np.array([1, 3], np.uint8)

n = 3
rng = np.arange(n * 3 * 32 * 32, dtype=np.int64)
planes = ((rng * 2654435761 >> 9) % 256).astype(np.uint8).reshape(n, 3, 32, 32)
ten = b"".join(bytes([label]) + planes[i].tobytes() for i, label in enumerate([9, 0, 4]))
hundred = b"".join(bytes([c, f]) + planes[i].tobytes() for i, (c, f) in enumerate([(19, 99), (0, 3), (7, 42)]))

files = {
    "images-idx3-ubyte": idx(images, 8),
    "labels-idx1-ubyte": idx(labels, 8),
    "test-images-idx3-ubyte.gz": compressed(idx(test_images, 8)),
    "test-labels-idx1-ubyte.gz": compressed(idx(test_labels, 8)),
    "cifar10.bin.gz": compressed(ten),
    "cifar100.bin.gz": compressed(hundred),
}

if "--check" in sys.argv:
    for name, data in files.items():
        found = (folder / name).read_bytes()
        if name.endswith(".gz"):  # versions of zlib may compress differently
            found, data = gzip.decompress(found), gzip.decompress(data)
        assert found == data, name
else:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)

x = images.astype(np.float64)
mean, std = x[:6].mean(), x[:6].std()
pixel_mean, pixel_std = x[:6].mean(0), x[:6].std(0)
scaled = np.where(pixel_std > 0, (test_images - pixel_mean) / np.where(pixel_std > 0, pixel_std, 1), 0)
print("unit, train 1..<3:", json.dumps((x[1:3] / 255).ravel().tolist()))
print("channel, test 1..<2:", json.dumps(((test_images[1] - mean) / std).ravel().tolist()))
print("pixel, test 0..<1:", json.dumps(scaled[0].ravel().tolist()))
image = planes[2].transpose(1, 2, 0) / 255
print("cifar, row 2, first pixels:", json.dumps(image.ravel()[:9].tolist()), "sum", image.sum())
