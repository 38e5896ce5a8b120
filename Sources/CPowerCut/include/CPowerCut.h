// An SQLite VFS (sqlite.org/vfs.html) over the usual one: it asks before each change of the disk.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum power_cut_operation {
    POWER_CUT_CREATE,
    POWER_CUT_WRITE,
    POWER_CUT_TRUNCATE, // to `offset` bytes
    POWER_CUT_SYNC,
    POWER_CUT_SYNC_DIRECTORY, // `path` is a file in it
    POWER_CUT_REMOVE,
};

/// Answers 0 to let the change happen, or the errno with which it fails.
typedef int (*power_cut_hook)(
    void *context, enum power_cut_operation operation, const char *path, int64_t offset, const uint8_t *bytes,
    int64_t count);

/// Makes the VFS SQLite's default, once, and asks `hook` about files whose path begins with `root`; null: no one.
/// Shared memory (`-shm`) is no part of it: nothing of that outlives a power cut. For the calling thread alone, or for
/// all threads that have no hook of their own.
void power_cut_watch(const char *root, bool is_for_thread, power_cut_hook hook, void *context);

/// From now on the byte at `offset` of the file that is `path` now cannot be read, whatever its name; null: every byte
/// can.
void power_cut_bad_sector(const char *path, int64_t offset);
