import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { bindMigrationAwareSqlAdapterFactory, type SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm'

// Node's types lack it, and lib "DOM" would bring a whole browser.
declare const WebAssembly: {
  instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>
}

let loading: Promise<typeof SchemaEngine> | undefined

/**
 * Prisma's schema engine as WebAssembly: the one behind `prisma migrate`, without the binary the CLI would download.
 * The caller frees it, and closes what its adapter opened.
 * @param log gets the engine's warnings
 */
export async function openSchemaEngine(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  log: (line: string) => void,
): Promise<SchemaEngine> {
  loading ??= load()
  const Engine = await loading
  const hear = (text: string) => {
    const { level, fields } = JSON.parse(text) as { level: string; fields: { message?: string } }
    if (level === 'WARN' || level === 'ERROR') log(`schema engine: ${fields.message ?? text}`)
  }
  return Engine.new({ datamodels: undefined }, hear, bindMigrationAwareSqlAdapterFactory(adapter))
}

/** The package's own entry imports the .wasm file as a module, which needs a bundler or a flag of Node. */
async function load(): Promise<typeof SchemaEngine> {
  const glue = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const file = createRequire(import.meta.url)
    .resolve('@prisma/schema-engine-wasm/schema_engine_bg')
    .replace(/\.js$/, '.wasm')
  const { instance } = await WebAssembly.instantiate(await readFile(file), { './schema_engine_bg.js': { ...glue } })
  glue.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return glue.SchemaEngine
}
