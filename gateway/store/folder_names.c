// SPDX-License-Identifier: MIT
#include "gateway/store/folder_names.h"

#include <string.h>

#include "base/fault.h"
#include "base/str.h"

static bool is_directly_below(const char *name, const char *root)
{
    size_t len = strlen(root);
    return str_starts_with(name, root) && name[len] == '/' && !strchr(name + len + 1, '/');
}

bool folder_is_below(const char *name, const char *root)
{
    return str_starts_with(name, root) && name[strlen(root)] == '/';
}

enum folder_kind folder_kind_of_name(const char *name)
{
    static const struct {
        const char *name;
        enum folder_kind kind;
    } roots[] = {
        {FOLDER_NAME_INBOX, FOLDER_INBOX},
        {FOLDER_NAME_OUTBOX, FOLDER_OUTBOX},
        {FOLDER_NAME_CHANS, FOLDER_CHANS},
        {FOLDER_NAME_SUBSCRIPTIONS, FOLDER_SUBSCRIPTIONS},
    };
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        if (strcmp(name, roots[i].name) == 0) {
            return roots[i].kind;
        }
    }
    if (is_directly_below(name, FOLDER_NAME_CHANS)) {
        return FOLDER_CHAN;
    }
    if (is_directly_below(name, FOLDER_NAME_SUBSCRIPTIONS)) {
        return FOLDER_SUBSCRIPTION;
    }
    return FOLDER_NORMAL;
}

bool folder_is_root(enum folder_kind kind)
{
    return kind == FOLDER_CHANS || kind == FOLDER_SUBSCRIPTIONS;
}

bool folder_is_membership(enum folder_kind kind)
{
    return kind == FOLDER_CHAN || kind == FOLDER_SUBSCRIPTION;
}

const char *folder_label(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

bool folder_check_new_name(const char *name, struct fault *fault)
{
    if (folder_is_below(name, FOLDER_NAME_OUTBOX)) {
        return fault_set(fault, FAULT_DENIED, "Outbox holds no folders");
    }
    bool too_deep = folder_kind_of_name(name) == FOLDER_NORMAL &&
                    (folder_is_below(name, FOLDER_NAME_CHANS) ||
                     folder_is_below(name, FOLDER_NAME_SUBSCRIPTIONS));
    if (too_deep) {
        return fault_set(fault, FAULT_DENIED, "a chan or subscription holds no folders");
    }
    return true;
}
