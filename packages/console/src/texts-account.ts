import type { Role } from '@cutroom/client'

/** What is said on pages that links in mails lead to: invitations, a new password, and the end of mails. */
export const accountTexts = {
  home: 'To your projects',
  toSignIn: 'To the sign-in',
  failed: 'The server does not answer. Try again in a moment.',
  busy: 'Too many requests. Wait a minute and try again.',

  invitation: {
    title: 'Invitation',
    to: (project: string) => `Join ${project}`,
    by: (name: string, role: string) => `${name} invites you as ${role}.`,
    forAddress: (hint: string) => `It is for the e-mail ${hint}.`,
    until: (day: string) => `It ends on ${day}.`,
    accept: 'Accept the invitation',
    accepted: (project: string) => `You are a member of ${project} now`,
    as: (name: string, email: string) => `You are signed in as ${name} (${email}).`,
    other: 'Use another account',
    how: 'How do you come in?',
    signIn: 'I have an account',
    register: 'I am new here',
    registerAction: 'Create an account and accept',
    open: 'Open the project',
    member: 'You are a member of this project already.',
    gone: 'This invitation is not open any more',
    goneText: 'Each one makes one member, and ends after seven days. If you have accepted it, the project is among yours.',
    unknown: 'There is no invitation at this link',
    unknownText: 'It may have been revoked or mistyped. Ask the person who sent it.',
    roles: { viewer: 'viewer', commenter: 'commenter', editor: 'editor', owner: 'owner' } satisfies Record<Role, string>,
  },

  reset: {
    title: 'Forgot your password?',
    text: 'Write the e-mail of your account. A link to choose a new password is sent to it, if there is an account.',
    email: 'E-mail',
    send: 'Send the link',
    sent: 'Look into your mail',
    sentText: (email: string) =>
      `If ${email} has an account here, a link is on its way to it. It works once, for an hour. If nothing comes, look among unwanted mail, or ask the person who runs this server.`,
    again: 'Send it again',
    choose: 'Choose a new password',
    next: 'New password',
    change: 'Change the password',
    done: 'Your password is changed',
    doneText: 'All sessions were ended. Sign in with the new password.',
    gone: 'This link does not work any more',
    goneText: 'It works once, for an hour. Have a new one sent.',
    another: 'Send a new link',
  },

  unsubscribe: {
    title: 'Mails',
    ask: {
      missed: 'Do you want no more mails about messages and notifications that you have not seen?',
      digest: (project: string | null) =>
        project === null
          ? 'Do you want no more mails about what others did in your projects?'
          : `Do you want no more mails about what others did in ${project}?`,
    },
    action: 'Stop these mails',
    done: 'These mails have stopped',
    doneText: 'You can have them again in the preferences of your account. What happens is still shown in the page.',
    unknown: 'There is nothing at this link',
    unknownText: 'It may be mistyped. What is mailed to you can be changed in the preferences of your account.',
  },
} as const
