import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, makeFolder } from '../lib/folders.ts'

export const SECRET_LENGTH = 32

/** A secret is short; what is longer is another file. */
const MOST_BYTES = 64 * 1024

/** What a wrong value says; without the name of the variable. */
export class SecretError extends Error {}

/**
 * A secret that stands in a file, without the space around it.
 * @throws SecretError
 */
export function readSecretFile(file: string): string {
  let content: string
  try {
    const stat = statSync(file)
    if (!stat.isFile() || stat.size > MOST_BYTES) throw new SecretError('must be a file that holds nothing but the value')
    content = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (error instanceof SecretError) throw error
    throw new SecretError(`must be a file that can be read (${codeOf(error) || 'unknown'})`)
  }
  if (content === '') throw new SecretError('must be a file that is not empty')
  return content
}

/**
 * In development a secret is made once and kept in DATA_DIR, so that sessions survive a restart.
 * @throws SecretError of the line that stands for DATA_DIR or JWT_SECRET
 */
export function keptSecret(dataDir: string): string {
  const file = join(dataDir, 'jwt-secret')
  let secret: string
  try {
    makeFolder(dataDir)
    try {
      writeFileSync(file, randomBytes(48).toString('base64'), { mode: 0o600, flag: 'wx' })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    secret = readFileSync(file, 'utf8')
  } catch (error) {
    throw new SecretError(`DATA_DIR must be a folder that can be written (${codeOf(error) || 'unknown'})`)
  }
  if (secret.length < SECRET_LENGTH)
    throw new SecretError(`JWT_SECRET is not set, and the one kept in ${file} is cut short: delete it`)
  return secret
}
