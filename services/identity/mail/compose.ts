import type { Codes } from '../store/codes.ts';
import type { Credentials } from '../store/credentials.ts';
import type { MailJob } from '../store/mail-queue.ts';
import type { Resets } from '../store/resets.ts';
import {
  accountExistsLetter,
  codeLetter,
  emailChangeAskedLetter,
  emailChangedLetter,
  type Letter,
  passwordChangedLetter,
  resetLetter,
} from './texts.ts';

/** Says what each job is about, at the time it is sent; undefined when that is of no use any more. */
export function createCompose(options: {
  codes: Pick<Codes, 'read'>;
  resets: Pick<Resets, 'linkToken'>;
  accounts: Pick<Credentials, 'findByEmail'>;
  /** As configured: no header of a request decides where a link leads. */
  publicUrl: string;
}): (job: MailJob) => Promise<Letter | undefined> {
  const { codes, resets, accounts, publicUrl } = options;

  async function composeCode(id: string): Promise<Letter | undefined> {
    const issued = await codes.read(id);
    if (!issued) return undefined;
    const { purpose, subject, email, code } = issued;
    // Looked up here and nowhere before: whoever asked for the code cannot tell.
    return (await accounts.findByEmail(email)) ? accountExistsLetter(purpose, publicUrl, subject) : codeLetter(purpose, code, subject);
  }

  return async ({ kind, subject }) => {
    switch (kind) {
      case 'code':
        return composeCode(subject ?? '');
      case 'reset': {
        const token = await resets.linkToken(subject ?? '');
        return token === undefined ? undefined : resetLetter(`${publicUrl}/reset#${token}`);
      }
      case 'email-change-asked':
        return emailChangeAskedLetter();
      case 'email-changed':
        return emailChangedLetter(publicUrl);
      case 'password-changed':
        return passwordChangedLetter(publicUrl);
    }
  };
}
