#define _GNU_SOURCE
#include "CNamespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

int namespace_enter(void) {
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0) return -1;
    if (unshare(CLONE_NEWNET) == 0) return home;
    int error = errno;
    close(home);
    errno = error;
    return -1;
}

void namespace_leave(int home) {
    if (setns(home, CLONE_NEWNET) != 0) abort();
    close(home);
}

void namespace_own_mounts(void) {
    // A thread that shares its working directory with others cannot leave their namespace.
    if (unshare(CLONE_FS | CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) abort();
}
