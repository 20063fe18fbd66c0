"""The numbers of core-probes.yaml in PyTorch, in f64, as one writes them in a script for a paper.

Moments are products of whole matrices, the average gradient outer product of a layer is `vmap(jacrev(...))` of the network above it in batches,
as in the code published with arXiv 2212.13881, and every quantity is computed once and kept.
"""
import torch
from torch.func import jacrev, vmap

torch.set_default_dtype(torch.float64)


def moment(q, variant="raw"):
    if variant == "normalized":
        q = q / q.norm(dim=1, keepdim=True)
        q = q - q.mean(0)
    return q.T @ q / len(q)


def alignment(a, b):
    d = len(a)
    free = [x - torch.trace(x) / d * torch.eye(d) for x in (a, b)]
    return dict(
        alpha=torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1], cos=(a * b).sum() / a.norm() / b.norm(),
        cos_dev=(free[0] * free[1]).sum() / free[0].norm() / free[1].norm(),
        cos_null=torch.trace(a) * torch.trace(b) / (d * a.norm() * b.norm()))


def exponent(x, z, u):
    modes = u.T @ x @ u
    y = torch.diag(modes)
    some = y > 100 * len(x) * 2.2e-16 * y.abs().max()
    lx, ly = torch.log10(z[some]), torch.log10(y[some])
    dx, dy = lx - lx.mean(), ly - ly.mean()
    slope = (dx @ dy) / (dx @ dx)
    return dict(slope=slope, r2=slope * (dx @ dy) / (dy @ dy), off_diagonal=1 - (y @ y) / (modes**2).sum())


def collapse(h, labels, w, bias, logits):
    classes = len(w)
    means = torch.stack([h[labels == c].mean(0) for c in range(classes)])
    centre = means.mean(0)
    m = means - centre
    inner = h - means[labels]
    within = inner.T @ inner / len(h)
    between = m.T @ m / classes
    distances = torch.cdist(means, means) ** 2
    spread = torch.stack([(inner[labels == c] ** 2).sum(1).mean() for c in range(classes)])
    pairs = ~torch.eye(classes, dtype=bool)
    cosines = (m / m.norm(dim=1, keepdim=True)) @ (m / m.norm(dim=1, keepdim=True)).T
    nearest = torch.cdist(h, means).argmin(1)
    return dict(
        nc1=torch.trace(within @ torch.linalg.pinv(between, rtol=1e-10)) / classes,
        nc1_quotient=torch.trace(within) / torch.trace(between),
        nc1_cdnv=((spread[:, None] + spread) / 2 / distances)[pairs].mean(),
        nc2_angle_means=(cosines + 1 / (classes - 1))[pairs].abs().mean(),
        nc3=((w / w.norm() - m / m.norm()) ** 2).sum(), mean_logit=(w @ centre + bias).norm(),
        nc4=(logits.argmax(1) != nearest).double().mean())


def probes(x, labels, weights, biases, decay):
    """{(probe.output, layer): value}; x [n, d], layers with relu between them."""
    inputs, outputs, h = [], [], x
    for i, (w, b) in enumerate(zip(weights, biases)):
        inputs.append(h)
        outputs.append((h @ w.T).requires_grad_())
        h = outputs[-1] + b
        if i < len(weights) - 1:
            h = torch.relu(h)
    loss = torch.nn.functional.cross_entropy(h, labels, reduction="sum")
    grads = torch.autograd.grad(loss, outputs)
    logits = h.detach()
    inputs, outputs = [q.detach() for q in inputs], [q.detach() for q in outputs]
    found, n = {}, len(x)

    def above(layer, h):
        for i in range(layer, len(weights)):
            h = h @ weights[i].T + biases[i]
            if i < len(weights) - 1:
                h = torch.relu(h)
        return h

    for layer, w in enumerate(weights):
        rows = dict(h_a=inputs[layer], h_b=outputs[layer], g_b=grads[layer], g_a=grads[layer] @ w)
        z_a, z_b = w.T @ w, w @ w.T
        bases = dict(a=torch.linalg.eigh(z_a), b=torch.linalg.eigh(z_b))

        def put(probe, values):
            found.update({(f"{probe}.{name}", layer): float(value) for name, value in values.items()})

        for variant in ("raw", "normalized"):
            m = {name: moment(q, variant) for name, q in rows.items()} | dict(z_a=z_a, z_b=z_b)
            for side, word in (("b", "forward"), ("a", "backward")):
                for relation, (p, q) in dict(rga="hg", rwa="hz", gwa="gz").items():
                    put(f"crh.{word}_{relation}.{variant}", alignment(m[f"{p}_{side}"], m[f"{q}_{side}"]))
            if variant == "raw":
                raw = m
        for side, (values, u) in bases.items():
            keep = values > 1e-8 * values[-1]
            z, v = values[keep], u[:, keep]
            for q in ("h", "g"):
                put(f"pah.{q}_{side}.raw", exponent(raw[f"{q}_{side}"], z, v))
            cross = rows[f"h_{side}"].T @ rows[f"g_{side}"] / n
            y = [torch.einsum("ji,jk,ki->i", v, x, v) for x in (raw[f"h_{side}"], raw[f"g_{side}"], cross)]
            known = (y[0] > 0) & (y[1] > 0)
            put(f"modes.{side}", dict(mean_correlation=(-y[2][known] / (y[0][known] * y[1][known]).sqrt()).mean()))
            balance = -cross.T / decay
            gram = z_a if side == "a" else z_b
            put("balance", {f"residual_{side}": (balance - gram).norm() / gram.norm()})
        norms = [(rows[q] ** 2).sum(1) for q in ("h_a", "g_b")]
        put("norms", {f"cv_{q}": x.std(correction=0) / x.mean() for q, x in zip("hg", norms)})

        agop = torch.zeros(w.shape[1], w.shape[1])
        jacobian = vmap(jacrev(lambda h: above(layer, h)))
        for part in inputs[layer].split(500):
            j = jacobian(part)
            agop += torch.einsum("ncd,ncD->dD", j, j) / n
        values, u = torch.linalg.eigh(agop)
        keep = values > 1e-8 * values[-1]
        root = u[:, keep] * values[keep].sqrt() @ u[:, keep].T
        put("nfa.raw", dict(pearson=alignment(z_a, root)["alpha"], cosine=alignment(z_a, root)["cos"]))
        centred = rows["h_b"] - rows["h_b"].mean(0)
        values = torch.linalg.eigvalsh(centred.T @ centred / n).clamp(min=0)
        p = values[values > 0] / values.sum()
        put("ranks.output", dict(effective_rank=torch.exp(-(p * p.log()).sum()), trace=values.sum()))
    for name, value in collapse(inputs[-1], labels, weights[-1], biases[-1], logits).items():
        found[f"collapse.{name}", None] = float(value)
    return found
