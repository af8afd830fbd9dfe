import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';

/** Where the browser is, and what the person did; each may be made wrong. */
export interface Circumstances {
  origin: string;
  /** The host that the authenticator is told. */
  host?: string;
  userVerified?: boolean;
  framed?: boolean;
  counter?: number;
  challenge?: string;
  userHandle?: string;
}

/** A fake authenticator in software, with one passkey (ES256), together with the browser in front of it. */
export class TestAuthenticator {
  readonly credential = randomBytes(16);
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  #counter = 0;
  #userHandle = '';

  /** What `navigator.credentials.create` gives, as JSON. */
  create(options: string, circumstances: Circumstances): string {
    const { challenge, rp, user } = JSON.parse(options) as PublicKeyCredentialCreationOptionsJSON;
    this.#userHandle = user.id;
    const { x = '', y = '' } = this.#keys.publicKey.export({ format: 'jwk' });
    // COSE: EC2, ES256, P-256.
    const key = Buffer.concat([
      Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]),
      Buffer.from(x, 'base64url'),
      Buffer.from([0x22, 0x58, 0x20]),
      Buffer.from(y, 'base64url'),
    ]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.credential.length);
    const attested = Buffer.concat([Buffer.alloc(16), length, this.credential, key]);
    const data = this.#authenticatorData(rp.id ?? '', circumstances, attested);
    const attestationObject = Buffer.concat([
      Buffer.from([0xa3]),
      cborText('fmt'),
      cborText('none'),
      cborText('attStmt'),
      Buffer.from([0xa0]),
      cborText('authData'),
      Buffer.from([0x58, data.length]),
      data,
    ]);
    return this.#answer({
      clientDataJSON: clientData('webauthn.create', challenge, circumstances),
      attestationObject: attestationObject.toString('base64url'),
      transports: ['internal'],
    });
  }

  /** What `navigator.credentials.get` gives, as JSON. */
  get(options: string, circumstances: Circumstances): string {
    const { challenge, rpId } = JSON.parse(options) as PublicKeyCredentialRequestOptionsJSON;
    const clientDataJSON = clientData('webauthn.get', challenge, circumstances);
    const data = this.#authenticatorData(rpId ?? '', circumstances);
    const hash = createHash('sha256').update(Buffer.from(clientDataJSON, 'base64url')).digest();
    return this.#answer({
      clientDataJSON,
      authenticatorData: data.toString('base64url'),
      signature: sign('sha256', Buffer.concat([data, hash]), this.#keys.privateKey).toString('base64url'),
      userHandle: circumstances.userHandle ?? this.#userHandle,
    });
  }

  #authenticatorData(host: string, { host: told = host, userVerified = true, counter }: Circumstances, attested?: Buffer): Buffer {
    this.#counter = counter ?? this.#counter + 1;
    const head = Buffer.alloc(5);
    head.writeUInt8(0x01 | (userVerified ? 0x04 : 0) | (attested ? 0x40 : 0));
    head.writeUInt32BE(this.#counter, 1);
    return Buffer.concat([createHash('sha256').update(told).digest(), head, attested ?? Buffer.alloc(0)]);
  }

  #answer(response: object): string {
    const id = this.credential.toString('base64url');
    return JSON.stringify({ id, rawId: id, type: 'public-key', clientExtensionResults: {}, response });
  }
}

function clientData(type: string, asked: string, { origin, framed = false, challenge = asked }: Circumstances): string {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: framed })).toString('base64url');
}

function cborText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)]);
}
