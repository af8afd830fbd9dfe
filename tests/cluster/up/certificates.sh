# The cluster's authorities, certificates and kubeconfigs, and the certificate of the ingress controller.
PKI=$STATE/pki

make_authority() { # NAME COMMON_NAME
  [ -s "$PKI/$1.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout "$PKI/$1.key" -out "$PKI/$1.crt" -subj "/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>> "$STATE/log/openssl.log"
}

make_certificate() { # NAME AUTHORITY SUBJECT USAGE [NAMES]
  [ -s "$PKI/$1.crt" ] && return
  openssl req -newkey rsa:2048 -nodes -keyout "$PKI/$1.key" -out "$PKI/$1.csr" -subj "$3" 2>> "$STATE/log/openssl.log"
  openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/$2.crt" -CAkey "$PKI/$2.key" -CAcreateserial -days 800 -out "$PKI/$1.crt" -extfile <(
    printf 'keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=%s\n' "$4"
    [ -z "${5:-}" ] || echo "subjectAltName=$5"
  ) 2>> "$STATE/log/openssl.log"
  rm "$PKI/$1.csr"
}

make_certificates() {
  local user
  make_authority ca kubernetes-ca
  make_authority front-proxy-ca front-proxy-ca
  make_authority ingress-ca 'authority of the tests'
  [ -s "$PKI/sa.key" ] || { openssl genrsa -out "$PKI/sa.key" 2048 && openssl rsa -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub"; } 2>> "$STATE/log/openssl.log"
  make_certificate apiserver ca /CN=kube-apiserver serverAuth \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:$API_SERVICE,IP:$NODE_ADDRESS,IP:127.0.0.1"
  make_certificate kubelet-server ca /CN=node1 serverAuth "DNS:node1,IP:$NODE_ADDRESS,IP:127.0.0.1"
  make_certificate apiserver-kubelet-client ca /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
  make_certificate front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth
  make_certificate admin ca /O=system:masters/CN=admin clientAuth
  make_certificate controller-manager ca /CN=system:kube-controller-manager clientAuth
  make_certificate scheduler ca /CN=system:kube-scheduler clientAuth
  make_certificate kube-proxy ca /CN=system:kube-proxy clientAuth
  make_certificate kubelet ca /O=system:nodes/CN=system:node:node1 clientAuth
  make_certificate ingress ingress-ca '/CN=*.starling.test' serverAuth 'DNS:*.starling.test,DNS:chat.localhost'
  for user in admin controller-manager scheduler kube-proxy kubelet; do
    put "$STATE/kc/$user.conf" << YAML
apiVersion: v1
kind: Config
clusters: [{name: starling, cluster: {server: "$API", certificate-authority: $PKI/ca.crt}}]
users: [{name: $user, user: {client-certificate: $PKI/$user.crt, client-key: $PKI/$user.key}}]
contexts: [{name: starling, context: {cluster: starling, user: $user}}]
current-context: starling
YAML
  done
}
