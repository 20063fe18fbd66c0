"""Neural collapse in NumPy, from the definitions: recomputes what the probes of the plugin observed in a run.

usage: python3 neural_collapse.py RUN_FOLDER     (exit status 1 if a value disagrees)

The study must record layer.input, head.input, head.weight, model.output, labels (and head.bias if there is one) at observed
steps. Written apart from the plugin: covariances are formed in full and inverted with pinv, distances are taken pair by pair,
the least-squares classifier solves the normal equations of the samples themselves.
"""
import itertools

import numpy as np

from run_folder import main

NAN = float("nan")


def statistics(h, y, classes, min_count=2, global_mean="classes"):
    """Classes with min_count samples, their samples (h, y), means, centre, M, Sigma_W, Sigma_B."""
    used = [c for c in range(classes) if np.sum(y == c) >= max(min_count, 1)]
    keep = np.isin(y, used)
    h, y = h[keep], y[keep]
    mu = np.stack([h[y == c].mean(0) for c in used]) if used else np.zeros((0, h.shape[1]))
    if len(used) < 2:
        return used, keep, mu, None, None, None, None
    centre = mu.mean(0) if global_mean == "classes" else h.mean(0)
    m = mu - centre
    residuals = h - mu[np.searchsorted(used, y)]
    return used, keep, mu, centre, m, residuals.T @ residuals / len(h), m.T @ m / len(used)


def rank_of(m, mu):
    if np.linalg.norm(m) <= 1e-12 * np.linalg.norm(mu):
        return 0
    singular = np.linalg.svd(m, compute_uv=False)
    return min(len(m) - 1, int(np.sum(singular > 1e-6 * singular[0])))


def equinorm(a):
    norms = np.linalg.norm(a, axis=1)
    return norms.std(ddof=1) / norms.mean() if norms.mean() > 0 else NAN


def cosines(a):
    """Of all pairs; NaN if a row is 0."""
    norms = np.linalg.norm(a, axis=1)
    if norms.min() <= 1e-12 * norms.max():
        return np.array([NAN])
    return np.array([a[i] @ a[j] / (norms[i] * norms[j]) for i, j in itertools.combinations(range(len(a)), 2)])


def unit(a):
    norm = np.linalg.norm(a)
    return a / norm if norm > 0 else np.full_like(a, NAN)


def frame(k):
    return (np.eye(k) - 1 / k) / np.sqrt(k - 1)


def collapse(h, y, z, min_count=2, global_mean="classes"):
    """h [n, d] features, y [n] labels, z [n, K] logits: {output: value} of `layer_collapse`, NaN where it has none."""
    used, keep, mu, _, m, within, between = statistics(h, y, z.shape[1], min_count, global_mean)
    result = {"classes": len(used)}
    if len(used) < 2:
        return result
    h, y, z, k = h[keep], y[keep], z[keep], len(used)
    rank = result["rank"] = rank_of(m, mu)
    coincide = rank == 0
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
    trivial = coincide or k == 2
    result["nc2_equinorm"] = NAN if trivial else equinorm(m)
    result["nc2_angle"] = NAN if trivial else np.mean(np.abs(cosines(m) + 1 / (k - 1)))
    result["nc2_etf"] = NAN if trivial else np.linalg.norm(unit(m @ m.T) - frame(k))
    nearest = np.array(used)[np.argmin(((h[:, None, :] - mu[None]) ** 2).sum(2), 1)]
    result["nc4"] = np.mean(np.argmax(z, 1) != nearest)
    result["ncc_error"] = np.mean(y != nearest)
    return result


def classifier_collapse(h, y, w, b, z, min_count=2, global_mean="classes"):
    """The same with classifier w [K, d], b [K]: {output: value} of `neural_collapse`."""
    layer = collapse(h, y, z, min_count, global_mean)
    used, _, _, centre, m, _, _ = statistics(h, y, len(w), min_count, global_mean)
    result = {name + ("_means" if name.startswith("nc2") else ""): value for name, value in layer.items()}
    if len(used) < 2:
        return result
    k, w, b = len(used), w[used], b[used]
    result["nc2_equinorm_weights"] = equinorm(w)
    result["nc2_angle_weights"] = np.mean(np.abs(cosines(w) + 1 / (k - 1)))
    result["nc2_etf_weights"] = np.linalg.norm(unit(w @ w.T) - frame(k))
    target = np.full_like(m, NAN) if layer["rank"] == 0 else m
    centred = w - w.mean(0)
    if np.linalg.norm(centred) <= 1e-12 * np.linalg.norm(w):
        centred = np.zeros_like(w)
    result["nc3"] = np.sum((unit(w) - unit(target)) ** 2)
    result["nc3_centred_w"] = np.sum((unit(centred) - unit(target)) ** 2)
    result["nc3_structure"] = np.linalg.norm(unit(w @ target.T) - frame(k))
    result["mean_logit"] = np.linalg.norm(w @ centre + b)
    return result


def uniformity(h, y, w, min_count=2, global_mean="classes", riesz_exponent=1):
    used, _, mu, _, m, _, _ = statistics(h, y, len(w), min_count, global_mean)
    result = {"left_out": len(w) - len(used)}
    if len(used) < 2:
        return result
    w, coincide = w[used], rank_of(m, mu) == 0
    trivial = coincide or len(used) == 2
    norms = np.linalg.norm(m, axis=1, keepdims=True)
    distances = np.array([NAN])
    if not trivial and norms.min() > 1e-12 * norms.max():
        distances = np.array([np.linalg.norm(a - b) for a, b in itertools.combinations(m / norms, 2)])
    result["nc2_spread_means"] = NAN if trivial else np.std(cosines(m))
    result["nc2_spread_weights"] = NAN if len(used) == 2 else np.std(cosines(w))
    result["gnc2_distance"] = np.var(distances)
    result["gnc2_log"] = np.var(np.log(1 / distances))
    result["gnc2_riesz"] = np.var(distances**-riesz_exponent)
    result["unc3"] = np.var(np.sum(w * m, 1))
    lengths = np.linalg.norm(w, axis=1) * np.linalg.norm(m, axis=1)
    result["unc3_cosine"] = NAN if coincide or lengths.min() == 0 else np.var(np.sum(w * m, 1) / lengths)
    return result


