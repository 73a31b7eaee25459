/** A text as people read it: mentions are written `@[name](id)`. */
export const withNames = (text: string): string => text.replace(/@\[([^\]]+)\]\([0-9a-f-]{36}\)/g, '@$1')
