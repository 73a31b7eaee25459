import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const FOLDER = new URL('../../packages/console/src/styles/', import.meta.url)
/** These are there before any view. */
const FIRST = ['base.css', 'controls.css', 'pieces.css', 'first.css']

it('a class looks the same whatever views were loaded before: of the files of views, one says how', () => {
  const files = new Map<string, string[]>()
  // what is indented is for some windows only
  for (const file of readdirSync(FOLDER).filter((name) => !FIRST.includes(name)))
    for (const [, name = ''] of readFileSync(new URL(file, FOLDER), 'utf8').matchAll(/^(\.[\w-]+)(?:,| \{)$/gm))
      files.set(name, [...new Set(files.get(name)).add(file)])
  expect(files.size).toBeGreaterThan(100)
  expect([...files].filter(([, found]) => found.length > 1)).toEqual([])
})
