const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** What is said about links by which recordings are heard without an account, and at such a link: see texts.ts. */
export const shareTexts = {
  shares: {
    title: 'Share links',
    ofCut: 'Share this cut',
    text: 'Who has the link hears this without an account. It ends when it is revoked.',
    textCut: 'Who has the link hears the current take without an account, and a newer one when it comes.',
    allows: 'They may',
    allow: { listen: 'Listen', download: 'Listen and download' },
    password: 'Password (optional)',
    passwordHelp: 'At least 8 characters',
    life: 'Ends',
    lives: { '': 'Never', 1: 'In a day', 7: 'In a week', 30: 'In a month' },
    create: 'Create link',
    made: 'The link. Copy it now: it is shown this once.',
    link: 'Link',
    none: 'No links yet.',
    plays: (n: number) => count(n, 'play'),
    hasPassword: 'with password',
    until: (day: string) => `until ${day}`,
    expired: (day: string) => `expired ${day}`,
    revoke: 'Revoke',
    revokeOf: (day: string) => `Revoke the link of ${day}`,
    revoked: 'The link was revoked',
  },

  shared: {
    by: (name: string) => `Shared by ${name}`,
    until: (day: string) => `This link ends on ${day}.`,
    download: 'Download',
    password: 'Password',
    passwordText: 'This link has a password. The person who sent it knows it.',
    openIt: 'Open',
    wrong: 'The password is wrong.',
    expired: 'This link has expired',
    expiredText: 'Ask the person who sent it for a new one.',
    unknown: 'There is nothing at this link',
    unknownText: 'It may have been revoked or mistyped. Ask the person who sent it.',
    busy: 'Too many requests. Wait a minute and try again.',
    failed: 'The server does not answer. Try again in a moment.',
  },
}
