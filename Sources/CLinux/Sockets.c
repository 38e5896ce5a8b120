// Names, addresses, and sockets of this machine.
#define _GNU_SOURCE
#include "CLinux.h"

#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>

int chalk_resolve(const char *name, char *addresses, int limit) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(name, NULL, &hints, &list);
    if (error != 0) return error < 0 ? error : -error;
    int count = 0;
    for (struct addrinfo *entry = list; entry != NULL && count < limit; entry = entry->ai_next) {
        char *text = addresses + (size_t)count * INET6_ADDRSTRLEN;
        if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) == 0)
            count++;
    }
    freeaddrinfo(list);
    return count > 0 ? count : EAI_NONAME;
}

int chalk_peer_credentials(int fd, uid_t *uid, gid_t *gid, pid_t *pid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
    *uid = credentials.uid;
    *gid = credentials.gid;
    *pid = credentials.pid;
    return 0;
}

static int unix_address(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return 0;
}

int chalk_unix_connect(const char *path) {
    struct sockaddr_un address;
    if (unix_address(path, &address) != 0) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    // A daemon that accepts nobody: connect(2) would wait for ever once its queue is full.
    struct timeval limit = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int chalk_unix_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

ssize_t chalk_send(int fd, const void *bytes, size_t count) { return send(fd, bytes, count, MSG_NOSIGNAL); }

const char *chalk_host_name(void) {
    static _Thread_local char name[65];
    if (gethostname(name, sizeof name - 1) != 0) strcpy(name, "chalkbox");
    return name;
}

int chalk_unix_listen(const char *path, const char *group) {
    struct sockaddr_un address;
    if (unix_address(path, &address) != 0) return -1;
    int live = chalk_unix_connect(path);
    if (live >= 0) {
        close(live);
        errno = EADDRINUSE;
        return -1;
    }
    struct stat status;
    if (errno == ECONNREFUSED && lstat(path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) return errno = EEXIST, -1;
        unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    mode_t before = umask(0117);
    int failed = bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(before);
    if (failed == 0) failed = listen(fd, 16);
    if (failed != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    struct group *entry = getgrnam(group);
    if (entry != NULL && chown(path, (uid_t)-1, entry->gr_gid) != 0) {
        // Not permitted: the peer check still admits root and the daemon's own user.
    }
    return fd;
}

int chalk_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL || (path[0] != '/' && path[0] != '@')) return 0;
    struct sockaddr_un address;
    if (unix_address(path, &address) != 0) return -1;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@') address.sun_path[0] = 0;
    // Kept: a process without a descriptor to spare still has to feed the watchdog.
    static int fd = -1;
    if (fd < 0) fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    return sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0 ? -1 : 1;
}
