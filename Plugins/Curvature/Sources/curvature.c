/* Curvature of the loss, and noise of its gradient. Formulas: ../README.md */
#include "syzygy.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static syzygy_status undefined(const char *reason, char *message, size_t size) {
    snprintf(message, size, "%s", reason);
    return SYZYGY_UNDEFINED;
}

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void add(double *y, double c, const double *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] += c * x[i];
}

/* A product of the Hessian (matrix 0) or the Gauss-Newton matrix (1) with v at the current parameters. */
static syzygy_status product(const syzygy_objective *f, int32_t matrix, const double *v, double *out, int64_t p) {
    return matrix ? f->gauss_newton_product(f->context, NULL, NULL, v, out, p)
                  : f->hessian_product(f->context, NULL, NULL, v, out, p);
}

typedef struct {
    double *basis;   /* orthonormal rows [steps + 1, p] */
    double *a, *b;   /* diagonal of T, and below it */
    double *dense;   /* T [k, k] */
    double *values, *vectors;
} lanczos;

/* Largest eigenvalue of T [k, k]; `last` gets the last component of its eigenvector. */
static syzygy_status ritz(const syzygy_linalg *linalg, lanczos *l, int64_t k, double *value, double *last) {
    for (int64_t i = 0; i < k * k; i++) l->dense[i] = 0;
    for (int64_t i = 0; i < k; i++) {
        l->dense[i * k + i] = l->a[i];
        if (i + 1 < k) l->dense[i * k + i + 1] = l->dense[(i + 1) * k + i] = l->b[i];
    }
    syzygy_status status = linalg->eigh(linalg->context, k, l->dense, l->values, l->vectors);
    *value = l->values[k - 1];
    *last = l->vectors[(k - 1) * k + k - 1];
    return status;
}

static syzygy_status iterate(const syzygy_objective *f, const syzygy_linalg *linalg, const syzygy_random *random,
                             int32_t matrix, int64_t p, int64_t limit, double tolerance, lanczos *l,
                             double *sharpness, double *residual, double *steps, char *message, size_t size) {
    double *q = l->basis;
    random->normal(random->context, "start", 0, p, q);
    double norm = sqrt(dot(q, q, p));
    for (int64_t i = 0; i < p; i++) q[i] /= norm;
    double value = 0, last = 1;
    for (int64_t k = 0; k < limit; k++) {
        double *w = q + (k + 1) * p;
        syzygy_status status = product(f, matrix, q + k * p, w, p);
        if (status != SYZYGY_OK) return status;
        l->a[k] = dot(w, q + k * p, p);
        /* Against all earlier vectors, twice: once is not enough where w nearly lies among them. */
        for (int pass = 0; pass < 2; pass++)
            for (int64_t j = 0; j <= k; j++) add(w, -dot(w, q + j * p, p), q + j * p, p);
        l->b[k] = sqrt(dot(w, w, p));
        if (!isfinite(l->a[k]) || !isfinite(l->b[k])) return undefined("not_finite", message, size);
        *steps = (double)(k + 1);
        double length = l->b[k];
        for (int64_t i = 0; i < p && length > 0; i++) w[i] /= length;
        if (k >= 24 && k % 8 != 7 && k + 1 < limit) continue; /* the dense problem is not free */
        if (ritz(linalg, l, k + 1, &value, &last) != SYZYGY_OK) return undefined("no_eigenvalues", message, size);
        double scale = fmax(fabs(l->values[0]), fabs(value));
        /* |H y - value y| for the Ritz vector y; at k + 1 = p, or where the basis is exhausted, rounding is all there is. */
        int exhausted = k + 1 == p || l->b[k] <= 8 * DBL_EPSILON * scale;
        *residual = exhausted ? 0 : l->b[k] * fabs(last);
        if (exhausted || *residual <= tolerance * fabs(value)) {
            *sharpness = value;
            return SYZYGY_OK;
        }
    }
    snprintf(message, size, "not_converged"); /* the reason of `sharpness`, which stays NaN */
    return SYZYGY_OK;
}

