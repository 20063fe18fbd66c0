// The paper's own form: theta is trained, and the network sees w = theta + theta_0; see README.md.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <syzygy.h>

syzygy_status translated(const syzygy_graph *g, const syzygy_random *random, syzygy_node theta, int64_t fan_in,
                         double sigma0, syzygy_node *w)
{
    int64_t shape[SYZYGY_MAX_RANK], n = 1;
    const int32_t rank = g->shape(g->context, theta, shape);
    for (int32_t i = 0; i < rank; i++) n *= shape[i];
    double *anchor = malloc((size_t)n * sizeof *anchor);
    if (!anchor) return SYZYGY_NO_MEMORY;
    random->normal(random->context, "anchor", 0, n, anchor);
    const double deviation = sigma0 / sqrt((double)fan_in);
    for (int64_t i = 0; i < n; i++) anchor[i] *= deviation;
    syzygy_node parts[] = {theta, g->tensor(g->context, anchor, shape, rank)};
    *w = g->apply(g->context, "add", parts, 2, 0, 0);
    free(anchor);
    return *w < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

void translated_start(const double *w, int64_t n, double *theta) { memcpy(theta, w, (size_t)n * sizeof *w); }
