/* delta (sqrt(delta^2 + (f - y)^2) - delta), summed over the outputs of each sample. Runs once; the graph is differentiated. */
#include "newname.h"

int32_t newname(const syzygy_graph *graph, syzygy_node f, syzygy_node y, double delta, syzygy_node *sample_loss) {
    void *c = graph->context;
    syzygy_node width = graph->constant(c, delta);
    syzygy_node square = graph->constant(c, delta * delta);
    syzygy_node r = graph->apply(c, "sub", (syzygy_node[]){f, y}, 2, 0, 0);
    r = graph->apply(c, "square", &r, 1, 0, 0);
    r = graph->apply(c, "add", (syzygy_node[]){r, square}, 2, 0, 0);
    r = graph->apply(c, "sqrt", &r, 1, 0, 0);
    r = graph->apply(c, "sub", (syzygy_node[]){r, width}, 2, 0, 0);
    r = graph->apply(c, "mul", (syzygy_node[]){r, width}, 2, 0, 0);
    *sample_loss = graph->apply(c, "sum", &r, 1, &(syzygy_attribute){"axis", -1}, 1);
    return *sample_loss < 0 ? SYZYGY_INVALID : SYZYGY_OK; /* the host knows what went wrong first */
}
