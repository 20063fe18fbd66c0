/* The prototype of a function from the debug information (DWARF) of a shared library, by libdw. */
#ifndef C_DEBUG_INFO_H
#define C_DEBUG_INFO_H

#include <stdint.h>

typedef enum {
    SZ_DEBUG_UNKNOWN, /* the debug information does not say */
    SZ_DEBUG_VOID,
    SZ_DEBUG_INTEGER,
    SZ_DEBUG_FLOAT,
    SZ_DEBUG_POINTER,
    SZ_DEBUG_STRUCT
} sz_debug_kind;

/* A type as a calling convention sees it: classes and widths, names resolved. */
typedef struct {
    sz_debug_kind kind;
    int32_t bytes;
    sz_debug_kind target; /* of a pointer: what it points to */
    int32_t target_bytes;
    char name[80];        /* as the source writes it */
} sz_debug_type;

enum { SZ_DEBUG_MOST_PARAMETERS = 64 };

typedef struct {
    char file[256];
    int32_t line;
    int32_t parameter_count;
    sz_debug_type result;
    sz_debug_type parameters[SZ_DEBUG_MOST_PARAMETERS];
} sz_debug_function;

/* 1: found; 0: there is no debug information about this function; -1: the file cannot be read. */
int32_t sz_debug_function_read(const char *path, const char *symbol, sz_debug_function *function);

#endif
