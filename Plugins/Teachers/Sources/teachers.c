// Random teachers: regression problems with known targets; see README.md.
#include "syzygy.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { train = 0 };
enum { hyperbolic = 0, rectified = 1 };   // activation

// `draw` (normal or uniform) fills rows [begin, end) of a matrix with `columns` columns.
typedef void draw(void *context, const char *stream, int64_t begin, int64_t count, double *out);

static void rows(const syzygy_random *random, draw *draw, const char *stream, int64_t begin, int64_t end,
                 int64_t columns, double *out)
{
    draw(random->context, stream, begin * columns, (end - begin) * columns, out);
}

// y [n, q] = x [n, p] w [p, q]. Not gemm: a row must not depend on the rows computed with it, to the last bit.
static void multiply(int64_t n, int64_t p, int64_t q, const double *restrict x, const double *restrict w,
                     double *restrict y)
{
    for (int64_t i = 0; i < n; i++, x += p, y += q) {
        for (int64_t o = 0; o < q; o++) y[o] = 0;
        for (int64_t j = 0; j < p; j++) {
            for (int64_t o = 0; o < q; o++) y[o] += x[j] * w[j * q + o];
        }
    }
}

// Adds noise to rows [begin, end); `scratch` holds one row.
static void disturb(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t q, double noise,
                    double *scratch, double *y)
{
    if (noise == 0) return;
    for (int64_t i = begin; i < end; i++, y += q) {
        rows(random, random->normal, split == train ? "noise.train" : "noise.test", i, i + 1, q, scratch);
        for (int64_t o = 0; o < q; o++) y[o] += noise * scratch[o];
    }
}

static int32_t no_memory(char *message, size_t size, int64_t numbers)
{
    snprintf(message, size, "no memory for %lld numbers", (long long)numbers);
    return SYZYGY_NO_MEMORY;
}

// Numbers of scratch that `orthonormalize` needs.
static int64_t scratch_size(int64_t m, int64_t n) { return m * n + n + n * n; }

// Replaces a [m, n], m >= n, by its polar factor a (a^T a)^(-1/2) = u vt, which has orthonormal columns; for Gaussian a
// it is uniformly distributed (Haar).
static int32_t orthonormalize(const syzygy_linalg *linalg, int64_t m, int64_t n, double *a, double *scratch)
{
    double *u = scratch, *s = u + m * n, *vt = s + n;
    int32_t status = linalg->svd(linalg->context, m, n, a, u, s, vt);
    if (status == SYZYGY_OK) linalg->gemm(linalg->context, 0, 0, m, n, n, 1, u, vt, 0, a);
    return status;
}

// The transposed teacher w [d_in, d_out] = v diag(s) u^T.
static int32_t linear_map(const syzygy_random *random, const syzygy_linalg *linalg, int64_t d_in, int64_t d_out,
                          int64_t rank, const double *s, double *v, double *u, double *scratch, double *w)
{
    rows(random, random->normal, "teacher.right", 0, d_in, rank, v);
    rows(random, random->normal, "teacher.left", 0, d_out, rank, u);
    int32_t status = orthonormalize(linalg, d_in, rank, v, scratch);
    if (status == SYZYGY_OK) status = orthonormalize(linalg, d_out, rank, u, scratch);
    if (status != SYZYGY_OK) return status;
    for (int64_t j = 0; j < d_in; j++) {
        for (int64_t k = 0; k < rank; k++) v[j * rank + k] *= s[k];
    }
    linalg->gemm(linalg->context, 0, 1, d_in, d_out, rank, 1, v, u, 0, w);
    return SYZYGY_OK;
}

