// Tasks that differ in the order of a row's elements; see README.md.
#include <stdio.h>
#include <stdlib.h>
#include <syzygy.h>

enum { TRAIN, TEST, FIRST_TASK, MOST_TASKS = 10 };

// Writes the rows of every split: all tasks in train and test, one in each of task_0, task_1, ...
void tasks_describe(const double *x, int64_t n, const double *x_test, int64_t n_test, int64_t tasks, int64_t *train,
                    int64_t *test, int64_t *task_0, int64_t *task_1, int64_t *task_2, int64_t *task_3, int64_t *task_4,
                    int64_t *task_5, int64_t *task_6, int64_t *task_7, int64_t *task_8, int64_t *task_9)
{
    (void)x;
    (void)x_test;
    int64_t *places[MOST_TASKS] = {task_0, task_1, task_2, task_3, task_4, task_5, task_6, task_7, task_8, task_9};
    *train = tasks * n;
    *test = tasks * n_test;
    for (int64_t t = 0; t < MOST_TASKS; t++) *places[t] = t < tasks ? n_test : 0;
}

// Element j of a row of task t is element order[t][j] of the row that it comes from.
syzygy_status permuted_features(const syzygy_random *random, const double *x, int64_t n, int64_t count, const double *x_test,
                                int64_t n_test, int64_t count_test, int64_t tasks, int32_t split, int64_t begin, int64_t end,
                                double *permuted, int32_t *task, int64_t *source_row)
{
    if (split != TRAIN) { x = x_test; n = n_test; count = count_test; }
    const int64_t last = split < FIRST_TASK ? (n > 0 ? (end - 1) / n : 0) : split - FIRST_TASK;
    if (n == 0 || tasks < 1 || last >= tasks) return n == 0 || begin == end ? SYZYGY_OK : SYZYGY_INVALID; // no such rows
    const int64_t d = count / n;
    int64_t *orders = malloc((size_t)(tasks * d) * sizeof *orders);
    if (!orders) return SYZYGY_NO_MEMORY;
    for (int64_t t = 0; t < tasks; t++) {
        char stream[32];
        snprintf(stream, sizeof stream, "task %lld", (long long)t);
        random->permutation(random->context, stream, d, orders + t * d);
    }
    for (int64_t j = 0; j < d; j++) orders[j] = j;
    for (int64_t i = begin; i < end; i++) {
        const int64_t t = split < FIRST_TASK ? i / n : split - FIRST_TASK, row = split < FIRST_TASK ? i % n : i;
        source_row[i - begin] = row;
        task[i - begin] = (int32_t)t;
        for (int64_t j = 0; j < d; j++) permuted[(i - begin) * d + j] = x[row * d + orders[t * d + j]];
    }
    free(orders);
    return SYZYGY_OK;
}
