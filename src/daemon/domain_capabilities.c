/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest of this host may have, as libvirt's <domainCapabilities>: made
 * of what QEMU said it can and of the words that our domain XML knows, so that
 * it can't promise more than a definition may ask for. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "daemon/capabilities_xml.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"
#include "guest/names.h"

struct asked {
    const char *binary;
    const struct qemu_machine *machine;
    const char *type; /* "qemu", "kvm" */
};

static int check(const struct host *host,
                 const struct remote_connect_get_domain_capabilities_args *args,
                 struct asked *asked, struct error *err);
static int check_type(const struct host *host, struct asked *asked,
                      struct error *err);
static char *format(const struct host *host, const struct asked *asked);
static void add_os(struct text *text);
static void add_cpu(struct text *text, const struct host *host,
                    const struct asked *asked);
static void add_devices(struct text *text);
static void add_enum(struct text *text, const char *name,
                     const struct guest_words *words);
static void add_words(struct text *text, const char *name,
                      const char *const *words);
static void add_features(struct text *text);

static const char *
optional(char *const *text)
{
    return text ? *text : NULL;
}

void
handle_connect_get_domain_capabilities(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_get_domain_capabilities_args *args)
{
    const struct host *host = &client->daemon->host;
    struct remote_connect_get_domain_capabilities_ret ret;
    struct asked asked = {0};
    AUTO_ERROR err = {0};

    if (check(host, args, &asked, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.capabilities = format(host, &asked);
    rpc_call_reply(call, &ret);
    free(ret.capabilities);
}

static int
check(const struct host *host,
      const struct remote_connect_get_domain_capabilities_args *args,
      struct asked *asked, struct error *err)
{
    const char *arch = optional(args->arch);
    const char *machine = optional(args->machine);

    if (wire_check_flags(args->flags, 0, "qemuConnectGetDomainCapabilities",
                         err) < 0) {
        return -1;
    }
    asked->binary = optional(args->emulatorbin);
    asked->type = optional(args->virttype);
    if (!asked->binary) {
        asked->binary =
            host->settings.qemu_binary ? host->settings.qemu_binary : "";
    }
    if (access(asked->binary, X_OK) < 0) {
        return error_set_errno(err, errno, "Cannot check QEMU binary %s",
                               asked->binary);
    }
    if (arch && strcmp(arch, host->qemu->arch) != 0) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "unable to find any emulator to serve '%s'"
                         " architecture",
                         arch);
    }
    asked->machine = qemu_capabilities_find_machine(host->qemu, machine);
    if (!asked->machine) {
        return error_set(err, ERROR_INVALID_ARG,
                         "the machine '%s' is not supported by emulator '%s'",
                         machine ? machine : "", asked->binary);
    }
    return check_type(host, asked, err);
}

static int
check_type(const struct host *host, struct asked *asked, struct error *err)
{
    if (!asked->type) {
        asked->type = host->qemu->is_kvm_enabled ? "kvm" : "qemu";
    }
    if (strcmp(asked->type, "qemu") != 0 && strcmp(asked->type, "kvm") != 0) {
        return error_set(err, ERROR_INVALID_ARG, "unknown virttype: %s",
                         asked->type);
    }
    if (strcmp(asked->type, "kvm") == 0 && !host->qemu->is_kvm_enabled) {
        return error_set(err, ERROR_INVALID_ARG,
                         "the accel 'kvm' is not supported by '%s' on this"
                         " host",
                         asked->binary);
    }
    return 0;
}

static char *
format(const struct host *host, const struct asked *asked)
{
    AUTO_TEXT text = {0};

    text_add(&text, "<domainCapabilities>\n  <path>");
    capabilities_add_escaped(&text, asked->binary);
    text_addf(&text, "</path>\n  <domain>%s</domain>\n  <machine>",
              asked->type);
    capabilities_add_escaped(&text, asked->machine->name);
    text_addf(&text,
              "</machine>\n  <arch>x86_64</arch>\n  <vcpu max='%u'/>\n"
              "  <iothreads supported='yes'/>\n",
              asked->machine->max_cpus);
    add_os(&text);
    add_cpu(&text, host, asked);
    text_add(&text, "  <memoryBacking supported='no'/>\n");
    add_devices(&text);
    add_features(&text);
    text_add(&text, "</domainCapabilities>\n");
    return text_take(&text);
}

