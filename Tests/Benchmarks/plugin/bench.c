/* Does next to nothing, so that what is timed is the call. */
#include <stdint.h>

void bench_eight(const double *x, int64_t n, int64_t d, double scale, int32_t k, uint64_t seed, int64_t step, double *out) {
    *out = x[0] * scale + (double)(n + d + k + step) + (double)(seed & 1);
}
