/* The neural feature matrix of a layer and powers of its average gradient outer product. Formulas: ../README.md */
#include "syzygy.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { fewest_points = 3 };

static double largest_entry(const double *a, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(a[i]));
    return largest;
}

/* Pearson correlation of the entries (`alpha` of the alignment probe), cosine, and the distance |a - c b|/|a| for the best c. */
typedef struct {
    double pearson, cosine, residual;
} likeness;

static likeness compare(const double *a, const double *b, int64_t d) {
    likeness result = {NAN, NAN, NAN};
    const double ua = largest_entry(a, d * d), ub = largest_entry(b, d * d);
    if (ua == 0 || ub == 0) return result;
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0, vaa = 0, vbb = 0, vab = 0, left = 0;
    for (int64_t i = 0; i < d * d; i++) {
        const double x = a[i] / ua, y = b[i] / ub;
        ma += x, mb += y, aa += x * x, bb += y * y, ab += x * y;
    }
    ma /= (double)(d * d), mb /= (double)(d * d);
    for (int64_t i = 0; i < d * d; i++) {
        const double x = a[i] / ua, y = b[i] / ub, r = x - ab / bb * y;
        vaa += (x - ma) * (x - ma), vbb += (y - mb) * (y - mb), vab += (x - ma) * (y - mb);
        left += r * r;
    }
    result.cosine = fmax(-1, fmin(1, ab / sqrt(aa) / sqrt(bb)));
    result.residual = fmin(1, sqrt(left / aa));
    if (vaa > 1e-24 * aa && vbb > 1e-24 * bb) result.pearson = fmax(-1, fmin(1, vab / sqrt(vaa) / sqrt(vbb)));
    return result;
}

/* out [d, d] = sum_i values_i^s u_i u_i^T over the `kept` leading modes. scaled [d, d] is scratch. */
static void power(const syzygy_linalg *linalg, const double *basis, int64_t d, int64_t kept, double s, double *scaled,
                  double *out) {
    const double *u = basis + d;
    for (int64_t i = 0; i < kept; i++)
        for (int64_t j = 0; j < d; j++) scaled[i * d + j] = pow(basis[i] / basis[0], s) * u[i * d + j];
    linalg->gemm(linalg->context, 1, 0, d, d, kept, 1, u, scaled, 0, out);
}

static int64_t kept_modes(const double *basis, int64_t d, double cutoff) {
    int64_t kept = 1;
    while (kept < d && basis[kept] > cutoff * basis[0]) kept++;
    return kept;
}

/* The exponent s of nfm ~ agop^s: slope of log u_i^T nfm u_i on log of the eigenvalue i. NULL, or why there is none. */
static const char *fit(const syzygy_linalg *linalg, const double *nfm, const double *basis, int64_t d, int64_t kept,
                       double *product, double *slope, double *r2, double *points) {
    const double *u = basis + d, unit = largest_entry(nfm, d * d);
    linalg->gemm(linalg->context, 0, 0, kept, d, d, 1 / unit, u, nfm, 0, product);
    double top = 0, n = 0, mx = 0, my = 0, xx = 0, xy = 0, yy = 0;
    for (int64_t i = 0; i < kept; i++) {
        double y = 0;
        for (int64_t j = 0; j < d; j++) y += product[i * d + j] * u[i * d + j];
        product[i * d] = y; /* the row is done */
        top = fmax(top, fabs(y));
    }
    for (int64_t i = 0; i < kept; i++) {
        if (!(product[i * d] > 100 * (double)d * DBL_EPSILON * top)) continue;
        const double x = log10(basis[i]), y = log10(product[i * d]), dx = x - mx, dy = y - my;
        n += 1, mx += dx / n, my += dy / n;
        xx += dx * (x - mx), xy += dx * (y - my), yy += dy * (y - my);
    }
    *points = n;
    if (n < fewest_points) return "too_few_points";
    /* A tenth of a decade, as a standard deviation. */
    if (xx < 0.01 * n) return "short_range";
    *slope = xy / xx;
    if (!(yy > 1e-20 * n)) return "no_variation";
    *r2 = fmin(1, xy / xx * xy / yy);
    return NULL;
}

/* agop [d, d] with its eigensystem basis [d + 1, d]; weight, initial [k, d]: the weight and its first values. The neural feature
 * matrix is w^T w, of w = weight or, with remove_init, weight - initial. difference [k, d] and a, b, c [d, d] are scratch. */
