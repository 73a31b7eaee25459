import { existsSync } from 'node:fs'
import { type Config, ConfigError, readConfig } from '../config.ts'

/**
 * The configuration, from `.env` in this folder and the environment.
 * @throws ConfigError
 */
export function loadConfig(): Config {
  if (existsSync('.env')) loadEnv('.env')
  return readConfig(process.env)
}

/** The same, for a process that ends where it is wrong, with one line for each wrong variable. */
export function configure(): Config {
  try {
    return loadConfig()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const line of error.lines) console.error(line)
    process.exit(1)
  }
}

function loadEnv(file: string): void {
  try {
    process.loadEnvFile(file)
  } catch (error) {
    throw new ConfigError([`The file ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`])
  }
}

/** A variable of the commands that talk to a server from anywhere, and need no configuration of one. */
export const variable = (name: 'CUTROOM_URL' | 'CUTROOM_TOKEN' | 'NO_COLOR'): string | undefined => process.env[name] || undefined
