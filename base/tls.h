// SPDX-License-Identifier: MIT
/* TLS: contexts (what is spoken) and sessions (one connection's engine, without I/O).
 *
 * There are two worlds that never share a context. Between Bitmessage peers TLS is anonymous: it
 * hides traffic from onlookers and proves nothing. Mail clients get a certificate of our own
 * making.
 *
 * A session pulls ciphertext from and pushes it to the owner's two functions; base/io.h runs it
 * over a socket. Nobody else needs tls_session_*. */
#ifndef BITTERN_BASE_TLS_H
#define BITTERN_BASE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct tls_context;
struct tls_session;

enum tls_role { TLS_CLIENT, TLS_SERVER };

/* Bitmessage between peers, both roles: AECDH-AES256-SHA at security level 0, groups secp256k1,
 * X25519, P-256, TLS 1.0 to 1.2, no certificate, nothing verified (Bitmessage protocol, "TLS"). */
struct tls_context *tls_context_new_peer(struct fault *fault) MUST_USE;

/* A mail server with the certificate and key of the PEM file `path`; TLS 1.2 and above. */
struct tls_context *tls_context_new_server(const char *path, struct fault *fault) MUST_USE;

/* A client that trusts exactly the certificates in the PEM file `path`; with NULL it verifies
 * nothing. TLS 1.2 and above. */
struct tls_context *tls_context_new_client(const char *path, struct fault *fault) MUST_USE;

void tls_context_free(struct tls_context **context);

/* Make a self-signed certificate on P-256 (SAN localhost, 127.0.0.1, ::1; serverAuth; 825 days) and
 * write it with its key to `path`, 0600, whole or not at all. */
bool tls_certificate_make(const char *path, struct fault *fault) MUST_USE;

enum { TLS_FINGERPRINT_BYTES = 32 };
/* SHA-256 of a server context's certificate (DER), and when it ends (seconds since 1970). */
void tls_context_fingerprint(const struct tls_context *context, uint8_t out[TLS_FINGERPRINT_BYTES]);
int64_t tls_context_expires_sec(const struct tls_context *context) MUST_USE;

/* ---- The engine. ---- */

struct tls_transport {
    /* Copy at most `max` bytes of ciphertext that arrived to `out`; 0: none here now. */
    size_t (*pull)(void *context, uint8_t *out, size_t max);
    /* Send `bytes`; all are taken. */
    void (*push)(void *context, struct bytes bytes);
    void *context;
};

enum tls_result {
    TLS_OK,     /* handshake done; or bytes were read or written */
    TLS_MORE,   /* waits for more ciphertext from the other side */
    TLS_CLOSED, /* the other side ended the stream */
    TLS_FAILED  /* the fault says why */
};

struct tls_session *tls_session_new(struct tls_context *context, enum tls_role role,
                                    struct tls_transport transport) MUST_USE;
void tls_session_free(struct tls_session **session);
enum tls_result tls_session_handshake(struct tls_session *session, struct fault *fault) MUST_USE;
enum tls_result tls_session_read(struct tls_session *session, size_t *out_len, uint8_t *out,
                                 size_t max, struct fault *fault) MUST_USE;
/* Only after the handshake; at most 16384 bytes at a time, all taken on TLS_OK. */
enum tls_result tls_session_write(struct tls_session *session, struct bytes plain,
                                  struct fault *fault) MUST_USE;
/* Push a close_notify, if the session got that far. */
void tls_session_close(struct tls_session *session);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384". Borrowed from the session. */
const char *tls_session_describe(struct tls_session *session) MUST_USE;

#endif
