"""Alignment, exponents, feature matrices and stationarity of layers in NumPy, from the definitions: recomputes what the probes
`alignment`, `proportionality`, `exponents`, `exponent_checks`, `modes`, `phase`, `fact`, `self_averaging`, `feature_ansatz`,
`fact_ansatz`, `coordinate_share`, `spectrum` and `feature_spectrum` observed in a run.

usage: python3 alignment.py RUN_FOLDER     (exit status 1 if a value disagrees)

The study must record layer.input, layer.output_grad and layer.weight at observed steps; the rest follows from them, but for
feature_ansatz, which needs layer.weight_initial and layer.input_jacobian too.
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


def descending(a):
    """Eigenvalues, descending, and eigenvectors as columns."""
    values, u = np.linalg.eigh(a)
    return values[::-1], u[:, ::-1]


def proportionality(a, b, k):
    result = dict.fromkeys(("scale", "residual", "commutator", "overlap", "overlap_null", "gap"), NAN)
    result["angles"] = np.full(k, NAN)
    if not a.any() or not b.any():
        return result
    result["scale"] = np.vdot(a, b) / np.vdot(b, b)
    result["residual"] = np.linalg.norm(a - result["scale"] * b) / np.linalg.norm(a)
    result["commutator"] = np.linalg.norm(a @ b - b @ a) / np.linalg.norm(a) / np.linalg.norm(b)
    if k > len(a):
        return result
    (va, ua), (vb, ub) = descending(a), descending(b)
    s = np.linalg.svd(ua[:, :k].T @ ub[:, :k], compute_uv=False)
    gaps = [1 if k == len(a) else 1 - v[k] / v[k - 1] for v in (va, vb)]
    result.update(
        angles=np.arccos(np.minimum(1, s)), overlap=np.sum(s**2) / k, overlap_null=k / len(a),
        gap=min(1, max(0, min(gaps))) if va[k - 1] > 0 and vb[k - 1] > 0 else NAN)
    return result


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


def projections(x, z, cutoff):
    """z_i and y_i = u_i^T x u_i by descending z_i, and what rounding knows of y."""
    values, u = descending(z)
    keep = values > cutoff * values[0]
    y = np.einsum("ji,jk,ki->i", u[:, keep], x, u[:, keep])
    return values[keep], y, y > 100 * len(x) * np.finfo(float).eps * np.abs(y).max()


def line(x, y):
    """Slope and r2 of a line through at least 5 points over half a decade."""
    if len(x) < 5 or np.ptp(x) < 0.5:
        return NAN, NAN
    slope, intercept = np.polyfit(x, y, 1)
    spread = np.sum((y - y.mean()) ** 2)
    return slope, 1 - np.sum((y - slope * x - intercept) ** 2) / spread if spread > 1e-20 * len(x) else NAN


def exponent_checks(x, z, cutoff=1e-8):
    names = ("sorted_slope", "sorted_r2", "sorted_points", "matrix_exponent", "matrix_residual")
    result = dict.fromkeys(names, NAN)
    if not x.any() or not z.any():
        return result
    values, y, _ = projections(x, z, cutoff)
    ordered = np.linalg.eigvalsh(x)[::-1][:len(values)]
    some = ordered > 1e-12 * ordered[0]
    result["sorted_points"] = np.sum(some)
    result["sorted_slope"], result["sorted_r2"] = line(np.log10(values[some]), np.log10(ordered[some]))
    def distance(s):
        w = (values / values[0]) ** s
        return np.sum(x**2) - max(0, y @ w) ** 2 / (w @ w)
    grid = np.linspace(-2, 4, 60001)
    found = [distance(s) for s in grid]
    s = grid[int(np.argmin(found))]
    if min(found) < np.sum(x**2):
        # Where the derivative vanishes, near the best point of the grid.
        low, high, log = max(-2, s - 1e-4), min(4, s + 1e-4), np.log(values / values[0])
        for _ in range(60):
            s = (low + high) / 2
            w = (values / values[0]) ** s
            low, high = (s, high) if (y * w) @ log / (y @ w) > (w * w) @ log / (w @ w) else (low, s)
        result["matrix_residual"] = np.sqrt(max(0, distance(s)) / np.sum(x**2))
        if values[-1] <= 0.9 * values[0]:
            result["matrix_exponent"] = s
    return result


def modes(h, g, cross, z, cutoff=1e-8, leading=10):
    result = dict(count=NAN, mean_correlation=NAN, least_correlation=NAN)
    result.update({name: np.full(leading, NAN) for name in ("z", "h", "g", "correlation")})
    if not z.any():
        return result
    values, y_h, known_h = projections(h, z, cutoff)
    _, y_g, known_g = projections(g, z, cutoff)
    _, y_c, _ = projections(cross, z, cutoff)
    known = known_h & known_g
    rho = np.where(known, -y_c / np.sqrt(np.abs(y_h * y_g)), NAN)
    for name, y in (("z", values), ("h", np.where(known_h, y_h, NAN)), ("g", np.where(known_g, y_g, NAN)),
                    ("correlation", rho)):
        result[name][:len(y)] = y[:leading]
    result["count"] = len(values)
    if known.any():
        result.update(mean_correlation=np.mean(rho[known]), least_correlation=np.min(rho[known]))
    return result


PHASES = {  # p, q of H_a ~ Z^p, G_b ~ Z^q by (forward, backward)
    ("rga", "rwa"): (1, 2), ("rga", "gwa"): (-1, 0), ("rwa", "rga"): (0, -1), ("rwa", "gwa"): (0, 0),
    ("gwa", "rga"): (2, 1), ("gwa", "rwa"): (1, 1),
}


def phase(m, threshold=0.95, cutoff=1e-8):
    """`m` as `matrices` gives them."""
    names = ("rga", "rwa", "gwa")
    result = dict.fromkeys(("forward", "backward", "forward_alpha", "backward_alpha", "forward_holding",
                            "backward_holding", "table_error"), NAN)
    result.update(predicted=np.full(4, NAN), measured=np.full(4, NAN))
    if not m["z_a"].any():
        return result
    found = {}
    for side in ("forward", "backward"):
        alphas = [alignment(*(m[name] for name in PAIRS[f"{side}_{relation}"]))["alpha"] for relation in names]
        holding = sum(alpha >= threshold for alpha in alphas)
        if not np.all(np.isnan(alphas)):
            result[f"{side}_alpha"] = np.nanmax(alphas)
        found[side] = names[int(np.nanargmax(alphas))] if holding else None
        result[side] = 1 + names.index(found[side]) if holding else 0
        result[f"{side}_holding"] = holding
    result["measured"] = np.array([
        exponents(m[name], m["z" + name[1:]], cutoff)["slope"] for name in ("h_a", "h_b", "g_a", "g_b")])
    if (found["forward"], found["backward"]) in PHASES:
        p, q = PHASES[found["forward"], found["backward"]]
        result["predicted"] = np.array([p, p + 1, q + 1, q])
        result["table_error"] = np.max(np.abs(result["measured"] - result["predicted"]))
    return result


def fact(h_a, g_b, w, decay):
    """The stationarity identities E[g h^T] = decay * Z on both sides, with g = -grad."""
    n = len(h_a)
    return balance(g_b.T @ h_a @ w.T / n, w.T @ g_b.T @ h_a / n, w @ w.T, w.T @ w, g_b.T @ g_b / n, decay)


def balance(cross_b, cross_a, z_b, z_a, second, decay):
    result = dict.fromkeys(
        ("residual_b", "residual_a", "trace_ratio", "gamma_ratio", "cross_alpha_b", "cross_alpha_a"), NAN)
    if not z_b.any():
        return result
    result["trace_ratio"] = np.trace(second) / np.trace(z_b)
    for side, c, z in (("b", cross_b, z_b), ("a", cross_a, z_a)):
        result[f"cross_alpha_{side}"] = alignment(-(c + c.T) / 2, z)["alpha"]
        if decay:
            result[f"residual_{side}"] = np.linalg.norm(-c / decay - z) / np.linalg.norm(z)
    if decay:
        result["gamma_ratio"] = result["trace_ratio"] / decay**2
    return result


def self_averaging(h_a, g_b):
    result = {}
    for name, q in (("h", h_a), ("g", g_b)):
        norms = np.sum(q**2, 1)
        result[f"mean_{name}"] = norms.mean()
        result[f"cv_{name}"] = norms.std() / norms.mean() if norms.any() else NAN
    return result


def likeness(a, b):
    found = alignment(a, b)
    residual = np.linalg.norm(a - np.vdot(a, b) / np.vdot(b, b) * b) / np.linalg.norm(a)
    return dict(pearson=found["alpha"], cosine=found["cos"], residual=residual)


def feature_ansatz(agop, w, w0, power=0.5, remove_init=True, cutoff=1e-8):
    result = dict.fromkeys(("pearson", "cosine", "residual", "pearson_initial", "exponent", "r2", "points", "rank"), NAN)
    v = w - w0 if remove_init else w
    nfm = v.T @ v
    if not nfm.any():
        return result
    result["pearson_initial"] = alignment(nfm, w0.T @ w0)["alpha"]
    values, u = descending(agop)
    if values[0] <= 0:
        return result
    keep = values > cutoff * values[0]
    result["rank"] = np.sum(keep)
    result.update(likeness(nfm, u[:, keep] * values[keep] ** power @ u[:, keep].T))
    z, y, known = projections(nfm, agop, cutoff)
    x, y = np.log10(z[known]), np.log10(y[known])
    result["points"] = len(x)
    if len(x) >= 3 and np.var(x) >= 0.01:
        slope, intercept = np.polyfit(x, y, 1)
        spread = np.sum((y - y.mean()) ** 2)
        result["exponent"] = slope
        if spread > 1e-20 * len(x):
            result["r2"] = 1 - np.sum((y - slope * x - intercept) ** 2) / spread
    return result


def fact_ansatz(cross_a, w):
    nfm = w.T @ w
    if not nfm.any() or not cross_a.any():
        return dict.fromkeys(("pearson", "cosine", "residual", "scale"), NAN)
    u, s, _ = np.linalg.svd(cross_a)
    root = u * s @ u.T
    return likeness(nfm, root) | dict(scale=np.vdot(root, nfm) / np.sum(nfm**2))


def coordinate_share(m, coordinates):
    if np.trace(m) <= 0 or max(coordinates) >= len(m):
        return dict(share=NAN, uniform=NAN)
    return dict(share=np.diag(m)[coordinates].sum() / np.trace(m), uniform=len(coordinates) / len(m))


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


UNCERTAIN = ("slope", "intercept", "r2", "sorted_slope", "sorted_r2", "matrix_exponent", "measured", "table_error",
             "exponent", "least_correlation", "correlation", "g", "h")
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
                        slack = 1e3 if output.split(".")[-1] in UNCERTAIN else 1
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
            for key, probe in run.probes("proportionality"):
                for variant in variants(probe):
                    m = matrices(*cut(probe), w, variant)
                    check(key, {
                        f"{name}.{variant}.{output}": value for name, (a, b) in PAIRS.items()
                        for output, value in proportionality(m[a], m[b], probe.get("leading", 5)).items()})
            for key, probe in run.probes("exponent_checks"):
                for variant in variants(probe):
                    m = matrices(*cut(probe), w, variant)
                    check(key, {
                        f"{name}.{variant}.{output}": value for name in ("h_a", "h_b", "g_a", "g_b")
                        for output, value in exponent_checks(
                            m[name], m["z" + name[1:]], probe.get("cutoff", 1e-8)).items()})
            for key, probe in run.probes("modes"):
                (h, g), cutoff, leading = cut(probe), probe.get("cutoff", 1e-8), probe.get("leading", 10)
                m, n = matrices(h, g, w, "raw"), len(h)
                for side, cross in (("a", h.T @ (g @ w) / n), ("b", w @ h.T @ g / n)):
                    check(key, {f"{side}.{output}": value for output, value in modes(
                        m[f"h_{side}"], m[f"g_{side}"], cross, m[f"z_{side}"], cutoff, leading).items()})
            for key, probe in run.probes("phase"):
                for variant in variants(probe):
                    found = phase(
                        matrices(*cut(probe), w, variant), probe.get("threshold", 0.95), probe.get("cutoff", 1e-8))
                    check(key, {f"{variant}.{output}": value for output, value in found.items()})
            for key, probe in run.probes("fact"):
                check(key, fact(*cut(probe), w, probe.get("weight_decay", 0)))
            for key, probe in run.probes("self_averaging"):
                check(key, self_averaging(*cut(probe)))
            for key, probe in run.probes("fact_ansatz"):
                h, g = cut(probe)
                check(key, fact_ansatz(w.T @ g.T @ h / len(h), w))
            for key, probe in run.probes("feature_ansatz"):
                jacobian = arrays[f"{layer}/layer.input_jacobian"][:probe.get("samples")]
                for centring in probe.get("centring", ["raw"]):
                    j = jacobian - jacobian.mean(0) * (centring == "centred")
                    if np.abs(j).max() < 1e-12 * np.abs(jacobian).max():
                        j = np.zeros_like(j)  # of a last layer: constant but for rounding
                    found = feature_ansatz(
                        np.einsum("nca,ncb->ab", j, j) / len(j), w, arrays[f"{layer}/layer.weight_initial"],
                        probe.get("power", 0.5), probe.get("remove_init", True), probe.get("cutoff", 1e-8))
                    check(key, {f"{centring}.{output}": value for output, value in found.items()})
            for key, probe in run.probes("coordinate_share"):
                h, g = cut(probe)
                check(key, {"nfm." + output: value for output, value in
                            coordinate_share(w.T @ w, probe["coordinates"]).items()})
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
