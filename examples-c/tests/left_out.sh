#!/bin/sh
# Says what was left out and why. Skipped (77), or a failure where nothing may be left out.
echo "left out: $1: $2"
if [ "${TUS_STRICT:-}" = 1 ]; then
    exit 1
fi
exit 77
