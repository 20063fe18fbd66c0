/* output = V tanh(W x + b) + c, x [rows, d_in], output [rows, d_out]. Runs once; the graph is compiled and differentiated. */
#include "newname.h"

#include <stdio.h>

/* x W^T + b, observed by probes as the layer `name`. */
static syzygy_node dense(const syzygy_graph *g, const char *name, syzygy_node x, int64_t d_in, int64_t d_out) {
    void *c = g->context;
    const syzygy_initializer initial = {"torch_linear", 1};
    char parameter[80];
    snprintf(parameter, sizeof parameter, "%s.weight", name);
    syzygy_node weight = g->parameter(c, parameter, "weight", (int64_t[]){d_out, d_in}, 2, initial, 0, 0);
    snprintf(parameter, sizeof parameter, "%s.bias", name);
    syzygy_node bias = g->parameter(c, parameter, "bias", &d_out, 1, initial, d_in, d_out);
    syzygy_node h = g->apply(c, "matmul", (syzygy_node[]){x, weight}, 2, &(syzygy_attribute){"transpose_b", 1}, 1);
    g->layer(c, name, x, weight, bias, h);
    return g->apply(c, "add", (syzygy_node[]){h, bias}, 2, 0, 0);
}

int32_t newname(const syzygy_graph *graph, syzygy_node x, int64_t d_in, int64_t d_out, int64_t width, syzygy_node *output) {
    syzygy_node h = dense(graph, "fc", x, d_in, width);
    h = graph->apply(graph->context, "tanh", &h, 1, 0, 0);
    *output = dense(graph, "head", h, width, d_out);
    return *output < 0 ? SYZYGY_INVALID : SYZYGY_OK; /* the host knows what went wrong first */
}
