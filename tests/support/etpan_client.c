// SPDX-License-Identifier: MIT
/* libetpan's own IMAP client, taken through a mailbox: what mail programs that are built on it do.
 *
 *     etpan_client PORT USER PASSWORD MAILBOX
 *
 * Makes MAILBOX, works in it and deletes it. Prints a line a step; exit code 1 names the first step
 * that did not go as it should. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libetpan/libetpan.h>

static const char mail[] = "From: Alice <alice@example.org>\r\n"
                           "To: \"Bob, who reads\" <bob@example.org>\r\n"
                           "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
                           "Date: Sat, 21 Nov 2026 12:00:00 +0100\r\n"
                           "Message-ID: <first@example.org>\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                           "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nthe text\r\n"
                           "--b\r\nContent-Type: application/octet-stream; name=\"a b.bin\"\r\n"
                           "Content-Disposition: attachment; filename=\"a b.bin\"\r\n"
                           "Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n";

static void step(const char *name, bool went_well)
{
    printf("%s: %s\n", name, went_well ? "ok" : "FAILED");
    fflush(stdout);
    if (!went_well) {
        exit(1);
    }
}

static bool ok(int result)
{
    return result == MAILIMAP_NO_ERROR || result == MAILIMAP_NO_ERROR_AUTHENTICATED ||
           result == MAILIMAP_NO_ERROR_NON_AUTHENTICATED;
}

static void log_in(mailimap *imap, char **argv)
{
    step("connect", ok(mailimap_socket_connect(imap, "127.0.0.1", (uint16_t)atoi(argv[1]))));
    struct mailimap_capability_data *capabilities = NULL;
    step("capability", ok(mailimap_capability(imap, &capabilities)));
    mailimap_capability_data_free(capabilities);
    step("login", ok(mailimap_login(imap, argv[2], argv[3])));
    step("capability after login", ok(mailimap_capability(imap, &capabilities)));
    mailimap_capability_data_free(capabilities);
    step("has IDLE", mailimap_has_idle(imap));
    step("has UIDPLUS", mailimap_has_uidplus(imap));
    step("has CONDSTORE", mailimap_has_condstore(imap));
    step("has QRESYNC", mailimap_has_qresync(imap));
    step("has NAMESPACE", mailimap_has_namespace(imap));
    step("has SORT", mailimap_has_extension(imap, "SORT"));
    step("has ENABLE", mailimap_has_enable(imap));
}

static void enable_qresync(mailimap *imap)
{
    clist *names = clist_new();
    clist_append(names, mailimap_capability_new(MAILIMAP_CAPABILITY_NAME, NULL, strdup("QRESYNC")));
    struct mailimap_capability_data *wanted = mailimap_capability_data_new(names);
    struct mailimap_capability_data *enabled = NULL;
    step("enable QRESYNC", ok(mailimap_enable(imap, wanted, &enabled)));
    mailimap_capability_data_free(enabled);
    mailimap_capability_data_free(wanted);
}

static void ask_about_the_server(mailimap *imap)
{
    struct mailimap_namespace_data *names = NULL;
    step("namespace", ok(mailimap_namespace(imap, &names)) && names->ns_personal != NULL);
    mailimap_namespace_data_free(names);
    char *server_name = NULL;
    char *server_version = NULL;
    step("id", ok(mailimap_id_basic(imap, "etpan_client", "1", &server_name, &server_version)));
    free(server_name);
    free(server_version);
    clist *found = NULL;
    step("list", ok(mailimap_list(imap, "", "*", &found)) && clist_count(found) >= 6);
    mailimap_list_result_free(found);
    step("lsub", ok(mailimap_lsub(imap, "", "*", &found)));
    mailimap_list_result_free(found);
}

static uint32_t append(mailimap *imap, const char *mailbox)
{
    struct mailimap_flag_list *flags = mailimap_flag_list_new_empty();
    mailimap_flag_list_add(flags, mailimap_flag_new_seen());
    uint32_t validity = 0;
    uint32_t uid = 0;
    step("append", ok(mailimap_uidplus_append(imap, mailbox, flags, NULL, mail, sizeof(mail) - 1,
                                              &validity, &uid)));
    step("append gives a UID", uid != 0 && validity != 0);
    mailimap_flag_list_free(flags);
    return uid;
}

/* The first item of that kind of the only message in an answer, or NULL. */
static struct mailimap_msg_att_static *item_of(clist *answer, int type)
{
    struct mailimap_msg_att *message = clist_content(clist_begin(answer));
    for (clistiter *it = clist_begin(message->att_list); it != NULL; it = clist_next(it)) {
        struct mailimap_msg_att_item *item = clist_content(it);
        if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC &&
            item->att_data.att_static->att_type == type) {
            return item->att_data.att_static;
        }
    }
    return NULL;
}

