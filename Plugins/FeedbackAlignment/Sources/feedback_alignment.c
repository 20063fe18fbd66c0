// Rules that carry errors back by other weights than the forward ones; see README.md.
#include <syzygy.h>

/// B in the place of W.
syzygy_status feedback_alignment(const syzygy_graph *g, syzygy_node feedback, syzygy_node *backward_weight)
{
    (void)g;
    *backward_weight = feedback;
    return SYZYGY_OK;
}

/// |B| sign(W).
syzygy_status sign_symmetry(const syzygy_graph *g, syzygy_node weight, syzygy_node feedback, syzygy_node *backward_weight)
{
    syzygy_node sign = g->apply(g->context, "sign", &weight, 1, NULL, 0);
    syzygy_node size = g->apply(g->context, "abs", &feedback, 1, NULL, 0);
    syzygy_node factors[] = { sign, size };
    *backward_weight = g->apply(g->context, "mul", factors, 2, NULL, 0);
    return *backward_weight < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}

/// B, which moves as W does but for its own decay: B <- (1 - decay) B - rate * (cotangent of W).
syzygy_status kolen_pollack(const syzygy_graph *g, syzygy_node x, syzygy_node delta, syzygy_node feedback, double rate,
                            double decay, syzygy_node *backward_weight, syzygy_node *next)
{
    int64_t shape[SYZYGY_MAX_RANK];
    if (g->shape(g->context, x, shape) != 2) {
        g->fail(g->context, "kolen_pollack is for layers whose inputs are matrices");
        return SYZYGY_INVALID;
    }
    syzygy_node factors[] = { delta, x };
    syzygy_attribute transpose = { "transpose_a", 1 };
    syzygy_node slope[] = { g->apply(g->context, "matmul", factors, 2, &transpose, 1), g->constant(g->context, rate) };
    syzygy_node keep[] = { feedback, g->constant(g->context, 1 - decay) };
    syzygy_node parts[] = { g->apply(g->context, "mul", keep, 2, NULL, 0), g->apply(g->context, "mul", slope, 2, NULL, 0) };
    *next = g->apply(g->context, "sub", parts, 2, NULL, 0);
    *backward_weight = feedback;
    return *next < 0 ? SYZYGY_INVALID : SYZYGY_OK;
}
