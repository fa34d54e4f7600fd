#!/bin/sh
# Builds Yufu for another processor and runs its tests in an emulator of it.
#   tools/cross.sh arm64 [TEST...]
#   tools/cross.sh armhf [TEST...]    32-bit ARM (ARMv7 with floating point): the gateway alone
# The other processor's libraries are Debian's, unpacked below build-ARCH/root: nothing of this machine
# changes, and they need not have the very versions that are installed here.
set -eu
cd "$(dirname "$0")/.."

arch=${1:?arm64 or armhf?}
shift
case $arch in
  arm64) triple=aarch64-linux-gnu family=aarch64 cpu=cortex-a53 qemu=qemu-aarch64 platform=true ;;
  armhf) triple=arm-linux-gnueabihf family=arm cpu=cortex-a7 qemu=qemu-arm platform=false ;;
  *) echo "cross: arm64 or armhf?" >&2; exit 2 ;;
esac
for tool in $triple-gcc $qemu; do
  command -v "$tool" >/dev/null || { echo "cross: $tool is missing: tools/setup.sh cross" >&2; exit 1; }
done
build=$PWD/build-$arch
root=$build/root
packages="libc6-dev libgcc-12-dev $(tools/setup.sh list | grep -- '-dev$' | tr '\n' ' ')libcmocka-dev libgmp-dev"

fetch_libraries() {
  rm -rf "$root"
  apt=$build/apt
  mkdir -p "$root" "$apt/state/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  set -- -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State="$apt/state" \
    -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User= "$@"
  apt-get "$@" update || echo "cross: going on with the lists that could be had" >&2
  # shellcheck disable=SC2086
  apt-get "$@" install --download-only -y --no-install-recommends $packages
  for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
  rm -rf "$apt"
}

write_cross_file() {
  cat >"$build/cross.ini" <<EOF
[binaries]
c = '$triple-gcc'
ar = '$triple-ar'
strip = '$triple-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['$qemu', '-L', '$root']
[properties]
sys_root = '$root'
pkg_config_libdir = ['$root/usr/lib/$triple/pkgconfig', '$root/usr/share/pkgconfig']
[built-in options]
c_args = ['--sysroot=$root']
c_link_args = ['--sysroot=$root']
[host_machine]
system = 'linux'
cpu_family = '$family'
cpu = '$cpu'
endian = 'little'
EOF
}

# The list that was fetched stands there: a library that came later is fetched as well.
if [ "$(cat "$root/.done" 2>/dev/null)" != "$packages" ]; then
  echo "cross: $arch: fetching its libraries ..."
  fetch_libraries
  printf '%s\n' "$packages" >"$root/.done"
fi
echo "cross: $arch: compiling ..."
if [ ! -f "$build/build.ninja" ]; then
  write_cross_file
  tools/quietly.sh meson setup -Dplatform=$platform --cross-file "$build/cross.ini" "$build"
fi
tools/quietly.sh ninja -C "$build"
echo "cross: $arch: tests in $qemu"
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 20 --suite unit --suite tables --suite fuzz "$@"