static clist *fetch(mailimap *imap, uint32_t uid, struct mailimap_fetch_att *what)
{
    struct mailimap_set *set = mailimap_set_new_single(uid);
    struct mailimap_fetch_type *type = mailimap_fetch_type_new_fetch_att_list_empty();
    mailimap_fetch_type_new_fetch_att_list_add(type, mailimap_fetch_att_new_uid());
    mailimap_fetch_type_new_fetch_att_list_add(type, what);
    clist *answer = NULL;
    bool went_well = ok(mailimap_uid_fetch(imap, set, type, &answer)) && clist_count(answer) == 1;
    mailimap_set_free(set);
    mailimap_fetch_type_free(type);
    step("fetch", went_well);
    return answer;
}

static void read_it(mailimap *imap, uint32_t uid)
{
    clist *answer = fetch(imap, uid, mailimap_fetch_att_new_envelope());
    struct mailimap_msg_att_static *item = item_of(answer, MAILIMAP_MSG_ATT_ENVELOPE);
    step("envelope", item != NULL && strcmp(item->att_data.att_env->env_message_id,
                                            "<first@example.org>") == 0);
    struct mailimap_address *to =
        clist_content(clist_begin(item->att_data.att_env->env_to->to_list));
    step("envelope's To", strcmp(to->ad_personal_name, "Bob, who reads") == 0);
    mailimap_fetch_list_free(answer);

    answer = fetch(imap, uid, mailimap_fetch_att_new_bodystructure());
    item = item_of(answer, MAILIMAP_MSG_ATT_BODYSTRUCTURE);
    step("bodystructure",
         item != NULL && item->att_data.att_body->bd_type == MAILIMAP_BODY_MPART &&
             clist_count(item->att_data.att_body->bd_data.bd_body_mpart->bd_list) == 2);
    mailimap_fetch_list_free(answer);

    answer = fetch(imap, uid, mailimap_fetch_att_new_rfc822_size());
    item = item_of(answer, MAILIMAP_MSG_ATT_RFC822_SIZE);
    step("size", item != NULL && item->att_data.att_rfc822_size == sizeof(mail) - 1);
    mailimap_fetch_list_free(answer);

    answer = fetch(imap, uid, mailimap_fetch_att_new_body_peek_section(mailimap_section_new(NULL)));
    item = item_of(answer, MAILIMAP_MSG_ATT_BODY_SECTION);
    step("the same bytes",
         item != NULL && item->att_data.att_body_section->sec_length == sizeof(mail) - 1 &&
             memcmp(item->att_data.att_body_section->sec_body_part, mail, sizeof(mail) - 1) == 0);
    mailimap_fetch_list_free(answer);

    clist *numbers = clist_new();
    uint32_t *first = malloc(sizeof(*first));
    *first = 1;
    clist_append(numbers, first);
    struct mailimap_section *part = mailimap_section_new_part(mailimap_section_part_new(numbers));
    answer = fetch(imap, uid, mailimap_fetch_att_new_body_peek_section(part));
    item = item_of(answer, MAILIMAP_MSG_ATT_BODY_SECTION);
    step("a part",
         item != NULL && strcmp(item->att_data.att_body_section->sec_body_part, "the text") == 0);
    mailimap_fetch_list_free(answer);
}

static size_t search(mailimap *imap, struct mailimap_search_key *key)
{
    clist *found = NULL;
    bool went_well = ok(mailimap_uid_search(imap, "UTF-8", key, &found));
    mailimap_search_key_free(key);
    step("search", went_well);
    size_t n_found = (size_t)clist_count(found);
    mailimap_search_result_free(found);
    return n_found;
}

