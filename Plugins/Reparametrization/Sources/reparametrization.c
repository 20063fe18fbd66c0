// Parameters made of other parameters; see README.md.
#include <math.h>
#include <stdio.h>
#include <syzygy.h>

// w = u v, element by element.
syzygy_status spred(const syzygy_graph *g, syzygy_node u, syzygy_node v, syzygy_node *w)
{
    *w = g->apply(g->context, "mul", (syzygy_node[]){u, v}, 2, 0, 0);
    return *w < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

enum { unit = 0, balanced = 1 };  // start

void spred_start(const double *w, int64_t n, int32_t start, double *u, double *v)
{
    for (int64_t i = 0; i < n; i++) {
        u[i] = start == unit ? w[i] : sqrt(fabs(w[i]));
        v[i] = start == unit ? 1 : copysign(u[i], w[i]);
    }
}

// w = g v/|v|, the norm over all axes but the first.
syzygy_status weight_norm(const syzygy_graph *graph, syzygy_node g, syzygy_node v, syzygy_node *w)
{
    void *c = graph->context;
    int64_t shape[SYZYGY_MAX_RANK];
    const int32_t rank = graph->shape(c, v, shape);
    int64_t rest = 1;
    for (int32_t i = 1; i < rank; i++) rest *= shape[i];
    const int64_t rows[2] = {shape[0], rest}, column[2] = {shape[0], 1};
    const syzygy_attribute last[2] = {{"axis", -1}, {"keep", 1}};

    syzygy_node flat = graph->shaped(c, "reshape", v, rows, 2);
    syzygy_node norm = graph->apply(c, "square", &flat, 1, 0, 0);
    norm = graph->apply(c, "sum", &norm, 1, last, 2);
    norm = graph->apply(c, "sqrt", &norm, 1, 0, 0);
    syzygy_node scale = graph->shaped(c, "reshape", g, column, 2);
    scale = graph->apply(c, "div", (syzygy_node[]){scale, norm}, 2, 0, 0);
    *w = graph->apply(c, "mul", (syzygy_node[]){flat, scale}, 2, 0, 0);
    *w = graph->shaped(c, "reshape", *w, shape, rank);
    return *w < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

syzygy_status weight_norm_start(const double *w, int64_t rows, int64_t n, double *g, double *v, char *message,
                                size_t message_size)
{
    const int64_t rest = n / rows;
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t k = 0; k < rest; k++) {
            v[i * rest + k] = w[i * rest + k];
            sum += w[i * rest + k] * w[i * rest + k];
        }
        if (sum == 0) {
            snprintf(message, message_size, "row %lld begins as zeros, which have no direction", (long long)i);
            return SYZYGY_INVALID;
        }
        g[i] = sqrt(sum);
    }
    return SYZYGY_OK;
}
