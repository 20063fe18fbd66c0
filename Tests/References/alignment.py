"""Alignment, exponents and stationarity of layers in NumPy, from the definitions: recomputes what the probes
`alignment`, `exponents`, `fact`, `spectrum` and `feature_spectrum` observed in a run.

usage: python3 alignment.py RUN_FOLDER     (exit status 1 if a value disagrees)

The study must record layer.input, layer.output_grad and layer.weight at observed steps; the rest follows from them.
"""
import numpy as np

from run_folder import main

NAN = float("nan")


def moment(q, variant):
    if variant == "normalized":
        norms = np.linalg.norm(q, axis=1)
        keep = norms >= 1e-12 * norms.max()
        q = q[keep] / norms[keep, None]
    if variant in ("centred", "normalized"):
        q = q - q.mean(0)
    return q.T @ q / len(q)


def alignment(a, b):
    """alpha by numpy.corrcoef, the others by the definition of the cosine."""
    d = len(a)
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    if na == 0 or nb == 0:
        return dict(alpha=NAN, cos=NAN, cos_dev=NAN, cos_null=NAN)
    free = [x - np.trace(x) / d * np.eye(d) for x in (a, b)]
    constant = min(np.linalg.norm(x - x.mean()) / np.linalg.norm(x) for x in (a, b)) <= 1e-12
    spherical = min(np.linalg.norm(f) / n for f, n in zip(free, (na, nb))) <= 1e-12
    return dict(
        alpha=NAN if constant else np.corrcoef(a.ravel(), b.ravel())[0, 1],
        cos=np.vdot(a, b) / (na * nb),
        cos_dev=NAN if spherical else np.vdot(*free) / (np.linalg.norm(free[0]) * np.linalg.norm(free[1])),
        cos_null=np.trace(a) * np.trace(b) / (d * na * nb))


def exponents(x, z, cutoff=1e-8):
    """Fits log10 of u_i^T x u_i on log10 z_i with numpy.polyfit."""
    result = dict.fromkeys(("slope", "intercept", "r2", "points", "decades", "off_diagonal", "outside"), NAN)
    values, u = np.linalg.eigh(z)
    if not x.any() or values[-1] <= 0:
        return result
    keep = values > cutoff * values[-1]
    values, u = values[keep], u[:, keep]
    modes = u.T @ x @ u
    y, total = np.diag(modes), np.sum(modes**2)
    result["outside"] = max(0, 1 - total / np.sum(x**2))
    if total > 0:
        result["off_diagonal"] = np.sum((modes - np.diag(y)) ** 2) / total
    positive = y > 100 * len(x) * np.finfo(float).eps * np.abs(y).max()
    lx, ly = np.log10(values[positive]), np.log10(y[positive])
    result["points"] = len(lx)
    if len(lx):
        result["decades"] = np.ptp(lx)
    if len(lx) >= 5 and np.ptp(lx) >= 0.5:
        slope, intercept = np.polyfit(lx, ly, 1)
        spread = np.sum((ly - ly.mean()) ** 2)
        unexplained = np.sum((ly - slope * lx - intercept) ** 2)
        varies = spread > 1e-20 * len(lx)
        result.update(slope=slope, intercept=intercept, r2=1 - unexplained / spread if varies else NAN)
    return result


def fact(h_a, g_b, w, decay):
    """The stationarity identities E[g h^T] = decay * Z on both sides, with g = -grad."""
    result = dict(residual_b=NAN, residual_a=NAN, trace_ratio=NAN)
    if not w.any():
        return result
    n = len(h_a)
    result["trace_ratio"] = np.mean(np.sum(g_b**2, 1)) / np.sum(w**2)
    if decay:
        for side, g, h, z in (("b", -g_b, h_a @ w.T, w @ w.T), ("a", -g_b @ w, h_a, w.T @ w)):
            result[f"residual_{side}"] = np.linalg.norm(g.T @ h / n / decay - z) / np.linalg.norm(z)
    return result


