// SPDX-License-Identifier: MIT
/* The user agent's front door: identities, the outgoing queue, what arrives.
 *
 * One agent per gateway. It owns the keyring, the states of all mail that is sent, the pipeline of
 * what arrives, and the gateway's end of the link; it lives in the loop's thread and waits for
 * nothing. What changes something is asynchronous: it is answered once, by its callback, from the
 * loop, after the commit. What only tells is answered at once, from memory or by one short read. */
#ifndef BITTERN_GATEWAY_AGENT_AGENT_H
#define BITTERN_GATEWAY_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "config/settings.h"
#include "crypto/pow.h"
#include "gateway/agent/outgoing/outgoing_state.h"
#include "gateway/agent/work/pow_jobs.h"
#include "node/link/link_frame.h"
#include "node/link/node_figures.h"

struct agent;
struct arena;
struct decoder_client;
struct loop;
struct pool;
struct smtp_handler;
struct smtp_service;
struct mail_store;

/* Programs of the settings, which the supervisor runs for us. */
struct agent_programs {
    /* Run `name` with NAME=VALUE lines as its environment; agent_program_ended follows. The
     * descriptor is kept by the caller. NULL: there are none. */
    void (*run)(void *context, const char *name, int64_t id, const char *environment, int stdin_fd);
    void *context;
};

/* Who joins us to the node. */
struct agent_joiner {
    /* The socket to the node has ended: ask for another. NULL: there is no other. */
    void (*link_lost)(void *context);
    void *context;
};

/* What the agent works with: all borrowed, and there until agent_stop. */
struct agent_parts {
    struct loop *loop;
    struct pool *pool;     /* trial decryption, building messages */
    struct pool *pow_pool; /* proof of work, at low priority */
    struct pow_gpu *gpu;   /* likewise, or NULL */
    struct mail_store *store;
    struct decoder_client *network_decoder;
    struct decoder_client *owner_decoder;
    const struct settings *settings;
    struct agent_programs programs;
    struct agent_joiner joiner;
    const char *folder; /* HOME/gateway, where mails may wait in the spool; NULL: nowhere */
};

/* Loads the keys and takes up what was under way. NULL with a fault when mail.db cannot be read. */
struct agent *agent_new(const struct agent_parts *parts, struct fault *fault) MUST_USE;
/* Stop: no timer, no link, nothing is answered any more. What is under way goes on at the next
 * start. Then the parts are freed, whose last callbacks find a closed agent, and at last the agent.
 */
void agent_stop(struct agent *agent);
/* After agent_stop, the writer, the pools and the decoders. */
void agent_free(struct agent **agent);

/* The socket to the node, now and after each of its restarts. The agent closes it. */
void agent_attach_link(struct agent *agent, int fd);

/* A program of agent_programs has ended, with an exit code of sysexits.h. */
void agent_program_ended(struct agent *agent, int64_t id, int exit_code);

/* The doors by which mail programs hand mail in. Each has a service of its own, whose sessions ask
 * the handler; the service is where the agent answers, and has to be told before the first session.
 */
enum agent_door {
    AGENT_DOOR_SMTP,         /* with login */
    AGENT_DOOR_SMTP_TRUSTED, /* a Unix socket: who may open it may send; the sender decides the
                                account */
    AGENT_DOOR_LMTP,
    AGENT_N_DOORS
};
const struct smtp_handler *agent_door_handler(struct agent *agent, enum agent_door door) MUST_USE;
void agent_set_door_service(struct agent *agent, enum agent_door door,
                            struct smtp_service *service);

/* ---- answers ---- */

/* `fault` is NULL when it was done and committed. `text` is what the call gives back (an address, a
 * password), "" where it gives nothing; borrowed during the callback. `id` likewise, or 0. */
struct agent_done {
    void (*call)(void *context, const struct fault *fault, const char *text, int64_t id);
    void *context;
};

/* ---- submission by other ways than SMTP ---- */

