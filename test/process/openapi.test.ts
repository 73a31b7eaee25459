import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'

// Installs a generator of clients, which needs a TypeScript of its own: .ci/run asks for it.
const isAsked = process.env.CUTROOM_TEST_PACKING === '1'
if (!isAsked)
  console.warn('\n*** SKIPPED: the test of a generated client installs packages; CUTROOM_TEST_PACKING=1 runs it ***\n')

const PROGRAM = `
import createClient from 'openapi-fetch'
import type { components, operations, paths } from './api.js'

const client = createClient<paths>({ baseUrl: process.argv[2]! })
const { data: login } = await client.POST('/api/auth/register', {
  body: { email: \`gen-\${Date.now()}@example.com\`, password: 'correct horse battery', name: 'Gen', delivery: 'body' },
})
const headers = { authorization: \`Bearer \${login!.accessToken}\` }
const { data: project } = await client.POST('/api/projects', { headers, body: { name: 'Album' } })
const path = { projectId: project!.id }
const { data: task } = await client.POST('/api/projects/{projectId}/tasks', { headers, params: { path }, body: { title: 'Mix' } })
const status: 'todo' | 'doing' | 'review' | 'done' = task!.status
// @ts-expect-error a task has no such field
task!.nonsense
// @ts-expect-error a task needs a title
await client.POST('/api/projects/{projectId}/tasks', { headers, params: { path }, body: {} }).catch(() => {})
const { error, response } = await client.PATCH('/api/tasks/{taskId}', {
  headers,
  params: { path: { taskId: task!.id }, header: { 'If-Match': '"99"' } },
  body: { title: 'Mix 2' },
})
const code: components['schemas']['Problem']['code'] | undefined = error?.code
export type Comment = operations['comments.createOnCut']['responses'][201]['content']['application/json']
console.log(status, response.status, code)
`

describe.skipIf(!isAsked)('a client that openapi-typescript makes of /openapi.json', () => {
  const app = useApp()

  it('compiles in a strict program, declarations included, and talks to the server', async () => {
    const home = await mkdtemp(join(tmpdir(), 'cutroom-openapi-'))
    onTestFinished(() => rm(home, { recursive: true, force: true }))
    const run = async (command: string, ...args: string[]) => {
      const made = promisify(execFile)(command, args, { cwd: home, maxBuffer: 16 * 1024 * 1024 })
      return (await made.catch((failed: { stdout: string }) => Promise.reject(new Error(failed.stdout)))).stdout
    }
    const bin = (name: string) => join(home, 'node_modules', '.bin', name)
    await writeFile(join(home, 'package.json'), JSON.stringify({ type: 'module', private: true }))
    const packages = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', 'typescript@5.9.3', '@types/node@20.19.43']
    await run('npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', ...packages)
    await writeFile(join(home, 'openapi.json'), await (await fetch(`${app().url}/openapi.json`)).text())
    await run(bin('openapi-typescript'), 'openapi.json', '--output', 'api.d.ts')
    await writeFile(join(home, 'program.ts'), PROGRAM)
    const flags = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--outDir', 'out']
    expect(await run(bin('tsc'), ...flags, 'program.ts')).toBe('')
    expect(await run(process.execPath, join('out', 'program.js'), app().url)).toBe('todo 412 stale\n')
  })
})
