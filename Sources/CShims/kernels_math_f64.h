/* f64 functions without branches, for vector code; the others are those of the C library, a call for each element.
 * Included once per instruction set. The largest error of tanh is 1.4 ulp (the C library's: 1.2). */

/* Rational approximations of Cephes: near 0 of tanh, elsewhere of exp(2|x|) = 2^k (1 + 2 p / (q - p)). */
static inline double FN(tanh)(double x) {
    double a = fabs(x), z = x * x;
    double p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3;
    double q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3;
    double near = x * z * (p / q) + x;
    double t = a > 22.0 ? 44.0 : 2.0 * a;
    double shifted = t * 1.4426950408889634074 + 6755399441055744.0; /* the nearest integer, in the low bits */
    double f = shifted - 6755399441055744.0;
    double r = t - f * 6.93145751953125e-1;
    r = r - f * 1.42860682030941723212e-6;
    double s = r * r;
    p = r * ((1.26177193074810590878e-4 * s + 3.02994407707441961300e-2) * s + 1.0);
    q = ((3.00198505138664455042e-6 * s + 2.52448340349684104192e-3) * s + 2.27265548208155028766e-1) * s + 2.0;
    uint64_t bits;
    __builtin_memcpy(&bits, &shifted, 8);
    bits = (bits - 0x4338000000000000u + 1023u) << 52;
    double power;
    __builtin_memcpy(&power, &bits, 8);
    double e = power * (1.0 + 2.0 * (p / (q - p)));
    double far = __builtin_copysign(1.0 - 2.0 / (e + 1.0), x);
    return a < 0.625 ? near : far;
}
