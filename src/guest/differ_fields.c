/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/differ_fields.h"

int
differ_text(const char *path, const char *name, const char *there,
            const char *here, struct error *err)
{
    if (is_same_text(there, here)) {
        return 0;
    }
    return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                     "%s: %s is %s%s%s there and %s%s%s here", path, name,
                     there != NULL ? "'" : "", there != NULL ? there : "absent",
                     there != NULL ? "'" : "", here != NULL ? "'" : "",
                     here != NULL ? here : "absent", here != NULL ? "'" : "");
}

int
differ_number(const char *path, const char *name, uint64_t there, uint64_t here,
              struct error *err)
{
    if (there == here) {
        return 0;
    }
    return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                     "%s: %s is %llu there and %llu here", path, name,
                     (unsigned long long)there, (unsigned long long)here);
}

int
differ_maybe_number(const char *path, const char *name,
                    struct guest_number there, struct guest_number here,
                    struct error *err)
{
    AUTO_FREE char *first =
        there.is_set ? xasprintf("%llu", (unsigned long long)there.value)
                     : NULL;
    AUTO_FREE char *second =
        here.is_set ? xasprintf("%llu", (unsigned long long)here.value) : NULL;

    return differ_text(path, name, first, second, err);
}

int
differ_bool(const char *path, const char *name, bool there, bool here,
            struct error *err)
{
    return differ_text(path, name, there ? "yes" : "no", here ? "yes" : "no",
                       err);
}

static const char *
switch_name(enum guest_switch value)
{
    return value == GUEST_SWITCH_UNSET ? NULL
           : value == GUEST_SWITCH_ON  ? "on"
                                       : "off";
}

int
differ_switch(const char *path, const char *name, enum guest_switch there,
              enum guest_switch here, struct error *err)
{
    return differ_text(path, name, switch_name(there), switch_name(here), err);
}

static char *
address_text(const struct guest_address *at)
{
    switch (at->type) {
    case GUEST_ADDRESS_TYPE_PCI:
        return xasprintf(
            "pci %04x:%02x:%02x.%x%s", at->domain, at->bus, at->slot,
            at->function,
            at->multifunction == GUEST_SWITCH_ON ? " (multifunction)" : "");
    case GUEST_ADDRESS_TYPE_DRIVE:
        return xasprintf("drive %u:%u:%u:%u", at->controller, at->bus,
                         at->target, at->unit);
    case GUEST_ADDRESS_TYPE_USB:
        return xasprintf("usb %u:%s", at->bus,
                         at->usb_port != NULL ? at->usb_port : "");
    case GUEST_ADDRESS_TYPE_VIRTIO_SERIAL:
        return xasprintf("virtio-serial %u:%u:%u", at->controller, at->bus,
                         at->virtio_port);
    case GUEST_ADDRESS_TYPE_ISA:
        return xasprintf("isa 0x%llx, irq %llu",
                         (unsigned long long)at->iobase.value,
                         (unsigned long long)at->irq.value);
    default:
        return NULL;
    }
}

int
differ_address(const char *path, const struct guest_address *there,
               const struct guest_address *here, struct error *err)
{
    AUTO_FREE char *first = address_text(there);
    AUTO_FREE char *second = address_text(here);

    return differ_text(path, "address", first, second, err);
}

int
differ_count(const char *path, size_t there, size_t here, struct error *err)
{
    if (there == here) {
        return 0;
    }
    return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                     "%s: there are %zu there and %zu here", path, there, here);
}
