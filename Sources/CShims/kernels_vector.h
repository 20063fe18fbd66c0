/* Vectors as wide as the processor's, and parts of them in memory. Included by kernels_typed.h. */
#define WIDTH (VECTOR_BYTES / (int)sizeof(T))
#define V FN(vector)
typedef T V __attribute__((vector_size(VECTOR_BYTES)));
typedef T FN(unaligned) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* The first `count` elements of a vector; the others are 0, and not touched. */
static inline V FN(load)(const T *p, int64_t count) {
#ifdef LOAD_PART
    return LOAD_PART(p, count);
#else
    if (count == WIDTH) return *(const FN(unaligned) *)p;
    V x = {0};
    for (int64_t i = 0; i < count; i++) x[i] = p[i];
    return x;
#endif
}
static inline void FN(store)(T *p, V x, int64_t count) {
#ifdef LOAD_PART
    STORE_PART(p, x, count);
#else
    for (int64_t i = 0; i < count; i++) p[i] = x[i];
#endif
}

/* All bits of an element are set where a condition holds. */
typedef __typeof__((V){0} > (V){0}) FN(mask);
static inline V FN(choose)(FN(mask) m, V x, V y) { return (V)((m & (FN(mask))x) | (~m & (FN(mask))y)); }
