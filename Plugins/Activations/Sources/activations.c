// Activations and their derivatives, element by element; see README.md.
#include <math.h>
#include <stdint.h>

// Each function for both precisions: y_i is the value of an expression in x, an element of type T.
#define EACH(NAME, EXPRESSION)                                                                                        \
    void NAME##_f32(const float *in, float *out, int64_t n)                                                           \
    {                                                                                                                 \
        typedef float T;                                                                                              \
        for (int64_t i = 0; i < n; i++) { const T x = in[i]; out[i] = EXPRESSION; }                                   \
    }                                                                                                                 \
    void NAME##_f64(const double *in, double *out, int64_t n)                                                         \
    {                                                                                                                 \
        typedef double T;                                                                                             \
        for (int64_t i = 0; i < n; i++) { const T x = in[i]; out[i] = EXPRESSION; }                                   \
    }

// relu(x)²: NaN stays NaN.
EACH(squared_relu, x <= 0 ? 0 : x * x)
EACH(squared_relu_slope, x <= 0 ? 0 : 2 * x)
EACH(squared_relu_curvature, x <= 0 ? 0 : x > 0 ? 2 : x)

// (√(x² + 1) − 1)/2 + x, with r = √(x² + 1).
static inline float root_f(float x) { return sqrtf(x * x + 1); }
static inline double root_d(double x) { return sqrt(x * x + 1); }
#define ROOT(x) _Generic((x), float: root_f, double: root_d)(x)
EACH(bent_identity, x * x / (2 * (ROOT(x) + 1)) + x)
EACH(bent_identity_slope, x / (2 * ROOT(x)) + 1)
EACH(bent_identity_curvature, 1 / (2 * ROOT(x) * ROOT(x) * ROOT(x)))

// x σ(βx), with s = σ(βx).
static inline float sigmoid_f(float x) { return 1 / (1 + expf(-x)); }
static inline double sigmoid_d(double x) { return 1 / (1 + exp(-x)); }
#define SWISH(NAME, EXPRESSION)                                                                                       \
    void NAME##_f32(const float *in, float *out, int64_t n, double beta)                                              \
    {                                                                                                                 \
        const float b = (float)beta;                                                                                  \
        for (int64_t i = 0; i < n; i++) { const float x = in[i], s = sigmoid_f(b * x); out[i] = EXPRESSION; }         \
    }                                                                                                                 \
    void NAME##_f64(const double *in, double *out, int64_t n, double beta)                                            \
    {                                                                                                                 \
        const double b = beta;                                                                                        \
        for (int64_t i = 0; i < n; i++) { const double x = in[i], s = sigmoid_d(b * x); out[i] = EXPRESSION; }        \
    }

SWISH(swish_beta, x * s)
SWISH(swish_beta_slope, s + b * x * s * (1 - s))
SWISH(swish_beta_curvature, b * s * (1 - s) * (2 + b * x * (1 - 2 * s)))
