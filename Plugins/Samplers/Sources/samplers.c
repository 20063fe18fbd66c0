// Rows of an epoch; see README.md. n rows in the training split, m places in the epoch, random streams of the epoch's own.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <syzygy.h>

void sequential(int64_t n, int64_t m, int64_t *order)
{
    for (int64_t i = 0; i < m; i++) order[i] = i % n;
}

// A new order of the first m rows.
syzygy_status first(const syzygy_random *random, int64_t n, int64_t m, int64_t *order, char *message, size_t size)
{
    if (m > n) {
        snprintf(message, size, "size is %lld, but the training split has %lld rows", (long long)m, (long long)n);
        return SYZYGY_INVALID;
    }
    random->permutation(random->context, "order", m, order);
    return SYZYGY_OK;
}

// floor(u n) for u in (0, 1)
static int64_t below(double u, int64_t n)
{
    const int64_t i = (int64_t)(u * (double)n);
    return i < n ? i : n - 1;
}

void with_replacement(const syzygy_random *random, int64_t n, int64_t m, int64_t *order)
{
    for (int64_t i = 0; i < m; i++) {
        double u;
        random->uniform(random->context, "rows", i, 1, &u);
        order[i] = below(u, n);
    }
}

// P(row i) = w_i / sum w: the first i with w_0 + ... + w_i > u sum w.
syzygy_status weighted(const syzygy_random *random, const double *w, int64_t n, int64_t count, double *sums, int64_t m,
                       int64_t *order, char *message, size_t size)
{
    if (count != n) {
        snprintf(message, size, "the field of weights has %lld numbers in a row, expected 1", (long long)(count / n));
        return SYZYGY_INVALID;
    }
    double sum = 0;
    int64_t last = -1;
    for (int64_t i = 0; i < n; i++) {
        if (!(w[i] >= 0) || isinf(w[i])) {
            snprintf(message, size, "row %lld has the weight %g; expected numbers >= 0", (long long)i, w[i]);
            return SYZYGY_INVALID;
        }
        sums[i] = sum += w[i];
        if (w[i] > 0) last = i;
    }
    if (last < 0 || isinf(sum)) {
        snprintf(message, size, "the weights have the sum %g; expected a finite number > 0", sum);
        return SYZYGY_INVALID;
    }
    for (int64_t i = 0; i < m; i++) {
        double u;
        random->uniform(random->context, "rows", i, 1, &u);
        int64_t low = 0, high = last;
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (sums[middle] > u * sum) high = middle; else low = middle + 1;
        }
        order[i] = low;
    }
    return SYZYGY_OK;
}

// Place t belongs to class (t + epoch) mod K of the K that have rows. `sorted` are the rows of class 0, class 1, ...;
// `shuffled` an order of each class; `begin` where each begins, `used` how many places it has had.
syzygy_status balanced(const syzygy_random *random, const int32_t *y, int64_t n, int64_t count, int64_t classes,
                       int64_t epoch, int64_t *sorted, int64_t *shuffled, int64_t *begin, int64_t *used, int64_t *present,
                       int64_t m, int64_t *order, char *message, size_t size)
{
    if (count != n) {
        snprintf(message, size, "the field has %lld labels in a row, expected 1", (long long)(count / n));
        return SYZYGY_INVALID;
    }
    for (int64_t c = 0; c < classes; c++) begin[c] = used[c] = 0;
    for (int64_t i = 0; i < n; i++) used[y[i]]++;
    int64_t k = 0, sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        begin[c] = sum;
        if (used[c] > 0) present[k++] = c;
        sum += used[c];
        used[c] = 0;
    }
    for (int64_t i = 0; i < n; i++) sorted[begin[y[i]] + used[y[i]]++] = i;
    for (int64_t c = 0; c < classes; c++) used[c] = 0;
    for (int64_t t = 0; t < m; t++) {
        const int64_t c = present[(t + epoch) % k];
        const int64_t rows = (c + 1 < classes ? begin[c + 1] : n) - begin[c], place = used[c] % rows;
        if (place == 0) {
            char stream[64];
            snprintf(stream, sizeof stream, "class %lld/%lld", (long long)c, (long long)(used[c] / rows));
            random->permutation(random->context, stream, rows, shuffled + begin[c]);
        }
        order[t] = sorted[begin[c] + shuffled[begin[c] + place]];
        used[c]++;
    }
    return SYZYGY_OK;
}

