/* Matrix products by shares of rows: no allocation, no threads of their own, the same bits however the rows are shared. */
#ifndef SYZYGY_GEMM_H
#define SYZYGY_GEMM_H
#include <stdint.h>

/* C_b [m, n] = op(A_b) op(B_b), plus the old C_b if `accumulate`, for b < batch. Strides count elements:
 *   op(A_b)[i][p] = a[b * a_batch + i * a_row + p * a_col]    i < m, p < k; a_row or a_col is 1
 *   op(B_b)[p][j] = b[b * b_batch + p * b_row + j * b_col]    j < n; b_row or b_col is 1
 *   C_b[i][j]     = c[b * c_batch + i * c_row + j]            overlaps neither A nor B
 * Batch strides of A and B may be 0: the copies share the matrix. The units of the product are the batch * m rows of C.
 *
 * Sums are taken in the precision of the operands. Each starts from 0 or the old C and adds its terms in the order of p,
 * by fused multiply-adds where the processor has them. Only if m or n is at most 3, k at least 8 and both operands are
 * contiguous over p, the terms are summed in several lanes, the lanes pairwise, and the old C is added last. */
typedef struct sz_gemm {
    const void *a, *b;
    void *c;
    int64_t batch, m, n, k;
    int64_t a_batch, a_row, a_col, b_batch, b_row, b_col, c_batch, c_row;
    int32_t accumulate;
    int32_t widest;         /* bytes of the longest vectors that may be used; 0: what the processor has */
    void *scratch;          /* scratch_stride bytes for each thread, multiples of 64 */
    int64_t scratch_stride;

    /* Set by sz_gemm_prepare. */
    int32_t bytes;
    int32_t dot, blocked;
    int64_t item_rows;      /* rows of C that use the same A and B */
    int64_t grain;          /* shares should begin at its multiples */
    const struct sz_gemm_variant *variant;
} sz_gemm;

/* Chooses the kernels for elements of 4 (f32) or 8 (f64) bytes. Returns the bytes of scratch that a thread needs, a
 * multiple of 64, or -1 if sizes or strides are not as described above. Pointers may be set later. */
int64_t sz_gemm_prepare(sz_gemm *, int32_t bytes);

/* Computes rows [begin, end) of a prepared sz_gemm in the scratch of `thread`. */
void sz_gemm_run(const void *arguments, int64_t begin, int64_t end, int32_t thread);
#endif
