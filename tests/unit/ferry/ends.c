/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends.h"

#include <stdlib.h>

#include <libvirt/libvirt.h>

#include "base/memory.h"

static void
hear(struct fake *fake, const char *call,
     const struct coordinator_request *request)
{
    const char *xml =
        parameters_find_string(request->parameters, VIR_MIGRATE_PARAM_DEST_XML);
    const char *uri =
        parameters_find_string(request->parameters, VIR_MIGRATE_PARAM_URI);
    const char *name = parameters_find_string(request->parameters,
                                              VIR_MIGRATE_PARAM_DEST_NAME);

    text_addf(&fake->heard, "%s 0x%x%s cookie=%.*s xml=%s uri=%s name=%s\n",
              call, request->flags, request->is_cancelled ? " cancelled" : "",
              (int)request->cookie_size,
              request->cookie ? (const char *)request->cookie : "",
              xml ? xml : "", uri ? uri : "", name ? name : "");
}

#define CALL(name)                                                             \
    static void name(void *end, const struct coordinator_request *request,     \
                     coordinator_answered *answered, void *owner)              \
    {                                                                          \
        struct fake *fake = end;                                               \
                                                                               \
        assert_null(fake->call);                                               \
        hear(fake, #name, request);                                            \
        fake->call = #name;                                                    \
        fake->answered = answered;                                             \
        fake->owner = owner;                                                   \
    }
CALL(begin)
CALL(dump_xml)
CALL(get_state)
CALL(prepare)
CALL(perform)
CALL(finish)
CALL(confirm)
CALL(ask_again)

static void
abort_perform(void *end, const struct coordinator_request *request,
              coordinator_answered *answered, void *owner)
{
    struct fake *fake = end;

    (void)owner;
    hear(fake, "abort", request);
    fake->abort_answered = answered;
}

static void
forget(void *end)
{
    struct fake *fake = end;

    fake->call = NULL;
}

static const struct coordinator_end_operations operations = {
    .begin = begin,
    .dump_xml = dump_xml,
    .get_state = get_state,
    .prepare = prepare,
    .perform = perform,
    .finish = finish,
    .confirm = confirm,
    .abort = abort_perform,
    .ask_again = ask_again,
    .forget = forget,
};

static void
moved(void *owner, enum coordinator_state state)
{
    struct world *world = owner;

    text_addf(&world->states, "%s ", coordinator_state_name(state));
}

static void
ended(void *owner, enum coordinator_state state, const struct error *err,
      const struct error *warning)
{
    struct world *world = owner;

    assert_false(world->is_over);
    world->is_over = true;
    world->end = state;
    if (err) {
        error_copy(&world->error, err);
    }
    if (warning) {
        error_copy(&world->warning, warning);
    }
    coordinator_free(STEAL(world->coordinator));
}

static const struct coordinator_callbacks callbacks = {
    .moved = moved,
    .ended = ended,
};

void
start(struct world *world, unsigned flags, bool has_protection)
{
    const struct coordinator_options options = {
        .protocol = world->protocol,
        .domain = "web1",
        .flags = flags,
        .parameters = &world->parameters,
        .has_protection = has_protection,
        .source = {.operations = &operations,
                   .end = &world->source,
                   .name = "hosta"},
        .destination = {.operations = &operations,
                   .end = &world->destination,
                   .name = "hostb"},
    };

    world->coordinator = coordinator_new(&options, &callbacks, world);
    coordinator_start(world->coordinator);
}

void
done(struct world *world)
{
    coordinator_free(world->coordinator);
    text_done(&world->source.heard);
    text_done(&world->destination.heard);
    text_done(&world->states);
    parameters_done(&world->parameters);
    error_clear(&world->error);
    error_clear(&world->warning);
}
void
answer(struct fake *fake, const char *call,
       const struct coordinator_answer *answer)
{
    assert_non_null(fake->call);
    assert_string_equal(fake->call, call);
    fake->call = NULL;
    fake->answered(fake->owner, answer, NULL);
}

void
refuse(struct fake *fake, const char *call, enum error_code code,
       const char *message)
{
    AUTO_ERROR err = {0};

    error_set(&err, code, "%s", message);
    assert_non_null(fake->call);
    assert_string_equal(fake->call, call);
    fake->call = NULL;
    fake->answered(fake->owner, NULL, &err);
}
