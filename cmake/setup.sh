# SPDX-License-Identifier: MIT
# Sourced by ./run and ./check: installs what the build misses, and builds a preset.

# install_missing LIST... : Debian packages named in the lists that are not there yet.
install_missing() {
    local missing
    missing=$(cat "$@" | while read -r package; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done)
    [ -n "$missing" ] || return 0
    echo "Installing:" $missing
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "These need to be installed by root, and there is no sudo:" $missing >&2; return 1; }
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# build_preset PRESET [cmake options] : configure once, then build with progress.
build_preset() {
    local preset=$1
    shift
    cmake --preset "$preset" "$@" >"/tmp/bittern-configure.$$" || { cat "/tmp/bittern-configure.$$"; return 1; }
    rm -f "/tmp/bittern-configure.$$"
    cmake --build "build/$preset"
}