typedef struct {
    double difficulty;
    int64_t row;
} ranked;

// By difficulty, equal ones by their rows.
static int compare(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->difficulty != y->difficulty) return x->difficulty < y->difficulty ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

// Orders of the easiest ceil(n min(1, begin + (1 - begin) epoch / epochs)) rows, as many as fill the epoch.
syzygy_status curriculum(const syzygy_random *random, const double *difficulty, int64_t n, int64_t count,
                         uint8_t hardest_first, double begin, int64_t epochs, int64_t epoch, double *pairs, int64_t *shuffled, int64_t m,
                         int64_t *order, char *message, size_t size)
{
    if (count != n) {
        snprintf(message, size, "the field of difficulties has %lld numbers in a row, expected 1", (long long)(count / n));
        return SYZYGY_INVALID;
    }
    ranked *rows = (ranked *)pairs;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(difficulty[i])) {
            snprintf(message, size, "row %lld has the difficulty NaN", (long long)i);
            return SYZYGY_INVALID;
        }
        rows[i] = (ranked){hardest_first ? -difficulty[i] : difficulty[i], i};
    }
    qsort(rows, (size_t)n, sizeof *rows, compare);
    const double share = epoch < epochs ? begin + (1 - begin) * (double)epoch / (double)epochs : 1;
    int64_t open = (int64_t)ceil(share * (double)n - 1e-9 * (double)n);
    open = open < 1 ? 1 : open > n ? n : open;
    for (int64_t t = 0; t < m; t += open) {
        const int64_t length = m - t < open ? m - t : open;
        char stream[64];
        snprintf(stream, sizeof stream, "order/%lld", (long long)(t / open));
        random->permutation(random->context, stream, open, shuffled);
        for (int64_t i = 0; i < length; i++) order[t + i] = rows[shuffled[i]].row;
    }
    return SYZYGY_OK;
}

// Every pass of task 0, then every pass of task 1, and so on: in each epoch as many passes as there are tasks.
syzygy_status tasks_in_order(const syzygy_random *random, const int32_t *tasks, int64_t n, int64_t count, int64_t classes,
                             int64_t epochs, int64_t epoch, int64_t *shuffled, int64_t m, int64_t *order, char *message,
                             size_t size)
{
    if (count != n) {
        snprintf(message, size, "the field has %lld tasks in a row, expected 1", (long long)(count / n));
        return SYZYGY_INVALID;
    }
    for (int64_t t = 0; t < classes; t++) {
        int64_t rows = 0;
        for (int64_t i = 0; i < n; i++) rows += tasks[i] == t;
        if (rows * classes != n) {
            snprintf(message, size, "task %lld has %lld of %lld rows; expected as many of each of %lld tasks", (long long)t,
                     (long long)rows, (long long)n, (long long)classes);
            return SYZYGY_INVALID;
        }
    }
    const int64_t own = n / classes;
    for (int64_t pass = 0; pass < classes && (pass + 1) * own <= m; pass++) {
        const int64_t t = (epoch * classes + pass) / epochs % classes;
        char stream[32];
        snprintf(stream, sizeof stream, "pass %lld", (long long)pass);
        random->permutation(random->context, stream, own, shuffled);
        int64_t *rows = shuffled + own, seen = 0;
        for (int64_t i = 0; i < n; i++)
            if (tasks[i] == t) rows[seen++] = i;
        for (int64_t i = 0; i < own; i++) order[pass * own + i] = rows[shuffled[i]];
    }
    return SYZYGY_OK;
}
