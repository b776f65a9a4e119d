/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writing a guest: what its forms differ by, beyond what the tables say of
 * single members. */

#include <stdlib.h>
#include <string.h>

#include "guest/grammar.h"

/* A guest as it is shown: a shallow copy, with lists of its own where
 * something is left out. */
struct view {
    struct guest guest;
    struct guest_chardev console;
    void **inputs;
    void **controllers;
    void **consoles;
};

static void choose_cpu(struct guest *guest, unsigned flags);
static void mirror_serial(struct view *view);
static void omit_implicit(struct view *view);
static bool is_implicit_controller(const struct guest *guest,
                                   const struct guest_controller *controller);
static bool is_pc(const struct guest *guest);
static size_t count_controllers(const struct guest *guest,
                                enum guest_controller_type type);

char *
guest_format(const struct guest *guest, unsigned flags)
{
    AUTO_TEXT text = {0};

    guest_format_into(&text, guest, flags, 0);
    return text_take(&text);
}

void
guest_format_into(struct text *text, const struct guest *guest, unsigned flags,
                  unsigned indent)
{
    struct grammar_writer writer = {text, flags, indent};
    struct view view = {.guest = *guest};

    choose_cpu(&view.guest, flags);
    if (!(flags & GUEST_FORMAT_STATUS)) {
        mirror_serial(&view);
        if (flags & GUEST_FORMAT_MIGRATABLE) {
            omit_implicit(&view);
        }
    }
    grammar_write(&writer, "domain", &guest_grammar, &view.guest);
    free(view.inputs);
    free(view.controllers);
    free(view.consoles);
}

/* Shows the CPU as it runs, unless the configuration is asked for. */
static void
choose_cpu(struct guest *guest, unsigned flags)
{
    if (guest->live_cpu &&
        !(flags & (GUEST_FORMAT_INACTIVE | GUEST_FORMAT_MIGRATABLE))) {
        struct guest_cpu *configured = guest->cpu;

        guest->cpu = guest->live_cpu;
        guest->live_cpu = configured;
    } else {
        guest->live_cpu = NULL;
    }
}

/* The first console is the first serial again: where that has changed (its
 * pty), so has the console. */
static void
mirror_serial(struct view *view)
{
    struct guest *guest = &view->guest;

    if (guest->consoles.count == 0 || guest->serials.count == 0 ||
        guest->consoles.items[0]->target != GUEST_CHARDEV_TARGET_SERIAL) {
        return;
    }
    view->console = *guest->serials.items[0];
    view->console.target = GUEST_CHARDEV_TARGET_SERIAL;
    view->console.device.address = (struct guest_address){0};
    view->consoles = xcalloc(guest->consoles.count, sizeof(void *));
    memcpy(view->consoles, guest->consoles.items,
           guest->consoles.count * sizeof(void *));
    view->consoles[0] = &view->console;
    grammar_set_pointer(guest, offsetof(struct guest, consoles.items),
                        view->consoles);
}

/* Leaves out what the reader of a migration's XML puts in by itself, as
 * libvirt does for the sake of its oldest versions. */
static void
omit_implicit(struct view *view)
{
    struct guest *guest = &view->guest;
    size_t inputs = 0, controllers = 0;

    view->inputs = xcalloc(guest->inputs.count + 1, sizeof(void *));
    for (size_t i = 0; i < guest->inputs.count; i++) {
        struct guest_input *input = guest->inputs.items[i];

        if (input->type != GUEST_INPUT_TYPE_KEYBOARD ||
            input->bus != GUEST_INPUT_BUS_PS2) {
            view->inputs[inputs++] = input;
        }
    }
    view->controllers = xcalloc(guest->controllers.count + 1, sizeof(void *));
    for (size_t i = 0; i < guest->controllers.count; i++) {
        struct guest_controller *controller = guest->controllers.items[i];

        if (!is_implicit_controller(guest, controller)) {
            view->controllers[controllers++] = controller;
        }
    }
    grammar_set_pointer(guest, offsetof(struct guest, inputs.items),
                        view->inputs);
    guest->inputs.count = inputs;
    grammar_set_pointer(guest, offsetof(struct guest, controllers.items),
                        view->controllers);
    guest->controllers.count = controllers;
    guest->audios.count = 0;
}

static bool
is_implicit_controller(const struct guest *guest,
                       const struct guest_controller *controller)
{
    if (!is_pc(guest) ||
        (controller->index.is_set && controller->index.value) ||
        count_controllers(guest, controller->type) != 1) {
        return false;
    }
    if (controller->type == GUEST_CONTROLLER_TYPE_USB) {
        return controller->model == GUEST_CONTROLLER_MODEL_PIIX3_UHCI ||
               !controller->model;
    }
    return controller->type == GUEST_CONTROLLER_TYPE_PCI &&
           controller->model == GUEST_CONTROLLER_MODEL_PCI_ROOT;
}

static bool
is_pc(const struct guest *guest)
{
    const char *machine = guest->os.machine;

    return machine &&
           (strcmp(machine, "pc") == 0 || has_prefix(machine, "pc-i440fx"));
}

static size_t
count_controllers(const struct guest *guest, enum guest_controller_type type)
{
    size_t count = 0;

    for (size_t i = 0; i < guest->controllers.count; i++) {
        count += guest->controllers.items[i]->type == type;
    }
    return count;
}
