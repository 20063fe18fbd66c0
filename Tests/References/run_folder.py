"""Reads a run folder (docs/run-folder.md) and compares its observations with values computed elsewhere."""
import csv
import json
import math
import pathlib
import sys

import numpy as np


class Run:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.settings = json.loads((self.folder / "run.json").read_text())["configuration"]
        with open(self.folder / "observations.csv", newline="") as file:
            self.rows = list(csv.DictReader(file))

    def probes(self, component):
        """(key, settings) of every probe of the study that is `component`, with or without its plugin's id."""
        for key, probe in self.settings["probes"].items():
            if probe["plugin"].split("/")[-1] == component and probe.get("split", "train") == "train":
                yield key, probe

    def arrays(self):
        """(step, {key: array}) of every recorded step: `fc1/layer.input` of a layer, `labels` of the whole run."""
        for file in sorted((self.folder / "arrays").glob("step-*.npz")):
            with np.load(file) as data:
                whole = {key: key if "/layer." in key else key.split("/")[-1] for key in data.files}
                yield int(file.stem.split("-")[1]), {name: data[key] for key, name in whole.items()}

    def observed(self, step, probe, layer=""):
        """{(output, index): value, or the reason why there is none}"""
        return {
            (row["output"], row["index"]): float(row["value"]) if row["value"] else row["reason"]
            for row in self.rows
            if (int(row["step"]), row["probe"], row["layer"]) == (step, probe, layer)
        }


class Comparison:
    """Collects disagreements; `expected` NaN means that the run must give a reason instead of a number."""

    def __init__(self, tolerance=1e-9):
        self.tolerance, self.count, self.wrong = tolerance, 0, []

    def check(self, where, observed, expected, slack=1.0):
        self.count += 1
        if isinstance(observed, str):
            agrees = math.isnan(expected)
        else:
            agrees = abs(observed - expected) <= slack * self.tolerance * max(1, abs(expected))
        if not agrees:
            self.wrong.append(f"{where}: the run says {observed}, NumPy says {expected}")

    def finish(self):
        for line in self.wrong:
            print(line)
        print(f"{self.count} values compared, {len(self.wrong)} disagree (relative tolerance {self.tolerance:g})")
        if self.count == 0:
            print("nothing to compare: does the study record arrays at a step where its probes run?")
        return 1 if self.wrong or self.count == 0 else 0


def main(compare, tolerance=1e-9):
    if len(sys.argv) != 2:
        sys.exit(f"usage: python3 {sys.argv[0]} RUN_FOLDER")
    comparison = Comparison(tolerance)
    compare(Run(sys.argv[1]), comparison)
    sys.exit(comparison.finish())
