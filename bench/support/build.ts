import { buildServer } from '../../test/support/spawn-server.ts'

let built: ReturnType<typeof buildServer> | undefined

/**
 * The server as it ships, built once per run into a folder of its own: what is changed meanwhile changes no figures.
 * BENCH_SERVER names another build, say of an earlier state.
 * @returns the path of server.js
 */
export async function builtServer(): Promise<string> {
  if (process.env.BENCH_SERVER !== undefined) return process.env.BENCH_SERVER
  built ??= buildServer()
  return (await built).entry
}

export async function removeBuild(): Promise<void> {
  await (await built)?.remove()
}
