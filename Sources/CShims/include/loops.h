/* Kernels that run a compiled program several times: a program inside a step of another one. */
#ifndef SYZYGY_LOOPS_H
#define SYZYGY_LOOPS_H
#include "region.h"

/* `bytes` of one run, copied between an argument or result of the program and a tensor outside. */
typedef struct {
    const void *from;
    void *to;
    int64_t bytes;
} sz_move;

/* scan: `length` runs of `body`, a region of one list. Before the first one `starts` are copied. Before run t piece t of each
 * element's tensor goes to the program, after it each result to piece t of its tensor; then the pieces of the first `carries`
 * results go to the arguments of the next run (those that have one). Runs go from the last to the first if `reverse`.
 * Units: 1. */
typedef struct {
    sz_region *body;
    int64_t length;
    int32_t reverse, starts, elements, results, carries;
    const sz_move *start, *element, *result, *carry;
} sz_scan;
void sz_scan_run(const void *arguments, int64_t begin, int64_t end, int32_t thread);

/* fixed_point: runs of `body` from z = the first start on, `next` becoming z, until every element of `next` differs from z by
 * at most tolerance * (1 + |z|), or `maximum` runs are done; if the equation is `linear`, the largest |z| of the `count` elements
 * of a copy stands for the 1. out: the last `next`, copies * count elements, and the number of runs. Units: 1. */
typedef struct {
    sz_region *body;
    int32_t starts;
    const sz_move *start;
    void *z;
    const void *next;
    void *out;
    int64_t copies, count, maximum;
    int32_t linear;
    double tolerance;
} sz_fixed_point;
#endif
