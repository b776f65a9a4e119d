/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A doubly linked list whose links are inside the elements. */

#pragma once

#include <stdbool.h>

struct list {
    struct list *next;
    struct list *prev;
};

static inline void
list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool
list_is_empty(const struct list *list)
{
    return list->next == list;
}

/* Puts 'element' at the end of 'list'. */
static inline void
list_add(struct list *list, struct list *element)
{
    element->prev = list->prev;
    element->next = list;
    list->prev->next = element;
    list->prev = element;
}

/* Takes 'element' out of its list.  Twice is safe. */
static inline void
list_remove(struct list *element)
{
    element->prev->next = element->next;
    element->next->prev = element->prev;
    list_init(element);
}

/* Walks over the links; the current element may be removed in the body. */
#define LIST_FOR_EACH(link, head)                                              \
    for (struct list *link = (head)->next, *link##_next = link->next;          \
         link != (head); link = link##_next, link##_next = link->next)