syzygy_status sharpness(const syzygy_objective *f, const syzygy_linalg *linalg, const syzygy_random *random,
                        int32_t matrix, int64_t max_steps, double tolerance, double *value, double *residual,
                        double *steps, char *message, size_t size) {
    int64_t p = f->parameter_count(f->context), limit = max_steps < p ? max_steps : p;
    if (p < 1) return undefined("no_parameters", message, size);
    size_t n = (size_t)limit;
    lanczos l = {.basis = malloc((n + 1) * (size_t)p * sizeof(double))};
    double *small = malloc((3 * n + 2 * n * n) * sizeof(double));
    syzygy_status status = SYZYGY_NO_MEMORY;
    if (l.basis && small) {
        l.a = small, l.b = small + n, l.values = small + 2 * n, l.dense = small + 3 * n, l.vectors = l.dense + n * n;
        status = iterate(f, linalg, random, matrix, p, limit, tolerance, &l, value, residual, steps, message, size);
    }
    free(l.basis);
    free(small);
    return status;
}

syzygy_status hessian_trace(const syzygy_objective *f, const syzygy_random *random, int32_t matrix, int64_t samples,
                            double *trace, double *standard_error, char *message, size_t size) {
    int64_t p = f->parameter_count(f->context);
    if (p < 1) return undefined("no_parameters", message, size);
    double *z = malloc(2 * (size_t)p * sizeof(double));
    if (!z) return SYZYGY_NO_MEMORY;
    double *hz = z + p, mean = 0, squares = 0;
    syzygy_status status = SYZYGY_OK;
    for (int64_t k = 0; k < samples && status == SYZYGY_OK; k++) {
        random->uniform(random->context, "signs", k * p, p, z);
        for (int64_t i = 0; i < p; i++) z[i] = z[i] < 0.5 ? -1 : 1;
        status = product(f, matrix, z, hz, p);
        double t = dot(z, hz, p), delta = t - mean;
        if (status == SYZYGY_OK && !isfinite(t)) status = undefined("not_finite", message, size);
        mean += delta / (double)(k + 1); /* Welford: centred sums keep their digits */
        squares += delta * (t - mean);
    }
    free(z);
    if (status != SYZYGY_OK) return status;
    *trace = mean;
    *standard_error = sqrt(squares / ((double)samples * (double)(samples - 1)));
    return SYZYGY_OK;
}

syzygy_status gradient_noise(const syzygy_objective *f, double *gradient_norm, double *sample_square,
                             double *noise_scale, char *message, size_t size) {
    int64_t p = f->parameter_count(f->context), n = f->row_count(f->context, NULL);
    if (p < 1) return undefined("no_parameters", message, size);
    if (n < 1) return SYZYGY_INVALID;
    double *g = malloc((size_t)(p > n ? p : n) * sizeof(double));
    if (!g) return SYZYGY_NO_MEMORY;
    syzygy_status status = f->gradient(f->context, NULL, NULL, g, p);
    double square = status == SYZYGY_OK ? dot(g, g, p) : NAN, mean = 0;
    if (status == SYZYGY_OK) *gradient_norm = sqrt(square);
    if (status == SYZYGY_OK) status = f->sample_squared_norms(f->context, NULL, NULL, g, n);
    for (int64_t s = 0; s < n && status == SYZYGY_OK; s++) mean += g[s] / (double)n;
    free(g);
    if (status == SYZYGY_UNDEFINED) return SYZYGY_OK; /* the norm exists; the host knows why the rest does not */
    if (status != SYZYGY_OK) return status;
    if (!isfinite(square) || !isfinite(mean)) return undefined("not_finite", message, size);
    *sample_square = mean;
    if (square > 0)
        *noise_scale = fmax(0, mean / square - 1);
    else
        snprintf(message, size, "zero_gradient");
    return SYZYGY_OK;
}
