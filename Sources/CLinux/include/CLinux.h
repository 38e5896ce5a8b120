// The part of Linux and glibc that the product calls, as C functions that Swift can import: Embedded Swift has
// no Glibc overlay, and variadic functions, macros and `errno` do not cross the boundary.
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/// The program's arguments, caught by a constructor before `main` (glibc passes argc, argv and envp to
/// `.init_array` functions): Embedded Swift has no `CommandLine`. Closed standard descriptors are taken as well.
int chalk_argument_count(void);
const char *chalk_argument(int index);

/// Where a package has installed `name`, such as `/share/chalkbox/transcript.html`: beside the program's directory. The
/// text is the next call's, too.
const char *chalk_installed(const char *name);

/// Becomes the script `name` in `../libexec/chalkbox` beside the program (execv(2)), with the arguments after the first,
/// which named it. Returns only when that fails: the script's path, with errno.
const char *chalk_become_script(const char *name);

/// The calling thread's `errno`, which is a macro in C.
int chalk_errno(void);

/// `open(2)` and `fcntl(2)` without their variadic tails.
int chalk_open(const char *path, int flags, unsigned int mode);

/// Opens a regular file and nothing else, without waiting: a FIFO would wait for somebody at its other end, and a device
/// may never end. -1 with errno: EISDIR, or CHALK_IRREGULAR, which chalk_error_text knows as well.
int chalk_open_regular(const char *path, int flags, unsigned int mode);
#define CHALK_IRREGULAR 1000

/// Whether there is something of that name that is neither a regular file nor a directory.
bool chalk_is_irregular(const char *path);

/// What a command's `-o` names, symbolic links followed, in memory of its own; NULL with errno. Signals that end the
/// process then also remove the file of that name with `.part` behind it.
const char *chalk_output_target(const char *path, int *kind);
/// Nothing is there yet; a regular file is; a device, FIFO or the like, which is opened and written to as it is.
#define CHALK_OUTPUT_NEW 0
#define CHALK_OUTPUT_FILE 1
#define CHALK_OUTPUT_STRAIGHT 2

/// Size, permission bits and owner of an open file. 0, or -1 with errno.
int chalk_file_status(int fd, int64_t *size, unsigned int *mode, unsigned int *owner);

/// Which file a path (stat(2)) or, without one, a descriptor leads to: its device and number in one value each, its size,
/// and whether it is a regular file. 0, or -1 with errno.
int chalk_file_place(
    const char *path, int fd, uint64_t *device, uint64_t *number, int64_t *size, int64_t *modified, bool *regular);

/// Opens a directory and locks it for this process alone (flock(2)), without waiting: the descriptor. -1 when another has
/// it, with its number in `holder`, or 0 when it is not known (proc_locks(5)); -1 and -1 when it cannot be locked.
int chalk_lock(const char *path, int *holder);

/// Bytes that an unprivileged process may still write to the file system that holds `path`; -1 with errno.
int64_t chalk_free_bytes(const char *path);

/// The names in a directory, `.` and `..` left out, one after the other: `visit` gets each.
int chalk_list_directory(const char *path, void (*visit)(const char *name, void *context), void *context);

/// Writes to a file descriptor whatever of `bytes` it takes; retries on EINTR. 0, or -1 with errno.
int chalk_write_all(int fd, const void *bytes, size_t count);

/// The addresses of a name in numeric form, for stream sockets, in the order of RFC 6724: at most `limit` strings of
/// `INET6_ADDRSTRLEN` (46) bytes each in `addresses`. Blocks for as long as the resolver tries. The count, or the
/// negative EAI_* code of getaddrinfo(3).
int chalk_resolve(const char *name, char *addresses, int limit);

/// glibc gives threads arenas of their own, up to eight a core, and each keeps what it once took (mallopt(3),
/// M_ARENA_MAX). For the whole process, before the first thread.
void chalk_limit_arenas(int arenas);

