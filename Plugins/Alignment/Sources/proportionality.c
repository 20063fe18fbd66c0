/* How far two matrices of one layer are from being proportional: in size, basis and leading eigenspaces. Formulas: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

static double norm(const double *a, int64_t count) {
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(a[i]));
    if (largest == 0) return 0;
    for (int64_t i = 0; i < count; i++) sum += (a[i] / largest) * (a[i] / largest);
    return largest * sqrt(sum);
}

/* a, b: symmetric [d, d]; a_basis, b_basis [d + 1, d]: their eigenvalues, descending, and eigenvectors as rows. angles [k], in
 * radians, ascending, between the spaces of the k leading eigenvectors. product [d, d] and s, u, vt [d, d] are scratch. */
syzygy_status proportionality(const syzygy_linalg *linalg, const double *a, const double *b, const double *a_basis,
                              const double *b_basis, int64_t d, int64_t k, double *product, double *s, double *u,
                              double *vt, double *scale, double *residual, double *commutator, double *angles,
                              double *overlap, double *overlap_null, double *gap, char *message, size_t size) {
    double norm_a = norm(a, d * d), norm_b = norm(b, d * d);
    if (norm_a == 0 || norm_b == 0) {
        snprintf(message, size, "zero_matrix");
        return SYZYGY_UNDEFINED;
    }
    /* From the difference itself, which keeps its digits where sqrt(1 - cos^2) has none. */
    double cosine = 0, sum = 0;
    for (int64_t i = 0; i < d * d; i++) cosine += a[i] / norm_a * (b[i] / norm_b);
    for (int64_t i = 0; i < d * d; i++) {
        const double r = a[i] / norm_a - cosine * (b[i] / norm_b);
        sum += r * r;
    }
    *scale = cosine * (norm_a / norm_b);
    *residual = fmin(1, sqrt(sum));

    /* ba = (ab)^T. */
    linalg->gemm(linalg->context, 0, 0, d, d, d, 1 / norm_a / norm_b, a, b, 0, product);
    sum = 0;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < i; j++) {
            const double r = product[i * d + j] - product[j * d + i];
            sum += 2 * r * r;
        }
    *commutator = sqrt(sum);
    if (k > d) {
        snprintf(message, size, "fewer_dimensions");
        return SYZYGY_OK;
    }
    linalg->gemm(linalg->context, 0, 1, k, k, d, 1, a_basis + d, b_basis + d, 0, product);
    if (linalg->svd(linalg->context, k, k, product, u, s, vt) != SYZYGY_OK) {
        snprintf(message, size, "no_singular_values");
        return SYZYGY_OK;
    }
    double squares = 0;
    for (int64_t i = 0; i < k; i++) {
        squares += s[i] * s[i];
        angles[i] = acos(fmin(1, s[i]));
    }
    *overlap = fmin(1, squares / (double)k);
    *overlap_null = (double)k / (double)d;
    /* Where an eigenvalue equals the next one, which vectors lead is chance. */
    double gap_a = k == d ? 1 : 1 - a_basis[k] / a_basis[k - 1], gap_b = k == d ? 1 : 1 - b_basis[k] / b_basis[k - 1];
    if (a_basis[k - 1] > 0 && b_basis[k - 1] > 0) *gap = fmin(1, fmax(0, fmin(gap_a, gap_b)));
    else snprintf(message, size, "no_such_eigenvalue");
    return SYZYGY_OK;
}
