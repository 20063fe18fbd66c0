// Classes with known geometry: clusters around a simplex, and samples that are nothing but their number. See README.md.
#include "syzygy.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { train = 0 };
enum { gaussian = 0, axes = 1 };   // spread

// The means [classes, d]: unit vectors with equal angles (Helmert's coordinates), turned by a random orthogonal map, times `radius`.
static syzygy_status simplex(const syzygy_random *random, const syzygy_linalg *linalg, int64_t classes, int64_t d,
                             double radius, double *means)
{
    const int64_t m = classes - 1;
    double *normal = malloc((size_t)(2 * d * m + m + m * m + classes * m) * sizeof *normal);
    if (!normal) return SYZYGY_NO_MEMORY;
    double *u = normal + d * m, *s = u + d * m, *vt = s + m, *corners = vt + m * m;
    random->normal(random->context, "turn", 0, d * m, normal);
    syzygy_status status = linalg->svd(linalg->context, d, m, normal, u, s, vt);
    if (status == SYZYGY_OK) {
        // The polar factor u vt [d, m] has orthonormal columns, uniformly distributed.
        linalg->gemm(linalg->context, 0, 0, d, m, m, 1, u, vt, 0, normal);
        const double scale = radius / sqrt(1 - 1 / (double)classes);
        for (int64_t c = 0; c < classes; c++)
            for (int64_t j = 0; j < m; j++) {
                const double below = sqrt((double)(j + 1) * (double)(j + 2));
                corners[c * m + j] = scale * (c <= j ? 1 / below : c == j + 1 ? -(double)(j + 1) / below : 0);
            }
        linalg->gemm(linalg->context, 0, 1, classes, d, m, 1, corners, normal, 0, means);
    }
    free(normal);
    return status;
}

// Row i is of class i mod classes: mean + sigma z, or the mean -+ sigma sqrt(d) e_j with j and sign in turn.
syzygy_status simplex_clusters(const syzygy_random *random, const syzygy_linalg *linalg, int32_t split, int64_t begin,
                               int64_t end, int64_t train_rows, int64_t test_rows, int64_t classes, int64_t d,
                               double radius, double sigma, int32_t spread, double *x, int32_t *y, char *message,
                               size_t message_size)
{
    if (d < classes - 1) {
        snprintf(message, message_size, "a simplex of %lld classes needs d >= %lld, got %lld", (long long)classes,
                 (long long)classes - 1, (long long)d);
        return SYZYGY_INVALID;
    }
    const int64_t rows = split == train ? train_rows : test_rows;
    if (spread == axes && rows % (2 * d * classes) != 0) {
        snprintf(message, message_size, "with spread: axes the rows are a multiple of 2 d classes = %lld, got %lld",
                 (long long)(2 * d * classes), (long long)rows);
        return SYZYGY_INVALID;
    }
    double *means = malloc((size_t)(classes * d) * sizeof *means);
    if (!means) return SYZYGY_NO_MEMORY;
    const syzygy_status status = simplex(random, linalg, classes, d, radius, means);
    if (status == SYZYGY_OK && spread == gaussian)
        random->normal(random->context, split == train ? "x.train" : "x.test", begin * d, (end - begin) * d, x);
    for (int64_t i = begin; status == SYZYGY_OK && i < end; i++, x += d, y++) {
        const double *mean = means + i % classes * d;
        *y = (int32_t)(i % classes);
        if (spread == axes) {
            const int64_t k = i / classes % (2 * d);
            memset(x, 0, (size_t)d * sizeof *x);
            x[k / 2] = (k % 2 ? -1 : 1) * sqrt((double)d);
        }
        for (int64_t j = 0; j < d; j++) x[j] = mean[j] + sigma * x[j];
    }
    free(means);
    return status;
}

// Row i is e_i, of class i mod classes.
void one_hot_samples(int64_t begin, int64_t end, int64_t rows, int64_t classes, double *x, int32_t *y)
{
    memset(x, 0, (size_t)((end - begin) * rows) * sizeof *x);
    for (int64_t i = begin; i < end; i++, x += rows) {
        x[i] = 1;
        *y++ = (int32_t)(i % classes);
    }
}
