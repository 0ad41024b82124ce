// SPDX-License-Identifier: MIT
/* The list of names and its tree; LIST of an account with very many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "mailproto/imap/list_pattern.h"
#include "mailproto/imap/mailbox_list.h"
#include "mailproto/imap/mailbox_tree.h"
#include "mailproto/serve/protocol.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

/* ---- The list ---- */

static struct mailbox_list *list_of(const char *const *names)
{
    struct mailbox_list *list = mailbox_list_new();
    for (size_t i = 0; names[i] != NULL; i++) {
        mailbox_list_add(list, &(struct mailbox_entry){.id = i + 1, .name = names[i]});
    }
    mailbox_list_sort(list);
    return list;
}

static void children_follow_their_parent_and_inbox_is_first(void **state)
{
    (void)state;
    static const char *const names[] = {"a b", "a/b", "A",       "a",     "INBOX/z", "INBOXES",
                                        "a-b", "a/c", "a/b/c/d", "INBOX", "a/b-",    NULL};
    static const char *const sorted[] = {"INBOX",   "INBOX/z", "A",   "INBOXES", "a",  "a/b",
                                         "a/b/c/d", "a/b-",    "a/c", "a b",     "a-b"};
    struct mailbox_list *list = list_of(names);
    for (size_t i = 0; i < list->n_entries; i++) {
        assert_string_equal(list->entries[i].name, sorted[i]);
        assert_ptr_equal(mailbox_list_find(list, sorted[i]), &list->entries[i]);
    }
    assert_null(mailbox_list_find(list, "a/b/c"));
    assert_null(mailbox_list_find(list, ""));
    mailbox_list_unref(&list);

    list = mailbox_list_new();
    assert_null(mailbox_list_find(list, "INBOX"));
    mailbox_list_unref(&list);
}

static void a_list_stays_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct mailbox_list *list = list_of((const char *const[]){"INBOX", NULL});
    struct mailbox_list *mine = mailbox_list_ref(list);
    mailbox_list_unref(&list);
    assert_null(list);
    assert_string_equal(mine->entries[0].name, "INBOX");
    mailbox_list_unref(&mine);
}

/* ---- The tree ---- */

static void every_level_is_a_node_once(void **state)
{
    (void)state;
    static const char *const names[] = {"a/b/c", "a/b/d", "a/bb", "a/bb/c", "ab/c", "x", NULL};
    static const char *const nodes[] = {"(a)",    "(a/b)", "a/b/c", "a/b/d", "a/bb",
                                        "a/bb/c", "(ab)",  "ab/c",  "x"};
    struct mailbox_list *list = list_of(names);
    struct mailbox_walk walk = {.list = list};
    struct mailbox_node node;
    size_t n_nodes = 0;
    while (mailbox_walk_next(&walk, &node)) {
        char text[64];
        snprintf(text, sizeof(text), node.entry != NULL ? "%.*s" : "(%.*s)", (int)node.len,
                 node.name);
        assert_true(n_nodes < sizeof(nodes) / sizeof(nodes[0]));
        assert_string_equal(text, nodes[n_nodes++]);
    }
    assert_int_equal(n_nodes, sizeof(nodes) / sizeof(nodes[0]));
    mailbox_list_unref(&list);
}

struct question {
    const struct mailbox_list *list;
    size_t n_asked;
};

static bool has_odd_id(const void *context, size_t index)
{
    struct question *question = (struct question *)(uintptr_t)context;
    question->n_asked++;
    return question->list->entries[index].id % 2 == 1;
}

static bool is_above_odd(const struct mailbox_list *list, const struct mailbox_node *node)
{
    for (size_t i = 0; i < list->n_entries; i++) {
        if (list->entries[i].id % 2 == 1 &&
            mailbox_name_is_below(list->entries[i].name, node->name, node->len)) {
            return true;
        }
    }
    return false;
}

