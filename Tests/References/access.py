"""Runs the blocks of docs/access.md and compares what they find with the observations of runs, read by the csv module.

usage: python3 access.py PAGE PACKAGE...    (in the folder that has `out`; PACKAGE: pandas, numpy, safetensors, duckdb, tensorboard)
"""
import csv
import glob
import json
import re
import struct
import sys


def observations():
    """[(record, {(step, probe, output, layer, index): value or None})]"""
    found = []
    for file in sorted(glob.glob("out/runs/*/observations.csv")):
        with open(file.replace("observations.csv", "run.json")) as text:
            record = json.load(text)
        with open(file, newline="") as rows:
            values = {
                (int(r["step"]), r["probe"], r["output"], r["layer"], r["index"]): float(r["value"]) if r["value"] else None
                for r in csv.DictReader(rows)}
        found.append((record, values))
    return found


DECAY = "regularizers.l2.weight_decay"


def close(a, b):
    assert abs(a - b) <= 1e-12 * max(1, abs(b)), (a, b)


def pandas(blocks, runs):
    names = blocks["import pandas"]
    last = max(step for step, *_ in runs[0][1])
    for decay in {record["swept"][DECAY] for record, _ in runs}:
        own = [values for record, values in runs if record["swept"][DECAY] == decay]
        row = names["means"].loc[(decay, "crh", "forward_rga.raw.alpha", "fc2")]
        values = [v[last, "crh", "forward_rga.raw.alpha", "fc2", ""] for v in own]
        close(row["mean"], sum(values) / len(values))
        assert row["count"] == len(values) == 2
        close(row["sem"], abs(values[0] - values[1]) / 2)
        for step, value in names["curves"]["fc1", decay].items():
            close(value, sum(v[step, "crh", "forward_rga.raw.alpha", "fc1", ""] for v in own) / len(own))
    record, values = runs[0]
    close(names["wide"].loc[(record["name"], "head"), "backward_rwa.raw.cos"], values[last, "crh", "backward_rwa.raw.cos", "head", ""])
    lacking = sum(value is None for _, values in runs for value in values.values())
    assert names["missing"].sum() == lacking, (names["missing"], lacking)
    assert len(names["table"]) == sum(len(values) for _, values in runs)


def numpy(blocks, runs):
    names = blocks["import numpy"]
    assert names["alpha"].shape == (len(runs), len(names["steps"])) == (6, len(names["steps"]))
    by_name = {record["name"]: (record, values) for record, values in runs}
    for run, decay, seed, row in zip(names["runs"], names["decay"], names["seed"], names["alpha"]):
        record, values = by_name[run["run"]]
        assert (record["swept"][DECAY], record["seed"], run["status"]) == (decay, seed, "finished") and run["seed"] == seed
        for step, value in zip(names["steps"], row):
            assert value == values[step, "crh", "forward_rga.raw.alpha", "fc1", ""]
    assert names["alpha"][names["best"], -1] == names["alpha"][:, -1].max()


def safetensors(blocks, runs):
    names = blocks["import torch"]
    assert sorted(names["weights"]) == sorted(f"{layer}.{kind}" for layer in ("fc1", "fc2", "head") for kind in ("weight", "bias"))
    assert names["weights"]["fc2.weight"].shape == (128, 128) and names["layer"].in_features == 64
    assert len(glob.glob("out/weights/*")) == len(runs)


def duckdb(page, runs):
    import duckdb

    last = max(step for step, *_ in runs[0][1])
    rows = duckdb.sql(re.search(r"```sql\n(.*?)```", page, re.S).group(1)).fetchall()
    assert [row[0] for row in rows] == sorted({record["swept"][DECAY] for record, _ in runs})
    for decay, accuracy, _, count in rows:
        own = [v[last, "test", "accuracy", "", ""] for record, v in runs if record["swept"][DECAY] == decay]
        close(accuracy, sum(own) / len(own))
        assert count == len(own)


def tensorboard(runs):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    count = 0
    for record, values in runs:
        events = EventAccumulator(f"out/tensorboard/{record['name']}", size_guidance={"scalars": 0})
        events.Reload()
        found = {}
        for tag in events.Tags()["scalars"]:
            for event in events.Scalars(tag):
                found[event.step, tag] = event.value
        expected = {
            (step, "/".join(filter(None, (probe, output, layer)))): struct.unpack("f", struct.pack("f", value))[0]
            for (step, probe, output, layer, index), value in values.items() if value is not None and not index}
        assert found == expected, set(found) ^ set(expected)
        count += len(found)
        assert events.FirstEventTimestamp() > 1.6e9
    print(count, "numbers from TensorBoard")


def main(page, packages):
    with open(page) as text:
        page = text.read()
    runs = observations()
    wanted = {"pandas": "import pandas", "numpy": "import numpy", "safetensors": "import torch"}
    blocks = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.S):
        for package, line in wanted.items():
            if line in block and package in packages:
                blocks[line] = {}
                exec(block, blocks[line])
    checks = {
        "pandas": lambda: pandas(blocks, runs), "numpy": lambda: numpy(blocks, runs),
        "safetensors": lambda: safetensors(blocks, runs), "duckdb": lambda: duckdb(page, runs),
        "tensorboard": lambda: tensorboard(runs)}
    for package in packages:
        checks[package]()
        print(package, "agrees")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
