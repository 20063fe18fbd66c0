/* y_i = x_i / |x_i| for the rows of x [n, d], its vector-Jacobian product, and a network that applies it. */
#include "newname.h"

#include <math.h>

#define OPERATION(T, suffix) \
    static double length_##suffix(const T *x, int64_t d) { \
        double sum = 0; \
        for (int64_t k = 0; k < d; k++) sum += (double)x[k] * (double)x[k]; \
        return sqrt(sum); \
    } \
    void newname_##suffix(const T *x, int64_t n, int64_t d, T *y) { \
        for (int64_t i = 0; i < n; i++, x += d, y += d) { \
            double length = length_##suffix(x, d); \
            for (int64_t k = 0; k < d; k++) y[k] = length > 0 ? (T)((double)x[k] / length) : 0; \
        } \
    } \
    void newname_vjp_##suffix(const T *x, const T *c, int64_t n, int64_t d, T *out) { \
        for (int64_t i = 0; i < n; i++, x += d, c += d, out += d) { \
            double length = length_##suffix(x, d), along = 0; /* x . c / |x|^2 */ \
            for (int64_t k = 0; k < d && length > 0; k++) along += (double)x[k] / length * ((double)c[k] / length); \
            for (int64_t k = 0; k < d; k++) \
                out[k] = length > 0 ? (T)(((double)c[k] - along * (double)x[k]) / length) : 0; \
        } \
    }
OPERATION(float, f32)
OPERATION(double, f64)

/* x W^T, observed by probes as the layer `name`. */
static syzygy_node linear(const syzygy_graph *g, const char *name, const char *parameter, syzygy_node x, int64_t d_in,
                          int64_t d_out) {
    void *c = g->context;
    syzygy_node weight = g->parameter(c, parameter, "weight", (int64_t[]){d_out, d_in}, 2,
                                      (syzygy_initializer){"torch_linear", 1}, 0, 0);
    syzygy_node h = g->apply(c, "matmul", (syzygy_node[]){x, weight}, 2, &(syzygy_attribute){"transpose_b", 1}, 1);
    g->layer(c, name, x, weight, -1, h);
    return h;
}

int32_t newname_net(const syzygy_graph *graph, syzygy_node x, int64_t d_in, int64_t d_out, int64_t width,
                    syzygy_node *output) {
    syzygy_node h = linear(graph, "fc", "fc.weight", x, d_in, width);
    h = graph->apply(graph->context, "newname", &h, 1, 0, 0);
    *output = linear(graph, "head", "head.weight", h, width, d_out);
    return *output < 0 ? SYZYGY_INVALID : SYZYGY_OK; /* the host knows what went wrong first */
}
