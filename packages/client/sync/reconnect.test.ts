import { renderProblem } from '@starling/contracts/problems';
import { CLOSE_CODES } from '@starling/contracts/socket';
import { describe, expect, it } from 'vitest';
import { ApiError, NetworkError } from '../rest/errors.ts';
import { planAfterClose, planAfterError } from './reconnect.ts';

const most = () => 0.999999;

describe('planAfterClose', () => {
  it.each([
    ['restarting', 0, { delay: 500, freshToken: false, resync: false }],
    ['restarting', 3, { delay: 2000, freshToken: false, resync: false }],
    ['slow', 0, { delay: 500, freshToken: false, resync: false }],
    ['unavailable', 0, { delay: 250, freshToken: false, resync: false }],
    ['behind', 20, { delay: 15_000, freshToken: false, resync: false }],
    ['expired', 0, { delay: 500, freshToken: true, resync: false }],
    ['unauthenticated', 2, { delay: 1000, freshToken: true, resync: false }],
    ['resync', 0, { delay: 500, freshToken: false, resync: true }],
  ] as const)('%s after %i failures', (name, failures, { delay, ...plan }) => {
    const planned = planAfterClose(CLOSE_CODES[name].code, '', failures, most);
    expect(planned).toMatchObject(plan);
    expect(Math.round((planned as { delay: number }).delay)).toBe(delay);
  });

  it('waits after a code that no server of ours sends, and gives up when told so, with the reason', () => {
    expect(planAfterClose(1006, '', 0, most)).toMatchObject({ freshToken: false, resync: false });
    expect(planAfterClose(CLOSE_CODES['invalid-frame'].code, 'the frame is not valid', 0, most)).toEqual({
      failure: { kind: 'refused', message: 'the frame is not valid' },
    });
  });

  it('spreads clients over the whole of the wait', () => {
    expect(planAfterClose(1012, '', 0, () => 0)).toMatchObject({ delay: 0 });
    expect(planAfterClose(4503, '', 5, () => 0.5)).toMatchObject({ delay: 4000 });
  });
});

describe('planAfterError', () => {
  it('tries again when the network is away or the server asks for it, after the time that it names', () => {
    expect(planAfterError(new NetworkError('no'), 1, () => 0.5)).toEqual({ delay: 250, freshToken: false, resync: false });
    expect(planAfterError(new ApiError(renderProblem('rate-limited', { retryAfter: 7 })), 0, most)).toMatchObject({
      delay: expect.closeTo(10_500),
    });
    expect(planAfterError(new ApiError(renderProblem('unavailable')), 0, () => 0)).toMatchObject({ delay: 0 });
  });

  it('gives up without a session', () => {
    expect(planAfterError(new ApiError(renderProblem('unauthenticated')), 0, most)).toMatchObject({ failure: { kind: 'logged-out' } });
    expect(planAfterError(new ApiError(renderProblem('forbidden')), 0, most)).toMatchObject({ failure: { kind: 'refused' } });
  });
});
