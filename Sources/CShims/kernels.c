#include "binding.h"
#include "gemm.h"
#include "kernels.h"
#include "loops.h"
#include "conv.h"
#include "conv_plan.h"
#include "pool.h"
#include "pool_window.h"
#include "philox.h"
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

struct named_map { const char *name; sz_map map; };
struct named_row_map { const char *name; sz_row_map map; };
struct named_kernel { const char *name; sz_kernel kernel; };

#define JOIN_(name, isa, type) sz_##name##_##isa##_##type
#define JOIN(name, isa, type) JOIN_(name, isa, type)

#define ISA baseline
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#define GRADIENT_ROWS 6
#include "kernels_isa.h"
#undef ISA
#undef VECTOR_BYTES

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define ISA avx2
#define VECTOR_BYTES 32
#include "kernels_isa.h"
#undef ISA
#undef VECTOR_BYTES
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#define ISA avx512
#define VECTOR_BYTES 64
#undef TILE_ROWS
#undef GRADIENT_ROWS
#define TILE_ROWS 8
#define GRADIENT_ROWS 14
#include "kernels_isa.h"
#undef ISA
#undef VECTOR_BYTES
#pragma clang attribute pop
#define CHOOSE(TABLE)                                                                                          \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&                                \
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? sz_##TABLE(avx512)     \
     : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? sz_##TABLE(avx2) : sz_##TABLE(baseline))
#else
#define CHOOSE(TABLE) sz_##TABLE(baseline)
#endif
#define sz_maps(isa) (bytes == 4 ? sz_maps_##isa##_f32 : sz_maps_##isa##_f64)
#define sz_row_maps(isa) (bytes == 4 ? sz_row_maps_##isa##_f32 : sz_row_maps_##isa##_f64)
#define sz_kernels(isa) (bytes == 4 ? sz_kernels_##isa##_f32 : sz_kernels_##isa##_f64)

sz_map sz_find_map(const char *name, int32_t bytes) {
    for (const struct named_map *m = CHOOSE(maps); m->name; m++)
        if (!strcmp(m->name, name)) return m->map;
    return 0;
}

sz_row_map sz_find_row_map(const char *name, int32_t bytes) {
    for (const struct named_row_map *m = CHOOSE(row_maps); m->name; m++)
        if (!strcmp(m->name, name)) return m->map;
    return 0;
}

sz_kernel sz_find_kernel(const char *name, int32_t bytes) {
    for (const struct named_kernel *k = CHOOSE(kernels); k->name; k++)
        if (!strcmp(k->name, name)) return k->kernel;
    return 0;
}