int32_t linear_teacher(const syzygy_random *random, const syzygy_linalg *linalg, int32_t split, int64_t begin,
                       int64_t end, int64_t train_rows, int64_t d_in, int64_t d_out, const double *singular_values,
                       int64_t singular_count, int64_t rank, double top, double bottom, const double *coefficients,
                       int64_t coefficient_count, double noise, double *x, double *y, char *message,
                       size_t message_size)
{
    if (coefficient_count > 0 && coefficient_count != d_in * d_out) {
        snprintf(message, message_size, "coefficients are %lld numbers; a teacher of d_out x d_in = %lld x %lld has %lld",
                 (long long)coefficient_count, (long long)d_out, (long long)d_in, (long long)(d_in * d_out));
        return SYZYGY_INVALID;
    }
    const int64_t r = coefficient_count > 0 ? 1 : singular_count > 0 ? singular_count : rank;
    const int64_t most = d_in < d_out ? d_in : d_out;
    if (r > most) {
        snprintf(message, message_size, "%s %lld exceeds min(d_in, d_out) = %lld",
                 singular_count > 0 ? "the number of singular_values" : "rank", (long long)r, (long long)most);
        return SYZYGY_INVALID;
    }
    if (train_rows < d_in) {
        snprintf(message, message_size, "train_rows = %lld is less than d_in = %lld: too few rows to whiten",
                 (long long)train_rows, (long long)d_in);
        return SYZYGY_INVALID;
    }
    const int64_t all_rows = split == train ? train_rows : 0, longest = d_in > d_out ? d_in : d_out;
    const int64_t whitening = scratch_size(all_rows, d_in), factors = scratch_size(longest, r);
    const int64_t numbers = r + (d_in + d_out) * r + d_in * d_out + all_rows * d_in +
                            (whitening > factors ? whitening : factors);
    double *s = malloc((size_t)numbers * sizeof *s);
    if (!s) return no_memory(message, message_size, numbers);
    double *v = s + r, *u = v + d_in * r, *w = u + d_out * r, *all = w + d_in * d_out;
    double *scratch = all + all_rows * d_in;

    for (int64_t k = 0; k < r; k++) {
        const double part = r == 1 ? 0 : (double)k / (double)(r - 1);
        s[k] = singular_count > 0 ? singular_values[k] : top * pow(bottom / top, part);
    }
    int32_t status = SYZYGY_OK;
    if (coefficient_count > 0) {
        for (int64_t k = 0; k < d_in * d_out; k++) w[k] = coefficients[k % d_out * d_in + k / d_out];
    } else {
        status = linear_map(random, linalg, d_in, d_out, r, s, v, u, scratch, w);
    }
    if (status == SYZYGY_OK && split == train) {
        rows(random, random->normal, "x.train", 0, train_rows, d_in, all);
        status = orthonormalize(linalg, train_rows, d_in, all, scratch);
        const double root = sqrt((double)train_rows);
        for (int64_t i = 0; i < (end - begin) * d_in; i++) x[i] = root * all[begin * d_in + i];
    } else if (status == SYZYGY_OK) {
        rows(random, random->normal, "x.test", begin, end, d_in, x);
    }
    if (status == SYZYGY_OK) {
        multiply(end - begin, d_in, d_out, x, w, y);
        disturb(random, split, begin, end, d_out, noise, scratch, y);
    }
    free(s);
    return status;
}

int32_t sine_teacher(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t d_in,
                     int64_t d_out, double scale, double noise, double *x, double *y, char *message,
                     size_t message_size)
{
    const int64_t numbers = (d_in + 1) * d_out;
    double *z = malloc((size_t)numbers * sizeof *z);
    if (!z) return no_memory(message, message_size, numbers);
    rows(random, random->uniform, "teacher", 0, d_in, d_out, z);
    for (int64_t i = 0; i < d_in * d_out; i++) z[i] *= scale;
    rows(random, random->normal, split == train ? "x.train" : "x.test", begin, end, d_in, x);
    multiply(end - begin, d_in, d_out, x, z, y);
    for (int64_t i = 0; i < (end - begin) * d_out; i++) y[i] = sin(y[i]);
    disturb(random, split, begin, end, d_out, noise, z + d_in * d_out, y);
    free(z);
    return SYZYGY_OK;
}

// A layer w [p, q] of N(0, gain^2 / p); returns the place behind it.
static double *layer(const syzygy_random *random, const char *stream, int64_t p, int64_t q, double gain, double *w)
{
    rows(random, random->normal, stream, 0, p, q, w);
    const double std = gain / sqrt((double)p);
    for (int64_t i = 0; i < p * q; i++) w[i] *= std;
    return w + p * q;
}

int32_t mlp_teacher(const syzygy_random *random, int32_t split, int64_t begin, int64_t end, int64_t d_in,
                    int64_t d_out, int64_t width, int64_t depth, int32_t activation, double noise, double *x,
                    double *y, char *message, size_t message_size)
{
    const int64_t weights = d_in * width + (depth - 1) * width * width + width * d_out;
    const int64_t numbers = weights + 2 * width + d_out;
    double *w = malloc((size_t)numbers * sizeof *w);
    if (!w) return no_memory(message, message_size, numbers);

    const double gain = activation == rectified ? sqrt(2) : 1;   // keeps the size of the activations over depth
    double *place = w;
    for (int64_t k = 0; k < depth; k++) {
        char stream[32];
        snprintf(stream, sizeof stream, "teacher.%lld", (long long)k + 1);
        place = layer(random, stream, k == 0 ? d_in : width, width, gain, place);
    }
    double *hidden[2] = {layer(random, "teacher.head", width, d_out, 1, place)};
    hidden[1] = hidden[0] + width;

    rows(random, random->normal, split == train ? "x.train" : "x.test", begin, end, d_in, x);
    for (int64_t i = 0; i < end - begin; i++) {
        const double *input = x + i * d_in, *matrix = w;
        for (int64_t k = 0; k < depth; k++) {
            double *h = hidden[k % 2];
            const int64_t p = k == 0 ? d_in : width;
            multiply(1, p, width, input, matrix, h);
            for (int64_t j = 0; j < width; j++) h[j] = activation == hyperbolic ? tanh(h[j]) : h[j] > 0 ? h[j] : 0;
            input = h;
            matrix += p * width;
        }
        multiply(1, width, d_out, input, matrix, y + i * d_out);
    }
    disturb(random, split, begin, end, d_out, noise, hidden[1] + width, y);
    free(w);
    return SYZYGY_OK;
}