static void
add_os(struct text *text)
{
    static const char *const types[] = {"rom", "pflash", NULL};
    static const char *const switches[] = {"yes", "no", NULL};
    static const char *const no[] = {"no", NULL};

    text_add(text, "  <os supported='yes'>\n"
                   "    <enum name='firmware'/>\n"
                   "    <loader supported='yes'>\n");
    add_words(text, "type", types);
    add_words(text, "readonly", switches);
    add_words(text, "secure", no);
    text_add(text, "    </loader>\n  </os>\n");
}

/* A model of the host would have to be taken from a table of models; a guest
 * says which one it wants. */
static void
add_cpu(struct text *text, const struct host *host, const struct asked *asked)
{
    bool is_kvm = strcmp(asked->type, "kvm") == 0;

    text_addf(text,
              "  <cpu>\n"
              "    <mode name='host-passthrough' supported='%s'/>\n"
              "    <mode name='maximum' supported='yes'/>\n"
              "    <mode name='host-model' supported='no'/>\n"
              "    <mode name='custom' supported='yes'>\n",
              is_kvm ? "yes" : "no");
    for (size_t i = 0; i < host->qemu->cpu_model_count; i++) {
        const struct qemu_cpu_model *model = &host->qemu->cpu_models[i];

        if (!model->alias_of && strcmp(model->name, "max") != 0 &&
            strcmp(model->name, "host") != 0 &&
            strcmp(model->name, "base") != 0) {
            text_addf(text, "      <model usable='%s' vendor='unknown'>",
                      model->is_usable ? "yes" : "no");
            capabilities_add_escaped(text, model->name);
            text_add(text, "</model>\n");
        }
    }
    text_add(text, "    </mode>\n  </cpu>\n");
}

static void
add_devices(struct text *text)
{
    static const char *const virtio[] = {"virtio", NULL};
    static const char *const channels[] = {"pty", "unix", NULL};

    text_add(text, "  <devices>\n    <disk supported='yes'>\n");
    add_enum(text, "diskDevice", &guest_disk_device_words);
    add_enum(text, "bus", &guest_disk_bus_words);
    add_words(text, "model", virtio);
    text_add(text, "    </disk>\n    <graphics supported='yes'>\n");
    add_enum(text, "type", &guest_graphics_type_words);
    text_add(text, "    </graphics>\n    <video supported='yes'>\n");
    add_enum(text, "modelType", &guest_video_type_words);
    text_add(text, "    </video>\n"
                   "    <hostdev supported='no'/>\n"
                   "    <rng supported='yes'>\n");
    add_enum(text, "model", &guest_rng_model_words);
    add_enum(text, "backendModel", &guest_rng_backend_words);
    text_add(text, "    </rng>\n"
                   "    <filesystem supported='no'/>\n"
                   "    <tpm supported='no'/>\n"
                   "    <redirdev supported='no'/>\n"
                   "    <channel supported='yes'>\n");
    add_words(text, "type", channels);
    text_add(text, "    </channel>\n  </devices>\n");
}

/* Word 0 is "not set". */
static void
add_enum(struct text *text, const char *name, const struct guest_words *words)
{
    text_addf(text, "      <enum name='%s'>\n", name);
    for (unsigned i = 1; i < words->count; i++) {
        text_addf(text, "        <value>%s</value>\n", words->words[i]);
    }
    text_add(text, "      </enum>\n");
}

static void
add_words(struct text *text, const char *name, const char *const *words)
{
    text_addf(text, "      <enum name='%s'>\n", name);
    for (; *words; words++) {
        text_addf(text, "        <value>%s</value>\n", *words);
    }
    text_add(text, "      </enum>\n");
}

static void
add_features(struct text *text)
{
    text_add(text, "  <features>\n"
                   "    <gic supported='no'/>\n"
                   "    <vmcoreinfo supported='no'/>\n"
                   "    <genid supported='no'/>\n"
                   "    <backingStoreInput supported='no'/>\n"
                   "    <backup supported='no'/>\n"
                   "    <sev supported='no'/>\n"
                   "    <sgx supported='no'/>\n"
                   "    <hyperv supported='yes'>\n");
    add_enum(text, "features", &guest_hyperv_feature_words);
    text_add(text, "    </hyperv>\n  </features>\n");
}
