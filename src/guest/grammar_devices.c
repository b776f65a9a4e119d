/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of what all devices have, and of the simple devices. */

#include <string.h>

#include "guest/grammar.h"

static bool is_address_placed(const void *object);
static int finish_rng(struct grammar_reader *reader, const xmlNode *node,
                      void *object);

/* ---- address ----------------------------------------------------------- */

#define OF(...) WHEN(guest_device, address.type, __VA_ARGS__)
#define PCI     BIT(GUEST_ADDRESS_TYPE_PCI)
#define DRIVE   BIT(GUEST_ADDRESS_TYPE_DRIVE)
#define USB     BIT(GUEST_ADDRESS_TYPE_USB)
#define PORT    BIT(GUEST_ADDRESS_TYPE_VIRTIO_SERIAL)
#define ISA     BIT(GUEST_ADDRESS_TYPE_ISA)
#define PLACED  .is_written = is_address_placed
const struct grammar_field guest_address_fields[GUEST_ADDRESS_FIELDS] = {
    ATTRIBUTE("type", WORD(guest_device, address.type, guest_address_type),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("domain", HEX(guest_device, address.domain, 4, 0xffff), OF(PCI),
              PLACED),
    ATTRIBUTE("bus", HEX(guest_device, address.bus, 2, 0xff), OF(PCI), PLACED),
    ATTRIBUTE("slot", HEX(guest_device, address.slot, 2, 0x1f), OF(PCI),
              PLACED),
    ATTRIBUTE("function", HEX(guest_device, address.function, 1, 7), OF(PCI),
              PLACED),
    ATTRIBUTE("multifunction", ON_OFF(guest_device, address.multifunction),
              OF(PCI)),
    ATTRIBUTE("controller",
              UNSIGNED(guest_device, address.controller, 0, 65535),
              OF(DRIVE | PORT)),
    ATTRIBUTE("bus", UNSIGNED(guest_device, address.bus, 0, 65535),
              OF(DRIVE | USB | PORT)),
    ATTRIBUTE("target", UNSIGNED(guest_device, address.target, 0, 65535),
              OF(DRIVE)),
    ATTRIBUTE("unit", UNSIGNED(guest_device, address.unit, 0, 65535),
              OF(DRIVE)),
    ATTRIBUTE("port", UNSIGNED(guest_device, address.virtio_port, 0, 65535),
              OF(PORT)),
    ATTRIBUTE("port", TEXT(guest_device, address.usb_port), .min = 1, .max = 32,
              OF(USB)),
    ATTRIBUTE("iobase", HEX_NUMBER(guest_device, address.iobase, 0xffff),
              OF(ISA)),
    ATTRIBUTE("irq", HEX_NUMBER(guest_device, address.irq, 0xff), OF(ISA)),
};
#undef OF

/* ---- input, sound, audio, video ----------------------------------------- */

static const struct grammar_field input_fields[] = {
    ATTRIBUTE("type", WORD(guest_input, type, guest_input_type),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("bus", WORD(guest_input, bus, guest_input_bus)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_input_grammar = GRAMMAR(guest_input, input_fields);

static const struct grammar_field sound_fields[] = {
    ATTRIBUTE("model", WORD(guest_sound, model, guest_sound_model),
              FLAGS(FIELD_REQUIRED)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_sound_grammar = GRAMMAR(guest_sound, sound_fields);

static const struct grammar_field audio_fields[] = {
    ATTRIBUTE("id", NUMBER(guest_audio, id, 1, UINT32_MAX),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("type", WORD(guest_audio, type, guest_audio_type),
              FLAGS(FIELD_REQUIRED)),
};
const struct grammar guest_audio_grammar = GRAMMAR(guest_audio, audio_fields);

static const struct grammar_field video_model_fields[] = {
    ATTRIBUTE("type", WORD(guest_video, type, guest_video_type),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("vram", NUMBER(guest_video, vram, 1, 1 << 22)),
    ATTRIBUTE("heads", NUMBER(guest_video, heads, 1, 16)),
    ATTRIBUTE("primary", YES_NO(guest_video, primary)),
};
static const struct grammar_field video_fields[] = {
    GROUP("model", video_model_fields),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_video_grammar = GRAMMAR(guest_video, video_fields);

/* ---- hub, watchdog, balloon, rng, panic --------------------------------- */

static const struct grammar_field hub_fields[] = {
    ATTRIBUTE("type", WORD(guest_hub, type, guest_hub_type),
              FLAGS(FIELD_REQUIRED)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_hub_grammar = GRAMMAR(guest_hub, hub_fields);

static const struct grammar_field watchdog_fields[] = {
    ATTRIBUTE("model", WORD(guest_watchdog, model, guest_watchdog_model),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("action", WORD(guest_watchdog, action, guest_watchdog_action),
              INITIALLY(GUEST_WATCHDOG_ACTION_RESET)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_watchdog_grammar =
    GRAMMAR(guest_watchdog, watchdog_fields);

static const struct grammar_field memballoon_fields[] = {
    ATTRIBUTE("model", WORD(guest_memballoon, model, guest_memballoon_model),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("autodeflate", ON_OFF(guest_memballoon, autodeflate)),
    ATTRIBUTE("freePageReporting",
              ON_OFF(guest_memballoon, free_page_reporting)),
    CHILD_ATTRIBUTE("stats", "period",
                    NUMBER(guest_memballoon, stats_period, 0, INT32_MAX)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_memballoon_grammar =
    GRAMMAR(guest_memballoon, memballoon_fields);

static const struct grammar_field rate_fields[] = {
    ATTRIBUTE("bytes", NUMBER(guest_rng, rate_bytes, 1, UINT32_MAX),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("period", NUMBER(guest_rng, rate_period, 1, UINT32_MAX)),
};
static const struct grammar_field backend_fields[] = {
    ATTRIBUTE("model", WORD(guest_rng, backend, guest_rng_backend),
              FLAGS(FIELD_REQUIRED)),
    CONTENT(TEXT(guest_rng, path),
            WHEN(guest_rng, backend, BIT(GUEST_RNG_BACKEND_RANDOM))),
};
static const struct grammar_field rng_fields[] = {
    ATTRIBUTE("model", WORD(guest_rng, model, guest_rng_model),
              FLAGS(FIELD_REQUIRED)),
    GROUP("rate", rate_fields),
    GROUP("backend", backend_fields, FLAGS(FIELD_REQUIRED)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_rng_grammar =
    GRAMMAR(guest_rng, rng_fields, .finish = finish_rng);

static const struct grammar_field panic_fields[] = {
    ATTRIBUTE("model", WORD(guest_panic, model, guest_panic_model),
              INITIALLY(GUEST_PANIC_MODEL_ISA)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_panic_grammar = GRAMMAR(guest_panic, panic_fields);

bool
guest_is_alias_live(const void *object)
{
    const struct guest_device *device = object;

    return device->alias && !has_prefix(device->alias, "ua-");
}

/* Not <address type='pci'/> alone. */
static bool
is_address_placed(const void *object)
{
    const struct guest_address *address =
        &((const struct guest_device *)object)->address;

    return address->domain || address->bus || address->slot ||
           address->function;
}

static int
finish_rng(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest_rng *rng = object;

    (void)reader;
    (void)node;
    if (rng->backend == GUEST_RNG_BACKEND_RANDOM && !rng->path) {
        rng->path = xstrdup("/dev/urandom");
    }
    return 0;
}
