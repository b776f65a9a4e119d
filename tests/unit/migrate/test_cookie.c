/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"

#define HEADER                                                                 \
    "<qemu-migration><name>demo</name>"                                        \
    "<uuid>c0ffee00-1234-4abc-8def-0123456789ab</uuid>"                        \
    "<hostname>hostA.example</hostname>"                                       \
    "<hostuuid>11111111-2222-4333-8444-aaaaaaaaaaaa</hostuuid>"
#define END "</qemu-migration>"

static struct uuid demo;
static struct uuid spicy;
static struct uuid host_a;
static struct uuid host_b;
static struct uuid host_c;

static int
set_up(void **state)
{
    (void)state;
    assert_true(uuid_parse("c0ffee00-1234-4abc-8def-0123456789ab", &demo));
    assert_true(uuid_parse("c0ffee05-1234-4abc-8def-0123456789ab", &spicy));
    assert_true(uuid_parse("11111111-2222-4333-8444-aaaaaaaaaaaa", &host_a));
    assert_true(uuid_parse("11111111-2222-4333-8444-bbbbbbbbbbbb", &host_b));
    assert_true(uuid_parse("11111111-2222-4333-8444-cccccccccccc", &host_c));
    return 0;
}

/* A host that understands everything, and is none of those in the cookies. */
static struct migration_cookie_reader
reader_of_all(void)
{
    return (struct migration_cookie_reader){
        .accepts = ~0u, .name = "demo", .uuid = &demo, .host_uuid = &host_c};
}

static struct migration_cookie_reader
reader_of(enum migration_call call)
{
    struct migration_cookie_reader reader = reader_of_all();

    reader.accepts = migration_cookie_accepts(call);
    return reader;
}

static char *
load(const char *name, size_t *size)
{
    AUTO_FREE char *path = xasprintf("%s/%s.xml", GOLDEN, name);
    FILE *file = fopen(path, "r");
    char *bytes = xcalloc(1, 8192);

    assert_non_null(file);
    *size = fread(bytes, 1, 8191, file) + 1;
    fclose(file);
    return bytes;
}

static void
read_golden(const char *name, const struct migration_cookie_reader *reader,
            struct migration_cookie *cookie)
{
    size_t size;
    AUTO_FREE char *bytes = load(name, &size);
    AUTO_ERROR err = {0};

    if (migration_cookie_parse(cookie, bytes, size, reader, &err) < 0) {
        fail_msg("%s: %s", name, err.message);
    }
}

static void
assert_same_as_golden(const struct migration_cookie *cookie, const char *name,
                      size_t expected_size)
{
    size_t size;
    size_t written;
    AUTO_FREE char *bytes = load(name, &size);
    AUTO_FREE char *text = migration_cookie_format(cookie, &written);

    assert_int_equal(size, expected_size);
    assert_string_equal(text, bytes);
    assert_int_equal(written, size);
}

