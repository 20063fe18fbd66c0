/* x <- (x + number / x) / 2, from x = number; records root x and error x^2 - number of every step. */
#include "newname.h"

int32_t newname(double number, int64_t iterations, const syzygy_record *record) {
    double x = number;
    for (int64_t step = 0; step <= iterations; step++) {
        const double error = x * x - number;
        record->values(record->context, step, "root", &x, 1);
        record->values(record->context, step, "error", &error, 1);
        if (record->progress(record->context, step) != SYZYGY_OK) return SYZYGY_CANCELLED;
        x = (x + number / x) / 2;
    }
    return SYZYGY_OK;
}
