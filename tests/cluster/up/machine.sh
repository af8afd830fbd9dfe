# The node: one private mount, network and process namespace on this machine. When its first process (the anchor) ends, the
# kernel ends every daemon, shim and pod in it, and its mounts, bridges and packet filters are gone.
start_machine() {
  local unshare anchor hierarchy file
  if ! runs anchor; then
    ip link del "$LINK" 2> /dev/null || true
    rm -f "$STATE"/run/*.pid "$STATE"/run/*.sock "$STATE/run/anchor.ready"
    mkdir -p /var/lib/kubelet /var/lib/cni
    cat > "$STATE/run/init.sh" << SH
set -e
mkdir -p $STATE/run/cg; mount --rbind /sys/fs/cgroup $STATE/run/cg; mount -t sysfs sysfs /sys
mount --rbind $STATE/run/cg /sys/fs/cgroup; umount -l $STATE/run/cg
mount -t tmpfs tmpfs /run; mkdir -p /run/containerd /run/netns /run/lock
mount --bind $STATE/kubelet /var/lib/kubelet; mount --bind $STATE/varlibcni /var/lib/cni; mount --bind $STATE/varlog /var/log
# After the umount above, which would reach /sys/fs/cgroup otherwise.
mount --make-rshared /
ip link set lo up
touch $STATE/run/anchor.ready
exec $BIN/pause
SH
    setsid unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private bash "$STATE/run/init.sh" > "$STATE/log/anchor.log" 2>&1 < /dev/null &
    unshare=$!
    wait_for 10 'the node has namespaces of its own' test -e "$STATE/run/anchor.ready"
    remember unshare $unshare
    remember anchor "$(tr -d ' ' < /proc/$unshare/task/$unshare/children)"
  fi
  anchor=$(pid_of anchor)
  put "$STATE/enter" << SH
#!/bin/bash
# Runs a command inside the node.
read -r anchor _ < $STATE/run/anchor.pid
exec nsenter -t \$anchor -m -n -p -- "\$@"
SH
  chmod +x "$STATE/enter"
  IN=$STATE/enter
  if ! ip link show "$LINK" > /dev/null 2>&1; then
    # This machine reaches pods and Services through the link; inside there is no way to anywhere else.
    ip link add "$LINK" type veth peer name eth0 netns "$anchor"
    ip addr add "$HOST_ADDRESS/30" dev "$LINK"; ip link set "$LINK" up
    $IN ip addr add "$NODE_ADDRESS/30" dev eth0; $IN ip link set eth0 up
    ip route replace "$PODS" via "$NODE_ADDRESS"; ip route replace "$SERVICES" via "$NODE_ADDRESS"
    $IN sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables'
  fi
  keep_kernel_settings
  limit_pods
  echo "$NODE_ADDRESS" > "$STATE/node-address"
}

# The kubelet changes these; cluster:down puts them back.
keep_kernel_settings() {
  local name
  [ -s "$STATE/run/sysctl.save" ] || for name in vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes; do
    echo "$name=$(sysctl -n $name 2> /dev/null)"
  done > "$STATE/run/sysctl.save"
}

# One cgroup for all pods, so that they cannot take the machine's whole memory (K8S_MEM bytes, 8 GiB unless given), and get
# as much of its processors as eight processes beside them: together they would get as much as one.
limit_pods() {
  local folder file most=${K8S_MEM:-8589934592}
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/$CGROUP"
    for file in $(cat /sys/fs/cgroup/cgroup.controllers); do
      echo "+$file" > /sys/fs/cgroup/cgroup.subtree_control || true
      echo "+$file" > "/sys/fs/cgroup/$CGROUP/cgroup.subtree_control" || true
    done
    echo "$most" > "/sys/fs/cgroup/$CGROUP/memory.max"
    echo 800 > "/sys/fs/cgroup/$CGROUP/cpu.weight"
  else
    for folder in /sys/fs/cgroup/*/; do [ -e "$folder/tasks" ] && mkdir -p "$folder/$CGROUP"; done
    for file in cpuset.cpus cpuset.mems; do cat /sys/fs/cgroup/cpuset/$file > "/sys/fs/cgroup/cpuset/$CGROUP/$file"; done
    echo "$most" > "/sys/fs/cgroup/memory/$CGROUP/memory.limit_in_bytes"
    echo 8192 > "/sys/fs/cgroup/cpu/$CGROUP/cpu.shares"
  fi
}

# Starts a daemon inside the node, unless it runs, and remembers its process id outside.
start() { # NAME COMMAND...
  local name=$1 entering child='' try anchor
  shift
  runs "$name" && return
  anchor=$(pid_of anchor)
  setsid nsenter -t "$anchor" -m -n -p -- "$@" >> "$STATE/log/$name.log" 2>&1 < /dev/null &
  entering=$!
  for try in $(seq 100); do
    child=$(cat /proc/$entering/task/$entering/children 2> /dev/null | tr -d ' ') || true
    [ -n "$child" ] && break
    sleep .1
  done
  [ -n "$child" ] || die "$name did not start: $(tail -3 "$STATE/log/$name.log")"
  remember "$name" "$child"
}
