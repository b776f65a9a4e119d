/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_parts.h"

#include <json-c/json.h>
#include <string.h>

/* A flash chip: two nodes, as for a disk. */
static void
add_flash(struct argv_context *context, unsigned number, const char *path,
          bool is_readonly)
{
    struct json_object *storage = argv_json("driver", "file");
    struct json_object *format;
    AUTO_FREE char *storage_name =
        xasprintf("libvirt-pflash%u-storage", number);

    argv_json_text(storage, "filename", path);
    argv_json_text(storage, "node-name", storage_name);
    argv_json_bool(storage, "auto-read-only", true);
    argv_json_text(storage, "discard", "unmap");
    argv_add_json(&context->argv, "-blockdev", storage);

    format = argv_json("node-name", NULL);
    argv_json_textf(format, "node-name", "libvirt-pflash%u-format", number);
    argv_json_bool(format, "read-only", is_readonly);
    argv_json_text(format, "driver", "raw");
    argv_json_text(format, "file", storage_name);
    argv_add_json(&context->argv, "-blockdev", format);
}

void
argv_pflash(struct argv_context *context)
{
    const struct guest_os *os = &context->guest->os;

    if (os->loader == NULL || os->loader_type != GUEST_LOADER_TYPE_PFLASH) {
        return;
    }
    add_flash(context, 0, os->loader,
              os->is_loader_readonly == GUEST_SWITCH_ON);
    if (os->nvram != NULL) {
        add_flash(context, 1, os->nvram, false);
    }
}

void
argv_firmware(struct argv_context *context)
{
    const struct guest_os *os = &context->guest->os;

    if (os->loader != NULL && os->loader_type != GUEST_LOADER_TYPE_PFLASH) {
        argv_add(&context->argv, "-bios", os->loader);
    }
}

struct smbios_kind {
    enum guest_sysinfo_section section;
    const char *number;
    /* In QEMU's and libvirt's spelling, in libvirt's order. */
    const char *names[8];
};

static const struct smbios_kind smbios_kinds[] = {
    {GUEST_SYSINFO_SECTION_BIOS,        "0",  {"vendor", "version", "date", "release"}                                 },
    {GUEST_SYSINFO_SECTION_SYSTEM,
     "1",                                     {"manufacturer", "product", "version", "serial", "uuid", "sku", "family"}},
    {GUEST_SYSINFO_SECTION_BASE_BOARD,
     "2",                                     {"manufacturer", "product", "version", "serial", "asset", "location"}    },
    {GUEST_SYSINFO_SECTION_CHASSIS,
     "3",                                     {"manufacturer", "version", "serial", "asset", "sku"}                    },
    {GUEST_SYSINFO_SECTION_OEM_STRINGS, "11", {NULL}                                                                   },
};

static void
add_named(struct text *text, const struct guest_sysinfo_block *block,
          const char *name)
{
    for (size_t i = 0; i < block->entries.count; i++) {
        const struct guest_sysinfo_entry *entry = block->entries.items[i];

        /* QEMU has the UUID from -uuid. */
        if (is_same_text(entry->name, name) && strcmp(name, "uuid") != 0) {
            argv_text_pair(text, name, entry->value);
        }
    }
}

static void
add_smbios_block(struct argv_context *context, const struct smbios_kind *kind,
                 const struct guest_sysinfo_block *block)
{
    AUTO_TEXT text = {0};

    argv_text_pair(&text, "type", kind->number);
    if (kind->section == GUEST_SYSINFO_SECTION_OEM_STRINGS) {
        for (size_t i = 0; i < block->entries.count; i++) {
            argv_text_pair(&text, "value", block->entries.items[i]->value);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(kind->names) && kind->names[i] != NULL;
         i++) {
        add_named(&text, block, kind->names[i]);
    }
    argv_add_text(&context->argv, "-smbios", &text);
}

void
argv_smbios(struct argv_context *context)
{
    const struct guest *guest = context->guest;

    if (guest->os.smbios != GUEST_SMBIOS_MODE_SYSINFO) {
        return;
    }
    for (size_t k = 0; k < ARRAY_COUNT(smbios_kinds); k++) {
        for (size_t i = 0; i < guest->sysinfos.count; i++) {
            const struct guest_sysinfo *sysinfo = guest->sysinfos.items[i];

            for (size_t j = 0; j < sysinfo->blocks.count; j++) {
                if (sysinfo->blocks.items[j]->section ==
                    smbios_kinds[k].section) {
                    add_smbios_block(context, &smbios_kinds[k],
                                     sysinfo->blocks.items[j]);
                }
            }
        }
    }
}

void
argv_fw_cfg(struct argv_context *context)
{
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < guest->sysinfos.count; i++) {
        for (size_t j = 0; j < guest->sysinfos.items[i]->entries.count; j++) {
            const struct guest_sysinfo_entry *entry =
                guest->sysinfos.items[i]->entries.items[j];
            AUTO_TEXT text = {0};

            argv_text_pair(&text, "name", entry->name);
            if (entry->file != NULL) {
                argv_text_pair(&text, "file", entry->file);
            } else {
                argv_text_pair(&text, "string", entry->value);
            }
            argv_add_text(&context->argv, "-fw_cfg", &text);
        }
    }
}
