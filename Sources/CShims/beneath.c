#define _GNU_SOURCE
#include "beneath.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* As linux/openat2.h has them, which older headers lack. */
struct how { uint64_t flags, mode, resolve; };
enum { NO_MAGICLINKS = 0x02, BENEATH = 0x08 };

#define FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

static int32_t open_components(int32_t folder, const char *name) {
    char part[256];
    int32_t here = folder;
    for (;;) {
        const size_t length = strcspn(name, "/");
        int32_t next = -1;
        if (length >= sizeof part) {
            errno = ENAMETOOLONG;
        } else {
            memcpy(part, name, length);
            part[length] = 0;
            if (!length || !strcmp(part, "..")) errno = EXDEV;
            else next = openat(here, part, FLAGS | O_NOFOLLOW | (name[length] ? O_DIRECTORY : 0));
        }
        const int reason = errno;
        if (here != folder) close(here);
        errno = reason == ENOTDIR && next < 0 ? ELOOP : reason; /* O_DIRECTORY | O_NOFOLLOW says so of a link */
        if (next < 0 || !name[length]) return next;
        here = next;
        name += length + 1;
    }
}

int32_t sz_open_beneath(int32_t folder, const char *name, int32_t how) {
    struct how wanted = {.flags = FLAGS, .resolve = BENEATH | NO_MAGICLINKS};
    if (how == SZ_BENEATH_AUTOMATIC) {
        long file;
        int tries = 0;
        do file = syscall(437 /* openat2, on every architecture */, folder, name, &wanted, sizeof wanted);
        while (file < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < 16))); /* something was renamed meanwhile */
        /* EPERM: a filter of system calls that does not know it. */
        if (file >= 0 || (errno != ENOSYS && errno != EPERM && errno != EINVAL)) return (int32_t)file;
    }
    return open_components(folder, name);
}

typedef struct { uint64_t address; char device[16]; uint64_t inode; int found; } mapping;

static void find(mapping *wanted, int count) {
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) return;
    char line[4352];
    while (fgets(line, sizeof line, maps)) {
        uint64_t begin, end, inode;
        char device[16];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %15s %" SCNu64, &begin, &end, device, &inode) != 4) continue;
        for (int i = 0; i < count; i++) {
            if (wanted[i].address < begin || wanted[i].address >= end) continue;
            memcpy(wanted[i].device, device, sizeof device);
            wanted[i].inode = inode;
            wanted[i].found = 1;
        }
    }
    fclose(maps);
}

int32_t sz_is_other_library(void *handle, int32_t file) {
    struct link_map *library;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &library) || !library->l_ld) return -1;
    void *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, file, 0);
    if (page == MAP_FAILED) return -1;
    mapping both[2] = {{.address = (uint64_t)library->l_ld}, {.address = (uint64_t)page}};
    find(both, 2);
    munmap(page, 1);
    if (!both[0].found || !both[1].found) return -1;
    return both[0].inode != both[1].inode || strcmp(both[0].device, both[1].device) != 0;
}

const char *sz_library_path(void *handle) {
    struct link_map *library;
    return dlinfo(handle, RTLD_DI_LINKMAP, &library) ? NULL : library->l_name;
}

int32_t sz_has_access_list(int32_t file) { return fgetxattr(file, "system.posix_acl_access", NULL, 0) > 0; }

typedef struct { void (*each)(const char *, void *); void *context; } visit;

static int visit_object(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    const visit *v = context;
    v->each(object->dlpi_name, v->context);
    return 0;
}

void sz_loaded_objects(void (*each)(const char *path, void *context), void *context) {
    visit v = {each, context};
    dl_iterate_phdr(visit_object, &v);
}
