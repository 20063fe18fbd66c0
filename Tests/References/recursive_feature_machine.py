"""The recursive feature machine (arXiv 2212.13881, algorithm 1) in NumPy, sample by sample; prints the worked examples of
Plugins/RecursiveFeatureMachine/plugin.json, after comparing gradients with finite differences; --check compares the examples that are
there."""
import json
import pathlib
import sys

import numpy as np

from streams import Stream


def distance(a, b, metric):
    v = a - b
    return np.sqrt(max(v @ metric @ v, 0))


def kernel(a, b, metric, width, gaussian):
    r = distance(a, b, metric)
    return np.exp(-(r**2) / (2 * width**2)) if gaussian else np.exp(-r / width)


def gradient(x, centres, alpha, metric, width, gaussian):
    """Of sum_i alpha_i K(x_i, x) at x."""
    total = np.zeros(len(x))
    for centre, a in zip(centres, alpha):
        r = distance(centre, x, metric)
        if gaussian:
            total += a * kernel(centre, x, metric, width, True) * metric @ (centre - x) / width**2
        elif r >= 1e-10:
            total += a * np.exp(-r / width) * metric @ (centre - x) / (width * r)
    return total


def machine(x, y, x_test, y_test, width, regularization, iterations, gaussian=False, centring=True, normalize=True,
            diagonal=False, relevant=(), direction=()):
    n, d = x.shape
    metric = np.eye(d)
    records = []
    for step in range(iterations + 1):
        matrix = np.array([[kernel(a, b, metric, width, gaussian) for b in x] for a in x])
        alpha = np.linalg.solve(matrix + regularization * np.eye(n), y)
        predict = lambda points: np.array([[kernel(a, b, metric, width, gaussian) for b in x] for a in points]) @ alpha
        errors = predict(x_test) - y_test
        train_errors = predict(x) - y
        values, vectors = np.linalg.eigh(metric)
        top = vectors[:, -1] * np.sign(vectors[np.argmax(abs(vectors[:, -1])), -1])
        along = np.array(list(direction) + [0] * (d - len(direction)))
        records.append(
            {
                "train_error": (train_errors**2).mean(),
                "train_r2": 1 - (train_errors**2).sum() / ((y - y.mean(axis=0)) ** 2).sum(),
                "test_error": (errors**2).mean(),
                "r2": 1 - (errors**2).sum() / ((y_test - y_test.mean(axis=0)) ** 2).sum(),
                "share": np.diag(metric) / np.trace(metric),
                "relevant_share": sum(metric[i, i] for i in relevant) / np.trace(metric) if len(relevant) else None,
                "metric": metric,
                "top_share": values[-1] / values.sum(),
                "top_vector": top,
                "overlap": abs(top @ along) / np.linalg.norm(along) if len(direction) else None,
            }
        )
        total = np.zeros((d, d))
        for column in range(y.shape[1]):
            g = np.array([gradient(a, x, alpha[:, column], metric, width, gaussian) for a in x])
            if centring:
                g = g - g.mean(axis=0)
            total += g.T @ g / n
        total = np.diag(np.diag(total)) if diagonal else total
        metric = total / total.max() if normalize else total
    return records


def check_gradients():
    """Against central differences of the fit."""
    rng = np.random.default_rng(29)
    centres, alpha, root, x = rng.normal(size=(6, 4)), rng.normal(size=6), rng.normal(size=(4, 4)), rng.normal(size=4)
    metric = root @ root.T
    for gaussian in (False, True):
        fit = lambda point: sum(a * kernel(c, point, metric, 1.7, gaussian) for c, a in zip(centres, alpha))
        numeric = [(fit(x + 1e-6 * e) - fit(x - 1e-6 * e)) / 2e-6 for e in np.eye(4)]
        assert np.allclose(gradient(x, centres, alpha, metric, 1.7, gaussian), numeric, rtol=1e-7, atol=1e-8)


def ridge(p):
    """Rows of ridge_teacher."""
    stream = Stream(int(p["seed"]), f'syzygy.recursive-feature-machine/ridge_teacher/{p["split"]}')
    d, rows = p["d_in"], range(p["begin"], p["end"])
    x = p["scale"] * np.array([stream.normal(row * d, d) for row in rows])
    total = x[:, : p["terms"]].sum(axis=1, keepdims=True)
    return {"x": x, "y": {"tanh": np.tanh(total), "relu": np.maximum(total, 0), "square": total**2}[p["link"]]}


def examples():
    rng = np.random.default_rng(23)
    x, x_test = np.round(rng.normal(size=(7, 3)), 2), np.round(rng.normal(size=(5, 3)), 2)
    y, y_test = (np.stack([a[:, 0] * a[:, 1], a[:, 2]], axis=1) for a in (x, x_test))
    settings = [
        ("Laplace kernel, centred", dict(width=2.0, regularization=0.1, iterations=2)),
        ("Gaussian kernel, neither centred nor normalized",
         dict(width=1.5, regularization=0.05, iterations=1, gaussian=True, centring=False, normalize=False)),
        ("diagonal metric, with what is known of the target",
         dict(width=2.0, regularization=0.1, iterations=2, diagonal=True, relevant=[0, 2], direction=[1.0, 1.0])),
    ]

    def array(a):
        return {"shape": list(a.shape), "data": [float(v) for v in np.ravel(a)]}

    for name, options in settings:
        last = machine(x, y, x_test, y_test, **options)[-1]
        yield {
            "name": name,
            "given": {
                "x": array(x), "y": array(y), "x_test": array(x_test), "y_test": array(y_test),
                "bandwidth": options["width"], "regularization": options["regularization"],
                "iterations": options["iterations"], "kernel": "gauss" if options.get("gaussian") else "laplace",
                "centring": options.get("centring", True), "normalize": options.get("normalize", True),
                "diagonal": options.get("diagonal", False), "relevant": list(options.get("relevant", [])),
                "direction": list(options.get("direction", [])),
            },
            "expect": {
                key: array(value) if np.ndim(value) else float(value) for key, value in last.items() if value is not None
            },
            "rtol": 1e-9,
        }


def teacher_examples():
    for link, split in (("tanh", "train"), ("relu", "test"), ("square", "train")):
        given = {"seed": "41", "begin": 2, "end": 5, "train_rows": 6, "test_rows": 5, "d_in": 4, "terms": 3, "link": link, "scale": 0.7}
        values = {name: {"shape": list(a.shape), "data": [float(v) for v in a.ravel()]}
                  for name, a in ridge(given | {"split": split}).items()}
        yield {"name": f"{link} of three inputs", "split": split, "given": given, "expect": values, "rtol": 1e-14}


def agree(one, other, rtol):
    numbers = lambda value: np.ravel(value["data"] if isinstance(value, dict) else value)
    return set(one) == set(other) and all(np.allclose(numbers(one[k]), numbers(other[k]), rtol=rtol, atol=1e-300) for k in one)


if __name__ == "__main__":
    check_gradients()
    found = {"recursive_feature_machine": list(examples()), "ridge_teacher": list(teacher_examples())}
    if sys.argv[1:] != ["--check"]:
        sys.exit(print(json.dumps(found, indent=1)))
    path = pathlib.Path(__file__).parents[2] / "Plugins/RecursiveFeatureMachine/plugin.json"
    there = {c["id"]: c["examples"] for c in json.loads(path.read_text())["components"]}
    for name, cases in found.items():
        assert len(cases) == len(there[name])
        for case, example in zip(cases, there[name]):
            assert case["given"] == example["given"] and agree(case["expect"], example["expect"], 1e-9), example["name"]
            print("ok  ", name, example["name"])
