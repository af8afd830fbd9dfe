# Kubernetes, etcd, CoreDNS and kube-router from their Go modules, once. Nothing is downloaded but by the Go client.
export GOTOOLCHAIN=local
LINK_FLAGS="-s -w -X k8s.io/component-base/version.gitVersion=$KUBERNETES -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"

build() { # NAME FOLDER LINK_FLAGS PACKAGE
  [ -x "$BIN/$1" ] && return
  say "building $1, which takes minutes the first time"
  (cd "$2" && GOFLAGS='-mod=mod -buildvcs=false' go build -trimpath -ldflags "$3" -o "$BIN/$1" "$4") 2>> "$STATE/log/build.log" ||
    { tail -20 "$STATE/log/build.log" >&2; die "the build of $1 failed"; }
}

# k8s.io/kubernetes names its 31 libraries by folders of its repository: here by their published versions.
make_kubernetes_module() {
  local folder=$STATE/build/kubernetes mod
  mkdir -p "$folder"
  if [ ! -s "$folder/go.mod" ]; then
    mod=$(cd "$folder" && go mod download -json "k8s.io/kubernetes@$KUBERNETES" | sed -n 's/^\s*"GoMod": "\(.*\)",*$/\1/p')
    [ -s "$mod" ] || die "the Go client could not get k8s.io/kubernetes@$KUBERNETES"
    {
      printf 'module programs\n\n%s\n\nrequire k8s.io/kubernetes %s\n\nreplace (\n' "$(grep -m1 '^go ' "$mod")" "$KUBERNETES"
      grep -oE 'k8s\.io/[a-z0-9-]+ => \./staging' "$mod" | awk -v v="$KUBERNETES_LIBRARIES" '{print "\t"$1" => "$1" "v}' | sort -u
      echo ')'
    } > "$folder/go.mod"
  fi
}

make_programs() {
  local name
  for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    [ -x "$BIN/$name" ] && continue
    make_kubernetes_module
    build "$name" "$STATE/build/kubernetes" "$LINK_FLAGS" "k8s.io/kubernetes/cmd/$name"
  done
  if [ ! -x "$BIN/etcd" ]; then
    mkdir -p "$STATE/build/etcd"
    printf 'module programs\n\ngo 1.24.0\n\nrequire go.etcd.io/etcd/server/v3 %s\n' "$ETCD" > "$STATE/build/etcd/go.mod"
    build etcd "$STATE/build/etcd" '-s -w' go.etcd.io/etcd/server/v3
  fi
  if [ ! -x "$BIN/coredns" ]; then
    mkdir -p "$STATE/build/coredns"
    cp "$UP/programs/coredns.go" "$STATE/build/coredns/main.go"
    printf 'module programs\n\ngo 1.24.0\n\nrequire github.com/coredns/coredns %s\n' "$COREDNS" > "$STATE/build/coredns/go.mod"
    CGO_ENABLED=0 build coredns "$STATE/build/coredns" '-s -w' .
  fi
  if [ ! -x "$BIN/kube-router" ]; then
    mkdir -p "$STATE/build/kube-router"
    printf 'module programs\n\ngo 1.24.0\n\nrequire github.com/cloudnativelabs/kube-router/v2 %s\n' "$KUBE_ROUTER" > "$STATE/build/kube-router/go.mod"
    build kube-router "$STATE/build/kube-router" '-s -w' github.com/cloudnativelabs/kube-router/v2/cmd/kube-router
  fi
  if [ ! -x "$BIN/pause" ]; then
    gcc -Os -static -s -o "$BIN/pause" "$UP/programs/pause.c"
  fi
  say 'programs are there'
}
