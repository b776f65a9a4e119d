/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/names.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define WORD(P, name, word) [P##_##name] = (word),
#define DEFINE(tag, P, LIST)                                                   \
    static const char *const tag##_list[] = {[P##_UNSET] = NULL,               \
                                             LIST(WORD, P)};                   \
    const struct guest_words tag##_words = {tag##_list, P##_COUNT};            \
    const char *tag##_name(enum tag value)                                     \
    {                                                                          \
        assert((unsigned)value < P##_COUNT);                                   \
        return tag##_list[value];                                              \
    }
GUEST_ENUMS(DEFINE)
#undef DEFINE
#undef WORD

unsigned
guest_words_find(const struct guest_words *words, const char *word)
{
    for (unsigned i = 1; i < words->count; i++) {
        if (strcmp(words->words[i], word) == 0) {
            return i;
        }
    }
    return 0;
}
