// Kernel regression whose metric follows the average gradient outer product; see README.md.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syzygy.h>

typedef struct {
    const syzygy_linalg *linalg;
    double bandwidth;
    int32_t is_gaussian;
    int64_t d;
    const double *metric; // [d, d]
} kernel;

// Squared distances |a_i - b_j|_M^2 to out [rows, columns]; am is scratch [rows, d], b_norms [columns] those of b.
static void distances(const kernel *k, const double *a, int64_t rows, const double *b, const double *b_norms,
                      int64_t columns, double *am, double *out)
{
    const syzygy_linalg *l = k->linalg;
    const int64_t d = k->d;
    l->gemm(l->context, 0, 0, rows, d, d, 1, a, k->metric, 0, am);
    l->gemm(l->context, 0, 1, rows, columns, d, -2, am, b, 0, out);
    for (int64_t i = 0; i < rows; i++) {
        double norm = 0;
        for (int64_t p = 0; p < d; p++) norm += a[i * d + p] * am[i * d + p];
        for (int64_t j = 0; j < columns; j++) {
            // The difference of large numbers: what is left of equal points is rounding.
            double sum = norm + b_norms[j], square = out[i * columns + j] + sum;
            out[i * columns + j] = square > 1e-14 * sum ? square : 0;
        }
    }
}

static void norms(const kernel *k, const double *a, int64_t rows, double *am, double *out)
{
    const syzygy_linalg *l = k->linalg;
    l->gemm(l->context, 0, 0, rows, k->d, k->d, 1, a, k->metric, 0, am);
    for (int64_t i = 0; i < rows; i++) {
        out[i] = 0;
        for (int64_t p = 0; p < k->d; p++) out[i] += a[i * k->d + p] * am[i * k->d + p];
    }
}

static double value(const kernel *k, double square)
{
    return k->is_gaussian ? exp(-square / (2 * k->bandwidth * k->bandwidth)) : exp(-sqrt(square) / k->bandwidth);
}

// What the gradient of K(x_i, x) at x has in front of M (x_i - x); 0 where the Laplace kernel has none.
static double slope(const kernel *k, double square)
{
    const double width = k->bandwidth;
    if (k->is_gaussian) return value(k, square) / (width * width);
    const double distance = sqrt(square);
    return distance < 1e-10 ? 0 : exp(-distance / width) / (width * distance);
}

// K(a, x) alpha for rows of a, in blocks of at most n rows; block is scratch [n, n], am [n, d].
static void predict(const kernel *k, const double *a, int64_t rows, const double *x, const double *x_norms, int64_t n,
                    const double *alpha, int64_t c, double *am, double *block, double *out)
{
    for (int64_t begin = 0; begin < rows; begin += n) {
        const int64_t count = rows - begin < n ? rows - begin : n;
        distances(k, a + begin * k->d, count, x, x_norms, n, am, block);
        for (int64_t i = 0; i < count * n; i++) block[i] = value(k, block[i]);
        k->linalg->gemm(k->linalg->context, 0, 0, count, c, n, 1, block, alpha, 0, out + begin * c);
    }
}

// Mean squared error over all numbers, and 1 - error / variance of y around its mean, column by column.
static double error(const double *found, const double *y, int64_t rows, int64_t c, double *r2)
{
    double squares = 0, total = 0;
    for (int64_t j = 0; j < c; j++) {
        double mean = 0;
        for (int64_t i = 0; i < rows; i++) mean += y[i * c + j] / (double)rows;
        for (int64_t i = 0; i < rows; i++) {
            const double e = found[i * c + j] - y[i * c + j], t = y[i * c + j] - mean;
            squares += e * e;
            total += t * t;
        }
    }
    *r2 = total > 0 ? 1 - squares / total : NAN;
    return squares / (double)(rows * c);
}

// M <- mean of the gradients' outer products at the rows of x, summed over outputs. squares [n, n] are distances.
static void update_metric(const kernel *k, const double *x, int64_t n, const double *alpha, int64_t c, int32_t centring,
                          const double *squares, double *weights, double *am, double *gradients, double *sum,
                          double *metric)
{
    const syzygy_linalg *l = k->linalg;
    const int64_t d = k->d;
    memset(sum, 0, sizeof(double) * (size_t)(d * d));
    for (int64_t j = 0; j < c; j++) {
        // Row s: sum_i alpha_i slope_is (x_i - x_s), then times M.
        for (int64_t s = 0; s < n; s++)
            for (int64_t i = 0; i < n; i++) weights[s * n + i] = alpha[i * c + j] * slope(k, squares[s * n + i]);
        l->gemm(l->context, 0, 0, n, d, n, 1, weights, x, 0, am);
        for (int64_t s = 0; s < n; s++) {
            double total = 0;
            for (int64_t i = 0; i < n; i++) total += weights[s * n + i];
            for (int64_t p = 0; p < d; p++) am[s * d + p] -= total * x[s * d + p];
        }
        l->gemm(l->context, 0, 0, n, d, d, 1, am, k->metric, 0, gradients);
        for (int64_t p = 0; centring && p < d; p++) {
            double mean = 0;
            for (int64_t s = 0; s < n; s++) mean += gradients[s * d + p] / (double)n;
            for (int64_t s = 0; s < n; s++) gradients[s * d + p] -= mean;
        }
        l->gemm(l->context, 1, 0, d, d, n, 1.0 / (double)n, gradients, gradients, 1, sum);
    }
    for (int64_t p = 0; p < d; p++)
        for (int64_t q = 0; q < d; q++) metric[p * d + q] = 0.5 * (sum[p * d + q] + sum[q * d + p]);
}

