import { describe, expect, it } from 'vitest';
import {
  AccountsService,
  AdministrationService,
  ConversationService,
  PasskeysService,
  SecondFactorService,
  SessionsService,
  SignOnService,
  UserService,
} from '../rpc/index.ts';
import { allowsCall, HTTP_METHOD } from './calls.ts';

const SERVICES = ['identity', 'user', 'conversation', 'delivery', 'web', 'operator'];
const CALLEES = {
  identity: [AccountsService, AdministrationService, PasskeysService, SecondFactorService, SessionsService, SignOnService],
  user: [UserService],
  conversation: [ConversationService],
};
const METHODS = [
  HTTP_METHOD,
  ...Object.values(CALLEES).flatMap((services) =>
    services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`)),
  ),
];
const CHAINS = SERVICES.flatMap((first) => [[first], ...SERVICES.map((second) => [first, second])]);

/** Every call for which `allowsCall` is true, in short. */
function allowed(as: 'user' | 'service'): string[] {
  const found: string[] = [];
  for (const caller of SERVICES)
    for (const callee of SERVICES)
      for (const method of METHODS) {
        const short = `${caller} → ${callee} ${method.replace(/^starling\.\w+\.v1\./, '')}`;
        if (as === 'service') {
          if (allowsCall({ caller, callee, as, method })) found.push(short);
          continue;
        }
        for (const chain of CHAINS)
          if (allowsCall({ caller, callee, as, method, chain, scope: 'api' })) found.push(`${short} by ${chain.join(' < ')}`);
      }
  return found.sort();
}

describe('the table of calls', () => {
  it('lets services call as themselves for this, and nothing else', () => {
    expect(allowed('service')).toEqual([
      'conversation → user UserService/FindUsers',
      'delivery → conversation ConversationService/LoadParticipation',
      'delivery → conversation ConversationService/LoadParticipations',
      'web → identity AccountsService/ConfirmRegistration',
      'web → identity AccountsService/DescribeEntry',
      'web → identity AccountsService/Register',
      'web → identity AccountsService/RequestPasswordReset',
      'web → identity AccountsService/ResendRegistrationCode',
      'web → identity AccountsService/ResetPassword',
      'web → identity PasskeysService/BeginPasskeyLogIn',
      'web → identity PasskeysService/PasskeyLogIn',
      'web → identity SessionsService/CompleteLogIn',
      'web → identity SessionsService/IssueToken',
      'web → identity SessionsService/LogIn',
      'web → identity SessionsService/LogOut',
      'web → identity SessionsService/MintToken',
      'web → identity SessionsService/RefreshToken',
      'web → identity SessionsService/RevokeRefreshToken',
      'web → identity SignOnService/BeginSignOn',
      'web → identity SignOnService/FinishSignOn',
      'web → identity SignOnService/LinkSignOn',
    ]);
  });

  it('lets services call for a user for this, by these chains, and nothing else', () => {
    expect(allowed('user')).toEqual([
      'delivery → conversation ConversationService/FindPost by delivery',
      'delivery → conversation ConversationService/FindPost by delivery < web',
      'web → conversation http by web',
      'web → delivery http by web',
      'web → identity AccountsService/ChangePassword by web',
      'web → identity AccountsService/ConfirmEmailChange by web',
      'web → identity AccountsService/DescribeAccount by web',
      'web → identity AccountsService/RequestEmailChange by web',
      'web → identity AdministrationService/CreateInvite by web',
      'web → identity AdministrationService/ListInvites by web',
      'web → identity AdministrationService/ListUsers by web',
      'web → identity AdministrationService/RevokeInvite by web',
      'web → identity AdministrationService/SetDisabled by web',
      'web → identity AdministrationService/SetRole by web',
      'web → identity PasskeysService/AddPasskey by web',
      'web → identity PasskeysService/BeginPasskey by web',
      'web → identity PasskeysService/ListPasskeys by web',
      'web → identity PasskeysService/RemovePasskey by web',
      'web → identity SecondFactorService/BeginTotp by web',
      'web → identity SecondFactorService/ConfirmTotp by web',
      'web → identity SecondFactorService/NewRecoveryCodes by web',
      'web → identity SecondFactorService/RemoveTotp by web',
      'web → identity SessionsService/EndAllSessions by web',
      'web → identity SessionsService/EndSession by web',
      'web → identity SessionsService/ListSessions by web',
      'web → user http by web',
    ]);
  });

  it('has every method that a service offers, once: for users or for services', () => {
    const named = [...allowed('service'), ...allowed('user')].map((call) => call.split(' ')[3]);
    for (const method of METHODS) {
      const short = method.replace(/^starling\.\w+\.v1\./, '');
      expect([short, named.includes(short)]).toEqual([short, true]);
    }
  });

  it('asks for the scope of the API where people come by web', () => {
    const call = { caller: 'web', callee: 'user', as: 'user', method: HTTP_METHOD, chain: ['web'] } as const;
    expect(
      ['api', 'api socket', 'socket api', 'socket', 'apis', '', undefined].map((scope) =>
        allowsCall({ ...call, ...(scope === undefined ? {} : { scope }) }),
      ),
    ).toEqual([true, true, true, false, false, false, false]);
  });

  it('has no call of a service as itself that also names a user', () => {
    const call = { caller: 'conversation', callee: 'user', as: 'service', method: 'starling.user.v1.UserService/FindUsers' } as const;
    expect([allowsCall(call), allowsCall({ ...call, chain: ['conversation'] }), allowsCall({ ...call, scope: 'api' })]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
