/* f64 functions without branches, for vector code; erf, normal_cdf, pow, sin and cos are those of the C library, a call for
 * each element. Included once per instruction set. The polynomials and rational functions are those of Cephes. Errors are the
 * largest seen against extended precision (Tests/EngineTests/KernelTests.swift). */

static inline double FN(from_bits)(uint64_t u) { double f; __builtin_memcpy(&f, &u, 8); return f; }
static inline uint64_t FN(to_bits)(double f) { uint64_t u; __builtin_memcpy(&u, &f, 8); return u; }

/* exp(x) = 2^k p, for |x| <= 746. */
static inline double FN(exp_parts)(double x, uint64_t *k) {
    double t = x * 1.4426950408889634074 + 6755399441055744.0; /* the nearest integer, in the low bits */
    double f = t - 6755399441055744.0;
    *k = FN(to_bits)(t) - 0x4338000000000000u;
    double r = x - f * 6.93145751953125e-1;
    r = r - f * 1.42860682030941723212e-6;
    double s = r * r;
    double p = r * ((1.26177193074810590878e-4 * s + 3.02994407707441961300e-2) * s + 1.0);
    double q = ((3.00198505138664455042e-6 * s + 2.52448340349684104192e-3) * s + 2.27265548208155028766e-1) * s + 2.0;
    return 1.0 + 2.0 * (p / (q - p));
}

static inline double FN(exp)(double x) {
    uint64_t k;
    double c = x < -746.0 ? -746.0 : x;
    double p = FN(exp_parts)(c > 710.0 ? 710.0 : c, &k);
    p = x < -746.0 ? 0.0 : p; /* what masks hide should not pass through slow subnormal numbers */
    uint64_t half = (uint64_t)((int64_t)k >> 1); /* two factors: the result may be subnormal or infinite */
    return p * FN(from_bits)((half + 1023u) << 52) * FN(from_bits)((k - half + 1023u) << 52);
}

/* log of a positive finite number: x = 2^e m, m in [sqrt(1/2), sqrt(2)). */
static inline double FN(log_positive)(double x) {
    double tiny = x < 2.2250738585072014e-308 ? 1.0 : 0.0;
    uint64_t u = FN(to_bits)(tiny != 0.0 ? x * 18014398509481984.0 : x) - 0x3fe6a09e667f3bcdu;
    double e = (double)((int64_t)u >> 52) - 54.0 * tiny;
    double m = FN(from_bits)((u & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0;
    double z = m * m;
    double p = 1.01875663804580931796e-4;
    p = p * m + 4.97494994976747001425e-1;
    p = p * m + 4.70579119878881725854;
    p = p * m + 1.44989225341610930846e1;
    p = p * m + 1.79368678507819816313e1;
    p = p * m + 7.70838733755885391666;
    double q = m + 1.12873587189167450590e1;
    q = q * m + 4.52279145837532221105e1;
    q = q * m + 8.29875266912776603211e1;
    q = q * m + 7.11544750618563894466e1;
    q = q * m + 2.31251620126765340583e1;
    double y = m * (z * p / q) - 2.121944400546905827679e-4 * e - 0.5 * z;
    return (m + y) + 0.693359375 * e;
}

static inline double FN(log)(double x) {
    double y = FN(log_positive)(x);
    y = x == 0.0 ? -__builtin_inf() : y;
    y = x < 0.0 ? __builtin_nan("") : y;
    return x < __builtin_inf() ? y : x; /* infinity and NaN */
}

/* log(1 + e) for 0 <= e <= 1: what 1 + e rounds away is put back to first order. */
static inline double FN(log1p_unit)(double e) {
    double u = 1.0 + e;
    return FN(log_positive)(u) + (e - (u - 1.0)) / u;
}

static inline double FN(log1p)(double x) {
    double u = 1.0 + x;
    double y = FN(log)(u) + (u < __builtin_inf() && u > 0.0 ? (x - (u - 1.0)) / u : 0.0);
    return x == 0.0 ? x : y;
}

/* Near 0, x / log(u) undoes what u = exp(x) lost by rounding (W. Kahan). */
static inline double FN(expm1)(double x) {
    double u = FN(exp)(x), far = u - 1.0;
    double near = u == 1.0 ? x : far * x / FN(log_positive)(u);
    return fabs(x) < 0.7 ? near : far;
}

static inline double FN(sigmoid)(double x) {
    double e = FN(exp)(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

static inline double FN(softplus)(double x) {
    double y = FN(log1p_unit)(FN(exp)(-fabs(x)));
    return (x < 0.0 ? 0.0 : x) + y;
}

static inline double FN(tanh)(double x) {
    double a = fabs(x), z = x * x;
    double p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3;
    double q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3;
    double near = x * z * (p / q) + x;
    uint64_t k;
    double e = FN(exp_parts)(a > 22.0 ? 44.0 : 2.0 * a, &k) * FN(from_bits)((k + 1023u) << 52);
    double far = __builtin_copysign(1.0 - 2.0 / (e + 1.0), x);
    return a < 0.625 ? near : far;
}
