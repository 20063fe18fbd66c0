"""The recursive feature machine (arXiv 2212.13881, algorithm 1) in NumPy, sample by sample; prints the worked examples of
Plugins/RecursiveFeatureMachine/plugin.json."""
import json

import numpy as np


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


def machine(x, y, x_test, y_test, width, regularization, iterations, gaussian=False, centring=True, normalize=True):
    n, d = x.shape
    metric = np.eye(d)
    records = []
    for step in range(iterations + 1):
        matrix = np.array([[kernel(a, b, metric, width, gaussian) for b in x] for a in x])
        alpha = np.linalg.solve(matrix + regularization * np.eye(n), y)
        predict = lambda points: np.array([[kernel(a, b, metric, width, gaussian) for b in x] for a in points]) @ alpha
        errors = predict(x_test) - y_test
        records.append(
            {
                "train_error": ((predict(x) - y) ** 2).mean(),
                "test_error": (errors**2).mean(),
                "r2": 1 - (errors**2).sum() / ((y_test - y_test.mean(axis=0)) ** 2).sum(),
                "share": np.diag(metric) / np.trace(metric),
                "metric": metric,
            }
        )
        total = np.zeros((d, d))
        for column in range(y.shape[1]):
            g = np.array([gradient(a, x, alpha[:, column], metric, width, gaussian) for a in x])
            if centring:
                g = g - g.mean(axis=0)
            total += g.T @ g / n
        metric = total / total.max() if normalize else total
    return records


def examples():
    rng = np.random.default_rng(23)
    x, x_test = np.round(rng.normal(size=(7, 3)), 2), np.round(rng.normal(size=(5, 3)), 2)
    y, y_test = (np.stack([a[:, 0] * a[:, 1], a[:, 2]], axis=1) for a in (x, x_test))
    settings = [
        ("Laplace kernel, centred", dict(width=2.0, regularization=0.1, iterations=2)),
        ("Gaussian kernel, neither centred nor normalized",
         dict(width=1.5, regularization=0.05, iterations=1, gaussian=True, centring=False, normalize=False)),
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
            },
            "expect": {
                key: array(value) if np.ndim(value) else float(value) for key, value in last.items()
            },
            "rtol": 1e-9,
        }


if __name__ == "__main__":
    print(json.dumps(list(examples()), indent=1))
