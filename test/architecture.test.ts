import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

interface Source {
  /** From src/ or packages/, with slashes: `rooms/delivery/feed.ts`, `contract/tasks.ts`. */
  path: string
  /** Without comments; a chain of calls on one line. */
  text: string
  /** As it is written. */
  lines?: number
}

const root = join(import.meta.dirname, '..')
/** Folders of sources, and what their paths begin with here. */
const folders = [
  ['src', ''],
  ['packages/contract/src', 'contract/'],
  ['packages/client/src', 'client/'],
  ['packages/react/src', 'react/'],
  ['packages/vue/src', 'vue/'],
  ['packages/console/src', 'console/'],
  ['demo', 'demo/'],
] as const

/** Comments say what is not done, too. Strings stay: a `//` in one follows a colon. */
const read = (text: string): string =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:'"`])\/\/.*$/gm, '$1')
    .replace(/\s*\n\s*(\??\.\w)/g, '$1')

const sources: Source[] = folders.flatMap(([folder, prefix]) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith('db/generated/'))
    .map((path) => {
      const written = readFileSync(join(root, folder, path), 'utf8')
      return { path: prefix + path, text: read(written), lines: written.trimEnd().split('\n').length }
    }),
)

/** What a file imports or exports from, types included, and what it loads later. */
const specifiers = (text: string): string[] =>
  [...text.matchAll(/(?:^|[\s;}])(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, specifier]) => specifier ?? '')

/** The room of the house a path is in: a folder, or a file beside them. */
const roomOf = (path: string): string => path.split('/')[0]?.replace(/\.ts$/, '') ?? ''
/** A file of ours, also behind the name of a package. */
const isOurs = (specifier: string): boolean => specifier.startsWith('.') || specifier.startsWith('@cutroom/')
const targetOf = (from: string, specifier: string): string =>
  specifier.startsWith('@cutroom/')
    ? `${specifier.slice('@cutroom/'.length)}/index.ts`
    : relative('/', normalize(join('/', dirname(from), specifier))).replaceAll('\\', '/')
const packageOf = (specifier: string): string =>
  specifier.startsWith('node:') ? 'node' : (/^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[1] ?? specifier)

/**
 * Which folder may import which. What is not named here may not be imported, and a folder that is not named may not be.
 * `packages: null` is any package.
 */
const house: Record<string, { rooms: string[]; packages: string[] | null }> = {
  contract: { rooms: [], packages: ['zod'] },
  lib: { rooms: [], packages: ['node'] },
  config: { rooms: ['lib'], packages: ['node', 'zod'] },
  redis: { rooms: [], packages: ['node', 'ioredis', 'pg'] },
  media: { rooms: ['lib'], packages: ['node', 'audio-decode', 'file-type', 'music-metadata', 'sharp'] },
  db: {
    rooms: ['lib'],
    packages: ['node', 'pg', '@prisma/adapter-pg', '@prisma/driver-adapter-utils', '@prisma/schema-engine-wasm', 'uuidv7'],
  },
  errors: { rooms: ['contract'], packages: ['zod', 'fastify-type-provider-zod'] },
  ports: { rooms: ['errors', 'lib', 'config'], packages: ['node', 'aws4fetch', 'nodemailer'] },
  access: { rooms: ['contract', 'errors', 'db', 'lib'], packages: ['pg'] },
  rooms: {
    rooms: ['contract', 'access', 'errors', 'db', 'lib', 'redis'],
    packages: ['node', 'zod', 'fastify', 'fastify-socket.io', 'socket.io', '@socket.io/redis-streams-adapter'],
  },
  jobs: { rooms: ['rooms', 'ports', 'contract', 'errors', 'db', 'lib'], packages: ['node', 'fastify'] },
  http: { rooms: ['rooms', 'ports', 'contract', 'access', 'errors', 'db', 'lib', 'redis', 'config'], packages: null },
  features: {
    rooms: ['http', 'jobs', 'rooms', 'ports', 'media', 'contract', 'access', 'errors', 'db', 'lib', 'config'],
    packages: null,
  },
  dialects: { rooms: ['rooms', 'contract', 'access', 'errors', 'db', 'config'], packages: [] },
  extensions: { rooms: ['rooms', 'contract'], packages: ['node', 'zod'] },
  nouns: { rooms: ['features', 'jobs'], packages: [] },
  app: {
    rooms: [
      'nouns',
      'dialects',
      'features',
      'extensions',
      'http',
      'jobs',
      'rooms',
      'ports',
      'contract',
      'access',
      'errors',
      'db',
      'lib',
      'redis',
      'config',
    ],
    packages: ['fastify'],
  },
  cli: {
    rooms: [
      'app',
      'features',
      'extensions',
      'http',
      'rooms',
      'ports',
      'client',
      'contract',
      'errors',
      'db',
      'lib',
      'redis',
      'config',
      'node-version',
    ],
    packages: ['node', 'close-with-grace', 'commander', 'fastify', 'ioredis', 'pg'],
  },
  'node-version': { rooms: [], packages: [] },
  server: { rooms: ['cli', 'node-version'], packages: [] },
  client: { rooms: ['contract'], packages: ['socket.io-client', 'tus-js-client'] },
  react: { rooms: ['client'], packages: ['react'] },
  vue: { rooms: ['client'], packages: ['vue'] },
  console: {
    rooms: ['client'],
    packages: ['preact', '@atlaskit/pragmatic-drag-and-drop', '@atlaskit/pragmatic-drag-and-drop-hitbox'],
  },
  // Of the sources of the server it takes the band of `cutroom seed`.
  demo: { rooms: ['client', 'contract', 'src', 'test'], packages: ['node', 'socket.io-client'] },
}

