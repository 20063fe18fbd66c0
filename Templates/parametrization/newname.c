/* w = u |u|, element by element: the node of w from that of u, and first values of u from those of w. */
#include "newname.h"

#include <math.h>

int32_t newname(const syzygy_graph *graph, syzygy_node u, syzygy_node *value) {
    void *c = graph->context;
    syzygy_node size = graph->apply(c, "abs", &u, 1, 0, 0);
    *value = graph->apply(c, "mul", (syzygy_node[]){u, size}, 2, 0, 0);
    return *value < 0 ? SYZYGY_INVALID : SYZYGY_OK; /* the host knows what went wrong first */
}

void newname_start(const double *w, int64_t n, double *u) {
    for (int64_t i = 0; i < n; i++) u[i] = copysign(sqrt(fabs(w[i])), w[i]);
}
