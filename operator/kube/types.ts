import type { Manifest } from '@starling/cdk8s/parts';

/** One object as the API holds it; fields that this code does not know are kept. */
export interface KubeObject extends Manifest {
  metadata: Manifest['metadata'] & {
    uid: string;
    resourceVersion: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    managedFields?: ManagedFields[];
  };
  status?: Record<string, unknown>;
}

export interface ManagedFields {
  manager: string;
  operation: 'Apply' | 'Update';
  subresource?: string;
  apiVersion: string;
  time?: string;
  fieldsType: 'FieldsV1';
  fieldsV1: Record<string, unknown>;
}

/** One kind of objects as the API serves it. */
export interface Resource {
  apiVersion: string;
  kind: string;
  /** As in paths: `deployments`. */
  plural: string;
  namespaced: boolean;
}

/** Names one object. */
export interface ObjectReference {
  resource: Resource;
  name: string;
  namespace?: string | undefined;
}

/** What the API answered instead of doing what was asked. */
export class KubeError extends Error {
  override name = 'KubeError';
  /** HTTP status; 0: no answer. */
  readonly status: number;
  /** The API's own word: `NotFound`, `Conflict`, `Invalid`, `Forbidden`, … */
  readonly reason: string;
  /** How long the API asks to wait, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { status: number; reason: string; retryAfterMs?: number | undefined }) {
    super(message);
    this.status = options.status;
    this.reason = options.reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The Kubernetes API, one request a call. All reject with a {@link KubeError}. */
export interface KubeClient {
  /** Undefined: there is none. */
  get(reference: ObjectReference): Promise<KubeObject | undefined>;
  list(resource: Resource, options?: { namespace?: string | undefined; labelSelector?: string }): Promise<KubeObject[]>;
  create(manifest: Manifest): Promise<KubeObject>;
  /** Server-side apply, forced: what the manifest names is ours from then on. `subresource`: `status`, `scale`. */
  apply(manifest: Manifest, options: { manager: string; subresource?: 'status' }): Promise<KubeObject>;
  /** JSON merge patch (RFC 7386), or JSON patch (RFC 6902) for an array. */
  patch(reference: ObjectReference, body: object, options?: { subresource?: 'status' | 'scale'; manager?: string }): Promise<KubeObject>;
  /** Undefined resolves also for what is gone already. `uid`: only that very object. Dependents go in the background. */
  delete(reference: ObjectReference, options?: { uid?: string }): Promise<void>;
  /** Any request, as JSON: for what has no kind of ours, such as SubjectAccessReviews. */
  request(method: string, path: string, body?: object): Promise<unknown>;
}

/**
 * What a watch has told so far: no request is made for what is asked of it. Each answer is a copy. Of `managedFields` it has the
 * entries of all but the status, without their times; of Pods none, and of their spec only the node and the containers' names and images.
 */
export interface ObjectCache {
  get(reference: ObjectReference): KubeObject | undefined;
  /** Those of one namespace (absent: all) whose labels have all of these values. */
  list(resource: Resource, options?: { namespace?: string | undefined; labels?: Record<string, string> }): KubeObject[];
  /** All lists have come in once since the start. */
  readonly synced: boolean;
}
