"""Writes Plugins/Digits/digits.bin from scikit-learn's copy of the UCI handwritten digits (needs scikit-learn).

Record i of 1797: 64 bytes, the pixels 0..16 of the 8 x 8 image row by row, then one byte, the label 0..9.
With --check nothing is written; exit status 1 if the file differs.
"""
import pathlib
import sys

import numpy
from sklearn.datasets import load_digits

file = pathlib.Path(__file__).parents[2] / "Plugins/Digits/digits.bin"
data = load_digits()
assert data.data.shape == (1797, 64) and data.data.min() == 0 and data.data.max() == 16
assert (data.data == numpy.round(data.data)).all() and set(data.target) == set(range(10))
content = numpy.hstack([data.data, data.target[:, None]]).astype(numpy.uint8).tobytes()

if "--check" in sys.argv[1:]:
    same = file.read_bytes() == content
    print("digits.bin agrees with scikit-learn" if same else "digits.bin DIFFERS from scikit-learn")
    sys.exit(0 if same else 1)
file.write_bytes(content)
print(f"{file}: {len(content)} bytes")
