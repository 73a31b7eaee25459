import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { buildServer } from '../../build.ts'
import { buildConsole } from '../../packages/console/build.ts'
import { freePort } from '../support/spawn-server.ts'
import { until } from '../support/until.ts'

// Installs packages from a registry, which takes a minute or two: .ci/run asks for it.
const isAsked = process.env.CUTROOM_TEST_PACKING === '1'
if (!isAsked) console.warn('\n*** SKIPPED: the tests of the tarballs install packages; CUTROOM_TEST_PACKING=1 runs them ***\n')

const ROOT = join(import.meta.dirname, '../..')
/** Of the client installed alone, with what it depends on. */
const MAX_CLIENT_BYTES = 15 * 1024 * 1024
/** From `npx cutroom` in an empty folder to an answer, ms. */
const MAX_START_MS = 90_000

/** As in a shell of a user: not as in a script of this repository, whose npm settings would help. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(lifecycle|package|command|config_(yes|local_prefix))|INIT_CWD|NODE_)/i.test(name),
  ),
)
const run = async (cwd: string, command: string, ...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 16 * 1024 * 1024 })
  return stdout
}
const npm = (cwd: string, ...args: string[]) => run(cwd, 'npm', ...args)
const quiet = ['--no-audit', '--no-fund', '--loglevel=error']

let folder = ''
/** An empty folder for one package, which also a database server of another user may enter. */
async function emptyFolder(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  return path
}

interface Tarball {
  path: string
  files: string[]
}
async function pack(cwd: string, ...flags: string[]): Promise<Tarball> {
  const output = await npm(cwd, 'pack', '--json', '--pack-destination', folder, ...flags)
  // what prepack prints comes first
  const [packed] = JSON.parse(output.slice(output.search(/^\[/m))) as { filename: string; files: { path: string }[] }[]
  if (!packed) throw new Error('npm packed nothing')
  return { path: join(folder, packed.filename), files: packed.files.map(({ path }) => path) }
}

/** On the disk, in whole blocks. */
async function sizeOf(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)))
  return (await Promise.all(files)).reduce((sum, { blocks }) => sum + blocks * 512, 0)
}

/** The example of README.md in TypeScript. */
async function readmeExample(): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const example = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, code = '']) => code)
    .find((code) => code.includes('@cutroom/client'))
  if (!example?.includes('http://localhost:3000')) throw new Error('README.md has no example of the client')
  return example
}

