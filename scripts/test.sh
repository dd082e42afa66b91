#!/usr/bin/env bash
# Run the tests: bash scripts/test.sh [PYTEST ARGUMENTS…]
#
# The first time this sets everything up (scripts/setup.sh). Tests on real photos and pretrained
# weights want PETVISION_DATA and PETVISION_PRETRAINED, and are skipped without them.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
set_up test

cd "$root"
export QT_QPA_PLATFORM=${QT_QPA_PLATFORM:-offscreen}
exec "$python" -m pytest "$@"
