// syre (arXiv 2408.15495) as an L2 penalty around a random anchor; see README.md.
#include <stdint.h>
#include <stdio.h>

#if defined(__x86_64__)
// Wider registers where the processor has them. Not fma: the bits stay the same on every machine.
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

enum { lanes = 8 };

// Before the first step: w = theta + theta_0, or with `shift` = 0 w as it is.
#define START(NAME, T)                                                                                                \
    void NAME(T *restrict w, const T *restrict anchor, int64_t n, uint8_t shift)                                      \
    {                                                                                                                 \
        for (int64_t i = 0; i < n && shift; i++) w[i] += anchor[i];                                                   \
    }

START(syre_start_f32, float)
START(syre_start_f64, double)

// The sum runs in f64 over `lanes` partial sums: a fixed order, and independent additions.
#define PENALTY(NAME, T)                                                                                              \
    WIDE double NAME(const T *restrict w, T *restrict g, const T *restrict anchor, const T *restrict diagonal,        \
                     int64_t n, double weight_decay)                                                                  \
    {                                                                                                                 \
        if (weight_decay == 0) return 0;                                                                              \
        const T slope = (T)(2 * weight_decay);                                                                        \
        double partial[lanes] = {0};                                                                                  \
        int64_t i = 0;                                                                                                \
        for (; i + lanes <= n; i += lanes) {                                                                          \
            for (int64_t k = 0; k < lanes; k++) {                                                                     \
                T away = w[i + k] - anchor[i + k];                                                                    \
                g[i + k] += slope * (diagonal[i + k] * away);                                                         \
                partial[k] += (double)diagonal[i + k] * ((double)away * (double)away);                                \
            }                                                                                                         \
        }                                                                                                             \
        for (; i < n; i++) {                                                                                          \
            T away = w[i] - anchor[i];                                                                                \
            g[i] += slope * (diagonal[i] * away);                                                                     \
            partial[0] += (double)diagonal[i] * ((double)away * (double)away);                                        \
        }                                                                                                             \
        double sum = 0;                                                                                               \
        for (int64_t k = 0; k < lanes; k++) sum += partial[k];                                                        \
        return weight_decay * sum;                                                                                    \
    }

PENALTY(anchored_l2_f32, float)
PENALTY(anchored_l2_f64, double)

// SGD on the loss plus the penalty, in one pass. Without momentum the velocity is neither read nor written.
#define STEP(NAME, T)                                                                                                 \
    WIDE int32_t NAME(T *restrict w, const T *restrict g, const T *restrict anchor, const T *restrict diagonal,       \
                      T *restrict velocity, int64_t n, int64_t step, double lr, double momentum, double dampening,    \
                      double weight_decay, uint8_t nesterov, char *message, size_t message_size)                      \
    {                                                                                                                 \
        if (nesterov && (momentum == 0 || dampening != 0)) return refuse(message, message_size);                      \
        const T rate = (T)lr, slope = (T)(2 * weight_decay), keep = (T)momentum;                                      \
        const T gain = step == 0 ? 1 : (T)(1 - dampening);                                                            \
        if (momentum == 0) {                                                                                          \
            for (int64_t i = 0; i < n; i++) w[i] -= rate * (g[i] + slope * (diagonal[i] * (w[i] - anchor[i])));       \
        } else if (nesterov) {                                                                                        \
            for (int64_t i = 0; i < n; i++) {                                                                         \
                T d = g[i] + slope * (diagonal[i] * (w[i] - anchor[i]));                                              \
                T v = keep * velocity[i] + d;                                                                         \
                velocity[i] = v;                                                                                      \
                w[i] -= rate * (d + keep * v);                                                                        \
            }                                                                                                         \
        } else {                                                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                                         \
                T d = g[i] + slope * (diagonal[i] * (w[i] - anchor[i]));                                              \
                T v = keep * velocity[i] + gain * d;                                                                  \
                velocity[i] = v;                                                                                      \
                w[i] -= rate * v;                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
        return 0;                                                                                                     \
    }

static int32_t refuse(char *message, size_t size)
{
    snprintf(message, size, "nesterov needs momentum > 0 and dampening = 0");
    return 2;
}

STEP(syre_f32, float)
STEP(syre_f64, double)
