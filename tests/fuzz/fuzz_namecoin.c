// SPDX-License-Identifier: MIT
/* What a Namecoin server may say, of both kinds; and links, which strangers write as well. */
#include "tests/fuzz/fuzz.h"

#include "gateway/agent/people/bitmessage_link.h"
#include "gateway/agent/people/namecoin_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes answer = {data, size};
    struct address address;
    struct bitmessage_link link;
    for (int type = NAMECOIN_NAMECOIND; type <= NAMECOIN_NMCONTROL; type++) {
        struct fault fault = {0};
        enum parse_result early =
            namecoin_read_answer(&address, answer, false, (enum namecoin_type)type, &fault);
        enum parse_result late =
            namecoin_read_answer(&address, answer, true, (enum namecoin_type)type, &fault);
        FUZZ_CHECK(late != PARSE_MORE && (early == PARSE_MORE || early == late));
    }
    if (bitmessage_link_parse(&link, answer, NULL)) {
        FUZZ_CHECK(link.address[0] == 'B' && link.address[3] != '\0');
    }
    return 0;
}
