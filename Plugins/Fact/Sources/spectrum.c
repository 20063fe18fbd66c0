/* Singular values of one layer's weight and two ranks made of them. Formulas and sources: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

/* w: [d_out, d_in], r = min(d_out, d_in). values [d_out]: square roots of the eigenvalues of w w^T, descending, so
 * the last d_out - r are zero. u [d_out, r] and vt [r, d_in] are scratch. */
syzygy_status spectrum(const syzygy_linalg *linalg, const double *w, int64_t d_out, int64_t d_in, double *u, double *vt,
                       double *values, double *effective_rank, double *stable_rank, char *message, size_t size) {
    syzygy_status status = linalg->svd(linalg->context, d_out, d_in, w, u, values, vt);
    if (status != SYZYGY_OK) {
        snprintf(message, size, "no_singular_values");
        return SYZYGY_UNDEFINED;
    }
    int64_t r = d_out < d_in ? d_out : d_in;
    for (int64_t i = r; i < d_out; i++) values[i] = 0;
    if (values[0] == 0) {
        snprintf(message, size, "zero_weight");
        return SYZYGY_OK;
    }
    double sum = 0, squares = 0, entropy = 0;
    for (int64_t i = 0; i < r; i++) {
        double s = values[i] / values[0];
        sum += s;
        squares += s * s;
    }
    for (int64_t i = 0; i < r; i++) {
        double p = values[i] / values[0] / sum;
        if (p > 0) entropy -= p * log(p);
    }
    *effective_rank = exp(entropy);
    *stable_rank = squares;
    return SYZYGY_OK;
}
