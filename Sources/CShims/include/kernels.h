/* The arithmetic of compiled graphs: small kernels over resolved pointers (region.h runs them). */
#ifndef SYZYGY_KERNELS_H
#define SYZYGY_KERNELS_H
#include <stdint.h>

/* A kernel computes units [begin, end) of its step and nothing else: threads share a step by disjoint ranges. What a unit is
 * depends on the kernel; its arguments are the struct named beside it. Results do not depend on how units are shared.
 * `thread` chooses the scratch. A kernel allocates nothing and starts no threads. */
typedef void (*sz_kernel)(const void *arguments, int64_t begin, int64_t end, int32_t thread);

/* The kernel of a name for elements of 4 (f32) or 8 (f64) bytes, in the widest vectors of this processor; NULL if unknown. */
sz_kernel sz_find_kernel(const char *name, int32_t bytes);

/* sum, max: a [outer, n, inner] -> out [outer, inner]; sums accumulate in f64. Units: o, or the columns if outer is 1.
 * softmax, log_softmax: rows of a [outer, n]. Units: rows. */
typedef struct {
    const void *a;
    void *out;
    int64_t outer, n, inner;
} sz_reduce;

/* permute: out [dims] from elements of a, `strides` apart along each axis of out. Units: out[0]. */
typedef struct {
    const void *a;
    void *out;
    int32_t rank;
    const int64_t *dims, *strides;
} sz_permute;

/* matmul: sz_gemm_run of gemm.h.
 * copy. Units: elements. */
typedef struct {
    const void *a;
    void *out;
} sz_copy;

/* gather: row i of out is row (*order)[i] of a table whose rows have `bytes` bytes. Units: rows. */
typedef struct {
    const void *rows;
    const int64_t *const *order;
    void *out;
    int64_t bytes;
} sz_gather;

/* out[i] = f(a[i], b[i], c[i]); `out` may be one of the operands. Operands a kernel does not take are ignored. */
typedef void (*sz_map)(int64_t n, void *out, const void *a, const void *b, const void *c);
sz_map sz_find_map(const char *name, int32_t bytes);

/* Where an operand of a tile program comes from. */
enum {
    SZ_DIRECT = 0,    /* contiguous, same shape as the output: read in place */
    SZ_PERIODIC = 1,  /* repeats every `period` elements and tiles stay within a period: read in place */
    SZ_HOISTED = 2,   /* the same for every tile: expanded once per run */
    SZ_EXPANDED = 3   /* expanded for every tile */
};

#define SZ_MAX_RANK 8
/* An operand, seen with the (collapsed) dimensions of the output; stride 0 where it is broadcast. */
typedef struct {
    const void *source;
    int32_t mode, slot, rank;
    const int64_t *dims, *strides;
} sz_load;

typedef struct {
    sz_map map;
    int32_t out, a, b, c; /* slots */
} sz_instruction;

/* tiles: a chain of elementwise operations, run tile by tile so that what lies between stays in the first-level cache.
 * Slot 0 is the output, the other slots are tiles of scratch or point into operands. Units: of `unit` elements. */
#define SZ_MAX_SLOTS 64
typedef struct {
    int64_t unit;
    int64_t count;   /* elements of the output */
    int64_t tile;    /* elements of a tile, at most */
    int64_t period;  /* tiles do not cross its multiples; 0: no such limit */
    void *out;
    int32_t slots, loads, instructions;
    const sz_load *load;
    const sz_instruction *instruction;
    void *scratch;          /* scratch_stride bytes for each thread, slots * SZ_TILE_BYTES of them used */
    int64_t scratch_stride;
} sz_tiles;
#define SZ_TILE_BYTES 4096
#endif
