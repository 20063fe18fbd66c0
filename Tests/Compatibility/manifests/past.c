/* The functions of the manifests of all years. */
#include <math.h>
#include <stdint.h>
#include <stddef.h>
#include "syzygy.h"

/* 01 */
int32_t past_rows(int32_t split, int64_t begin, int64_t end, double offset, int32_t signs, const int64_t *steps, uint64_t seed,
                  double *x, int32_t *y, char *message, size_t size) {
    (void)split, (void)seed, (void)message, (void)size;
    for (int64_t i = begin; i < end; i++, x += 2) {
        for (int k = 0; k < 2; k++) x[k] = (signs ? -1 : 1) * ((double)i + offset) * (double)steps[k];
        *y++ = (int32_t)(i % 3);
    }
    return SYZYGY_OK;
}
static syzygy_node two(const syzygy_graph *g, const char *op, syzygy_node a, syzygy_node b) {
    return g->apply(g->context, op, (syzygy_node[]){a, b}, 2, 0, 0);
}
static syzygy_node head(const syzygy_graph *g, syzygy_node x, int64_t d_in, int64_t d_out) {
    void *c = g->context;
    syzygy_node w = g->parameter(c, "head.weight", "weight", (int64_t[]){d_out, d_in}, 2,
                                 (syzygy_initializer){"torch_linear", 1}, 0, 0);
    syzygy_node h = g->apply(c, "matmul", (syzygy_node[]){x, w}, 2, &(syzygy_attribute){"transpose_b", 1}, 1);
    g->layer(c, "head", x, w, -1, h);
    return h;
}
int32_t past_net(const syzygy_graph *g, syzygy_node x, int64_t d_in, int64_t d_out, double scale, syzygy_node *output) {
    *output = two(g, "mul", head(g, x, d_in, d_out), g->constant(g->context, scale));
    return *output < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}
int32_t past_loss(const syzygy_graph *g, syzygy_node f, syzygy_node y, syzygy_node *sample_loss) {
    syzygy_node r = two(g, "sub", f, y);
    r = two(g, "mul", r, r);
    *sample_loss = g->apply(g->context, "sum", &r, 1, &(syzygy_attribute){"axis", -1}, 1);
    return *sample_loss < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}
#define UPDATES(T, suffix) \
    double past_decay_##suffix(const T *w, T *g, int64_t n, double strength) { \
        double sum = 0; \
        for (int64_t i = 0; i < n; i++) sum += (double)w[i] * (double)w[i], g[i] += (T)strength * w[i]; \
        return strength / 2 * sum; \
    } \
    void past_momentum_##suffix(T *w, const T *g, T *v, int64_t n, double lr, double beta) { \
        for (int64_t i = 0; i < n; i++) v[i] = (T)beta * v[i] + g[i], w[i] -= (T)lr * v[i]; \
    }
UPDATES(float, f32)
UPDATES(double, f64)
int32_t past_sum(const double *a, int64_t rows, int64_t n, double shift, double *sum) {
    double total = (double)rows * shift * 2;
    for (int64_t i = 0; i < n; i++) total += a[i];
    *sum = total;
    return total == 0 ? SYZYGY_UNDEFINED : SYZYGY_OK;
}
double past_norm(int32_t n, const double *w, int32_t stride, const syzygy_linalg *linalg) {
    double square = 0;
    linalg->gemm(linalg->context, 0, 1, 1, 1, n, stride, w, w, 0, &square);
    return sqrt(square);
}

/* 03 */
int32_t past_describe(const char *const *parts, const int64_t *sizes, int64_t count, int64_t rows, int64_t *train, int64_t *shape) {
    (void)parts;
    *train = rows;
    for (int64_t i = 0; i < count; i++) *train += sizes[i];
    shape[0] = 1, shape[1] = 0;
    return SYZYGY_OK;
}
void past_described(const uint8_t *const *parts, int64_t begin, int64_t end, double *x) {
    (void)parts;
    for (int64_t i = begin; i < end; i++) *x++ = (double)i;
}

/* 04 */
int32_t past_objective(const syzygy_objective *o, const syzygy_jacobian *j, double *value, double *width) {
    *width = (double)j->width(j->context, "parameters");
    return o->value(o->context, 0, 0, value);
}

