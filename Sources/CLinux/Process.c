// The process itself: its arguments, its signals, and what the service manager asks of it.
#define _GNU_SOURCE
#include "CLinux.h"

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

const char *chalk_installed(const char *name) {
    static char path[PATH_MAX + 64];
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    path[length < 0 ? 0 : length] = 0;
    for (int part = 0; part < 2; part++) {
        char *slash = strrchr(path, '/');
        if (slash != NULL) *slash = 0;
    }
    return strncat(path, name, 63);
}

const char *chalk_become_script(const char *name) {
    char script[64] = "/libexec/chalkbox/";
    char *path = (char *)chalk_installed(strncat(script, name, 32));
    if (argument_count > 1) {
        arguments[1] = path;
        execv(path, arguments + 1);
    }
    return path;
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

int64_t chalk_watchdog_microseconds(void) {
    const char *owner = getenv("WATCHDOG_PID");
    if (owner != NULL && strtoll(owner, NULL, 10) != (long long)getpid()) return 0;
    const char *interval = getenv("WATCHDOG_USEC");
    return interval == NULL ? 0 : strtoll(interval, NULL, 10);
}
