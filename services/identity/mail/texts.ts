/** What a person gets. `html` says the same as `text`; `instead` is what the log says where there is no mail server. */
export interface Letter {
  subject: string;
  text: string;
  html: string;
  instead?: string;
}

/** Nothing that anybody could choose for somebody else is in a letter, such as a name: it would be sent to strangers. */
interface Content {
  subject: string;
  paragraphs: string[];
  /** Stands alone, to be read or clicked. */
  highlight?: { code: string } | { link: string };
  closing: string[];
  instead?: string;
}

const NOT_YOU = 'If this was not you, you need do nothing.';

export function codeLetter(purpose: 'registration' | 'email-change', code: string, subject: string): Letter {
  const registering = purpose === 'registration';
  return compose({
    subject: registering ? 'Your code for Starling' : 'Your code for a new email address',
    paragraphs: [registering ? 'Enter this code to finish making your account:' : 'Enter this code to have this address for your account:'],
    highlight: { code },
    closing: [
      'It is good for ten minutes from when you asked for it. Give it to nobody: nobody of Starling will ever ask you for it.',
      NOT_YOU,
    ],
    instead: `There is no mail server: the code of ${purpose} ${subject} is ${code}`,
  });
}

/** Instead of a code, to an address that has an account. */
export function accountExistsLetter(purpose: 'registration' | 'email-change', publicUrl: string, subject: string): Letter {
  return compose({
    subject: 'You have an account already',
    paragraphs: [
      purpose === 'registration'
        ? 'Somebody, probably you, wanted to make an account with this address. There is one already: log in with it.'
        : 'Somebody wanted to have this address for another account. It belongs to yours, and stays with it.',
      'If you have forgotten the password, choose "Forgot password?" where you log in:',
    ],
    highlight: { link: publicUrl },
    closing: [NOT_YOU],
    instead: `There is no mail server: ${purpose} ${subject} has an email that has an account, and gets no code`,
  });
}

export function resetLetter(link: string): Letter {
  return compose({
    subject: 'A new password',
    paragraphs: ['Somebody, probably you, asked for a new password for your account. Choose it here:'],
    highlight: { link },
    closing: [
      'The link is good for half an hour, and once. Give it to nobody. A new password logs you out everywhere.',
      'If this was not you, your password stays as it is.',
    ],
    instead: `There is no mail server: the link for a new password that was asked for is ${link}`,
  });
}

export function emailChangeAskedLetter(): Letter {
  return compose({
    subject: 'Your account is to have another email address',
    paragraphs: ['Somebody who knows your password asked for another email address for your account.'],
    closing: ['If this was not you, log in and change your password now: that stops it.'],
  });
}

export function emailChangedLetter(publicUrl: string): Letter {
  return compose({
    subject: 'Your account has another email address',
    paragraphs: ['The email address of your account was changed, and this one does not belong to it any more:'],
    highlight: { link: publicUrl },
    closing: ['If this was not you, tell whoever runs this server at once.'],
  });
}

export function passwordChangedLetter(publicUrl: string): Letter {
  return compose({
    subject: 'Your password was changed',
    paragraphs: ['The password of your account was changed, and all other devices were logged out:'],
    highlight: { link: publicUrl },
    closing: ['If this was not you, choose "Forgot password?" where you log in, and take the account back.'],
  });
}

function compose({ subject, paragraphs, highlight, closing, instead }: Content): Letter {
  const shown = highlight && ('code' in highlight ? highlight.code : highlight.link);
  const text = [...paragraphs, ...(shown === undefined ? [] : [`    ${shown}`]), ...closing].join('\n\n');
  const html = [
    ...paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
    ...(highlight === undefined ? [] : [renderHighlight(highlight)]),
    ...closing.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
  ].join('\n');
  const page = `<!doctype html>\n<html lang="en">\n<body style="font-family: sans-serif; line-height: 1.5">\n${html}\n</body>\n</html>\n`;
  return { subject, text: `${text}\n`, html: page, ...(instead === undefined ? {} : { instead }) };
}

function renderHighlight(highlight: { code: string } | { link: string }): string {
  if ('code' in highlight) return `<p style="font-size: 1.6em; letter-spacing: 0.2em"><strong>${escapeHtml(highlight.code)}</strong></p>`;
  const link = escapeHtml(highlight.link);
  return `<p><a href="${link}">${link}</a></p>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
