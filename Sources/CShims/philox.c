#define _GNU_SOURCE
#include "philox.h"
#include <math.h>

static inline void rounds(uint32_t c[4], uint32_t k0, uint32_t k1) {
    for (int i = 0; i < 10; i++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p0;
    }
}

void sz_philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    for (int i = 0; i < 4; i++) out[i] = counter[i];
    rounds(out, key[0], key[1]);
}

static inline void words(uint64_t key, uint64_t step, uint64_t block, uint64_t out[2]) {
    uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)step, (uint32_t)(step >> 32)};
    rounds(c, (uint32_t)key, (uint32_t)(key >> 32));
    out[0] = c[0] | (uint64_t)c[1] << 32;
    out[1] = c[2] | (uint64_t)c[3] << 32;
}

uint64_t sz_philox_word(uint64_t key, uint64_t step, uint64_t index) {
    uint64_t w[2];
    words(key, step, index >> 1, w);
    return w[index & 1];
}

static inline double unit(uint64_t word) { return (double)(word >> 11 | 1) * 0x1p-53; }

static inline void uniform_pair(uint64_t key, uint64_t step, uint64_t block, double out[2]) {
    uint64_t w[2];
    words(key, step, block, w);
    out[0] = unit(w[0]);
    out[1] = unit(w[1]);
}

static inline void normal_pair(uint64_t key, uint64_t step, uint64_t block, double out[2]) {
    double u[2], sine, cosine;
    uniform_pair(key, step, block, u);
    double radius = sqrt(-2 * log(u[0]));
    sincos(6.283185307179586476925 * u[1], &sine, &cosine);
    out[0] = radius * cosine;
    out[1] = radius * sine;
}

/* Pairs belong to even indices; a range may begin or end in the middle of one. */
#define FILL(pair)                                                                                                     \
    if (count <= 0) return;                                                                                            \
    double halves[2];                                                                                                  \
    uint64_t block = first >> 1;                                                                                       \
    if (first & 1) {                                                                                                   \
        pair(key, step, block++, halves);                                                                              \
        *out++ = halves[1];                                                                                            \
        count--;                                                                                                       \
    }                                                                                                                  \
    for (; count >= 2; count -= 2, out += 2) pair(key, step, block++, out);                                            \
    if (count == 1) {                                                                                                  \
        pair(key, step, block, halves);                                                                                \
        *out = halves[0];                                                                                              \
    }

void sz_philox_uniform(uint64_t key, uint64_t step, uint64_t first, int64_t count, double *out) { FILL(uniform_pair) }

void sz_philox_normal(uint64_t key, uint64_t step, uint64_t first, int64_t count, double *out) { FILL(normal_pair) }

void sz_philox_permutation(uint64_t key, uint64_t step, int64_t count, int64_t *out) {
    for (int64_t i = 0; i < count; i++) out[i] = i;
    uint64_t w[2];
    uint64_t drawn = 0;
    for (int64_t i = count - 1; i > 0; i--) {
        uint64_t range = (uint64_t)i + 1;
        unsigned __int128 product;
        uint64_t threshold = 0;
        do {
            if (!(drawn & 1)) words(key, step, drawn >> 1, w);
            product = (unsigned __int128)w[drawn++ & 1] * range;
            if ((uint64_t)product >= range) break;
            threshold = -range % range; /* a division, needed once in 2^64 / range draws */
        } while ((uint64_t)product < threshold);
        int64_t j = (int64_t)(product >> 64);
        int64_t moved = out[i];
        out[i] = out[j];
        out[j] = moved;
    }
}
