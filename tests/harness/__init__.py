# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests that start processes have in common.

One module for each thing that a test deals with: wait (deadlines), beat (the
guest and its serial port), guest (domain XML), daemon (a vmferryd of our own),
commands (virsh and vmferry), rpc (libvirt's wire, spoken by hand), processes
(who still lives).
"""
