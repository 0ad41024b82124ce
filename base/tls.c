// SPDX-License-Identifier: MIT
/* OpenSSL behind our own words. Ciphertext goes through a BIO that asks the owner's two functions,
 * so that OpenSSL never sees a socket and the same engine runs in a test without one. */
#include "base/file.h"
#include "base/tls.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    CERTIFICATE_DAYS = 825, /* what Apple's clients take at most */
    CERTIFICATE_BACKDATE_SEC = 3600,
    SECONDS_A_DAY = 86400,
    TLS_DESCRIPTION_BYTES = 80
};

struct tls_context {
    SSL_CTX *handle;
    BIO_METHOD *method;
};

struct tls_session {
    SSL *handle;
    struct tls_transport transport;
    bool ready;
    bool broken; /* OpenSSL forbids to go on with it */
    char description[TLS_DESCRIPTION_BYTES];
};

/* The first of OpenSSL's queued reasons, and the queue emptied. */
static bool set_tls_fault(struct fault *fault, enum fault_code code, const char *what)
{
    unsigned long error = ERR_get_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    ERR_clear_error();
    return fault_set(fault, code, "%s: %s", what, reason != NULL ? reason : "unknown reason");
}

/* ---- The BIO between OpenSSL and the owner. ---- */

static int bio_read(BIO *bio, char *out, int max)
{
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t len =
        max > 0 ? session->transport.pull(session->transport.context, (uint8_t *)out, (size_t)max)
                : 0;
    if (len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    return (int)len;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len > 0) {
        session->transport.push(session->transport.context,
                                (struct bytes){(const uint8_t *)data, (size_t)len});
    }
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *new_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "owner");
    if (method != NULL) {
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }
    return method;
}

/* ---- Contexts. ---- */

/* What all of ours share: buffers go back while idle, nothing is renegotiated or resumed. */
static struct tls_context *context_new(struct fault *fault)
{
    struct tls_context *context = xcalloc(1, sizeof *context);
    context->method = new_bio_method();
    context->handle = SSL_CTX_new(TLS_method());
    if (context->method == NULL || context->handle == NULL) {
        set_tls_fault(fault, FAULT_INTERNAL, "prepare TLS");
        tls_context_free(&context);
        return NULL;
    }
    SSL_CTX_set_mode(context->handle, SSL_MODE_RELEASE_BUFFERS |
                                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                          SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_options(context->handle, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                             SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context->handle, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context->handle, 0);
    return context;
}

void tls_context_free(struct tls_context **context)
{
    if (*context == NULL) {
        return;
    }
    SSL_CTX_free((*context)->handle);
    BIO_meth_free((*context)->method);
    free(*context);
    *context = NULL;
}

struct tls_context *tls_context_new_peer(struct fault *fault)
{
    struct tls_context *context = context_new(fault);
    if (context == NULL) {
        return NULL;
    }
    SSL_CTX *handle = context->handle;
    SSL_CTX_set_security_level(handle, 0);
    SSL_CTX_set_verify(handle, SSL_VERIFY_NONE, NULL);
    if (SSL_CTX_set_min_proto_version(handle, TLS1_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(handle, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(handle, "AECDH-AES256-SHA:@SECLEVEL=0") != 1 ||
        SSL_CTX_set1_groups_list(handle, "secp256k1:X25519:P-256") != 1) {
        set_tls_fault(fault, FAULT_UNSUPPORTED, "prepare TLS between peers");
        tls_context_free(&context);
    }
    return context;
}

static struct tls_context *mail_context_new(struct fault *fault)
{
    struct tls_context *context = context_new(fault);
    if (context != NULL && SSL_CTX_set_min_proto_version(context->handle, TLS1_2_VERSION) != 1) {
        set_tls_fault(fault, FAULT_INTERNAL, "prepare TLS");
        tls_context_free(&context);
    }
    return context;
}

struct tls_context *tls_context_new_server(const char *path, struct fault *fault)
{
    if (access(path, R_OK) != 0) {
        fault_set_errno(fault, errno, "read the certificate %s", path);
        return NULL;
    }
    struct tls_context *context = mail_context_new(fault);
    if (context != NULL &&
        (SSL_CTX_use_certificate_chain_file(context->handle, path) != 1 ||
         SSL_CTX_use_PrivateKey_file(context->handle, path, SSL_FILETYPE_PEM) != 1 ||
         SSL_CTX_check_private_key(context->handle) != 1)) {
        set_tls_fault(fault, FAULT_INVALID, "read the certificate and key");
        fault_wrap(fault, "%s", path);
        tls_context_free(&context);
    }
    return context;
}

struct tls_context *tls_context_new_client(const char *path, struct fault *fault)
{
    struct tls_context *context = mail_context_new(fault);
    if (context == NULL || path == NULL) {
        return context;
    }
    SSL_CTX_set_verify(context->handle, SSL_VERIFY_PEER, NULL);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(context->handle), X509_V_FLAG_PARTIAL_CHAIN);
    if (SSL_CTX_load_verify_locations(context->handle, path, NULL) != 1) {
        set_tls_fault(fault, FAULT_INVALID, "read the trusted certificates");
        fault_wrap(fault, "%s", path);
        tls_context_free(&context);
    }
    return context;
}

void tls_context_fingerprint(const struct tls_context *context, uint8_t out[TLS_FINGERPRINT_BYTES])
{
    X509 *certificate = SSL_CTX_get0_certificate(context->handle);
    unsigned len = 0;
    assert(certificate != NULL);
    int ok = X509_digest(certificate, EVP_sha256(), out, &len);
    assert(ok == 1 && len == TLS_FINGERPRINT_BYTES);
    (void)ok;
}

int64_t tls_context_expires_sec(const struct tls_context *context)
{
    X509 *certificate = SSL_CTX_get0_certificate(context->handle);
    struct tm end;
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
        return 0;
    }
    return (int64_t)timegm(&end);
}

/* ---- Making a certificate. ---- */

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* The serial is the time: it tells a renewed certificate from the one before. */
static bool fill_certificate(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    time_t now = (time_t)clock_now_sec();
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), clock_now_ms()) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(certificate), now - CERTIFICATE_BACKDATE_SEC) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate),
                         now + (time_t)CERTIFICATE_DAYS * SECONDS_A_DAY -
                             CERTIFICATE_BACKDATE_SEC) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"Bittern at localhost", -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_alt_name,
                         "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* Write to a neighbour first; the rename refuses to replace what is there. */
