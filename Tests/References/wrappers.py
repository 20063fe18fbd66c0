"""Datasets made of datasets, without the plugin's C code: for plugin_examples.py."""
import math

import numpy


def array(value):
    return numpy.array(value["data"], dtype=float).reshape(value["shape"])


def labels(p, split):
    return array(p["y"] if split == "train" else p["y_test"]).astype(int)


def rows(p, values):
    return numpy.array(values)[p["begin"]:p["end"]]


def imbalanced(p, stream, split):
    y, classes = labels(p, split), p["classes"]
    if split == "test" and not p["test"]:
        return {"y": rows(p, y)}
    most = min(numpy.bincount(y, minlength=classes))
    minority = p["minority"] or classes // 2
    kept = []
    for k in range(classes):
        size = most * p["ratio"] ** (-k / (classes - 1))
        if p["profile"] == "step":
            size = most / p["ratio"] if k >= classes - minority else most
        own = numpy.flatnonzero(y == k)
        kept.extend(own[stream(f"{split} {k}").permutation(len(own))[:max(1, math.floor(size + 0.5))]])
    return {"y": rows(p, y[sorted(kept)])}


def label_noise(p, stream, split):
    clean, classes = labels(p, split), p["classes"]
    noisy = clean.copy()
    if split == "train":
        flips = stream("flips").uniform(0, len(clean)) <= p["share"]
        which = numpy.floor(stream("label").uniform(0, len(clean)) * (classes - 1)).astype(int)
        wrong = {"symmetric": (clean + 1 + which) % classes, "next": (clean + 1) % classes,
                 "pair": numpy.where(clean == p["from"], p["to"], clean)}[p["noise"]]
        noisy = numpy.where(flips, wrong, clean)
    return {"y": rows(p, noisy), "y_clean": rows(p, clean)}


def held_out_classes(p, stream, split):
    y, stay = labels(p, split), p["classes"] - p["count"]
    return {"y": rows(p, y[y >= stay] - stay if split == "ood" else y[y < stay])}


def permuted_features(p, stream, split):
    x = array(p["x"] if split == "train" else p["x_test"])
    flat, tasks = x.reshape(len(x), -1), range(p["tasks"])
    orders = [list(range(flat.shape[1])) if t == 0 else stream(f"task {t}").permutation(flat.shape[1]) for t in tasks]
    if split.startswith("task_"):
        tasks = [int(split[5:])]
    stacked = numpy.concatenate([flat[:, orders[t]] for t in tasks]).reshape(-1, *x.shape[1:])
    return {"x": rows(p, stacked), "task": rows(p, numpy.repeat(list(tasks), len(x)))}


datasets = {f.__name__: f for f in (imbalanced, label_noise, held_out_classes, permuted_features)}
