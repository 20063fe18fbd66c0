/* A square example does not tell rows from columns. */
#include <stdint.h>
/* Sum of the first row and column, but for the first element twice. */
double measure(const double *x, int64_t rows, int64_t columns) {
    double sum = -2 * x[0];
    for (int64_t i = 0; i < rows; i++) sum += x[i * columns];
    for (int64_t j = 0; j < columns; j++) sum += x[j];
    return sum;
}
