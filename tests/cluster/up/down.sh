#!/bin/bash
# Ends what cluster:up started, by the process ids that it wrote down. --purge: also forgets all that the cluster held, but
# not what was built.
set -u
source "$(cd "$(dirname "$0")" && pwd)/settings.sh"

end() { # NAME [SIGNAL]
  local pid try
  pid=$(pid_of "$1") || return 0
  kill -"${2:-TERM}" "$pid" 2> /dev/null
  for try in $(seq 150); do runs "$1" || return 0; sleep .1; done
  kill -KILL "$pid" 2> /dev/null
}

DAEMONS='kubelet kube-proxy network-policies scheduler controller-manager apiserver containerd'
for name in $DAEMONS; do pid=$(pid_of "$name") && kill -TERM "$pid"; done
for name in $DAEMONS etcd; do end "$name"; done
# With the first process of the node the kernel ends all others in it, and its mounts, links and packet filters are gone.
end anchor
end unshare KILL
ip link del "$LINK" 2> /dev/null
for try in 1 2 3 4 5; do
  left=$(ls -d "/sys/fs/cgroup/$CGROUP" /sys/fs/cgroup/*/"$CGROUP" 2> /dev/null) || true
  [ -n "$left" ] || break
  for folder in $left; do find "$folder" -depth -type d -exec rmdir {} + 2> /dev/null; done
  sleep .3
done
[ -s "$STATE/run/sysctl.save" ] && while IFS== read -r name value; do [ -n "$value" ] && sysctl -qw "$name=$value"; done < "$STATE/run/sysctl.save"
rm -f "$STATE"/run/*.pid "$STATE"/run/*.sock "$STATE"/run/anchor.ready "$STATE"/run/sysctl.save
if [ "${1:-}" = --purge ]; then
  rm -rf "$STATE"/{pki,kc,log,run,etcd,containerd,kubelet,varlog,cni,varlibcni,volumes} "$STATE"/{kubelet,kube-proxy,audit-policy}.yaml \
    "$STATE"/{resolv.conf,enter,ctr,kubectl,id,node-address}
fi
say 'The cluster is down.'
