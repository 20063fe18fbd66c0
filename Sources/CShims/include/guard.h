/* What a validation test needs to say which argument a faulting access was about. */
#ifndef SYZYGY_GUARD_H
#define SYZYGY_GUARD_H
#include <stddef.h>
#include <stdint.h>

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write one line of JSON to `fd`, {"fault": …}, and then act as usual. */
void sz_guard_watch(int fd);

/* Bytes [begin, begin + bytes) between `before` inaccessible (or foreign) bytes and `after`; a name of at most 63 bytes.
 * Returns a number for `sz_guard_forget`, -1 if there are too many. */
int32_t sz_guard_add(const char *name, const void *begin, size_t bytes, size_t before, size_t after);
void sz_guard_forget(int32_t number);

/* Bytes that malloc has given out and not got back. */
size_t sz_heap_bytes(void);
#endif
