#!/usr/bin/env python3
"""Writes the files of Plugins/Arrays/examples and prints the numbers that the examples of its plugin.json expect.

    arrays.py          writes table.npz, table.safetensors and table.csv; prints JSON
    arrays.py --check  reads the files back with NumPy (and safetensors, where installed) and compares
"""
import csv
import json
import pathlib
import sys

import numpy as np

folder = pathlib.Path(__file__).resolve().parents[2] / "Plugins/Arrays/examples"

x = (np.arange(30).reshape(5, 3, 2) * 7 % 11 / 4).astype(np.float32)
y = np.array([1, 0, 2, 0, 2], np.int16)
target = np.array([[0.5, -1], [2, 3], [1e-3, 0], [7, 1], [0, 0]])
table = """length,colour,weight,kind
1.5,red,3,"cat, small"
-2,"gr""een",0.5,bird
2,red,-0.25,bird
40,blue,7,ant
0.125,"gr""een",1e3,bird
"""

if "--check" not in sys.argv:
    from safetensors.numpy import save_file

    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / "table.npz", x=np.asfortranarray(x), y=y, target=target.astype(">f8"))
    save_file({"x": x, "y": y, "target": target}, folder / "table.safetensors")
    (folder / "table.csv").write_text(table)
else:
    found = np.load(folder / "table.npz")
    assert (found["x"] == x).all() and (found["y"] == y).all() and (found["target"] == target).all()
    try:
        from safetensors.numpy import load_file

        found = load_file(folder / "table.safetensors")
        assert (found["x"] == x).all() and (found["y"] == y).all() and (found["target"] == target).all()
    except ImportError:
        pass

rows = list(csv.DictReader((folder / "table.csv").open()))
length = np.array([float(row["length"]) for row in rows])
wide = x.astype(np.float64)
z = (wide - wide.mean((0, 1))) / wide.std((0, 1))
print(json.dumps({
    "x": wide.tolist(), "z": z.tolist(), "target": target.tolist(),
    "length": ((length - length.mean()) / length.std()).tolist(),
    "kinds": sorted({row["kind"] for row in rows}), "colours": sorted({row["colour"] for row in rows}),
}))
