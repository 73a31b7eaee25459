import type { DigestFrequency, Notification, Role } from '@cutroom/client'

type Kind = Notification['kind']

/**
 * What is said of notifications, and of what a person is told by mail. In sentences `{who}` is the person, `{what}` the thing, `{where}` the project and `{role}`
 * a role.
 */
export const inboxTexts = {
  title: 'Inbox',
  unseen: 'Unseen',
  says: {
    mention: '{who} mentioned you',
    reply: '{who} replied in a thread you wrote in',
    assignment: '{who} assigned {what} to you',
    invitation: '{who} invited you to {where}',
    added: '{who} added you to {where}',
    'role-changed': '{who} made you {role} of {where}',
    upload: '{who} added {what}',
    approval: '{who} approved {what}',
  } satisfies Record<Kind, string>,
  roles: { viewer: 'a viewer', commenter: 'a commenter', editor: 'an editor', owner: 'an owner' } satisfies Record<Role, string>,
  member: 'a member',
  noOne: 'Someone',
  untitled: 'something without a name',
  filter: 'Which to show',
  all: 'All',
  onlyUnseen: 'Unseen',
  seeAll: 'Mark all as seen',
  allSeen: 'All are marked as seen',
  see: 'Mark as seen',
  seeOf: (sentence: string) => `Mark as seen: ${sentence}`,
  delete: 'Delete',
  deleteOf: (sentence: string) => `Delete: ${sentence}`,
  more: 'Load more',
  empty: 'Nothing here yet',
  emptyText:
    'When a comment names you, a task is assigned to you, or your role changes, it is shown here, at once and on each of your devices.',
  emptyUnseen: 'You have seen everything',
  emptyUnseenText: 'What comes next is shown here at once.',
  activity: 'All activity',
  preferences: 'What you are notified of',
  waits: 'Waiting for your notifications.',

  prefs: {
    title: 'Notifications',
    text: 'What is shown in your inbox. A change is for what happens after it.',
    kinds: {
      mention: 'A comment names you',
      reply: 'A reply in a thread you wrote in',
      assignment: 'A task is assigned to you',
      invitation: 'You are invited to a project',
      added: 'You are added to a project',
      'role-changed': 'Your role changes',
      upload: 'Another person adds a take',
      approval: 'Your cut or take is approved',
    } satisfies Record<Kind, string>,
    projects: 'Projects',
    projectsText: 'Of a muted project nothing is shown in your inbox.',
    project: 'Project',
    muted: 'Mute',
    mute: (name: string) => `Mute ${name}`,
    digestShort: 'Digest',
    digestOf: (name: string) => `Digest of ${name}`,
    asAll: 'As above',
  },

  mail: {
    title: 'Mail',
    text: 'Mails end when you choose so here, and by the link in each of them.',
    missed: 'What I have not seen for a while',
    missedText: 'Notifications and messages that wait for you, in one mail.',
    digest: 'Digest of what others did',
    frequencies: { off: 'Never', daily: 'Daily', weekly: 'On Mondays' } satisfies Record<DigestFrequency, string>,
  },
} as const
