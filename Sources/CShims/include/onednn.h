/* f32 matrix products prepared once, through oneDNN's matmul primitive. Its execute function makes six small allocations
 * for each call (counted, 2.6.3); nothing else in a step allocates. */
#ifndef SYZYGY_ONEDNN_H
#define SYZYGY_ONEDNN_H
#include <stdint.h>
#include "kernels.h"

/* c [m, n] = op(a) op(b), row-major; op(a) is [m, k] and a is stored [k, m] if transpose_a, likewise b.
 * Returns oneDNN's status, 0 on success; the kernel "matmul" runs it. */
int32_t sz_product_create(int64_t m, int64_t n, int64_t k, int32_t transpose_a, int32_t transpose_b,
                          const float *a, const float *b, float *c, sz_product **result);
void sz_product_destroy(sz_product *);
void sz_product_run(const sz_product *);

/* Version of the loaded library: major, minor, patch. */
void sz_onednn_version(int32_t version[3]);
#endif
