#!/usr/bin/env bash
# Start PetVision: bash scripts/start.sh [PHOTO…]
#
# The first time this sets everything up (scripts/setup.sh). With a display it opens the window;
# without one it prints what is on the photos, or on the sample photos when none are given.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
set_up run

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    exec "$root/.venv/bin/petvision-gui" "$@"
fi
[ $# -gt 0 ] || set -- "$root/resources/samples"
exec "$root/.venv/bin/petvision" predict "$@"
