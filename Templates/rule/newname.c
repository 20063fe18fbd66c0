/* mix W + (1 - mix) B. Runs once for each layer; the host carries errors back by it. */
#include "newname.h"

int32_t newname(const syzygy_graph *graph, syzygy_node weight, syzygy_node feedback, double mix,
                syzygy_node *backward_weight) {
    void *c = graph->context;
    syzygy_node own = graph->apply(c, "mul", (syzygy_node[]){weight, graph->constant(c, mix)}, 2, 0, 0);
    syzygy_node other = graph->apply(c, "mul", (syzygy_node[]){feedback, graph->constant(c, 1 - mix)}, 2, 0, 0);
    *backward_weight = graph->apply(c, "add", (syzygy_node[]){own, other}, 2, 0, 0);
    return *backward_weight < 0 ? SYZYGY_INVALID : SYZYGY_OK; /* the host knows what went wrong first */
}
