// SPDX-License-Identifier: MIT
/* The keyring at 10,000 identities and 100,000 contacts: the first loading, as at a start, a
 * loading after a change, and looking people up.
 *
 *     bench_people FOLDER [N_IDENTITIES N_CONTACTS]
 *
 * prints a JSON object a line, in milliseconds of CPU; FOLDER gets a new mail.db. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"
#include "crypto/key_search.h"
#include "crypto/random.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/store/mail_db.h"

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static void tell(const char *name, double began)
{
    printf("{\"name\": \"%s\", \"cpu_ms\": %.2f}\n", name, cpu_ms() - began);
}

static void must(bool ok, const struct fault *fault)
{
    if (!ok) {
        fprintf(stderr, "bench_people: %s\n", fault->text);
        exit(1);
    }
}

/* Without zero bytes in front of the ripe, which would take long and change nothing here. */
static void add_identity(struct db *db, int number)
{
    struct fault fault = {0};
    struct identity_keys keys;
    int64_t id = 0;
    char label[32];
    key_search_now_random(&keys, 0);
    snprintf(label, sizeof(label), "identity %d", number);
    const struct new_key key = {
        .account_id = 1,
        .kind = IDENTITY_OWN,
        .address = address_of_keys(4, 1, &keys.signing_public, &keys.encryption_public),
        .label = label,
        .keys = &keys,
        .demand = {1000, 1000},
    };
    must(keyring_write_new(db, &id, &key, &fault), &fault);
}

static void add_contact(struct db *db, int number)
{
    struct fault fault = {0};
    struct address address = {.version = 4, .stream = 1};
    char label[32];
    random_bytes(address.ripe, sizeof(address.ripe));
    snprintf(label, sizeof(label), "contact %d", number);
    must(keyring_write_entry(db, AGENT_CONTACTS, 1, &address, label, &fault), &fault);
}

int main(int argc, char **argv)
{
    struct fault fault = {0};
    struct keyring keyring = {0};
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: bench_people FOLDER [N_IDENTITIES N_CONTACTS]\n");
        return 2;
    }
    int n_identities = argc == 4 ? atoi(argv[2]) : 10000;
    int n_contacts = argc == 4 ? atoi(argv[3]) : 100000;
    char *path = xasprintf("%s/mail.db", argv[1]);
    struct db *db = mail_db_open(path, &fault);
    must(db != NULL && db_begin(db, &fault), &fault);
    for (int i = 0; i < n_identities; i++) {
        add_identity(db, i);
    }
    for (int i = 0; i < n_contacts; i++) {
        add_contact(db, i);
    }
    must(db_commit(db, &fault), &fault);

    double began = cpu_ms();
    must(keyring_load(&keyring, db, NULL, NULL, &fault), &fault);
    tell("first loading", began);
    began = cpu_ms();
    add_contact(db, n_contacts);
    must(keyring_load(&keyring, db, NULL, NULL, &fault), &fault);
    tell("loading after a change", began);

    struct keyring_view view = {&keyring, 1};
    struct address_book book = keyring_book(&view);
    struct address found;
    size_t n_found = 0;
    began = cpu_ms();
    must(book.find_label(book.context, "contact 99", &found, &n_found), &fault);
    tell("a label", began);
    began = cpu_ms();
    must(keyring_is_known_to(&keyring, 1, &keyring.contacts[keyring.n_contacts - 1].address),
         &fault);
    tell("is it a contact", began);
    keyring_clear(&keyring);
    db_close(&db);
    free(path);
    return 0;
}
