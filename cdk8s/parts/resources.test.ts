import { describe, expect, it } from 'vitest';
import { completeResources, heapArguments } from './resources.ts';

describe('resources', () => {
  it('are ours where the spec says nothing, amount by amount', () => {
    expect(completeResources('service')).toEqual({ requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '512Mi' } });
    expect(completeResources('service', { requests: { cpu: '2' } }).requests).toEqual({ cpu: '2', memory: '192Mi' });
  });

  it('never ask for more than they allow: what the author wrote counts', () => {
    expect(completeResources('service', { limits: { memory: '128Mi', cpu: '50m' } })).toEqual({
      requests: { cpu: '50m', memory: '128Mi' },
      limits: { cpu: '50m', memory: '128Mi' },
    });
    expect(completeResources('service', { requests: { memory: '2Gi' } }).limits).toEqual({ memory: '2Gi' });
  });

  it('tell Node how large its heap may be', () => {
    expect(heapArguments(completeResources('service'))).toEqual(['--max-old-space-size=384']);
    expect(heapArguments({})).toEqual([]);
  });
});
