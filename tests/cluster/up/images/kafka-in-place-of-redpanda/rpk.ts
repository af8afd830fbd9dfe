import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { parse } from 'yaml';

/**
 * `rpk redpanda start` of Redpanda's image, with one Apache Kafka broker behind it: it reads the same redpanda.yaml,
 * .bootstrap.yaml and RP_BOOTSTRAP_USER, listens on the same ports, keeps its data in the same folder, takes new
 * certificates without a restart, and tells on the admin port whether it is ready. Options of Redpanda's own are ignored.
 */
interface Address {
  address: string;
  port: number;
}

interface NodeConfig {
  data_directory: string;
  seed_servers: unknown[];
  kafka_api: [Address];
  advertised_kafka_api: [Address];
  kafka_api_tls: [{ enabled: boolean; cert_file: string; key_file: string }];
  admin: [Address];
}

interface ClusterConfig {
  superusers: string[];
  auto_create_topics_enabled: boolean;
}

const FOLDER = '/etc/redpanda';
/** The broker itself and this program, on no other machine. */
const INSIDE = 19_092;
const CONTROLLER = 19_093;
const BROKER = 1;
const LOOK_MS = 1_000;
const JAVA = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData', '-cp', '/opt/kafka/*'];

const { redpanda: node } = parse(readFileSync(join(FOLDER, 'redpanda.yaml'), 'utf8')) as { redpanda: NodeConfig };
const cluster = parse(readFileSync(join(FOLDER, '.bootstrap.yaml'), 'utf8')) as ClusterConfig;
const [outside] = node.kafka_api;
const [advertised] = node.advertised_kafka_api;
const [tls] = node.kafka_api_tls;
if (node.seed_servers.length > 1) throw new Error('this stand-in for Redpanda is a single broker: set data.log.builtin.brokers to 1');

let certificates = 0;
/** Kafka wants key and certificate in one file, and a new name for new content. */
function writeKeystore(): string {
  const file = `/tmp/keystore-${++certificates}.pem`;
  writeFileSync(file, readFileSync(tls.key_file, 'utf8') + readFileSync(tls.cert_file, 'utf8'), { mode: 0o600 });
  rmSync(`/tmp/keystore-${certificates - 2}.pem`, { force: true });
  return file;
}

const directory = join(node.data_directory, 'kafka');
const properties = '/tmp/server.properties';
writeFileSync(
  properties,
  Object.entries({
    'process.roles': 'broker,controller',
    'node.id': BROKER,
    'controller.quorum.voters': `${BROKER}@127.0.0.1:${CONTROLLER}`,
    listeners: `INSIDE://127.0.0.1:${INSIDE},CONTROLLER://127.0.0.1:${CONTROLLER},OUTSIDE://${outside.address}:${outside.port}`,
    'advertised.listeners': `INSIDE://127.0.0.1:${INSIDE},OUTSIDE://${advertised.address}:${advertised.port}`,
    'listener.security.protocol.map': 'INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:SASL_SSL',
    'inter.broker.listener.name': 'INSIDE',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': directory,
    'auto.create.topics.enable': cluster.auto_create_topics_enabled,
    'log.message.timestamp.type': 'LogAppendTime',
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'listener.name.outside.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.outside.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'listener.name.outside.ssl.keystore.type': 'PEM',
    'listener.name.outside.ssl.keystore.location': writeKeystore(),
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': false,
    'super.users': ['ANONYMOUS', ...cluster.superusers].map((user) => `User:${user}`).join(';'),
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join(''),
  { mode: 0o600 },
);
/** As Redpanda does, its first user comes from the environment, and only at the first start. */
if (!existsSync(join(directory, 'meta.properties'))) {
  const [user, password] = (process.env['RP_BOOTSTRAP_USER'] ?? '').split(':');
  if (!user || !password) throw new Error('RP_BOOTSTRAP_USER is not set');
  mkdirSync(directory, { recursive: true });
  const clusterId = execFileSync('java', [...JAVA, 'kafka.tools.StorageTool', 'random-uuid'], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .at(-1) as string;
  const scram = `SCRAM-SHA-512=[name=${user},password=${password}]`;
  execFileSync('java', [...JAVA, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties, '--add-scram', scram], {
    stdio: 'inherit',
  });
}

const broker = spawn('java', [...JAVA, 'kafka.Kafka', properties], {
  stdio: 'inherit',
});
broker.on('exit', (code) => process.exit(code ?? 1));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => broker.kill(signal));

const certificateNow = () => readFileSync(tls.cert_file, 'utf8') + readFileSync(tls.key_file, 'utf8');
let known = certificateNow();
let renewing = false;
setInterval(async () => {
  if (renewing) return;
  renewing = true;
  try {
    const now = certificateNow();
    if (now === known) return;
    const admin = new kafkajs.Kafka({ brokers: [`127.0.0.1:${INSIDE}`], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      const configEntries = [{ name: 'listener.name.outside.ssl.keystore.location', value: writeKeystore() }];
      await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.BROKER, name: String(BROKER), configEntries }],
      });
      known = now;
      console.log('The listener has the new certificate.');
    } finally {
      await admin.disconnect();
    }
  } catch (error) {
    console.error(`the new certificate is not in use yet: ${(error as Error).message}`);
  } finally {
    renewing = false;
  }
}, LOOK_MS);

const [admin] = node.admin;
createServer((request, response) => {
  if (request.url !== '/v1/status/ready') return void response.writeHead(404).end();
  const probe = connect(outside.port, '127.0.0.1');
  probe.on('connect', () => {
    probe.destroy();
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ready"}');
  });
  probe.on('error', () => response.writeHead(503).end());
}).listen(admin.port, admin.address);
