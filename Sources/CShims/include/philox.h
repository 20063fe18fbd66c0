/* Philox 4x32-10, a counter-based generator.
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.
 *
 * A stream is a 64-bit key and a step. Its words are numbered: word i is half i % 2 of the block whose counter is
 * (i / 2 low, i / 2 high, step low, step high), so it depends on (key, step, i) only. Nothing here allocates. */
#ifndef SYZYGY_PHILOX_H
#define SYZYGY_PHILOX_H
#include <stdint.h>

/* One block of the generator itself, for the published test vectors. */
void sz_philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Word `index`. */
uint64_t sz_philox_word(uint64_t key, uint64_t step, uint64_t index);

/* Values first ..< first + count. Each is an odd multiple of 2^-53, so neither 0 nor 1 occurs and the mean is 1/2. */
void sz_philox_uniform(uint64_t key, uint64_t step, uint64_t first, int64_t count, double *out);

/* Values first ..< first + count of the standard normal distribution, by Box-Muller: values 2b and 2b + 1 are the
 * cosine and the sine branch of uniform values 2b and 2b + 1. Magnitudes end at sqrt(106 ln 2) = 8.57. */
void sz_philox_normal(uint64_t key, uint64_t step, uint64_t first, int64_t count, double *out);

/* A uniformly drawn order of 0 ..< count, without bias: Fisher-Yates, indices by Lemire's multiplication with rejection
 * ("Fast random integer generation in an interval", ACM TOMACS 29, 2019). */
void sz_philox_permutation(uint64_t key, uint64_t step, int64_t count, int64_t *out);
#endif
