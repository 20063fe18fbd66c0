/* Place i of epoch e is row (i + e shift) mod n. */
#include "newname.h"

void newname(int64_t epoch, int64_t shift, int64_t n, int64_t *order) {
    int64_t begin = (epoch % n) * (shift % n) % n; /* no product leaves 64 bits */
    for (int64_t i = 0; i < n; i++) order[i] = (i + begin) % n;
}
