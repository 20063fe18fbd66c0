/* Two other ways to fit an exponent, to compare with: sorted eigenvalues, and whole matrices. Formulas: ../README.md */
#include "fit.h"

static const double lowest = -2, highest = 4;

/* How much of the squares of y is along z^s, in [0, 1] of sum y^2: (sum y_i z_i^s)^2 / sum z_i^(2s). */
static double along(const double *y, const double *z, int64_t count, double s) {
    double yw = 0, ww = 0;
    for (int64_t i = 0; i < count; i++) {
        const double w = pow(z[i] / z[0], s);
        yw += y[i] * w, ww += w * w;
    }
    return yw > 0 ? yw * yw / ww : 0;
}

/* Half the derivative of log `along` with respect to s. */
static double ascent(const double *y, const double *z, int64_t count, double s) {
    double yw = 0, ww = 0, ywl = 0, wwl = 0;
    for (int64_t i = 0; i < count; i++) {
        const double w = pow(z[i] / z[0], s), l = log(z[i] / z[0]);
        yw += y[i] * w, ww += w * w, ywl += y[i] * w * l, wwl += w * w * l;
    }
    return ywl / yw - wwl / ww;
}

/* x: symmetric [d, d], x_values [d] its eigenvalues, descending; basis [d + 1, d] of the weight Gram.
 * y [d] and product [d, d] are scratch. */
syzygy_status exponent_checks(const syzygy_linalg *linalg, const double *x, const double *x_values, const double *basis,
                              int64_t d, double cutoff, double *y, double *product, double *sorted_slope,
                              double *sorted_r2, double *sorted_points, double *matrix_exponent,
                              double *matrix_residual, char *message, size_t size) {
    double unit = largest_entry(x, d * d);
    if (unit == 0) return undefined("zero_matrix", message, size);
    if (!(basis[0] > 0)) return undefined("zero_weight", message, size);
    int64_t kept = kept_modes(basis, d, cutoff);

    line_fit fit = {0};
    for (int64_t i = 0; i < kept; i++) {
        if (x_values[i] > 1e-12 * x_values[0]) add_point(&fit, log10(basis[i]), log10(x_values[i]));
    }
    double intercept;
    *sorted_points = (double)fit.points;
    const char *reason = line(&fit, sorted_slope, &intercept, sorted_r2);

    /* The best s on a grid, then where the derivative is zero between its neighbours. */
    project(linalg, x, unit, basis, d, kept, product, y);
    double total = 0, best = lowest;
    for (int64_t i = 0; i < d * d; i++) total += x[i] / unit * (x[i] / unit);
    const double step = 0.025;
    for (double s = lowest; s < highest + step / 2; s += step) {
        if (along(y, basis, kept, s) > along(y, basis, kept, best)) best = s;
    }
    double a = fmax(lowest, best - step), b = fmin(highest, best + step);
    for (int i = 0; i < 60 && b > a; i++) {
        const double middle = (a + b) / 2;
        if (ascent(y, basis, kept, middle) > 0) a = middle; else b = middle;
    }
    double explained = along(y, basis, kept, (a + b) / 2);
    int flat = basis[kept - 1] > 0.9 * basis[0];
    if (explained > 0) *matrix_residual = sqrt(fmax(0, 1 - explained / total));
    if (explained > 0 && !flat) *matrix_exponent = (a + b) / 2;
    if (flat) reason = "flat_weight_spectrum";
    else if (!reason && explained == 0) reason = "nothing_along_powers";
    if (reason) snprintf(message, size, "%s", reason);
    return SYZYGY_OK;
}
