#include "gemm.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Rows of the tallest register tile. */
#define TILE_ROWS 12
#ifndef DIRECT
#define DIRECT 200
#endif
#ifndef TRANSPOSED
#define TRANSPOSED 6
#endif
/* Bytes of a packed panel: most of a first-level cache. */
#ifndef PANEL_BYTES
#define PANEL_BYTES 32768
#endif
/* Columns of C gathered transposed before they are written. */
#ifndef GATHERED
#define GATHERED 512
#endif

typedef void (*rows_function)(const sz_gemm *, const void *, const void *, void *, int64_t, void *);
struct variant { rows_function chain, dot; int64_t lanes, scratch; };

#define JOIN_(name, isa, type) sz_gemm_##name##_##isa##_##type
#define JOIN(name, isa, type) JOIN_(name, isa, type)

typedef int v8i __attribute__((vector_size(32)));
typedef int64_t v4l __attribute__((vector_size(32)));

#define ISA baseline
#define BYTES 16
#if defined(__aarch64__)
#define VECTORS 4
#else
#define VECTORS 2
#endif
#include "gemm_isa.h"

#if defined(__x86_64__)
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

static const struct variant *variant(int32_t bytes) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl"))
        return bytes == 4 ? &sz_gemm_variant_avx512_f32 : &sz_gemm_variant_avx512_f64;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return bytes == 4 ? &sz_gemm_variant_avx2_f32 : &sz_gemm_variant_avx2_f64;
#endif
    return bytes == 4 ? &sz_gemm_variant_baseline_f32 : &sz_gemm_variant_baseline_f64;
}

int64_t sz_gemm_prepare(sz_gemm *g, int32_t bytes) {
    if ((bytes != 4 && bytes != 8) || g->batch < 0 || g->m < 0 || g->n < 0 || g->k < 0) return -1;
    if (g->m > 1 && g->k > 1 && g->a_row != 1 && g->a_col != 1) return -1;
    if (g->k > 1 && g->n > 1 && g->b_row != 1 && g->b_col != 1) return -1;
    if (g->m > 1 && g->c_row < g->n) return -1;
    /* The stride along an axis of one element says nothing: take the one that makes the matrix contiguous. */
    if (g->k <= 1) g->a_col = g->b_row = 1;
    if (g->m <= 1) g->a_row = g->a_col == 1 ? g->k : 1;
    if (g->n <= 1) g->b_col = g->b_row == 1 ? g->k : 1;
    const struct variant *v = variant(bytes);
    /* Items that follow each other and share B are one product. */
    int shared = g->batch == 1 || (g->b_batch == 0 && g->a_batch == g->m * g->a_row && g->c_batch == g->m * g->c_row);
    g->item_rows = shared ? g->batch * g->m : g->m;
    int dot = g->a_col == 1 && g->b_row == 1 && (g->m <= SZ_GEMM_DOT || g->n <= SZ_GEMM_DOT);
    g->rows = dot ? v->dot : v->chain;
    g->grain = g->item_rows <= 4 * v->lanes ? g->item_rows : v->lanes;
    g->prepared = bytes;
    return dot ? 0 : v->scratch;
}

void sz_gemm_run(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_gemm *g = arguments;
    const int64_t bytes = g->prepared;
    void *scratch = (char *)g->scratch + thread * g->scratch_stride;
    int64_t item = begin / g->item_rows, row = begin % g->item_rows;
    while (begin < end) {
        int64_t rows = g->item_rows - row < end - begin ? g->item_rows - row : end - begin;
        g->rows(g, (const char *)g->a + (item * g->a_batch + row * g->a_row) * bytes,
                (const char *)g->b + item * g->b_batch * bytes,
                (char *)g->c + (item * g->c_batch + row * g->c_row) * bytes, rows, scratch);
        begin += rows;
        item++;
        row = 0;
    }
}
