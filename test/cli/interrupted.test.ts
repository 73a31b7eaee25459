import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { useCommand } from '../support/command.ts'
import { until } from '../support/until.ts'

const { open, run } = useCommand()

it.each([
  ['migrate', 'SIGINT', 130],
  ['migrate', 'SIGTERM', 143],
  ['serve', 'SIGINT', 0],
] as const)(
  'O1 cutroom %s, ended by %s between its migrations, says nothing of a failure, leaves no Postgres, and the next run goes on',
  async (command, signal, code) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'cutroom-interrupted-'))
    await chmod(dataDir, 0o755)
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const env = { DATA_DIR: dataDir, PORT: '0' }
    const { child, exited, out, notes } = await open([command], env)
    const said = () => out() + notes()
    await until('a migration is applied', () => said().includes('applied the migration'))
    child.kill(signal)
    expect(await exited).toBe(code)
    expect(said()).not.toMatch(/cannot|terminat|Applied/)
    await until('Postgres has ended', () => !existsSync(join(dataDir, 'postgres', 'postmaster.pid')))
    expect(await run(['migrate'], env)).toMatchObject({ code: 0, out: expect.stringMatching(/^Applied 1?\d migrations\.\n$/) })
  },
)
