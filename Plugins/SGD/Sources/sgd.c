// Stochastic gradient descent in PyTorch's semantics; see README.md.
#include <stdint.h>
#include <stdio.h>

#if defined(__x86_64__)
// Wider registers where the processor has them. Not fma: the bits stay the same on every machine.
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

// The coefficients are formed in f64 and rounded to T once, so the loops hold nothing but the update.
// Without momentum the velocity is neither read nor written: half the memory traffic.
#define SGD(NAME, T)                                                                                                  \
    WIDE int32_t NAME(T *restrict w, const T *restrict g, T *restrict velocity, int64_t n, int64_t step, double lr,   \
                 double momentum, double dampening, double weight_decay, uint8_t nesterov, uint8_t decoupled,         \
                 char *message, size_t message_size)                                                                  \
    {                                                                                                                 \
        if (nesterov && (momentum == 0 || dampening != 0)) return refuse(message, message_size);                      \
        const T rate = (T)lr, decay = decoupled ? 0 : (T)weight_decay, keep = (T)momentum;                            \
        const T shrink = decoupled ? (T)(1 - lr * weight_decay) : 1;                                                  \
        const T gain = step == 0 ? 1 : (T)(1 - dampening);                                                            \
        if (momentum == 0) {                                                                                          \
            for (int64_t i = 0; i < n; i++) w[i] = shrink * w[i] - rate * (g[i] + decay * w[i]);                      \
        } else if (nesterov) {                                                                                        \
            for (int64_t i = 0; i < n; i++) {                                                                         \
                T d = g[i] + decay * w[i];                                                                            \
                T v = keep * velocity[i] + d;                                                                         \
                velocity[i] = v;                                                                                      \
                w[i] = shrink * w[i] - rate * (d + keep * v);                                                         \
            }                                                                                                         \
        } else {                                                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                                         \
                T v = keep * velocity[i] + gain * (g[i] + decay * w[i]);                                              \
                velocity[i] = v;                                                                                      \
                w[i] = shrink * w[i] - rate * v;                                                                      \
            }                                                                                                         \
        }                                                                                                             \
        return 0;                                                                                                     \
    }

static int32_t refuse(char *message, size_t size)
{
    snprintf(message, size, "nesterov needs momentum > 0 and dampening = 0");
    return 2;
}

SGD(sgd_f32, float)
SGD(sgd_f64, double)