/* Trees whose names are drawn; each answer against one that looks at all names. */
static void what_is_below_is_found_in_any_tree(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (unsigned round = 0; round < 300; round++) {
        struct mailbox_list *list = mailbox_list_new();
        for (unsigned i = 0; i < 30; i++) {
            char name[16];
            size_t len = 0;
            do {
                seed = seed * 1103515245 + 12345;
                name[len++] = "ab!"[(seed >> 16) % 3];
                name[len++] = '/';
            } while (len < 10 && (seed >> 20) % 3 != 0);
            name[len - 1] = '\0';
            mailbox_list_sort(list);
            if (mailbox_list_find(list, name) == NULL) {
                mailbox_list_add(list, &(struct mailbox_entry){seed >> 24, name, 0});
            }
        }
        mailbox_list_sort(list);
        struct question question = {list, 0};
        struct mailbox_ahead ahead = {.holds = has_odd_id, .context = &question};
        struct mailbox_walk walk = {.list = list};
        struct mailbox_node node;
        while (mailbox_walk_next(&walk, &node)) {
            assert_int_equal(mailbox_walk_is_above(&walk, &node, &ahead),
                             is_above_odd(list, &node));
        }
        mailbox_list_unref(&list);
    }
}

/* Trees of n names: flat, broad, and each level with one name below it and one beside. */
static void add_flat(struct mailbox_list *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof(name), "box%u", i);
        mailbox_list_add(list, &(struct mailbox_entry){2, name, 0});
    }
}

static void add_broad(struct mailbox_list *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof(name), "a%u/b%u/c%u", i / 100, i / 10 % 10, i % 10);
        mailbox_list_add(list, &(struct mailbox_entry){2, name, 0});
    }
}

static void add_deep(struct mailbox_list *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char name[1000] = {0};
        for (unsigned depth = 0; depth < i % 400; depth++) {
            strcat(name, "x/");
        }
        snprintf(name + strlen(name), 32, "y%u", i);
        mailbox_list_add(list, &(struct mailbox_entry){2, name, 0});
    }
}

/* However the tree looks, and also where the answer is always no: each entry is looked at once, and
 * once more where a question stopped. */
static void a_walk_with_its_questions_costs_as_much_as_the_list_is_long(void **state)
{
    (void)state;
    void (*const shapes[])(struct mailbox_list * list, unsigned n) = {add_flat, add_broad,
                                                                      add_deep};
    for (size_t shape = 0; shape < sizeof(shapes) / sizeof(shapes[0]); shape++) {
        for (unsigned has_last = 0; has_last < 2; has_last++) {
            struct mailbox_list *list = mailbox_list_new();
            shapes[shape](list, 10000);
            mailbox_list_add(list, &(struct mailbox_entry){has_last, "zz", 0});
            mailbox_list_sort(list);
            struct question question = {list, 0};
            struct mailbox_ahead ahead = {.holds = has_odd_id, .context = &question};
            struct mailbox_walk walk = {.list = list};
            struct mailbox_node node;
            size_t n_nodes = 0;
            while (mailbox_walk_next(&walk, &node)) {
                n_nodes++;
                assert_false(mailbox_walk_is_above(&walk, &node, &ahead));
            }
            assert_in_range(n_nodes, 10001, 12000);
            assert_in_range(question.n_asked, 10000, 10001 + n_nodes);
            mailbox_list_unref(&list);
        }
    }
}

/* ---- Patterns ---- */

static void patterns_match_levels_or_all(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *name;
        bool matches;
    } cases[] = {
        {"*", "a/b", true},       {"%", "a", true},
        {"%", "a/b", false},      {"a*", "a", true},
        {"a%b", "a/b", false},    {"%/%", "a/b", true},
        {"*%", "a/b", true},      {"%*c", "a/b/c", true},
        {"a/%/c", "a/b/c", true}, {"a/%/c", "a/b/b/c", false},
        {"*/c%", "a/c/cd", true}, {"", "", true},
        {"", "a", false},         {"ab", "a", false},
        {"*b*b", "abab/b", true}, {"%a*", "ba/c", true},
        {"%b%", "a/b", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t work = 0;
        bool matches =
            list_pattern_matches(cases[i].pattern, cases[i].name, strlen(cases[i].name), &work);
        if (matches != cases[i].matches) {
            fail_msg("%s against %s", cases[i].pattern, cases[i].name);
        }
    }
}

static void the_worst_pattern_costs_no_more_than_the_product(void **state)
{
    (void)state;
    char name[1001];
    char pattern[1001];
    size_t work = 0;
    memset(name, 'a', 1000);
    name[1000] = '\0';
    for (size_t i = 0; i < 1000; i++) {
        pattern[i] = "*a%a"[i % 4];
    }
    pattern[999] = 'b';
    pattern[1000] = '\0';
    assert_false(list_pattern_matches(pattern, name, 1000, &work));
    assert_in_range(work, 1000, 1000 * 1000 + 2000);
}

/* ---- LIST ---- */

