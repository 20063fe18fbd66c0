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

/* masked_softmax: of each row of a [rows, n] over the elements whose mask is not 0; 0 elsewhere, and in rows whose largest
 * such element is -infinity or missing. The mask is seen with the axes `dims` of the rows and elements `step` apart within
 * one; strides of 0 repeat. Units: rows. */
typedef struct {
    const void *a, *mask;
    void *out;
    int64_t n, step;
    int32_t rank;
    const int64_t *dims, *strides;
} sz_masked;

/* permute: out [dims] from elements of a, `strides` apart along each axis of out. Units: out[0 ..< lead]. */
typedef struct {
    const void *a;
    void *out;
    int32_t rank, lead;
    const int64_t *dims, *strides;
} sz_permute;

/* slice: a [outer, size, inner] -> out [outer, count, inner], elements begin, begin + step, … of the middle axis.
 * pad: its transpose, a [outer, count, inner] -> out [outer, size, inner], 0 elsewhere.
 * Units: outer, or the middle axis of out if outer is 1. */
typedef struct {
    const void *a;
    void *out;
    int64_t outer, size, count, inner, begin, step;
} sz_slice;

/* concat: each row of out, `row` elements, is a row of every part in turn. Units: of `unit` elements. */
typedef struct {
    const void *a;
    int64_t size; /* of a row */
} sz_part;
typedef struct {
    const sz_part *part;
    int32_t parts;
    void *out;
    int64_t row, unit;
} sz_concat;

/* take_rows: a [copies, rows, width], index [copies, count] -> out [copies, count, width], NaN for an index that is no row.
 * scatter_add: its transpose, a [copies, count, width], index -> out [copies, rows, width]; what no row is meant for is left
 * out; sums accumulate in f64. Units: copies; if copies is 1, index or row of out. */
typedef struct {
    const void *a, *index;
    void *out;
    int64_t copies, rows, count, width;
    void *scratch; /* of scatter_add: count + rows 32-bit numbers for each thread */
    int64_t scratch_stride;
} sz_take;

/* cumsum: sums of a [outer, n, inner] along n up to each element (without it: exclusive; from the end: reverse), in f64.
 * Units: outer. */
typedef struct {
    const void *a;
    void *out;
    int64_t outer, n, inner;
    int32_t exclusive, reverse;
} sz_cumsum;

/* random: out [copies, count]; element i of a copy depends on its key, the step and i. Units: of `unit` elements. */
enum { SZ_UNIFORM = 0 /* [0, 1), multiples of 2^-24 */, SZ_NORMAL = 1, SZ_BERNOULLI = 2 /* 1 if the uniform number < probability */ };
typedef struct {
    void *out;
    const uint64_t *keys;
    const int64_t *step;
    int64_t count, unit;
    int32_t kind;
    double probability;
} sz_random;

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

/* out = f(a, b) of each of so many rows of n elements; `out` may be an operand, but not of spread. b is what masked_softmax
 * has as its mask. sum, max: out has one number for each row; spread: a has, and out repeats it n times. */
typedef void (*sz_row_map)(int64_t rows, int64_t n, void *out, const void *a, const void *b);
sz_row_map sz_find_row_map(const char *name, int32_t bytes);

/* Where an operand of a pass comes from. */
enum {
    SZ_DIRECT = 0,    /* contiguous, same shape as the output: read in place */
    SZ_PERIODIC = 1,  /* repeats every `period` elements and tiles stay within a period: read in place */
    SZ_HOISTED = 2,   /* the same for every tile: expanded once per share */
    SZ_EXPANDED = 3   /* expanded for every tile */
};

#define SZ_MAX_RANK 12
/* An operand, seen with the (collapsed) dimensions of what it is read for; stride 0 where it is broadcast. */
typedef struct {
    const void *source;
    int32_t mode, slot, rank;
    int32_t per_row; /* one number for each row of the pass, not for each element */
    const int64_t *dims, *strides;
} sz_load;

typedef struct {
    void *out;
    int32_t per_row;
} sz_output;

typedef struct {
    sz_map map;      /* or */
    sz_row_map rows;
    int32_t out, a, b, c; /* slots */
    int32_t per_row; /* of a map: one number for each row */
} sz_instruction;

/* tiles: elementwise operations and functions of rows, run tile by tile so that what lies between stays in the first-level
 * cache. The first slots are the outputs, the others are tiles of scratch or point into operands. Units: of `unit` elements,
 * multiples of `width`. */
#define SZ_MAX_SLOTS 128
#define SZ_TILE_BYTES 4096
typedef struct {
    int64_t unit;
    int64_t count;   /* elements of the pass */
    int64_t tile;    /* elements of a tile, at most */
    int64_t period;  /* tiles do not cross its multiples; 0: no such limit */
    int64_t width;   /* elements of a row; tiles have whole rows. 1: nothing is done by rows */
    int32_t slots, outputs, loads, instructions;
    const sz_output *output;
    const sz_load *load;
    const sz_instruction *instruction;
    int64_t slot_bytes;
    void *scratch;          /* scratch_stride bytes for each thread, slots * slot_bytes of them used */
    int64_t scratch_stride;
} sz_tiles;
#endif
