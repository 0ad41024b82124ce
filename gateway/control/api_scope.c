// SPDX-License-Identifier: MIT
/* Who asks sees and changes his own account alone, unless he is the home's owner. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "gateway/control/api_internal.h"
#include "gateway/translate/address_form.h"

bool api_may_see(const struct api_call *call, const char *account)
{
    return call->api->account == NULL || str_equal_ci(call->api->account, api_or_empty(account));
}

bool api_take_account(struct api_call *call, const char **out)
{
    const char *named = api_param_text(call, "account");
    if (named != NULL && !api_may_see(call, named)) {
        api_refuse(call, FAULT_DENIED, "that is another account");
        return false;
    }
    *out = call->api->account != NULL ? call->api->account : named;
    return true;
}

struct own_search {
    const struct api_call *call;
    const char *name; /* as address_form has it: without domain */
    const char *found;
    size_t n_found;
};

static void look(void *context, const struct agent_identity_info *info)
{
    struct own_search *search = context;
    if (api_may_see(search->call, info->account) &&
        (str_equal_ci(info->address, search->name) || str_equal_ci(info->label, search->name))) {
        search->found = info->address;
        search->n_found++;
    }
}

const char *api_require_own(struct api_call *call, const char *name)
{
    const char *who = api_require_text(call, name);
    if (who == NULL || call->api->account == NULL) {
        return who;
    }
    struct fault fault = {0};
    struct address_form form;
    if (!address_form_parse(&form, bytes_of_str(who), &fault)) {
        api_fail(call, &fault);
        return NULL;
    }
    struct own_search search = {call, form.name, NULL, 0};
    agent_identity_list(call->api->agent, look, &search);
    if (search.n_found != 1) {
        api_refuse(call, search.n_found == 0 ? FAULT_NOT_FOUND : FAULT_INVALID,
                   search.n_found == 0 ? "you have no such identity or chan"
                                       : "more than one is called so: give the address");
        return NULL;
    }
    call->own = xstrdup(search.found);
    return call->own;
}
