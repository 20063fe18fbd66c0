/* Both precisions for one instruction set, named by ISA. */
#define FN(name) JOIN(name, ISA, f32)
#define T float
#define LANES 16
#include "kernels_math.h"
#define F_EACH EACH
#define F_ABS(x) __builtin_fabsf(x)
#define F_SQRT(x) __builtin_sqrtf(x)
#define F_EXP(x) FN(exp)(x)
#define F_LOG(x) FN(log)(x)
#define F_LOG1P(x) FN(log1p)(x)
#define F_EXPM1(x) FN(expm1)(x)
#define F_POW(x, y) powf(x, y)
#define F_FLOOR(x) __builtin_floorf(x)
#define F_TANH(x) FN(tanh)(x)
#define F_SIGMOID(x) FN(sigmoid)(x)
#define F_SOFTPLUS(x) FN(softplus)(x)
#define F_ERF(x) FN(erf)(x)
#define F_NORMAL_CDF(x) FN(normal_cdf)(x)
#define F_SIN_SMALL(x) FN(sine)(x, 0u)
#define F_COS_SMALL(x) FN(sine)(x, 1u)
#define F_SMALL_ANGLE 1e6f
#if VECTOR_BYTES == 64
#define MASK(count) (__mmask16)((1u << (count)) - 1)
#define LOAD_PART(p, count) (V)_mm512_maskz_loadu_ps(MASK(count), p)
#define STORE_PART(p, x, count) _mm512_mask_storeu_ps(p, MASK(count), (__m512)(x))
#elif VECTOR_BYTES == 32
#define MASK(count) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOAD_PART(p, count) (V)_mm256_maskload_ps(p, MASK(count))
#define STORE_PART(p, x, count) _mm256_maskstore_ps(p, MASK(count), (__m256)(x))
#endif
#include "kernels_typed.h"
#include "kernels_undefine.h"

#define FN(name) JOIN(name, ISA, f64)
#define T double
#define LANES 8
#include "kernels_math_f64.h"
#define F_EACH for (int64_t i = 0; i < n; i++)
#define F_ABS(x) fabs(x)
#define F_SQRT(x) sqrt(x)
#define F_EXP(x) FN(exp)(x)
#define F_LOG(x) FN(log)(x)
#define F_LOG1P(x) FN(log1p)(x)
#define F_EXPM1(x) FN(expm1)(x)
#define F_POW(x, y) pow(x, y)
#define F_FLOOR(x) floor(x)
#define F_TANH(x) FN(tanh)(x)
#define F_SIGMOID(x) FN(sigmoid)(x)
#define F_SOFTPLUS(x) FN(softplus)(x)
#define F_ERF(x) erf(x)
#define F_NORMAL_CDF(x) (0.5 * erfc(-0.70710678118654752440 * x))
#define F_SIN_SMALL(x) sin(x)
#define F_COS_SMALL(x) cos(x)
#define F_SMALL_ANGLE INFINITY
#if VECTOR_BYTES == 64
#define MASK(count) (__mmask8)((1u << (count)) - 1)
#define LOAD_PART(p, count) (V)_mm512_maskz_loadu_pd(MASK(count), p)
#define STORE_PART(p, x, count) _mm512_mask_storeu_pd(p, MASK(count), (__m512d)(x))
#elif VECTOR_BYTES == 32
#define MASK(count) _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3))
#define LOAD_PART(p, count) (V)_mm256_maskload_pd(p, MASK(count))
#define STORE_PART(p, x, count) _mm256_maskstore_pd(p, MASK(count), (__m256d)(x))
#endif
#include "kernels_typed.h"
#include "kernels_undefine.h"
