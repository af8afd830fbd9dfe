import type { Profile } from '@starling/contracts/events';
import { v4 } from 'uuid';
import type { Clock } from '../clock.ts';
import { type FakeReply, type FakeRequest, problem } from './fake-request.ts';

interface FakeAccount {
  email: string;
  password: string;
  /** The code that its second factor is content with, if it has one. */
  totp?: string;
  profile: Profile;
}

interface FakeSession {
  id: string;
  user: string;
  /** Of the refresh token that is good at present. */
  generation: number;
  rotatedAt: number;
}

/** How long a refresh token that was used is answered with the same successor, ms. */
const GRACE = 10_000;

/** Accounts and sessions of the server in memory, as the protocol has them. */
export class FakeIdentity {
  readonly accounts = new Map<string, FakeAccount>();
  readonly sessions = new Map<string, FakeSession>();
  /** The code of every registration. */
  readonly code = '123456';
  tokenLife = 300_000;
  #registrations = new Map<string, { email: string; password: string; name: string }>();
  #challenges = new Map<string, string>();
  #addresses = new Map<string, string>();
  #clock: Clock;
  #tokens = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  addUser(name: string, email: string, password: string): string {
    const id = v4();
    const handle = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
    this.accounts.set(id, { email, password, profile: { id, handle, name, rev: 1 } });
    return id;
  }

  /** Answers what needs no session; undefined for all else. */
  answer({ method, path, body }: FakeRequest): FakeReply | undefined {
    const text = (name: string) => String(body[name] ?? '');
    switch (`${method} ${path}`) {
      case 'POST /v1/accounts':
        return this.#register(v4(), { email: text('email'), password: text('password'), name: text('name') });
      case 'POST /v1/accounts/confirm':
        return this.#confirm(text('id'), text('code'));
      case 'POST /v1/sessions':
        return this.#logIn(text('email'), text('password'));
      case 'POST /v1/sessions/second-factor':
        return this.#completeLogIn(text('challenge'), text('code'));
      case 'POST /v1/token':
        return this.#issue(text('email'), text('password'), body['code']);
      case 'POST /v1/token/refresh':
        return this.#refresh(text('refreshToken'));
      case 'POST /v1/token/revoke':
        this.sessions.delete(text('refreshToken').split('.')[0]!);
        return { status: 204 };
      default:
        return undefined;
    }
  }

  /** Answers what users ask of their own accounts; undefined for all else. */
  answerTo(user: string, { method, path, body }: FakeRequest): FakeReply | undefined {
    const account = this.accounts.get(user)!;
    switch (`${method} ${path}`) {
      case 'POST /v1/account/password':
        account.password = String(body['password']);
        return { status: 204 };
      case 'POST /v1/account/email': {
        const id = v4();
        this.#addresses.set(id, String(body['email']));
        return { status: 202, body: { id, expiresAt: this.#clock.now() + 600_000, code: this.code } };
      }
      case 'POST /v1/account/email/confirm':
        account.email = this.#addresses.get(String(body['id']))!;
        return { status: 204 };
      default:
        return undefined;
    }
  }

  /** The session of the cookie or of the user token. */
  sessionOf({ headers }: FakeRequest): FakeSession | undefined {
    const cookie = /session=([^;]+)/.exec(headers['cookie'] ?? '')?.[1];
    return cookie === undefined ? this.sessionOfToken(headers['authorization']?.replace('Bearer ', '')) : this.sessions.get(cookie);
  }

  sessionOfToken(token: string | undefined): FakeSession | undefined {
    const [id = '', expiresAt] = token?.split('.') ?? [];
    return Number(expiresAt) > this.#clock.now() ? this.sessions.get(id) : undefined;
  }

  mint({ id, user }: FakeSession) {
    const expiresAt = this.#clock.now() + this.tokenLife;
    return { user, token: `${id}.${expiresAt}.${++this.#tokens}`, expiresAt };
  }

  #register(id: string, registration: { email: string; password: string; name: string }): FakeReply {
    this.#registrations.set(id, registration);
    return { status: 202, body: { id, expiresAt: this.#clock.now() + 600_000, code: this.code } };
  }

  #confirm(id: string, code: string): FakeReply {
    const registration = this.#registrations.get(id);
    if (!registration) return problem('code-expired');
    if (code !== this.code) return problem('wrong-code');
    this.#registrations.delete(id);
    return this.#beginSession(this.addUser(registration.name, registration.email, registration.password));
  }

  #logIn(email: string, password: string): FakeReply {
    const account = this.#find(email, password);
    if (!account) return problem('wrong-credentials');
    if (account.totp === undefined) return this.#beginSession(account.profile.id);
    const challenge = v4();
    this.#challenges.set(challenge, account.profile.id);
    return { status: 202, body: { challenge, methods: ['totp'], expiresAt: this.#clock.now() + 600_000 } };
  }

  #completeLogIn(challenge: string, code: string): FakeReply {
    const user = this.#challenges.get(challenge);
    if (user === undefined) return problem('code-expired');
    return this.accounts.get(user)?.totp === code ? this.#beginSession(user) : problem('wrong-code');
  }

  #beginSession(user: string): FakeReply {
    const { id } = this.#open(user);
    return { status: 201, body: { user }, headers: { 'set-cookie': `session=${id}` } };
  }

  #issue(email: string, password: string, code: unknown): FakeReply {
    const account = this.#find(email, password);
    if (!account) return problem('wrong-credentials');
    if (account.totp !== undefined && code === undefined) return problem('second-factor-required');
    if (account.totp !== undefined && code !== account.totp) return problem('wrong-code');
    return { ...this.#tokensOf(this.#open(account.profile.id)), headers: { 'starling-device': `device-of-${account.profile.handle}` } };
  }

  #refresh(refreshToken: string): FakeReply {
    const [id = '', generation] = refreshToken.split('.');
    const session = this.sessions.get(id);
    if (!session) return problem('unauthenticated');
    const behind = session.generation - Number(generation);
    if (behind === 0) {
      session.generation++;
      session.rotatedAt = this.#clock.now();
    } else if (behind !== 1 || this.#clock.now() - session.rotatedAt > GRACE) {
      this.sessions.delete(id);
      return problem('unauthenticated');
    }
    return this.#tokensOf(session);
  }

  #tokensOf(session: FakeSession): FakeReply {
    const refreshExpiresAt = this.#clock.now() + 30 * 86_400_000;
    return { status: 200, body: { ...this.mint(session), refreshToken: `${session.id}.${session.generation}`, refreshExpiresAt } };
  }

  #open(user: string): FakeSession {
    const session = { id: v4(), user, generation: 0, rotatedAt: 0 };
    this.sessions.set(session.id, session);
    return session;
  }

  #find(email: string, password: string): FakeAccount | undefined {
    return [...this.accounts.values()].find((account) => account.email === email && account.password === password);
  }
}
