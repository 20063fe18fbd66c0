#define _GNU_SOURCE
#include "binding.h"
#include <dlfcn.h>
#include <ffi.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

struct sz_signature {
    char *place;
    ffi_cif cif;
    ffi_type *arguments[];
};

static ffi_type *type_of(int32_t code) {
    switch (code) {
    case SZ_VOID: return &ffi_type_void;
    case SZ_I8: return &ffi_type_sint8;
    case SZ_U8: return &ffi_type_uint8;
    case SZ_I16: return &ffi_type_sint16;
    case SZ_U16: return &ffi_type_uint16;
    case SZ_I32: return &ffi_type_sint32;
    case SZ_U32: return &ffi_type_uint32;
    case SZ_I64: return &ffi_type_sint64;
    case SZ_U64: return &ffi_type_uint64;
    case SZ_F32: return &ffi_type_float;
    case SZ_F64: return &ffi_type_double;
    case SZ_POINTER: return &ffi_type_pointer;
    default: return NULL;
    }
}

/* What this thread calls, for whoever asks while it does. */
static _Thread_local const char *current_call;
const char *sz_current_call(void) { return current_call; }

sz_signature *sz_signature_create(int32_t result, const int32_t *arguments, int32_t count, const char *place) {
    sz_signature *s = malloc(sizeof *s + (size_t)count * sizeof(ffi_type *));
    if (!s) return NULL;
    s->place = strdup(place);
    int known = type_of(result) != NULL;
    for (int32_t i = 0; i < count; i++) {
        s->arguments[i] = type_of(arguments[i]);
        known = known && s->arguments[i];
    }
    if (!known ||
        ffi_prep_cif(&s->cif, FFI_DEFAULT_ABI, (unsigned)count, type_of(result), s->arguments) != FFI_OK) {
        sz_signature_destroy(s);
        return NULL;
    }
    return s;
}

void sz_signature_destroy(sz_signature *s) {
    free(s->place);
    free(s);
}

#if defined(__x86_64__)
/* MXCSR without the sticky exception flags, and above it the x87 control word, which governs long double and is what
 * glibc's fegetround and printf look at. */
#define DEFAULT_MODE (0x1f80u | (uint64_t)0x37f << 32)
uint64_t sz_float_mode(void) {
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (_mm_getcsr() & ~0x3fu) | (uint64_t)x87 << 32;
}
void sz_set_float_mode(uint64_t mode) {
    uint16_t x87 = (uint16_t)(mode >> 32);
    __asm__ volatile("fldcw %0" : : "m"(x87));
    _mm_setcsr((unsigned)mode);
}
#elif defined(__aarch64__)
#define DEFAULT_MODE 0u
uint64_t sz_float_mode(void) { uint64_t v; __asm__ volatile("mrs %0, fpcr" : "=r"(v)); return v; }
void sz_set_float_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" ::"r"(mode)); }
#else
#error "unknown floating-point control register"
#endif

int32_t sz_call(const sz_signature *s, void *function, void *const *values, void *result) {
    uint64_t before = sz_float_mode();
    if (before != DEFAULT_MODE) sz_set_float_mode(DEFAULT_MODE);
    const char *outer = current_call;
    current_call = s->place;
    ffi_call((ffi_cif *)&s->cif, FFI_FN(function), result, (void **)values);
    current_call = outer;
    int32_t changed = sz_float_mode() != DEFAULT_MODE;
    if (changed || before != DEFAULT_MODE) sz_set_float_mode(before);
    return changed;
}

void sz_call_parts(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_parts *p = arguments;
    sz_parts_thread *t = &p->threads[thread];
    for (int64_t next; begin < end; begin = next) {
        const int64_t part = begin / p->grain, first = begin * p->unit;
        next = (part + 1) * p->grain < end ? (part + 1) * p->grain : end;
        const int64_t left = p->count - first, whole = (next - begin) * p->unit, n = whole < left ? whole : left;
        for (int32_t m = 0; m < p->moves; m++) {
            const sz_moving *x = &p->moving[m];
            t->slots[m] = x->bytes ? (uint64_t)(uintptr_t)(x->base + first * x->bytes) : (uint64_t)n;
        }
        if (t->message) t->slots[p->moves] = (uint64_t)(uintptr_t)(t->status ? t->spare : t->message);
        if (t->message && !t->status) t->message[0] = 0;
        _Alignas(16) double result[2] = {0, 0};
        int32_t status = sz_call(p->signature, p->function, t->values, result) ? SZ_CHANGED_MODE : 0;
        if (!status && p->gives == SZ_GIVES_STATUS) __builtin_memcpy(&status, result, 4);
        if (p->gives == SZ_GIVES_VALUE) p->results[part] = result[0];
        if (status && !t->status) {
            t->status = status;
            t->part = part;
            __atomic_store_n(p->failed, 1, __ATOMIC_RELAXED);
        }
    }
}

void *sz_open(const char *path) {
    current_call = path;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND);
    current_call = NULL;
    return library;
}
