"""The examples of Plugins/Symmetry, recomputed with NumPy from the formulas of its README; or, of a run that recorded
layer.weight, layer.bias and layer.output of the rows of its probes, what `units`, `dead_units` and `asymmetry` observed.

usage: python3 symmetry.py [RUN_FOLDER]     (exit status 1 if plugin.json or a value disagrees)
"""
import json
import pathlib
import sys

import numpy as np

import run_folder

manifest = pathlib.Path(__file__).parents[2] / "Plugins" / "Symmetry" / "plugin.json"


def classes(n, joined):
    label = list(range(n))
    for i, j in joined:
        label = [label[j] if other == label[i] else other for other in label]
    return label


def vectors(given):
    incoming, outgoing = given["incoming"], given["outgoing"]
    bias = given["bias"][:, None] if "bias" in given else np.zeros((len(incoming), 0))
    return np.hstack([incoming, bias, outgoing.T]) if outgoing.shape[1] == len(incoming) else None


def units(p, given):
    z = vectors(given)
    names = ("units vanishing duplicates flipped distinct distinct_up_to_sign nearest permutations signs rotations")
    if z is None:
        return {name: {"undefined": "not_connected"} for name in names.split()}
    h, norms = len(z), np.linalg.norm(z, axis=1)
    lives = [i for i in range(h) if norms[i] > p["small"] * norms.max()]
    pairs = [(i, j) for i in range(h) for j in range(i)]
    cosine = lambda i, j: z[i] @ z[j] / norms[i] / norms[j]
    living = [(i, j) for i, j in pairs if i in lives and j in lives]
    same = [(i, j) for i, j in living if 1 - cosine(i, j) < p["tolerance"]]
    flipped = [(i, j) for i, j in living if 1 + cosine(i, j) < p["tolerance"]]
    distances = [np.linalg.norm(z[i] - z[j]) for i, j in pairs]
    singular = np.zeros(h)
    s = np.linalg.svd(z, compute_uv=False)
    singular[:len(s)] = s[:h]
    count = lambda joined: len({classes(h, joined)[i] for i in lives})
    return {
        "units": h, "vanishing": h - len(lives), "duplicates": len(same), "flipped": len(flipped),
        "distinct": count(same), "distinct_up_to_sign": count(same + flipped),
        "nearest": min(distances) if distances else {"undefined": "one_unit"},
        "permutations": sum(x / np.sqrt(2) < p["threshold"] for x in distances),
        "signs": int((norms < p["threshold"]).sum()), "rotations": int((singular < p["threshold"]).sum())}


def dead_units(p, given):
    z = given["rows"] + (given["bias"] if "bias" in given else 0)
    return {"dead": (z.max(0) <= 0).mean(), "linear": (z.min(0) > 0).mean()}


def entries(p, given):
    w = given["w"].ravel()
    values = [float(w[i]) if i < len(w) else None for i in range(p["leading"])]
    return {"values": values, "smallest": np.abs(w).min(), "largest": np.abs(w).max(),
            "near_zero": int((np.abs(w) < p["threshold"]).sum())}


def first_passage(p, given):
    passed = given["passed"][0]
    if passed < 0 and np.abs(given["w"]).max() > p["level"]:
        passed = given["step"]
    return {"when": {"undefined": "not_passed"} if passed < 0 else passed, "passed": [passed]}


def asymmetry(p, given):
    """The loss is 1/2 mean (x . theta - y)^2."""
    z, theta, x, y = vectors(given), given["parameters"], given["x"], given["y"]
    h, d = given["incoming"].shape
    place = vectors({"incoming": given["incoming_place"], "outgoing": given["outgoing_place"],
                     **({"bias": given["bias_place"]} if "bias" in given else {})}).astype(int)
    deviations = np.array([1 / np.sqrt(d)] * (place.shape[1] - len(given["outgoing"]))
                          + [1 / np.sqrt(h)] * len(given["outgoing"]))
    basis = np.zeros((place.shape[1], len(theta)))
    rows = np.arange(len(basis))
    if p["reflection"] == "sign":
        i = p["units"][0] if p["units"] else int(np.linalg.norm(z, axis=1).argmin())
        basis[rows, place[i]] = 1
    else:
        i, j = p["units"] or min(((i, j) for j in range(h) for i in range(j)),
                                 key=lambda pair: np.linalg.norm(z[pair[0]] - z[pair[1]]))
        basis[rows, place[i]], basis[rows, place[j]] = np.sqrt(0.5), -np.sqrt(0.5)
    loss = lambda at: ((x @ at - y) ** 2).mean() / 2
    hessian = x.T @ x / len(x)
    parts = basis @ theta
    values, axes = np.linalg.eigh(basis @ hessian @ basis.T)
    rate = -values[0] - 2 * p["weight_decay"]
    drive = 2 * p["weight_decay"] * p["sigma0"] * np.linalg.norm(axes[:, 0] * deviations)
    now = abs(axes[:, 0] @ parts)
    result = {
        "distance": np.linalg.norm(parts), "asymmetry": loss(theta) - loss(theta - 2 * basis.T @ parts),
        "penalty_asymmetry": 4 * p["weight_decay"] * p["sigma0"] * np.linalg.norm(parts * deviations),
        "gradient": np.linalg.norm(basis @ (x.T @ (x @ theta - y)) / len(x)), "curvature": values[0], "rate": rate}
    if len(basis) > p["largest"]:
        result.update({name: {"undefined": "too_many_directions"} for name in ("curvature", "rate", "escape_time")})
    elif rate <= 0:
        result["escape_time"] = {"undefined": "stable"}
    else:
        result["escape_time"] = np.log((rate * p["radius"] + drive) / (rate * now + drive)) / rate
    return result


