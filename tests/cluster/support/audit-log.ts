import { readFile } from 'node:fs/promises';
import { stateFile } from './state-folder.ts';

/** One request to the API server, as it wrote it down when it had answered. */
export interface AuditedRequest {
  user: string;
  userAgent: string;
  verb: string;
  uri: string;
  /** ms since 1970. */
  at: number;
  status: number;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
}

interface AuditEvent {
  stage: string;
  verb: string;
  requestURI: string;
  user: { username: string };
  userAgent?: string;
  requestReceivedTimestamp: string;
  responseStatus?: { code: number };
  objectRef?: { apiGroup?: string; resource?: string; subresource?: string; namespace?: string; name?: string };
}

/** The requests that were received since a time (ms), in the order of their answers; watches are there from their end on. */
export async function readAuditLog(since: number): Promise<AuditedRequest[]> {
  const lines = (await readFile(stateFile('varlog', 'audit.log'), 'utf8')).split('\n').filter(Boolean);
  return lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter((event) => event.stage === 'ResponseComplete')
    .map(requestOf)
    .filter(({ at }) => at >= since);
}

function requestOf(event: AuditEvent): AuditedRequest {
  const { apiGroup = '', resource = '', subresource = '', namespace = '', name = '' } = event.objectRef ?? {};
  return {
    user: event.user.username,
    userAgent: event.userAgent ?? '',
    verb: event.verb,
    uri: event.requestURI,
    at: Date.parse(event.requestReceivedTimestamp),
    status: event.responseStatus?.code ?? 0,
    ...{ group: apiGroup, resource, subresource, namespace, name },
  };
}
