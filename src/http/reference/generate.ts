import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toMarkdown } from './blocks.ts'
import { eventPage, readEvents } from './events.ts'

/** The page that this program writes. */
export const FILE = join(import.meta.dirname, '..', '..', '..', 'docs', 'events.md')

export const source = (): string =>
  `<!-- Written by \`npm run generate:docs\` from the contract. Do not edit. -->\n\n${toMarkdown(eventPage(readEvents()))}`

if (process.argv[1] === import.meta.filename) {
  const before = await readFile(FILE, 'utf8').catch(() => '')
  if (before !== source()) await writeFile(FILE, source())
}