struct agent_submission {
    const char *account;   /* NULL: the sender's, else the only one */
    const char *sender;    /* NULL: the mail's From; without one the account's first identity */
    const char *full_name; /* beside the address in a From that is added; NULL: none */
    const char *const *recipients;
    size_t n_recipients;
    bool recipients_of_mail; /* also those in To, Cc and Bcc */
    unsigned notify;         /* SMTP_NOTIFY_*, of all recipients */
    bool return_full;
    const char *envelope_id; /* NULL: none */
    struct bytes mail;       /* line ends CRLF or LF */
    const char *once; /* a mail that was taken under this name is not taken again, and "done" is the
                         answer; NULL: take it */
};
/* As an SMTP client's MAIL, RCPT and DATA; all recipients or none. A fault has the words that the
 * client would have read. */
void agent_submit(struct agent *agent, const struct agent_submission *submission,
                  struct agent_done done);

/* ---- commands by mail ---- */

/* The answer's text goes into a mail to whoever asked. `took_secret`: a secret of the mail was
 * used, so its text is not kept. */
struct agent_command_done {
    void (*call)(void *context, const char *text, bool took_secret);
    void *context;
};
/* Who understands the commands that come as mails to bittern@bm.alt from somebody who is logged in.
 * `line` is the command, `secret` the line of the text behind it ("": none); all borrowed until the
 * return. Answered once, at once or later. */
struct agent_commands {
    void (*run)(void *context, const char *account, const char *line, const char *secret,
                struct agent_command_done done);
    void *context;
};
/* Copied. Until then such mails are refused. */
void agent_set_commands(struct agent *agent, const struct agent_commands *commands);

/* ---- what arrives ---- */

/* Told after each commit that put new mails into an account. Blocked senders' are passed over. */
struct agent_arrivals {
    void (*arrived)(void *context, int64_t account_id, bool is_broadcast);
    void *context;
};
/* Copied. */
void agent_set_arrivals(struct agent *agent, const struct agent_arrivals *arrivals);

/* ---- accounts ---- */

/* Make an account with its folders; the answer's text is the generated password, or "" when
 * `password` was given (NULL: generate). With `welcome`, a mail in INBOX says how things work.
 * FAULT_EXISTS, FAULT_INVALID (name). */
void agent_account_new(struct agent *agent, const char *name, const char *password, bool welcome,
                       struct agent_done done);
/* When there is no account yet: make "me" with a generated password, one random identity called
 * "me", and the welcome mail. Answered also when there was nothing to do. */
void agent_first_run(struct agent *agent, struct agent_done done);
/* The password that agent_first_run made, once; then it is wiped. False when there is none (any
 * more). */
bool agent_take_first_password(struct agent *agent, char *out, size_t out_size) MUST_USE;

/* Likewise for an account that is there. FAULT_NOT_FOUND. */
void agent_account_passwd(struct agent *agent, const char *name, const char *password,
                          struct agent_done done);
/* Bounds on what it may hold; 0: none. What it holds above a new bound stays. FAULT_NOT_FOUND. */
void agent_account_quota(struct agent *agent, const char *name, uint64_t bytes, uint64_t messages,
                         struct agent_done done);
/* Take mail of those alone whom it allows or knows, or of all who are not blocked. */
void agent_account_senders(struct agent *agent, const char *name, bool allowed_only,
                           struct agent_done done);
/* With its mailboxes and mails, identities and their keys, contacts, subscriptions and what of its
 * mail has not left. There is no way back but a backup. FAULT_NOT_FOUND. */
void agent_account_delete(struct agent *agent, const char *name, struct agent_done done);

struct agent_account_info {
    int64_t id;
    const char *name;
    int64_t created_sec;
    uint64_t n_messages;
    uint64_t n_bytes;
    uint64_t quota_messages; /* 0: none; likewise below */
    uint64_t quota_bytes;
    size_t n_identities;
    bool allowed_only; /* takes mail of the allowed and the known alone */
};
/* The name, in `arena`; NULL when there is no such account. */
const char *agent_account_find_name(struct agent *agent, int64_t id, struct arena *arena) MUST_USE;
void agent_account_list(struct agent *agent,
                        void (*each)(void *context, const struct agent_account_info *info),
                        void *context);

/* Another number after each change of identities, chans, contacts or subscriptions. */
uint64_t agent_people_version(const struct agent *agent) MUST_USE;

/* ---- identities and chans ---- */

