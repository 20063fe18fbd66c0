#define _GNU_SOURCE
#include "guard.h"
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { MOST = 128, STACK = 1 << 16 };

static struct {
    char name[64];
    uintptr_t begin;
    size_t bytes, before, after;
} guarded[MOST];
static int report;
static char stack[STACK];

/* 1 a write, 0 a read, -1 unknown. */
static int is_write(void *context) {
#if defined(__x86_64__)
    return ((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] >> 1 & 1;
#else
    (void)context;
    return -1;
#endif
}

static void fault(int signal, siginfo_t *info, void *context) {
    const uintptr_t at = (uintptr_t)info->si_addr;
    char line[256];
    int length = 0;
    if (signal == SIGSEGV || signal == SIGBUS)
        for (int i = 0; i < MOST && !length; i++)
            if (guarded[i].name[0] && at + guarded[i].before >= guarded[i].begin &&
                at < guarded[i].begin + guarded[i].bytes + guarded[i].after)
                length = snprintf(line, sizeof line,
                                  "{\"fault\": {\"argument\": \"%s\", \"offset\": %lld, \"bytes\": %lld, \"write\": %d}}\n",
                                  guarded[i].name, (long long)(at - guarded[i].begin), (long long)guarded[i].bytes,
                                  is_write(context));
    if (!length) length = snprintf(line, sizeof line, "{\"fault\": {}}\n");
    ssize_t written = write(report, line, (size_t)length);
    (void)written; /* the handler is reset: returning repeats the fault, and a raised signal is raised again */
    if (info->si_code <= 0) raise(signal);
}

void sz_guard_watch(int fd) {
    report = fd;
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = STACK}, NULL);
    const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
        sigaction(signals[i], &action, NULL);
    }
}

int32_t sz_guard_add(const char *name, const void *begin, size_t bytes, size_t before, size_t after) {
    for (int i = 0; i < MOST; i++) {
        if (guarded[i].name[0]) continue;
        guarded[i].begin = (uintptr_t)begin;
        guarded[i].bytes = bytes;
        guarded[i].before = before;
        guarded[i].after = after;
        strncpy(guarded[i].name, name, sizeof guarded[i].name - 1);
        return i;
    }
    return -1;
}

void sz_guard_forget(int32_t number) {
    if (number >= 0) guarded[number].name[0] = 0;
}

size_t sz_heap_bytes(void) {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}