describe.skipIf(!isAsked)('each tarball, installed alone into an empty folder', () => {
  let tarballs: Record<'server' | 'client' | 'contract' | 'react' | 'vue', Tarball>
  let clientFolder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutroom-packing-'))
    await chmod(folder, 0o755)
    // its scripts would generate the Prisma client anew, under the tests that run beside this one
    await buildServer(join(ROOT, 'dist'))
    await buildConsole(join(ROOT, 'dist', 'console'))
    tarballs = {
      server: await pack(ROOT, '--ignore-scripts'),
      contract: await pack(join(ROOT, 'packages', 'contract')),
      client: await pack(join(ROOT, 'packages', 'client')),
      react: await pack(join(ROOT, 'packages', 'react')),
      vue: await pack(join(ROOT, 'packages', 'vue')),
    }
    clientFolder = await emptyFolder('client')
    await npm(clientFolder, 'install', ...quiet, tarballs.client.path)
  }, 300_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('the server has its program, its page and its migrations, and nothing of the repository', () => {
    const folders = new Set(tarballs.server.files.map((file) => file.replace(/\/[^/]*$/, '/')))
    expect(tarballs.server.files).toContain('dist/server.js')
    expect(tarballs.server.files).toContain('dist/media-worker.js')
    expect(tarballs.server.files).toContain('dist/console/index.html')
    expect([...folders].filter((path) => path.startsWith('prisma/migrations/')).length).toBeGreaterThan(3)
    expect([...folders].filter((path) => path.endsWith('/') && !/^(dist|prisma)\//.test(path))).toEqual([])
  })

  it('the contract parses', async () => {
    const home = await emptyFolder('contract')
    await npm(home, 'install', ...quiet, tarballs.contract.path)
    const program = `import { tasks } from '@cutroom/contract'; console.log(tasks.create.schema.body.parse({ title: ' Mix ' }).title)`
    expect(await run(home, process.execPath, '--input-type=module', '-e', program)).toBe('Mix\n')
  })

  it('the client is at most 15 MB with all that it depends on, and needs no contract', async () => {
    const bytes = await sizeOf(join(clientFolder, 'node_modules'))
    console.log(`client installed: ${(bytes / 1024 / 1024).toFixed(1)} MB`)
    expect(bytes).toBeLessThan(MAX_CLIENT_BYTES)
    expect(await readdir(join(clientFolder, 'node_modules', '@cutroom'))).toEqual(['client'])
  })

  it.each(['5.9', '7.0'])(
    'the client type-checks in a strict program, its declarations included: TypeScript %s',
    async (version) => {
      const compiler = await emptyFolder(`typescript-${version}`)
      await npm(compiler, 'install', ...quiet, `typescript@~${version}.0`)
      const program = `${await readmeExample()}
const task = await client.call(tasks.create, { params: { projectId }, body: { title: 'Mix' } })
export const status: 'todo' | 'doing' | 'review' | 'done' = task.status
// @ts-expect-error a task has no such field
export const colour = task.colour
// @ts-expect-error the path needs a parameter
await client.call(tasks.get, { params: {} })
`
      const given = `import { tasks } from '@cutroom/client'\ndeclare const projectId: string, cutId: string\n`
      await writeFile(join(clientFolder, 'program.mts'), given + program)
      for (const [module, moduleResolution] of [
        ['nodenext', 'nodenext'],
        ['esnext', 'bundler'],
      ]) {
        const compilerOptions = {
          module,
          moduleResolution,
          target: 'es2022',
          lib: ['es2022', 'dom'],
          types: [],
          strict: true,
          skipLibCheck: false,
          noEmit: true,
        }
        await writeFile(join(clientFolder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.mts'] }))
        const tsc = join(compiler, 'node_modules', 'typescript', 'bin', 'tsc')
        const output = await run(clientFolder, process.execPath, tsc, '-p', '.').catch(
          (error: { stdout: string }) => error.stdout,
        )
        expect(output).toBe('')
      }
    },
    300_000,
  )

  it.each([
    ['react', ['react@18.0.0', 'react-dom@18.0.0', '@types/react@18', '@types/react-dom@18']],
    ['react', ['react@19', 'react-dom@19', '@types/react@19', '@types/react-dom@19']],
    ['vue', ['vue@3.5.0']],
  ] as const)(
    'the package for %s draws on a server and type-checks, beside the client: %s',
    async (name, peers) => {
      const home = await emptyFolder(peers[0])
      const { files, path } = tarballs[name]
      expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']))
      expect(files.filter((file) => !/^(dist\/[\w-]+\.(js|d\.ts)|LICENSE|README\.md|package\.json)$/.test(file))).toEqual([])
      await npm(home, 'install', ...quiet, tarballs.client.path, path, ...peers, 'typescript@~7.0.0')
      expect((await readdir(join(home, 'node_modules', '@cutroom'))).sort()).toEqual(['client', name])
      const begin = `import { createClient, tasks } from '@cutroom/client'\nconst client = createClient({ url: 'http://127.0.0.1:1', mode: 'cookie' })\n`
      const use = `const { mutate } = useMutation(tasks.create)
  const room = useRoom(null)
  const titles = useSelect(room, (room) => room.state?.tasksIn('todo').map(({ title }) => title))
`
      const programs = {
        react: `import { CutroomProvider, useMe, useMutation, useRoom, useSelect } from '@cutroom/react'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
${begin}const Page = () => {
  ${use}  return createElement('p', { onClick: () => mutate({ params: { projectId: 'p' }, body: { title: 'Mix' } }) }, \`\${useMe()} \${titles}\`)
}
console.log(renderToString(createElement(CutroomProvider, { client }, createElement(Page))))
`,
        vue: `import { provideCutroom, useMe, useMutation, useRoom, useSelect } from '@cutroom/vue'
import { createSSRApp, defineComponent, h } from 'vue'
import { renderToString } from 'vue/server-renderer'
${begin}const Page = defineComponent(() => {
  ${use}  const me = useMe()
  return () => h('p', { onClick: () => mutate({ params: { projectId: 'p' }, body: { title: 'Mix' } }) }, \`\${me.value} \${titles.value}\`)
})
const App = defineComponent(() => {
  provideCutroom({ client })
  return () => h(Page)
})
console.log(await renderToString(createSSRApp(App)))
client.close()
`,
      }
      await writeFile(join(home, 'program.mts'), programs[name])
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2022',
        lib: ['es2022', 'dom'],
        types: [],
        strict: true,
        skipLibCheck: true,
      }
      await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.mts'] }))
      const tsc = join(home, 'node_modules', 'typescript', 'bin', 'tsc')
      await run(home, process.execPath, tsc, '-p', '.').catch((error: { stdout: string }) => expect(error.stdout).toBe(''))
      expect(await run(home, process.execPath, 'program.mjs')).toBe('<p>undefined undefined</p>\n')
    },
    300_000,
  )

  it.each(['10', '11'])(
    'the server installs with npm %s, starts by `npx cutroom` with a database of its own, and serves the example of README.md',
    async (version) => {
      // not by npx, which answers all questions with yes, also those of packages
      const tool = await emptyFolder(`npm-${version}`)
      await npm(tool, 'install', ...quiet, `npm@${version}`)
      const bin = join(tool, 'node_modules', 'npm', 'bin')
      const home = await emptyFolder(`server-${version}`)
      await run(home, process.execPath, join(bin, 'npm-cli.js'), 'install', ...quiet, tarballs.server.path)

      const port = await freePort()
      const began = Date.now()
      const child = spawn(process.execPath, [join(bin, 'npx-cli.js'), 'cutroom'], {
        cwd: home,
        env: { ...env, PORT: String(port), HOST: '127.0.0.1' },
        // a group of its own, so that the signal reaches the server below npx
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const exited = once(child, 'exit')
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => {
          output += chunk
        })
      onTestFinished(async () => {
        if (child.exitCode === null) process.kill(-(child.pid ?? 0), 'SIGTERM')
        await exited
      })
      const url = `http://127.0.0.1:${port}`
      const isReady = async () => {
        if (child.exitCode !== null) throw new Error(output)
        return (await fetch(`${url}/readyz`).catch(() => null))?.status === 200
      }
      await until('the server is ready', isReady, MAX_START_MS)
      console.log(`npm ${version}: npx cutroom ready after ${((Date.now() - began) / 1000).toFixed(1)} s`)

      const post = async (path: string, body: object, token?: string) => {
        const headers = {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        }
        const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
        expect(response.status, path).toBe(201)
        return (await response.json()) as { id: string; accessToken: string }
      }
      const account = { email: 'ann@example.com', password: 'correct horse battery', name: 'Ann', delivery: 'body' }
      const { accessToken } = await post('/api/auth/register', account)
      const project = await post('/api/projects', { name: 'First album' }, accessToken)
      const vibe = await post(`/api/projects/${project.id}/vibes`, { name: 'Dusk' }, accessToken)
      const cut = await post(`/api/vibes/${vibe.id}/cuts`, { name: 'Take 1' }, accessToken)
      const program = `const projectId = '${project.id}', cutId = '${cut.id}'
${(await readmeExample()).replaceAll('http://localhost:3000', url)}
while (room.state.comments.size === 0) await new Promise((resolve) => room.on('event', resolve))
// Two parts: the tarball has what sends them.
const words = new Blob(['La '.repeat(2_000_000)])
const upload = client.upload({ cutId: cut.id, file: words, name: 'words.txt' })
console.log('file', (await upload.done).size)
client.close()
`
      await writeFile(join(clientFolder, `example-${version}.mjs`), program)
      const shown = await run(clientFolder, process.execPath, `example-${version}.mjs`)
      expect(shown).toContain('live')
      expect(shown).toMatch(/^\d+ Ann Louder here$/m)
    },
    300_000,
  )
})
