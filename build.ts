import { mkdir, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { buildConsole } from './packages/console/build.ts'

const ROOT = import.meta.dirname

// In the bundle, since they cannot be installed with it: contract and client are on no registry, and fastify-socket.io refuses to be installed
// by npm (`npx only-allow pnpm`) and asks for Fastify 4. The settings that help here, of .npmrc, overrides and allowScripts, do not
// travel with a tarball. All other packages stay dependencies.
const inlined = {
  '@cutroom/contract': join(ROOT, 'packages', 'contract', 'src', 'index.ts'),
  '@cutroom/client': join(ROOT, 'packages', 'client', 'src', 'index.ts'),
  'fastify-socket.io': createRequire(import.meta.url).resolve('fastify-socket.io'),
}

/**
 * Writes the server as it ships, `server.js`, what it loads later and the program that reads media, into `outdir`.
 * @param source another program on the same sources, from the root; its file is named after it
 */
export async function buildServer(outdir: string, source = 'src/server.ts'): Promise<void> {
  await mkdir(outdir, { recursive: true })
  // names of chunks change with their content
  for (const file of await readdir(outdir)) if (/\.js(\.map)?$/.test(file)) await rm(join(outdir, file))
  await build({
    // A sound or picture is read by a process of its own, which src/media/run-job.ts finds beside the file that it is in.
    entryPoints: [
      { in: join(ROOT, source), out: basename(source, '.ts') },
      { in: join(ROOT, 'src/media/worker.ts'), out: 'media-worker' },
    ],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: inlined,
    sourcemap: true,
    // fastify-socket.io is CommonJS
    banner: { js: `import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url)` },
  })
}

if (process.argv[1] === import.meta.filename) {
  await buildServer(join(ROOT, 'dist'))
  await buildConsole(join(ROOT, 'dist', 'console'))
}
