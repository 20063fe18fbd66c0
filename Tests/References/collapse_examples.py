"""Makes the examples of Plugins/NeuralCollapse/plugin.json: inputs from NumPy's generator, results from neural_collapse.py.

Without arguments it compares (exit status 1 if the manifest has other ones); --write puts them into the manifest.
"""
import json
import pathlib
import sys

import numpy as np

import neural_collapse as nc

path = pathlib.Path(__file__).parents[2] / "Plugins/NeuralCollapse/plugin.json"


def array(a):
    a = np.asarray(a)
    numbers = [int(x) if float(x).is_integer() and abs(x) < 1e6 else float(x) for x in a.ravel()]
    return {"shape": list(a.shape), "data": numbers}


def given(**values):
    return {name: array(a) if isinstance(a, np.ndarray) else a for name, a in values.items()}


def expect(values, why):
    """NaN is no value, for the reason `why` has for the output's name."""
    reason = why if callable(why) else lambda _: why
    return {
        name: array(value) if isinstance(value, np.ndarray)
        else {"undefined": reason(name)} if np.isnan(value)
        else int(value) if float(value).is_integer() else float(value)
        for name, value in values.items()
    }


class Problem:
    """Rounded random features of classes, with a classifier."""

    def __init__(self, seed, n, d, k, labels=None, features=None, bias=True):
        draw = np.random.default_rng(seed)
        self.y = np.array(labels) if labels is not None else draw.permutation(np.arange(n) % k)
        self.h = np.round(draw.normal(size=(n, d)) + 1.5 * draw.normal(size=(k, d))[self.y], 2)
        if features is not None:
            self.h = np.array(features, dtype=float)
        self.w = np.round(draw.normal(size=(k, d)), 2)
        self.b = np.round(draw.normal(size=k), 2)
        self.z = np.round(self.h @ self.w.T + (self.b if bias else 0), 4)
        self.bias, self.k = bias, k
        self.counts = np.bincount(self.y, minlength=k).astype(float)
        self.means = np.stack([self.h[self.y == c].mean(0) if self.counts[c] else np.zeros(d) for c in range(k)])

    @property
    def passes(self):
        return {"features": self.h, "labels": self.y, "outputs": self.z, "means": self.means, "counts": self.counts}

    @property
    def head(self):
        return {"weights": self.w} | ({"bias": self.b} if self.bias else {})


usual = Problem(5, 11, 4, 3)
small = Problem(6, 5, 3, 2, bias=False)
uneven = Problem(7, 13, 5, 4, labels=[0, 3, 0, 0, 3, 1, 0, 3, 0, 1, 1, 3, 0])  # class 2 is missing
single = Problem(8, 9, 6, 4, labels=[3, 1, 0, 1, 3, 0, 3, 2, 1])  # class 2 has one sample
alone = Problem(9, 5, 3, 2, labels=[1, 1, 1, 1, 1])
equal = Problem(10, 6, 2, 3, labels=[0, 0, 1, 1, 2, 2], features=[[0.3, -1.2]] * 6)
many = Problem(11, 15, 2, 5)  # more classes than a simplex in two dimensions has corners
thin = Problem(14, 4, 7, 2, bias=False)
zero = Problem(12, 8, 3, 3)
zero.w[:] = 0
zero.z = np.round(np.tile(zero.b, (8, 1)), 4)


def classifier(p, **options):
    b = p.b if p.bias else np.zeros(p.k)
    return nc.classifier_collapse(p.h, p.y, p.w, b, p.z, **options)


def layer(p, **options):
    return nc.collapse(p.h, p.y, p.z, **options)



def case(name, inputs, expected, why="", rtol=1e-10, atol=1e-13):
    return {"name": name, "given": given(**inputs), "expect": expect(expected, why), "rtol": rtol, "atol": atol}


def within(p, min_count=2):
    return nc.statistics(p.h, p.y, p.k, min_count)[5]