def spectrum(w):
    s = np.linalg.svd(w, compute_uv=False)
    p = s[s > 0] / s.sum() if s[0] > 0 else None
    return dict(
        singular_values=np.pad(s, (0, len(w) - len(s))),
        effective_rank=np.exp(-np.sum(p * np.log(p))) if p is not None else NAN,
        stable_rank=np.sum(s**2) / s[0] ** 2 if s[0] > 0 else NAN)


def feature_spectrum(x, variant, leading, tolerance):
    values = np.maximum(np.linalg.eigvalsh(moment(x, variant))[::-1], 0)
    p = values[values > 0] / values.sum()
    return dict(
        eigenvalues=np.pad(values, (0, leading))[:leading], trace=values.sum(),
        effective_rank=np.exp(-np.sum(p * np.log(p))), participation_ratio=values.sum()**2 / np.sum(values**2),
        stable_rank=values.sum() / values[0], numerical_rank=np.sum(values > tolerance * values[0]))


PAIRS = {
    "forward_rga": ("h_b", "g_b"), "forward_rwa": ("h_b", "z_b"), "forward_gwa": ("g_b", "z_b"),
    "backward_rga": ("h_a", "g_a"), "backward_rwa": ("h_a", "z_a"), "backward_gwa": ("g_a", "z_a"),
}


def matrices(h_a, g_b, w, variant):
    """The six matrices of a layer: h, g (second moments) and z (weight Gram) on sides a (input) and b (output)."""
    q = dict(h_a=h_a, h_b=h_a @ w.T, g_b=g_b, g_a=g_b @ w)
    return {name: moment(value, variant) for name, value in q.items()} | dict(z_a=w.T @ w, z_b=w @ w.T)


def compare(run, comparison):
    for step, arrays in run.arrays():
        for layer in sorted({key.split("/")[0] for key in arrays if key.endswith("/layer.weight")}):
            h_a, g_b, w = (arrays[f"{layer}/layer.{q}"] for q in ("input", "output_grad", "weight"))

            def check(key, expected):
                for (output, index), value in run.observed(step, key, layer).items():
                    if output in expected:
                        number = expected[output]
                        number = number if np.ndim(number) == 0 else number[int(index)]
                        # The smallest projections of a fit have few digits, and its logarithms weigh them fully.
                        slack = 1e3 if output.split(".")[-1] in ("slope", "intercept", "r2") else 1
                        comparison.check(f"step {step}, {layer}, {key}.{output}", value, float(number), slack)

            def variants(probe):
                chosen = probe.get("variant", ["raw"])
                return [chosen] if isinstance(chosen, str) else chosen

            def cut(probe):
                n = probe.get("samples") or len(h_a)
                return h_a[:n], g_b[:n]

            for key, probe in run.probes("alignment"):
                for variant in variants(probe):
                    m = matrices(*cut(probe), w, variant)
                    check(key, {
                        f"{name}.{variant}.{output}": value
                        for name, (a, b) in PAIRS.items() for output, value in alignment(m[a], m[b]).items()})
            for key, probe in run.probes("exponents"):
                for variant in variants(probe):
                    m = matrices(*cut(probe), w, variant)
                    check(key, {
                        f"{name}.{variant}.{output}": value
                        for name in ("h_a", "h_b", "g_a", "g_b")
                        for output, value in exponents(m[name], m["z" + name[1:]], probe.get("cutoff", 1e-8)).items()})
            for key, probe in run.probes("fact"):
                check(key, fact(*cut(probe), w, probe.get("weight_decay", 0)))
            for key, probe in run.probes("spectrum"):
                check(key, spectrum(w))
            for key, probe in run.probes("feature_spectrum"):
                h, g = cut(probe)
                rows = dict(input=h, output=h @ w.T, output_grad=g, input_grad=g @ w)
                for of in probe.get("of", ["output"]):
                    found = feature_spectrum(
                        rows[of], probe.get("moment", "centred"), probe.get("leading", 5), probe.get("tolerance", 1e-6))
                    check(key, {f"{of}.{name}": value for name, value in found.items()})


if __name__ == "__main__":
    main(compare)
