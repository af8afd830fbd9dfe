/** The user that a secured listener knows: the administrator, who may do everything. */
export const SCRAM_USER = { mechanism: 'scram-sha-512', username: 'starling', password: 'only-of-a-test' } as const;

export interface BrokerPorts {
  plain: number;
  controller: number;
  /** TLS with SCRAM, if wanted. */
  secured?: number;
}

/** A broker's server.properties. Every broker is a controller too. */
export function brokerSettings(options: {
  id: number;
  directory: string;
  ports: BrokerPorts[];
  keystore: string | undefined;
  extra: Record<string, string>;
}): string {
  const { id, directory, ports, keystore, extra } = options;
  const own = ports[id - 1];
  if (!own) throw new Error(`there are no ports for broker ${id}`);
  const replicas = String(ports.length);
  const secured = own.secured && keystore;
  const settings: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': ports.map(({ controller }, index) => `${index + 1}@127.0.0.1:${controller}`).join(','),
    listeners: `PLAIN://127.0.0.1:${own.plain},CONTROLLER://127.0.0.1:${own.controller}${secured ? `,SECURED://127.0.0.1:${own.secured}` : ''}`,
    'advertised.listeners': `PLAIN://127.0.0.1:${own.plain}${secured ? `,SECURED://localhost:${own.secured}` : ''}`,
    'listener.security.protocol.map': 'PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL',
    'inter.broker.listener.name': 'PLAIN',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': directory,
    'auto.create.topics.enable': 'false',
    'log.message.timestamp.type': 'LogAppendTime',
    'default.replication.factor': replicas,
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '500',
    'num.network.threads': '2',
    'num.io.threads': '2',
    'broker.heartbeat.interval.ms': '500',
    'broker.session.timeout.ms': '3000',
    ...(secured && {
      'listener.name.secured.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'listener.name.secured.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.secured.ssl.keystore.type': 'PEM',
      'listener.name.secured.ssl.keystore.location': keystore,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'allow.everyone.if.no.acl.found': 'false',
      // Over the plain listeners come the brokers themselves, and the test as an operator.
      'super.users': `User:ANONYMOUS;User:${SCRAM_USER.username}`,
    }),
    ...extra,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
