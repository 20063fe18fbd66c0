"""Where Plugins/Syre/studies/lasso.yaml must end: the minima of 1/2 |u*w - b|^2 + gamma (|u - u_0|^2 + |w - w_0|^2).

usage: python3 syre_regression.py RUN_FOLDER     (exit status 1 if a value disagrees)

The anchor is what the first parameters differ by from sqrt(0.09). For each direction Newton's method solves the two
equations of a stationary point, from soft thresholding where b > 2 gamma, else from the linearization at 0,
u = 2 gamma (2 gamma u_0 + b w_0)/(4 gamma^2 - b^2), which itself must be right within 5 % of the largest number.
"""
import numpy as np

from run_folder import main


def factors(run, step):
    with np.load(run.folder / "arrays" / f"step-{step:08}.npz") as data:
        return np.array([data[f"head.weight.{name}/parameter.value"] for name in "uv"])


def stationary(b, gamma, anchor):
    x = np.full(2, np.sqrt(b - 2 * gamma)) if b > 2 * gamma else linearized(b, gamma, anchor)
    for _ in range(50):
        residual = (x[0] * x[1] - b) * x[::-1] + 2 * gamma * (x - anchor)
        across = 2 * x[0] * x[1] - b
        slope = np.array([[x[1] ** 2 + 2 * gamma, across], [across, x[0] ** 2 + 2 * gamma]])
        x = x - np.linalg.solve(slope, residual)
    return x


def linearized(b, gamma, anchor):
    return 2 * gamma * (2 * gamma * anchor + b * anchor[::-1]) / (4 * gamma**2 - b**2)


def compare(run, comparison):
    b = np.array(run.settings["dataset"]["coefficients"])
    decay, steps = run.settings["regularizers"]["decay"], run.settings["train"]["steps"]
    gamma, anchor, last = decay["weight_decay"], factors(run, 0) - np.sqrt(0.09), factors(run, steps)
    for i, coefficient in enumerate(b):
        if gamma == 0:
            comparison.check(f"u w [{i}]", last[0, i] * last[1, i], coefficient)
            continue
        for side, expected in enumerate(stationary(coefficient, gamma, anchor[:, i])):
            comparison.check(f"{'uw'[side]}[{i}]", last[side, i], expected)
        if coefficient < 2 * gamma:
            off = abs(last[:, i] - linearized(coefficient, gamma, anchor[:, i])).max()
            comparison.check(f"linearization [{i}]", float(off <= 0.05 * abs(last).max()), 1)


if __name__ == "__main__":
    main(compare)
