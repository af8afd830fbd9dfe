# What all parts of the set-up share: versions, addresses, folders, and how processes are started and known again.
KUBERNETES=v1.34.1; KUBERNETES_LIBRARIES=v0.34.1; ETCD=v3.6.5; COREDNS=v1.12.4; KUBE_ROUTER=v2.1.0; NODE=24.21.0; KAFKA=4.1.0

UP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$UP/../../.." && pwd)
STATE=${STARLING_CLUSTER:-${XDG_CACHE_HOME:-$HOME/.cache}/starling/cluster}
mkdir -p "$STATE"
# Several clusters side by side need numbers of their own (K8S_ID, 0 to 250); a state folder keeps its number.
ID=${K8S_ID:-$(cat "$STATE/id" 2>/dev/null || echo 0)}
BIN=${K8S_BIN:-$STATE/bin}
HOST_ADDRESS=10.79.$ID.1; NODE_ADDRESS=10.79.$ID.2; API=https://$NODE_ADDRESS:6443
PODS=10.77.$ID.0/24; SERVICES=10.96.$ID.0/24; API_SERVICE=10.96.$ID.1; DNS=10.96.$ID.10
LINK=k8h$ID; CGROUP=k8s$ID
STARTED=$(date +%s%N)

say() { local tenths=$(( ($(date +%s%N) - STARTED) / 100000000 )); printf '[%5d.%d s] %s\n' $((tenths / 10)) $((tenths % 10)) "$*"; }
die() { echo "cluster: $*" >&2; exit 1; }

# A process id can be given to another process: with its start time it names one for certain.
start_time() { awk '{print $22}' "/proc/$1/stat" 2>/dev/null || true; }
remember() { echo "$2 $(start_time "$2")" > "$STATE/run/$1.pid"; }
pid_of() { local pid time; [ -s "$STATE/run/$1.pid" ] && read -r pid time < "$STATE/run/$1.pid" && [ -n "$time" ] && [ "$(start_time "$pid")" = "$time" ] && echo "$pid"; }
runs() { pid_of "$1" > /dev/null; }

# Writes standard input to a file, unless it says so already: kube-proxy ends when its configuration is written again.
put() { cat > "$1.new"; if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi; }

wait_for() { # SECONDS WHAT COMMAND...
  local until=$(( $(date +%s) + $1 )) what=$2; shift 2
  until "$@" > /dev/null 2>&1; do
    [ "$(date +%s)" -lt $until ] || die "waited in vain for: $what (logs: $STATE/log)"
    sleep .25
  done
  say "$what"
}
