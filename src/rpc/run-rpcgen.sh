#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# usage: run-rpcgen.sh RPCGEN INPUT.x HEADER.h CODERS.c
#
# rpcgen refuses to overwrite a file, and writes the path of its input into the
# #include of what it makes: so let it run in a folder of its own.
set -e
rpcgen=$1 input=$2 header=$3 coders=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=$(basename "$input")
cp "$input" "$work/$name"
(cd "$work" && "$rpcgen" -h -o "$(basename "$header")" "$name" &&
    "$rpcgen" -c -o "$(basename "$coders")" "$name")
cp "$work/$(basename "$header")" "$header"
cp "$work/$(basename "$coders")" "$coders"
