/* Both precisions for one instruction set, named by ISA, with vectors of BYTES.
 * Exchanges of elements of 4, 8 and 16 bytes between two vectors; those of 4 and 8 stay within lanes of 16 bytes. */
#if BYTES == 16
#define LOW_8(x, y) __builtin_shufflevector(x, y, 0, 2)
#define HIGH_8(x, y) __builtin_shufflevector(x, y, 1, 3)
#define LOW_16(x, y) (x)
#define HIGH_16(x, y) (y)
#elif BYTES == 32
#define LOW_8(x, y) __builtin_shufflevector(x, y, 0, 4, 2, 6)
#define HIGH_8(x, y) __builtin_shufflevector(x, y, 1, 5, 3, 7)
#define LOW_16(x, y) __builtin_shufflevector(x, y, 0, 1, 4, 5)
#define HIGH_16(x, y) __builtin_shufflevector(x, y, 2, 3, 6, 7)
#else
#define LOW_8(x, y) __builtin_shufflevector(x, y, 0, 8, 2, 10, 4, 12, 6, 14)
#define HIGH_8(x, y) __builtin_shufflevector(x, y, 1, 9, 3, 11, 5, 13, 7, 15)
#define LOW_16(x, y) __builtin_shufflevector(x, y, 0, 1, 4, 5, 8, 9, 12, 13)
#define HIGH_16(x, y) __builtin_shufflevector(x, y, 2, 3, 6, 7, 10, 11, 14, 15)
#endif

#define FN(name) JOIN(name, ISA, f32)
#define T float
#define LANES (BYTES / 4)
#if BYTES == 16
#define LOW_4(x, y) __builtin_shufflevector(x, y, 0, 4, 1, 5)
#define HIGH_4(x, y) __builtin_shufflevector(x, y, 2, 6, 3, 7)
#elif BYTES == 32
#define LOW_4(x, y) __builtin_shufflevector(x, y, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH_4(x, y) __builtin_shufflevector(x, y, 2, 10, 3, 11, 6, 14, 7, 15)
#define MASK(count) (__m256i)((v8i){0, 1, 2, 3, 4, 5, 6, 7} < (int)(count))
#define LOAD_MASKED(p, count) (V)_mm256_maskload_ps(p, MASK(count))
#define STORE_MASKED(p, x, count) _mm256_maskstore_ps(p, MASK(count), (__m256)(x))
#else
#define LOW_4(x, y) __builtin_shufflevector(x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH_4(x, y) __builtin_shufflevector(x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define MASK(count) (__mmask16)~(~0u << (count))
#define LOAD_MASKED(p, count) (V)_mm512_maskz_loadu_ps(MASK(count), p)
#define STORE_MASKED(p, x, count) _mm512_mask_storeu_ps(p, MASK(count), (__m512)(x))
#endif
#include "gemm_typed.h"
#undef FN
#undef T
#undef LANES
#undef LOW_4
#undef HIGH_4
#undef MASK
#undef LOAD_MASKED
#undef STORE_MASKED

#define FN(name) JOIN(name, ISA, f64)
#define T double
#define LANES (BYTES / 8)
#if BYTES == 32
#define MASK(count) (__m256i)((v4l){0, 1, 2, 3} < (count))
#define LOAD_MASKED(p, count) (V)_mm256_maskload_pd(p, MASK(count))
#define STORE_MASKED(p, x, count) _mm256_maskstore_pd(p, MASK(count), (__m256d)(x))
#elif BYTES == 64
#define MASK(count) (__mmask8)~(~0u << (count))
#define LOAD_MASKED(p, count) (V)_mm512_maskz_loadu_pd(MASK(count), p)
#define STORE_MASKED(p, x, count) _mm512_mask_storeu_pd(p, MASK(count), (__m512d)(x))
#endif
#include "gemm_typed.h"
#undef FN
#undef T
#undef LANES
#undef MASK
#undef LOAD_MASKED
#undef STORE_MASKED
#undef LOW_8
#undef HIGH_8
#undef LOW_16
#undef HIGH_16
#undef ISA
#undef BYTES
#undef VECTORS
