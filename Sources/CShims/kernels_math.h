/* f32 functions without branches, which the compiler turns into vector code. Included once per instruction set.
 * Errors are the largest seen against f64 over all binades (Tests/EngineTests/KernelTests.swift): exp 1, log 1, tanh 2,
 * sigmoid 3, erf 2, normal_cdf 5, softplus 2, sin and cos 1 ulp. */

static inline float FN(from_bits)(uint32_t u) { float f; __builtin_memcpy(&f, &u, 4); return f; }
static inline uint32_t FN(to_bits)(float f) { uint32_t u; __builtin_memcpy(&u, &f, 4); return u; }

/* exp(x) = 2^k p, for |x| <= 104; p = exp(r), |r| <= ln(2)/2, polynomial of Cephes. */
static inline float FN(exp_parts)(float x, uint32_t *k) {
    float t = x * 1.44269504f + 12582912.0f; /* rounds to the nearest integer and leaves it in the low bits */
    float f = t - 12582912.0f;
    *k = FN(to_bits)(t) - 0x4b400000u;
    float r = x - f * 0.693359375f;
    r = r + f * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * (r * r) + r + 1.0f;
}

static inline float FN(exp)(float x) {
    uint32_t k;
    float c = x < -104.0f ? -104.0f : x;
    float p = FN(exp_parts)(c > 89.0f ? 89.0f : c, &k);
    p = x < -104.0f ? 0.0f : p; /* what masks hide should not pass through slow subnormal numbers */
    uint32_t half = (uint32_t)((int32_t)k >> 1); /* two factors: the result may be subnormal or infinite */
    return p * FN(from_bits)((half + 127u) << 23) * FN(from_bits)((k - half + 127u) << 23);
}

/* log of a positive finite number: x = 2^e m, m in [sqrt(1/2), sqrt(2)); polynomial of Cephes. */
static inline float FN(log_positive)(float x) {
    float tiny = x < 1.17549435e-38f ? 1.0f : 0.0f;
    uint32_t u = FN(to_bits)(tiny != 0.0f ? x * 8388608.0f : x) - 0x3f3504f3u;
    float e = (float)((int32_t)u >> 23) - 23.0f * tiny;
    float m = FN(from_bits)((u & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float y = p * m * z - 2.12194440e-4f * e - 0.5f * z;
    return (m + y) + 0.693359375f * e;
}

static inline float FN(log)(float x) {
    float y = FN(log_positive)(x);
    y = x == 0.0f ? -__builtin_inff() : y;
    y = x < 0.0f ? __builtin_nanf("") : y;
    return x < __builtin_inff() ? y : x; /* infinity and NaN */
}

/* log(1 + e) for 0 <= e <= 1: what 1 + e rounds away is put back to first order. */
static inline float FN(log1p_unit)(float e) {
    float u = 1.0f + e;
    return FN(log_positive)(u) + (e - (u - 1.0f)) / u;
}

static inline float FN(log1p)(float x) {
    float u = 1.0f + x;
    float y = FN(log)(u) + (u < __builtin_inff() && u > 0.0f ? (x - (u - 1.0f)) / u : 0.0f);
    return x == 0.0f ? x : y;
}

/* Near 0, x / log(u) undoes what u = exp(x) lost by rounding (W. Kahan). */
static inline float FN(expm1)(float x) {
    float u = FN(exp)(x), far = u - 1.0f;
    float near = u == 1.0f ? x : far * x / FN(log_positive)(u);
    return __builtin_fabsf(x) < 0.7f ? near : far;
}

static inline float FN(tanh)(float x) {
    float a = __builtin_fabsf(x), z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = p * z * x + x;
    uint32_t k;
    float e = FN(exp_parts)(a > 10.0f ? 20.0f : 2.0f * a, &k) * FN(from_bits)((k + 127u) << 23);
    float far = __builtin_copysignf(1.0f - 2.0f / (e + 1.0f), x);
    return a < 0.625f ? near : far;
}

static inline float FN(sigmoid)(float x) {
    float e = FN(exp)(-__builtin_fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

static inline float FN(softplus)(float x) {
    float y = FN(log1p_unit)(FN(exp)(-__builtin_fabsf(x)));
    return (x < 0.0f ? 0.0f : x) + y;
}

/* Polynomials of N. Juffa's erff. */
static inline float FN(erf)(float x) {
    float t = __builtin_fabsf(x), s = x * x;
    t = t > 4.0f ? 4.0f : t;
    float r = -1.72853470e-5f * t + 3.83197126e-4f;
    float u = -3.88396438e-3f * t + 2.42546219e-2f;
    r = r * (t * t) + u;
    r = r * t - 1.06777877e-1f;
    r = r * t - 6.34846687e-1f;
    r = r * t - 1.28717512e-1f;
    r = r * t - t;
    float far = __builtin_copysignf(1.0f - FN(exp)(r), x);
    float q = -5.96761703e-4f;
    q = q * s + 4.99119423e-3f;
    q = q * s - 2.67681349e-2f;
    q = q * s + 1.12819925e-1f;
    q = q * s - 3.76125336e-1f;
    q = q * s + 1.28379166e-1f;
    float near = q * x + x;
    return __builtin_fabsf(x) > 0.927734375f ? far : near;
}

/* Phi(x), whose lower tail is Phi(-a) = exp(-a^2 / 2) h(a) / (1 + 1.5 a): h is a polynomial in (a - 3) / (a + 3), Chebyshev
 * interpolation on 0 ... 15 with relative error 1e-8. a^2 is split at the upper half of a: rounded, it would cost 40 ulp. */
static inline float FN(normal_cdf)(float x) {
    float a = __builtin_fabsf(x);
    a = a > 15.0f ? 15.0f : a;
    float q = (a - 3.0f) / (a + 3.0f);
    float p = 6.86251796e-05f;
    p = p * q - 9.5207049e-06f;
    p = p * q - 0.000759798322f;
    p = p * q - 0.000338899646f;
    p = p * q + 0.00497706421f;
    p = p * q + 0.000279364964f;
    p = p * q - 0.0371556644f;
    p = p * q + 0.0908537842f;
    p = p * q - 0.0862610857f;
    p = p * q - 0.041588873f;
    p = p * q + 0.66832672f;
    float high = FN(from_bits)(FN(to_bits)(a) & 0xfffff000u);
    float rest = -0.5f * (a - high) * (a + high);
    float series = 4.1666668e-2f; /* exp(rest) - 1, |rest| < 0.06 */
    series = series * rest + 1.6666667e-1f;
    series = series * rest + 0.5f;
    p = p / (1.5f * a + 1.0f);
    p = p + p * (series * (rest * rest) + rest);
    float tail = p * FN(exp)(-0.5f * high * high);
    float y = x < 0.0f ? tail : 1.0f - tail;
    return x == x ? y : x;
}

/* sin(x + quarters * pi/2) for |x| <= 1e6: the reduction runs in f64, the polynomials of Cephes in f32. */
static inline float FN(sine)(float x, uint32_t quarters) {
    double t = (double)x * 0.63661977236758134 + 6755399441055744.0;
    double k = t - 6755399441055744.0;
    double r = (double)x - k * 1.57079632673412561417;
    float f = (float)(r - k * 6.07710050650619224932e-11);
    uint64_t bits;
    __builtin_memcpy(&bits, &t, 8);
    uint32_t quadrant = (uint32_t)bits + quarters;
    float z = f * f;
    float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * f + f;
    float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
    float y = (quadrant & 1u) != 0u ? c : s;
    return (quadrant & 2u) != 0u ? -y : y;
}