enum { MANY = 10000 };

static void add_many(struct imap_world *world)
{
    for (unsigned i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof(name), "l%03u/box%05u", i / 50, i);
        memory_mail_add_mailbox(world->store, name, i % 2 == 0 ? MAILBOX_SUBSCRIBED : 0);
    }
}

static size_t count_lines(struct bytes output, const char *beginning)
{
    size_t n_lines = 0;
    while (output.len > 0) {
        size_t len = bytes_find(output, '\n');
        n_lines += bytes_starts_with(output, bytes_of_str(beginning));
        output = bytes_slice(output, len + 1, SIZE_MAX);
    }
    return n_lines;
}

/* The script's driver holds that no turn gives much more than the mark. */
static void ten_thousand_names_are_listed_in_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *beginning;
        size_t n_lines;
    } cases[] = {
        {"LIST \"\" *", "* LIST (\\HasNoChildren", MANY + 6},
        {"LIST \"\" *", "* LIST (\\Noselect \\HasChildren) \"/\" \"l", MANY / 50},
        {"LIST \"\" %", "* LIST ", MANY / 50 + 6},
        {"LIST \"\" l*/%7", "* LIST ", MANY / 10},
        {"LSUB \"\" *", "* LSUB () ", MANY / 2 + 4},
        {"LIST (SUBSCRIBED) \"\" * RETURN (CHILDREN)", "* LIST (\\HasNoChildren \\Subscribed)",
         MANY / 2 + 4},
        {"LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %", "* LIST (\\NonExistent) \"/\" \"l", MANY / 50},
        {"LIST \"\" * RETURN (STATUS (MESSAGES MAILBOXID))", "* STATUS \"l", MANY},
        {"LIST \"\" * RETURN (MYRIGHTS)", "* MYRIGHTS ", MANY + 6},
    };
    struct imap_world world;
    imap_world_init(&world, false);
    add_many(&world);
    imap_world_log_in(&world, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *command = xasprintf("t %s\r\n", cases[i].command);
        imap_world_send(&world, 1, bytes_of_str(command));
        struct bytes output = imap_world_output(&world, 1);
        if (count_lines(output, cases[i].beginning) != cases[i].n_lines) {
            fail_msg("%s: %zu lines", cases[i].command, count_lines(output, cases[i].beginning));
        }
        assert_int_equal(count_lines(output, "t OK"), 1);
        imap_world_forget_output(&world, 1);
        free(command);
    }
    imap_world_clear(&world);
}

/* While an answer waits for its reader, names come and go; it goes on with what it began with. */
static void a_list_under_way_is_of_one_moment(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    add_many(&world);
    imap_world_log_in(&world, 1);
    imap_world_send_only(&world, 1,
                         bytes_of_str("t LIST \"\" * RETURN (STATUS (MESSAGES MAILBOXID))\r\n"));
    assert_true(imap_world_wants(&world, 1, SERVE_WANT_OUTPUT));
    memory_mail_add_mailbox(world.store, "zz", 0);
    imap_world_log_in(&world, 2);
    RUN(&world, "2> d DELETE l199/box09999", "2< ~d OK", "2> l LIST \"\" zz", "2< ~* LIST",
        "2< ~l OK");
    imap_world_settle(&world);
    struct bytes output = imap_world_output(&world, 1);
    assert_int_equal(count_lines(output, "* LIST "), MANY + MANY / 50 + 6);
    imap_world_clear(&world);
}

/* The session ends in the middle. */
static void a_list_that_nobody_reads_is_let_go(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    add_many(&world);
    imap_world_log_in(&world, 1);
    imap_world_send_only(&world, 1, bytes_of_str("t LIST \"\" *\r\n"));
    imap_world_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_follow_their_parent_and_inbox_is_first),
        cmocka_unit_test(a_list_stays_as_long_as_somebody_holds_it),
        cmocka_unit_test(every_level_is_a_node_once),
        cmocka_unit_test(what_is_below_is_found_in_any_tree),
        cmocka_unit_test(a_walk_with_its_questions_costs_as_much_as_the_list_is_long),
        cmocka_unit_test(patterns_match_levels_or_all),
        cmocka_unit_test(the_worst_pattern_costs_no_more_than_the_product),
        cmocka_unit_test(ten_thousand_names_are_listed_in_pieces),
        cmocka_unit_test(a_list_under_way_is_of_one_moment),
        cmocka_unit_test(a_list_that_nobody_reads_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
