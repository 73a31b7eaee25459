/** What is said of the people that a comment may name: see texts.ts. */
export const mentionTexts = {
  label: 'People to mention',
  found: (n: number) => (n === 1 ? '1 person to mention' : `${n} people to mention`),
} as const
