/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The devices of a complete guest, without addresses and names: defaults of
 * what the XML leaves open, the order of controllers, the devices that libvirt
 * adds.  Called by guest_complete(). */

#pragma once

#include "guest/guest.h"

/* Fills in what each device leaves open, and makes the first console and the
 * first serial port one. */
int complete_defaults(struct guest *guest, struct error *err);

/* Puts controllers into the order in which libvirt writes them. */
void complete_order(struct guest *guest);

/* Numbers and models of the controllers that are there. */
int complete_controllers(struct guest *guest, bool is_q35, struct error *err);
/* The controllers that every such machine has. */
void complete_add_board(struct guest *guest, bool is_q35);
/* The controllers that disks, consoles and channels sit on. */
void complete_add_for_devices(struct guest *guest);
/* Mouse, keyboard, video card, audio, balloon. */
void complete_add_implicit(struct guest *guest);
