"""The examples of `asymmetric` in Plugins/Reparametrization, recomputed with the streams of streams.py.

usage: python3 asymmetric.py     (exit status 1 if plugin.json disagrees)
"""
import json
import pathlib
import sys

import numpy as np

from streams import Stream

manifest = pathlib.Path(__file__).parents[2] / "Plugins" / "Reparametrization" / "plugin.json"


def expected(given):
    """The parameter's name in an example is w."""
    shape, (fixed, kappa) = given["w"]["shape"], (given["fixed"], given.get("kappa", 1))
    w = np.array(given["w"]["data"], float).reshape(shape[0], -1)
    stream = lambda name: Stream(int(given.get("seed", "0")), f"syzygy.reparametrization/asymmetric/{name}/w")
    mask, seen = np.ones_like(w), set()
    for row in range(len(w)):
        for attempt in range(100):
            chosen = stream(f"mask/{row}/{attempt}").permutation(w.shape[1])[:fixed]
            if fixed == 0 or frozenset(chosen) not in seen:
                break
        seen.add(frozenset(chosen))
        mask[row, chosen] = 0
    rest = kappa * (1 - mask) * stream("fixed").normal(0, w.size).reshape(w.shape)
    return {"v": (mask * w).ravel(), "value": (mask * w + rest).ravel()}


def main():
    component = next(c for c in json.loads(manifest.read_text())["components"] if c["id"] == "asymmetric")
    wrong = False
    for example in component["examples"]:
        for name, values in expected(example["given"]).items():
            if not np.allclose(example["expect"][name]["data"], values, rtol=1e-13, atol=1e-15):
                wrong = True
                print(f"{example['name']}: {name} should be {values.tolist()}")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
