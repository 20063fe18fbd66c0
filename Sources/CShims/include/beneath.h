/* Files of a folder that nothing outside the folder can stand in for, and which file a loaded library is. */
#ifndef SZ_BENEATH_H
#define SZ_BENEATH_H
#include <stdint.h>

enum { SZ_BENEATH_AUTOMATIC = 0, SZ_BENEATH_WITHOUT_OPENAT2 = 1 };

/* Opens `name`, relative to the open folder, for reading. Links may lead within the folder, not out of it (errno EXDEV). Where the
 * kernel has no openat2, or `how` says so, the path is opened one component at a time and no link is followed (errno ELOOP).
 * Returns a descriptor, closed on exec, or -1. */
int32_t sz_open_beneath(int32_t folder, const char *name, int32_t how);

/* Whether another file than the open one is mapped where a library of this handle lies: 0 the same, 1 another, -1 not known. Both
 * are looked up in the list of mappings, since file systems such as overlayfs say other devices there than to fstat. */
int32_t sz_is_other_library(void *handle, int32_t file);

/* The path of the file that a library was loaded from, as the dynamic linker knows it. */
const char *sz_library_path(void *handle);

/* Whether an open file has an access control list beside its mode. */
int32_t sz_has_access_list(int32_t file);

/* Visits the paths of all libraries that are loaded. */
void sz_loaded_objects(void (*each)(const char *path, void *context), void *context);
#endif
