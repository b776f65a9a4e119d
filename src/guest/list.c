/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/devices.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

/* Every GUEST_LIST looks like this.  Elements move by memcpy(), since the
 * pointers in it are of another type each time. */
struct any_list {
    char *items;
    size_t count;
};

void
guest_list_insert(void *list, size_t index, void *element)
{
    struct any_list any;

    memcpy(&any, list, sizeof(any));
    assert(index <= any.count);
    /* Room for a power of two: full where the count is one. */
    if ((any.count & (any.count - 1)) == 0) {
        any.items =
            xrealloc(any.items, any.count ? any.count * 2 : 1, sizeof(element));
    }
    memmove(any.items + (index + 1) * sizeof(element),
            any.items + index * sizeof(element),
            (any.count - index) * sizeof(element));
    memcpy(any.items + index * sizeof(element), &element, sizeof(element));
    any.count++;
    memcpy(list, &any, sizeof(any));
}

void
guest_list_add(void *list, void *element)
{
    struct any_list any;

    memcpy(&any, list, sizeof(any));
    guest_list_insert(list, any.count, element);
}

void *
guest_list_remove(void *list, size_t index)
{
    struct any_list any;
    void *element;

    memcpy(&any, list, sizeof(any));
    assert(index < any.count);
    memcpy(&element, any.items + index * sizeof(element), sizeof(element));
    any.count--;
    memmove(any.items + index * sizeof(element),
            any.items + (index + 1) * sizeof(element),
            (any.count - index) * sizeof(element));
    memcpy(list, &any, sizeof(any));
    return element;
}