def variability_index(h, y, classes, global_mean="classes"):
    """1 - Tr(Sigma_T^+ Sigma_B)/rank."""
    used, _, mu, _, m, within, between = statistics(h, y, classes, 2, global_mean)
    rank = rank_of(m, mu) if len(used) > 1 else 0
    if rank == 0:
        return {"vci": NAN, "rank": NAN}
    return {"vci": 1 - np.trace(np.linalg.pinv(within + between, hermitian=True) @ between) / rank, "rank": rank}


def central_path_loss(h, y, w, b, weight_decay):
    """Losses of W, b and of the least-squares classifier, from the samples; b is None for a head without bias."""
    used = [c for c in range(len(w)) if np.sum(y == c) >= 2]
    keep = np.isin(y, used)
    h, y, n = h[keep], y[keep], np.sum(keep)
    target = (y[:, None] == np.array(used)).astype(float)
    x = h if b is None else np.hstack([h, np.ones((n, 1))])
    own = w[used] if b is None else np.hstack([w[used], b[used, None]])
    gram = x.T @ x / n + weight_decay * np.eye(x.shape[1])
    best = (np.linalg.pinv(gram, hermitian=True) @ x.T @ target / n).T

    def loss(f):
        return 0.5 * np.mean(np.sum((x @ f.T - target) ** 2, 1)) + 0.5 * weight_decay * np.sum(f**2)

    means = np.stack([x[y == c].mean(0) for c in used])
    shares = np.array([np.mean(y == c) for c in used])
    nc23 = 0.5 * np.sum(shares * np.sum((means @ best.T - np.eye(len(used))) ** 2, 1))
    return {"loss": loss(own), "nc1": loss(best) - nc23, "nc23": nc23, "distance": loss(own) - loss(best)}


def central_path(h, y, classes, weight_decay=0.01, step_size=0.05, steps=4000):
    """Euler steps of the flow: quotients and losses, before the first step and after each."""
    n, target = len(h) / classes, np.eye(classes)[y].T
    h, quotients, losses = h.T.copy(), [], []
    for step in range(steps + 1):
        w = target @ h.T @ np.linalg.inv(h @ h.T + n * weight_decay * np.eye(len(h)))
        quotients.append(collapse(h.T, y, np.zeros((len(y), classes)), 1)["nc1_quotient"])
        losses.append((np.sum((w @ h - target) ** 2) / n + weight_decay * np.sum(w**2)) / (2 * classes))
        h -= step_size * w.T @ (w @ h - target)
    return np.array(quotients), np.array(losses)


def out_of_distribution(mu, other):
    """Mean over classes of |cos| with the mean of other samples."""
    return np.mean(np.abs(mu @ other) / (np.linalg.norm(mu, axis=1) * np.linalg.norm(other)))


def compare(run, comparison):
    for key, probe in run.probes("neural_collapse"):
        for step, arrays in run.arrays():
            observed = run.observed(step, key)
            if not observed:
                continue
            n = probe.get("samples") or len(arrays["labels"])
            w = arrays["head.weight"]
            expected = classifier_collapse(
                arrays["head.input"][:n], arrays["labels"][:n], w, arrays.get("head.bias", np.zeros(len(w))),
                arrays["model.output"][:n], probe.get("min_count", 2), probe.get("global_mean", "classes"))
            for (output, _), value in observed.items():
                comparison.check(f"step {step}, {key}.{output}", value, expected.get(output, NAN))
    for key, probe in run.probes("uniformity"):
        for step, arrays in run.arrays():
            expected = uniformity(
                arrays["head.input"], arrays["labels"], arrays["head.weight"], probe.get("min_count", 2),
                probe.get("global_mean", "classes"), probe.get("riesz_exponent", 1))
            for (output, _), value in run.observed(step, key).items():
                comparison.check(f"step {step}, {key}.{output}", value, expected.get(output, NAN))
    for key, probe in run.probes("central_path_loss"):
        for step, arrays in run.arrays():
            expected = central_path_loss(
                arrays["head.input"], arrays["labels"], arrays["head.weight"], arrays.get("head.bias"),
                probe.get("weight_decay", 0))
            for (output, _), value in run.observed(step, key).items():
                comparison.check(f"step {step}, {key}.{output}", value, expected.get(output, NAN))
    for plugin in ["layer_collapse", "variability_index"]:
        for key, probe in run.probes(plugin):
            for step, arrays in run.arrays():
                for layer in [name.split("/")[0] for name in arrays if name.endswith("/layer.input")]:
                    h, y, z = arrays[f"{layer}/layer.input"], arrays["labels"], arrays["model.output"]
                    options = {"global_mean": probe.get("global_mean", "classes")}
                    expected = (
                        collapse(h, y, z, probe.get("min_count", 2), **options) if plugin == "layer_collapse"
                        else variability_index(h, y, z.shape[1], **options))
                    for (output, _), value in run.observed(step, key, layer).items():
                        comparison.check(f"step {step}, {key}.{output} {layer}", value, expected.get(output, NAN))


if __name__ == "__main__":
    main(compare)
