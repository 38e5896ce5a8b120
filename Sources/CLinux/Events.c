// What the loops wait for, and the clocks.
#define _GNU_SOURCE
#include "CLinux.h"

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

#ifndef CHALKBOX_EMBEDDED
static _Thread_local int64_t simulated_milliseconds[2];

void chalk_simulate_clocks(int64_t monotonic_milliseconds, int64_t wall_milliseconds) {
    simulated_milliseconds[0] = monotonic_milliseconds;
    simulated_milliseconds[1] = wall_milliseconds;
}
#endif

static int64_t milliseconds(clockid_t clock) {
#ifndef CHALKBOX_EMBEDDED
    int64_t simulated = simulated_milliseconds[clock == CLOCK_REALTIME];
    if (simulated != 0) return simulated;
#endif
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

bool chalk_clock_synchronised(void) {
    struct timex state = {0};
    if (adjtimex(&state) >= 0) return (state.status & STA_UNSYNC) == 0;
    // A sandbox that protects the clock refuses the question as well: systemd-timesyncd makes this file for others.
    return access("/run/systemd/timesync/synchronized", F_OK) == 0;
}