static bool write_private_file(const char *path, struct bytes content, struct fault *fault)
{
    bool ok = false;
    char *draft = xasprintf("%s.new", path);
    unlink(draft); /* of a try that was broken off */
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        fault_set_errno(fault, errno, "make %s", draft);
        goto out;
    }
    if (!file_write_synced(fd, content, fault)) {
        fault_wrap(fault, "%s", draft);
        goto out;
    }
    if (renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
        fault_set_errno(fault, errno, "make %s", path);
        goto out;
    }
    ok = true;
out:
    if (fd >= 0) {
        close(fd);
    }
    if (!ok) {
        unlink(draft);
    }
    free(draft);
    return ok;
}

bool tls_certificate_make(const char *path, struct fault *fault)
{
    bool ok = false;
    char *text = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *pem = BIO_new(BIO_s_secmem());
    if (key == NULL || certificate == NULL || pem == NULL || !fill_certificate(certificate, key) ||
        PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(pem, certificate) != 1) {
        set_tls_fault(fault, FAULT_INTERNAL, "make a certificate");
        goto out;
    }
    long len = BIO_get_mem_data(pem, &text);
    errno = 0;
    ok = write_private_file(path, (struct bytes){(const uint8_t *)text, (size_t)len}, fault);
out:
    BIO_free(pem); /* which wipes it */
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

/* ---- Sessions. ---- */

struct tls_session *tls_session_new(struct tls_context *context, enum tls_role role,
                                    struct tls_transport transport)
{
    struct tls_session *session = xcalloc(1, sizeof *session);
    session->transport = transport;
    session->handle = SSL_new(context->handle);
    BIO *bio = BIO_new(context->method);
    if (session->handle == NULL || bio == NULL) {
        abort(); /* no memory */
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->handle, bio, bio);
    if (role == TLS_SERVER) {
        SSL_set_accept_state(session->handle);
    } else {
        SSL_set_connect_state(session->handle);
    }
    return session;
}

void tls_session_free(struct tls_session **session)
{
    if (*session == NULL) {
        return;
    }
    SSL_free((*session)->handle);
    free(*session);
    *session = NULL;
}

static enum tls_result result_of(struct tls_session *session, int returned, const char *what,
                                 struct fault *fault)
{
    switch (SSL_get_error(session->handle, returned)) {
    case SSL_ERROR_NONE:
        return TLS_OK;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        session->broken = true;
        set_tls_fault(fault, FAULT_INVALID, what);
        return TLS_FAILED;
    }
}

enum tls_result tls_session_handshake(struct tls_session *session, struct fault *fault)
{
    ERR_clear_error();
    int returned = SSL_do_handshake(session->handle);
    enum tls_result result = result_of(session, returned, "TLS handshake", fault);
    session->ready = result == TLS_OK;
    return result;
}

enum tls_result tls_session_read(struct tls_session *session, size_t *out_len, uint8_t *out,
                                 size_t max, struct fault *fault)
{
    ERR_clear_error();
    int returned = SSL_read_ex(session->handle, out, max, out_len);
    return result_of(session, returned, "TLS read", fault);
}

enum tls_result tls_session_write(struct tls_session *session, struct bytes plain,
                                  struct fault *fault)
{
    size_t written = 0;
    ERR_clear_error();
    int returned = SSL_write_ex(session->handle, plain.data, plain.len, &written);
    assert(returned != 1 || written == plain.len);
    return result_of(session, returned, "TLS write", fault);
}

void tls_session_close(struct tls_session *session)
{
    if (session->ready && !session->broken) {
        ERR_clear_error();
        (void)SSL_shutdown(session->handle);
    }
}

const char *tls_session_describe(struct tls_session *session)
{
    snprintf(session->description, sizeof session->description, "%s %s",
             SSL_get_version(session->handle), SSL_get_cipher_name(session->handle));
    return session->description;
}
