"""The formulas of public neural-collapse tools next to ours, on the same features; where they differ, by what.

Notebook: Han, Papyan, Donoho, arXiv 2106.02073. Library: github.com/rhubarbwu/neural-collapse, version 0.1. Both are written down
here anew in NumPy. Exit status 1 if a relation that is claimed below does not hold.
"""
import itertools
import sys

import numpy as np

import neural_collapse as nc

wrong = []


def claim(what, left, right, tolerance=1e-10):
    holds = abs(left - right) <= tolerance * max(1, abs(right))
    print(f"{'ok  ' if holds else 'WRONG'} {what}: {left:.10g} and {right:.10g}")
    if not holds:
        wrong.append(what)


# Their formulas

def covariance_ratio(within, means, centre=0, metric="pinv"):
    """Library: Tr(S_W S_B^+)/K with NumPy's (PyTorch's) own cutoff, or Tr S_W/Tr S_B."""
    m = means - centre
    between = m.T @ m / len(m)
    if metric == "quotient":
        return np.trace(within) / np.trace(between)
    return np.trace(np.linalg.pinv(between) @ within) / len(m)


def notebook_ratio(within, means):
    """Notebook: the largest K - 1 singular triplets inverted, no 1/K."""
    m = means - means.mean(0)
    u, s, vt = np.linalg.svd(m.T @ m / len(m))
    k = len(m) - 1
    return np.trace(within @ (vt[:k].T / s[:k] @ u[:, :k].T))


def structure_error(a, b):
    product = a @ b.T
    return np.linalg.norm(product / np.linalg.norm(product) - nc.frame(len(a)))


def cdnv(variances, means, exponent=1):
    return np.mean([
        (variances[i] + variances[j]) / 2 / np.sum((means[i] - means[j]) ** 2) ** exponent
        for i, j in itertools.combinations(range(len(means)), 2)])


def kernel_variance(means, kernel):
    m = means - means.mean(0)
    m /= np.linalg.norm(m, axis=1, keepdims=True)
    grid = np.array([kernel(np.linalg.norm(a - b)) for a, b in itertools.permutations(m, 2)])
    return np.mean((grid - grid.mean()) ** 2)


def agreement_error(h, w, means):
    """Library: the linear rule has no bias."""
    distances = ((h[:, None] - means[None]) ** 2).sum(2)
    return np.mean(np.argmax(h @ w.T, 1) != np.argmin(distances, 1))


# The same features

draw = np.random.default_rng(3)
k, d, n = 5, 7, 400
y = np.arange(n) % k
h = draw.normal(size=(n, d)) + 2 * draw.normal(size=(k, d))[y]
w, b = draw.normal(size=(k, d)), 4 * draw.normal(size=k)
ours = nc.classifier_collapse(h, y, w, b, h @ w.T + b)
even = nc.uniformity(h, y, w)
_, _, means, centre, m, within, _ = nc.statistics(h, y, k)
variances = [np.mean(np.sum((h[y == c] - means[c]) ** 2, 1)) for c in range(k)]

claim("library, pinv in f64, with the mean subtracted", covariance_ratio(within, means, centre), ours["nc1"], 1e-8)
claim("notebook, by the factor K", notebook_ratio(within, means) / k, ours["nc1"])
claim("library, quotient", covariance_ratio(within, means, centre, "quotient"), ours["nc1_quotient"])
claim("library, CDNV", cdnv(variances, means), ours["nc1_cdnv"])
claim("library, simplex error", structure_error(m, m), ours["nc2_etf_means"])
claim("library, self-duality of W and M", structure_error(w, m), ours["nc3_structure"])
norms = np.linalg.norm(m, axis=1)
claim("notebook, norms", np.std(norms, ddof=1) / np.mean(norms), ours["nc2_equinorm_means"])
claim("notebook, W and M", np.linalg.norm(w / np.linalg.norm(w) - m / np.linalg.norm(m)) ** 2, ours["nc3"])
claim("library, variance of distances", kernel_variance(means, lambda x: x), even["gnc2_distance"])
claim("library, variance of log(1/distance)", kernel_variance(means, lambda x: np.log(1 / x)), even["gnc2_log"])
claim("library, its linear rule on a network without bias", agreement_error(h, w, means),
      nc.collapse(h, y, h @ w.T)["nc4"])
for what, apart in [
    ("library, the mean left at 0, as by default", abs(covariance_ratio(within, means) / ours["nc1"] - 1)),
    ("library, no bias where the network has one", abs(agreement_error(h, w, means) - ours["nc4"])),
    ("library, CDNV with exponent 2", abs(cdnv(variances, means, 2) / ours["nc1_cdnv"] - 1)),
]:
    claim(f"{what}: differs by {apart:.3g}, more than 0.01", float(apart > 0.01), 1)

# Exact clusters around a simplex: the value is 0.005625 in every basis, also of features in f32.
k, d, size, sigma, bases = 4, 8, 2, 0.1, 200
corners = size * np.sqrt(k / (k - 1)) * (np.eye(k) - 1 / k)
points = sigma * np.sqrt(d) * np.vstack([np.eye(d), -np.eye(d)])
y = np.repeat(np.arange(k), 2 * d)
found = {"NumPy's default, 1e-15": [], "max(m, n) times the epsilon of f32": [], "ours": []}
for basis in range(bases):
    turn = np.linalg.qr(draw.normal(size=(d, d)))[0]
    h = ((np.pad(corners, ((0, 0), (0, d - k)))[y] + np.tile(points, (k, 1))) @ turn).astype(np.float32)
    means = np.stack([h[y == c].mean(0) for c in range(k)])
    m = means - means.mean(0)
    within, between = (h - means[y]).T @ (h - means[y]) / len(h), m.T @ m / k
    for name, cutoff in [("NumPy's default, 1e-15", 1e-15),
                         ("max(m, n) times the epsilon of f32", d * np.finfo(np.float32).eps)]:
        found[name].append(float(np.trace(within @ np.linalg.pinv(between, rcond=cutoff))) / k)
    found["ours"].append(nc.collapse(h.astype(float), y, np.zeros((len(h), k)))["nc1"])
for name, values in found.items():
    off = sum(abs(v / 0.005625 - 1) > 1e-3 for v in values)
    print(f"     f32, cutoff {name}: {off} of {bases} bases wrong, from {min(values):.3g} to {max(values):.3g}")
    if name.startswith("NumPy"):
        claim(f"{name}: most bases are wrong", float(off > bases // 2), 1)
    else:
        claim(f"{name}: no basis is wrong", off, 0)

sys.exit(1 if wrong else 0)