enum identity_kind { IDENTITY_OWN = 0, IDENTITY_CHAN = 1 }; /* on disk */

struct agent_identity_request {
    const char *account;      /* NULL: the only one there is (FAULT_INVALID when there are more) */
    const char *label;        /* NULL or "": none */
    const char *passphrase;   /* NULL: random keys */
    uint64_t version;         /* 3 or 4; 0: 4 */
    uint64_t stream;          /* 0: 1 */
    bool is_short;            /* two leading zero bytes: a shorter address, more work */
    size_t count;             /* of a passphrase: its first so many addresses; 0: 1 */
    struct pow_demand demand; /* of those who write to it; raised to the network's least */
};
enum { AGENT_MAX_NEW_IDENTITIES = 999, AGENT_MAX_PASSPHRASE_BYTES = 64 * 1024 };
/* The answer's text is the address; of several those that are new, a line each. FAULT_EXISTS when
 * none is. */
void agent_identity_new(struct agent *agent, const struct agent_identity_request *request,
                        struct agent_done done);
/* The first address of a passphrase, which is not kept: the answer's text. FAULT_LIMIT. */
void agent_identity_of_passphrase(struct agent *agent, const char *passphrase, uint64_t version,
                                  struct agent_done done);
/* `who` is an address or a label. */
void agent_identity_rename(struct agent *agent, const char *who, const char *label,
                           struct agent_done done);
/* Switched off: nothing arrives for it, nothing is sent as it, and its address logs in no more. */
void agent_identity_enable(struct agent *agent, const char *who, bool enabled,
                           struct agent_done done);
/* For ever, with its keys; a chan with its folder. Mails that arrived stay. */
void agent_identity_delete(struct agent *agent, const char *who, struct agent_done done);
/* To another account, with all mails that it sent or received; a chan with its folder. */
void agent_identity_move(struct agent *agent, const char *who, const char *account,
                         struct agent_done done);

/* The network's least proof of work, below which nothing is taken. */
struct pow_demand agent_network_least(const struct agent *agent) MUST_USE;

#define AGENT_MAX_DEMAND UINT64_C(20000000000)
/* How others have to write to it, and what becomes of that. All are set; read them first. */
struct agent_identity_terms {
    /* From the network's least to AGENT_MAX_DEMAND; of a chan: what lies below is not shown. */
    uint64_t trials_per_byte;
    uint64_t extra_bytes;
    int64_t ttl_sec; /* of what it sends; 0: the setting's */
    bool acks;
    const char *list_name; /* "": none; else what arrives is broadcast again under this name */
};
void agent_identity_set(struct agent *agent, const char *who,
                        const struct agent_identity_terms *terms, struct agent_done done);

/* Join the chan of that name. `address` NULL: version 4, stream 1; else it must be the name's
 * (FAULT_INVALID). `label` NULL: the name. The answer's text is the address. */
void agent_chan_join(struct agent *agent, const char *account, const char *name,
                     const char *address, const char *label, struct agent_done done);
void agent_chan_leave(struct agent *agent, const char *who, struct agent_done done);

struct agent_identity_info {
    int64_t id;
    int64_t account_id;
    const char *account; /* its name */
    const char *address; /* "BM-..." */
    const char *label;
    const char *list_name; /* "": no mailing list */
    enum identity_kind kind;
    bool enabled;
    bool acks;
    uint64_t version;
    uint64_t stream;
    uint64_t trials_per_byte;
    uint64_t extra_bytes;
    int64_t ttl_sec; /* 0: the setting's */
    int64_t created_sec;
};
/* Of the entries [first, first + n): false when there is none behind them. Texts are borrowed
 * during `each`. */
bool agent_identity_list_part(struct agent *agent, size_t first, size_t n,
                              void (*each)(void *context, const struct agent_identity_info *info),
                              void *context);
/* All of them. */
void agent_identity_list(struct agent *agent,
                         void (*each)(void *context, const struct agent_identity_info *info),
                         void *context);
/* By address or label; false when there is none, or (label) more than one. The texts are borrowed
 * until the loop's next turn. */
bool agent_identity_find(struct agent *agent, const char *who, struct agent_identity_info *out,
                         struct fault *fault) MUST_USE;

