import { k8s } from 'cdk8s-plus-28';
import { hashOf } from './hash.ts';
import type { Manifest, RenderInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { names, VOLUME } from './names.ts';
import { FILES, FOLDERS } from './places.ts';
import { POSTGRES_PORT } from './ports.ts';
import { amountOf } from './quantities.ts';
import { completeResources, type Resources, renderResources } from './resources.ts';
import { containerSecurity, USERS } from './security.ts';
import { renderHeadless } from './service.ts';
import { renderStateful } from './stateful.ts';
import { configAt, emptyAt, type Place, secretAt } from './volumes.ts';

/**
 * The built-in database, one instance. What the image meets, which is what the official one offers: `docker-entrypoint.sh`
 * on the path, which makes the database in PGDATA at the first start (POSTGRES_DB, POSTGRES_PASSWORD_FILE,
 * POSTGRES_INITDB_ARGS) and becomes `postgres` with the arguments it was given; `docker-ensure-initdb.sh`, if it is
 * there, which does only the former; `pg_isready`; a POSIX shell with cksum, head, mv, rm and sleep; user 999.
 */
const COMPONENT = 'postgres';
const SETTINGS = '/etc/starling/postgres';
/** The volume's folder; data lies in a folder within, since the volume's root may hold `lost+found`. */
const DATA = '/var/lib/postgresql';

/** Of the built-in database. */
export const BUILTIN_DATABASE = 'starling';
export const DATABASE_ADMINISTRATOR = 'postgres';

/** Of the container's memory. */
const BUFFERS_SHARE = 0.25;
const MEBIBYTE = 1024 * 1024;
/** Ten of each process, with room for a rollout. */
const MAX_CONNECTIONS = 300;
/** For the checkpoint of a fast shutdown. */
const GRACE_SECONDS = 120;
const LOOK_SECONDS = 5;

/** From outside by TLS and password alone; nobody without a password on the socket either. */
const HOST_RULES = `local   all all     scram-sha-256
hostssl all all all scram-sha-256
`;

/** Renders the database, or nothing when it is another's. */
export function renderPostgres(input: RenderInput): Manifest[] {
  const database = input.spec.data.postgres.builtin;
  if (!database) return [];
  const name = names.of(input.name, COMPONENT);
  const resources = completeResources('postgres', database.resources);
  const files = { 'pg_hba.conf': HOST_RULES, 'run.sh': runScript(resources) };
  return [
    k8s.KubeConfigMap.manifest({ metadata: ownedMetadata(input, name, COMPONENT), data: files }),
    renderHeadless(input, COMPONENT, [{ name: 'postgres', port: POSTGRES_PORT }], { publishNotReady: false }),
    renderStateful(input, {
      component: COMPONENT,
      replicas: 1,
      user: USERS.postgres,
      storage: database.storage,
      configHash: hashOf(files),
      graceSeconds: GRACE_SECONDS,
      ...containersOf(input, resources),
    }),
  ];
}

/**
 * Starts the server and tells it when its certificate has changed. The server is a child: TERM would be its slow shutdown,
 * which waits for every client, so it gets INT.
 */
function runScript(resources: Resources): string {
  const buffers = Math.floor((amountOf(resources.limits?.memory ?? '1Gi') * BUFFERS_SHARE) / MEBIBYTE);
  const settings = {
    listen_addresses: "'*'",
    max_connections: MAX_CONNECTIONS,
    shared_buffers: `${buffers}MB`,
    hba_file: `${SETTINGS}/pg_hba.conf`,
    password_encryption: 'scram-sha-256',
    ssl: 'on',
    ssl_min_protocol_version: 'TLSv1.2',
    ssl_ca_file: FILES.authorities,
    ssl_cert_file: FILES.certificate,
    ssl_key_file: FILES.certificateKey,
  };
  const options = Object.entries(settings).map(([name, value]) => `  -c ${name}=${value}`);
  return `set -u
set -- postgres \\
${options.join(' \\\n')}

# The first start makes the database beside its place: one that ends half-way leaves nothing that looks whole.
if [ ! -e "$PGDATA" ] && command -v docker-ensure-initdb.sh >/dev/null; then
  trap 'exit 143' TERM INT
  rm -rf "$PGDATA.new"
  PGDATA="$PGDATA.new" docker-ensure-initdb.sh "$@" || exit
  mv "$PGDATA.new" "$PGDATA" || exit
fi

fingerprint() { cksum <"${FILES.certificate}"; }
known=$(fingerprint)
docker-entrypoint.sh "$@" &
server=$!
# Until the child is the server it may be a shell, which INT does not end from the background, and HUP would.
trap 'if serves; then kill -INT "$server"; else kill -TERM "$server"; fi' TERM INT
serves() { [ "$(head -n 1 "$PGDATA/postmaster.pid" 2>/dev/null)" = "$server" ]; }
watch_certificate() {
  while sleep ${LOOK_SECONDS}; do
    now=$(fingerprint) || continue
    if [ "$now" != "$known" ] && serves && kill -HUP "$server"; then known=$now; fi
  done
}
watch_certificate &
watcher=$!

wait "$server"
code=$?
# A signal ends a wait early; the server has ended when it is no longer there.
while kill -0 "$server" 2>/dev/null; do
  wait "$server"
  code=$?
done
kill "$watcher" 2>/dev/null
exit "$code"
`;
}

function containersOf(input: RenderInput, resources: Resources) {
  const cluster = input.name;
  const places: Place[] = [
    configAt('settings', names.of(cluster, COMPONENT), SETTINGS),
    secretAt('tls', names.tls(cluster, COMPONENT), FOLDERS.tls),
    secretAt('administrator', names.administrator(cluster, 'postgres'), FOLDERS.databaseAdministrator),
    emptyAt('run', '/var/run/postgresql'),
    emptyAt('tmp', '/tmp'),
    // The runtime's own is 64 MiB, which parallel queries outgrow.
    emptyAt('shared-memory', '/dev/shm', { size: '128Mi', memory: true }),
  ];
  // By TCP: while the first start makes the database, a server answers on the socket that nobody can reach.
  const answers = { exec: { command: ['pg_isready', '--host=127.0.0.1', `--port=${POSTGRES_PORT}`, '--timeout=3'] }, timeoutSeconds: 5 };
  return {
    containers: [
      {
        name: COMPONENT,
        image: input.images.postgres,
        ...(input.spec.image.pullPolicy !== undefined && { imagePullPolicy: input.spec.image.pullPolicy }),
        command: ['sh', `${SETTINGS}/run.sh`],
        env: Object.entries({
          PGDATA: `${DATA}/starling`,
          POSTGRES_DB: BUILTIN_DATABASE,
          POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C.UTF-8 --data-checksums --auth-local=scram-sha-256 --auth-host=scram-sha-256',
          POSTGRES_PASSWORD_FILE: `${FOLDERS.databaseAdministrator}/password`,
          POSTGRES_USER: DATABASE_ADMINISTRATOR,
        }).map(([name, value]) => ({ name, value })),
        ports: [{ name: 'postgres', containerPort: POSTGRES_PORT, protocol: 'TCP' }],
        securityContext: containerSecurity(),
        // Recovery after a crash may take minutes, in which it does not answer.
        startupProbe: { ...answers, periodSeconds: 5, failureThreshold: 180 },
        readinessProbe: { ...answers, periodSeconds: 5, failureThreshold: 3 },
        livenessProbe: { ...answers, periodSeconds: 15, failureThreshold: 6 },
        resources: renderResources(resources),
        volumeMounts: [...places.map(({ mount }) => mount), { name: VOLUME, mountPath: DATA }],
      },
    ],
    volumes: places.map(({ volume }) => volume),
  };
}