function strangeImports(files: Source[]): string[] {
  return files.flatMap(({ path, text }) => {
    const own = roomOf(path)
    const allowed = house[own]
    if (!allowed) return [`${path} is in no room of the house`]
    return specifiers(text).flatMap((specifier) => {
      const local = isOurs(specifier)
      const target = local ? roomOf(targetOf(path, specifier)) : packageOf(specifier)
      const fine = local
        ? target === own || allowed.rooms.includes(target)
        : allowed.packages === null || allowed.packages.includes(target)
      return fine ? [] : [`${path} → ${specifier}`]
    })
  })
}

/** One circle in a graph, or null. */
function circle(graph: Map<string, Set<string>>): string[] | null {
  const done = new Set<string>()
  function walk(node: string, way: string[]): string[] | null {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node]
    if (done.has(node)) return null
    for (const next of graph.get(node) ?? []) {
      const found = walk(next, [...way, node])
      if (found) return found
    }
    done.add(node)
    return null
  }
  for (const node of graph.keys()) {
    const found = walk(node, [])
    if (found) return found
  }
  return null
}

function graphOf(files: Source[], name: (path: string) => string): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>()
  for (const { path, text } of files)
    for (const specifier of specifiers(text)) {
      if (!isOurs(specifier)) continue
      const [from, to] = [name(path), name(targetOf(path, specifier))]
      if (from !== to) graph.set(from, (graph.get(from) ?? new Set()).add(to))
    }
  return graph
}

const models = [...readFileSync(join(root, 'prisma/schema.prisma'), 'utf8').matchAll(/^model (\w+)/gm)].map(
  ([, name = '']) => name.charAt(0).toLowerCase() + name.slice(1),
)
const verbs = 'create|createMany|createManyAndReturn|update|updateMany|updateManyAndReturn|upsert|delete|deleteMany'
/** A row that changes: who does it, the model, the verb. */
const change = new RegExp(`([\\w.$()]*)\\.(${models.join('|')})\\.(${verbs})\\(`, 'g')

