// The C surface that Swift sees of this library: its own header, and what Swift cannot import.
#pragma once
#include <stdbool.h>
#include <errno.h>
#include <libwebsockets.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/// `errno` is a macro.
static inline int chalk_lws_errno(void) { return errno; }

/// LWS_PRE is an expression of macros.
static inline size_t chalk_lws_pre(void) { return LWS_PRE; }

/// LLL_* are expressions of macros. `diagnosing` adds the levels that carry the reason of a failed connect(2).
static inline int chalk_lws_levels(bool diagnosing) {
    return diagnosing ? LLL_ERR | LLL_NOTICE | LLL_DEBUG : LLL_ERR;
}

/// CONTEXT_PORT_NO_LISTEN and the options are macros. The struct's strings are borrowed for the call only.
/// `ca_file` NULL: the system's certificates.
static inline struct lws_context *chalk_lws_create(const struct lws_protocols *protocols, const char *ca_file,
                                                   void *user) {
    struct lws_context_creation_info info = {0};
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.user = user;
    info.gid = (gid_t)-1;
    info.uid = (uid_t)-1;
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    if (ca_file != NULL) {
        info.client_ssl_ca_filepath = ca_file;
        info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    }
    // Otherwise $http_proxy would decide, for https and loopback as well.
    info.http_proxy_address = "";
    // A handful of connections: without it the tables are made for as many as RLIMIT_NOFILE allows.
    info.fd_limit_per_thread = 24;
    info.max_http_header_pool = 8;
    info.pt_serv_buf_size = 4096;
    // For each address of a name, and for each step of the handshake.
    info.timeout_secs = 6;
    info.connect_timeout_secs = 12;
    return lws_create_context(&info);
}

/// A second way out of the same context, which shows a certificate of its own in TLS (PEM files). NULL when the files
/// are none. Its strings are borrowed for the call only.
static inline struct lws_vhost *chalk_lws_identity(struct lws_context *context, const struct lws_protocols *protocols,
                                                   const char *ca_file, const char *certificate, const char *key) {
    struct lws_context_creation_info info = {0};
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.vhost_name = "identity";
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    if (ca_file != NULL) {
        info.client_ssl_ca_filepath = ca_file;
        info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    }
    info.client_ssl_cert_filepath = certificate;
    info.client_ssl_private_key_filepath = key;
    info.http_proxy_address = "";
    info.timeout_secs = 6;
    info.connect_timeout_secs = 12;
    return lws_create_vhost(context, &info);
}

/// `vhost` NULL: the context's own. `protocol` names the callback; `identifier` comes back as the connection's user pointer. `method` NULL: a
/// WebSocket. Without ALPN's h2, without following redirects: a redirect is an answer. NULL on failure, without a
/// callback.
static inline struct lws *chalk_lws_connect(struct lws_context *context, struct lws_vhost *vhost, const char *address, int port,
                                            bool tls, const char *path, const char *host, const char *method,
                                            const char *protocol, uintptr_t identifier) {
    struct lws_client_connect_info info = {0};
    info.context = context;
    info.vhost = vhost;
    info.address = address;
    info.port = port;
    info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (tls ? LCCSCF_USE_SSL : 0);
    info.path = path;
    info.host = host;
    info.method = method;
    info.alpn = "http/1.1";
    // Unbound, it would get no body.
    info.local_protocol_name = protocol;
    info.ietf_version_or_minus_one = -1;
    info.userdata = (void *)identifier;
    return lws_client_connect_via_info(&info);
}

/// Ends a connection from outside its own callbacks: at the next turn of the loop, or after `seconds`.
static inline void chalk_lws_kill(struct lws *wsi, int seconds) {
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, seconds > 0 ? seconds : LWS_TO_KILL_ASYNC);
}

/// tcp(7): unacknowledged data for this long ends the connection with ETIMEDOUT.
static inline int chalk_lws_set_user_timeout(struct lws *wsi, unsigned int milliseconds) {
    return setsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

/// tcp(7): poll(2) calls the socket writable while less than this is not yet sent, so that little waits in the kernel.
static inline void chalk_lws_set_unsent(struct lws *wsi, int bytes) {
    setsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

/// tcp(7), SIOCOUTQ: bytes that were written and that the peer has not acknowledged.
static inline int chalk_lws_unacknowledged(struct lws *wsi) {
    int bytes = 0;
    return ioctl(lws_get_socket_fd(wsi), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

/// Whether something came that the library has not read yet.
static inline bool chalk_lws_has_input(struct lws *wsi) {
    struct pollfd entry = {.fd = lws_get_socket_fd(wsi), .events = POLLIN};
    return poll(&entry, 1, 0) > 0;
}

/// Takes the library's own time-out off a connection.
static inline void chalk_lws_wait(struct lws *wsi) { lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); }

/// A timer of the loop with its owner: the library hands its callback the first member only.
struct chalk_lws_timer {
    lws_sorted_usec_list_t entry;
    void *owner;
};