syzygy_status feature_ansatz(const syzygy_linalg *linalg, const double *basis, const double *weight,
                             const double *initial, int64_t k, int64_t d, double s, uint8_t remove_init,
                             double cutoff, double *difference, double *nfm, double *other, double *scratch,
                             double *pearson, double *cosine, double *residual, double *pearson_initial,
                             double *exponent, double *r2, double *points, double *rank, char *message, size_t size) {
    for (int64_t i = 0; i < k * d; i++) difference[i] = remove_init ? weight[i] - initial[i] : weight[i];
    linalg->gemm(linalg->context, 1, 0, d, d, k, 1, difference, difference, 0, nfm);
    if (largest_entry(nfm, d * d) == 0) {
        snprintf(message, size, remove_init ? "weight_is_initial" : "zero_weight");
        return SYZYGY_UNDEFINED;
    }
    linalg->gemm(linalg->context, 1, 0, d, d, k, 1, initial, initial, 0, other);
    *pearson_initial = compare(nfm, other, d).pearson;
    if (!(basis[0] > 0)) {
        snprintf(message, size, "zero_gradient");
        return SYZYGY_OK;
    }
    int64_t kept = kept_modes(basis, d, cutoff);
    *rank = (double)kept;
    power(linalg, basis, d, kept, s, scratch, other);
    likeness found = compare(nfm, other, d);
    *pearson = found.pearson, *cosine = found.cosine, *residual = found.residual;
    const char *reason = fit(linalg, nfm, basis, d, kept, scratch, exponent, r2, points);
    if (!reason && (isnan(*pearson) || isnan(*pearson_initial))) reason = "constant_matrix";
    if (reason) snprintf(message, size, "%s", reason);
    return SYZYGY_OK;
}

/* cross [d, d] = mean of grad_a h_a^T, weight [k, d]. (C C^T)^(1/2) of C = -cross is w^T w times the weight decay where gradients
 * and decay balance. u, vt, a, b [d, d] and s [d] are scratch. */
syzygy_status fact_ansatz(const syzygy_linalg *linalg, const double *cross, const double *weight, int64_t k, int64_t d,
                          double *s, double *u, double *vt, double *root, double *nfm, double *pearson, double *cosine,
                          double *residual, double *scale, char *message, size_t size) {
    linalg->gemm(linalg->context, 1, 0, d, d, k, 1, weight, weight, 0, nfm);
    if (largest_entry(nfm, d * d) == 0 || largest_entry(cross, d * d) == 0) {
        snprintf(message, size, largest_entry(nfm, d * d) == 0 ? "zero_weight" : "zero_gradient");
        return SYZYGY_UNDEFINED;
    }
    if (linalg->svd(linalg->context, d, d, cross, u, s, vt) != SYZYGY_OK) {
        snprintf(message, size, "no_singular_values");
        return SYZYGY_UNDEFINED;
    }
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < d; j++) vt[i * d + j] = u[i * d + j] * s[j];
    linalg->gemm(linalg->context, 0, 1, d, d, d, 1, vt, u, 0, root);
    likeness found = compare(nfm, root, d);
    *pearson = found.pearson, *cosine = found.cosine, *residual = found.residual;
    double dot = 0, square = 0;
    for (int64_t i = 0; i < d * d; i++) dot += root[i] * nfm[i], square += nfm[i] * nfm[i];
    *scale = dot / square;
    if (isnan(*pearson)) snprintf(message, size, "constant_matrix");
    return SYZYGY_OK;
}

/* m [d, d], symmetric: share of its trace on some coordinates, and what it would be of a multiple of the identity. */
syzygy_status coordinate_share(const double *m, int64_t d, const int64_t *coordinates, int64_t count, double *share,
                               double *uniform, char *message, size_t size) {
    double all = 0, some = 0;
    for (int64_t i = 0; i < d; i++) all += m[i * d + i];
    if (!(all > 0)) {
        snprintf(message, size, "zero_matrix");
        return SYZYGY_UNDEFINED;
    }
    for (int64_t i = 0; i < count; i++) {
        if (coordinates[i] >= d) {
            snprintf(message, size, "no_such_coordinate");
            return SYZYGY_UNDEFINED;
        }
        some += m[coordinates[i] * d + coordinates[i]];
    }
    *share = some / all;
    *uniform = (double)count / (double)d;
    return SYZYGY_OK;
}
