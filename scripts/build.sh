#!/usr/bin/env bash
# Build the packaged program: bash scripts/build.sh [--no-weights] [--dir-only]
#
# dist/petvision                        the directory that all else is made of
# dist/petvision-VERSION-linux-ARCH.tar.gz
# dist/petvision_VERSION_ARCH.deb       with desktop entry, icon and "Open with PetVision"
# dist/PetVision-VERSION-ARCH.run       one file; unpacks itself once into the user's cache
#
# On Windows and macOS run `pyinstaller build.spec` (not tried there): it makes the directory, and
# PetVision.app.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"

dir_only=no
for word in "$@"; do
    case $word in
        --no-weights) export PETVISION_BUNDLE_WEIGHTS=0 ;;
        --dir-only) dir_only=yes ;;
        *) die "there is no option $word; there are --no-weights and --dir-only" ;;
    esac
done
if [ -z "${PYTHON_FOR_BUILD:-}" ]; then
    set_up test
    PYTHON_FOR_BUILD=$python
fi

QT_QPA_PLATFORM=offscreen "$PYTHON_FOR_BUILD" -m PyInstaller --noconfirm --log-level WARN build.spec
[ "$dir_only" = no ] || exit 0

version=$("$PYTHON_FOR_BUILD" -c 'import petvision; print(petvision.__version__)')
machine=$(uname -m)
name=petvision-$version-linux-$machine
squeeze=gzip
command -v pigz >/dev/null && squeeze=pigz

say "packing $name.tar.gz"
tar -C dist --owner=0 --group=0 --sort=name --transform "s,^petvision,$name,S" -cf - petvision |
    $squeeze -6 >"dist/$name.tar.gz"

# One file: a script with the archive behind it. It needs sh, tail, tar and gzip.
say "packing PetVision-$version-$machine.run"
run=dist/PetVision-$version-$machine.run
digest=$(sha256sum "dist/$name.tar.gz" | cut -c 1-16)
sed -e "s/@VERSION@/$version/" -e "s/@DIGEST@/$digest/" -e "s/@NAME@/$name/" scripts/one_file.sh >"$run"
cat "dist/$name.tar.gz" >>"$run"
chmod 755 "$run"

say "packing petvision_${version}_$(dpkg --print-architecture 2>/dev/null || echo amd64).deb"
if ! command -v dpkg-deb >/dev/null; then
    say "there is no dpkg-deb here: no .deb"
    exit 0
fi
arch=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage"/{DEBIAN,opt,usr/bin,usr/share/{applications,doc/petvision}} \
    "$stage"/usr/share/icons/hicolor/{scalable,256x256}/apps
cp -a dist/petvision "$stage/opt/petvision"
ln -s /opt/petvision/petvision "$stage/usr/bin/petvision"
ln -s /opt/petvision/petvision-gui "$stage/usr/bin/petvision-gui"
cp resources/icons/petvision.svg "$stage/usr/share/icons/hicolor/scalable/apps/petvision.svg"
cp build/parts/petvision.png "$stage/usr/share/icons/hicolor/256x256/apps/petvision.png"
cp LICENSE "$stage/usr/share/doc/petvision/copyright"
cat >>"$stage/usr/share/doc/petvision/copyright" <<'END'

The model files in /opt/petvision/_internal/petvision/weights have a licence of their own (LICENSE
beside them); the works of others are listed in /opt/petvision/_internal/THIRD-PARTY-NOTICES.txt.
END
cp resources/petvision.desktop "$stage/usr/share/applications/petvision.desktop"
cat >"$stage/DEBIAN/control" <<END
Package: petvision
Version: $version
Architecture: $arch
Maintainer: the PetVision authors <petvision@invalid>
Section: graphics
Priority: optional
Installed-Size: $(du -sk "$stage/opt" | cut -f 1)
Depends: libc6 (>= 2.34), libegl1, libgl1, libfontconfig1, libdbus-1-3
Recommends: fonts-dejavu-core
Description: cat, dog or "I don't know", and why
 Drop a photo: PetVision says what is on it, how sure it is, and shows why,
 panel by panel. Everything is computed on this computer.
END
dpkg-deb --root-owner-group -Zgzip -z6 --build "$stage" "dist/petvision_${version}_$arch.deb" >&2
ls -l dist >&2
