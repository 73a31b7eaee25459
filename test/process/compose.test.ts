import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../src/config.ts'

const compose = readFileSync('docker-compose.yml', 'utf8')

/** The script of the service that makes the secrets, on a folder of the test; a test may not give files away. */
function secretsScript(folder: string): string {
  const [, block = ''] = /command:\n {6}- \|\n((?: {8}.*\n|\n)+)/.exec(compose) ?? []
  return block
    .replace(/^ {8}/gm, '')
    .replaceAll('$$', '$')
    .replaceAll('/run/cutroom', folder)
    .replace(/^\s*chown .*$/gm, '')
}

it('O3 compose has no secret of its own: the first start makes them, for all nodes and later starts', async () => {
  expect(compose).not.toMatch(/(PASSWORD|SECRET)[A-Z_]*:-[^}]/)
  const folder = mkdtempSync(join(tmpdir(), 'cutroom-compose-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const make = (env: Record<string, string> = {}) =>
    promisify(execFile)('sh', ['-euc', secretsScript(folder)], {
      env: { PATH: process.env.PATH, JWT_SECRET: '', POSTGRES_PASSWORD: '', DATABASE_URL: '', ...env },
    })
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const config = () =>
    readConfig({
      NODE_ENV: 'production',
      JWT_SECRET_FILE: join(folder, 'jwt-secret'),
      DATABASE_URL_FILE: join(folder, 'database-url'),
    })
  await Promise.all([make(), make(), make()])
  const first = config()
  expect(first.jwtSecret.length).toBeGreaterThanOrEqual(48)
  expect(decodeURIComponent(new URL(first.databaseUrl ?? '').password)).toBe(read('postgres-password'))
  expect(read('postgres-password').length).toBeGreaterThanOrEqual(48)
  await make()
  expect(config()).toEqual(first)
  expect(readdirSync(folder).sort()).toEqual(['database-url', 'jwt-secret', 'postgres-password'])
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600)

  const given = { JWT_SECRET: 'a given secret, of thirty-two or more', POSTGRES_PASSWORD: `p@ss/w?rd#% 'ü"` }
  await make(given)
  expect(config().jwtSecret).toBe(given.JWT_SECRET)
  expect(decodeURIComponent(new URL(config().databaseUrl ?? '').password)).toBe(given.POSTGRES_PASSWORD)
  await make()
  expect(config().jwtSecret).toBe(given.JWT_SECRET)

  const databaseUrl = 'postgres://me:else@db.example.com/cutroom'
  await make({ DATABASE_URL: databaseUrl })
  expect(config().databaseUrl).toBe(databaseUrl)
})

it('O3 compose passes every variable of .env.example to the nodes; one that is unset keeps Cutroom’s default', () => {
  const [, block = ''] = /environment: &environment\n((?: {4}.*\n)+)/.exec(compose) ?? []
  const passed = Object.fromEntries([...block.matchAll(/^ {4}([A-Z_]+): (.*)$/gm)].map(([, name = '', value]) => [name, value]))
  const example = readFileSync('.env.example', 'utf8')
  // A file of the host is none of the container.
  const names = [...example.matchAll(/^(?:# )?([A-Z_]+)=/gm)]
    .map(([, name = '']) => name)
    .filter((name) => !name.endsWith('_FILE'))
  expect(names.length).toBeGreaterThan(15)
  const ofTheContainer = ['NODE_ENV', 'HOST', 'PORT', 'DATA_DIR']
  // The service `secrets` writes these two into files.
  const asFiles = ['DATABASE_URL', 'JWT_SECRET']
  for (const name of names) {
    if (ofTheContainer.includes(name)) expect(passed[name], name).not.toContain('$')
    else if (asFiles.includes(name)) {
      expect(passed[`${name}_FILE`], name).toMatch(/^\/run\/cutroom\//)
      expect(compose, name).toContain(`      ${name}: \${${name}:-}\n`)
    } else if (name === 'REDIS_URL') expect(passed[name]).toBe(`\${REDIS_URL:-redis://redis:6379}`)
    else expect(passed[name], name).toBe(`\${${name}:-}`)
  }
})
