/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/guest.h"

#include "guest/grammar.h"

struct guest *
guest_copy(const struct guest *guest)
{
    return grammar_copy(&guest_grammar, guest);
}

void
guest_free(struct guest *guest)
{
    grammar_free(&guest_grammar, guest);
}

int
guest_visit_devices(struct guest *guest,
                    int (*visit)(void *owner, const char *kind,
                                 struct guest_device *device),
                    void *owner)
{
    int result;

#define VISIT(tag, list, name)                                                 \
    for (size_t i = 0; i < guest->list.count; i++) {                           \
        result = visit(owner, name, &guest->list.items[i]->device);            \
        if (result != 0) {                                                     \
            return result;                                                     \
        }                                                                      \
    }
    GUEST_DEVICES(VISIT)
#undef VISIT
    return 0;
}

#define FREE(tag, grammar)                                                     \
    void tag##_free(struct tag *device)                                        \
    {                                                                          \
        grammar_free(&grammar##_grammar, device);                              \
    }
FREE(guest_disk, guest_disk)
FREE(guest_controller, guest_controller)
FREE(guest_interface, guest_interface)
/* All four kinds have the same texts in them, but a channel has its name. */
FREE(guest_chardev, guest_channel)
FREE(guest_input, guest_input)
FREE(guest_graphics, guest_graphics)
FREE(guest_sound, guest_sound)
FREE(guest_audio, guest_audio)
FREE(guest_video, guest_video)
FREE(guest_hub, guest_hub)
FREE(guest_watchdog, guest_watchdog)
FREE(guest_memballoon, guest_memballoon)
FREE(guest_rng, guest_rng)
FREE(guest_panic, guest_panic)
