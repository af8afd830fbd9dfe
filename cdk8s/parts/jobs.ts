import { k8s } from 'cdk8s-plus-28';
import { authoritiesOf, brokersOf, databaseOf } from './data.ts';
import { shortHashOf } from './hash.ts';
import type { Manifest, RenderInput } from './input.ts';
import { labelsOf } from './labels.ts';
import { ownedMetadata } from './metadata.ts';
import { type JobStep, names } from './names.ts';
import { FILES, FOLDERS } from './places.ts';
import { completeResources, heapArguments, renderResources } from './resources.ts';
import { placement } from './scheduling.ts';
import { CLOSED_POD, containerSecurity, podSecurity, USERS } from './security.ts';
import { configAt, emptyAt, filesAt, type Place, secretAt } from './volumes.ts';

const COMPONENT = 'migrate';
const PROGRAMS: Record<JobStep, string> = { expand: 'processes/expand.ts', 'rules-level': 'processes/raise-rules-level.ts' };
/** Where the kubelet takes the message of an ended container from. */
const RESULT = '/dev/termination-log';
/** The last of them after some five minutes. */
const TRIES = 5;

/** Renders the Job before the services: roles and schemas of the database, topics, users and rights of the brokers. */
export function renderExpand(input: RenderInput): Manifest[] {
  return renderJob(input, 'expand');
}

/** Renders the Job after the services: what every reader understands by now may be written. */
export function renderRulesLevel(input: RenderInput): Manifest[] {
  return renderJob(input, 'rules-level');
}

/**
 * A Job and its configuration. A Job cannot be changed: another image, configuration or place is another name. That the log
 * is expected is not part of the name, since it comes true by the Job itself.
 */
function renderJob(input: RenderInput, step: JobStep): Manifest[] {
  const config = jobConfig(input);
  const hash = shortHashOf([config, podOf(input, step, '')]);
  const name = names.job(input.name, step, hash);
  const text = `${JSON.stringify({ ...config, logExpected: input.logExpected }, undefined, 2)}\n`;
  return [
    k8s.KubeConfigMap.manifest({ metadata: ownedMetadata(input, name, COMPONENT), data: { 'config.json': text } }),
    k8s.KubeJob.manifest({
      metadata: ownedMetadata(input, name, COMPONENT),
      spec: {
        // A database that is not there yet may be there soon; an eviction is no failure. A refusal the operator reads from the first pod.
        backoffLimit: TRIES,
        podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }] },
        template: { metadata: { labels: labelsOf(input.name, COMPONENT) }, spec: podOf(input, step, name) },
      },
    }),
  ];
}

function jobConfig(input: RenderInput): object {
  const { log } = input.spec;
  const database = databaseOf(input);
  const authorities = authoritiesOf(input);
  const administrator = (folder: string) => ({ usernameFile: `${folder}/username`, passwordFile: `${folder}/password` });
  return {
    database: {
      host: database.host,
      port: database.port,
      database: database.name,
      administrator: administrator(FOLDERS.databaseAdministrator),
      authority: authorities.database,
    },
    kafka: {
      brokers: brokersOf(input).addresses,
      tlsAuthority: authorities.brokers,
      administrator: administrator(FOLDERS.brokerAdministrator),
    },
    rootSecretFile: FILES.rootSecret,
    epoch: input.epoch,
    partitions: { conversations: log.partitions, receipts: log.partitions, users: log.partitions },
    retentionDays: log.retentionDays,
  };
}

function podOf(input: RenderInput, step: JobStep, configMap: string): k8s.PodSpec {
  const { name, spec, images } = input;
  const resources = completeResources('job');
  const places: Place[] = [
    configAt('config', configMap, FOLDERS.config),
    secretAt('root', names.root(name), FOLDERS.root),
    secretAt('database-administrator', databaseOf(input).administrator, FOLDERS.databaseAdministrator),
    secretAt('broker-administrator', brokersOf(input).administrator, FOLDERS.brokerAdministrator),
    secretAt('tls', names.tls(name, COMPONENT), FOLDERS.tls),
    ...filesAt('authorities', FOLDERS.authorities, authoritiesOf(input).sources),
    emptyAt('tmp', '/tmp'),
  ];
  return {
    ...CLOSED_POD,
    serviceAccountName: names.of(name, COMPONENT),
    restartPolicy: 'Never',
    securityContext: podSecurity(USERS.starling),
    ...placement(input),
    containers: [
      {
        name: step,
        image: images.starling,
        ...(spec.image.pullPolicy !== undefined && { imagePullPolicy: spec.image.pullPolicy }),
        args: [...heapArguments(resources), PROGRAMS[step], '--config', FILES.config, '--result', RESULT],
        terminationMessagePath: RESULT,
        resources: renderResources(resources),
        securityContext: containerSecurity(),
        volumeMounts: places.map(({ mount }) => mount),
      },
    ],
    volumes: places.map(({ volume }) => volume),
  };
}
