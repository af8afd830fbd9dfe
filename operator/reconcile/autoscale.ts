import { names, renderAutoscale } from '@starling/cdk8s/parts';
import { type KubeObject, RESOURCES } from '../kube/index.ts';
import { bad, type Finding, good } from '../status/conditions.ts';
import { prune } from './inventory.ts';
import { type Registration, readRegistration } from './metrics-registration.ts';
import { done, type Outcome } from './outcome.ts';
import { applyAllOwned, want } from './ownership.ts';
import { inputOf, type Pass } from './work.ts';

/** Keeps what scales delivery, and tells whether it can. Chatting does not wait for it: there are the pods of the minimum. */
export async function autoscale(pass: Pass): Promise<Outcome> {
  const input = inputOf(pass);
  const { source } = input.spec.autoscaling;
  const { keda } = pass.options;
  const manifests = renderAutoscale(input);
  want(pass, manifests);
  // Before the other is made: KEDA's autoscaler bears the name of ours.
  await prune(pass, [RESOURCES.HorizontalPodAutoscaler, ...(keda ? [RESOURCES.ScaledObject] : [])]);
  if (source === 'None') return done({ Autoscaling: good('Fixed', 'the number of pods is given by spec.delivery.replicas') });
  if (source === 'Keda' && !keda) {
    const message = 'KEDA is not installed, or the operator has no rights to its ScaledObjects: install both and start the operator anew';
    return done({ Autoscaling: bad('KedaAbsent', message) });
  }
  await applyAllOwned(pass, manifests);
  const registration: Registration | undefined =
    source === 'Builtin' && pass.options.metricsApi ? readRegistration(pass.cache, pass.options.operatorNamespace) : undefined;
  const problem = source === 'Builtin' ? registrationProblem(registration) : undefined;
  return done({ Autoscaling: problem ?? judgeScaler(scalerOf(pass, source)) });
}

function registrationProblem(registration: Registration | undefined): Finding | undefined {
  if (!registration)
    return bad(
      'MetricsApiOff',
      'this installation of the operator has no metrics API: install it, or give spec.autoscaling.source another value',
    );
  switch (registration.state) {
    case 'foreign':
      return bad(
        'MetricsApiOwned',
        `APIService ${registration.name} belongs to another, and nothing of it is changed: there are spec.autoscaling.minReplicas pods; give spec.autoscaling.source PrometheusAdapter or Keda, or remove the other`,
      );
    case 'absent':
      return bad('MetricsApiMissing', 'the metrics API is not registered yet');
    case 'ours':
      return registration.available
        ? undefined
        : bad('MetricsApiUnavailable', `the metrics API does not answer: ${registration.message || 'not known yet'}`);
  }
}

interface ScalerParts {
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}

/** By what the autoscaler says of itself. */
export function judgeScaler(scaler: KubeObject | undefined): Finding {
  const conditions = (scaler as ScalerParts | undefined)?.status?.conditions ?? [];
  const active = conditions.find(({ type }) => type === (scaler?.kind === 'ScaledObject' ? 'Ready' : 'ScalingActive'));
  if (!active) return bad('ScalerStarting', 'the autoscaler has not looked yet');
  return active.status === 'True'
    ? good('Scaling', 'the autoscaler knows the connections')
    : bad('ScalingInactive', `the autoscaler does not know the connections: ${active.message ?? active.reason ?? ''}`);
}

function scalerOf(pass: Pass, source: 'Builtin' | 'PrometheusAdapter' | 'Keda'): KubeObject | undefined {
  const resource = source === 'Keda' ? RESOURCES.ScaledObject : RESOURCES.HorizontalPodAutoscaler;
  return pass.cache.get({ resource, name: names.of(pass.name, 'delivery'), namespace: pass.namespace });
}
