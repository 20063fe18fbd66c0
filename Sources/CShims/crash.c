#define _GNU_SOURCE
#include "binding.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int32_t descriptor = -1;
static volatile sig_atomic_t has_said;
static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
static struct sigaction before[sizeof signals / sizeof *signals];

/* Only what a signal handler may call. Places are paths and ids: what JSON would escape is left out. */
static void say(void) {
    const char *place = sz_current_call();
    if (!place || has_said) return;
    has_said = 1;
    char line[600] = "{\"calling\": \"";
    size_t n = strlen(line);
    for (; *place && n < sizeof line - 4; place++)
        if (*place >= ' ' && *place != '"' && *place != '\\') line[n++] = *place;
    memcpy(line + n, "\"}\n", 3);
    if (write(descriptor, line, n + 3) < 0) has_said = 2;
}

/* Whoever handled the signal before does so after: an instruction that faults does it again, a signal that was sent is sent again. */
static void handle(int number, siginfo_t *info, void *context) {
    (void)context;
    say();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (signals[i] == number) sigaction(number, &before[i], NULL);
    if (info->si_code <= 0) raise(number);
}

const char *sz_signal_name(int32_t number) { return sigabbrev_np(number); }

void sz_end_with_parent(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* It may have been killed before that. */
    const char *parent = getenv("SYZYGY_PARENT");
    if (parent && getppid() != atoi(parent)) _exit(1);
}

void sz_report_crashes(int32_t to) {
    descriptor = to;
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, &before[i]);
    atexit(say);
}
