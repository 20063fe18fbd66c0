/* Power laws between a layer's matrices, by projection on the eigenbasis of the weight Gram. Formulas: ../README.md */
#include "fit.h"

/* x: symmetric [d, d]; basis [d + 1, d]: eigenvalues z_i, descending, and eigenvectors u_i of the weight Gram. With
 * y_ij = u_i^T x u_j over the modes with z_i > cutoff * z_max, fits log10 y_ii = intercept + slope log10 z_i over the modes
 * with y_ii > 0. y [d], product [d, d] and modes [d, d] are scratch. */
syzygy_status exponents(const syzygy_linalg *linalg, const double *x, const double *basis, int64_t d, double cutoff,
                        double *y, double *product, double *modes, double *slope, double *intercept, double *r2,
                        double *points, double *decades, double *off_diagonal, double *outside, char *message,
                        size_t size) {
    double unit = largest_entry(x, d * d);
    if (unit == 0) return undefined("zero_matrix", message, size);
    if (!(basis[0] > 0)) return undefined("zero_weight", message, size);

    int64_t kept = kept_modes(basis, d, cutoff);
    project(linalg, x, unit, basis, d, kept, product, y);
    linalg->gemm(linalg->context, 0, 1, kept, kept, d, 1, product, basis + d, 0, modes);
    double diagonal = 0, rest = 0, total = 0;
    for (int64_t i = 0; i < kept; i++) {
        double row = 0;
        for (int64_t j = 0; j < kept; j++) row += j == i ? 0 : modes[i * kept + j] * modes[i * kept + j];
        rest += row;
        diagonal += y[i] * y[i];
    }
    for (int64_t i = 0; i < d * d; i++) total += x[i] / unit * (x[i] / unit);

    double noise = noise_of(y, kept, d);
    line_fit fit = {0};
    for (int64_t i = 0; i < kept; i++) {
        if (y[i] > noise) add_point(&fit, log10(basis[i]), log10(y[i]));
    }
    *points = (double)fit.points;
    *outside = fmax(0, 1 - (diagonal + rest) / total);
    if (diagonal + rest > DBL_EPSILON * DBL_EPSILON * total) *off_diagonal = rest / (diagonal + rest);
    if (fit.points > 0) *decades = fit.high - fit.low;
    const char *reason = line(&fit, slope, intercept, r2);
    *intercept += log10(unit);
    if (reason) snprintf(message, size, "%s", reason);
    return SYZYGY_OK;
}
