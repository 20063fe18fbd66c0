/* One plugin for all headers: MINOR is that of the header it is written for, whichever it is compiled with. */
#include <math.h>
#include <string.h>
#include "syzygy.h"

/* Rows x [rows, 4] from random streams, and three classes. */
void past_points(const syzygy_random *r, int32_t split, int64_t begin, int64_t end, double *x, int32_t *y) {
    const int64_t count = end - begin;
    r->normal(r->context, split ? "test" : "train", 4 * begin, 4 * count, x);
    for (int64_t i = 0; i < count; i++) {
        double noise;
        r->uniform(r->context, split ? "test noise" : "train noise", begin + i, 1, &noise);
        const double s = x[4 * i] - x[4 * i + 1] + 0.5 * x[4 * i + 2] + noise;
        y[i] = (s > 0) + (s > 1);
    }
}

static syzygy_node dense(const syzygy_graph *g, const char *name, const char *weight, const char *bias, syzygy_node x,
                         int64_t d_in, int64_t d_out) {
    void *c = g->context;
    syzygy_node w = g->parameter(c, weight, "weight", (int64_t[]){d_out, d_in}, 2, (syzygy_initializer){"he_normal", 1}, 0, 0);
    syzygy_node b = g->parameter(c, bias, "bias", &d_out, 1, (syzygy_initializer){"uniform", 0.1}, d_in, d_out);
    syzygy_node h = g->apply(c, "matmul", (syzygy_node[]){x, w}, 2, &(syzygy_attribute){"transpose_b", 1}, 1);
    g->layer(c, name, x, w, b, h);
    return g->apply(c, "add", (syzygy_node[]){h, b}, 2, 0, 0);
}

/* Every function of syzygy_graph that the header has. */
int32_t past_net(const syzygy_graph *g, syzygy_node x, int64_t d_in, int64_t d_out, syzygy_node *output) {
    void *c = g->context;
    int64_t shape[SYZYGY_MAX_RANK];
    syzygy_node h = dense(g, "fc", "fc.weight", "fc.bias", x, d_in, 5);
    h = g->apply(c, "tanh", &h, 1, 0, 0);
    if (g->shape(c, h, shape) != 2 || shape[1] != 5) return g->fail(c, "not [rows, 5]"), SYZYGY_INTERNAL;
    h = g->shaped(c, "reshape", h, shape, 2);
    h = g->apply(c, "mul", (syzygy_node[]){h, g->constant(c, 1.25)}, 2, 0, 0);
#if MINOR >= 2
    const double factors[5] = {1, 0.5, 2, 1, 0.25};
    h = g->apply(c, "mul", (syzygy_node[]){h, g->tensor(c, factors, (int64_t[]){5}, 1)}, 2, 0, 0);
    syzygy_node seen = g->parameter(c, "seen", "statistic", 0, 0, (syzygy_initializer){"constant", 0}, 0, 0);
    if (g->is_training(c)) {
        syzygy_node noise = g->random(c, "normal", 0, "noise", shape, 2);
        noise = g->apply(c, "mul", (syzygy_node[]){noise, g->constant(c, 0.01)}, 2, 0, 0);
        h = g->apply(c, "add", (syzygy_node[]){h, noise}, 2, 0, 0);
        g->assign(c, seen, g->apply(c, "add", (syzygy_node[]){seen, g->constant(c, 1)}, 2, 0, 0));
    }
    h = g->dropout(c, h, 0.25, "drop");
#endif
#if MINOR >= 3
    syzygy_node columns = g->apply(c, "transpose", &h, 1, 0, 0), element, carry, last, all, zero;
    zero = g->apply(c, "sum", &h, 1, &(syzygy_attribute){"axis", 1}, 1);
    zero = g->apply(c, "sub", (syzygy_node[]){zero, zero}, 2, 0, 0);
    g->begin_scan(c, &columns, 1, &zero, 1, 0, 0, &element, &carry);
    syzygy_node next = g->apply(c, "mul", (syzygy_node[]){carry, g->constant(c, 0.5)}, 2, 0, 0);
    next = g->apply(c, "add", (syzygy_node[]){next, element}, 2, 0, 0);
    g->end_scan(c, &next, 1, &next, 1, &last, &all);
    h = g->apply(c, "transpose", &all, 1, 0, 0);
    syzygy_node results[3], z = g->begin_fixed_point(c, h, &(syzygy_attribute){"tolerance", 1e-12}, 1);
    z = g->apply(c, "mul", (syzygy_node[]){z, g->constant(c, 0.25)}, 2, 0, 0);
    g->end_fixed_point(c, g->apply(c, "add", (syzygy_node[]){z, h}, 2, 0, 0), results);
    h = results[0];
#endif
    *output = dense(g, "head", "head.weight", "head.bias", h, 5, d_out);
    return *output < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

/* Every function of syzygy_linalg. w [m, n], both at most 8. */
int32_t past_spectrum(const syzygy_linalg *l, const double *w, int64_t m, int64_t n, double *largest, double *trace) {
    double u[64], s[8], v[64], gram[64], values[8], vectors[64], b[8];
    if (m > 8 || n > 8) return SYZYGY_UNSUPPORTED;
    if (l->svd(l->context, m, n, w, u, s, v)) return SYZYGY_INTERNAL;
    *largest = s[0];
    l->gemm(l->context, 1, 0, n, n, m, 1, w, w, 0, gram);
    if (l->eigh(l->context, n, gram, values, vectors)) return SYZYGY_INTERNAL;
    for (int64_t i = 0; i < n; i++) gram[i * n + i] += 1, b[i] = 1;
    if (l->cholesky_solve(l->context, n, 1, gram, b)) return SYZYGY_INTERNAL;
    *trace = 0;
    for (int64_t i = 0; i < n; i++) *trace += values[i] + b[i];
    return SYZYGY_OK;
}

#if MINOR >= 1
/* Every function of syzygy_objective and syzygy_jacobian; at most 256 parameters, 8 rows of 3. */
int32_t past_slope(const syzygy_objective *o, const syzygy_jacobian *j, double *sum) {
    static double p[256], g[256], v[256], samples[8 * 256], norms[8], out[24], back[256];
    const syzygy_rows rows = {0, 0, 0, 8};
    const int64_t n = o->parameter_count(o->context);
    if (n > 256 || o->row_count(o->context, &rows) != 8 || j->width(j->context, "parameters") != n) return SYZYGY_INTERNAL;
    syzygy_status status = o->parameters(o->context, p, n);
    for (int64_t i = 0; i < n; i++) p[i] *= 0.5, g[i] = i % 3 - 1;
    status = status ? status : o->value(o->context, p, &rows, sum);
    status = status ? status : o->hessian_product(o->context, p, &rows, g, v, n);
    for (int64_t i = 0; i < n; i++) *sum += v[i];
    status = status ? status : o->gauss_newton_product(o->context, p, &rows, g, v, n);
    for (int64_t i = 0; i < n; i++) *sum += v[i];
    status = status ? status : j->jvp(j->context, "output", "parameters", p, &rows, g, n, out, 24);
    status = status ? status : j->vjp(j->context, "output", "parameters", p, &rows, out, 24, back, n);
    status = status ? status : o->gradient(o->context, p, &rows, g, n);
    status = status ? status : o->sample_gradients(o->context, p, &rows, samples, 8 * n);
    status = status ? status : o->sample_squared_norms(o->context, p, &rows, norms, 8);
    for (int64_t i = 0; i < n; i++) *sum += g[i] + samples[3 * n + i] + back[i];
    for (int i = 0; i < 8; i++) *sum += norms[i];
    return status;
}
#endif
