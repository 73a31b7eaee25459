import type { SearchType } from '@cutroom/client'

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** What is said of searching. */
export const searchTexts = {
  title: 'Search',
  label: 'Words to search for',
  types: {
    project: 'Project',
    vibe: 'Vibe',
    cut: 'Cut',
    lyrics: 'Lyrics',
    task: 'Task',
    file: 'File',
    comment: 'Comment',
    message: 'Message',
  } satisfies Record<SearchType, string>,
  groups: {
    project: 'Projects',
    vibe: 'Vibes',
    cut: 'Cuts',
    lyrics: 'Lyrics',
    task: 'Tasks',
    file: 'Files',
    comment: 'Comments',
    message: 'Messages',
  } satisfies Record<SearchType, string>,
  all: (q: string) => `All results for “${q}”`,
  start: 'What are you looking for?',
  startText: 'Names, lyrics, comments and messages of all your projects. The beginning of a word is enough.',
  none: (q: string) => `Nothing found for “${q}”`,
  noneText: 'Try fewer words, or the beginning of one.',
  found: (n: number) => count(n, 'result'),
  near: 'Nothing has these words as they are written. Found in their place:',
  behind: (seconds: number) => `The newest changes may be missing: the index is ${count(seconds, 'second')} behind.`,
  filling: 'The index is still being filled: older things may be missing.',
  offline: 'You are offline. Searching needs the server; it goes on when you are back.',
  waiting: 'Searching …',
  project: 'Project',
  everywhere: 'All projects',
  kind: 'Kind',
  anyKind: 'Everything',
  more: (group: string) => `More of ${group}`,
  most: 'The best 25 are shown. Another word narrows them down.',
} as const