def degree_of_symmetry(p, given):
    """The loss is 1/2 mean (x . theta - y)^2."""
    theta, x, y = given["parameters"], given["x"], given["y"]
    if len(p["directions"]) % len(theta):
        return {name: {"undefined": "directions_do_not_fit"} for name in
                ("given", "degree", "smallest", "asymmetry", "gradient")}
    v = np.reshape(p["directions"], (-1, len(theta)))
    v = v / np.linalg.norm(v, axis=1)[:, None]
    loss = lambda at: ((x @ at - y) ** 2).mean() / 2
    overlap = abs(v @ theta)
    return {"given": len(v), "degree": int((overlap < p["threshold"]).sum()), "smallest": overlap.min(),
            "asymmetry": max(abs(loss(theta) - loss(theta - 2 * row * (row @ theta))) for row in v),
            "gradient": abs(v @ (x.T @ (x @ theta - y)) / len(x)).max()}


functions = {"degree_of_symmetry": degree_of_symmetry, "units": units, "dead_units": dead_units, "entries": entries, "weight_entries": entries,
             "first_passage": first_passage, "asymmetry": asymmetry}


def results(component, example):
    params = {p["id"]: p["default"] for p in component.get("params", [])}
    given = {}
    for name, value in example["given"].items():
        if isinstance(value, dict):
            given[name] = np.array(value["data"], float).reshape(value["shape"])
        elif name in params:
            params[name] = value
        else:
            given[name] = value
    return functions[component["id"]](params, given)


def agrees(found, expected, example):
    if isinstance(expected, dict) and "undefined" in expected:
        return found == expected
    if isinstance(expected, dict):
        expected = [None if x == "undefined" else x for x in expected["data"]]
        return all(agrees(a, b, example) if b is not None else a is None for a, b in zip(found, expected))
    if not isinstance(found, (int, float, np.number)):
        return False
    return abs(found - expected) <= example.get("rtol", 0) * abs(expected) + example.get("atol", 0)


def compare(run, comparison):
    for step, arrays in run.arrays():
        layers = [key.split("/")[0] for key in arrays if key.endswith("/layer.weight")]
        for key, settings in run.probes("dead_units"):
            for layer in layers:
                given = {"rows": arrays[f"{layer}/layer.output"], "bias": arrays[f"{layer}/layer.bias"]}
                observed = run.observed(step, key, layer)
                for name, value in dead_units(settings, given).items():
                    comparison.check(f"{key}, {layer}, step {step}: {name}", observed[name, ""], value)
        for first, second in zip(layers, layers[1:]):
            given = {"incoming": arrays[f"{first}/layer.weight"], "bias": arrays[f"{first}/layer.bias"],
                     "outgoing": arrays[f"{second}/layer.weight"]}
            where = f"{first}:{second}, step {step}"
            for key, settings in run.probes("units"):
                observed = run.observed(step, key, f"{first}:{second}")
                for name, value in units(settings, given).items():
                    comparison.check(f"{key}, {where}: {name}", observed[name, ""], value)
            for key, settings in run.probes("asymmetry"):
                observed = run.observed(step, key, f"{first}:{second}")
                z, (h, d) = vectors(given), given["incoming"].shape
                p, q = min(((i, j) for j in range(h) for i in range(j)), key=lambda k: np.linalg.norm(z[k[0]] - z[k[1]]))
                parts = (z[p] - z[q]) / np.sqrt(2)
                fans = np.array([d] * (z.shape[1] - len(given["outgoing"])) + [h] * len(given["outgoing"]))
                comparison.check(f"{key}, {where}: distance", observed["distance", ""], np.linalg.norm(parts))
                penalty = 4 * settings["weight_decay"] * settings["sigma0"] * np.linalg.norm(parts / np.sqrt(fans))
                comparison.check(f"{key}, {where}: penalty", observed["penalty_asymmetry", ""], penalty)
                comparison.check(f"{key}, {where}: asymmetry", observed["asymmetry", ""], 0)
                if observed["curvature", ""] != "too_many_directions":
                    rate = -observed["curvature", ""] - 2 * settings["weight_decay"]
                    comparison.check(f"{key}, {where}: rate", observed["rate", ""], rate)


def main():
    if len(sys.argv) > 1:
        run_folder.main(compare)
    wrong = []
    for component in json.loads(manifest.read_text())["components"]:
        for example in component["examples"]:
            found = results(component, example)
            for name, expected in example["expect"].items():
                if not agrees(found[name], expected, example):
                    wrong.append(f"{component['id']}, {example['name']}: {name} is {expected}, NumPy says {found[name]}")
    print("\n".join(wrong) or "all examples agree")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
