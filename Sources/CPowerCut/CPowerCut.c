#include "CPowerCut.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    sqlite3_file base;
    const char *path;
    /// In the memory behind this struct.
    sqlite3_file *real;
    ino_t inode;
} watched_file;

static sqlite3_vfs *below;
static sqlite3_vfs vfs;
static sqlite3_io_methods methods;
static int (*open_directory)(const char *, int *);

/// Who is asked, and about which files.
typedef struct {
    char root[4096];
    power_cut_hook hook;
    void *context;
} watch;

static watch of_process;
static _Thread_local watch of_thread;
static ino_t bad_inode;
static int64_t bad_offset;

static sqlite3_file *real(sqlite3_file *file) { return ((watched_file *)file)->real; }

static int ask(
    enum power_cut_operation operation, const char *path, int64_t offset, const void *bytes, int64_t count) {
    const watch *asked = of_thread.hook != NULL ? &of_thread : &of_process;
    if (asked->hook == NULL || path == NULL || strncmp(path, asked->root, strlen(asked->root)) != 0) return 0;
    return asked->hook(asked->context, operation, path, offset, bytes, count);
}

/// As os_unix.c reports them: a full disk has a code of its own.
static int refused(int error, int code) { return error == ENOSPC ? SQLITE_FULL : code; }

static int watched_close(sqlite3_file *file) { return real(file)->pMethods->xClose(real(file)); }

static int watched_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    if (bad_inode != 0 && ((watched_file *)file)->inode == bad_inode && offset <= bad_offset
        && bad_offset < offset + count)
        return SQLITE_IOERR_READ;
    return real(file)->pMethods->xRead(real(file), bytes, count, offset);
}

static int watched_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    int error = ask(POWER_CUT_WRITE, ((watched_file *)file)->path, offset, bytes, count);
    if (error != 0) return refused(error, SQLITE_IOERR_WRITE);
    return real(file)->pMethods->xWrite(real(file), bytes, count, offset);
}

static int watched_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int error = ask(POWER_CUT_TRUNCATE, ((watched_file *)file)->path, size, NULL, 0);
    if (error != 0) return refused(error, SQLITE_IOERR_TRUNCATE);
    return real(file)->pMethods->xTruncate(real(file), size);
}

static int watched_sync(sqlite3_file *file, int flags) {
    int error = ask(POWER_CUT_SYNC, ((watched_file *)file)->path, 0, NULL, 0);
    if (error != 0) return refused(error, SQLITE_IOERR_FSYNC);
    return real(file)->pMethods->xSync(real(file), flags);
}

static int watched_size(sqlite3_file *file, sqlite3_int64 *size) {
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int watched_lock(sqlite3_file *file, int lock) { return real(file)->pMethods->xLock(real(file), lock); }

static int watched_unlock(sqlite3_file *file, int lock) { return real(file)->pMethods->xUnlock(real(file), lock); }

static int watched_reserved(sqlite3_file *file, int *result) {
    return real(file)->pMethods->xCheckReservedLock(real(file), result);
}

static int watched_control(sqlite3_file *file, int operation, void *argument) {
    return real(file)->pMethods->xFileControl(real(file), operation, argument);
}

static int watched_sector(sqlite3_file *file) { return real(file)->pMethods->xSectorSize(real(file)); }

static int watched_device(sqlite3_file *file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }

static int watched_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}

static int watched_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void watched_barrier(sqlite3_file *file) { real(file)->pMethods->xShmBarrier(real(file)); }

static int watched_unmap(sqlite3_file *file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }

static int watched_open(sqlite3_vfs *self, const char *path, sqlite3_file *file, int flags, int *result) {
    (void)self;
    watched_file *watched = (watched_file *)file;
    memset(watched, 0, sizeof *watched);
    watched->path = path;
    watched->real = (sqlite3_file *)(watched + 1);
    if ((flags & SQLITE_OPEN_CREATE) != 0 && path != NULL && access(path, F_OK) != 0) {
        int error = ask(POWER_CUT_CREATE, path, 0, NULL, 0);
        if (error != 0) return refused(error, SQLITE_CANTOPEN);
    }
    int code = below->xOpen(below, path, watched->real, flags, result);
    if (watched->real->pMethods != NULL) file->pMethods = &methods;
    struct stat status;
    if (path != NULL && stat(path, &status) == 0) watched->inode = status.st_ino;
    return code;
}

static int watched_delete(sqlite3_vfs *self, const char *path, int sync) {
    (void)self;
    int error = access(path, F_OK) == 0 ? ask(POWER_CUT_REMOVE, path, 0, NULL, 0) : 0;
    if (error != 0) return refused(error, SQLITE_IOERR_DELETE);
    return below->xDelete(below, path, sync);
}

/// os_unix.c opens a directory for nothing but to sync it.
static int watched_directory(const char *path, int *descriptor) {
    if (ask(POWER_CUT_SYNC_DIRECTORY, path, 0, NULL, 0) != 0) return SQLITE_CANTOPEN;
    return open_directory(path, descriptor);
}

static void install(void) {
    below = sqlite3_vfs_find(NULL);
    open_directory = (int (*)(const char *, int *))below->xGetSystemCall(below, "openDirectory");
    below->xSetSystemCall(below, "openDirectory", (sqlite3_syscall_ptr)watched_directory);
    methods = (sqlite3_io_methods){
        .iVersion = 2,
        .xClose = watched_close,
        .xRead = watched_read,
        .xWrite = watched_write,
        .xTruncate = watched_truncate,
        .xSync = watched_sync,
        .xFileSize = watched_size,
        .xLock = watched_lock,
        .xUnlock = watched_unlock,
        .xCheckReservedLock = watched_reserved,
        .xFileControl = watched_control,
        .xSectorSize = watched_sector,
        .xDeviceCharacteristics = watched_device,
        .xShmMap = watched_map,
        .xShmLock = watched_shm_lock,
        .xShmBarrier = watched_barrier,
        .xShmUnmap = watched_unmap,
    };
    vfs = *below;
    vfs.zName = "power-cut";
    vfs.szOsFile = (int)sizeof(watched_file) + below->szOsFile;
    vfs.xOpen = watched_open;
    vfs.xDelete = watched_delete;
    sqlite3_vfs_register(&vfs, 1);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

void power_cut_bad_sector(const char *path, int64_t offset) {
    pthread_once(&once, install);
    struct stat status;
    bad_inode = path != NULL && stat(path, &status) == 0 ? status.st_ino : 0;
    bad_offset = offset;
}

void power_cut_watch(const char *path, bool is_for_thread, power_cut_hook asked, void *passed) {
    pthread_once(&once, install);
    watch *changed = is_for_thread ? &of_thread : &of_process;
    changed->hook = NULL;
    snprintf(changed->root, sizeof changed->root, "%s", path == NULL ? "" : path);
    changed->context = passed;
    changed->hook = asked;
}
