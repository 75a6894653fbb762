# Sourced by ./demo and ./check: installs what is missing with apt (root, or a user with sudo).
# install_missing PACKAGE...: does nothing, and asks no network, when all are there.
install_missing() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: expected root or sudo to install: ${missing[*]}; found neither" >&2; exit 1; }
    sudo=sudo
  fi
  echo "installing: ${missing[*]}" >&2
  [[ "${missing[*]}" != *:arm64* ]] || $sudo dpkg --add-architecture arm64
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
build_packages=(g++ cmake ninja-build libcli11-dev nlohmann-json3-dev libpcre2-dev libfmt-dev libssl-dev libtomlplusplus-dev libedit-dev libboost-dev)
arm_packages=(g++-aarch64-linux-gnu qemu-user libfmt-dev:arm64 libpcre2-dev:arm64 libssl-dev:arm64 libedit-dev:arm64 libgtest-dev:arm64)  # tools/arm.sh
test_packages=(git libgtest-dev libbenchmark-dev clang-format-14 clang-tidy-14 clang-14 libclang-rt-14-dev libopenmpi-dev openmpi-bin iproute2 python3 python3-dev python3-venv ccache pkg-config curl poppler-utils w3m
               chromium-headless-shell) # opens the report in a test; 64 MB to download, and the libraries it needs
