"""Pairs of runs in NumPy: recomputes what the probes `agreement`, `weight_distance` and `cka_runs` measured of the runs of a study
of multi-layer perceptrons, from the parameters that they kept and the rows that they recorded.

usage: python3 run_pairs.py STUDY_FOLDER     (exit status 1 if a value disagrees)

The study's model is an mlp with relu; it records layer.input and labels, of the rows and at a step of its probes.
"""
import csv
import json
import pathlib
import struct
import sys

import numpy as np

from cka import cka
from run_folder import Comparison, Run


def safetensors(file):
    data = file.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    types = {"F32": "<f4", "F64": "<f8"}
    return {
        name: np.frombuffer(
            data[8 + size + tensor["data_offsets"][0]:8 + size + tensor["data_offsets"][1]],
            types[tensor["dtype"]]).reshape(tensor["shape"]).astype(float)
        for name, tensor in header.items()
    }


def forward(parameters, x):
    """Inputs and outputs (before the bias) of each layer, and the network's output."""
    layers = [name[:-len(".weight")] for name in parameters if name.endswith(".weight")]
    layers.sort(key=lambda name: (name == "head", name))
    inputs, outputs = {}, {}
    for layer in layers:
        inputs[layer], outputs[layer] = x, x @ parameters[f"{layer}.weight"].T
        out = outputs[layer] + parameters[f"{layer}.bias"]
        x = np.maximum(out, 0)
    return inputs, outputs, out


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: python3 {sys.argv[0]} STUDY_FOLDER")
    study = pathlib.Path(sys.argv[1])
    comparison = Comparison(1e-12)
    with open(study / "pairs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        folders = [study / "runs" / row[name] for name in ("first", "second")]
        run, step = Run(folders[0]), int(row["step"])
        kept = [safetensors(folder / "parameters" / f"step-{step:08d}.safetensors") for folder in folders]
        component = run.settings["probes"][row["probe"]]["plugin"].split("/")[-1]
        arrays = dict(run.arrays()).get(step)
        value = float(row["value"]) if row["value"] else row["reason"]
        where = f"{row['probe']} {row['output']} {row['layer']} at {step}"
        if component == "weight_distance":
            v, w = [np.concatenate([p[name].ravel() for name in sorted(kept[0])]) for p in kept]
            expected = dict(distance=np.linalg.norm(v - w), cosine=v @ w / np.linalg.norm(v) / np.linalg.norm(w))
            comparison.check(where, value, expected[row["output"]])
        elif arrays is not None:
            first = min((name for name in arrays if name.endswith("/layer.input")), key=lambda name: (name != "fc1/layer.input", name))
            (a_in, a_out, a), (b_in, b_out, b) = [forward(p, arrays[first]) for p in kept]
            if component == "agreement":
                labels, p, q = arrays["labels"], a.argmax(1), b.argmax(1)
                expected = dict(agreement=(p == q).mean(), both_wrong=((p != labels) & (q != labels)).mean())
                comparison.check(where, value, expected[row["output"]])
            else:
                sides = dict(input=(a_in, b_in), output=(a_out, b_out))[row["output"].split(".")[0]]
                comparison.check(where, value, cka(*[side[row["layer"]] for side in sides]))
    sys.exit(comparison.finish())


if __name__ == "__main__":
    main()
