/* Does not listen when it is told to end. */
#include <syzygy.h>
syzygy_status loop(double r, const syzygy_record *record) {
    double x = 0.25;
    for (int64_t step = 0; step < 3; step++) {
        record->values(record->context, step, "x", &x, 1);
        record->progress(record->context, step);
        x = r * x * (1 - x);
    }
    return SYZYGY_OK;
}
