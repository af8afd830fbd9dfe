/** A call from one service to another. Services are named as in the issuer and audience of hop tokens. */
export interface Call {
  caller: string;
  callee: string;
  /** For a user whose token comes with it, or for the service itself. */
  as: 'user' | 'service';
  /** `<package>.<Service>/<Method>` of an RPC, or {@link HTTP_METHOD}. */
  method: string;
  /** Of a call for a user: the services that it came through, the nearest first, the caller included. */
  chain?: readonly string[];
  /** Of a call for a user: the scopes of the user's token, with a blank between them. */
  scope?: string;
}

export interface CallRule {
  caller: string;
  callee: string;
  as: 'user' | 'service';
  methods: readonly string[];
  /** All chains that such a call may have come through. */
  chains?: readonly (readonly string[])[];
  /** What the user's token must be good for; absent: any. */
  scope?: 'api' | 'socket';
}

/** All of a service's HTTP routes: only calls for a user reach them, and each names the right that the user must have. */
export const HTTP_METHOD = 'http';

/** Every call between services that there is; any other is refused, whatever tokens come with it. */
export const CALLS: readonly CallRule[] = [
  // What people ask, passed on by web.
  ...['user', 'conversation', 'delivery'].map(
    (callee): CallRule => ({ caller: 'web', callee, as: 'user', methods: [HTTP_METHOD], chains: [['web']], scope: 'api' }),
  ),
  {
    caller: 'web',
    callee: 'identity',
    as: 'user',
    chains: [['web']],
    scope: 'api',
    methods: [
      ...methods('starling.identity.v1.AccountsService', 'DescribeAccount', 'ChangePassword', 'RequestEmailChange', 'ConfirmEmailChange'),
      ...methods('starling.identity.v1.SessionsService', 'ListSessions', 'EndSession', 'EndAllSessions'),
      ...methods('starling.identity.v1.SecondFactorService', 'BeginTotp', 'ConfirmTotp', 'RemoveTotp', 'NewRecoveryCodes'),
      ...methods('starling.identity.v1.PasskeysService', 'BeginPasskey', 'AddPasskey', 'ListPasskeys', 'RemovePasskey'),
      ...methods('starling.identity.v1.AdministrationService', 'ListUsers', 'SetDisabled', 'SetRole'),
      ...methods('starling.identity.v1.AdministrationService', 'CreateInvite', 'ListInvites', 'RevokeInvite'),
    ],
  },
  // Whether a message was sent before, for its author: from a socket of delivery, or from a POST through web.
  {
    caller: 'delivery',
    callee: 'conversation',
    as: 'user',
    chains: [['delivery'], ['delivery', 'web']],
    methods: methods('starling.conversation.v1.ConversationService', 'FindPost'),
  },
  // A service's own calls. None returns a message's text, or writes as a user.
  {
    caller: 'web',
    callee: 'identity',
    as: 'service',
    methods: [
      ...methods('starling.identity.v1.AccountsService', 'DescribeEntry', 'Register', 'ResendRegistrationCode', 'ConfirmRegistration'),
      ...methods('starling.identity.v1.AccountsService', 'RequestPasswordReset', 'ResetPassword'),
      ...methods('starling.identity.v1.SessionsService', 'LogIn', 'CompleteLogIn', 'LogOut', 'MintToken'),
      ...methods('starling.identity.v1.SessionsService', 'IssueToken', 'RefreshToken', 'RevokeRefreshToken'),
      ...methods('starling.identity.v1.PasskeysService', 'BeginPasskeyLogIn', 'PasskeyLogIn'),
      ...methods('starling.identity.v1.SignOnService', 'BeginSignOn', 'FinishSignOn', 'LinkSignOn'),
    ],
  },
  { caller: 'conversation', callee: 'user', as: 'service', methods: methods('starling.user.v1.UserService', 'FindUsers') },
  {
    caller: 'delivery',
    callee: 'conversation',
    as: 'service',
    methods: methods('starling.conversation.v1.ConversationService', 'LoadParticipations', 'LoadParticipation'),
  },
];

/** Whether the table has this call. */
export function allowsCall(call: Call): boolean {
  return CALLS.some((rule) => matches(rule, call));
}

function matches(rule: CallRule, { caller, callee, as, method, chain, scope }: Call): boolean {
  if (rule.caller !== caller || rule.callee !== callee || rule.as !== as || !rule.methods.includes(method)) return false;
  if (as === 'service') return chain === undefined && scope === undefined;
  if (rule.scope !== undefined && !scope?.split(' ').includes(rule.scope)) return false;
  return rule.chains?.some((allowed) => isEqual(allowed, chain)) ?? false;
}

function isEqual(allowed: readonly string[], chain: readonly string[] | undefined): boolean {
  return chain?.length === allowed.length && allowed.every((service, index) => service === chain[index]);
}

function methods(service: string, ...names: string[]): string[] {
  return names.map((name) => `${service}/${name}`);
}