/* 06 */
double past_ramp(int64_t step, int64_t steps, double floor) { return fmax(floor, (double)step / (double)steps); }
void past_double_start(const double *w, int64_t n, double *u) {
    for (int64_t i = 0; i < n; i++) u[i] = w[i] / 2;
}
int32_t past_double(const syzygy_graph *g, syzygy_node u, syzygy_node *value) {
    *value = two(g, "add", u, u);
    return *value < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

/* 07 */
#define OPERATIONS(T, suffix) \
    void past_square_##suffix(const T *x, T *y, int64_t n) { for (int64_t i = 0; i < n; i++) y[i] = x[i] * x[i]; } \
    void past_twice_##suffix(const T *x, T *y, int64_t n) { for (int64_t i = 0; i < n; i++) y[i] = 2 * x[i]; } \
    void past_flip_##suffix(const T *x, int64_t n, int64_t d, T *y) { \
        for (int64_t i = 0; i < n; i++) for (int64_t k = 0; k < d; k++) y[i * d + k] = x[i * d + d - 1 - k]; \
    } \
    void past_flip_vjp_##suffix(const T *x, const T *c, int64_t n, int64_t d, T *out) { \
        (void)x; \
        past_flip_##suffix(c, n, d, out); \
    }
OPERATIONS(float, f32)
OPERATIONS(double, f64)
int32_t past_user(const syzygy_graph *g, syzygy_node x, int64_t d_in, int64_t d_out, syzygy_node *output) {
    syzygy_node h = head(g, x, d_in, d_out);
    *output = g->apply(g->context, "past_square", &h, 1, 0, 0);
    return *output < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

/* 08 */
int32_t past_labels(const syzygy_graph *g, syzygy_node f, syzygy_node y, int64_t labels, syzygy_node *sample_loss) {
    if (labels) return SYZYGY_UNSUPPORTED;
    return past_loss(g, f, y, sample_loss);
}

/* 09 */
double past_fortran(const char *which, const int32_t *n, const double *w) {
    double largest = 0;
    for (int32_t i = 0; i < *n; i++) largest = fmax(largest, fabs(w[i]));
    return *which == 'M' ? largest : NAN;
}

/* 10 */
#define RUN(T, suffix) \
    int32_t past_run_##suffix(T *w, const T *g, int64_t n, const syzygy_objective *o, double lr) { \
        if (o->parameter_count(o->context) != n) return SYZYGY_INTERNAL; \
        for (int64_t i = 0; i < n; i++) w[i] -= (T)lr * g[i]; \
        return SYZYGY_OK; \
    }
RUN(float, f32)
RUN(double, f64)

/* 11 */
int32_t past_rule(const syzygy_graph *g, syzygy_node weight, syzygy_node feedback, syzygy_node *backward_weight) {
    *backward_weight = two(g, "add", weight, feedback);
    return *backward_weight < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

/* 12 */
int32_t past_loop(const double *x, int64_t n, const syzygy_record *record) {
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += x[i];
    record->progress(record->context, 1);
    return record->values(record->context, 1, "total", &total, 1);
}

/* 13 */
void past_order(int64_t epoch, int64_t n, int64_t *order) {
    for (int64_t i = 0; i < n; i++) order[i] = (i + epoch) % n;
}
void past_first(const double *w, int64_t n, double *value) {
    for (int64_t i = 0; i < n; i++) value[i] = 2 * w[i];
}

/* 14 */
void past_stream_add(const double *x, int64_t n, int64_t count, double *total, int64_t *rows) {
    *rows += n;
    for (int64_t i = 0; i < count; i++) *total += x[i];
}
void past_stream(const double *total, const int64_t *rows, double *sum) { *sum = *total + (double)*rows; }

/* 15 */
void past_squares(const double *x, int64_t n, int64_t d, double *value) {
    for (int64_t i = 0; i < n; i++) {
        value[i] = 0;
        for (int64_t j = 0; j < d; j++) value[i] += x[i * d + j] * x[i * d + j];
    }
}

/* 16 */
void past_every_describe(const int32_t *y, int64_t n, int64_t k, int64_t *rows) {
    (void)y;
    *rows = (n + k - 1) / k;
}
void past_every(const int32_t *y, const double *x, int64_t k, int32_t split, int64_t begin, int64_t end, int32_t *labels,
                int64_t *source) {
    (void)x;
    for (int64_t i = begin; i < end; i++) {
        source[i - begin] = split == 0 ? k * i : i;
        labels[i - begin] = y[source[i - begin]];
    }
}

/* 17 */
void past_next(const double *a, const double *b, int64_t n, double *sum) {
    *sum = a[0];
    for (int64_t i = 0; i < n; i++) *sum += b[i];
}

/* 18 */
void past_sign(const double *w, int64_t n, double *sign, double *sum) {
    *sum = 0;
    for (int64_t i = 0; i < n; i++) *sum += w[i];
    *sign = *sum < 0 ? 0 : *sum > 0 ? 2 : 1;
}
