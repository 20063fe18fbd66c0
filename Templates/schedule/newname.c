/* 1 / (1 + step / time) */
#include "newname.h"

double newname(int64_t step, double time) { return 1 / (1 + (double)step / time); }
