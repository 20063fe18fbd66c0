/* Matrix products by shares of rows: no allocation, no thread of its own, the same bits however the rows are shared. */
#ifndef SYZYGY_GEMM_H
#define SYZYGY_GEMM_H
#include <stdint.h>

/* C_b [m, n] = op(A_b) op(B_b), plus the old C_b if `accumulate`, for b < batch. Strides count elements:
 *   op(A_b)[i][p] = a[b * a_batch + i * a_row + p * a_col]    i < m, p < k; a_row or a_col is 1
 *   op(B_b)[p][j] = b[b * b_batch + p * b_row + j * b_col]    j < n; b_row or b_col is 1
 *   C_b[i][j]     = c[b * c_batch + i * c_row + j]            overlaps neither A nor B
 * A batch stride of 0 shares the matrix (not C). The units of the product are the batch * m rows of all C_b.
 *
 * Every element is summed over p = 0, 1, ... in the precision of its operands (one fused multiply-add each where the
 * processor has it), starting from 0 or from the old C. Where m or n is at most SZ_GEMM_DOT and both operands are
 * contiguous over p, in lanes that are added pairwise at the end, then added to the old C. */
typedef struct sz_gemm {
    const void *a, *b;
    void *c;
    int64_t batch, m, n, k;
    int64_t a_batch, a_row, a_col, b_batch, b_row, b_col, c_batch, c_row;
    int32_t accumulate;
    int32_t prepared;                 /* below: made by sz_gemm_prepare, except scratch */
    void (*rows)(const struct sz_gemm *, const void *a, const void *b, void *c, int64_t rows, void *scratch);
    int64_t item_rows;                /* rows of C between two changes of A and B */
    int64_t grain;                    /* shares best begin at its multiples */
    void *scratch;                    /* scratch_stride bytes for each thread, 64-byte aligned */
    int64_t scratch_stride;
} sz_gemm;
#define SZ_GEMM_DOT 3

/* Chooses the kernels for elements of 4 (f32) or 8 (f64) bytes. Returns the bytes of scratch that one thread needs, a
 * multiple of 64 that may be 0; -1 if sizes or strides are not as described above. Pointers are not looked at. */
int64_t sz_gemm_prepare(sz_gemm *, int32_t bytes);

/* Computes rows [begin, end) of a prepared sz_gemm with the scratch of `thread`. */
void sz_gemm_run(const void *arguments, int64_t begin, int64_t end, int32_t thread);
#endif