/* ---- contacts and subscriptions ---- */

void agent_contact_add(struct agent *agent, const char *account, const char *address,
                       const char *label, struct agent_done done);
/* How long what is sent there lives: "2d", "12h"; "default": as the identity's. FAULT_NOT_FOUND. */
void agent_contact_ttl(struct agent *agent, const char *account, const char *who, const char *span,
                       struct agent_done done);
void agent_contact_remove(struct agent *agent, const char *account, const char *who,
                          struct agent_done done);
void agent_subscribe(struct agent *agent, const char *account, const char *address,
                     const char *label, struct agent_done done);
void agent_unsubscribe(struct agent *agent, const char *account, const char *who,
                       struct agent_done done);
/* Muted: nothing arrives, the subscription and its folder stay. When it is not any more, what is
 * still in the network arrives. */
void agent_subscription_mute(struct agent *agent, const char *account, const char *who, bool muted,
                             struct agent_done done);

/* Many contacts at once, all or none; those that are there stay as they are. The answer's id is how
 * many are new. A fault names the entry. */
struct agent_contact_entry {
    const char *address; /* in any form */
    const char *label;
};
void agent_contact_import(struct agent *agent, const char *account,
                          const struct agent_contact_entry *entries, size_t n_entries,
                          struct agent_done done);

enum agent_entry_kind { AGENT_CONTACTS, AGENT_SUBSCRIPTIONS };
struct agent_entry_info {
    const char *account;
    const char *address;
    const char *label;
    bool enabled;
    bool muted;      /* subscriptions */
    int64_t ttl_sec; /* contacts; 0: the identity's */
};
/* As agent_identity_list_part. */
bool agent_entry_list_part(struct agent *agent, enum agent_entry_kind kind, size_t first, size_t n,
                           void (*each)(void *context, const struct agent_entry_info *info),
                           void *context);
void agent_entry_list(struct agent *agent, enum agent_entry_kind kind,
                      void (*each)(void *context, const struct agent_entry_info *info),
                      void *context);

/* The address that a name has in Namecoin ("alice", "id/alice", with or without a domain). Faults
 * as namecoin.h has them. */
void agent_look_up_name(struct agent *agent, const char *typed, struct agent_done done);

/* ---- who may write ---- */

enum agent_rule { AGENT_RULE_NONE, AGENT_RULE_BLOCK, AGENT_RULE_ALLOW };
/* With `chan`: of that chan's own block list, where AGENT_RULE_ALLOW and _NONE are the same.
 * `who` is an address, or the label of somebody known. */
void agent_rule_set(struct agent *agent, const char *account, const char *chan, const char *who,
                    enum agent_rule rule, struct agent_done done);
struct agent_rule_info {
    const char *account;
    const char *chan; /* its label; "": of the account */
    const char *address;
    const char *label;
    enum agent_rule rule;
};
bool agent_rule_list(struct agent *agent,
                     void (*each)(void *context, const struct agent_rule_info *info), void *context,
                     struct fault *fault) MUST_USE;

/* ---- keys under a passphrase (docs/decisions/locked-keys.md) ---- */

/* Set the passphrase where there is none: the keys are sealed, and stay open until
 * agent_lock_close. Where there is one, `old` has to be given, and the keys stay as open or locked
 * as they are. Not where nothing is sealed. FAULT_INVALID (empty, `old` is missing), FAULT_LIMIT
 * (too long), FAULT_DENIED (a wrong one), FAULT_BUSY (one is being tried; or wait, after wrong
 * ones), FAULT_CORRUPT (mail.db no longer has what the keys are sealed to; a backup has it). */
void agent_lock_set(struct agent *agent, const char *old, const char *passphrase,
                    struct agent_done done);
/* Wipe the open keys. FAULT_NOT_FOUND: there is no passphrase; FAULT_CORRUPT: as above. */
void agent_lock_close(struct agent *agent, struct agent_done done);
/* Open what the passphrase opens. FAULT_NOT_FOUND, and as above. */
void agent_lock_open(struct agent *agent, const char *passphrase, struct agent_done done);
/* The same at start, with the first line of a file, which is closed; the log says how it went. */
void agent_lock_open_from_take(struct agent *agent, int fd);
/* The keys in clear again. Likewise. */
void agent_lock_remove(struct agent *agent, const char *passphrase, struct agent_done done);

