#define _GNU_SOURCE
#include "CThreadWatch.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int watched = -1;
static atomic_long calls;
static atomic_long held_bytes;
static atomic_long peak_bytes;

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
    atomic_store(&held_bytes, 0);
    atomic_store(&peak_bytes, 0);
    atomic_store(&watched, thread);
}

long thread_watch_end(void) {
    atomic_store(&watched, -1);
    return atomic_load(&calls);
}

long thread_watch_peak_bytes(void) { return atomic_load(&peak_bytes); }

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

static inline bool is_watched(void) {
    return atomic_load_explicit(&watched, memory_order_relaxed) >= 0 && gettid() == atomic_load(&watched);
}

// One thread is watched, so nobody else changes these.
static void *took(void *block) {
    if (block == NULL || !is_watched()) return block;
    atomic_fetch_add(&calls, 1);
    long held = atomic_fetch_add(&held_bytes, malloc_usable_size(block)) + malloc_usable_size(block);
    if (held > atomic_load(&peak_bytes)) atomic_store(&peak_bytes, held);
    return block;
}

static inline void gives(void *block) {
    if (block != NULL && is_watched()) atomic_fetch_sub(&held_bytes, malloc_usable_size(block));
}

void *malloc(size_t size) { return took(__libc_malloc(size)); }

void *calloc(size_t number, size_t size) { return took(__libc_calloc(number, size)); }

void *realloc(void *block, size_t size) {
    long before = block != NULL && is_watched() ? malloc_usable_size(block) : 0;
    void *other = __libc_realloc(block, size);
    // A block that could not be had leaves the old one, and size 0 frees it (malloc(3)).
    if (before > 0 && (other != NULL || size == 0)) atomic_fetch_sub(&held_bytes, before);
    return took(other);
}

void free(void *block) {
    gives(block);
    __libc_free(block);
}

void *memalign(size_t alignment, size_t size) { return took(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *memory = memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *block = memory;
    return 0;
}
#endif
