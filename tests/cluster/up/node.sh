# containerd, the kubelet, kube-proxy, what enforces network policies, and what runs as pods: DNS, storage, the ingress controller.
start_containerd() {
  put "$STATE/containerd/config.toml" << TOML
version = 2
root = "$STATE/containerd/root"
state = "$STATE/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs","io.containerd.snapshotter.v1.btrfs","io.containerd.snapshotter.v1.devmapper","io.containerd.snapshotter.v1.zfs","io.containerd.internal.v1.opt"]
[grpc]
  address = "$STATE/run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:3.10"
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE no process may be made less likely to be killed than this one.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$STATE/cni"
TOML
  put "$STATE/cni/10-k8s.conflist" << JSON
{"cniVersion":"0.4.0","name":"k8s","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":false,"hairpinMode":true,
  "ipam":{"type":"host-local","ranges":[[{"subnet":"$PODS"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}
JSON
  start containerd containerd --config "$STATE/containerd/config.toml" --log-level warn
  put "$STATE/ctr" <<< "#!/bin/bash
exec $IN ctr --address $STATE/run/containerd.sock --namespace k8s.io \"\$@\""
  chmod +x "$STATE/ctr"
  wait_for 30 'containerd is ready' "$STATE/ctr" version
}

start_node() {
  : > "$STATE/resolv.conf"
  put "$STATE/kubelet.yaml" << YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_ADDRESS
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet-server.crt
tlsPrivateKeyFile: $PKI/kubelet-server.key
containerRuntimeEndpoint: unix://$STATE/run/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
clusterDNS: [$DNS]
clusterDomain: cluster.local
resolvConf: $STATE/resolv.conf
podLogsDir: /var/log/pods
volumePluginDir: $STATE/run/flex
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
serializeImagePulls: false
YAML
  start kubelet "$BIN/kubelet" --config="$STATE/kubelet.yaml" --kubeconfig="$STATE/kc/kubelet.conf" --root-dir=/var/lib/kubelet --hostname-override=node1 --node-ip="$NODE_ADDRESS" --v=1
  put "$STATE/kube-proxy.yaml" << YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $STATE/kc/kube-proxy.conf}
mode: iptables
clusterCIDR: $PODS
hostnameOverride: node1
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0}
YAML
  start kube-proxy "$BIN/kube-proxy" --config="$STATE/kube-proxy.yaml"
  wait_for 60 'the kubelet is healthy' "$IN" curl -sf -m 2 http://127.0.0.1:10248/healthz
  wait_for 60 'the node is known' "${KUBECTL[@]}" get node node1
  "${KUBECTL[@]}" wait --for=condition=Ready node/node1 --timeout=90s > /dev/null
  say 'the node is ready'
  start_network_policies
}

# Of kube-router only what enforces network policies: pods are reached by the bridge, and Services by kube-proxy.
start_network_policies() {
  "${KUBECTL[@]}" annotate node node1 "kube-router.io/pod-cidr=$PODS" --overwrite > /dev/null
  start network-policies "$BIN/kube-router" --run-firewall=true --run-router=false --run-service-proxy=false --kubeconfig="$STATE/kc/admin.conf" \
    --hostname-override=node1 --service-cluster-ip-range="$SERVICES" --iptables-sync-period=30s --health-port=0
}

apply_manifest() { # FILE: with the addresses of this cluster in it
  sed -e "s|@HOST_ADDRESS@|$HOST_ADDRESS|g" -e "s|@DNS@|$DNS|g" -e "s|@COREDNS@|$COREDNS|g" -e "s|@NODE@|$NODE|g" -e "s|@VOLUMES@|$STATE/volumes|g" "$UP/manifests/$1" |
    "${KUBECTL[@]}" apply -f - > /dev/null
}

# A configuration by its files, and its content's name on the pods that have it, so that they are replaced when it changes.
apply_program() { # NAMESPACE NAME FILE...
  local namespace=$1 name=$2
  shift 2
  "${KUBECTL[@]}" create configmap "$name" -n "$namespace" --dry-run=client -o yaml "${@/#/--from-file=}" | "${KUBECTL[@]}" apply -f - > /dev/null
  "${KUBECTL[@]}" -n "$namespace" patch deployment "$name" --type merge \
    -p "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"program\":\"$(cat "$@" | sha256sum | cut -c1-16)\"}}}}}" > /dev/null
}

start_cluster_services() {
  wait_for 30 'the default service account is there' "${KUBECTL[@]}" get serviceaccount default -n default
  apply_manifest coredns.yaml
  apply_manifest storage.yaml
  apply_program kube-system storage "$UP"/in-cluster/{storage,kubernetes}.ts
  apply_manifest ingress-controller.yaml
  "${KUBECTL[@]}" -n ingress-nginx create secret tls certificate --cert="$PKI/ingress.crt" --key="$PKI/ingress.key" --dry-run=client -o yaml | "${KUBECTL[@]}" apply -f - > /dev/null
  # The certificate among the files: a new one starts the pod anew.
  apply_program ingress-nginx ingress-controller "$UP"/in-cluster/{ingress-controller,routes,kubernetes}.ts "$PKI/ingress.crt"
  # After a restart what the API has of pods is old: DNS and the API are asked themselves, by the addresses of their Services.
  wait_for 90 "the cluster's DNS answers" busybox nslookup kubernetes.default.svc.cluster.local "$DNS"
  wait_for 30 'the API answers at the address of its Service' curl -sf -m 2 --cacert "$PKI/ca.crt" "https://$API_SERVICE/readyz"
  "${KUBECTL[@]}" -n kube-system rollout status deployment/storage --timeout=90s > /dev/null
  "${KUBECTL[@]}" -n ingress-nginx rollout status deployment/ingress-controller --timeout=90s > /dev/null
  say 'storage and the ingress controller are ready'
}
