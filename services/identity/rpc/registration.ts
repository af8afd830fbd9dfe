import type { ServiceImpl } from '@connectrpc/connect';
import type { AccountsService } from '@starling/contracts/rpc';
import type { IdentityConfig } from '../config.ts';
import type { ClientContext } from '../domain/client-context.ts';
import type { Begun } from '../domain/log-in.ts';
import type { Accounts } from '../store/accounts.ts';
import type { Codes } from '../store/codes.ts';
import type { Asked, Registration, Registrations } from '../store/registrations.ts';
import type { Sendings } from '../store/sendings.ts';
import type { Throttle } from '../store/throttle.ts';
import { type Admit, FirstAccountTaken } from './admission.ts';
import type { Passwords } from './passwords.ts';
import { refuse } from './refuse.ts';
import { requireEmail, requireName, requireNewPassword } from './requirements.ts';

/** Of one address, behind which there may be a whole office. */
const BY_ADDRESS = { capacity: 30, refillSeconds: 60 };
/** To one email address, whatever they are for. */
export const CODES_A_DAY = 10;
/** Of these one address uses up so many for one email, */
const BY_ONE_ADDRESS_A_DAY = 3;
/** and so many are kept for who has been invited, however many strangers name the email. */
const KEPT_FOR_INVITED = 2;

export interface RegistrationDeps {
  config: IdentityConfig;
  accounts: Accounts;
  admit: Admit;
  registrations: Registrations;
  codes: Codes;
  sendings: Sendings;
  throttle: Throttle;
  passwords: Passwords;
  /** There is mail to be sent. */
  wakeMailer(): void;
}

type RegistrationCalls = Pick<
  ServiceImpl<typeof AccountsService>,
  'describeEntry' | 'register' | 'resendRegistrationCode' | 'confirmRegistration'
>;

/**
 * Making an account. There is no user before the email is proven, and nothing that is done before differs by whether
 * there is an account with that email: the mail alone tells.
 */
export function registrationCalls(deps: RegistrationDeps): RegistrationCalls {
  const { config, accounts, admit, registrations, codes, sendings, throttle, passwords } = deps;
  const hasMail = config.mail !== undefined;

  /** Throws refuse('rate-limited'). The result takes the sending back. */
  async function countSending(email: string, invite: string | undefined, client: ClientContext | undefined): Promise<() => Promise<void>> {
    const byOne = isKnown(client) ? await sendings.count(`${email} by ${client.address}`, BY_ONE_ADDRESS_A_DAY) : undefined;
    if (byOne?.allowed === false) throw refuse('rate-limited', byOne);
    const byAll = await sendings.count(email, invite === undefined ? CODES_A_DAY - KEPT_FOR_INVITED : CODES_A_DAY);
    if (byAll.allowed) return async () => void (await Promise.all([byOne?.undo(), byAll.undo()]));
    await byOne?.undo();
    throw refuse('rate-limited', byAll);
  }

  async function countAddress(client: ClientContext | undefined): Promise<void> {
    if (!isKnown(client)) return;
    const taken = await throttle.take(`registrations by address ${client.address}`, BY_ADDRESS);
    if (!taken.allowed) throw refuse('rate-limited', taken);
  }

  function answer({ subject: id, code, expiresAt }: Asked, client: ClientContext | undefined) {
    deps.wakeMailer();
    return { id, expiresAt, code: !hasMail && client?.local ? code : '' };
  }

  /** Makes the account of a registration whose code was right; code and invite are used up with it, or neither is. */
  async function make(
    { id, email, name, passwordHash, invite }: Registration,
    code: string,
    client: ClientContext | undefined,
  ): Promise<Begun> {
    for (;;) {
      const { role, before } = await admit({
        email,
        invite: invite === undefined ? undefined : { id: invite },
        byCode: true,
        local: client?.local ?? false,
      });
      try {
        const made = await accounts.create({ email, name, role, passwordHash }, client, async (tx) => {
          await codes.use(tx, code);
          await registrations.remove(tx, id);
          await before(tx);
        });
        if (made !== 'exists') return made;
      } catch (error) {
        if (error instanceof FirstAccountTaken) continue;
        throw error;
      }
      // No secret any more: who asks has just proven that the email is theirs.
      throw refuse('account-exists');
    }
  }

  return {
    async describeEntry() {
      const first = config.firstLocalOwner && (await registrations.isFirst());
      return {
        registration: first ? 'open' : config.registration,
        mail: hasMail,
        providers: config.signOn.map(({ id, name }) => ({ id, name })),
      };
    },

    async register(request, context) {
      const { client } = request;
      const email = requireEmail(request.email);
      const name = requireName(request.name);
      const password = requireNewPassword(request.password);
      await countAddress(client);
      await registrations.refuseFlood();
      const invite = request.invite === '' ? undefined : { token: request.invite };
      const { inviteId } = await admit({ email, invite, byCode: true, local: client?.local ?? false });
      // Without mail its code would be shown to who has not proven anything yet, but that they are at the machine.
      if (!hasMail && client?.local && (await accounts.findByEmail(email))) throw refuse('account-exists');
      const undo = await countSending(email, inviteId, client);
      try {
        const passwordHash = await passwords.hashInTurn(client?.address ? [client.address, email] : [email], context.signal, password);
        return answer(await registrations.begin({ email, name, passwordHash, invite: inviteId }), client);
      } catch (error) {
        await undo();
        throw error;
      }
    },

    async resendRegistrationCode({ id, client }) {
      const registration = await registrations.find(id);
      if (!registration) throw refuse('not-found');
      const undo = await countSending(registration.email, registration.invite, client);
      const asked = await registrations.renewCode(id);
      if (asked) return answer(asked, client);
      await undo();
      throw refuse('not-found');
    },

    async confirmRegistration({ id, code, client }) {
      const registration = await registrations.find(id);
      if (!registration) throw refuse('code-expired');
      return make(registration, await codes.check({ purpose: 'registration', subject: id }, code), client);
    },
  };
}

function isKnown(client: ClientContext | undefined): client is ClientContext {
  return client !== undefined && !client.local && client.address !== '';
}
