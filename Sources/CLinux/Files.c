// Files and directories.
#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/file.h>

int chalk_open(const char *path, int flags, unsigned int mode) {
    return open(path, flags | O_CLOEXEC, mode);
}

int chalk_open_regular(const char *path, int flags, unsigned int mode) {
    struct stat status;
    // Looked at before as well: to open a device may set it going.
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode)) {
        int fd = chalk_open(path, flags | O_NONBLOCK, mode);
        if (fd < 0) return -1;
        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) return fd;
        close(fd);
    }
    errno = S_ISDIR(status.st_mode) ? EISDIR : CHALK_IRREGULAR;
    return -1;
}

bool chalk_is_irregular(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

static char output_path[PATH_MAX], output_part[PATH_MAX + 8];

// Async-signal-safe.
static void remove_part(int number) {
    unlink(output_part);
    raise(number);
}

static void remove_part_when_ended(void) {
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction action = {.sa_handler = remove_part, .sa_flags = SA_RESETHAND}, before;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(ends[i], &action, NULL);
}

const char *chalk_output_target(const char *path, int *kind) {
    struct stat status;
    *kind = CHALK_OUTPUT_NEW;
    if (stat(path, &status) == 0) {
        if (S_ISDIR(status.st_mode)) return errno = EISDIR, NULL;
        *kind = S_ISREG(status.st_mode) ? CHALK_OUTPUT_FILE : CHALK_OUTPUT_STRAIGHT;
        if (*kind == CHALK_OUTPUT_STRAIGHT) return path;
    } else if (errno != ENOENT || *path == 0) {
        return NULL;
    }
    if (strlen(path) >= PATH_MAX) return errno = ENAMETOOLONG, NULL;
    strcpy(output_path, path);
    char link[PATH_MAX];
    for (ssize_t length; (length = readlink(output_path, link, sizeof link - 1)) >= 0;) {
        link[length] = 0;
        char *slash = strrchr(output_path, '/'), *name = slash == NULL || *link == '/' ? output_path : slash + 1;
        if (name - output_path + length >= PATH_MAX) return errno = ENAMETOOLONG, NULL;
        strcpy(name, link);
    }
    strcat(strcpy(output_part, output_path), ".part");
    remove_part_when_ended();
    return output_path;
}

int chalk_file_status(int fd, int64_t *size, unsigned int *mode, unsigned int *owner) {
    struct stat status;
    if (fstat(fd, &status) != 0) return -1;
    *size = status.st_size;
    *mode = status.st_mode & 07777;
    *owner = status.st_uid;
    return 0;
}

int chalk_file_place(
    const char *path, int fd, uint64_t *device, uint64_t *number, int64_t *size, int64_t *modified, bool *regular) {
    struct stat status;
    if ((path ? stat(path, &status) : fstat(fd, &status)) != 0) return -1;
    *device = status.st_dev;
    *number = status.st_ino;
    *size = status.st_size;
    *modified = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
    *regular = S_ISREG(status.st_mode);
    return 0;
}

int chalk_lock(const char *path, int *holder) {
    *holder = -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    struct stat status;
    FILE *locks = NULL;
    if (errno == EWOULDBLOCK) {
        *holder = 0;
        locks = fstat(fd, &status) == 0 ? fopen("/proc/locks", "re") : NULL;
    }
    close(fd);
    char line[256];
    while (locks && fgets(line, sizeof line, locks)) {
        int process;
        unsigned long number;
        if (sscanf(line, "%*s FLOCK %*s %*s %d %*x:%*x:%lu", &process, &number) == 2 && number == status.st_ino)
            *holder = process;
    }
    if (locks) fclose(locks);
    return -1;
}

int64_t chalk_free_bytes(const char *path) {
    struct statvfs status;
    if (statvfs(path, &status) != 0) return -1;
    return (int64_t)status.f_bavail * (int64_t)status.f_frsize;
}

int chalk_list_directory(const char *path, void (*visit)(const char *name, void *context), void *context) {
    DIR *directory = opendir(path);
    if (directory == NULL) return -1;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) visit(entry->d_name, context);
    closedir(directory);
    return 0;
}

int chalk_write_all(int fd, const void *bytes, size_t count) {
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = write(fd, next, count);
        if (written < 0) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            // Standard output may be a pipe that somebody else made non-blocking; a log waits for nobody.
            if (errno == EINTR || (errno == EAGAIN && fd == STDOUT_FILENO && poll(&room, 1, -1) > 0)) continue;
            return -1;
        }
        next += written;
        count -= (size_t)written;
    }
    return 0;
}
