"""Means, intervals and tests of small samples by SciPy (needs scipy), written to intervals.json.

quantiles: [degrees, coverage, t]: scipy.stats.t.ppf(1/2 + coverage/2, degrees). tails: [t, degrees, p]: 2 scipy.stats.t.sf(t, degrees).
samples: mean, half width of scipy.stats.t.interval(0.95, n - 1, mean, sem), median, least and greatest value.
paired: scipy.stats.ttest_rel(b, a); welch: scipy.stats.ttest_ind(b, a, equal_var=False): difference of means b - a, half width of
confidence_interval(0.95), degrees of freedom, p-value.
"""
import json
import pathlib

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(20261122)
samples = [
    [0.25, 0.75], [1.0, 2.0, 4.0], [1e5 + x for x in (0.1, 0.4, 0.2, 0.9, 0.3)], list(rng.normal(0, 1, 8)), list(1e-7 * rng.lognormal(0, 2, 29)),
    list(0.95 + 0.01 * rng.normal(0, 1, 100)),
]


def sample(values):
    mean, error = np.mean(values), stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=0, scale=error)
    return {
        "values": values, "mean": mean, "half_width": (high - low) / 2, "median": np.median(values), "min": min(values), "max": max(values),
    }


def test(result, a, b):
    interval = result.confidence_interval(0.95)
    return {
        "a": a, "b": b, "difference": np.mean(b) - np.mean(a), "half_width": (interval.high - interval.low) / 2,
        "degrees": result.df, "p": result.pvalue,
    }


def pair(n, shift, noise):
    a = rng.normal(0.7, 0.1, n)
    return list(a), list(a + shift + noise * rng.normal(0, 1, n))


pairs = [pair(2, 0.1, 0.02), pair(3, -0.2, 0.1), pair(7, 0.01, 0.05), pair(23, 0.03, 0.01)]
others = [
    (list(rng.normal(0.5, 0.1, n)), list(rng.normal(0.6, 0.4, m))) for n, m in [(2, 3), (5, 4), (11, 2), (37, 59)]
]
degrees = [1, 2, 3, 4, 7, 10, 29, 100, 999, 1.3, 2.9999689238902567, 4.75, 17.25, 63.5]
out = {
    "scipy": scipy.__version__,
    "quantiles": [[v, c, stats.t.ppf(0.5 + c / 2, v)] for v in degrees for c in (0.5, 0.95, 0.99)],
    "tails": [[t, v, 2 * stats.t.sf(t, v)] for v in degrees for t in (0.01, 0.8, 2.5, 12.0)],
    "samples": [sample(s) for s in samples],
    "paired": [test(stats.ttest_rel(b, a), a, b) for a, b in pairs],
    "welch": [test(stats.ttest_ind(b, a, equal_var=False), a, b) for a, b in others],
}
path = pathlib.Path(__file__).with_suffix(".json")
lines = ",\n".join(f'"{key}": {json.dumps(value, default=float)}' for key, value in out.items())
path.write_text("{\n" + lines + "\n}\n")
