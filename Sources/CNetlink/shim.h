// The C surface that Swift sees of libnl and of the kernel's own headers, and what Swift cannot import of them.
// libnl's core and generic parts do: sockets, dumps, attributes. Its libnl-route would add its object caches and a
// package of 0.6 MB to read six attributes of three messages.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/nl80211.h>
#include <linux/rtnetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/family.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

/// Whether a message waited, which is thrown away: 1; 0 when none does; -1 when the kernel had to drop some
/// (ENOBUFS) or the socket failed. It never blocks.
static inline int chalk_netlink_discard(int fd) {
    char byte;
    for (;;) {
        // A datagram longer than the buffer is cut, and gone as a whole (netlink(7), recv(2)).
        if (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0) return 1;
        if (errno != EINTR) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
}

/// Bounds the waits for an answer (SO_RCVTIMEO; libnl then says NLE_AGAIN).
static inline int chalk_netlink_answer_within(struct nl_sock *socket, int64_t milliseconds) {
    struct timeval time = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    return setsockopt(nl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}
