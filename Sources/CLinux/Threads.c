// Threads, what they share, and the memory that each keeps.
#define _GNU_SOURCE
#include "CLinux.h"

#include <malloc.h>
#include <sys/syscall.h>

void chalk_limit_arenas(int arenas) { mallopt(M_ARENA_MAX, arenas); }

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

int chalk_thread_number(void) { return (int)syscall(SYS_gettid); }
