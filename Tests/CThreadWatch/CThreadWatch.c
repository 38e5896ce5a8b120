#define _GNU_SOURCE
#include "CThreadWatch.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int watched = -1;
static atomic_long calls;

int thread_watch_find(const char *name) {
    DIR *directory = opendir("/proc/self/task");
    if (directory == NULL) return -1;
    int found = -1;
    for (struct dirent *entry; found < 0 && (entry = readdir(directory)) != NULL;) {
        char path[300], line[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue;
        if (fgets(line, sizeof line, file) != NULL) line[strcspn(line, "\n")] = 0;
        fclose(file);
        if (strcmp(line, name) == 0) found = atoi(entry->d_name);
    }
    closedir(directory);
    return found;
}

void thread_watch_begin(int thread) {
    atomic_store(&calls, 0);
    atomic_store(&watched, thread);
}

long thread_watch_end(void) {
    atomic_store(&watched, -1);
    return atomic_load(&calls);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(SANITIZED)
bool thread_watch_available(void) { return false; }
#else
bool thread_watch_available(void) { return true; }

// glibc lets a program define malloc itself ("Replacing malloc" in its manual) and keeps its own under these names.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static inline void count(void) {
    if (atomic_load_explicit(&watched, memory_order_relaxed) >= 0 && gettid() == atomic_load(&watched))
        atomic_fetch_add(&calls, 1);
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
    count();
    return __libc_realloc(block, size);
}

void free(void *block) { __libc_free(block); }

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *memory = memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *block = memory;
    return 0;
}
#endif
