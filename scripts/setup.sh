# shellcheck shell=bash
# Sourced by start.sh and test.sh: `set_up run` or `set_up test` makes this checkout ready.
#
# System libraries come from apt (only the missing ones; sudo when not root), everything else goes
# into .venv through pip, which is configured as usual (PIP_INDEX_URL, PIP_FIND_LINKS, …). PYTHON
# names the interpreter (python3). A stamp in .venv makes the second run do nothing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$root/.venv/bin/python

# What PySide6's xcb and offscreen platforms load, and a font for what they draw.
run_libraries="libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1
    libxcb-shape0 libxcb-xinerama0 libxcb-render-util0 libxcb-image0 libdbus-1-3 fonts-dejavu"
# A display of their own, a window manager and a hand on the mouse for the tests of the window.
test_libraries="xvfb xdotool openbox x11-utils fonts-noto-color-emoji"

say() { printf 'petvision: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Names of the packages that are wanted and not installed.
missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] ||
            printf '%s ' "$package"
    done
}

install_system() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "this is no Debian: see to it that Qt's system libraries are there ($*)"
        return
    fi
    local missing
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    local as_root=(env DEBIAN_FRONTEND=noninteractive)
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "as root, run: apt-get install $missing; then start again"
        as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
    fi
    say "installing with apt, up to 150 MB of downloads: $missing"
    "${as_root[@]}" apt-get update -qq >&2 ||
        say "apt could not renew its lists; going on with the old ones"
    # shellcheck disable=SC2086  # a list of words
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends $missing </dev/null >&2 ||
        die "apt could not install: $missing"
}

# The interpreter has to make virtual environments; Debian packs that apart.
base_python() {
    local base=${PYTHON:-python3}
    if ! "$base" -c 'import ensurepip, venv' 2>/dev/null; then
        install_system python3 python3-venv
    fi
    "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "Python 3.11 or later is needed, and $base is not (set PYTHON to another)"
    printf '%s' "$base"
}

# Everything that decides what lies in .venv, as one digest.
wanted() {
    (
        cd "$root" || exit
        printf '%s %s\n' "$1" "$root"
        cat pyproject.toml constraints.txt scripts/setup.sh
    ) | sha256sum | cut -d ' ' -f 1
}

stamp() { printf '%s' "$root/.venv/petvision-$1"; }

is_ready() { [ "$(cat "$(stamp "$1")" 2>/dev/null)" = "$(wanted "$1")" ]; }

install_python() {
    local extras=$1 megabytes=$2 base
    base=$(base_python) || exit 1
    say "setting up .venv: about $megabytes MB of downloads with PyTorch's CPU build" \
        "(3 GB more where pip only finds the one for GPUs; README.md says how to choose)"
    if ! "$python" -c 'import pip' 2>/dev/null; then
        "$base" -m venv --clear "$root/.venv" || die "could not make $root/.venv"
    fi
    local pip=("$python" -m pip install --disable-pip-version-check -c "$root/constraints.txt")
    [ -t 2 ] || pip+=(-q)
    # torch first, and torchvision alone: its requirement must not bring another build of torch.
    {
        "${pip[@]}" torch && "${pip[@]}" --no-deps torchvision && "${pip[@]}" -e "$root$extras"
    } >&2 || die "pip could not install everything; run this again to go on where it stopped"
}

set_up() {
    # shellcheck disable=SC2086  # lists of words
    if [ "$1" = run ]; then
        install_system $run_libraries
        is_ready run || install_python "" 450
    else
        install_system $run_libraries $test_libraries
        is_ready test || install_python "[dev]" 600
        wanted test >"$(stamp test)"
    fi
    wanted run >"$(stamp run)"
}
