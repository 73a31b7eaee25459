import { buildServer } from '../../test/support/spawn-server.ts'

const built = new Map<string | undefined, ReturnType<typeof buildServer>>()

/**
 * The server as it ships, built once per run into a folder of its own: later changes of the sources change no figures.
 * BENCH_SERVER names another build, say of an earlier state.
 * @param source another program on the same sources, from the root
 * @returns the path of its JavaScript
 */
export async function builtServer(source?: string): Promise<string> {
  if (source === undefined && process.env.BENCH_SERVER !== undefined) return process.env.BENCH_SERVER
  const build = built.get(source) ?? buildServer(source)
  built.set(source, build)
  return (await build).entry
}

export async function removeBuilds(): Promise<void> {
  for (const build of built.values()) await (await build).remove()
}
