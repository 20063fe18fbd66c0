// Adam, AdamW and AMSGrad in PyTorch's semantics; see README.md.
#include <math.h>
#include <stdint.h>

#if defined(__x86_64__)
// Wider registers where the processor has them. Not fma: the bits stay the same on every machine.
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

// Bias corrections are formed in f64 and rounded to T once. `decoupled` tells AdamW from Adam.
#define ADAM(NAME, T, SQRT)                                                                                           \
    WIDE void NAME(T *restrict w, const T *restrict g, T *restrict m, T *restrict v, T *restrict v_max, int64_t n,    \
                   int64_t step, double lr, double beta1, double beta2, double eps, double weight_decay,              \
                   uint8_t amsgrad, uint8_t decoupled)                                                                \
    {                                                                                                                 \
        const double t = (double)(step + 1);                                                                          \
        const T rate = (T)(lr / (1 - pow(beta1, t))), scale = (T)(1 / sqrt(1 - pow(beta2, t)));                       \
        const T gain1 = (T)(1 - beta1), keep2 = (T)beta2, gain2 = (T)(1 - beta2), floor = (T)eps;                     \
        const T decay = decoupled ? 0 : (T)weight_decay, shrink = decoupled ? (T)(1 - lr * weight_decay) : 1;         \
        if (amsgrad) {                                                                                                \
            for (int64_t i = 0; i < n; i++) {                                                                         \
                T d = g[i] + decay * w[i];                                                                            \
                T first = m[i] + gain1 * (d - m[i]);                                                                  \
                T second = keep2 * v[i] + gain2 * d * d;                                                              \
                T largest = v_max[i] > second ? v_max[i] : second;                                                    \
                m[i] = first;                                                                                         \
                v[i] = second;                                                                                        \
                v_max[i] = largest;                                                                                   \
                w[i] = shrink * w[i] - rate * (first / (SQRT(largest) * scale + floor));                              \
            }                                                                                                         \
        } else {                                                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                                         \
                T d = g[i] + decay * w[i];                                                                            \
                T first = m[i] + gain1 * (d - m[i]);                                                                  \
                T second = keep2 * v[i] + gain2 * d * d;                                                              \
                m[i] = first;                                                                                         \
                v[i] = second;                                                                                        \
                w[i] = shrink * w[i] - rate * (first / (SQRT(second) * scale + floor));                               \
            }                                                                                                         \
        }                                                                                                             \
    }

ADAM(adam_f32, float, sqrtf)
ADAM(adam_f64, double, sqrt)
