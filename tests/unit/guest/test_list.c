/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"

static struct guest_hub *
hub_on_port(const char *port)
{
    struct guest_hub *hub = xcalloc(1, sizeof(*hub));

    hub->device.address.usb_port = xstrdup(port);
    return hub;
}

static void
elements_go_where_they_are_put_and_come_out_again(void **state)
{
    AUTO_FREE char *xml = domain_with("", "");
    AUTO(guest) *guest = guest_of(xml, 0);
    static const char *const left[] = {"a", "b", "d", "e", "f"};

    (void)state;
    guest_list_add(&guest->hubs, hub_on_port("b"));
    guest_list_insert(&guest->hubs, 0, hub_on_port("a"));
    guest_list_add(&guest->hubs, hub_on_port("d"));
    guest_list_insert(&guest->hubs, 2, hub_on_port("c"));
    guest_hub_free(guest_list_remove(&guest->hubs, 2));
    guest_list_add(&guest->hubs, hub_on_port("e"));
    guest_list_add(&guest->hubs, hub_on_port("f"));
    assert_int_equal(guest->hubs.count, ARRAY_COUNT(left));
    for (size_t i = 0; i < guest->hubs.count; i++) {
        assert_string_equal(guest->hubs.items[i]->device.address.usb_port,
                            left[i]);
    }
}

static void
controllers_are_sorted_by_index_within_their_type(void **state)
{
    AUTO_FREE char *xml = domain_with(
        "", "<controller type='pci' index='2' model='pcie-root-port'/>"
            "<controller type='usb' index='0'/>"
            "<controller type='pci' index='0' model='pcie-root'/>"
            "<controller type='pci' index='1' model='pcie-root-port'/>");
    AUTO(guest) *guest = guest_of(xml, 0);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(guest->controllers.items[i]->index.value, i);
        assert_int_equal(guest->controllers.items[i]->type,
                         GUEST_CONTROLLER_TYPE_PCI);
    }
}

static void
targets_have_positions(void **state)
{
    (void)state;
    assert_int_equal(guest_disk_target_index("vda"), 0);
    assert_int_equal(guest_disk_target_index("sdz"), 25);
    assert_int_equal(guest_disk_target_index("hdaa"), 26);
    assert_int_equal(guest_disk_target_index("vdzz"), 701);
    assert_int_equal(guest_disk_target_index("vd"), -1);
    assert_int_equal(guest_disk_target_index("vda1"), -1);
    assert_int_equal(guest_disk_target_index("xvda"), -1);
    assert_int_equal(guest_disk_target_index("vdaaaaa"), -1);
}

static int
note_kind(void *owner, const char *kind, struct guest_device *device)
{
    struct text *kinds = owner;

    assert_non_null(device);
    text_addf(kinds, "%s ", kind);
    return strcmp(kind, "video") == 0 ? 7 : 0;
}

static void
a_visit_sees_every_device_until_it_has_seen_enough(void **state)
{
    AUTO_FREE char *xml = golden_read("demo-pc.xml");
    AUTO(guest) *guest = guest_of(xml, 0);
    AUTO_TEXT kinds = {0};

    (void)state;
    assert_int_equal(guest_visit_devices(guest, note_kind, &kinds), 7);
    assert_string_equal(kinds.data,
                        "disk interface serial console graphics video ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_go_where_they_are_put_and_come_out_again),
        cmocka_unit_test(controllers_are_sorted_by_index_within_their_type),
        cmocka_unit_test(targets_have_positions),
        cmocka_unit_test(a_visit_sees_every_device_until_it_has_seen_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
