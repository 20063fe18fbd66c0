// Some rows of some classes; see README.md. y: the labels of a split, n of them, in `classes` classes.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <syzygy.h>

enum { EXPONENTIAL, STEP };

// Rows of class k that stay, of the `most` that the first class keeps.
static int64_t size_of(int64_t k, int64_t classes, int64_t most, double ratio, int32_t profile, int64_t minority)
{
    double size = (double)most;
    if (profile == EXPONENTIAL && classes > 1) size *= pow(ratio, -(double)k / (double)(classes - 1));
    if (profile == STEP && k >= classes - minority) size /= ratio;
    const int64_t rounded = (int64_t)floor(size + 0.5);
    return rounded < 1 ? 1 : rounded;
}

// Counts the rows of each class; the smallest number there is, 0 if a class has no rows.
static int64_t count_rows(const int32_t *y, int64_t n, int64_t classes, int64_t *counts)
{
    for (int64_t k = 0; k < classes; k++) counts[k] = 0;
    for (int64_t i = 0; i < n; i++) counts[y[i]]++;
    int64_t least = n;
    for (int64_t k = 0; k < classes; k++) least = counts[k] < least ? counts[k] : least;
    return least;
}

typedef struct {
    double ratio;
    int32_t profile;
    int64_t minority;
} shape;

static shape shape_of(double ratio, int32_t profile, int64_t minority, int64_t classes)
{
    return (shape){ratio, profile, minority > 0 ? minority : classes / 2};
}

static syzygy_status total(const int32_t *y, int64_t n, int64_t classes, shape s, const char *split, int64_t *counts,
                           int64_t *rows, char *message, size_t size)
{
    *rows = 0;
    if (n == 0) return SYZYGY_OK;
    if (s.profile == STEP && s.minority >= classes) {
        snprintf(message, size, "minority is %lld of %lld classes; at least one must keep its rows", (long long)s.minority,
                 (long long)classes);
        return SYZYGY_INVALID;
    }
    const int64_t least = count_rows(y, n, classes, counts);
    for (int64_t k = 0; k < classes; k++) {
        if (counts[k] == 0) {
            snprintf(message, size, "class %lld has no rows in the split %s", (long long)k, split);
            return SYZYGY_INVALID;
        }
        *rows += size_of(k, classes, least, s.ratio, s.profile, s.minority);
    }
    return SYZYGY_OK;
}

syzygy_status imbalanced_describe(const int32_t *y, int64_t n, const int32_t *y_test, int64_t n_test, int64_t classes,
                                  double ratio, int32_t profile, int64_t minority, uint8_t test, int64_t *counts,
                                  int64_t *rows_train, int64_t *rows_test, char *message, size_t size)
{
    const shape s = shape_of(ratio, profile, minority, classes);
    const syzygy_status status = total(y, n, classes, s, "train", counts, rows_train, message, size);
    if (status != SYZYGY_OK) return status;
    *rows_test = n_test;
    return test ? total(y_test, n_test, classes, s, "test", counts, rows_test, message, size) : SYZYGY_OK;
}

// Which rows of a class stay is drawn; they come in the order in which they are.
syzygy_status imbalanced(const syzygy_random *random, const int32_t *y, int64_t n, const int32_t *y_test, int64_t n_test,
                         int64_t classes, double ratio, int32_t profile, int64_t minority, uint8_t test, int64_t *counts,
                         int32_t split, int64_t begin, int64_t end, int64_t *source_row)
{
    if (split == 1 && !test) {
        for (int64_t i = begin; i < end; i++) source_row[i - begin] = i;
        return SYZYGY_OK;
    }
    if (split == 1) { y = y_test; n = n_test; }
    const shape s = shape_of(ratio, profile, minority, classes);
    const int64_t least = count_rows(y, n, classes, counts);
    int64_t *order = malloc((size_t)n * sizeof *order), *chosen = malloc((size_t)n * sizeof *chosen);
    uint8_t *stays = calloc((size_t)n, 1);
    if (order && chosen && stays) {
        for (int64_t k = 0; k < classes; k++) {
            int64_t own = 0;
            for (int64_t i = 0; i < n; i++)
                if (y[i] == k) chosen[own++] = i;
            char stream[64];
            snprintf(stream, sizeof stream, "%s %lld", split == 0 ? "train" : "test", (long long)k);
            random->permutation(random->context, stream, own, order);
            const int64_t kept = size_of(k, classes, least, s.ratio, s.profile, s.minority);
            for (int64_t j = 0; j < kept && j < own; j++) stays[chosen[order[j]]] = 1;
        }
        int64_t row = 0;
        for (int64_t i = 0; i < n && row < end; i++) {
            if (!stays[i]) continue;
            if (row >= begin) source_row[row - begin] = i;
            row++;
        }
    }
    const syzygy_status status = order && chosen && stays ? SYZYGY_OK : SYZYGY_NO_MEMORY;
    free(order);
    free(chosen);
    free(stays);
    return status;
}

// The last `count` classes are those that leave.
static int64_t rows_below(const int32_t *y, int64_t n, int64_t limit)
{
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++) rows += y[i] < limit;
    return rows;
}

syzygy_status held_out_describe(const int32_t *y, int64_t n, const int32_t *y_test, int64_t n_test, int64_t classes,
                                int64_t count, int64_t *rows_train, int64_t *rows_test, int64_t *rows_ood,
                                int64_t *classes_y, char *message, size_t size)
{
    const int64_t stay = classes - count;
    if (stay < count) {
        snprintf(message, size, "count is %lld of %lld classes; at most half of them can leave", (long long)count,
                 (long long)classes);
        return SYZYGY_INVALID;
    }
    *rows_train = rows_below(y, n, stay);
    *rows_test = rows_below(y_test, n_test, stay);
    *rows_ood = n_test - *rows_test;
    *classes_y = stay;
    return SYZYGY_OK;
}

void held_out(const int32_t *y, int64_t n, const int32_t *y_test, int64_t n_test, int64_t classes, int64_t count,
              int32_t split, int64_t begin, int64_t end, int32_t *label, int64_t *source_row)
{
    const int64_t stay = classes - count;
    if (split > 0) { y = y_test; n = n_test; }
    int64_t row = 0;
    for (int64_t i = 0; i < n && row < end; i++) {
        if ((y[i] >= stay) != (split == 2)) continue;
        if (row >= begin) {
            source_row[row - begin] = i;
            label[row - begin] = (int32_t)(split == 2 ? y[i] - stay : y[i]);
        }
        row++;
    }
}
