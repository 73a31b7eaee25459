import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, useApp } from '../support/app.ts'
import { useCommand } from '../support/command.ts'
import { extensionsOf } from '../support/extensions.ts'
import { databaseForTest } from '../support/server-process.ts'

const hook = (fields = '') =>
  `export default { id: 'one', events: [{ collection: 'tasks', action: 'items.create.after', handler() {} ${fields} }] }`

describe('a folder of extensions', () => {
  const existing = useApp()
  const databaseUrl = () => existing().databaseUrl

  /** What a start with these files says; null where it succeeds. */
  async function refusalOf(files: Record<string, string>): Promise<{ folder: string; lines: string[] | null }> {
    const folder = await extensionsOf(files)
    try {
      const app = await startApp({ databaseUrl: databaseUrl(), env: { EXTENSIONS_DIR: folder } })
      onTestFinished(() => app.close())
      return { folder, lines: null }
    } catch (error) {
      return { folder, lines: (error as Error).message.split('\n') }
    }
  }

  const malformed: Record<string, [file: string, source: string, line: string]> = {
    'a syntax error': ['a.mjs', 'export default {', 'cannot be loaded: '],
    'an error at its start': ['a.mjs', `throw new Error('no config\\nat all')`, 'cannot be loaded: no config'],
    'no default export': ['a.mjs', 'export const id = 1', 'has no default export'],
    'a default export that is no object': ['a.mjs', 'export default () => {}', 'Invalid input'],
    'no id': ['a.mjs', `export default { events: [] }`, 'id Invalid input'],
    'an id with spaces': ['a.mjs', `export default { id: 'My Own', events: [] }`, 'id must be small letters'],
    'neither events nor rooms': ['a.mjs', `export default { id: 'one', events: [] }`, 'has neither events nor rooms'],
    'a hook before the write': [
      'a.mjs',
      hook(`, action: 'items.create.before'`),
      'events[0].action must be one of items.create.after',
    ],
    'an unknown action': ['a/index.js', hook(`, action: 'items.read.after'`), 'events[0].action must be one of'],
    'an unknown collection': ['a.mjs', hook(`, collection: 'posts'`), 'events[0].collection must be one of projects, '],
    'no handler': ['a.mjs', hook(`, handler: 'code'`), 'events[0].handler must be a function'],
    'an unknown field': ['a.mjs', `export default { id: 'one', event: [] }`, 'Unrecognized key'],
    'rooms of the engine': [
      'a.mjs',
      `export default { id: 'one', rooms: [{ prefix: 'project:', mayEnter() {} }] }`,
      'rooms[0].prefix must not be one',
    ],
    'rooms of people': [
      'a.mjs',
      `export default { id: 'one', rooms: [{ prefix: 'USER', mayEnter() {} }] }`,
      'rooms[0].prefix must not be one',
    ],
    'a prefix with two colons': [
      'a.mjs',
      `export default { id: 'one', rooms: [{ prefix: 'a:b:', mayEnter() {} }] }`,
      'rooms[0].prefix must be a word',
    ],
    'rooms without an authoriser': [
      'a.mjs',
      `export default { id: 'one', rooms: [{ prefix: 'a' }] }`,
      'rooms[0].mayEnter must be a function',
    ],
    'a file that would not be loaded': ['a.js', hook(), 'would not be loaded: name it NAME.mjs'],
    'a folder without its file': ['a/main.js', hook(), 'has no index.js'],
  }
  for (const [what, [file, source, line]] of Object.entries(malformed))
    it(`E6 ${what} stops the start with one line that names the file`, async () => {
      const { folder, lines } = await refusalOf({ [file]: source })
      expect(lines).toHaveLength(1)
      const named = file === 'a/main.js' ? 'a' : file
      expect(lines?.[0]?.slice(0, `${join(folder, named)} ${line}`.length)).toBe(`${join(folder, named)} ${line}`)
    })

  it('E6 two files with one id, or with rooms of one prefix, stop the start; each wrong file has a line', async () => {
    const twice = await refusalOf({ 'a.mjs': hook(), 'b/index.js': hook(), 'c.mjs': 'export default 3' })
    expect(twice.lines).toEqual([
      `${join(twice.folder, 'b', 'index.js')} has the id one, which ${join(twice.folder, 'a.mjs')} has, too`,
      expect.stringContaining(join(twice.folder, 'c.mjs')),
    ])
    const room = (id: string) => `export default { id: '${id}', rooms: [{ prefix: 'talk', mayEnter: () => true }] }`
    const prefix = await refusalOf({ 'a.mjs': room('a'), 'b.mjs': room('b') })
    expect(prefix.lines).toEqual([
      `${join(prefix.folder, 'b.mjs')} has the prefix talk, which ${join(prefix.folder, 'a.mjs')} has, too`,
    ])
  })

  it('E6 other files are passed over; a folder that is not there stops the start', async () => {
    const fine = await refusalOf({
      'one.mjs': hook(),
      'README.md': '# Ours',
      'package.json': '{}',
      '_lib/help.js': 'no code',
      '.cache/x.js': 'no code',
      'node_modules/x/index.js': 'no code',
    })
    expect(fine.lines).toBeNull()
    const missing = join(fine.folder, 'nowhere')
    await expect(startApp({ databaseUrl: databaseUrl(), env: { EXTENSIONS_DIR: missing } })).rejects.toThrow(
      `EXTENSIONS_DIR ${missing} cannot be read (ENOENT)`,
    )
  })

  describe('of the program', () => {
    const { run } = useCommand()

    it('E6 the server ends with the line and status 1; doctor says it, too, and names what is loaded', async () => {
      const folder = await extensionsOf({ 'early.mjs': hook(`, action: 'items.create.before'`) })
      const env = { DATABASE_URL: await databaseForTest(), PORT: '0', LOG_LEVEL: 'silent' }
      const line = `${join(folder, 'early.mjs')} events[0].action must be one of`
      const served = await run(['serve'], { ...env, EXTENSIONS_DIR: folder })
      expect(served.code).toBe(1)
      expect(served.notes).toContain(line)
      expect(served.notes.trim().split('\n')).toHaveLength(1)
      const looked = await run(['doctor'], { ...env, EXTENSIONS_DIR: folder })
      expect(looked.code).toBe(1)
      expect(looked.out).toMatch(/FAIL {2}extend +\S+early\.mjs events\[0\]\.action must be/)
      const good = await extensionsOf({ 'one.mjs': `${hook()}; setInterval(() => {}, 1_000)` })
      const found = await run(['doctor'], { ...env, EXTENSIONS_DIR: good })
      expect(found.out).toMatch(/ok {4}extend +one/)
      expect(found.code).toBe(0)
    }, 60_000)
  })
})
