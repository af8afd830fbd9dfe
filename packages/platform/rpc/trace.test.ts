import type { ConnectRouter } from '@connectrpc/connect';
import { ConversationService } from '@starling/contracts/rpc';
import { describe, expect, it } from 'vitest';
import { inSpan } from '../telemetry/index.ts';
import { recordSpans } from '../telemetry/test-spans.ts';
import { onBehalfOf } from './caller.ts';
import { WAYS } from './test-calls.ts';

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

function routes(router: ConnectRouter): void {
  router.service(ConversationService, {
    async loadParticipations() {
      await inSpan('within', {}, async () => {});
      return {};
    },
    findPost: async () => ({}),
  });
}

describe.each(Object.entries(WAYS))('a call %s', (_name, serve) => {
  it('has a span on both sides, in one trace, with the claims of the token that it carried', async () => {
    const spans = await recordSpans(async () => {
      const callee = await serve(routes);
      const { delivery, identity } = callee.tokens.issuers;
      const { token } = await identity.minter.mintUserToken({ user: 'ann', session: 's1', role: 'member', scope: 'api' });
      await inSpan('request', { carrier: { traceparent: PARENT } }, async () => {
        await callee.as(delivery).load(['ann']);
        const user = { user: 'ann', session: 's1', token, chain: ['web'] };
        await callee.as(delivery).conversations.findPost({ conversation: 'c', client: 'x', projected: 0 }, onBehalfOf(user));
      });
      await callee.close();
    });
    expect(new Set(spans.map(({ trace }) => trace))).toEqual(new Set(['a'.repeat(32)]));
    const named = (name: string) => spans.filter((span) => span.name.endsWith(name));
    const [answered, asked] = named('LoadParticipations');
    const [answeredForAnn, askedForAnn] = named('FindPost');
    const [within] = named('within');
    const [request] = named('request');
    expect([asked?.parent, answered?.parent, within?.parent]).toEqual([request?.span, asked?.span, answered?.span]);
    expect([askedForAnn?.parent, answeredForAnn?.parent]).toEqual([request?.span, askedForAnn?.span]);
    const hop = { 'jwt.iss': 'delivery', 'jwt.aud': 'conversation', 'jwt.jti': expect.stringMatching(/./) };
    for (const span of [asked, answered, within]) {
      expect(span?.attributes).toEqual({
        ...hop,
        'enduser.id': 'svc:delivery',
        'jwt.act': 'delivery',
        'jwt.jti': asked?.attributes['jwt.jti'],
      });
    }
    for (const span of [askedForAnn, answeredForAnn]) {
      expect(span?.attributes).toEqual({
        ...hop,
        'enduser.id': 'ann',
        'jwt.act': 'web>delivery',
        'jwt.jti': askedForAnn?.attributes['jwt.jti'],
      });
    }
    expect([asked, askedForAnn].map((span) => span?.service)).toEqual(Array(2).fill('delivery'));
    expect([answered, within, answeredForAnn].map((span) => span?.service)).toEqual(Array(3).fill('conversation'));
  });
});
