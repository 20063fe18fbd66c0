"""A network trained by PyTorch, its arrays by the hook of docs/measure.md, and what probes make of them in NumPy.

usage: python3 measured.py write FOLDER            (imports hook.py from there; writes step-0.npz and step-30.npz)
       python3 measured.py compare OBSERVATIONS    (exit status 1 if a value disagrees; reads the arrays in the working folder)
"""
import csv
import sys

import numpy as np

from alignment import alignment, moment


def write(folder):
    sys.path.insert(0, folder)
    import torch
    from hook import record

    torch.manual_seed(0)
    x = torch.randn(210, 7)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    model = torch.nn.Sequential(torch.nn.Linear(7, 6), torch.nn.Tanh(), torch.nn.Linear(6, 5), torch.nn.ReLU(),
                                torch.nn.Linear(5, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for step in range(31):
        if step in (0, 30):
            record(model, torch.nn.CrossEntropyLoss(reduction="sum"), x, y, f"{folder}/step-{step}.npz")
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def expected(arrays):
    """{(probe, output, layer): value}"""
    values = {}
    for name in ("0", "2", "4"):
        a, w, gb = (arrays[f"{name}/layer.{q}"].astype(float) for q in ("input", "weight", "output_grad"))
        ga, b = gb @ w, a @ w.T
        for variant in ("raw", "normalized"):
            sides = {
                "forward": dict(r=moment(b, variant), g=moment(gb, variant), w=w @ w.T),
                "backward": dict(r=moment(a, variant), g=moment(ga, variant), w=w.T @ w)}
            for side, m in sides.items():
                for pair in ("rg", "rw", "gw"):
                    for output, value in alignment(m[pair[0]], m[pair[1]]).items():
                        values["alignment", f"{side}_{pair}a.{variant}.{output}", name] = value
    features, labels = arrays["4/layer.input"].astype(float), arrays["labels"]
    means = np.stack([features[labels == k].mean(0) for k in range(3)])
    within = np.mean(np.sum((features - means[labels]) ** 2, 1))
    nearest = np.argmin(((features[:, None] - means) ** 2).sum(2), 1)
    values["neural_collapse", "ncc_error", ""] = np.mean(nearest != labels)
    values["neural_collapse", "nc4", ""] = np.mean(nearest != arrays["model.output"].argmax(1))
    assert within > 0
    return values


def compare(file):
    with open(file, newline="") as lines:
        rows = {(int(r["step"]), r["probe"], r["output"], r["layer"]): r for r in csv.DictReader(lines)}
    count = wrong = 0
    for step in (0, 30):
        with np.load(f"step-{step}.npz") as arrays:
            for key, value in expected(arrays).items():
                row = rows.get((step, *key))
                count += 1
                if row is None or not row["value"] or not abs(float(row["value"]) - value) <= 1e-9 * max(1, abs(value)):
                    wrong += 1
                    print(step, key, value, row and (row["value"], row["reason"]))
    print(f"{count} values, {wrong} disagree")
    return wrong == 0


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        sys.exit(0 if compare(sys.argv[2]) else 1)
