// First values of parameters from those that the model says, w; see README.md. A parameter [out, ...] is the matrix [out, rest].
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syzygy.h>

void scaled(const double *w, int64_t n, double alpha, double *value)
{
    for (int64_t i = 0; i < n; i++) value[i] = alpha * w[i];
}

// `value` = `a` [m, k] with its singular values s replaced by f(s); see the callers' `kept`.
static syzygy_status filtered(const syzygy_linalg *linalg, const double *a, int64_t m, int64_t k,
                              void (*kept)(double *s, int64_t r, const void *options), const void *options, double *value)
{
    const int64_t r = m < k ? m : k;
    double *u = malloc((size_t)(r * (m + k + 1) + 1) * sizeof *u), *vt = u + r * m, *s = vt + r * k;
    if (!u) return SYZYGY_NO_MEMORY;
    syzygy_status status = linalg->svd(linalg->context, m, k, a, u, s, vt);
    if (status == SYZYGY_OK) {
        kept(s, r, options);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < r; j++) u[i * r + j] *= s[j];
        linalg->gemm(linalg->context, 0, 0, m, k, r, 1, u, vt, 0, value);
    }
    free(u);
    return status;
}

static void all_equal(double *s, int64_t r, const void *gain)
{
    for (int64_t j = 0; j < r; j++) s[j] = *(const double *)gain;
}

// gain U V^T of a normal matrix U S V^T: uniform (Haar) among the matrices with orthonormal rows or columns.
syzygy_status orthogonal(const syzygy_random *random, const syzygy_linalg *linalg, const double *w, int64_t m, int64_t n,
                         double gain, double *value)
{
    (void)w;  // its shape only
    double *normal = malloc((size_t)n * sizeof *normal);
    if (!normal) return SYZYGY_NO_MEMORY;
    random->normal(random->context, "values", 0, n, normal);
    const syzygy_status status = filtered(linalg, normal, m, n / m, all_equal, &gain, value);
    free(normal);
    return status;
}

typedef struct {
    int64_t rank;
    int keep_norm;
} truncation;

static void largest(double *s, int64_t r, const void *options)
{
    const truncation *o = options;
    double whole = 0, kept = 0;
    // Relative to the largest, so that no square leaves the range of numbers.
    const double unit = r > 0 && s[0] > 0 ? s[0] : 1;
    for (int64_t j = 0; j < r; j++) {
        const double square = s[j] / unit * (s[j] / unit);
        whole += square;
        if (j < o->rank) kept += square; else s[j] = 0;
    }
    if (o->keep_norm && kept > 0)
        for (int64_t j = 0; j < r; j++) s[j] *= sqrt(whole / kept);
}

// The nearest matrix of rank <= `rank` (Eckart and Young), if asked for with the Frobenius norm of w.
syzygy_status low_rank(const syzygy_linalg *linalg, const double *w, int64_t m, int64_t n, int64_t rank, uint8_t keep_norm,
                       double *value)
{
    if (rank >= m || rank >= n / m) {
        memcpy(value, w, (size_t)n * sizeof *w);
        return SYZYGY_OK;
    }
    const truncation options = {rank, keep_norm};
    return filtered(linalg, w, m, n / m, largest, &options, value);
}

// gain on the diagonal, else 0.
syzygy_status identity(const double *w, int64_t m, int64_t k, int64_t n, double gain, double *value, char *message,
                       size_t size)
{
    (void)w;  // its shape only
    if (m * k != n) {
        snprintf(message, size, "the identity is for matrices; this parameter has more than 2 axes");
        return SYZYGY_INVALID;
    }
    for (int64_t i = 0; i < n; i++) value[i] = i / k == i % k ? gain : 0;
    return SYZYGY_OK;
}

void constant(const double *w, int64_t n, double value_of_all, double *value)
{
    (void)w;  // its shape only
    for (int64_t i = 0; i < n; i++) value[i] = value_of_all;
}

enum { rows = 0, columns = 1 };  // axis

// Row i (or column i) becomes that of the first unit of its group; `groups` groups of neighbours, as equal as can be.
void clones(const double *w, int64_t m, int64_t n, int64_t groups, int32_t axis, double *value)
{
    const int64_t k = n / m, units = axis == rows ? m : k;
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = i / k, column = i % k, unit = axis == rows ? row : column;
        const int64_t first = groups < units ? (unit * groups / units * units + groups - 1) / groups : unit;
        value[i] = axis == rows ? w[first * k + column] : w[row * k + first];
    }
}
