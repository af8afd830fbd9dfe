#!/bin/bash
# Brings up a Kubernetes of one node on this machine, from Go modules and Debian packages, with our images in it. What is
# there already is left alone. --install: also the Debian packages. --without-images: not ours. See tests/cluster/README.md.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
for part in settings requirements programs certificates machine control-plane node images; do source "$folder/$part.sh"; done

install='' ours=yes
for option in "$@"; do
  case $option in
    --install) install=$option ;;
    --without-images) ours= ;;
    *) die "there is no option $option: --install or --without-images" ;;
  esac
done

echo "$ID" > "$STATE/id"
mkdir -p "$STATE"/{pki,kc,log,run,etcd,containerd,kubelet,varlog/pods,cni,varlibcni,build,img,volumes} "$BIN"
chmod 700 "$STATE"/{pki,kc}
check_requirements $install
make_programs
make_certificates
start_machine
start_containerd
start_control_plane
provide_base_images
start_node
start_cluster_services
provide_data_images
[ -z "$ours" ] || provide_our_images
for name in etcd apiserver containerd controller-manager scheduler kubelet kube-proxy network-policies; do
  runs "$name" || die "$name does not run any more: $(tail -2 "$STATE/log/$name.log")"
done
cat << END
The cluster is up.
  kubectl:     $STATE/kubectl        (KUBECONFIG=$STATE/kc/admin.conf)
  ingress:     https://<name>.starling.test at $NODE_ADDRESS, authority $PKI/ingress-ca.crt
  containers:  $STATE/ctr            inside the node: $STATE/enter COMMAND
END
