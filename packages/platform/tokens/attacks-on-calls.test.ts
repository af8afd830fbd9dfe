import { randomUUID } from 'node:crypto';
import { HTTP_METHOD } from '@starling/contracts/permissions';
import { beforeAll, describe, expect, it } from 'vitest';
import { evidenceOf } from './minter.ts';
import { createForgery, expectRefused, type Forge, type Forgery, signed } from './test-forge.ts';
import type { Issuer } from './test-tokens.ts';

const SERVICE = 'starling.conversation.v1.ConversationService';

let forgery: Forgery;
let user: Forge;
let hop: Forge;
let verifyCall: Forgery['verifyCall'];
let web: Issuer;
let delivery: Issuer;

beforeAll(async () => {
  forgery = await createForgery();
  ({ user, hop, verifyCall } = forgery);
  ({ web, delivery } = forgery.tokens.issuers);
});

/** A hop token of another service for ann. */
function hopOf(by: Issuer, claims: object): string {
  return signed(by, { ...hop.full.header, kid: by.signing.kid }, { ...hop.full.claims, iss: by.issuer, ...claims });
}

/** web's call for the user of this token. */
function callBeside(userToken: string): Promise<unknown> {
  return verifyCall(signed(web, hop.full.header, forgery.hopClaims(userToken)), { userToken });
}

describe('a call', () => {
  it('with a user token, a refresh token or an ID token in place of another is refused', async () => {
    for (const typ of ['user+jwt', 'JWT', 'at+jwt', 'id+jwt', 'refresh+jwt']) {
      await expectRefused(`${typ} as hop token`, verifyCall(user.make({}, { typ })));
      if (typ !== 'user+jwt') await expectRefused(`${typ} as user token`, callBeside(user.make({}, { typ })));
    }
    await expectRefused('a hop token as user token', callBeside(hop.make()));
    await expectRefused('a hop token as user token, alone', user.verify(hop.make()));
    await expectRefused('an opaque refresh token', user.verify(`${randomUUID()}.3.${'a'.repeat(43)}`));
    await expectRefused('a session cookie', user.verify('x'.repeat(43)));
  });

  it('with a hop token for another service is refused', async () => {
    for (const service of ['user', 'identity', 'delivery', 'web'])
      await expectRefused(`at ${service}`, verifyCall(hop.make(), { gate: forgery.tokens.gateOf(service) }));
  });

  it('for another user or session, or with evidence of another token, is refused', async () => {
    const { token } = forgery.ann;
    const again = user.make({ jti: 'other' });
    await expectRefused('another sub', verifyCall(hop.make({ sub: 'bob' })));
    await expectRefused('another sid', verifyCall(hop.make({ sid: 's2' })));
    await expectRefused('evidence of another token', verifyCall(hop.make(), { userToken: again }));
    await expectRefused('another token beside it', verifyCall(hop.make({ evd: evidenceOf(again) })));
    for (const evd of [null, '', 0, false, [evidenceOf(token)], { sha256: evidenceOf(token) }, evidenceOf(''), token])
      await expectRefused(`evd ${JSON.stringify(evd)}`, verifyCall(hop.make({ evd })));
    await expectRefused('no user token', verifyCall(hop.make(), { userToken: undefined }));
    await expectRefused('an empty user token', verifyCall(hop.make({ evd: evidenceOf('') }), { userToken: '' }));
    const foreign = signed(web, { ...user.full.header, kid: web.signing.kid }, { ...user.full.claims, iss: 'web' });
    await expectRefused('a user token that a service minted', callBeside(foreign));
  });

  it('with a wider scope than the user token has is refused', async () => {
    for (const scope of ['api socket', 'api']) await expectRefused(`the hop token says ${scope}`, verifyCall(hop.make({ scope })));
    for (const scope of ['socket', ' ', 'apis', 'api,socket', 'API'])
      await expectRefused(`a token for ${scope}`, callBeside(user.make({ scope })));
    expect(await callBeside(user.make({ scope: 'api socket' }))).toBeDefined();
  });

  it('whose chain does not begin with its issuer, is not in the table, or is none, is refused', async () => {
    const method = `${SERVICE}/FindPost`;
    const byDelivery = (act: unknown) => verifyCall(hopOf(delivery, { act }), { method });
    const nest = (...chain: unknown[]) =>
      chain.reduceRight<unknown>((act, sub) => ({ sub, ...(act === undefined ? {} : { act }) }), undefined);
    expect((await byDelivery(nest('delivery', 'web'))).chain).toEqual(['delivery', 'web']);
    const chains: unknown[] = [
      undefined,
      null,
      'delivery',
      [],
      ['delivery'],
      {},
      { sub: null },
      { sub: ['delivery'] },
      { sub: 'delivery', act: null },
      { sub: 'delivery', act: 'web' },
      { sub: 'delivery', act: {} },
      nest('web'),
      nest('web', 'delivery'),
      nest('delivery', 'delivery'),
      nest('delivery', 'conversation'),
      nest('delivery', 'web', 'web'),
      nest('delivery', 'web', 'a', 'b'),
      nest('delivery', 'web', 'a', 'b', 'c'),
      nest('delivery', ...Array.from({ length: 60 }, () => 'web')),
      nest('delivery', 1),
    ];
    for (const act of chains) await expectRefused(`act ${JSON.stringify(act)}`, byDelivery(act));
  });

  it('that the table does not have is refused, whoever makes it', async () => {
    const { conversation } = forgery.tokens.issuers;
    const act = { sub: 'conversation', act: { sub: 'delivery' } };
    await expectRefused('another caller', verifyCall(hopOf(conversation, { act }), { method: `${SERVICE}/FindPost` }));
    const names = ['', 'http ', 'FindPost', `${SERVICE}/findpost`, `${SERVICE}/FindPosts`, `${SERVICE}/LoadParticipations`, HTTP_METHOD];
    for (const method of names)
      await expectRefused(`the method ${method}`, verifyCall(hopOf(delivery, { act: { sub: 'delivery' } }), { method }));
  });

  it("by a service's key without a user token gets what is listed, and nothing else", async () => {
    const { iat, exp } = hop.full.claims;
    const own = (claims: object = {}) =>
      signed(
        delivery,
        { ...hop.full.header, kid: delivery.signing.kid },
        { iss: 'delivery', aud: 'conversation', sub: 'svc:delivery', jti: 'j', iat, exp, ...claims },
      );
    const method = `${SERVICE}/LoadParticipations`;
    expect((await verifyCall(own(), { userToken: undefined, method })).user).toBeUndefined();
    for (const other of [HTTP_METHOD, `${SERVICE}/FindPost`, 'starling.user.v1.UserService/FindUsers'])
      await expectRefused(other, verifyCall(own(), { userToken: undefined, method: other }));
    for (const claims of [
      { sub: 'ann' },
      { sub: 'svc:web' },
      { sub: 'svc:' },
      { sid: 's1' },
      { act: { sub: 'delivery' } },
      { scope: 'api' },
      { evd: evidenceOf(forgery.ann.token) },
    ])
      for (const userToken of [undefined, forgery.ann.token])
        await expectRefused(JSON.stringify(claims), verifyCall(own(claims), { userToken, method }));
  });
});
