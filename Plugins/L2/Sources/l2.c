// Squared Euclidean norm as a penalty; see README.md.
#include <stdint.h>

#if defined(__x86_64__)
// Wider registers where the processor has them. Not fma: the bits stay the same on every machine.
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

enum { half = 0, full = 1 };     // convention
enum { all = 0, weights = 1 };   // only
enum { weight = 0 };             // role
enum { lanes = 8 };

// The sum of squares runs in f64 over `lanes` partial sums: a fixed order, and independent additions.
#define L2(NAME, T)                                                                                                   \
    WIDE double NAME(const T *restrict w, T *restrict g, int64_t n, double weight_decay, int32_t convention,          \
                     int32_t only, int32_t role)                                                                      \
    {                                                                                                                 \
        if (weight_decay == 0 || (only == weights && role != weight)) return 0;                                       \
        const T slope = (T)(convention == half ? weight_decay : 2 * weight_decay);                                    \
        double partial[lanes] = {0};                                                                                  \
        int64_t i = 0;                                                                                                \
        for (; i + lanes <= n; i += lanes) {                                                                          \
            for (int64_t k = 0; k < lanes; k++) {                                                                     \
                g[i + k] += slope * w[i + k];                                                                         \
                partial[k] += (double)w[i + k] * (double)w[i + k];                                                    \
            }                                                                                                         \
        }                                                                                                             \
        for (; i < n; i++) {                                                                                          \
            g[i] += slope * w[i];                                                                                     \
            partial[0] += (double)w[i] * (double)w[i];                                                                \
        }                                                                                                             \
        double sum = 0;                                                                                               \
        for (int64_t k = 0; k < lanes; k++) sum += partial[k];                                                        \
        return (convention == half ? 0.5 : 1.0) * weight_decay * sum;                                                 \
    }

L2(l2_f32, float)
L2(l2_f64, double)
