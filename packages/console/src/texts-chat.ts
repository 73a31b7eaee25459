const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`
/** "Ben", "Ben and Cy", "Ben, Cy and 3 more". */
const names = (list: readonly string[], most = 2): string => {
  if (list.length <= 1) return list[0] ?? ''
  if (list.length <= most) return `${list.slice(0, -1).join(', ')} and ${list.at(-1)}`
  return `${list.slice(0, most).join(', ')} and ${list.length - most} more`
}

/** What is said in conversations. It is loaded with their page. */
export const chatTexts = {
  title: 'Chat',
  list: 'Conversations',
  names,
  nameless: 'Only you',
  unread: 'unread',
  /** As many as there is room for. */
  few: (n: number) => (n > 99 ? '99+' : String(n)),
  again: 'Try again',
  online: 'online',
  onlineOf: (online: number, members: number) => `${count(members, 'person', 'people')}${online > 0 ? `, ${online} online` : ''}`,
  none: 'No conversations yet',
  noneText: 'Write to people you share a project with: to one, or to several at a time.',
  choose: 'No conversation is open',
  chooseText: 'Choose one from the list, or begin a new one.',
  gone: 'There is no such conversation',
  goneText: 'The address may be mistyped, or it is not one of yours.',
  all: 'All conversations',
  noMessages: 'No messages yet',
  noMessagesText: (name: string) => `Say hello to ${name}.`,
  own: (body: string) => `You: ${body}`,
  by: (name: string, body: string) => `${name}: ${body}`,

  create: {
    title: 'New conversation',
    short: 'New',
    text: 'People you share a project with. Choose several for a group.',
    find: 'Find a person',
    people: 'People',
    noOne: 'You share no project with another person yet. Invite someone to one of your projects.',
    noMatch: (query: string) => `No one here is called “${query}”.`,
    notAll: (n: number) => `The first ${n} people are listed. To others you can write from the members of a project.`,
    chosen: (n: number) => (n === 0 ? 'No one is chosen' : `${count(n, 'person', 'people')} chosen`),
    most: (n: number) => `A conversation has at most ${n} people.`,
    name: 'Name of the group (optional)',
    start: 'Start',
    loading: 'Looking for people …',
  },

  messages: {
    title: 'Messages',
    label: (name: string) => `Message to ${name}`,
    placeholder: 'Write a message',
    help: 'Enter sends. Shift and Enter begins a new line.',
    send: 'Send',
    begin: 'This is the beginning of the conversation.',
    loading: 'Loading older messages …',
    noMessage: 'This message is not there any more',
    failed: 'Older messages could not be loaded.',
    edit: (body: string) => `Edit “${body}”`,
    delete: (body: string) => `Delete “${body}”`,
    editing: 'Edit your message',
    deleteTitle: 'Delete this message?',
    deleteText: 'It is gone for everyone in this conversation. This cannot be undone.',
    wasDeleted: 'The message was deleted',
    arrived: (name: string, body: string) => `${name}: ${body}`,
    readBy: (list: readonly string[]) => `Read by ${names(list, 3)}`,
    typing: (list: readonly string[]) => `${names(list)} writing …`,
  },

  closed: (name: string) => `You share no project with ${name} any more. What was written stays; nothing can be added.`,
  closedGroup: 'You share no project with anyone here any more. What was written stays; nothing can be added.',
} as const
