# What must be there, and from which Debian package it is. With --install it is installed.
declare -A PACKAGE_OF=(
  [containerd]=containerd [ctr]=containerd [runc]=runc [/usr/lib/cni/bridge]=containernetworking-plugins [busybox]=busybox-static
  [gcc]=gcc [/usr/include/stdlib.h]=libc6-dev [iptables]=iptables [conntrack]=conntrack [ethtool]=ethtool [socat]=socat [openssl]=openssl
  [curl]=curl [ip]=iproute2 [ipset]=ipset [nsenter]=util-linux [buildah]=buildah [javac]=openjdk-17-jdk-headless [mvn]=maven
)

check_requirements() { # [--install]
  local wanted packages=()
  for wanted in "${!PACKAGE_OF[@]}"; do
    command -v "$wanted" > /dev/null || [ -e "$wanted" ] || packages+=("${PACKAGE_OF[$wanted]}")
  done
  [ "$(id -u)" = 0 ] || die "run it as root: it makes namespaces, cgroups and network links"
  command -v go > /dev/null || die "Go 1.24 or newer is needed to build Kubernetes: https://go.dev/doc/install"
  if [ ${#packages[@]} -gt 0 ]; then
    mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
    [ "${1:-}" = --install ] || die "missing Debian packages: apt-get install --no-install-recommends ${packages[*]} (or: npm run cluster:up -- --install)"
    apt-get install -y --no-install-recommends "${packages[@]}" > "$STATE/log/apt.log" 2>&1 || die "apt-get failed: $(tail -1 "$STATE/log/apt.log")"
  fi
}
