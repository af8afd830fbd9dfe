import { renderRulesLevel, selectorOf } from '@starling/cdk8s/parts';
import { SERVICE_NAMES } from '@starling/contracts/services';
import { bad } from '../status/conditions.ts';
import { deploymentOf, podsOf } from './apps.ts';
import { connectionsOf, connectionsToWrite } from './connections.ts';
import { ownedKinds, prune } from './inventory.ts';
import { judgeJob } from './jobs.ts';
import { ensureJob, isRecorded, jobOf, keepFinished, podsOf as podsOfJob, pruneJobs, record, volumesHash } from './migrate.ts';
import { done, type Outcome, wait } from './outcome.ts';
import { want } from './ownership.ts';
import { findEnding } from './rollout.ts';
import { inputOf, type Pass } from './work.ts';

/** Tells what runs; once all of the target version do, raises the level of rules, and removes what is not wanted any more. */
export async function observe(pass: Pass): Promise<Outcome> {
  const again = observeDelivery(pass);
  if (!pass.rolledOut) return done({}, again);
  const { targetVersion } = pass.status;
  if (targetVersion !== undefined && pass.before.version !== targetVersion) {
    pass.status.version = targetVersion;
    pass.events.record(pass.cluster, { type: 'Normal', reason: 'RolledOut', action: 'Upgrade', note: `version ${targetVersion} runs` });
  }
  if (pass.status.operation?.type === 'upgrade') delete pass.status.operation;
  const outcome = await raiseRulesLevel(pass, renderRulesLevel(inputOf(pass)));
  await prune(pass, ownedKinds(pass.options));
  return outcome.kind === 'done' ? done(outcome.findings, again) : outcome;
}

/** Only now, that every reader of the log understands them, may records of the new level be written. */
async function raiseRulesLevel(pass: Pass, manifests: ReturnType<typeof renderRulesLevel>): Promise<Outcome> {
  const { name } = jobOf(manifests).metadata;
  const volumes = volumesHash(pass);
  await pruneJobs(pass, name, 'rules-level');
  if (isRecorded(pass, name, volumes)) {
    await keepFinished(pass, manifests, volumes);
    return done();
  }
  want(pass, manifests);
  // What is still on its way out reads the log, too.
  const ending = SERVICE_NAMES.map((service) => findEnding(podsOf(pass, service))).find((pod) => pod !== undefined);
  if (ending !== undefined) return wait(`pod ${ending} of before has not ended yet`);
  const job = await ensureJob(pass, manifests, volumes);
  const state = judgeJob(job, podsOfJob(pass, job));
  switch (state.state) {
    case 'done':
      pass.status.rulesLevel = state.result.rulesLevel ?? pass.before.rulesLevel ?? 0;
      record(pass, { job: name, version: pass.status.targetVersion ?? '', volumes });
      return done();
    case 'running':
      return wait(state.why);
    case 'refused':
      return wait(state.message, { Migrated: bad('RulesLevelNotRaised', `${state.reason}: ${state.message}`) });
    default:
      return wait(state.why, { Migrated: bad('RulesLevelNotRaised', state.why) });
  }
}

function observeDelivery(pass: Pass): number | undefined {
  const deployment = deploymentOf(pass, 'delivery');
  const { spec, status } = (deployment ?? {}) as { spec?: { replicas?: number }; status?: { readyReplicas?: number } };
  const selector = Object.entries(selectorOf(pass.name, 'delivery')).map(([label, value]) => `${label}=${value}`);
  const written = pass.before.delivery?.connections;
  const { connections, again } = connectionsToWrite({
    counted: connectionsOf(podsOf(pass, 'delivery')),
    written,
    writtenAt: pass.memory.connectionsWrittenAt.get(pass.uid),
    now: pass.now,
  });
  if (connections !== written) pass.memory.connectionsWrittenAt.set(pass.uid, pass.now);
  pass.status.delivery = { ready: status?.readyReplicas ?? 0, desired: spec?.replicas ?? 0, connections, selector: selector.join(',') };
  return again;
}
