"""Neural collapse in NumPy, from the definitions: recomputes what the probe `neural_collapse` observed in a run.

usage: python3 neural_collapse.py RUN_FOLDER     (exit status 1 if a value disagrees)

The study must record head.input, head.weight, model.output, labels (and head.bias if there is one) at observed steps.
Written apart from the plugin: covariances are formed in full and inverted with pinv, distances are taken pair by pair.
"""
import itertools

import numpy as np

from run_folder import main

NAN = float("nan")


def collapse(h, y, w, b, z, min_count=2, global_mean="classes"):
    """h [n, d] features, y [n] labels, w [K, d], b [K], z [n, K] logits: {output: value}, NaN where it has none."""
    used = [c for c in range(len(w)) if np.sum(y == c) >= max(min_count, 1)]
    result = {"classes": len(used)}
    if len(used) < 2:
        return result
    keep = np.isin(y, used)
    h, y, z, k = h[keep], y[keep], z[keep], len(used)
    w, b = w[used], b[used]
    mu = np.stack([h[y == c].mean(0) for c in used])
    centre = mu.mean(0) if global_mean == "classes" else h.mean(0)
    m = mu - centre
    residuals = h - mu[np.searchsorted(used, y)]
    within = residuals.T @ residuals / len(h)
    between = m.T @ m / k
    coincide = np.linalg.norm(m) <= 1e-12 * np.linalg.norm(mu)

    singular = np.linalg.svd(m, compute_uv=False)
    rank = 0 if coincide else min(k - 1, int(np.sum(singular > 1e-6 * singular[0])))
    result["rank"] = rank
    variance = [np.mean(np.sum((h[y == c] - mu[i]) ** 2, 1)) for i, c in enumerate(used)]
    pairs = list(itertools.combinations(range(k), 2))
    squared = [np.sum((mu[i] - mu[j]) ** 2) for i, j in pairs]
    apart = min(squared) > 1e-24 * np.sum(mu**2)
    # pinv cuts eigenvalues of Sigma_B at rcond times the largest: between the r-th and the next.
    eigenvalues = np.sort(np.linalg.eigvalsh(between))[::-1]
    rcond = 0.5 * eigenvalues[rank - 1] / eigenvalues[0] if rank else 0
    result["nc1"] = NAN if coincide else np.trace(within @ np.linalg.pinv(between, rcond=rcond, hermitian=True)) / k
    result["nc1_quotient"] = NAN if coincide else np.trace(within) / np.trace(between)
    result["nc1_cdnv"] = (
        np.mean([(variance[i] + variance[j]) / (2 * s) for (i, j), s in zip(pairs, squared)]) if apart else NAN)

    frame = (np.eye(k) - 1 / k) / np.sqrt(k - 1)

    def unit(a):
        norm = np.linalg.norm(a)
        return a / norm if norm > 0 else np.full_like(a, NAN)

    def equinorm(a):
        norms = np.linalg.norm(a, axis=1)
        return norms.std(ddof=1) / norms.mean() if norms.mean() > 0 else NAN

    def angle(a):
        norms = np.linalg.norm(a, axis=1)
        if norms.min() <= 1e-12 * norms.max():
            return NAN
        cosines = (a @ a.T) / np.outer(norms, norms)
        return np.mean(np.abs(cosines[~np.eye(k, dtype=bool)] + 1 / (k - 1)))

    trivial = coincide or k == 2
    for side, a, absent in (("means", m, trivial), ("weights", w, False)):
        result[f"nc2_equinorm_{side}"] = NAN if absent else equinorm(a)
        result[f"nc2_angle_{side}"] = NAN if absent else angle(a)
        result[f"nc2_etf_{side}"] = NAN if absent else np.linalg.norm(unit(a @ a.T) - frame)

    target = np.full_like(m, NAN) if coincide else m
    centred = w - w.mean(0)
    if np.linalg.norm(centred) <= 1e-12 * np.linalg.norm(w):
        centred = np.zeros_like(w)
    result["nc3"] = np.sum((unit(w) - unit(target)) ** 2)
    result["nc3_centred_w"] = np.sum((unit(centred) - unit(target)) ** 2)
    result["nc3_structure"] = np.linalg.norm(unit(w @ target.T) - frame)
    result["mean_logit"] = np.linalg.norm(w @ centre + b)
    nearest = np.argmin(((h[:, None, :] - mu[None]) ** 2).sum(2), 1)
    result["nc4"] = np.mean(np.argmax(z, 1) != np.array(used)[nearest])
    return result


def compare(run, comparison):
    for key, probe in run.probes("neural_collapse"):
        for step, arrays in run.arrays():
            observed = run.observed(step, key)
            if not observed:
                continue
            n = probe.get("samples") or len(arrays["labels"])
            w = arrays["head.weight"]
            expected = collapse(
                arrays["head.input"][:n], arrays["labels"][:n], w, arrays.get("head.bias", np.zeros(len(w))),
                arrays["model.output"][:n], probe.get("min_count", 2), probe.get("global_mean", "classes"))
            for (output, _), value in observed.items():
                comparison.check(f"step {step}, {key}.{output}", value, expected.get(output, NAN))


if __name__ == "__main__":
    main(compare)
