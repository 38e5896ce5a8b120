// What the network and the protocol alone need until a session is live: blocking OpenSSL on bare sockets, without any
// library's loop, reconnecting logic or queue between. `bench/reconnect` compiles it and drives it by lines:
//   key        fetches a key and keeps it
//   token      a key by the token endpoint, and a session with it on a connection of its own
//   spare      a session with the key that was kept
// It begins when the interface is ready for traffic. The answer is one line: the nanoseconds of CLOCK_MONOTONIC when
// that was, when the key was there and when the first message was written; or `failed WHY`.
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { tries = 20000, answer_bytes = 8192 };

static const char *interface, *address, *token_path, *session_path, *bearer;
static struct sockaddr_in peer = {.sin_family = AF_INET};
static SSL_CTX *tls;
static const char *why = "";

static long long now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/// Waits until the interface is ready for traffic, as the kernel tells by its messages (rtnetlink(7)). Earlier packets
/// would be lost, and the neighbour's address be asked for again after a whole second only.
static void await_link(void) {
    char messages[8192];
    struct ifreq link = {0};
    struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(link.ifr_name, sizeof link.ifr_name, "%s", interface);
    if (bind(netlink, (struct sockaddr *)&group, sizeof group) == 0) {
        while (ioctl(any, SIOCGIFFLAGS, &link) == 0 && (link.ifr_flags & IFF_RUNNING) == 0)
            if (recv(netlink, messages, sizeof messages, 0) < 0) break;
    }
    close(any);
    close(netlink);
}

static int connect_tcp(void) {
    for (int i = 0; i < tries; i++) {
        int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct timeval patience = {.tv_sec = 5};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (connect(fd, (struct sockaddr *)&peer, sizeof peer) == 0) return fd;
        close(fd);
        poll(NULL, 0, 1);
    }
    return -1;
}

/// NULL with `why`.
static SSL *connect_tls(void) {
    int fd = connect_tcp();
    SSL *ssl = fd < 0 ? NULL : SSL_new(tls);
    why = "no connection";
    if (ssl == NULL) return NULL;
    SSL_set_fd(ssl, fd);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address);
    if (SSL_connect(ssl) == 1) return ssl;
    why = X509_verify_cert_error_string(SSL_get_verify_result(ssl));
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void disconnect(SSL *ssl) {
    int fd = SSL_get_fd(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

/// Writes `request` and reads until `end` is in the answer.
static int exchange(SSL *ssl, const char *request, char *answer, const char *end) {
    int length = 0;
    if (SSL_write(ssl, request, (int)strlen(request)) <= 0) return -1;
    do {
        int count = SSL_read(ssl, answer + length, answer_bytes - 1 - length);
        if (count <= 0) return -1;
        length += count;
        answer[length] = 0;
    } while (strstr(answer, end) == NULL);
    return 0;
}

static int fetch_key(char *key, size_t room) {
    char request[1024], answer[answer_bytes], *start, *end;
    SSL *ssl = connect_tls();
    if (ssl == NULL) return -1;
    snprintf(request, sizeof request,
             "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
             "Content-Length: 2\r\n\r\n{}", token_path, address, bearer);
    int result = exchange(ssl, request, answer, "}");
    disconnect(ssl);
    why = "no key in the answer";
    if (result != 0 || (start = strstr(answer, "\"apiKey\":\"")) == NULL) return -1;
    start += strlen("\"apiKey\":\"");
    if ((end = strchr(start, '"')) == NULL || (size_t)(end - start) >= room) return -1;
    memcpy(key, start, (size_t)(end - start));
    key[end - start] = 0;
    return 0;
}

/// RFC 6455; the time when the first message was written, or -1.
static long long begin_session(const char *key) {
    static const char message[] =
        "{\"model\":\"stt-rt-v6\",\"audio_format\":\"pcm_s16le\",\"sample_rate\":16000,\"num_channels\":1}";
    char request[1024], answer[answer_bytes];
    // Final, text; masked with zeros, which leave the text as it is.
    unsigned char frame[6 + sizeof message - 1] = {0x81, 0x80 | (sizeof message - 1)};
    _Static_assert(sizeof message - 1 < 126, "a length in one byte");
    memcpy(frame + 6, message, sizeof message - 1);
    SSL *ssl = connect_tls();
    if (ssl == NULL) return -1;
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             session_path, address, key);
    long long done = -1;
    why = "the handshake was refused";
    if (exchange(ssl, request, answer, "\r\n\r\n") == 0 && strncmp(answer, "HTTP/1.1 101 ", 13) == 0
        && SSL_write(ssl, frame, sizeof frame) == sizeof frame)
        done = now_ns();
    disconnect(ssl);
    return done;
}

int main(int count, char **arguments) {
    char line[64], key[1024], kept[1024] = "";
    if (count != 8) {
        fprintf(stderr, "usage: reconnect-floor INTERFACE ADDRESS PORT CA-FILE TOKEN-PATH SESSION-PATH BEARER\n");
        return 2;
    }
    interface = arguments[1];
    address = arguments[2];
    token_path = arguments[5];
    session_path = arguments[6];
    bearer = arguments[7];
    peer.sin_port = htons((unsigned short)atoi(arguments[3]));
    tls = SSL_CTX_new(TLS_client_method());
    if (inet_pton(AF_INET, address, &peer.sin_addr) != 1 || tls == NULL
        || SSL_CTX_load_verify_locations(tls, arguments[4], NULL) != 1) {
        fprintf(stderr, "reconnect-floor: the address or the certificate file is none\n");
        return 1;
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    while (fgets(line, sizeof line, stdin) != NULL) {
        await_link();
        long long ready = now_ns(), keyed = ready, done = -1;
        if (strcmp(line, "key\n") == 0) {
            done = keyed = fetch_key(kept, sizeof kept) == 0 ? now_ns() : -1;
        } else if (strcmp(line, "token\n") == 0) {
            keyed = fetch_key(key, sizeof key) == 0 ? now_ns() : -1;
            done = keyed < 0 ? -1 : begin_session(key);
        } else if (strcmp(line, "spare\n") == 0) {
            done = begin_session(kept);
        }
        if (done < 0) printf("failed %s\n", why);
        else printf("%lld %lld %lld\n", ready, keyed, done);
        fflush(stdout);
    }
    return 0;
}