/// A detached-state-joinable thread. `realtime_priority` > 0 asks for SCHED_FIFO with that priority and falls
/// back to the normal scheduler when that is not permitted; `*realtime` then says which it became.
int chalk_thread_start(pthread_t *thread, const char *name, int realtime_priority, bool *realtime,
                       void *(*body)(void *), void *context);

/// A mutex with a fixed address, made on the heap. Aborts when there is no memory.
pthread_mutex_t *chalk_mutex_create(void);
void chalk_mutex_destroy(pthread_mutex_t *mutex);

/// Blocks the signals that the daemon reads from a signalfd (SIGTERM, SIGINT, SIGQUIT; SIGHUP, SIGUSR1, SIGUSR2) in
/// every thread started later, ignores SIGPIPE, and returns the signalfd; -1 with errno.
int chalk_signal_descriptor(void);

/// A trap in Embedded Swift is a silent SIGILL. This writes the signal and the address to stderr before the
/// process dies of it, so that the `.debug` file can name the line. SIGXFSZ is ignored.
void chalk_report_faults(void);

/// Credentials of the peer of a UNIX socket (SO_PEERCRED). 0, or -1 with errno.
int chalk_peer_credentials(int fd, uid_t *uid, gid_t *gid, pid_t *pid);

/// Whether `uid`'s groups (its primary group or the group database) contain the group named `group`.
bool chalk_user_in_group(uid_t uid, gid_t gid, const char *group);

/// Takes on a user's rights (for root only). True also when there is no such user, or it is this process's own.
bool chalk_become(const char *user);
/// The name of the user whose rights this process has.
const char *chalk_user_name(void);

/// Binds and listens on a UNIX stream socket, replacing a stale socket file but never one with a live
/// listener (EADDRINUSE). Mode 0660, group `group` where it exists. The descriptor, or -1 with errno.
int chalk_unix_listen(const char *path, const char *group);
int chalk_unix_connect(const char *path);

/// The next caller as a non-blocking descriptor, or -1 with errno.
int chalk_unix_accept(int fd);

/// `send(2)` without SIGPIPE.
ssize_t chalk_send(int fd, const void *bytes, size_t count);

/// This machine's host name, or `chalkbox`; the thread's own buffer.
const char *chalk_host_name(void);

/// `sd_notify(3)`'s protocol: sends `state` to $NOTIFY_SOCKET. 1 sent, 0 nobody listens, -1 with errno. For
/// one thread; its socket stays open.
int chalk_notify(const char *state);

/// sd_watchdog_enabled(3): how long the service manager waits for `WATCHDOG=1`; 0 when it does not.
int64_t chalk_watchdog_microseconds(void);

/// The calling thread's number, as /proc/self/task has it (gettid(2)).
int chalk_thread_number(void);

/// Whether the kernel says that the clock is synchronised (adjtimex(2), STA_UNSYNC clear), or where it may not be asked,
/// systemd-timesyncd.
bool chalk_clock_synchronised(void);

/// `strerror_r` into a buffer owned by the thread; never NULL.
const char *chalk_error_text(int error);

int chalk_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int chalk_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token);
int chalk_epoll_remove(int epoll, int fd);

/// `epoll_wait(2)` without its packed union: fills at most `capacity` tokens and event masks; the count, or -1.
int chalk_epoll_wait(int epoll, uint64_t *tokens, uint32_t *events, int capacity);

/// Sets a CLOCK_MONOTONIC timerfd to an absolute time; 0 disarms it.
int chalk_timer_set(int fd, int64_t absolute_milliseconds);
int64_t chalk_monotonic_milliseconds(void);
int64_t chalk_wall_milliseconds(void);
#ifndef CHALKBOX_EMBEDDED
/// For simulations: from now on these are the calling thread's clocks; 0: the machine's are.
void chalk_simulate_clocks(int64_t monotonic_milliseconds, int64_t wall_milliseconds);
#endif

/// Double from its shortest decimal text in the C locale; the hook that Embedded Swift's `Double(String)` calls.
const char *_swift_stdlib_strtod_clocale(const char *text, double *value);