/** The same by SQL. */
const sqlChange = /\b(INSERT\s+INTO|DELETE\s+FROM|TRUNCATE|UPDATE\s+"|UPDATE\s+\$)|\$executeRaw/i
/** What is given a write, or makes one. */
const inWrite = /\b(Write|FinalWrite|Pick<Write,[^>]*>)\b|\bcommit\(|\bapp\.write\(/

/** Top-level declarations, roughly: what starts at the left margin. */
const declarations = (text: string): string[] => text.split(/\n(?=[a-z@])/)

interface Rule {
  name: string
  /** What breaks it in a file. */
  find: RegExp | ((text: string) => string[])
  /** Where it is right: folders end with a slash. */
  except: string[]
  /** A line that must be caught, so that the rule is known to work. */
  caught: string
}

const rules: Rule[] = [
  {
    name: 'the environment is read by the process, which hands it to the configuration',
    find: /process\.env\b/,
    // Programs that start other programs hand them a PATH; the demo is a program of its own.
    except: ['cli/configure.ts', 'db/embedded/cluster.ts', 'demo/'],
    caught: 'const level = process.env.LOG_LEVEL',
  },
  {
    name: 'only rooms/sockets/socket-server.ts knows the Socket.IO plugin',
    find: /['"]fastify-socket\.io['"]/,
    except: ['rooms/sockets/socket-server.ts'],
    caught: `import io from 'fastify-socket.io'`,
  },
  {
    name: 'only rooms knows the Socket.IO server',
    find: /['"]socket\.io['"]|\bapp\.io\b/,
    except: ['rooms/'],
    caught: 'app.io.local',
  },
  {
    name: 'sockets are told by rooms alone; elsewhere emit is the collector of a write',
    find: (text) => [...text.matchAll(/([\w.)\]]+)\??\.emit\(/g)].filter(([, by]) => by !== 'write').map(([found]) => found),
    except: ['rooms/', 'client/'],
    caught: `socket.emit('task:created', task)`,
  },
  {
    name: 'transactions are opened by commit; the snapshot and the export open one to read',
    find: /\$transaction\b(?!')|\bbegin\(\)/,
    except: ['rooms/log/commit.ts', 'features/rooms/snapshot.ts', 'features/moving/export.ts', 'db/'],
    caught: 'await prisma.$transaction([a, b])',
  },
  {
    name: 'rows are made by insert, which travels with what comes next',
    find: new RegExp(`\\.(${models.join('|')})\\.(create\\w*|upsert)\\(`),
    except: [],
    caught: 'await tx.task.create({ data })',
  },
  {
    name: 'rows are changed on the transaction of a write, never on another client',
    find: (text) => [...text.matchAll(change)].filter(([, by]) => !/(^|\.)tx$/.test(by ?? '')).map(([found]) => found),
    except: [],
    caught: 'await prisma.task.update({ where, data })',
  },
  {
    name: 'what changes rows is given the transaction of a write, or is one',
    find: (text) => declarations(text).filter((declaration) => declaration.match(change) && !inWrite.test(declaration)),
    except: [],
    caught: 'export const touch = (tx: Tx, id: string) => tx.task.update({ where: { id }, data: {} })',
  },
  {
    name: 'SQL that changes rows is part of a write, or stands where events are inserted',
    find: (text) => declarations(text).filter((declaration) => sqlChange.test(declaration) && !inWrite.test(declaration)),
    // The history of migrations is no part of a project.
    except: [
      'rooms/log/write.ts',
      'rooms/log/consumers/statements.ts',
      'rooms/log/consumers/inspect.ts',
      'jobs/retention.ts',
      'jobs/objects.ts',
      // The index is no part of the state: it follows from the rows.
      'features/search/index-writer.ts',
      'features/search/near.ts',
      'features/search/build.ts',
      // What was attempted is no part of it either.
      'features/webhooks/deliveries.ts',
      'features/webhooks/sweep.ts',
      // Constants that an import gives to the `query` of its write.
      'features/moving/statements.ts',
      'db/migrate.ts',
    ],
    caught: 'query(Prisma.sql`UPDATE "Task" SET title = null`)',
  },
  {
    name: 'the log is written by commit, read by rooms (as the answer to a key, too) and cut by retention',
    find: /["']Event["']|\.event\.(create|update|upsert|delete|find|count|aggregate|groupBy)/,
    except: [
      // A reading of the log, and the texts that go out of it with the right to read them.
      'features/activity/',
      'features/notifications/endings.ts',
      // Which events are sent again; the consumer reads them from the log.
      'features/webhooks/writes.ts',
      // A log that comes from another server keeps its positions (decision 30).
      'features/moving/import.ts',
      'features/moving/tables.ts',
      'rooms/log/write.ts',
      'rooms/log/idempotency.ts',
      'rooms/log/entries.ts',
      'rooms/log/log.ts',
      'rooms/log/consumers/statements.ts',
      'jobs/retention.ts',
      'db/rows.ts',
    ],
    caught: 'tx.event.create({ data })',
  },
  {
    name: 'no SQL is put together from strings',
    find: /\$(query|execute)RawUnsafe/,
    except: [],
    caught: 'tx.$queryRawUnsafe(sql)',
  },
  {
    name: 'into SQL of the driver go constants of the source; values go beside it',
    find: /(\.query\(\s*|\btext:\s*)`\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b[^`]*\$\{(?![A-Z_]+\})/,
    // One constant statement within another.
    except: ['rooms/log/consumers/statements.ts'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    caught: 'readers.query(`SELECT id FROM "Task" WHERE title = \'${title}\'`)',
  },
  {
    name: 'no text becomes code, and no request starts a program',
    find: /\beval\(|\bnew Function\b|['"]node:(vm|child_process|worker_threads)['"]/,
    // Media are read by a program of ours, given no word of a request but the path of the file.
    except: ['db/embedded/', 'media/run-job.ts', 'demo/'],
    caught: `import { exec } from 'node:child_process'`,
  },
  {
    name: 'raw fragments are names of tables and columns that stand in the source',
    find: /Prisma\.raw\(/,
    except: [
      'features/shared/rank.ts',
      'features/shared/reading.ts',
      'features/shared/noun.ts',
      'features/me/writes.ts',
      'features/conversations/reading.ts',
    ],
    caught: 'Prisma.raw(request.query.sort)',
  },
  {
    name: 'types are not given up: no any, no non-null assertion, no ignored error',
    find: /:\s*any\b|\bas any\b|<any>|@ts-(ignore|expect-error|nocheck)|\w!\.\w/,
    except: [],
    caught: 'const x = y as any',
  },
  {
    name: 'exports have names',
    find: /^export default\b/m,
    except: [],
    caught: 'export default function routes() {}',
  },
]

function breaches({ find, except }: Rule, files: Source[]): string[] {
  return files
    .filter(({ path }) => !except.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place)))
    .flatMap(({ path, text }) => {
      const found = typeof find === 'function' ? find(text) : (text.match(find)?.slice(0, 1) ?? [])
      return found.map((what) => `${path}: ${what}`)
    })
}

describe('the layout of the sources', () => {
  it('all sources are read', () => {
    expect(sources.length).toBeGreaterThan(60)
    expect(models).toContain('task')
    expect(new Set(sources.map(({ path }) => roomOf(path)))).toContain('rooms')
  })

  it('imports run one way', () => {
    expect(strangeImports(sources)).toEqual([])
    // Every way to import is seen.
    const strange = [
      ['contract/x.ts', `import { problem } from '../errors.ts'`],
      ['contract/x.ts', `import 'pg'`],
      ['contract/x.ts', `import { createClient } from '@cutroom/client'`],
      ['rooms/x.ts', `export * from '../features/tasks/writes.ts'`],
      ['rooms/x.ts', `import type { Config } from '../config.ts'`],
      ['client/x.ts', `const { x } = await import('../db/client.ts')`],
      ['client/x.ts', `import {\n  a,\n  b,\n} from 'zod'`],
      ['repository/x.ts', ''],
    ]
    for (const [path = '', text = ''] of strange) expect(strangeImports([{ path, text: read(text) }]), text).toHaveLength(1)
  })

  it('imports make no circle, between rooms or between files', () => {
    expect(circle(graphOf(sources, roomOf))).toBeNull()
    // Types included.
    expect(circle(graphOf(sources, (path) => path))).toBeNull()
    const types = { path: 'a/x.ts', text: `import type { Y } from './y.ts'` }
    expect(circle(graphOf([types, { path: 'a/y.ts', text: `export type { X } from './x.ts'` }], (path) => path))).toHaveLength(3)
    const there = { path: 'a/x.ts', text: `import { y } from '../b/y.ts'` }
    expect(circle(graphOf([there, { path: 'b/y.ts', text: `import '../a/x.ts'` }], roomOf))).toEqual(['a', 'b', 'a'])
  })

  for (const rule of rules)
    it(rule.name, () => {
      expect(breaches(rule, sources)).toEqual([])
      expect(breaches(rule, [{ path: 'features/x/routes.ts', text: read(`\n${rule.caught}\n`) }])).toHaveLength(1)
      // An exception that is not needed any more is a hole.
      for (const place of rule.except)
        expect(
          breaches({ ...rule, except: [] }, sources).some((found) => found.startsWith(place)),
          place,
        ).toBe(true)
    })

  it('files are short: 250 lines at most, and half of them have at most 60 lines of code', () => {
    const written = sources.filter(({ path }) => !path.startsWith('client/generated/'))
    expect(written.filter(({ lines = 0 }) => lines > 250).map(({ path }) => path)).toEqual([])
    const code = written.map(({ text }) => text.split('\n').filter((line) => line.trim() !== '').length)
    expect(code.toSorted((a, b) => a - b)[Math.floor(code.length / 2)]).toBeLessThanOrEqual(60)
  })

  it('files are named in kebab-case', () => {
    expect(sources.map(({ path }) => path).filter((path) => !/^([a-z0-9-]+\/)*[a-z0-9-]+(\.d)?\.tsx?$/.test(path))).toEqual([])
  })
})
