/* Representation and gradient mode by mode in the eigenbasis of the weight Gram. Formulas: ../README.md */
#include "fit.h"

/* h, g: second moments [d, d]; cross [d, d] = mean of h grad^T with grad = +dl/dh; basis [d + 1, d] of the weight Gram.
 * z, h_modes, g_modes, correlation [leading]: by descending z_i. ys [3, d] and product [d, d] are scratch. */
syzygy_status modes(const syzygy_linalg *linalg, const double *h, const double *g, const double *cross,
                    const double *basis, int64_t d, double cutoff, int64_t leading, double *ys, double *product,
                    double *z, double *h_modes, double *g_modes, double *correlation, double *count,
                    double *mean_correlation, double *least_correlation, char *message, size_t size) {
    if (!(basis[0] > 0)) return undefined("zero_weight", message, size);
    int64_t kept = kept_modes(basis, d, cutoff);
    double *y[3] = {ys, ys + d, ys + 2 * d};
    project(linalg, h, 1, basis, d, kept, product, y[0]);
    project(linalg, g, 1, basis, d, kept, product, y[1]);
    project(linalg, cross, 1, basis, d, kept, product, y[2]);
    double noise_h = noise_of(y[0], kept, d), noise_g = noise_of(y[1], kept, d);

    double sum = 0, least = 1;
    int64_t defined = 0;
    for (int64_t i = 0; i < kept; i++) {
        int known = y[0][i] > noise_h && y[1][i] > noise_g;
        double rho = known ? fmax(-1, fmin(1, -y[2][i] / sqrt(y[0][i]) / sqrt(y[1][i]))) : 0;
        if (known) sum += rho, least = fmin(least, rho), defined++;
        if (i >= leading) continue;
        z[i] = basis[i];
        if (y[0][i] > noise_h) h_modes[i] = y[0][i];
        if (y[1][i] > noise_g) g_modes[i] = y[1][i];
        if (known) correlation[i] = rho;
    }
    *count = (double)kept;
    if (defined) *mean_correlation = sum / (double)defined, *least_correlation = least;
    if (kept < leading || defined < kept) snprintf(message, size, "no_such_mode");
    return SYZYGY_OK;
}