/* But for those with a cpu element, which is kept as libxml2 writes it. */
static void
libvirts_cookies_are_read_and_written_byte_by_byte(void **state)
{
    static const struct {
        const char *name;
        size_t size; /* As libvirtd 9.0.0 sent them. */
    } cases[] = {
        {"prepare",         698 },
        {"perform",         1132},
        {"finish",          1154},
        {"smallest",        205 },
        {"prepare-storage", 977 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO_MIGRATION_COOKIE cookie = {0};
        struct migration_cookie_reader reader = reader_of_all();

        if (has_suffix(cases[i].name, "-storage")) {
            reader.name = "spicy";
            reader.uuid = &spicy;
        }
        read_golden(cases[i].name, &reader, &cookie);
        assert_true(cookie.is_present);
        assert_same_as_golden(&cookie, cases[i].name, cases[i].size);
    }
}

static void
init_begin(struct migration_cookie *cookie, const char *name,
           const struct uuid *uuid)
{
    migration_cookie_init(cookie, name, uuid, "hostA.example", &host_a);
    cookie->features |= COOKIE_LOCKSTATE;
    migration_cookie_set_cpu(cookie,
                             "<cpu mode='custom' match='exact' check='full'>\n"
                             "  <model fallback='forbid'>qemu64</model>\n"
                             "  <feature policy='require' name='hypervisor'/>\n"
                             "  <feature policy='require' name='lahf_lm'/>\n"
                             "</cpu>\n");
    for (size_t i = 0; migration_cookie_capability_names[i]; i++) {
        const char *capability = migration_cookie_capability_names[i];

        migration_cookie_add_capability(
            cookie, capability,
            strcmp(capability, "pause-before-switchover") == 0);
    }
}

static void
begin_can_be_written_from_facts(void **state)
{
    AUTO_MIGRATION_COOKIE plain = {0};
    AUTO_MIGRATION_COOKIE storage = {0};

    (void)state;
    init_begin(&plain, "demo", &demo);
    assert_same_as_golden(&plain, "begin", 927);
    init_begin(&storage, "spicy", &spicy);
    migration_cookie_add_nbd_disk(&storage, "vda", 67108864);
    migration_cookie_add_bitmap(&storage, "vda", "bm0", "libvirt-vda-bm0");
    assert_same_as_golden(&storage, "begin-storage", 1122);
}

static void
finish_can_be_written_from_what_perform_brought(void **state)
{
    const struct migration_cookie_reader reader =
        reader_of(MIGRATION_CALL_FINISH);
    AUTO_MIGRATION_COOKIE in = {0};
    AUTO_MIGRATION_COOKIE out = {0};

    (void)state;
    read_golden("perform", &reader, &in);
    assert_true(in.sections == COOKIE_STATISTICS);
    migration_statistics_received(&in.statistics, 1795387171699);
    migration_statistics_resumed(&in.statistics, 1795387171714);
    in.statistics.time_elapsed = 3691;
    migration_cookie_init(&out, "demo", &demo, "hostB.example", &host_b);
    migration_cookie_set_statistics(&out, &in.statistics);
    assert_same_as_golden(&out, "finish", 1154);
}

static void
prepare_with_storage_can_be_written_from_facts(void **state)
{
    AUTO_MIGRATION_COOKIE cookie = {0};

    (void)state;
    migration_cookie_init(&cookie, "spicy", &spicy, "hostB.example", &host_b);
    cookie.sections |= COOKIE_GRAPHICS;
    cookie.graphics = (struct cookie_graphics){.type = xstrdup("spice"),
                                               .port = 5901,
                                               .tls_port = -1,
                                               .listen = xstrdup("127.0.0.1")};
    migration_cookie_add_nbd_disk(&cookie, "vda", 67108864);
    cookie.nbd.port = 49311;
    for (size_t i = 0; migration_cookie_capability_names[i]; i++) {
        const char *name = migration_cookie_capability_names[i];

        migration_cookie_add_capability(
            &cookie, name, strcmp(name, "late-block-activate") == 0);
    }
    migration_cookie_add_bitmap(&cookie, "vda", "bm0", "libvirt-vda-bm0");
    assert_same_as_golden(&cookie, "prepare-storage", 977);
}

static void
each_call_reads_what_it_has_a_use_for(void **state)
{
    struct migration_cookie_reader reader = reader_of(MIGRATION_CALL_PREPARE);
    AUTO_MIGRATION_COOKIE prepare = {0};
    AUTO_MIGRATION_COOKIE perform = {0};
    AUTO_MIGRATION_COOKIE confirm = {0};
    bool is_auto = false;

    (void)state;
    read_golden("begin", &reader, &prepare);
    assert_true(prepare.sections == (COOKIE_CPU | COOKIE_CAPABILITIES));
    assert_true(prepare.features == COOKIE_LOCKSTATE);
    assert_string_equal(prepare.hostname, "hostA.example");
    assert_true(has_prefix(prepare.cpu, "<cpu mode="));
    assert_true(migration_cookie_has_capability(
        &prepare, "pause-before-switchover", &is_auto));
    assert_true(is_auto);
    assert_true(migration_cookie_has_capability(&prepare, "multifd", &is_auto));
    assert_false(is_auto);
    assert_false(migration_cookie_has_capability(&prepare, "x", NULL));

    reader = reader_of(MIGRATION_CALL_PERFORM);
    read_golden("prepare", &reader, &perform);
    assert_true(perform.sections == COOKIE_CAPABILITIES);

    reader = reader_of(MIGRATION_CALL_CONFIRM);
    read_golden("finish", &reader, &confirm);
    assert_true(confirm.sections == COOKIE_STATISTICS);
    assert_true(confirm.statistics.has_delta);
    assert_int_equal(confirm.statistics.delta, 5);
    assert_int_equal(confirm.statistics.downtime, 105);
    assert_int_equal(confirm.statistics.counters.memory_normal, 241);
}

static void
our_own_section_is_read_by_prepare_and_announced_to_nobody(void **state)
{
    const struct migration_cookie_reader reader =
        reader_of(MIGRATION_CALL_PREPARE);
    const struct migration_cookie_reader other =
        reader_of(MIGRATION_CALL_PERFORM);
    AUTO_MIGRATION_COOKIE written = {0};
    AUTO_MIGRATION_COOKIE prepare = {0};
    AUTO_MIGRATION_COOKIE perform = {0};
    AUTO_FREE char *bytes = NULL;
    AUTO_ERROR err = {0};
    size_t size;

    (void)state;
    migration_cookie_init(&written, "demo", &demo, "hostA.example", &host_a);
    migration_cookie_set_seen_cpu(&written, "model=qemu64 +lm");
    bytes = migration_cookie_format(&written, &size);
    assert_non_null(
        strstr(bytes, "  <x-vmferry-cpu>model=qemu64 +lm</x-vmferry-cpu>\n"));
    assert_null(strstr(bytes, "<feature"));
    assert_int_equal(
        migration_cookie_parse(&prepare, bytes, size, &reader, &err), 0);
    assert_true(prepare.sections == COOKIE_SEEN_CPU);
    assert_string_equal(prepare.seen_cpu, "model=qemu64 +lm");
    assert_int_equal(
        migration_cookie_parse(&perform, bytes, size, &other, &err), 0);
    assert_true(perform.sections == 0);
}

static void
no_bytes_are_no_cookie_and_no_error(void **state)
{
    const struct migration_cookie_reader reader = reader_of_all();
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(migration_cookie_parse(&cookie, NULL, 0, &reader, &err),
                     0);
    assert_false(cookie.is_present);
    assert_false(error_is_set(&err));
}

static void
assert_refused_by(const struct migration_cookie_reader *reader,
                  const char *text, enum error_code code, const char *message)
{
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR err = {0};

    assert_int_equal(
        migration_cookie_parse(&cookie, text, strlen(text) + 1, reader, &err),
        -1);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
    assert_false(cookie.is_present);
    assert_null(cookie.name);
}

static void
assert_refused(const char *text, const char *message)
{
    const struct migration_cookie_reader reader =
        reader_of(MIGRATION_CALL_PREPARE);

    assert_refused_by(&reader, text, ERROR_INTERNAL, message);
}

static void
a_cookie_without_nul_is_refused(void **state)
{
    const struct migration_cookie_reader reader = reader_of_all();
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(migration_cookie_parse(&cookie, HEADER END,
                                            strlen(HEADER END), &reader, &err),
                     -1);
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_string_equal(err.message,
                        "Migration cookie was not NULL terminated");
}

static void
what_is_not_xml_is_refused_as_such(void **state)
{
    const struct migration_cookie_reader reader = reader_of_all();

    (void)state;
    assert_refused_by(&reader, "<qemu-migration>", ERROR_XML_SYNTAX,
                      "(qemu_migration_cookie):1: Premature end of data in "
                      "tag qemu-migration line 1");
    assert_refused_by(&reader, "", ERROR_XML_SYNTAX,
                      "(qemu_migration_cookie):1: Document is empty");
    assert_refused_by(&reader, "<qemu-migration>\xff", ERROR_XML_SYNTAX,
                      "(qemu_migration_cookie): is not UTF-8");
    assert_refused_by(&reader, "<domain/>", ERROR_XML,
                      "unexpected root element <domain>, expecting "
                      "<qemu-migration>");
}

static void
a_document_type_is_refused_before_it_is_used(void **state)
{
    const struct migration_cookie_reader reader = reader_of_all();

    (void)state;
    assert_refused_by(
        &reader, "<!DOCTYPE q [<!ENTITY a 'demo'>]>" HEADER "<x>&a;</x>" END,
        ERROR_XML, "(qemu_migration_cookie): has a document type");
    assert_refused_by(
        &reader, "<!DOCTYPE q SYSTEM 'file:///etc/passwd'>" HEADER END,
        ERROR_XML, "(qemu_migration_cookie): has a document type");
}

static void
depth_is_bounded(void **state)
{
    const struct migration_cookie_reader reader = reader_of_all();
    AUTO_TEXT text = {0};
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR err = {0};

    (void)state;
    text_add(&text, HEADER);
    for (unsigned i = 0; i < 100000; i++) {
        text_add(&text, "<a>");
    }
    assert_int_equal(migration_cookie_parse(&cookie, text.data, text.length + 1,
                                            &reader, &err),
                     -1);
    assert_int_equal(err.code, ERROR_XML_SYNTAX);
    assert_non_null(strstr(err.message, "depth"));
}

static void
counts_are_bounded(void **state)
{
    AUTO_TEXT text = {0};

    (void)state;
    text_add(&text, HEADER "<capabilities>");
    for (unsigned i = 0; i <= MIGRATION_COOKIE_MAX_ITEMS; i++) {
        text_add(&text, "<cap name='a' auto='no'/>");
    }
    text_add(&text, "</capabilities>" END);
    assert_refused(text.data, "Too many capabilities in migration cookie");
}

static void
the_header_is_mandatory_in_libvirts_order(void **state)
{
    static const char *const names[] = {"name", "uuid", "hostname", "hostuuid"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        AUTO_FREE char *text = xstrdup(HEADER END);
        AUTO_FREE char *open = xasprintf("<%s>", names[i]);
        AUTO_FREE char *shut = xasprintf("</%s>", names[i]);
        AUTO_FREE char *message =
            xasprintf("missing %s element in migration data", names[i]);

        strstr(text, open)[1] = 'X';
        strstr(text, shut)[2] = 'X';
        assert_refused(text, message);
    }
    assert_refused("<qemu-migration><name/></qemu-migration>",
                   "missing name element in migration data");
}

static void
a_cookie_of_another_domain_is_refused(void **state)
{
    struct migration_cookie_reader reader = reader_of_all();

    (void)state;
    reader.name = "other";
    assert_refused_by(&reader, HEADER END, ERROR_INTERNAL,
                      "Incoming cookie data had unexpected name demo vs other");
    reader.name = "demo";
    reader.uuid = &spicy;
    assert_refused_by(&reader, HEADER END, ERROR_INTERNAL,
                      "Incoming cookie data had unexpected UUID "
                      "c0ffee00-1234-4abc-8def-0123456789ab vs "
                      "c0ffee05-1234-4abc-8def-0123456789ab");
}

static void
a_cookie_of_this_very_host_is_refused(void **state)
{
    struct migration_cookie_reader reader = reader_of_all();

    (void)state;
    reader.host_uuid = &host_a;
    assert_refused_by(&reader, HEADER END, ERROR_INTERNAL,
                      "Attempt to migrate guest to the same host "
                      "11111111-2222-4333-8444-aaaaaaaaaaaa");
}

static void
features_must_be_understood_in_this_call(void **state)
{
    (void)state;
    assert_refused(HEADER "<feature name='teleport'/>" END,
                   "Unknown migration cookie feature teleport");
    assert_refused(HEADER "<feature name='memory-hotplug'/>" END,
                   "Unsupported migration cookie feature memory-hotplug");
    assert_refused(HEADER "<feature name='persistent'/>" END,
                   "Unsupported migration cookie feature persistent");
    assert_refused(HEADER "<feature/>" END, "missing feature name");
}

static void
what_is_unknown_or_of_no_use_is_ignored(void **state)
{
    const struct migration_cookie_reader reader =
        reader_of(MIGRATION_CALL_CONFIRM);
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR err = {0};
    const char *text = HEADER "<x-vmferry proto='1'/><nbd port='99999'/>"
                              "<statistics><sent>-5</sent><downtime/>"
                              "<setup_time>4</setup_time></statistics>" END;

    (void)state;
    assert_int_equal(
        migration_cookie_parse(&cookie, text, strlen(text) + 1, &reader, &err),
        0);
    assert_true(cookie.sections == COOKIE_STATISTICS);
    assert_int_equal(cookie.statistics.sent, 0);
    assert_false(cookie.statistics.has_downtime);
    assert_true(cookie.statistics.has_setup_time);
}

static void
broken_sections_are_refused(void **state)
{
    (void)state;
    assert_refused(HEADER "<nbd port='65536'/>" END,
                   "Malformed nbd port '65536'");
    assert_refused(HEADER "<nbd><disk capacity='1'/></nbd>" END,
                   "Malformed disk target");
    assert_refused(HEADER "<nbd><disk target='vda'/></nbd>" END,
                   "Malformed disk capacity of 'vda'");
    assert_refused(HEADER "<lockstate/>" END,
                   "Missing lock driver name in migration cookie");
    assert_refused(HEADER "<lockstate driver='sanlock'/>" END,
                   "Source host lock driver sanlock different from target nop");
    assert_refused(HEADER "<capabilities><cap/></capabilities>" END,
                   "missing migration capability name");
    assert_refused(HEADER "<cpu/><cpu/>" END,
                   "Too many cpu elements in migration cookie");
}

static void
the_persistent_domain_survives_with_its_text(void **state)
{
    const char *domain = "<domain xmlns:q=\"http://q\" type=\"kvm\">\n"
                         "  <title>a &lt;b&gt; &amp;\n c</title>\n"
                         "  <q:x/>\n"
                         "</domain>";
    struct migration_cookie_reader reader = reader_of(MIGRATION_CALL_FINISH);
    AUTO_MIGRATION_COOKIE out = {0};
    AUTO_MIGRATION_COOKIE in = {0};
    AUTO_ERROR err = {0};
    AUTO_FREE char *text = NULL;
    size_t size;

    (void)state;
    migration_cookie_init(&out, "demo", &demo, "hostA.example", &host_a);
    migration_cookie_set_persistent(&out, domain);
    text = migration_cookie_format(&out, &size);
    assert_non_null(strstr(text, "  <feature name='persistent'/>\n  <domain"));
    assert_int_equal(migration_cookie_parse(&in, text, size, &reader, &err), 0);
    assert_string_equal(in.persistent, domain);
}

static void
text_that_looks_like_xml_is_only_text(void **state)
{
    struct migration_cookie_reader reader = reader_of_all();
    AUTO_MIGRATION_COOKIE out = {0};
    AUTO_MIGRATION_COOKIE in = {0};
    AUTO_ERROR err = {0};
    AUTO_FREE char *text = NULL;
    size_t size;

    (void)state;
    reader.name = "</name><a b='c'>&\"";
    migration_cookie_init(&out, reader.name, &demo, "a<b\x01", &host_a);
    migration_cookie_add_nbd_disk(&out, "v'\"&<>", 1);
    text = migration_cookie_format(&out, &size);
    assert_int_equal(migration_cookie_parse(&in, text, size, &reader, &err), 0);
    assert_string_equal(in.name, reader.name);
    assert_string_equal(in.hostname, "a<b");
    assert_string_equal(in.nbd.items[0].target, "v'\"&<>");
}

static void
graphics_and_network_survive(void **state)
{
    const struct migration_cookie_reader reader = reader_of_all();
    const char *sections = "  <graphics type='vnc' port='5900' listen='::'>\n"
                           "    <cert info='subject' value='C=X'/>\n"
                           "  </graphics>\n"
                           "  <lockstate driver='nop'>\n"
                           "    <leases>l</leases>\n"
                           "  </lockstate>\n"
                           "  <network>\n"
                           "    <interface index='1' vporttype='openvswitch'>\n"
                           "      <portdata>p</portdata>\n"
                           "    </interface>\n"
                           "    <interface index='2' vporttype='midonet'/>\n"
                           "  </network>\n";
    AUTO_FREE char *text = xasprintf(HEADER "%s" END, sections);
    AUTO_FREE char *again = NULL;
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR err = {0};
    size_t size;

    (void)state;
    assert_int_equal(
        migration_cookie_parse(&cookie, text, strlen(text) + 1, &reader, &err),
        0);
    again = migration_cookie_format(&cookie, &size);
    assert_non_null(strstr(again, sections));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libvirts_cookies_are_read_and_written_byte_by_byte),
        cmocka_unit_test(begin_can_be_written_from_facts),
        cmocka_unit_test(finish_can_be_written_from_what_perform_brought),
        cmocka_unit_test(prepare_with_storage_can_be_written_from_facts),
        cmocka_unit_test(each_call_reads_what_it_has_a_use_for),
        cmocka_unit_test(
            our_own_section_is_read_by_prepare_and_announced_to_nobody),
        cmocka_unit_test(no_bytes_are_no_cookie_and_no_error),
        cmocka_unit_test(a_cookie_without_nul_is_refused),
        cmocka_unit_test(what_is_not_xml_is_refused_as_such),
        cmocka_unit_test(a_document_type_is_refused_before_it_is_used),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(the_header_is_mandatory_in_libvirts_order),
        cmocka_unit_test(a_cookie_of_another_domain_is_refused),
        cmocka_unit_test(a_cookie_of_this_very_host_is_refused),
        cmocka_unit_test(features_must_be_understood_in_this_call),
        cmocka_unit_test(what_is_unknown_or_of_no_use_is_ignored),
        cmocka_unit_test(broken_sections_are_refused),
        cmocka_unit_test(the_persistent_domain_survives_with_its_text),
        cmocka_unit_test(text_that_looks_like_xml_is_only_text),
        cmocka_unit_test(graphics_and_network_survive),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
