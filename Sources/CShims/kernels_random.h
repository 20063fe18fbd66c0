/* Random tensors. Included by kernels_typed.h. */

/* 32-bit words 64 q ..< 64 q + 64 of a Philox stream (philox.h): 16 blocks side by side, for vector code. */
static void FN(philox_words)(uint64_t key, uint64_t step, uint64_t q, uint32_t *restrict out) {
    uint32_t c[4][16], k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int i = 0; i < 16; i++) {
        const uint64_t block = 16 * q + (uint64_t)i;
        c[0][i] = (uint32_t)block;
        c[1][i] = (uint32_t)(block >> 32);
        c[2][i] = (uint32_t)step;
        c[3][i] = (uint32_t)(step >> 32);
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
        for (int i = 0; i < 16; i++) {
            const uint64_t p = (uint64_t)0xD2511F53u * c[0][i], r = (uint64_t)0xCD9E8D57u * c[2][i];
            c[0][i] = (uint32_t)(r >> 32) ^ c[1][i] ^ k0;
            c[1][i] = (uint32_t)r;
            c[2][i] = (uint32_t)(p >> 32) ^ c[3][i] ^ k1;
            c[3][i] = (uint32_t)p;
        }
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 4; j++) out[4 * i + j] = c[j][i];
}

/* Elements [begin, end) of one tensor: the upper 24 bits of 32-bit words, so that both precisions see the same numbers. */
static void FN(random_uniform)(T *out, uint64_t key, uint64_t step, int64_t begin, int64_t end) {
    uint32_t word[64];
    for (int64_t i = begin; i < end;) {
        const int64_t phase = i % 64, n = 64 - phase < end - i ? 64 - phase : end - i;
        FN(philox_words)(key, step, (uint64_t)(i / 64), word);
        T *to = out + (i - begin);
        for (int64_t k = 0; k < n; k++) to[k] = (T)(int32_t)(word[phase + k] >> 8) * (T)0x1p-24;
        i += n;
    }
}

static void FN(random_normal)(T *out, uint64_t key, uint64_t step, int64_t begin, int64_t end) {
    double values[256];
    for (int64_t i = begin; i < end; i += 256) {
        const int64_t n = end - i < 256 ? end - i : 256;
        sz_philox_normal(key, step, (uint64_t)i, n, values);
        for (int64_t k = 0; k < n; k++) out[i - begin + k] = (T)values[k];
    }
}

static void FN(random)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_random *s = arguments;
    const uint64_t step = (uint64_t)*s->step;
    for (int64_t i = begin * s->unit, last = end * s->unit; i < last;) {
        const int64_t copy = i / s->count, first = i % s->count;
        const int64_t n = s->count - first < last - i ? s->count - first : last - i;
        T *out = (T *)s->out + i;
        if (s->kind == SZ_NORMAL) FN(random_normal)(out, s->keys[copy], step, first, first + n);
        else FN(random_uniform)(out, s->keys[copy], step, first, first + n);
        if (s->kind == SZ_BERNOULLI) for (int64_t k = 0; k < n; k++) out[k] = out[k] < (T)s->probability ? (T)1 : (T)0;
        i += n;
    }
}
