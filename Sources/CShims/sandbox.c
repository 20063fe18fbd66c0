#define _GNU_SOURCE
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The struct and the rights of newer kernels than the headers may know; a kernel gets what its version has. */
struct ruleset { uint64_t files, network, scopes; };

static int landlock_version(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static int restrict_files(void) {
    const int version = landlock_version();
    if (version < 1) return 0;
    /* Bits 1 and 4...12: writing, removing and making of every kind. No rule follows, so nothing of it is allowed anywhere. */
    struct ruleset rules = {.files = 1u << 1 | 0x1ff0u};
    size_t size = sizeof rules.files;
    if (version >= 2) rules.files |= 1u << 13; /* moving between folders */
    if (version >= 3) rules.files |= 1u << 14; /* truncating */
    if (version >= 4) { rules.network = 3; size = 2 * sizeof(uint64_t); } /* binding and connecting of TCP */
    if (version >= 6) { rules.scopes = 3; size = sizeof rules; }          /* abstract sockets and signals beyond this process */
    const int set = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (set < 0) return 0;
    const long failed = syscall(SYS_landlock_restrict_self, set, 0);
    close(set);
    return !failed;
}

static int restrict_calls(void) {
    static const char *const refused[] = {
        "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "execve", "execveat", "fork", "vfork", "ptrace",
        "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kill", "tkill", "mount",
        "umount2", "unshare", "setns", "bpf", "perf_event_open", "keyctl", "add_key", "request_key", "io_uring_setup",
        "userfaultfd", "reboot", "kexec_load", "init_module", "finit_module", "swapon", "swapoff", "chroot", "pivot_root",
        "setpriority", "sched_setscheduler", "sched_setattr",
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter) return 0;
    int failed = 0;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const int number = seccomp_syscall_resolve_name(refused[i]);
        if (number != __NR_SCMP_ERROR) failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
    }
    /* Threads are allowed, processes are not; without clone3, whose flags a filter cannot see, libc uses clone. */
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    failed = failed || seccomp_load(filter);
    seccomp_release(filter);
    return !failed;
}

static int set_limit(int resource, uint64_t value) {
    struct rlimit limit;
    if (getrlimit(resource, &limit)) return 0;
    if (limit.rlim_max < value) value = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max = value;
    return !setrlimit(resource, &limit);
}

/* Bytes of this process's address space. */
static int64_t address_space(void) {
    char text[32] = "";
    const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    const ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? strtoll(text, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

int32_t sz_sandbox_enter(int64_t more_bytes) {
    int32_t mask = 0;
    if (set_limit(RLIMIT_AS, (uint64_t)(address_space() + more_bytes)) && set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_NOFILE, 128)
        && set_limit(RLIMIT_FSIZE, 16 << 20))
        mask |= SZ_LIMITS;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return mask;
    mask |= SZ_NO_NEW_PRIVILEGES;
    if (restrict_files()) mask |= SZ_LANDLOCK;
    if (restrict_calls()) mask |= SZ_SECCOMP;
    return mask;
}

int32_t sz_sandbox_available(void) {
    uint32_t action = SECCOMP_RET_ERRNO;
    return SZ_LIMITS | SZ_NO_NEW_PRIVILEGES | (landlock_version() >= 1 ? SZ_LANDLOCK : 0)
           | (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? SZ_SECCOMP : 0);
}

int32_t sz_memory_file(int64_t bytes, int32_t *read_only) {
    const int file = memfd_create("syzygy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return -1;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    /* Whoever shrinks a file that others have mapped kills them. */
    if (ftruncate(file, bytes) || fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK)
        || (*read_only = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
        close(file);
        return -1;
    }
    return file;
}

int32_t sz_socket_pair(int32_t ends[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); }
