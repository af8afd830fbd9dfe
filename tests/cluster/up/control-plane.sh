# etcd, API server (with its audit log on), controller manager and scheduler. Each is started unless it runs.
start_control_plane() {
  start etcd "$BIN/etcd" --name n --data-dir "$STATE/etcd/data" --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster n=http://127.0.0.1:2380
  put "$STATE/audit-policy.yaml" < "$UP/manifests/audit-policy.yaml"
  start apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --advertise-address="$NODE_ADDRESS" --secure-port=6443 \
    --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" --client-ca-file="$PKI/ca.crt" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --anonymous-auth=true --allow-privileged=true \
    --audit-policy-file="$STATE/audit-policy.yaml" --audit-log-path="$STATE/varlog/audit.log" --audit-log-maxsize=512 --audit-log-maxbackup=1 \
    --kubelet-client-certificate="$PKI/apiserver-kubelet-client.crt" --kubelet-client-key="$PKI/apiserver-kubelet-client.key" \
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local --service-account-key-file="$PKI/sa.pub" --service-account-signing-key-file="$PKI/sa.key" \
    --service-cluster-ip-range="$SERVICES" --enable-aggregator-routing=true \
    --requestheader-client-ca-file="$PKI/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$PKI/front-proxy-client.crt" --proxy-client-key-file="$PKI/front-proxy-client.key" ${APISERVER_ARGS:-}
  KUBECTL=("$BIN/kubectl" --cache-dir "$STATE/run/kubecache" --kubeconfig "$STATE/kc/admin.conf")
  put "$STATE/kubectl" <<< "#!/bin/bash
exec ${KUBECTL[*]} \"\$@\""
  chmod +x "$STATE/kubectl"
  wait_for 90 'the API server is ready' "${KUBECTL[@]}" get --raw /readyz
  start controller-manager "$BIN/kube-controller-manager" --kubeconfig="$STATE/kc/controller-manager.conf" \
    --authentication-kubeconfig="$STATE/kc/controller-manager.conf" --authorization-kubeconfig="$STATE/kc/controller-manager.conf" \
    --bind-address=127.0.0.1 --leader-elect=false --use-service-account-credentials=true --root-ca-file="$PKI/ca.crt" --service-account-private-key-file="$PKI/sa.key" \
    --flex-volume-plugin-dir="$STATE/run/flex" --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
    --requestheader-client-ca-file="$PKI/front-proxy-ca.crt" --horizontal-pod-autoscaler-sync-period=2s ${CM_ARGS:-}
  start scheduler "$BIN/kube-scheduler" --kubeconfig="$STATE/kc/scheduler.conf" --authentication-kubeconfig="$STATE/kc/scheduler.conf" \
    --authorization-kubeconfig="$STATE/kc/scheduler.conf" --bind-address=127.0.0.1 --leader-elect=false
}
