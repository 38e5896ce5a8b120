// network_namespaces(7) for tests: Swift's Glibc lacks what needs _GNU_SOURCE.
#pragma once

/// Gives the calling thread a network namespace of its own; a descriptor of the one it had, or -1 with errno.
int namespace_enter(void);

/// Back to the namespace of the descriptor, which is closed; aborts when that fails.
void namespace_leave(int home);

/// The calling thread gets a mount namespace of its own: what it mounts is seen by nobody else, and what others mount
/// from now on is not seen by it. Nothing happens without the right to it.
void namespace_own_mounts(void);