def examples(outputs):
    """By component; `outputs` are the names of its outputs."""
    def all_of(component, values):
        return {name: values.get(name, nc.NAN) for name in outputs[component]}

    def collapse(p, name, why="", **options):
        return case(name, p.passes | p.head | options, all_of("neural_collapse", classifier(p, **options)), why)

    def profile(p, name, why="", **options):
        return case(name, p.passes | options, all_of("layer_collapse", layer(p, **options)), why)

    def spread(p, name, why="", **options):
        inputs = {"means": p.means, "counts": p.counts, "weights": p.w}
        return case(name, inputs | options, all_of("uniformity", nc.uniformity(p.h, p.y, p.w, **options)), why)

    def path(p, name, why="", **options):
        b = p.b if p.bias else None
        values = nc.central_path_loss(p.h, p.y, p.w, b, options["weight_decay"])
        inputs = {"within": within(p), "means": p.means, "counts": p.counts}
        return case(name, inputs | p.head | options, values, why)

    def index(p, name, why="", **options):
        inputs = {"within": within(p), "means": p.means, "counts": p.counts}
        return case(name, inputs | options, nc.variability_index(p.h, p.y, p.k, **options), why)

    flow = Problem(13, 12, 5, 3)
    quotients, losses = nc.central_path(flow.h, flow.y, 3, 0.02, 0.01, 40)
    alone_inputs = {"within": np.cov(alone.h.T, bias=True), "means": alone.means, "counts": alone.counts}
    return {
        "class_counts": [
            case("a class without samples", {"labels": uneven.y, "outputs": uneven.z}, {"value": uneven.counts})],
        "class_means": [
            case("a class without samples", {n: uneven.passes[n] for n in ["features", "labels", "outputs", "counts"]},
                 {"value": uneven.means})],
        "within_covariance": [
            case("three classes", usual.passes, {"value": within(usual)}),
            case("classes of at least four", uneven.passes | {"min_count": 4}, {"value": within(uneven, 4)})],
        "neural_collapse": [
            collapse(usual, "three classes of different size, with bias"),
            collapse(usual, "the same around the mean of the samples", global_mean="samples"),
            collapse(uneven, "a missing class"),
            collapse(single, "a class of one sample is left out"),
            collapse(single, "or not", min_count=1, global_mean="samples"),
            collapse(small, "two classes: around centred means there is nothing to compare", "two_classes"),
            collapse(alone, "one class only", "too_few_classes"),
            collapse(equal, "all features equal", "coincident_means"),
            collapse(many, "more classes than dimensions"),
            collapse(zero, "no weight", "zero_weight")],
        "layer_collapse": [
            profile(usual, "three classes of different size"),
            profile(uneven, "a missing class, around the mean of the samples", global_mean="samples"),
            profile(single, "classes of at least three are two", "two_classes", min_count=3),
            profile(small, "two classes", "two_classes"),
            profile(alone, "one class only", "too_few_classes"),
            profile(equal, "all features equal", "coincident_means")],
        "uniformity": [
            spread(usual, "three classes of different size"),
            spread(uneven, "a missing class, another kernel", riesz_exponent=2.5),
            spread(many, "more classes than dimensions, around the mean of the samples", global_mean="samples"),
            spread(single, "classes of at least three are two", "two_classes", min_count=3),
            spread(alone, "one class only", "too_few_classes"),
            spread(equal, "all features equal", "coincident_means"),
            spread(zero, "no weight", "zero_weight")],
        "variability_index": [
            index(usual, "three classes"),
            index(uneven, "a missing class, around the mean of the samples", global_mean="samples"),
            case("one class only", alone_inputs, {"vci": nc.NAN, "rank": nc.NAN}, "too_few_classes"),
            index(equal, "all features equal", "coincident_means")],
        "central_path_loss": [
            path(usual, "with bias", weight_decay=0.03),
            path(usual, "without weight decay", weight_decay=0),
            path(small, "two classes, no bias", weight_decay=0.2),
            path(uneven, "a missing class", weight_decay=0.1),
            case("one class only", alone_inputs | alone.head | {"weight_decay": 0.1},
                 {name: nc.NAN for name in outputs["central_path_loss"]}, "too_few_classes"),
            path(thin, "fewer samples than dimensions, no bias", weight_decay=0)],
        "out_of_distribution": [
            case("three classes", {"means": usual.means, "counts": usual.counts, "other_mean": np.array([0.5, -1, 0.25, 2])},
                 {"nc5": nc.out_of_distribution(usual.means, np.array([0.5, -1, 0.25, 2]))}),
            case("the other mean is 0", {"means": usual.means, "counts": usual.counts, "other_mean": np.zeros(4)},
                 {"nc5": nc.NAN}, "zero_mean")],
        "central_path": [
            case("forty steps", {"features": flow.h, "labels": np.eye(3)[flow.y], "weight_decay": 0.02, "step_size": 0.01,
                                 "steps": 40, "every": 7},
                 {"quotient": quotients[35], "loss": losses[35], "ratio": quotients[35] / quotients[0],
                  "increases": int(np.sum(np.diff(quotients) >= 0))}),
            case("features that are equal in each class", {
                "features": np.array([[1, 0.5], [1, 0.5], [-2, 1], [-2, 1], [0.5, -1]]), "labels": np.eye(3)[[0, 0, 1, 1, 2]],
                "steps": 0},
                {"quotient": 0, "ratio": nc.NAN, "increases": 0}, "no_variability")],
    }


# The manifest's text

def line(x):
    if isinstance(x, dict):
        return "{ " + ", ".join(f"{json.dumps(k)}: {line(v)}" for k, v in x.items()) + " }" if x else "{}"
    return "[" + ", ".join(map(line, x)) + "]" if isinstance(x, list) else json.dumps(x, ensure_ascii=False)


def text(x, indent=0, lead=0, width=118):
    """JSON in lines of at most `width`, arrays of numbers filled."""
    if len(line(x)) + indent + lead < width or not isinstance(x, (dict, list)):
        return line(x)
    pad = " " * (indent + 2)
    if isinstance(x, dict):
        parts = [f"{pad}{json.dumps(k)}: " + text(v, indent + 2, len(json.dumps(k)) + 2) for k, v in x.items()]
    elif any(isinstance(v, (dict, list)) for v in x):
        parts = [pad + text(v, indent + 2) for v in x]
    else:
        parts, row = [], pad
        for v in x:
            if len(row) + len(line(v)) + 2 > width:
                parts, row = parts + [row.rstrip(", ")], pad
            row += line(v) + ", "
        parts.append(row.rstrip(", "))
    opened, closed = ("{", "}") if isinstance(x, dict) else ("[", "]")
    return opened + "\n" + ",\n".join(parts) + "\n" + " " * indent + closed


def main():
    manifest = json.loads(path.read_text())
    outputs = {c["id"]: [o["id"] for o in c["outputs"]] for c in manifest["components"]}
    made, differ = examples(outputs), False
    for component in manifest["components"]:
        agrees = json.loads(line(made[component["id"]])) == component.get("examples")
        differ = differ or not agrees
        print("ok  " if agrees else "DIFF", component["id"])
        component["examples"] = made[component["id"]]
    if "--write" in sys.argv[1:]:
        path.write_text(text(manifest) + "\n")
    elif differ:
        sys.exit(1)


if __name__ == "__main__":
    main()
