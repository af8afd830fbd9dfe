const ROOT = '/etc/starling';

/** Where a container finds its files. Secrets are mounted as whole folders, so that what changes in them arrives. */
export const FOLDERS = {
  config: `${ROOT}/config`,
  secrets: `${ROOT}/secrets`,
  keys: `${ROOT}/keys`,
  publicKeys: `${ROOT}/public-keys`,
  tls: `${ROOT}/tls`,
  authorities: `${ROOT}/authorities`,
  mail: `${ROOT}/mail`,
  root: `${ROOT}/root`,
  databaseAdministrator: `${ROOT}/postgres-administrator`,
  brokerAdministrator: `${ROOT}/broker-administrator`,
} as const;

export const FILES = {
  config: `${FOLDERS.config}/config.json`,
  databaseUrl: `${FOLDERS.secrets}/database-url`,
  brokerPassword: `${FOLDERS.secrets}/broker-password`,
  identitySecret: `${FOLDERS.secrets}/identity-secret`,
  privateKeys: `${FOLDERS.keys}/private.jwk.json`,
  publicKeys: `${FOLDERS.publicKeys}/public.json`,
  authorities: `${FOLDERS.tls}/ca.crt`,
  certificate: `${FOLDERS.tls}/tls.crt`,
  certificateKey: `${FOLDERS.tls}/tls.key`,
  /** Of data that is not ours: built-in data is of the installation's own authorities. */
  databaseAuthority: `${FOLDERS.authorities}/database.crt`,
  brokersAuthority: `${FOLDERS.authorities}/brokers.crt`,
  mailUrl: `${FOLDERS.mail}/url`,
  rootSecret: `${FOLDERS.root}/secret`,
} as const;