static void find_it(mailimap *imap)
{
    step("search subject", search(imap, mailimap_search_key_new_subject(strdup("gr\xc3\xbc\xc3\x9f"
                                                                               "e"))) == 1);
    step("search body", search(imap, mailimap_search_key_new_body(strdup("THE TEXT"))) == 1);
    step("search nothing", search(imap, mailimap_search_key_new_body(strdup("nowhere"))) == 0);
    struct mailimap_sort_key *by_date = mailimap_sort_key_new_date(0);
    struct mailimap_search_key *all = mailimap_search_key_new_all();
    clist *sorted = NULL;
    step("sort",
         ok(mailimap_uid_sort(imap, "UTF-8", by_date, all, &sorted)) && clist_count(sorted) == 1);
    mailimap_sort_result_free(sorted);
    mailimap_sort_key_free(by_date);
    mailimap_search_key_free(all);
}

static void flag_copy_expunge(mailimap *imap, const char *mailbox, uint32_t uid)
{
    struct mailimap_set *set = mailimap_set_new_single(uid);
    struct mailimap_flag_list *flags = mailimap_flag_list_new_empty();
    mailimap_flag_list_add(flags, mailimap_flag_new_flag_keyword(strdup("etpan")));
    struct mailimap_store_att_flags *add = mailimap_store_att_flags_new_add_flags(flags);
    step("store a keyword", ok(mailimap_uid_store(imap, set, add)));
    mailimap_store_att_flags_free(add);

    uint32_t validity = 0;
    struct mailimap_set *from = NULL;
    struct mailimap_set *to = NULL;
    step("copy", ok(mailimap_uidplus_uid_copy(imap, set, mailbox, &validity, &from, &to)) &&
                     validity != 0 && to != NULL);
    mailimap_set_free(from);
    mailimap_set_free(to);

    flags = mailimap_flag_list_new_empty();
    mailimap_flag_list_add(flags, mailimap_flag_new_deleted());
    add = mailimap_store_att_flags_new_add_flags(flags);
    step("delete", ok(mailimap_uid_store(imap, set, add)));
    mailimap_store_att_flags_free(add);
    step("uid expunge", ok(mailimap_uid_expunge(imap, set)));
    step("one is left", search(imap, mailimap_search_key_new_all()) == 1);
    mailimap_set_free(set);
}

static void idle(mailimap *imap)
{
    step("idle", ok(mailimap_idle(imap)));
    step("done", ok(mailimap_idle_done(imap)));
}

/* Its SELECT with QRESYNC lacks a pair of parentheses; its FETCH with VANISHED is as should be. */
static void resync(mailimap *imap, const char *mailbox)
{
    clist *changed = NULL;
    struct mailimap_qresync_vanished *gone = NULL;
    uint64_t modseq = 0;
    step("select for modseq", ok(mailimap_select_condstore(imap, mailbox, &modseq)) && modseq > 1);
    struct mailimap_set *all = mailimap_set_new_interval(1, 0);
    struct mailimap_fetch_type *flags =
        mailimap_fetch_type_new_fetch_att(mailimap_fetch_att_new_flags());
    step("what changed and what is gone",
         ok(mailimap_uid_fetch_qresync(imap, all, flags, 1, &changed, &gone)) &&
             clist_count(changed) == 1 && gone != NULL);
    mailimap_fetch_list_free(changed);
    mailimap_qresync_vanished_free(gone);
    mailimap_fetch_type_free(flags);
    mailimap_set_free(all);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: etpan_client PORT USER PASSWORD MAILBOX\n");
        return 2;
    }
    const char *mailbox = argv[4];
    mailimap *imap = mailimap_new(0, NULL);
    log_in(imap, argv);
    enable_qresync(imap); /* libetpan takes nothing else between it and its answer */
    ask_about_the_server(imap);
    step("create", ok(mailimap_create(imap, mailbox)));
    step("subscribe", ok(mailimap_subscribe(imap, mailbox)));
    step("select", ok(mailimap_select(imap, mailbox)));
    uint32_t uid = append(imap, mailbox);
    step("noop", ok(mailimap_noop(imap)));
    read_it(imap, uid);
    find_it(imap);
    flag_copy_expunge(imap, mailbox, uid);
    idle(imap);
    resync(imap, mailbox);
    step("close", ok(mailimap_close(imap)));
    step("unsubscribe", ok(mailimap_unsubscribe(imap, mailbox)));
    step("delete mailbox", ok(mailimap_delete(imap, mailbox)));
    step("logout", ok(mailimap_logout(imap)));
    mailimap_free(imap);
    return 0;
}