syzygy_status recursive_feature_machine(const double *x, const double *y, const double *x_test, const double *y_test,
                                        int64_t n, int64_t d, int64_t c, int64_t y_count, int64_t test_rows,
                                        int32_t shape, double bandwidth, double regularization, int64_t iterations,
                                        uint8_t centring, uint8_t normalize, const syzygy_linalg *linalg,
                                        const syzygy_record *record, double *squares, double *matrix, double *features,
                                        double *gradients, double *sum, double *alpha, double *fit, double *test_fit,
                                        double *metric, double *lengths, double *share, char *message,
                                        size_t message_size)
{
    if (y_count != n * c) {
        snprintf(message, message_size, "y holds labels; the machine needs real targets");
        return SYZYGY_INVALID;
    }
    kernel k = { linalg, bandwidth, shape, d, metric };
    for (int64_t p = 0; p < d * d; p++) metric[p] = p % (d + 1) == 0;
    for (int64_t step = 0; step <= iterations; step++) {
        norms(&k, x, n, features, lengths);
        distances(&k, x, n, x, lengths, n, features, squares);
        for (int64_t i = 0; i < n * n; i++)
            matrix[i] = i % (n + 1) == 0 ? 1 + regularization : value(&k, squares[i]);
        memcpy(alpha, y, sizeof(double) * (size_t)(n * c));
        if (linalg->cholesky_solve(linalg->context, n, c, matrix, alpha) != SYZYGY_OK) {
            snprintf(message, message_size, "the kernel matrix is not positive definite; raise 'regularization'");
            return SYZYGY_UNDEFINED;
        }
        double r2, train, test;
        // What the fit leaves of y is regularization * alpha.
        for (int64_t i = 0; i < n * c; i++) fit[i] = y[i] - regularization * alpha[i];
        train = error(fit, y, n, c, &r2);
        record->values(record->context, step, "train_error", &train, 1);
        predict(&k, x_test, test_rows, x, lengths, n, alpha, c, features, matrix, test_fit);
        test = error(test_fit, y_test, test_rows, c, &r2);
        record->values(record->context, step, "test_error", &test, 1);
        record->values(record->context, step, "r2", &r2, 1);
        double trace = 0;
        for (int64_t p = 0; p < d; p++) trace += metric[p * (d + 1)];
        for (int64_t p = 0; p < d; p++) share[p] = metric[p * (d + 1)] / trace;
        record->values(record->context, step, "share", share, d);
        record->values(record->context, step, "metric", metric, d * d);
        if (record->progress(record->context, step) != SYZYGY_OK) return SYZYGY_CANCELLED;
        if (step == iterations) break;
        update_metric(&k, x, n, alpha, c, centring, squares, matrix, features, gradients, sum, metric);
        double largest = 0;
        for (int64_t p = 0; p < d * d; p++) largest = fmax(largest, metric[p]);
        if (!(largest > 0)) {
            snprintf(message, message_size, "the gradients vanish: the metric became 0 at step %lld", (long long)step);
            return SYZYGY_UNDEFINED;
        }
        for (int64_t p = 0; normalize && p < d * d; p++) metric[p] /= largest;
    }
    return SYZYGY_OK;
}

// Rows of normal numbers; y is the product of the first `factors`, or 0 where x[gate] <= 0.
void product_teacher(const syzygy_random *random, int64_t begin, int64_t end, int32_t split, int64_t d, int64_t factors,
                     int64_t gate, double scale, double *x, double *y)
{
    random->normal(random->context, split == 0 ? "train" : "test", begin * d, (end - begin) * d, x);
    for (int64_t i = 0; i < end - begin; i++) {
        y[i] = 1;
        for (int64_t p = 0; p < d; p++) x[i * d + p] *= scale;
        for (int64_t p = 0; p < factors && p < d; p++) y[i] *= x[i * d + p];
        if (gate >= 0 && gate < d && x[i * d + gate] <= 0) y[i] = 0;
    }
}
