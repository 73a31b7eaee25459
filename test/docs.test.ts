import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BESIDES } from '../src/db/client.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const filesOf = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => `${folder}/${path}`)

describe('docs/promises.md', () => {
  interface Listed {
    id: string
    planned: boolean
  }

  /** `- **W1** …`, `- **S15**–**S18** *planned* …` */
  function listed(): Listed[] {
    const lines = read('docs/promises.md').matchAll(/^- \*\*([A-Z])(\d+)\*\*(?:–\*\*[A-Z](\d+)\*\*)?( \*planned\*)? \S/gm)
    return [...lines].flatMap(([, letter, from, to = from, planned]) =>
      Array.from({ length: Number(to) - Number(from) + 1 }, (_, n) => ({
        id: `${letter}${Number(from) + n}`,
        planned: planned !== undefined,
      })),
    )
  }

  /** Ids at the beginning of test titles, and of the scenarios of `npm run faults`. */
  function carried(): Set<string> {
    const ids = new Set<string>()
    for (const path of filesOf('test', '.test.ts'))
      for (const [, found = ''] of read(path).matchAll(/['"`]((?:[A-Z]\d{1,2} )+)\S/g))
        for (const id of found.trim().split(' ')) ids.add(id)
    for (const path of filesOf('test/faults/scenarios', '.ts'))
      for (const [, id = ''] of read(path).matchAll(/^ {2}id: '([A-Z]\d+)',$/gm)) ids.add(id)
    return ids
  }

  it('lists each id once, and every id that a test carries', () => {
    const ids = listed().map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(50)
    expect(ids.filter((id, n) => ids.indexOf(id) !== n)).toEqual([])
    expect([...carried()].filter((id) => !ids.includes(id))).toEqual([])
  })

  it('each promise is carried by a test; one that is planned is carried by none', () => {
    const tests = carried()
    expect(listed().filter(({ id, planned }) => planned === tests.has(id))).toEqual([])
  })
})

describe('the pages', () => {
  const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...filesOf('docs', '.md')]

  const readmes = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)

  it('name files that exist', () => {
    // CONTRIBUTING.md names those of a noun that a reader is to add.
    const checked = pages.filter((page) => page !== 'CONTRIBUTING.md')
    const missing = checked.flatMap((page) =>
      [...read(page).matchAll(/`((?:src|packages|test|prisma|bench|demo|docs)\/[\w./-]+)`/g)]
        .map(([, path = '']) => path)
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${page}: ${path}`),
    )
    expect(missing).toEqual([])
  })

  /** `path`: “title”, “title”: those of which the file has no such title. */
  const missingTests = (cells: readonly string[]): string[] =>
    cells.flatMap((cell) =>
      [...cell.matchAll(/`(test\/[\w./-]+)`: ((?:“[^”]+”(?:, )?)+)/g)].flatMap(([, path = '', titles = '']) => {
        const text = existsSync(join(root, path)) ? read(path) : ''
        return [...titles.matchAll(/“([^”]+)”/g)].flatMap(([, title = '']) => (text.includes(title) ? [] : [`${path}: ${title}`]))
      }),
    )

  it('docs/seed-weaknesses.md: the tests that show each line exist', () => {
    const rows = read('docs/seed-weaknesses.md')
      .split('\n')
      .filter((row) => /^\| \d/.test(row))
    expect(rows).toHaveLength(39 + 13 + 11)
    const shown = rows.map((row) => row.split(' | ').at(-1) ?? '')
    expect(shown.filter((cell) => !/^`test\/|^none: |^all of them/.test(cell))).toEqual([])
    expect(missingTests(shown)).toEqual([])
  })

  it('docs/real-clients.md: each step has a test that exists, or says why there is none', () => {
    const rows = read('docs/real-clients.md').match(/^\| .* \| .* \| .* \|$/gm) ?? []
    const shown = rows.map((row) => row.split(' | ').at(-1) ?? '').filter((cell) => cell !== 'test |')
    expect(shown.length).toBeGreaterThan(30)
    expect(shown.filter((cell) => !/^`test\/|^none: /.test(cell))).toEqual([])
    expect(missingTests(shown)).toEqual([])
  })

  it('docs/dialects.md: the tests that run each example exist', () => {
    const table = /^\| document \| example \| test \|\n.*\n((?:\|.*\n)+)/m.exec(read('docs/dialects.md'))?.[1] ?? ''
    const rows = table.split('\n').filter(Boolean)
    expect(rows.length).toBeGreaterThan(10)
    expect(rows.filter((row) => !/`test\/[\w./-]+`: “/.test(row))).toEqual([])
    expect(missingTests(rows)).toEqual([])
  })

  it('SECURITY.md: the tests of each attack exist', () => {
    const rows = [...read('SECURITY.md').matchAll(/^\| S\d.*\|([^|]+)\|$/gm)]
    const names = rows.flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
    expect(names.length).toBeGreaterThan(20)
    expect(names.filter((name) => !existsSync(join(root, 'test', `${name}.test.ts`)))).toEqual([])
  })

  it('SECURITY.md: each limit that the server counts is in the table, with its number', () => {
    const phrases: Record<string, string> = {
      register: '300 registrations in 15 minutes',
      'register-code': '120 codes for the first account',
      refresh: '900 refreshes',
      'refresh-invented': '120 refresh tokens that were never issued',
      'reset-request': '60 requests for a link to a new password',
      'reset-address': '3 links to a new password in an hour',
      'reset-invented': '120 tokens of them',
      'invitation-invented': '120 of invitations',
      invitation: '100 invitations made or sent again in an hour',
      'invitation-mail': '10 mails with invitations in a day',
      'conversation-create': '300 conversations opened in an hour',
      'message-write': '60 messages written or edited in a minute',
      password: '20 wrong passwords for a new one',
      'unsubscribe-invented': '120 tokens of links that end mails',
      'member-create': '300 people added to projects in an hour',
      webhook: '60 webhooks, tests and replays in 15 minutes',
      'share-plays': '60 plays that count in 15 minutes',
      'shared-invented': '120 tokens of links that name nothing',
      'share-password': '60 links with a password in 15 minutes',
    }
    const sources = [...filesOf('src', '.ts'), ...filesOf('packages/contract/src', '.ts')].map(read)
    const counted = sources.flatMap((text) =>
      [...text.matchAll(/[lL]imit\('([\w-]+)', ([A-Z_]+)/g)].map(([, name = '', constant = '']) => {
        const value = new RegExp(`const ${constant} = ([\\d_]+)`)
        const found = value.exec(text) ?? sources.map((each) => value.exec(each)).find((each) => each !== null)
        return { name, most: Number(found?.[1]?.replaceAll('_', '')) }
      }),
    )
    expect(counted.length).toBeGreaterThan(15)
    const table = read('SECURITY.md')
    for (const { name, most } of counted) {
      expect(phrases[name], `${name} is in no row`).toMatch(new RegExp(`^${most.toLocaleString('en-US')} `))
      expect(table, name).toContain(phrases[name])
    }
  })

  it('docs/operations.md: each line of the log in its table can be found in the code', () => {
    const rows = [...(/^## Logs\n(.*?)^## /ms.exec(read('docs/operations.md'))?.[1] ?? '').matchAll(/^\| (`.*?`) \|/gm)]
    expect(rows.length).toBeGreaterThan(12)
    const sources = filesOf('src', '.ts').map(read)
    const lines = rows.flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, line = '']) => line))
    // … stands for what differs
    const parts = lines.flatMap((line) => line.split('…').map((part) => part.trim()))
    expect(parts.filter((part) => !sources.some((text) => text.includes(part)))).toEqual([])
  })

  it('name as many connections beside DATABASE_POOL as a node opens', () => {
    const [, example] = /(\d+) more are for delivery/.exec(read('.env.example')) ?? []
    const [, operations] = /10 connections and (\d+) more are needed/.exec(read('docs/operations.md')) ?? []
    const [, all] = /Each node opens up to (\d+) \(/.exec(read('docs/scale.md')) ?? []
    expect([example, operations, `${Number(all) - 10}`]).toEqual(Array(3).fill(`${BESIDES}`))
  })

  it('packages/console/README.md: what the page may cost is what its test allows', () => {
    const [, ...figures] =
      /([\d.]+) KiB gzipped until the sign-in, ([\d.]+) with a board, ([\d.]+) with a cut and ([\d.]+) with its player/.exec(
        read('packages/console/README.md'),
      ) ?? []
    const allowed = /^const most = (.*)$/m.exec(read('test/console/budgets.test.ts'))?.[1] ?? ''
    expect(figures).toEqual([...allowed.matchAll(/([\d.]+) \* KIB/g)].map(([, kib]) => kib))
  })

  it('forms that a reader must decode are in none of them, nor in what the terminal shows', () => {
    const texts = [
      ...pages.filter((page) => !page.startsWith('docs/decisions')),
      ...readmes,
      ...filesOf('examples', '.md'),
      ...filesOf('demo', '.ts'),
      ...filesOf('examples', '.tsx'),
      '.env.example',
      'docker-compose.yml',
    ]
    const found = texts.flatMap((path) =>
      [...read(path).matchAll(/\b(whoever|nobody|somebody|everybody|anybody|whom|meanwhile)\b/gi)].map(
        ([word]) => `${path}: ${word}`,
      ),
    )
    expect(found).toEqual([])
  })

  /** A page without its code, in which a link is an example: `[name](type:id)`. */
  const prose = (page: string): string =>
    read(page)
      .replace(/^```.*?^```$/gms, '')
      .replace(/`[^`\n]+`/g, '')

  /** What a link can lead to in a page: its headings, as GitHub writes them into addresses. */
  const headings = (page: string): string[] =>
    [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    )

  it('link to pages that exist, and to their headings', () => {
    const linking = [...pages, 'CHANGELOG.md', 'bench/README.md', ...readmes, ...filesOf('examples', '.md')]
    // A link may have code as its text, but not as its address.
    const links = linking.flatMap((page) =>
      [...prose(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(([, path = '', heading]) => ({
        page,
        to: path === '' ? join(root, page) : join(root, page, '..', path),
        heading,
      })),
    )
    expect(links.length).toBeGreaterThan(100)
    const broken = links.filter(
      ({ to, heading }) => !existsSync(to) || (heading !== undefined && !headings(to).includes(heading)),
    )
    expect(broken).toEqual([])
  })

  it('docs/architecture.md: every stop of a comment’s way is a function of its file', () => {
    const walk = /## The walk of a comment.*?\n(?=## |$)/s.exec(read('docs/architecture.md'))?.[0] ?? ''
    const stops = [...walk.matchAll(/^\d+\. `([^`]+\.ts)` `(\w+)`/gm)]
    expect(stops.length).toBeGreaterThan(5)
    expect(stops.length).toBeLessThanOrEqual(12)
    expect(new Set(stops.map(([, path]) => path)).size).toBe(stops.length)
    for (const [, path = '', name = ''] of stops)
      expect(read(path), `${path} has no ${name}`).toMatch(new RegExp(`\\b${name}\\b`))
  })
})
