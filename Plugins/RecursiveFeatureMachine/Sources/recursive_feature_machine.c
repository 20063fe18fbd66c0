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

// Rows that are looked at together: more memory than the kernel matrix is a few blocks of n numbers a row.
enum { BLOCK = 256 };

static int64_t block_of(int64_t begin, int64_t rows) { return rows - begin < BLOCK ? rows - begin : BLOCK; }

// |a_i|_M^2
static void norms(const kernel *k, const double *a, int64_t rows, double *am, double *out)
{
    const syzygy_linalg *l = k->linalg;
    const int64_t d = k->d;
    for (int64_t begin = 0; begin < rows; begin += BLOCK) {
        const int64_t count = block_of(begin, rows);
        l->gemm(l->context, 0, 0, count, d, d, 1, a + begin * d, k->metric, 0, am);
        for (int64_t i = 0; i < count; i++) {
            out[begin + i] = 0;
            for (int64_t p = 0; p < d; p++) out[begin + i] += a[(begin + i) * d + p] * am[i * d + p];
        }
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

// K(x, x) + regularization.
static void kernel_matrix(const kernel *k, const double *x, const double *x_norms, int64_t n, double regularization,
                          double *am, double *out)
{
    for (int64_t begin = 0; begin < n; begin += BLOCK) {
        const int64_t count = block_of(begin, n);
        double *rows = out + begin * n;
        distances(k, x + begin * k->d, count, x, x_norms, n, am, rows);
        for (int64_t i = 0; i < count * n; i++) rows[i] = value(k, rows[i]);
        for (int64_t i = 0; i < count; i++) rows[i * n + begin + i] = 1 + regularization;
    }
}

// K(a, x) alpha for rows of a.
static void predict(const kernel *k, const double *a, int64_t rows, const double *x, const double *x_norms, int64_t n,
                    const double *alpha, int64_t c, double *am, double *block, double *out)
{
    for (int64_t begin = 0; begin < rows; begin += BLOCK) {
        const int64_t count = block_of(begin, rows);
        distances(k, a + begin * k->d, count, x, x_norms, n, am, block);
        for (int64_t i = 0; i < count * n; i++) block[i] = value(k, block[i]);
        k->linalg->gemm(k->linalg->context, 0, 0, count, c, n, 1, block, alpha, 0, out + begin * c);
    }
}

// Records the mean square of the residuals (times `factor`) over all numbers, and 1 - squares / those of y around its mean, column by
// column: train_error and train_r2, or test_error and r2.
static void record_error(const syzygy_record *r, int64_t step, const char *split, const double *residuals, double factor,
                         const double *y, int64_t rows, int64_t c)
{
    double squares = 0, total = 0;
    for (int64_t j = 0; j < c; j++) {
        double mean = 0;
        for (int64_t i = 0; i < rows; i++) mean += y[i * c + j] / (double)rows;
        for (int64_t i = 0; i < rows; i++) {
            const double e = factor * residuals[i * c + j], t = y[i * c + j] - mean;
            squares += e * e;
            total += t * t;
        }
    }
    const int is_train = strcmp(split, "train") == 0;
    const double error = squares / (double)(rows * c), r2 = 1 - squares / total;
    r->values(r->context, step, is_train ? "train_error" : "test_error", &error, 1);
    if (total > 0) r->values(r->context, step, is_train ? "train_r2" : "r2", &r2, 1);
    else r->undefined(r->context, step, is_train ? "train_r2" : "r2", "constant_targets");
}

// Where the numbers of an update go.
typedef struct {
    double *weighted;  // [n, d + 1]
    double *block;     // [BLOCK, n]
    double *wide;      // [BLOCK, d + 1]
    double *rows;      // [BLOCK, d]
    double *means;     // [c, d]
    double *sum;       // [d, d]
} scratch;

// M <- mean of the gradients' outer products at the rows of x, summed over outputs:
// the gradient of output j at x_s is M (sum_i alpha_ij slope_is x_i - x_s sum_i alpha_ij slope_is).
static void update_metric(const kernel *k, const double *x, const double *x_norms, int64_t n, const double *alpha, int64_t c,
                          int32_t centring, scratch at, double *metric)
{
    const syzygy_linalg *l = k->linalg;
    const int64_t d = k->d, e = d + 1;
    memset(at.sum, 0, sizeof(double) * (size_t)(d * d));
    memset(at.means, 0, sizeof(double) * (size_t)(c * d));
    for (int64_t begin = 0; begin < n; begin += BLOCK) {
        const int64_t count = block_of(begin, n);
        distances(k, x + begin * d, count, x, x_norms, n, at.rows, at.block);
        for (int64_t i = 0; i < count * n; i++) at.block[i] = slope(k, at.block[i]);
        for (int64_t j = 0; j < c; j++) {
            for (int64_t i = 0; i < n; i++) {
                const double weight = alpha[i * c + j];
                for (int64_t p = 0; p < d; p++) at.weighted[i * e + p] = weight * x[i * d + p];
                at.weighted[i * e + d] = weight;
            }
            l->gemm(l->context, 0, 0, count, e, n, 1, at.block, at.weighted, 0, at.wide);
            for (int64_t s = 0; s < count; s++)
                for (int64_t p = 0; p < d; p++)
                    at.rows[s * d + p] = at.wide[s * e + p] - at.wide[s * e + d] * x[(begin + s) * d + p];
            double *gradients = at.wide; // [count, d]
            l->gemm(l->context, 0, 0, count, d, d, 1, at.rows, k->metric, 0, gradients);
            for (int64_t s = 0; s < count; s++)
                for (int64_t p = 0; p < d; p++) at.means[j * d + p] += gradients[s * d + p] / (double)n;
            l->gemm(l->context, 1, 0, d, d, count, 1.0 / (double)n, gradients, gradients, 1, at.sum);
        }
    }
    if (centring) l->gemm(l->context, 1, 0, d, d, c, -1, at.means, at.means, 1, at.sum);
    for (int64_t p = 0; p < d; p++)
        for (int64_t q = 0; q < d; q++) metric[p * d + q] = 0.5 * (at.sum[p * d + q] + at.sum[q * d + p]);
}

// What is recorded of the metric. v [d, d] are scratch and then the eigenvectors, values [d] the eigenvalues.
static syzygy_status describe(const syzygy_record *r, const syzygy_linalg *l, int64_t step, const double *metric, int64_t d,
                              const int64_t *relevant, int64_t relevant_count, const double *direction,
                              int64_t direction_count, double *values, double *v)
{
    double trace = 0, part = 0;
    for (int64_t p = 0; p < d; p++) trace += metric[p * (d + 1)];
    for (int64_t p = 0; p < d; p++) values[p] = metric[p * (d + 1)] / trace;
    for (int64_t i = 0; i < relevant_count; i++) part += values[relevant[i]];
    r->values(r->context, step, "share", values, d);
    if (relevant_count > 0) r->values(r->context, step, "relevant_share", &part, 1);
    else r->undefined(r->context, step, "relevant_share", "no_relevant_inputs");
    r->values(r->context, step, "metric", metric, d * d);
    const syzygy_status status = l->eigh(l->context, d, metric, values, v);
    if (status != SYZYGY_OK) return status;
    // Its largest element is positive.
    double *top = v + (d - 1) * d, largest = 0, along = 0, length = 0;
    for (int64_t p = 0; p < d; p++)
        if (fabs(top[p]) > fabs(largest)) largest = top[p];
    for (int64_t p = 0; largest < 0 && p < d; p++) top[p] = -top[p];
    const double top_share = fmin(values[d - 1] / trace, 1);
    r->values(r->context, step, "top_share", &top_share, 1);
    r->values(r->context, step, "top_vector", top, d);
    for (int64_t p = 0; p < direction_count; p++) {
        along += direction[p] * top[p];
        length += direction[p] * direction[p];
    }
    const double overlap = length > 0 ? fmin(fabs(along) / sqrt(length), 1) : 0;
    if (length > 0) r->values(r->context, step, "overlap", &overlap, 1);
    else r->undefined(r->context, step, "overlap", "no_direction");
    return SYZYGY_OK;
}

syzygy_status recursive_feature_machine(const double *x, const double *y, const double *x_test, const double *y_test,
                                        int64_t n, int64_t d, int64_t c, int64_t y_count, int64_t test_rows,
                                        int32_t shape, double bandwidth, double regularization, int64_t iterations,
                                        uint8_t centring, uint8_t normalize, uint8_t diagonal, const int64_t *relevant,
                                        int64_t relevant_count, const double *direction, int64_t direction_count,
                                        const syzygy_linalg *linalg, const syzygy_record *record, double *matrix,
                                        double *weighted, double *block, double *squares, double *alpha, double *test_fit,
                                        double *lines, double *means, char *message, size_t message_size)
{
    if (y_count != n * c) {
        snprintf(message, message_size, "y holds labels; the machine needs real targets");
        return SYZYGY_INVALID;
    }
    for (int64_t i = 0; i < relevant_count; i++)
        if (relevant[i] >= d) {
            snprintf(message, message_size, "relevant: there is no input %lld, x has %lld", (long long)relevant[i], (long long)d);
            return SYZYGY_INVALID;
        }
    if (direction_count > d) {
        snprintf(message, message_size, "direction has %lld numbers, x has %lld inputs", (long long)direction_count, (long long)d);
        return SYZYGY_INVALID;
    }
    double *metric = squares, *vectors = squares + 2 * d * d, *lengths = block + BLOCK * n, *values = lines + 3 * BLOCK * d;
    const scratch at = { weighted, block, lines, lines + 2 * BLOCK * d, means, squares + d * d };
    const kernel k = { linalg, bandwidth, shape, d, metric };
    for (int64_t p = 0; p < d * d; p++) metric[p] = p % (d + 1) == 0;
    for (int64_t step = 0; step <= iterations; step++) {
        norms(&k, x, n, at.rows, lengths);
        kernel_matrix(&k, x, lengths, n, regularization, at.rows, matrix);
        memcpy(alpha, y, sizeof(double) * (size_t)(n * c));
        if (linalg->cholesky_solve(linalg->context, n, c, matrix, alpha) != SYZYGY_OK) {
            snprintf(message, message_size, "the kernel matrix is not positive definite; raise 'regularization'");
            return SYZYGY_UNDEFINED;
        }
        // What the fit leaves of y is regularization * alpha.
        record_error(record, step, "train", alpha, regularization, y, n, c);
        predict(&k, x_test, test_rows, x, lengths, n, alpha, c, at.rows, block, test_fit);
        for (int64_t i = 0; i < test_rows * c; i++) test_fit[i] -= y_test[i];
        record_error(record, step, "test", test_fit, 1, y_test, test_rows, c);
        const syzygy_status status = describe(record, linalg, step, metric, d, relevant, relevant_count, direction,
                                              direction_count, values, vectors);
        if (status != SYZYGY_OK) return status;
        if (record->progress(record->context, step) != SYZYGY_OK) return SYZYGY_CANCELLED;
        if (step == iterations) break;
        update_metric(&k, x, lengths, n, alpha, c, centring, at, metric);
        double largest = 0;
        for (int64_t p = 0; p < d * d; p++) {
            if (diagonal && p % (d + 1) != 0) metric[p] = 0;
            largest = fmax(largest, metric[p]);
        }
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

enum { TANH, RELU, SQUARE };

// y = g(x_0 + ... + x_{terms - 1})
void ridge_teacher(const syzygy_random *random, int64_t begin, int64_t end, int32_t split, int64_t d, int64_t terms,
                   int32_t link, double scale, double *x, double *y)
{
    random->normal(random->context, split == 0 ? "train" : "test", begin * d, (end - begin) * d, x);
    for (int64_t i = 0; i < end - begin; i++) {
        double sum = 0;
        for (int64_t p = 0; p < d; p++) x[i * d + p] *= scale;
        for (int64_t p = 0; p < terms && p < d; p++) sum += x[i * d + p];
        y[i] = link == TANH ? tanh(sum) : link == RELU ? fmax(sum, 0) : sum * sum;
    }
}
