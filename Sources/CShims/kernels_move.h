/* Kernels that move elements and compute little. Included by kernels_typed.h. */

static inline void FN(copy_row)(T *restrict out, const T *restrict a, int64_t n) {
    if (n >= 64) memcpy(out, a, (size_t)n * sizeof(T));
    else for (int64_t i = 0; i < n; i++) out[i] = a[i];
}

static inline void FN(zero_row)(T *out, int64_t n) { memset(out, 0, (size_t)n * sizeof(T)); }

/* MARK: permute */

typedef T FN(lane8) __attribute__((vector_size(8 * sizeof(T)), aligned(sizeof(T))));
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)

/* out[c][r] = a[r][c] for 8 x 8 elements: exchanges 1 x 1, then 2 x 2, then 4 x 4 blocks. */
static inline void FN(transpose8)(T *out, int64_t out_stride, const T *a, int64_t a_stride) {
    FN(lane8) x[8], y[8];
    for (int i = 0; i < 8; i++) x[i] = *(const FN(lane8) *)(a + i * a_stride);
    for (int i = 0; i < 8; i += 2) {
        y[i] = SHUFFLE(x[i], x[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        y[i + 1] = SHUFFLE(x[i], x[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = i; j < i + 2; j++) {
            x[j] = SHUFFLE(y[j], y[j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            x[j + 2] = SHUFFLE(y[j], y[j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; i++) {
        *(FN(lane8) *)(out + i * out_stride) = SHUFFLE(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(FN(lane8) *)(out + (i + 4) * out_stride) = SHUFFLE(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
#undef SHUFFLE

/* out[r][c] = a[c][r], rows of both strided. */
static void FN(transpose)(T *out, int64_t out_stride, const T *a, int64_t a_stride, int64_t rows, int64_t columns) {
    int64_t r = 0;
    for (; r + 8 <= rows; r += 8) {
        int64_t c = 0;
        for (; c + 8 <= columns; c += 8)
            FN(transpose8)(out + r * out_stride + c, out_stride, a + c * a_stride + r, a_stride);
        for (; c < columns; c++)
            for (int64_t i = r; i < r + 8; i++) out[i * out_stride + c] = a[c * a_stride + i];
    }
    for (; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) out[r * out_stride + c] = a[c * a_stride + r];
}

/* All of an array whose elements along axis d of `out` are strides[d] apart in `a`. */
static void FN(permute_all)(T *out, const T *a, int32_t rank, const int64_t *dims, const int64_t *strides) {
    const int32_t last = rank - 1;
    int32_t across = last; /* the other axis of a matrix to transpose; the last itself: rows are copied */
    if (strides[last] != 1)
        for (int32_t d = 0; d < last; d++) if (strides[d] == 1) across = d;
    int64_t index[SZ_MAX_RANK] = {0}, out_strides[SZ_MAX_RANK], from = 0, to = 0;
    out_strides[last] = 1;
    for (int32_t d = last; d > 0; d--) out_strides[d - 1] = out_strides[d] * dims[d];
    for (;;) {
        if (across != last)
            FN(transpose)(out + to, out_strides[across], a + from, strides[last], dims[across], dims[last]);
        else if (strides[last] == 1) FN(copy_row)(out + to, a + from, dims[last]);
        else for (int64_t i = 0; i < dims[last]; i++) out[to + i] = a[from + i * strides[last]];
        int32_t d = last - 1;
        for (; d >= 0; d--) {
            if (d == across) continue;
            from += strides[d];
            to += out_strides[d];
            if (++index[d] < dims[d]) break;
            from -= index[d] * strides[d];
            to -= index[d] * out_strides[d];
            index[d] = 0;
        }
        if (d < 0) return;
    }
}

static void FN(permute)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_permute *s = arguments;
    const int32_t first = s->lead - 1; /* runs of units along this axis form arrays */
    int64_t dims[SZ_MAX_RANK], slab = 1;
    for (int32_t d = 0; d < s->rank; d++) dims[d] = s->dims[d];
    for (int32_t d = s->lead; d < s->rank; d++) slab *= dims[d];
    while (begin < end) {
        const int64_t low = begin % s->dims[first], left = s->dims[first] - low;
        int64_t high = begin / s->dims[first], offset = low * s->strides[first];
        for (int32_t d = first - 1; d >= 0; d--) {
            offset += high % s->dims[d] * s->strides[d];
            high /= s->dims[d];
        }
        dims[first] = left < end - begin ? left : end - begin;
        FN(permute_all)((T *)s->out + begin * slab, (const T *)s->a + offset, s->rank - first, dims + first,
                        s->strides + first);
        begin += dims[first];
    }
}

/* MARK: pieces of an axis */

static void FN(slice)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_slice *s = arguments;
    const int64_t inner = s->inner, rows = s->outer == 1 ? end - begin : s->count;
    const int64_t skip = s->outer == 1 ? begin : 0;
    for (int64_t o = s->outer == 1 ? 0 : begin, last = s->outer == 1 ? 1 : end; o < last; o++) {
        T *out = (T *)s->out + (o * s->count + skip) * inner;
        const T *a = (const T *)s->a + (o * s->size + s->begin + skip * s->step) * inner;
        if (s->step == 1) FN(copy_row)(out, a, rows * inner);
        else for (int64_t i = 0; i < rows; i++) FN(copy_row)(out + i * inner, a + i * s->step * inner, inner);
    }
}

static void FN(pad)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_slice *s = arguments;
    const int64_t inner = s->inner, covered = (s->count - 1) * s->step + 1;
    if (s->outer == 1) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t j = i - s->begin;
            T *out = (T *)s->out + i * inner;
            if (j < 0 || j >= covered || j % s->step) FN(zero_row)(out, inner);
            else FN(copy_row)(out, (const T *)s->a + j / s->step * inner, inner);
        }
        return;
    }
    for (int64_t o = begin; o < end; o++) {
        T *out = (T *)s->out + o * s->size * inner;
        const T *a = (const T *)s->a + o * s->count * inner;
        FN(zero_row)(out, s->begin * inner);
        out += s->begin * inner;
        if (s->step == 1) FN(copy_row)(out, a, s->count * inner);
        else {
            FN(zero_row)(out, covered * inner);
            for (int64_t i = 0; i < s->count; i++) FN(copy_row)(out + i * s->step * inner, a + i * inner, inner);
        }
        FN(zero_row)(out + covered * inner, (s->size - s->begin - covered) * inner);
    }
}

static void FN(concat)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_concat *s = arguments;
    begin *= s->unit;
    end *= s->unit;
    while (begin < end) {
        const int64_t row = begin / s->row;
        int64_t within = begin % s->row;
        for (int32_t p = 0; p < s->parts && begin < end; p++) {
            const int64_t size = s->part[p].size;
            if (within >= size) {
                within -= size;
                continue;
            }
            const int64_t n = size - within < end - begin ? size - within : end - begin;
            FN(copy_row)((T *)s->out + begin, (const T *)s->part[p].a + row * size + within, n);
            begin += n;
            within = 0;
        }
    }
}

/* MARK: rows by number */

/* The row that x names, -1 if it names none. */
static inline int64_t FN(row_of)(T x, int64_t rows) {
    if (!(x >= 0 && x < (T)rows)) return -1;
    const int64_t row = (int64_t)x;
    return (T)row == x ? row : -1;
}

static void FN(take_rows)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_take *s = arguments;
    const int64_t width = s->width, each = s->copies == 1 ? 1 : s->count;
    for (int64_t i = begin * each; i < end * each; i++) {
        const T *table = (const T *)s->a + (s->copies == 1 ? 0 : i / s->count * s->rows * width);
        const int64_t row = FN(row_of)(((const T *)s->index)[i], s->rows);
        T *out = (T *)s->out + i * width;
        if (row >= 0) FN(copy_row)(out, table + row * width, width);
        else for (int64_t c = 0; c < width; c++) out[c] = (T)__builtin_nan("");
    }
}

/* Rows [first, last) of one copy: a list of positions for each, then sums in f64 in the order of the positions. */
#define COLUMNS 256
static void FN(scatter_copy)(const sz_take *s, const T *index, const T *values, T *out, int64_t first, int64_t last,
                             int32_t *head, int32_t *next) {
    const int64_t width = s->width;
    for (int64_t r = first; r < last; r++) head[r - first] = -1;
    for (int64_t i = s->count - 1; i >= 0; i--) {
        const int64_t row = FN(row_of)(index[i], s->rows);
        if (row < first || row >= last) continue;
        next[i] = head[row - first];
        head[row - first] = (int32_t)i;
    }
    for (int64_t r = first; r < last; r++) {
        T *to = out + r * width;
        const int32_t top = head[r - first];
        if (top < 0) FN(zero_row)(to, width);
        else if (next[top] < 0) FN(copy_row)(to, values + top * width, width);
        else
            for (int64_t j = 0; j < width; j += COLUMNS) {
                double total[COLUMNS];
                const int64_t n = width - j < COLUMNS ? width - j : COLUMNS;
                for (int64_t c = 0; c < n; c++) total[c] = 0;
                for (int32_t i = top; i >= 0; i = next[i])
                    for (int64_t c = 0; c < n; c++) total[c] += (double)values[i * width + j + c];
                for (int64_t c = 0; c < n; c++) to[j + c] = (T)total[c];
            }
    }
}

static void FN(scatter_add)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_take *s = arguments;
    int32_t *next = (int32_t *)((char *)s->scratch + thread * s->scratch_stride), *head = next + s->count;
    if (s->copies == 1) {
        FN(scatter_copy)(s, s->index, s->a, s->out, begin, end, head, next);
        return;
    }
    for (int64_t k = begin; k < end; k++) {
        const T *index = (const T *)s->index + k * s->count, *values = (const T *)s->a + k * s->count * s->width;
        T *out = (T *)s->out + k * s->rows * s->width;
        if (s->count == 1) { /* one number for each row of a batch */
            const int64_t row = FN(row_of)(index[0], s->rows);
            FN(zero_row)(out, s->rows * s->width);
            if (row >= 0) FN(copy_row)(out + row * s->width, values, s->width);
        } else FN(scatter_copy)(s, index, values, out, 0, s->rows, head, next);
    }
}

static void FN(cumsum)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_cumsum *s = arguments;
    const int64_t n = s->n, inner = s->inner;
    for (int64_t o = begin; o < end; o++)
        for (int64_t j = 0; j < inner; j += COLUMNS) {
            double total[COLUMNS];
            const int64_t width = inner - j < COLUMNS ? inner - j : COLUMNS;
            for (int64_t c = 0; c < width; c++) total[c] = 0;
            for (int64_t k = 0; k < n; k++) {
                const int64_t at = (o * n + (s->reverse ? n - 1 - k : k)) * inner + j;
                const T *a = (const T *)s->a + at;
                T *out = (T *)s->out + at;
                for (int64_t c = 0; c < width; c++) {
                    const double with = total[c] + (double)a[c];
                    out[c] = (T)(s->exclusive ? total[c] : with);
                    total[c] = with;
                }
            }
        }
}
#undef COLUMNS
