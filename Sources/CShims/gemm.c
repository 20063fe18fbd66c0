#include "gemm.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Rows of the tallest register tile. */
#define TILE_ROWS 12
/* A panel, rows of v as wide as the widest tile, has this many bytes: it fits into a first-level cache. */
#define PANEL_BYTES 32768
/* Rows of a transposed A that are copied together, if its stride is a multiple of PAGE_PART bytes. */
#define BLOCK_ROWS 48
#define PAGE_PART 2048
/* Columns of C that are gathered, transposed, before they are written, and for how many strips of rows. */
#define GATHERED 512
#define STRIPS 2
/* A vector is transposed in the time of so many multiply-adds. */
#define TRANSPOSED 6

typedef void (*rows_function)(const sz_gemm *, const void *a, const void *b, void *c, int64_t rows, void *scratch);
/* The code for one precision and one instruction set. `choose` tells how to compute `rows` rows at a time. */
struct sz_gemm_variant {
    rows_function (*choose)(const sz_gemm *, int64_t rows);
    int64_t lanes, scratch;
};

#define JOIN_(name, isa, type) sz_gemm_##name##_##isa##_##type
#define JOIN(name, isa, type) JOIN_(name, isa, type)

#define ISA baseline
#define BYTES 16
#if defined(__aarch64__)
#define VECTORS 4
#else
#define VECTORS 2
#endif
#include "gemm_isa.h"

#if defined(__x86_64__)
typedef int v8i __attribute__((vector_size(32)));
typedef int64_t v4l __attribute__((vector_size(32)));
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define ISA avx2
#define BYTES 32
#define VECTORS 2
#include "gemm_isa.h"
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#define ISA avx512
#define BYTES 64
#define VECTORS 4
#include "gemm_isa.h"
#pragma clang attribute pop
#endif

static const struct sz_gemm_variant *find_variant(int32_t bytes, int32_t widest) {
#if defined(__x86_64__)
    if (widest >= 64 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return bytes == 4 ? &sz_gemm_variant_avx512_f32 : &sz_gemm_variant_avx512_f64;
    if (widest >= 32 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return bytes == 4 ? &sz_gemm_variant_avx2_f32 : &sz_gemm_variant_avx2_f64;
#endif
    (void)widest;
    return bytes == 4 ? &sz_gemm_variant_baseline_f32 : &sz_gemm_variant_baseline_f64;
}

int64_t sz_gemm_prepare(sz_gemm *g, int32_t bytes) {
    if ((bytes != 4 && bytes != 8) || g->batch < 0 || g->m < 0 || g->n < 0 || g->k < 0) return -1;
    if (g->m > 1 && g->k > 1 && g->a_row != 1 && g->a_col != 1) return -1;
    if (g->k > 1 && g->n > 1 && g->b_row != 1 && g->b_col != 1) return -1;
    if (g->m > 1 && g->c_row < g->n) return -1;
    if (g->batch > 1 && g->m > 0 && g->c_batch < (g->m - 1) * g->c_row + g->n) return -1;
    /* The stride along an axis of one element says nothing; these make the other one the contiguous one. */
    if (g->k <= 1) g->a_col = g->b_row = 1;
    if (g->m <= 1) g->a_row = g->a_col == 1 ? g->k : 1;
    if (g->n <= 1) g->b_col = g->b_row == 1 ? g->k : 1;
    /* Copies that follow each other and share B are one product. */
    const int one = g->b_batch == 0 && g->a_batch == g->m * g->a_row && g->c_batch == g->m * g->c_row && g->a_row != 1;
    g->item_rows = one ? g->batch * g->m : g->m;
    g->dot = g->k >= 8 && (g->m <= 3 || g->n <= 3) && g->a_col == 1 && g->b_row == 1;
    g->blocked = !g->dot && g->a_row == 1 && g->k > 1 && g->a_col * bytes % PAGE_PART == 0;
    g->bytes = bytes;
    g->variant = find_variant(bytes, g->widest ? g->widest : 64);
    g->grain = g->item_rows <= 4 * g->variant->lanes ? g->item_rows : g->variant->lanes;
    if (g->grain < 1) g->grain = 1;
    if (g->dot) return 0;
    return g->variant->scratch + (g->blocked ? BLOCK_ROWS * g->k * bytes : 0);
}

void sz_gemm_run(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_gemm *g = arguments;
    if (begin >= end) return;
    const rows_function compute = g->variant->choose(g, end - begin < g->item_rows ? end - begin : g->item_rows);
    const int64_t bytes = g->bytes;
    void *scratch = (char *)g->scratch + thread * g->scratch_stride;
    int64_t item = begin / g->item_rows, row = begin % g->item_rows;
    while (begin < end) {
        const int64_t rows = g->item_rows - row < end - begin ? g->item_rows - row : end - begin;
        compute(g, (const char *)g->a + (item * g->a_batch + row * g->a_row) * bytes,
                (const char *)g->b + item * g->b_batch * bytes,
                (char *)g->c + (item * g->c_batch + row * g->c_row) * bytes, rows, scratch);
        begin += rows;
        item++;
        row = 0;
    }
}
