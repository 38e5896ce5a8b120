// Test only: counts what one thread allocates, and the memory that it holds.
#pragma once
#include <stdbool.h>

/// Whether this build can count: a sanitizer brings an allocator of its own.
bool thread_watch_available(void);

/// The kernel's number of this process's thread with that name (as pthread_setname_np gave it); -1 when none has it.
int thread_watch_find(const char *name);

/// Counts the calls of malloc, calloc, realloc and the aligned ones that this thread makes from now on.
void thread_watch_begin(int thread);

/// Ends the counting; the number of calls.
long thread_watch_end(void);

/// Bytes that the thread held at most, beyond what it had when the counting began: what it allocated and has not freed.
long thread_watch_peak_bytes(void);