/* Are all keys open? FAULT_DENIED or, of lost ones, FAULT_CORRUPT with words. */
bool agent_keys_are_open(struct agent *agent, struct fault *fault) MUST_USE;

struct agent_lock_status {
    bool is_set;
    bool is_locked;            /* something that is sealed is not open */
    bool seals_all;            /* encryption keys, too */
    size_t n_sealed;           /* identities and chans */
    size_t n_locked;           /* of them: can't send now */
    size_t n_lost;             /* of those: mail.db no longer has what opens them */
    int64_t wait_sec;          /* until the next passphrase is tried */
    int64_t answers_until_sec; /* requests for own keys are answered while locked; 0: not all are */
    uint64_t n_kept;           /* messages that wait for locked keys */
    uint64_t kept_bytes;
    bool kept_is_full; /* some were not kept, and are looked for at the node */
};
struct agent_lock_status agent_lock_status(struct agent *agent) MUST_USE;

/* ---- the outgoing queue ---- */

struct agent_queue_info {
    int64_t id;      /* of the recipient's row: what retry and cancel take */
    int64_t mail_id; /* shared by the recipients of one mail */
    const char *account;
    const char *sender;
    const char *recipient;
    const char *subject;
    enum outgoing_state state;
    const char *reason; /* why it failed or is held, or what it waits for; may be "" */
    int64_t accepted_sec;
    int64_t since_sec; /* when it entered its state */
    int64_t next_sec;  /* when it is looked at again; 0: at an event */
    uint32_t tries;
    /* While working; -1: not known. */
    const struct pow_progress *progress; /* of its proof of work; NULL while there is none */
    /* The work that is left before it leaves, as if no other mail were there; NULL: none. */
    const struct pow_estimate *work;
    const char *work_words;
};
struct agent_queue_query {
    const char *account; /* its mails alone; NULL: everybody's */
    bool all;            /* the final ones, too */
    int64_t after_id;    /* those behind that row */
    size_t limit;        /* the loop waits meanwhile: ask for some hundreds, and again */
};
/* Oldest first. */
bool agent_queue_list(struct agent *agent, const struct agent_queue_query *query,
                      void (*each)(void *context, const struct agent_queue_info *info),
                      void *context, struct fault *fault) MUST_USE;
/* False (FAULT_NOT_FOUND) when there is no such row. Texts are borrowed during `each`. */
bool agent_queue_show(struct agent *agent, int64_t id,
                      void (*each)(void *context, const struct agent_queue_info *info),
                      void *context, struct fault *fault) MUST_USE;
/* failed -> queued; with `force` also held -> working, whatever work is asked for. FAULT_NOT_FOUND,
 * FAULT_INVALID (its state allows no such thing). */
void agent_queue_retry(struct agent *agent, int64_t id, bool force, struct agent_done done);
void agent_queue_cancel(struct agent *agent, int64_t id, struct agent_done done);

/* ---- status ---- */

/* Kinds of objects that were gone through since the start. */
enum agent_processed { AGENT_MSGS, AGENT_BROADCASTS, AGENT_PUBKEYS, AGENT_N_PROCESSED };

struct agent_status {
    size_t n_identities;
    size_t n_chans;
    size_t queue[OUTGOING_N_STATES]; /* recipients by state */
    struct pow_jobs_status pow;
    size_t n_incoming;   /* objects not yet done */
    uint64_t n_received; /* messages stored since the start */
    uint64_t n_processed[AGENT_N_PROCESSED];
    uint64_t objects_done; /* the cursor */

    struct agent_lock_status lock;
    bool link_is_up;
    struct node_figures node; /* all zero before its first word */
};
void agent_status(struct agent *agent, struct agent_status *out);

/* The node's connections, at most LINK_MAX_PEERS; a fault when it is not there. Answered later. */
struct agent_peers_done {
    void (*call)(void *context, const struct link_peer *peers, size_t n_peers,
                 const struct fault *fault);
    void *context;
};
void agent_peers(struct agent *agent, struct agent_peers_done done);

#endif
