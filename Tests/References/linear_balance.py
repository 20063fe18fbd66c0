"""The numbers of Plugins/Alignment/studies/linear-balance.yaml in NumPy: a two-layer linear network 20-20-10 learns
a noiseless linear teacher of rank 8 (singular values S from 4 to 0.5, whitened inputs) by gradient descent with decay.

usage: python3 linear_balance.py     (exit status 1 if a value is not the closed form's)

The population moments replace the sample: with E[x x^T] = I, A = W_2 W_1 and y = T x, the gradient at the output is
f - y = (A - T) x. Prints one line per quantity and checks the closed form of the balanced stationary point:
singular values sqrt(S - decay), layer l has H_a ~ z^(l-1), H_b ~ z^l, G_b = decay^2 z^(2-l), G_a = decay^2 z^(3-l).
"""
import sys

import numpy as np

from alignment import PAIRS, alignment, exponents

S = np.logspace(np.log10(4), np.log10(0.5), 8)


def train(decay, seed=0, steps=10_000, lr=0.1, std=0.1):
    random = np.random.default_rng(seed)
    left, right = (np.linalg.qr(random.normal(size=(d, 8)))[0] for d in (10, 20))
    teacher = left * S @ right.T
    w1, w2 = std * random.normal(size=(20, 20)), std * random.normal(size=(10, 20))
    for _ in range(steps):
        error = w2 @ w1 - teacher
        g1, g2 = w2.T @ error + decay * w1, error @ w1.T + decay * w2
        w1, w2 = w1 - lr * g1, w2 - lr * g2
    return teacher, w1, w2


def layer_matrices(w, inputs, grad):
    """inputs, grad: matrices that map x to the layer's input and to the gradient at its output."""
    second = lambda a, b: a @ b.T
    return dict(
        h_a=second(inputs, inputs), h_b=second(w @ inputs, w @ inputs), g_b=second(grad, grad),
        g_a=second(w.T @ grad, w.T @ grad), z_a=w.T @ w, z_b=w @ w.T,
        cross_b=second(grad, w @ inputs), cross_a=second(w.T @ grad, inputs))


def main():
    wrong = []

    def expect(name, value, target, tolerance):
        print(f"  {name:34}{value:.12g}")
        if not abs(value - target) <= tolerance:
            wrong.append(f"{name} = {value}, expected {target} within {tolerance}")

    for decay in (0.05, 0.1, 0.2):
        print(f"weight_decay {decay}")
        teacher, w1, w2 = train(decay)
        error = w2 @ w1 - teacher
        singular = np.linalg.svd(w1, compute_uv=False)
        expect("fc1 singular values, max error", np.abs(singular[:8] - np.sqrt(S - decay)).max(), 0, 1e-10)
        expect("fc1 singular values beyond 8", singular[8:].max(), 0, 1e-10)
        for l, m in ((1, layer_matrices(w1, np.eye(20), w2.T @ error)), (2, layer_matrices(w2, w1, error))):
            name = ("fc1", "head")[l - 1]
            for relation, (a, b) in PAIRS.items():
                values = alignment(m[a], m[b])
                exact = relation.startswith("forward" if l == 1 else "backward")
                expect(f"{name} {relation}.raw.alpha", values["alpha"], 1 if exact else values["alpha"], 1e-10)
                if not exact and values["alpha"] > 0.99:
                    wrong.append(f"{name} {relation} should not be 1")
            for q, p in (("h_a", l - 1), ("h_b", l), ("g_b", 2 - l), ("g_a", 3 - l)):
                fit = exponents(m[q], m["z" + q[1:]])
                expect(f"{name} {q}.raw.slope", fit["slope"], p, 1e-9)
                expect(f"{name} {q}.raw.points", fit["points"], 8, 0)
                print(f"  {'':6}decades {fit['decades']:.6f} off_diagonal {fit['off_diagonal']:.1e} "
                      f"outside {fit['outside']:.3g} r2 {fit['r2']:.12g}")
            for side in "ba":
                z = m[f"z_{side}"]
                residual = np.linalg.norm(-m[f"cross_{side}"] / decay - z) / np.linalg.norm(z)
                expect(f"{name} residual_{side}", residual, 0, 1e-10)
            # G_b = decay^2 z^(2-l) on 8 modes: Z_b itself for fc1, the projector for the head.
            ratio = decay**2 * (1 if l == 1 else 8 / np.sum(S - decay))
            expect(f"{name} trace_ratio", np.trace(m["g_b"]) / np.trace(m["z_b"]), ratio, 1e-10)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
