#define _GNU_SOURCE
#include "nursery.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILES = SZ_COPY_FILES, FIRST_FILE = 3 };

typedef struct {
    int32_t starts;       /* 1: a copy is to start; 0: one is to end */
    int32_t process, milliseconds;
    sz_task task;
} request;

typedef struct { int32_t result, was_killed; } reply;

static int send_request(int control, const request *r, const int32_t *files) {
    union { struct cmsghdr header; char bytes[CMSG_SPACE(FILES * sizeof(int))]; } extra = {0};
    struct iovec part = {.iov_base = (void *)r, .iov_len = sizeof *r};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (files) {
        message.msg_control = extra.bytes;
        message.msg_controllen = sizeof extra.bytes;
        extra.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(FILES * sizeof(int))};
        memcpy(CMSG_DATA(&extra.header), files, FILES * sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(control, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == sizeof *r;
}

static int receive_request(int control, request *r, int files[FILES]) {
    union { struct cmsghdr header; char bytes[CMSG_SPACE(FILES * sizeof(int))]; } extra;
    struct iovec part = {.iov_base = r, .iov_len = sizeof *r};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = extra.bytes, .msg_controllen = sizeof extra.bytes};
    ssize_t got;
    do got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != sizeof *r) return 0;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(FILES * sizeof(int)))
        memcpy(files, CMSG_DATA(header), FILES * sizeof(int));
    return 1;
}

static int32_t ask(int32_t control, const request *r, const int32_t *files, int32_t *was_killed) {
    reply answer;
    if (!send_request(control, r, files)) return -1;
    ssize_t got;
    do got = recv(control, &answer, sizeof answer, 0);
    while (got < 0 && errno == EINTR);
    if (got != sizeof answer) return -1;
    if (was_killed) *was_killed = answer.was_killed;
    return answer.result;
}

int32_t sz_nursery_start(int32_t control, const sz_task *task, const int32_t files[FILES]) {
    const request r = {.starts = 1, .task = *task};
    return ask(control, &r, files, NULL);
}

int32_t sz_nursery_end(int32_t control, int32_t process, int32_t milliseconds, int32_t *was_killed) {
    const request r = {.process = process, .milliseconds = milliseconds};
    return ask(control, &r, NULL, was_killed);
}

/* The copies that have not been waited for. */
static struct { pid_t *items; int count; } copies;

static void remember(pid_t process) {
    pid_t *items = realloc(copies.items, sizeof *items * (size_t)(copies.count + 1));
    if (!items) return;
    copies.items = items;
    copies.items[copies.count++] = process;
}

static void forget(pid_t process) {
    for (int i = 0; i < copies.count; i++)
        if (copies.items[i] == process) copies.items[i] = copies.items[--copies.count];
}

static int is_copy(pid_t process) {
    for (int i = 0; i < copies.count; i++)
        if (copies.items[i] == process) return 1;
    return 0;
}

static reply end(pid_t process, int milliseconds) {
    reply answer = {.result = -1};
    if (!is_copy(process)) return answer;
    int status = 0, gone = 0;
    for (int waited = 0; !(gone = waitpid(process, &status, WNOHANG) == process) && waited < milliseconds; waited++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    if (!gone) {
        answer.was_killed = 1;
        kill(process, SIGKILL);
        while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
    }
    forget(process);
    answer.result = status;
    return answer;
}

int32_t sz_nursery_fork(int32_t *control) {
    int threads = 0, ends[2];
    DIR *folder = opendir("/proc/self/task");
    if (!folder) return -1;
    for (const struct dirent *entry; (entry = readdir(folder));) threads += entry->d_name[0] != '.';
    closedir(folder);
    if (threads != 1 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) return -1;
    const pid_t process = fork();
    const int own = process == 0 ? 1 : 0;
    close(ends[1 - own]);
    *control = ends[own];
    if (process < 0) close(ends[own]);
    if (process == 0) {
        prctl(PR_SET_NAME, "syzygy-nursery");
        const int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, 0);
        if (nothing > 0) close(nothing);
        dup2(2, 1);
    }
    return process;
}

int32_t sz_nursery_serve(int32_t control, sz_task *task, void (*prepare)(const sz_task *)) {
    request r;
    for (;;) {
        int files[FILES] = {-1, -1, -1, -1};
        if (!receive_request(control, &r, files)) break;
        reply answer = {0};
        if (r.starts) {
            prepare(&r.task);
            const pid_t process = fork();
            if (process == 0) {
                free(copies.items);
                copies.items = NULL;
                copies.count = 0;
                close(control);
                prctl(PR_SET_NAME, "syzygy-plugin");
                /* By way of numbers beyond these, which one of the descriptors may have now. */
                for (int i = 0; i < FILES; i++) dup2(files[i], FIRST_FILE + 100 + i);
                for (int i = 0; i < FILES; i++) close(files[i]);
                for (int i = 0; i < FILES; i++) {
                    dup2(FIRST_FILE + 100 + i, FIRST_FILE + i);
                    close(FIRST_FILE + 100 + i);
                }
                *task = r.task;
                return 1;
            }
            answer.result = process;
            if (process > 0) remember(process);
        } else {
            answer = end(r.process, r.milliseconds);
        }
        for (int i = 0; i < FILES; i++)
            if (files[i] >= 0) close(files[i]);
        if (send(control, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer) break;
    }
    while (copies.count) end(copies.items[0], 0);
    return 0;
}
