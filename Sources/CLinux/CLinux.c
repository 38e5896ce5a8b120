#define _GNU_SOURCE
#include "CLinux.h"

#include <grp.h>
#include <locale.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <ucontext.h>

static int argument_count;
static char **arguments;

__attribute__((constructor)) static void keep_arguments(int argc, char **argv, char **envp) {
    (void)envp;
    argument_count = argc;
    arguments = argv;
    // Who starts a program without a standard output must not find it written into the first file that is opened.
    int fd;
    do fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int chalk_argument_count(void) { return argument_count; }

const char *chalk_argument(int index) {
    return index >= 0 && index < argument_count ? arguments[index] : "";
}

const char *chalk_become_script(const char *name) {
    static char path[PATH_MAX + 64];
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    path[length < 0 ? 0 : length] = 0;
    for (int part = 0; part < 2; part++) {
        char *slash = strrchr(path, '/');
        if (slash != NULL) *slash = 0;
    }
    strcat(path, "/libexec/chalkbox/");
    strncat(path, name, 32);
    if (argument_count > 1) {
        arguments[1] = path;
        execv(path, arguments + 1);
    }
    return path;
}

int chalk_errno(void) { return errno; }

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

void chalk_limit_arenas(int arenas) { mallopt(M_ARENA_MAX, arenas); }

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

int chalk_thread_start(pthread_t *thread, const char *name, int realtime_priority, bool *realtime,
                       void *(*body)(void *), void *context) {
    *realtime = false;
    int error = EPERM;
    if (realtime_priority > 0) {
        pthread_attr_t attributes;
        struct sched_param parameter = {.sched_priority = realtime_priority};
        pthread_attr_init(&attributes);
        pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
        pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
        pthread_attr_setschedparam(&attributes, &parameter);
        error = pthread_create(thread, &attributes, body, context);
        pthread_attr_destroy(&attributes);
        *realtime = error == 0;
    }
    if (error != 0) error = pthread_create(thread, NULL, body, context);
    if (error == 0) pthread_setname_np(*thread, name);
    return error;
}

pthread_mutex_t *chalk_mutex_create(void) {
    pthread_mutex_t *mutex = malloc(sizeof *mutex);
    if (mutex == NULL || pthread_mutex_init(mutex, NULL) != 0) abort();
    return mutex;
}

void chalk_mutex_destroy(pthread_mutex_t *mutex) {
    pthread_mutex_destroy(mutex);
    free(mutex);
}

int chalk_signal_descriptor(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGQUIT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0) return -1;
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Async-signal-safe: only write(2) and arithmetic.
static void report_fault(int number, siginfo_t *info, void *context) {
    static const char digits[] = "0123456789abcdef";
    char line[] = "<2>chalkbox: fatal signal 00 at 0x0000000000000000\n";
    uintptr_t address = (uintptr_t)info->si_addr;
    (void)context;
    char *field = strstr(line, " 00 ");
    field[1] = (char)('0' + number / 10);
    field[2] = (char)('0' + number % 10);
    char *last = line + sizeof line - 3;
    for (int i = 0; i < 16; i++, address >>= 4) last[-i] = digits[address & 15];
    ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

void chalk_report_faults(void) {
    struct sigaction action = {.sa_sigaction = report_fault, .sa_flags = SA_SIGINFO | SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    // A file over the limit (ulimit -f) is an error of the write.
    signal(SIGXFSZ, SIG_IGN);
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

bool chalk_user_in_group(uid_t uid, gid_t gid, const char *group) {
    struct group *entry = getgrnam(group);
    if (entry == NULL) return false;
    gid_t wanted = entry->gr_gid;
    if (gid == wanted) return true;
    struct passwd *user = getpwuid(uid);
    if (user == NULL) return false;
    gid_t groups[64];
    int count = 64;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0) count = 64;
    for (int i = 0; i < count; i++)
        if (groups[i] == wanted) return true;
    return false;
}

bool chalk_become(const char *user) {
    struct passwd *entry = getpwnam(user);
    if (entry == NULL || geteuid() == entry->pw_uid) return true;
    return initgroups(user, entry->pw_gid) == 0 && setegid(entry->pw_gid) == 0 && seteuid(entry->pw_uid) == 0;
}

const char *chalk_user_name(void) {
    struct passwd *entry = getpwuid(geteuid());
    return entry == NULL ? "without a name" : entry->pw_name;
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

int64_t chalk_watchdog_microseconds(void) {
    const char *owner = getenv("WATCHDOG_PID");
    if (owner != NULL && strtoll(owner, NULL, 10) != (long long)getpid()) return 0;
    const char *interval = getenv("WATCHDOG_USEC");
    return interval == NULL ? 0 : strtoll(interval, NULL, 10);
}

int chalk_thread_number(void) { return (int)syscall(SYS_gettid); }

bool chalk_clock_synchronised(void) {
    struct timex state = {0};
    if (adjtimex(&state) >= 0) return (state.status & STA_UNSYNC) == 0;
    // A sandbox that protects the clock refuses the question as well: systemd-timesyncd makes this file for others.
    return access("/run/systemd/timesync/synchronized", F_OK) == 0;
}

const char *chalk_error_text(int error) {
    static _Thread_local char text[128];
    if (error == CHALK_IRREGULAR) return "It is a pipe, a socket or a device, not a regular file";
    return strerror_r(error, text, sizeof text);
}

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, fd, &event);
}

int chalk_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, fd, events, token);
}

int chalk_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, fd, events, token);
}

int chalk_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int chalk_epoll_wait(int epoll, uint64_t *tokens, uint32_t *events, int capacity) {
    struct epoll_event ready[64];
    int count = epoll_wait(epoll, ready, capacity < 64 ? capacity : 64, -1);
    for (int i = 0; i < count; i++) {
        tokens[i] = ready[i].data.u64;
        events[i] = ready[i].events;
    }
    return count;
}

static int64_t milliseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t chalk_monotonic_milliseconds(void) { return milliseconds(CLOCK_MONOTONIC); }
int64_t chalk_wall_milliseconds(void) { return milliseconds(CLOCK_REALTIME); }

int chalk_timer_set(int fd, int64_t absolute_milliseconds) {
    struct itimerspec setting = {0};
    setting.it_value.tv_sec = absolute_milliseconds / 1000;
    setting.it_value.tv_nsec = (absolute_milliseconds % 1000) * 1000000;
    return timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL);
}

const char *_swift_stdlib_strtod_clocale(const char *text, double *value) {
    static locale_t c_locale;
    if (c_locale == NULL) c_locale = newlocale(LC_ALL_MASK, "C", NULL);
    char *end;
    *value = strtod_l(text, &end, c_locale);
    return end == text ? NULL : end;
}
