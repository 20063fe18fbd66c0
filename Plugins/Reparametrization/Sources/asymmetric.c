// Weights of which some are fixed, others in each row; see README.md.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syzygy.h>

enum { attempts = 100 };

// mask [rows, d]: 0 at `fixed` places of each row, else 1; no two rows alike.
static syzygy_status draw(const syzygy_random *random, int64_t rows, int64_t d, int64_t fixed, double *mask,
                          char *message, size_t size)
{
    if (fixed > d) {
        snprintf(message, size, "fixed = %lld exceeds the %lld numbers of a row", (long long)fixed, (long long)d);
        return SYZYGY_INVALID;
    }
    int64_t *order = malloc((size_t)d * sizeof *order);
    if (!order) return SYZYGY_NO_MEMORY;
    int64_t row = 0;
    for (int64_t attempt = 0; row < rows && attempt < attempts; attempt++) {
        char stream[64];
        snprintf(stream, sizeof stream, "mask/%lld/%lld", (long long)row, (long long)attempt);
        random->permutation(random->context, stream, d, order);
        double *own = mask + row * d;
        for (int64_t k = 0; k < d; k++) own[order[k]] = k < fixed ? 0 : 1;
        int64_t other = 0;
        while (fixed > 0 && other < row && memcmp(mask + other * d, own, (size_t)d * sizeof *own)) other++;
        if (other == row || fixed == 0) row++, attempt = -1;
    }
    free(order);
    if (row == rows) return SYZYGY_OK;
    snprintf(message, size, "found no mask for row %lld of %lld that no other row has: %lld fixed numbers of %lld",
             (long long)row, (long long)rows, (long long)fixed, (long long)d);
    return SYZYGY_INVALID;
}

// w = mask v + (1 - mask) kappa N(0, 1), the second term constant.
syzygy_status asymmetric(const syzygy_graph *g, const syzygy_random *random, syzygy_node v, int64_t fixed, double kappa,
                         syzygy_node *w, char *message, size_t size)
{
    int64_t shape[SYZYGY_MAX_RANK], n = 1;
    const int32_t rank = g->shape(g->context, v, shape);
    for (int32_t i = 0; i < rank; i++) n *= shape[i];
    double *mask = malloc((size_t)(2 * n) * sizeof *mask), *rest = mask + n;
    if (!mask) return SYZYGY_NO_MEMORY;
    const syzygy_status status = draw(random, shape[0], n / shape[0], fixed, mask, message, size);
    if (status == SYZYGY_OK) {
        random->normal(random->context, "fixed", 0, n, rest);
        for (int64_t i = 0; i < n; i++) rest[i] *= kappa * (1 - mask[i]);
        syzygy_node free_part[] = {v, g->tensor(g->context, mask, shape, rank)};
        syzygy_node parts[] = {g->apply(g->context, "mul", free_part, 2, 0, 0),
                               g->tensor(g->context, rest, shape, rank)};
        *w = g->apply(g->context, "add", parts, 2, 0, 0);
    }
    free(mask);
    return status != SYZYGY_OK ? status : *w < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

// What is fixed begins as 0 in v, so that decay of v has nothing to do there.
syzygy_status asymmetric_start(const syzygy_random *random, const double *w, int64_t rows, int64_t n, int64_t fixed,
                               double *v, char *message, size_t size)
{
    const syzygy_status status = draw(random, rows, n / rows, fixed, v, message, size);
    for (int64_t i = 0; i < n && status == SYZYGY_OK; i++) v[i] *= w[i];
    return status;
}
